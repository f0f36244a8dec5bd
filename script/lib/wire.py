"""wire.py - one HTTP exchange, with nothing hidden

A reply is a reply whatever its status; redirects are not followed and no
header is added that the caller did not give, but for Host and Content-Length.

SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import urllib.parse


class Reply:
    def __init__(self, status, reason, headers, body):
        self.status = status
        self.reason = reason
        self.headers = headers          # http.client.HTTPMessage
        self.body = body                # bytes

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)


class Wire:
    """Sends requests and tells `listener` of each exchange, if there is one.

    listener(method, url, headers, body, reply) is called after each reply.
    """

    def __init__(self, listener=None, timeout_s=30):
        self.listener = listener
        self.timeout_s = timeout_s

    def request(self, method, url, headers=None, body=None):
        parts = urllib.parse.urlsplit(url)
        target = urllib.parse.urlunsplit(
            ("", "", parts.path or "/", parts.query, ""))
        connection = http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=self.timeout_s)
        headers = dict(headers or {})
        if isinstance(body, str):
            body = body.encode()
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.reason, answer.headers,
                          answer.read())
        finally:
            connection.close()
        if self.listener:
            self.listener(method, url, headers, body, reply)
        return reply

    def get(self, url, headers=None):
        return self.request("GET", url, headers)

    def post_json(self, url, document):
        return self.request("POST", url,
                            {"Content-Type": "application/json"},
                            json.dumps(document))

    def post_form(self, url, fields, headers=None):
        headers = {"Content-Type": "application/x-www-form-urlencoded",
                   **(headers or {})}
        return self.request("POST", url, headers,
                            urllib.parse.urlencode(fields))
