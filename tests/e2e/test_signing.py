"""Who signs a call right is heard, and who changes one thing of it is not: by
header and by query, through nginx as clients come.

The published vectors are in tests/unit/util/sigv4.c; here requests meet the
admin listener as they are on the wire.

SPDX-License-Identifier: Apache-2.0
"""
import datetime
import json
import types
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from support.world import wait_until

BODY = json.dumps({"name": "signed"})
EXPIRES = 300


class Signer:
    """Signs CreateApiKey, or another call, as it is told to."""

    def __init__(self, world, **how):
        keys = world.credentials
        self.port = world.stack.ports["admin"]
        self.how = {"key": keys.key_id, "secret": keys.secret,
                    "token": None, "region": keys.region,
                    "service": "apigateway", "minutes": 0, "query": False,
                    "method": "POST", "path": "/apikeys", "body": BODY,
                    "parameters": (), "expires": EXPIRES, **how}

    def sign(self, monkeypatch):
        how = self.how
        shift = datetime.timedelta(minutes=how["minutes"])

        class Then(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return datetime.datetime.utcnow() + shift
        monkeypatch.setattr(botocore.auth, "datetime",
                            types.SimpleNamespace(datetime=Then))
        url = f"http://127.0.0.1:{self.port}{how['path']}"
        if how["parameters"]:
            url += "?" + urllib.parse.urlencode(
                how["parameters"], quote_via=urllib.parse.quote)
        request = botocore.awsrequest.AWSRequest(
            how["method"], url, data=how["body"],
            headers={"Content-Type": "application/json"})
        keys = botocore.credentials.Credentials(how["key"], how["secret"],
                                                how["token"])
        where = (keys, how["service"], how["region"])
        auth = (BodyInQuery(*where, expires=how["expires"]) if how["query"]
                else botocore.auth.SigV4Auth(*where))
        auth.add_auth(request)
        made = request.prepare()
        return Sent(how["method"], made.url, dict(made.headers.items()),
                    how["body"])


class BodyInQuery(botocore.auth.SigV4QueryAuth):
    """A query signature over the body's digest; botocore's own puts the body
    into the query."""

    def _modify_request_before_signing(self, request):
        data, request.data = request.data, None
        super()._modify_request_before_signing(request)
        request.data = data


class Sent:
    def __init__(self, method, url, headers, body):
        self.method, self.url, self.body = method, url, body
        self.headers = headers

    def to(self, world):
        return world.wire.request(self.method, self.url, self.headers,
                                  self.body)


def header(name, change):
    def tamper(sent):
        sent.headers[name] = change(sent.headers.get(name, ""))
    return tamper


def without(name):
    def tamper(sent):
        del sent.headers[name]
    return tamper


def url(change):
    def tamper(sent):
        sent.url = change(sent.url)
    return tamper


def body(sent):
    sent.body = BODY.replace("signed", "stolen")


def method(sent):
    sent.method = "PUT"


def flip(text):
    return text[:-1] + ("0" if text[-1] != "0" else "1")


GOOD = {
    "header": {},
    "another region": {"region": "eu-central-1"},
    "a clock 14 minutes fast": {"minutes": 14},
    "a clock 14 minutes slow": {"minutes": -14},
    "query": {"query": True},
    "query, 4 minutes old": {"query": True, "minutes": -4},
    "a parameter": {"parameters": [("x", "a b/c~d+e&f=g")]},
    "parameters twice and unsorted": {
        "parameters": [("b", "2"), ("a", "3"), ("b", "1"), ("a", "")]},
}


@pytest.mark.parametrize("how", GOOD.values(), ids=GOOD)
def test_a_right_signature_is_heard(shared, monkeypatch, how):
    reply = Signer(shared, **how).sign(monkeypatch).to(shared)
    assert reply.status == 201, reply.text
    shared.secrets.append(reply.json()["value"])


def test_an_encoded_path_is_signed_once_more_encoded(shared, monkeypatch):
    api = shared.apigateway.create_rest_api(name="tagged")["id"]
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
    for query in (False, True):
        sent = Signer(shared, method="GET", body=None, query=query,
                      path="/tags/" + urllib.parse.quote(arn, safe="")
                      ).sign(monkeypatch)
        assert sent.to(shared).json() == {"tags": {}}


WRONG = "InvalidSignatureException"
INCOMPLETE = "IncompleteSignatureException"

# name: (how it is signed, what is changed afterwards, the error)
BAD = {
    "no signature": ({}, without("Authorization"),
                     "MissingAuthenticationTokenException"),
    "another method": ({}, method, WRONG),
    "another path": ({}, url(lambda u: u + "x"), WRONG),
    "a parameter more": ({}, url(lambda u: u + "?x=1"), WRONG),
    "another parameter": ({"parameters": [("x", "1")]},
                          url(lambda u: u.replace("x=1", "x=2")), WRONG),
    "another body": ({}, body, WRONG),
    "another signed header": (
        {}, header("Host", lambda text: "localhost:1"), WRONG),
    "another date": ({}, header("X-Amz-Date", lambda text: (
        text[:-2] + ("1Z" if text[-2] != "1" else "2Z"))), WRONG),
    "another signature": ({}, header("Authorization", flip), WRONG),
    "another secret": ({"secret": "x" * 40}, None, WRONG),
    "an unknown key": ({"key": "AKIAUNKNOWNUNKNOWN12"}, None,
                       "UnrecognizedClientException"),
    "a token that is not there": ({"token": "nobody's"}, None,
                                  "UnrecognizedClientException"),
    "another service": ({"service": "execute-api"}, None, WRONG),
    "16 minutes fast": ({"minutes": 16}, None, WRONG),
    "16 minutes slow": ({"minutes": -16}, None, WRONG),
    "no date": ({}, without("X-Amz-Date"), INCOMPLETE),
    "no signed headers": ({}, header("Authorization", lambda text: (
        text.replace("SignedHeaders=", "Signed="))), INCOMPLETE),
    "another algorithm": ({}, header("Authorization", lambda text: (
        text.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"))), None),
    "rubbish": ({}, header("Authorization", lambda text: "AWS4-HMAC-SHA256 "),
                INCOMPLETE),
    "query: another signature": ({"query": True}, url(flip), WRONG),
    "query: another body": ({"query": True}, body, WRONG),
    "query: a parameter more": ({"query": True},
                                url(lambda u: u + "&x=1"), WRONG),
    "query: another life": ({"query": True}, url(lambda u: u.replace(
        f"X-Amz-Expires={EXPIRES}", "X-Amz-Expires=3000")), WRONG),
    "query: its time is over": ({"query": True, "minutes": -6}, None, WRONG),
    "query: from the future": ({"query": True, "minutes": 16}, None, WRONG),
    "query: longer than a week": ({"query": True, "expires": 604801}, None,
                                  None),
}


@pytest.mark.parametrize("how, tamper, error", BAD.values(), ids=BAD)
def test_a_wrong_signature_is_not(shared, monkeypatch, how, tamper, error):
    def keys():
        return shared.sql("SELECT count(*) FROM api_key")
    before = keys()
    sent = Signer(shared, **how).sign(monkeypatch)
    if tamper:
        tamper(sent)
    reply = sent.to(shared)
    assert reply.status == 403, reply.text
    kind = reply.headers["x-amzn-ErrorType"]
    assert kind == (error or kind) and kind.endswith("Exception")
    assert set(reply.json()) == {"message"} and reply.json()["message"]
    assert shared.credentials.secret not in reply.text
    assert keys() == before


def test_temporary_keys_need_their_token_in_either_form(shared, monkeypatch):
    done = shared.stack.tallygate(
        "credentials", "create", "--role", "admin", "--duration", "15m",
        "--json", "visitor")
    made = json.loads(done.stdout)
    shared.secrets.append(made["secretAccessKey"])
    how = {"key": made["accessKeyId"], "secret": made["secretAccessKey"],
           "method": "GET", "body": None}
    token = made["sessionToken"]
    for query in (False, True):
        for given, status in ((token, 200), (None, 403), (flip(token), 403)):
            sent = Signer(shared, **how, token=given, query=query
                          ).sign(monkeypatch)
            assert sent.to(shared).status == status, (query, given == token)


def test_a_wrong_signature_is_in_the_trail(shared, monkeypatch):
    Signer(shared, secret="x" * 40).sign(monkeypatch).to(shared)
    wait_until(lambda: shared.sql(
        "SELECT count(*) FROM audit_event WHERE event_name = 'CreateApiKey'"
        " AND record LIKE '%InvalidSignatureException%'")[0][0] > 0,
        "the refusal in the trail")
