"""buyer.py - what a buyer does: buy, land on the portal, register, call

Speaks the portal's pages as a browser would: forms are taken from the page
that holds them, with their hidden fields, and cookies are kept.

SPDX-License-Identifier: Apache-2.0
"""
import html.parser
import http.cookies
import urllib.parse

from stack import StackError


class Page(html.parser.HTMLParser):
    """The forms of a page, and the texts of its elements by id."""

    def __init__(self, text):
        super().__init__()
        self.forms = []                 # (method, action, {name: value})
        self.texts = {}
        self.open_ids = []              # ids of the elements we are inside
        self.feed(text)

    VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input",
            "link", "meta", "source", "track", "wbr"}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append((attributes.get("method", "get").lower(),
                               attributes.get("action", ""), {}))
        if tag in ("input", "button") and self.forms:
            if attributes.get("name"):
                self.forms[-1][2][attributes["name"]] = (
                    attributes.get("value") or "")
        if tag not in self.VOID:
            self.open_ids.append(attributes.get("id"))

    def handle_endtag(self, tag):
        if tag not in self.VOID and self.open_ids:
            self.open_ids.pop()

    def handle_data(self, data):
        for name in filter(None, self.open_ids):
            self.texts[name] = self.texts.get(name, "") + data


class Buyer:
    def __init__(self, wire, endpoints):
        self.wire = wire
        self.endpoints = endpoints
        self.cookies = {}
        self.purchase = None            # the sandbox's answer
        self.key = None

    def buy(self, **more):
        """Buys at the sandbox."""
        reply = self.wire.post_json(
            self.endpoints["sandbox"] + "/_sandbox/purchases",
            {"productCode": self.endpoints["productCode"], **more})
        if reply.status not in (200, 201):
            raise StackError(f"the purchase failed: {reply.status} "
                             f"{reply.text}")
        self.purchase = reply.json()
        return self.purchase

    def post(self, url, fields, **headers):
        """Posts a form with the cookies so far, and keeps the new ones."""
        if self.cookies:
            headers["Cookie"] = "; ".join(
                f"{name}={value}" for name, value in self.cookies.items())
        reply = self.wire.post_form(url, fields, headers)
        for line in reply.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return reply

    def land(self, token=None, **headers):
        """What the browser does when Amazon sends it to the portal."""
        return self.post(
            self.purchase["registrationUrl"] if self.purchase else
            self.endpoints["portal"] + "/register",
            {"x-amzn-marketplace-token": token or self.purchase["token"]},
            **headers)

    def register(self, email="buyer@example.com"):
        """From the landing page to the key; returns the last page."""
        landing = self.land()
        forms = [form for form in Page(landing.text).forms
                 if form[1].endswith("/register/complete")]
        if landing.status != 200 or not forms:
            raise StackError(f"the landing page has no form to go on: "
                             f"{landing.status} {landing.text[:500]}")
        _, action, fields = forms[0]
        done = self.post(
            urllib.parse.urljoin(self.endpoints["portal"] + "/register",
                                 action),
            {**fields, "email": email})
        self.key = Page(done.text).texts.get("api-key", "").strip()
        if done.status != 200 or not self.key:
            raise StackError(f"the portal gave no key: {done.status} "
                             f"{done.text[:500]}")
        return done

    def call(self, path, key=True):
        """GET on the API; key is True (ours), None, or another value."""
        base = (f"{self.endpoints['gateway']}/restapis/"
                f"{self.endpoints['restApiId']}/{self.endpoints['stage']}"
                f"/_user_request_")
        value = self.key if key is True else key
        return self.wire.get(base + path, {"x-api-key": value} if value
                             else {})
