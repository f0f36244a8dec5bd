"""The module alone, on planes that a tool has made: real nginx, raw sockets.

What is asked of it stands in the data plane's specification; each table below
follows one section of it.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from support.certificates import Authority
from support.module import (Gateway, RawBackend, free_port, request,
                            wait_until)

KEY = "key-of-a-good-customer-0001"
POOR = "key-of-a-poor-customer-0001"
HURRIED = "key-of-a-hurried-customer-1"
BARRED = "key-of-a-barred-customer-01"
OFF = "key-that-is-switched-off-01"
ELSEWHERE = "key-in-a-plan-elsewhere-001"
CELLLESS = "key-that-has-no-cell-000001"
STRANGER = "key-of-nobody-at-all-000001"


def mock(body, **more):
    return {"type": "mock", "body": body, **more}


def http(path, backend="main", **more):
    return {"type": "http", "backend": backend, "path": path, **more}


def resource(path, *methods):
    return {"path": path, "methods": [
        {"verb": verb, "key": key, "integration": integration}
        for verb, key, integration in methods]}


def spec_of(port):
    dead = free_port()
    return {
        "backends": {
            "main": {"addresses": [["127.0.0.1", port]]},
            "dead": {"addresses": [["127.0.0.1", dead]]},
            "half": {"name": "half.test", "addresses": [
                ["127.0.0.1", dead],
                ["127.0.0.1", port]]},
            "none": {"addresses": []},
        },
        "plans": [
            {"id": "gold", "rate": 100000, "burst": 100000,
             "quota": 1000000, "period": "MONTH"},
            {"id": "poor", "quota": 3, "period": "MONTH"},
            {"id": "hurried", "rate": 0.01, "burst": 3, "quota": 100,
             "period": "DAY"},
            {"id": "barred", "rate": 0, "burst": 5},
            {"id": "elsewhere", "rate": 10, "burst": 10},
        ],
        "apis": [
            {"id": "abc123", "stages": [
                {"name": "prod",
                 "plans": ["gold", "poor", "hurried", "barred"],
                 "resources": resources()},
                {"name": "beta", "plans": ["elsewhere"], "resources": [
                    resource("/", ("GET", False, mock("beta")))]}]},
            {"id": "off456", "disabled": True, "stages": [
                {"name": "prod", "plans": [], "resources": [
                    resource("/", ("GET", False, mock("off")))]}]},
        ],
        "keys": [
            {"value": KEY, "id": "good", "plans": ["gold"]},
            {"value": POOR, "id": "poor", "plans": ["poor"]},
            {"value": HURRIED, "id": "hurried", "plans": ["hurried"]},
            {"value": BARRED, "id": "barred", "plans": ["barred"]},
            {"value": OFF, "id": "off", "plans": ["gold"], "enabled": False},
            {"value": ELSEWHERE, "id": "else", "plans": ["elsewhere"]},
            {"value": CELLLESS, "id": "cellless", "plans": ["gold"],
             "no_cell": True},
        ],
    }


def resources():
    p = lambda name: ["path", name]
    return [
        resource("/", ("GET", True, mock("root"))),
        resource("/pets", ("GET", True, mock("pets")),
                 ("ANY", True, mock("pets any"))),
        resource("/pets/dog", ("GET", True, mock("dog"))),
        resource("/pets/{id}", ("GET", True, mock(["pet ", p("id")]))),
        resource("/pets/{id}/toys", ("GET", True, mock("toys"))),
        resource("/files/{proxy+}", ("ANY", True,
                                     http(["/", p("proxy")]))),
        resource("/open/{proxy+}", ("ANY", False,
                                    http(["/", p("proxy")]))),
        resource("/post", ("POST", True, http("/post"))),
        resource("/as-get", ("ANY", True, http("/as-get", verb="GET"))),
        resource("/as-head", ("ANY", True, http("/as-head", verb="HEAD"))),
        resource("/slow", ("ANY", True, http("/slow", timeout_ms=300))),
        resource("/patient", ("ANY", True, http("/patient"))),
        resource("/dead", ("ANY", True, http("/", "dead"))),
        resource("/half", ("ANY", True, http("/half", "half"))),
        resource("/nowhere", ("ANY", True, http("/", "none"))),
        resource("/broken", ("GET", True, {"type": "broken"})),
        resource("/empty", ("GET", True, {"type": "mock", "status": 204})),
        resource("/headers", ("GET", True, mock(
            "x", status=418, mock_headers={
                "Content-Type": "text/plain", "X-One": "1",
                "X-Absent": [["query", "absent"]],
                "X-City": [["query", "city"]]}))),
        resource("/map/{a}/{b}", ("ANY", True, http(
            ["/m/", p("b"), "/", ["query", "q"], "/", p("a")],
            query="fixed=1",
            headers={"X-Stage": [["stage"]], "X-Api": [["apiId"]],
                     "X-A": [p("a")], "X-Last": [["header", "X-Many"]],
                     "X-All": [["multiheader", "X-Many"]],
                     "X-Queries": [["multiquery", "q"]],
                     "X-Path": [["requestPath"]],
                     "X-Resource": [["resourcePath"]],
                     "X-Gone": [["query", "gone"]],
                     "User-Agent": "mapped"},
            queries={"plan": "gold & more", "c": [["query", "q"]],
                     "gone": [["query", "gone"]]}))),
        resource("/reserved", ("GET", True, http("/x", headers={
            "transfer-encoding": "chunked"}))),
        resource("/say/{what}", ("GET", True, mock([
            ["httpMethod"], " ", ["resourceId"], " ", ["sourceIp"], " ",
            ["apiKeyId"], " ", ["protocol"], " ", ["requestTime"], " ",
            ["requestTimeEpoch"], " ", ["domainName"], " ",
            ["requestId"], " ", ["userAgent"]]))),
    ]


@pytest.fixture(scope="module")
def backend():
    made = RawBackend()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shared(backend):
    """For tests that only have something refused: nothing ever counts."""
    made = Gateway(spec_of(backend.port)).start()
    yield made
    assert made.counted() == 0
    made.stop()


@pytest.fixture
def gateway(backend):
    backend.answers.clear()
    backend.requests.clear()
    made = Gateway(spec_of(backend.port)).start()
    yield made
    made.stop()


def assert_refused(reply, status, message, error_type):
    assert (reply.status, reply.json(), reply["x-amzn-ErrorType"]) == (
        status, {"message": message}, error_type)
    assert_signed(reply)
    assert reply["Content-Type"] == "application/json"


def assert_signed(reply):
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
        r"[0-9a-f]{12}", reply["x-amzn-RequestId"])
    assert re.fullmatch(r"[\w-]{15}=", reply["x-amz-apigw-id"])
    assert reply["Server"] is None


FORBIDDEN = 403, "Forbidden", "ForbiddenException"
MISSING = (403, "Missing Authentication Token",
           "MissingAuthenticationTokenException")
BAD = 400, "Bad Request", "BadRequestException"
THROTTLED = 429, "Too Many Requests", "TooManyRequestsException"
OVER = 429, "Limit Exceeded", "LimitExceededException"
TIMED_OUT = (504, "Endpoint request timed out",
             "InternalServerErrorException")
NO_NETWORK = (504, "Network error communicating with endpoint",
              "InternalServerErrorException")
INTERNAL = 500, "Internal server error", "InternalServerErrorException"
UNAVAILABLE = 503, "Service Unavailable", "ServiceUnavailableException"


# ---- section 1: from URL to method ----

ROUTES = [
    ("/prod/", b"root"), ("/prod", b"root"),
    ("/prod/pets", b"pets"), ("/prod/pets/", b"pets"),
    ("/prod/pets/dog", b"dog"), ("/prod/pets/dog/", b"dog"),
    ("/prod/pets/cat", b"pet cat"), ("/prod/pets/Dog", b"pet Dog"),
    ("/prod/pets/dog/toys", b"toys"),   # backtracks from the static branch
    ("/prod/%70ets", b"pets"), ("/prod/pets/a%20b", b"pet a b"),
    ("/prod/pets/a%2Fb", b"pet a/b"), ("/prod/pets/%2564", b"pet %64"),
    ("/prod/pets?a=/b/c", b"pets"), ("/prod/pets/#frag", b"pets"),
    ("http://elsewhere/prod/pets", None),
]


def test_a_path_leads_to_its_resource(gateway):
    with gateway.connect() as client:
        for path, body in ROUTES:
            client.send(request(path=path, key=KEY))
            reply = client.reply()
            if body:
                assert (reply.status, reply.body) == (200, body), path
                assert_signed(reply)
            else:
                assert reply.status == 403


@pytest.mark.parametrize("path, expected", [
    ("/prod/Pets", MISSING), ("/prod/nothing", MISSING),
    ("/prod/pets/1/toys/2", MISSING), ("/prod/files", MISSING),
    ("/prod//pets", MISSING),
    ("/nostage/pets", FORBIDDEN), ("/", FORBIDDEN), ("/PROD/pets", FORBIDDEN),
    ("/prod/files/..", BAD), ("/prod/files/a/../../pets", BAD),
    ("/prod/files/%2e%2e/x", BAD), ("/prod/files/.%2E", BAD),
    ("/prod/files/%2e/x", BAD), ("/prod/files/a%2f..%2fb", BAD),
    ("/prod/files/..%5cb", BAD), ("/prod/files/%00", BAD),
    ("/prod/files/%zz", BAD),
])
def test_a_path_that_leads_nowhere_is_refused(shared, path, expected):
    assert_refused(shared.call(path=path, key=KEY), *expected)


@pytest.mark.parametrize("method, path, expected", [
    ("POST", "/prod/pets/dog", MISSING), ("PROPFIND", "/prod/pets", MISSING),
    ("TRACE", "/prod/pets", MISSING), ("get", "/prod/pets", BAD),
    ("POST", "/prod/", MISSING),
])
def test_a_verb_that_the_resource_lacks(shared, method, path, expected):
    assert_refused(shared.call(method, path, KEY), *expected)


def test_head_is_not_served_by_get_but_by_any(gateway):
    assert gateway.call("HEAD", "/prod/pets/dog", KEY).status == 403
    assert gateway.call("HEAD", "/prod/pets", KEY).status == 200


def test_any_serves_what_no_exact_verb_does(gateway):
    for verb in ("DELETE", "OPTIONS", "PATCH", "POST", "PUT"):
        assert gateway.call(verb, "/prod/pets", KEY).body == b"pets any"


def test_the_verb_can_be_overridden(gateway, backend):
    override = lambda verb: [("X-HTTP-Method-Override", verb)]
    assert gateway.call("POST", "/prod/pets", KEY,
                        headers=override("GET")).body == b"pets"
    assert gateway.call("GET", "/prod/pets", KEY,
                        headers=override("FETCH")).status == 403
    reply = gateway.call("POST", "/prod/files/x", KEY, body=b"abc",
                         headers=override("PUT"))
    assert reply.json()["method"] == "PUT"
    assert not [h for h in reply.json()["headers"]
                if h[0].lower() == "x-http-method-override"]
    with gateway.connect() as client:      # HEAD to a client that sent GET
        client.send(request(path="/prod/files/x", key=KEY,
                            headers=override("HEAD")) * 2)
        assert [client.reply().body for _ in range(2)] == [b"", b""]


HOSTS = [
    ("abc123.execute-api.eu-west-1.amazonaws.com", "/prod/pets", 200),
    ("ABC123.Execute-Api.somewhere:8080", "/prod/pets", 200),
    ("abc123.execute-api", "/prod/pets", 200),
    ("localhost:8080", "/restapis/abc123/prod/_user_request_/pets", 200),
    ("localhost", "/restapis/ABC123/prod/_user_request_/pets", 200),
    ("localhost", "/restapis/abc123/prod/_user_request_", 200),
    ("localhost", "/restapis/abc123/prod/_user_request_/", 200),
    ("abc123.execute-apix.com", "/prod/pets", 403),
    ("abc123.execute-api.com", "/restapis/abc123/prod/_user_request_/pets",
     403),
    ("nosuch.execute-api.com", "/prod/pets", 403),
    ("off456.execute-api.com", "/prod/", 403),
    ("localhost", "/restapis/off456/prod/_user_request_/", 403),
    ("localhost", "/restapis/abc123/prod/_user_request/pets", 403),
    ("localhost", "/restapis/abc123/prod", 403),
    ("localhost", "/prod/pets", 403), ("", "/prod/pets", 400),
]


def test_api_and_stage_by_host_or_path(gateway):
    for host, path, status in HOSTS:
        reply = gateway.call(path=path, key=KEY, host=host)
        assert reply.status == status, (host, path)
        if status == 403:
            assert_refused(reply, *FORBIDDEN)


# ---- sections 2 and 7: sizes and shapes ----

def sized_headers(total, path="/prod/pets"):
    """A request whose header lines take `total` bytes."""
    start = request(path=path, key=KEY).split(b"\r\n", 1)
    have = len(start[1]) - 2
    filler = []
    while total - have > 4000:
        filler.append(("X-Filler", "y" * (2000 - 12)))
        have += 2000
    filler.append(("X-Filler", "z" * (total - have - 12)))
    return request(path=path, key=KEY, headers=filler)


def test_limits_are_exact(gateway):
    long = lambda size: "/prod/pets?" + "q" * (size - len("/prod/pets?"))
    cases = [(sized_headers(10240), 200), (sized_headers(10241), 431),
             (sized_headers(60000), 431),
             (request(path=long(10240), key=KEY), 200),
             (request(path=long(10241), key=KEY), 414),
             (request(path="/prod/" + "x" * 65536, key=KEY), 414),
             (request(path="/prod" + "/x" * 5000, key=KEY), 403)]
    for data, status in cases:
        with gateway.connect() as client:
            client.send(data)
            reply = client.reply()
            assert reply.status == status
            assert_signed(reply)
            if status != 200:
                assert reply.json()["message"]
    assert reply.reason == "Forbidden"
    with gateway.connect() as client:
        client.send(sized_headers(10241))
        assert client.reply().reason == "Request Header Fields Too Large"


def test_a_header_bomb_is_refused_and_the_gateway_lives(gateway):
    bombs = [[("X-Bomb", "b" * 40000)], [("X-%d" % n, "b" * 20000)
                                         for n in range(20)],
             [("X-%d" % n, "b") for n in range(1500)]]
    for headers in bombs:
        with gateway.connect() as client:
            client.send(request(path="/prod/pets", key=KEY, headers=headers))
            reply = client.reply()
            assert reply.status == 431 and reply.json()["message"]
    assert gateway.call(path="/prod/pets", key=KEY).status == 200


CHUNKED = ("Transfer-Encoding", "chunked")


@pytest.mark.parametrize("data", [
    b"NONSENSE\r\n\r\n",
    b"GET /prod/pets HTTP/1.1\r\n\r\n",
    b"GET /prod/pe\x01ts HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET pets HTTP/1.1\r\nHost: x\r\n\r\n",
    request("POST", "/prod/post", KEY, headers=[CHUNKED], body=b"abc"),
    request("POST", "/prod/post", KEY, headers=[("Content-Length", "4")],
            body=b"abc"),
    request("POST", "/prod/post", KEY, headers=[("Content-Length", "-1")]),
    request("POST", "/prod/post", KEY, headers=[("Content-Length", "1x")]),
    request("POST", "/prod/post", KEY,
            headers=[("Transfer-Encoding", "xchunked")]),
    request("POST", "/prod/post", KEY,
            headers=[("Transfer-Encoding", "gzip, chunked")]),
    request("POST", "/prod/post", KEY, headers=[CHUNKED, CHUNKED]),
    request("POST", "/prod/post", KEY, version="1.0", headers=[CHUNKED]),
    request("GET", "/prod/pets", KEY, headers=[("Host", "other")]),
    b"GET /prod/pets HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n",
    b"GET /prod/pets HTTP/1.1\r\nHost: x\r\n X-A: folded\r\n\r\n",
    b"GET /prod/pets HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
    b"GET /prod/pets HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET /prod/pets HTTP/9.9\r\nHost: x\r\n\r\n",
], ids=lambda data: data[:60].decode("latin-1"))
def test_a_malformed_request_gets_json_and_reaches_nobody(shared, backend,
                                                          data):
    with shared.connect() as client:
        client.send(data)
        reply = client.reply()
        assert reply.status in (400, 500) and reply.json()["message"]
        assert_signed(reply)
        assert client.is_closed()
    assert backend.requests == []


@pytest.mark.parametrize("chunks", [
    b"zz\r\nabc\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabcX0\r\n\r\n", b"fffffffffffffffff\r\nabc",
])
def test_a_malformed_chunk_is_refused(shared, backend, chunks):
    with shared.connect() as client:
        client.send(request("POST", "/prod/post", KEY, headers=[CHUNKED])
                    + chunks)
        reply = client.reply()
        assert reply.status == 400 and reply.json()["message"]
        assert client.is_closed()
    assert backend.requests == []


def test_a_body_too_large_is_refused_and_takes_nothing(gateway, backend):
    head = request("POST", "/prod/post", POOR,
                   headers=[("Content-Length", "10485761")])
    for _ in range(5):
        with gateway.connect() as client:
            client.send(head)
            assert_refused(client.reply(), 413, "Request Too Long",
                           "RequestTooLargeException")
    assert gateway.used(1) == 0 and gateway.counted() == 0
    assert_refused(gateway.call("POST", "/prod/post", STRANGER, headers=[
        ("Content-Length", "10485761")]), *FORBIDDEN)
    assert backend.requests == []
    reply = gateway.call("POST", "/prod/post", POOR, body=b"x" * 10485760)
    assert len(reply.json()["body"]) == 10485760


def test_a_client_that_waits_to_send_its_body(gateway):
    expect = [("Expect", "100-continue"), ("Content-Length", "3")]
    with gateway.connect() as client:
        client.send(request("POST", "/prod/post", KEY, headers=expect))
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
        client.send(b"abc")
        reply = client.reply().json()
        assert reply["body"] == "abc"
        assert "Expect" not in dict(reply["headers"])
    with gateway.connect() as client:
        client.send(request("POST", "/prod/post", STRANGER, headers=expect))
        assert_refused(client.reply(), *FORBIDDEN)
        assert client.is_closed()


# ---- section 3: API key ----

@pytest.mark.parametrize("headers, expected", [
    ([], FORBIDDEN), ([("x-api-key", "")], FORBIDDEN),
    ([("x-api-key", STRANGER)], FORBIDDEN), ([("x-api-key", OFF)], FORBIDDEN),
    ([("x-api-key", ELSEWHERE)], FORBIDDEN),
    ([("x-api-key", KEY.upper())], FORBIDDEN),
    ([("x-api-key", KEY + " x")], FORBIDDEN),
    ([("x-api-key", "k" * 9000)], FORBIDDEN),
    ([("x_api_key", KEY)], FORBIDDEN),
    ([("X-API-KEY", KEY)], None), ([("X-Api-Key", " " + KEY + " ")], None),
])
def test_who_may_call(gateway, headers, expected):
    reply = gateway.call(path="/prod/pets", headers=headers)
    if expected:
        assert_refused(reply, *expected)
    else:
        assert reply.status == 200
    gateway.assert_counted(0 if expected else 1)


def test_a_key_in_the_query_is_none(gateway):
    assert gateway.call(path="/prod/pets?x-api-key=" + KEY).status == 403


def test_an_open_method_ignores_a_key(gateway):
    for key in (None, KEY, POOR, OFF, BARRED, CELLLESS):
        assert gateway.call(path="/prod/open/x", key=key).status == 200
    dump = gateway.dump()
    assert all(cell["counted"] == cell["used"] == 0
               for cell in dump["cells"])


def test_a_key_without_a_cell_is_refused_and_shown(gateway):
    assert_refused(gateway.call(path="/prod/pets", key=CELLLESS),
                   *UNAVAILABLE)
    assert gateway.dump()["rows"][0]["refusedNoCell"] == 1
    assert gateway.log_has('no meter cell for API key "cellless"')
    assert not gateway.log_has(CELLLESS)


def test_a_cell_of_another_owner_is_not_used(gateway):
    gateway.spec["keys"][0]["owner"] = 2
    gateway.fixture("update")
    assert_refused(gateway.call(path="/prod/pets", key=KEY), *UNAVAILABLE)
    assert gateway.counted() == 0


# ---- sections 4 and 5: throttle and quota ----

def test_a_bucket_holds_its_burst(gateway):
    statuses = [gateway.call(path="/prod/pets", key=HURRIED)
                for _ in range(5)]
    assert [reply.status for reply in statuses] == [200] * 3 + [429] * 2
    assert_refused(statuses[-1], *THROTTLED)
    assert gateway.used(2) == 3
    gateway.assert_counted(3, 2)


def test_rate_zero_refuses_everything(gateway):
    assert_refused(gateway.call(path="/prod/pets", key=BARRED), *THROTTLED)


def test_a_quota_is_never_exceeded(gateway):
    statuses = [gateway.call(path="/prod/pets", key=POOR) for _ in range(5)]
    assert [reply.status for reply in statuses] == [200] * 3 + [429] * 2
    assert_refused(statuses[-1], *OVER)
    assert gateway.used(1) == 3
    gateway.assert_counted(3, 1)


def test_the_account_has_a_throttle_and_gives_back(backend):
    spec = spec_of(backend.port)
    spec["account"] = {"rate": 0.01, "burst": 2}
    gateway = Gateway(spec).start()
    try:
        keys = [HURRIED] * 5
        replies = [gateway.call(path="/prod/pets", key=k) for k in keys]
        assert [r.status for r in replies] == [200, 200, 429, 429, 429]
        assert_refused(gateway.call(path="/prod/open/x"), *THROTTLED)
        spec["account"] = {"rate": 10000, "burst": 5000}
        gateway.fixture("update")
        wait_until(lambda: gateway.call(path="/prod/open/x").status == 200,
                   "the account's bucket to fit its new limit")
        # The account's refusals gave their tokens back: one of 3 is left.
        statuses = [gateway.call(path="/prod/pets", key=HURRIED).status
                    for _ in range(2)]
        assert statuses == [200, 429]
        assert gateway.used(2) == 3
    finally:
        gateway.stop()


@pytest.mark.parametrize("workers", [2])
def test_quota_and_throttle_hold_across_workers(backend, workers):
    spec = spec_of(backend.port)
    spec["plans"][1]["quota"] = 200
    spec["plans"][2].update(burst=150, quota=100000)
    gateway = Gateway(spec, workers=workers).start()
    try:
        for key, limit in ((POOR, 200), (HURRIED, 150)):
            statuses = []

            def run():
                for _ in range(100):
                    statuses.append(gateway.call(path="/prod/pets",
                                                 key=key).status)
            threads = [threading.Thread(target=run) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(statuses) == 600
            assert statuses.count(200) == limit
            assert statuses.count(429) == 600 - limit
    finally:
        gateway.stop()


# ---- section 8: integrations ----

def test_a_mock_answers_what_it_was_told(gateway):
    reply = gateway.call(path="/prod/headers?city=a%0d%0aX-Evil:%20b+c",
                         key=KEY)
    assert (reply.status, reply.body) == (418, b"x")
    assert reply["Content-Type"] == "text/plain"
    assert reply["X-One"] == "1" and reply["X-Absent"] is None
    assert reply["X-City"] == "a  X-Evil: b c" and reply["X-Evil"] is None
    assert gateway.call(path="/prod/empty", key=KEY).status == 204
    gateway.assert_counted(2)


def test_a_mock_knows_its_context(gateway):
    reply = gateway.call(path="/prod/say/it", key=KEY,
                         headers=[("User-Agent", "me")])
    words = reply.body.decode().split(" ")
    assert words[0] == "GET" and words[1].startswith("res")
    assert words[2:5] == ["127.0.0.1", "good", "HTTP/1.1"]
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d", words[5])
    assert words[6] == "+0000" and abs(int(words[7]) / 1000
                                       - time.time()) < 60
    assert words[8] == "abc123.execute-api.us-east-1.localhost"
    assert words[9] == reply["x-amzn-RequestId"] and words[10] == "me"


def names(headers):
    return {k.lower(): v for k, v in headers}


def test_what_a_backend_is_told(gateway, backend):
    sent = [("Connection", "close"), ("Content-MD5", "x"),
            ("Max-Forwards", "3"), ("Proxy-Authenticate", "x"),
            ("Server", "x"), ("TE", "trailers"), ("Trailer", "x"),
            ("Upgrade", "h2c"), ("WWW-Authenticate", "x"),
            ("Content-Encoding", "gzip"), ("Via", "1.1 x"),
            ("HTTP2-Settings", "AAMA"), ("Content_Length", "9"),
            ("Authorization", "Bearer x"), ("Date", "today"),
            ("X-Amzn-Apigateway-Api-Id", "forged"), ("Cookie", "a=b"),
            ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "forged"),
            ("Range", "bytes=0-1"), ("X.Dotted", "y"), ("X_Under", "y")]
    reply = gateway.call(path="/prod/files/a%2Fb/c%20d?x=1&x=2&y=%26",
                         key=KEY, headers=sent)
    seen = reply.json()
    assert seen["target"] == "/a%2Fb/c%20d?x=1&x=2&y=%26"
    got = names(seen["headers"])
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}",
                        got.pop("x-amzn-trace-id"))
    assert got == {
        "host": f"127.0.0.1:{backend.port}", "x-api-key": KEY,
        "authorization": "Bearer x", "date": "today", "cookie": "a=b",
        "range": "bytes=0-1", "x.dotted": "y", "x_under": "y",
        "accept": "application/json",
        "user-agent": "AmazonAPIGateway_abc123",
        "x-amzn-apigateway-api-id": "abc123",
        "x-forwarded-for": "1.2.3.4, 127.0.0.1",
        "x-forwarded-port": str(gateway.port), "x-forwarded-proto": "http"}


def test_headers_of_the_client_that_stay(gateway):
    sent = [("Accept", "text/*"), ("User-Agent", "me"),
            ("X-Amzn-Trace-Id", "Root=1-abc"),
            ("Authorization", "AWS4-HMAC-SHA256 Credential=x")]
    got = names(gateway.call(path="/prod/files/x", key=KEY,
                             headers=sent).json()["headers"])
    assert got["accept"] == "text/*" and got["user-agent"] == "me"
    assert got["x-amzn-trace-id"] == "Root=1-abc"
    assert "authorization" not in got


def test_strict_headers_and_a_stripped_key(backend):
    gateway = Gateway(spec_of(backend.port), edit=lambda conf: conf.replace(
        "tallygate on;", "tallygate on; tallygate_strict_headers on;"
        " tallygate_strip_api_key on;")).start()
    try:
        got = names(gateway.call(
            path="/prod/files/x", key=KEY,
            headers=[("X-Forwarded-For", "1.2.3.4")]).json()["headers"])
        assert got["x-forwarded-for"] == "1.2.3.4"
        assert "x-forwarded-port" not in got and "x-api-key" not in got
        backend.answers["/auth"] = (b"HTTP/1.1 401 No\r\nContent-Length: 0"
                                    b"\r\nWWW-Authenticate: Basic\r\n\r\n")
        reply = gateway.call(path="/prod/files/auth", key=KEY)
        assert reply["x-amzn-Remapped-WWW-Authenticate"] == "Basic"
        assert reply["WWW-Authenticate"] is None
    finally:
        backend.answers.clear()
        gateway.stop()


def test_mappings(gateway):
    reply = gateway.call(
        "POST", "/prod/map/a%20%41/b%2Fc/?q=1%20x&q=2+%2Fy", KEY, body=b"z",
        headers=[("X-Many", "one"), ("X-Many", "two"), ("x-many", "three"),
                 ("X-Stage", "forged"), ("User-Agent", "me")])
    seen = reply.json()
    assert seen["target"] == (
        "/m/b%2Fc/2%20%2Fy/a%20%41?fixed=1&q=1%20x&q=2+%2Fy"
        "&plan=gold%20%26%20more&c=2%20%2Fy")
    got = names(seen["headers"])
    assert [v for k, v in seen["headers"] if k.lower() == "x-stage"] == [
        "prod"]
    assert got["x-api"] == "abc123" and got["x-a"] == "a A"
    assert got["x-last"] == "two" and got["x-all"] == "one,two"
    assert got["x-queries"] == "1 x,2 /y"
    assert got["x-path"] == "/prod/map/a%20%41/b%2Fc/"
    assert got["x-resource"] == "/map/{a}/{b}"
    assert got["user-agent"] == "mapped" and "x-gone" not in got


def test_no_header_can_be_made_of_a_value(gateway):
    reply = gateway.call(
        path="/prod/map/a%0d%0aX-Evil:%20b/c?q=d%0aX-Evil:%20e", key=KEY)
    seen = reply.json()
    assert "x-evil" not in names(seen["headers"])
    assert names(seen["headers"])["x-a"] == "a  X-Evil: b"
    assert "%0A" in seen["target"] or "%20" in seen["target"]


def test_bodies_pass_both_ways(gateway):
    for body in (b"", b"abc", b"x" * 70000, bytes(range(256)) * 4096):
        for verb in ("POST", "PUT", "PATCH", "DELETE"):
            seen = gateway.call(verb, "/prod/files/x", KEY, body=body).json()
            assert seen["body"] == body.decode("latin-1")
            assert dict(seen["headers"])["Content-Length"] == str(len(body))
    with gateway.connect() as client:
        client.send(request("POST", "/prod/post", KEY, headers=[CHUNKED])
                    + b"3\r\nabc\r\n")
        time.sleep(0.05)
        client.send(b"2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
                    + request(path="/prod/pets", key=KEY))
        assert client.reply().json()["body"] == "abcde"
        assert client.reply().body == b"pets"


ANSWERS = {
    "no-type": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200,
                b"hi", {"Content-Type": "application/json",
                        "x-amzn-Remapped-Content-Length": "2"}),
    "chunked": (b"HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 201, b"abcde", {}),
    "until-close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall", 200,
                    b"all", {"x-amzn-Remapped-Connection": "close"}),
    "old": (b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nold", 200, b"old",
            {}),
    "no-content": (b"HTTP/1.1 204 No\r\nX-A: b\r\n\r\n", 204, b"",
                   {"X-A": "b"}),
    "not-modified": (b"HTTP/1.1 304 No\r\nETag: \"x\"\r\n\r\n", 304, b"",
                     {"ETag": '"x"'}),
    "error": (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n"
              b"Retry-After: 5\r\n\r\nbusy", 503, b"busy",
              {"Retry-After": "5"}),
    "redirect": (b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1/x\r\n"
                 b"Content-Length: 0\r\n\r\n", 302, b"",
                 {"Location": "http://127.0.0.1/x"}),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
                b"Link: x\r\nContent-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\n"
                b"Content-Length: 5\r\nX-A: b\r\n\r\nfinal", 200, b"final",
                {"X-A": "b", "Link": None}),
    "accel": (b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /.tallygate/answer\r\n"
              b"X-Accel-Limit-Rate: 1\r\nContent-Length: 2\r\n\r\nok", 200,
              b"ok", {"X-Accel-Redirect": None}),
    "remapped": (b"HTTP/1.1 200 OK\r\nDate: then\r\nServer: mine\r\n"
                 b"x-amzn-RequestId: theirs\r\nHost: h\r\nVia: v\r\n"
                 b"User-Agent: u\r\nAuthorization: a\r\nExpect: e\r\n"
                 b"Content-MD5: m\r\nMax-Forwards: 1\r\nTrailer: t\r\n"
                 b"Proxy-Authenticate: p\r\nUpgrade: g\r\n"
                 b"WWW-Authenticate: w\r\nContent-Length: 0\r\n\r\n", 200,
                 b"", {
                     "x-amzn-Remapped-Date": "then",
                     "x-amzn-Remapped-Server": "mine", "Server": None,
                     "x-amzn-Remapped-x-amzn-RequestId": "theirs",
                     "x-amzn-Remapped-Host": "h", "Host": None, "Via": None,
                     "x-amzn-Remapped-User-Agent": "u",
                     "x-amzn-Remapped-Authorization": "a",
                     "x-amzn-Remapped-Expect": "e",
                     "x-amzn-Remapped-Content-MD5": "m",
                     "x-amzn-Remapped-Max-Forwards": "1",
                     "x-amzn-Remapped-Trailer": "t",
                     "x-amzn-Remapped-Proxy-Authenticate": "p",
                     "x-amzn-Remapped-Upgrade": "g",
                     "WWW-Authenticate": "w"}),
}


def test_what_a_client_is_told(gateway, backend):
    with gateway.connect() as client:
        for name, (answer, status, body, headers) in ANSWERS.items():
            backend.answers["/" + name] = answer
            client.send(request(path="/prod/files/" + name, key=KEY))
            reply = client.reply()
            assert (reply.status, reply.body) == (status, body), name
            for header, value in headers.items():
                assert reply[header] == value, (name, header)
            assert_signed(reply)
            assert reply["x-amzn-ErrorType"] is None
    gateway.assert_counted(len(ANSWERS))


def test_several_cookies_stay_several(gateway, backend):
    backend.answers["/c"] = (b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\n"
                             b"Set-Cookie: b\r\nContent-Length: 0\r\n\r\n")
    reply = gateway.call(path="/prod/files/c", key=KEY)
    assert reply.all("Set-Cookie") == ["a", "b"]


@pytest.mark.parametrize("verb, method, path", [
    ("GET", "GET", "/prod/as-get"), ("GET", "POST", "/prod/as-get"),
    ("GET", "HEAD", "/prod/as-get"), ("HEAD", "GET", "/prod/as-head"),
    ("HEAD", "HEAD", "/prod/as-head"),
])
def test_the_integration_names_the_verb(gateway, backend, verb, method, path):
    with gateway.connect() as client:
        for _ in range(2):
            client.send(request(method, path, KEY))
            reply = client.reply(head_only=method == "HEAD")
            assert reply.status == 200
            assert bool(reply.body) == (verb == "GET" and method != "HEAD")
    assert [seen["method"] for seen in backend.requests] == [verb] * 2
    gateway.assert_counted(2)


def broken_answer(data, then=lambda connection: None):
    def answer(connection, seen):
        connection.sendall(data)
        then(connection)
        return False
    return answer


FAILURES = {
    "garbage": (broken_answer(b"\x00\x01\x02 rubbish\r\n\r\n"), NO_NETWORK),
    "silence": (broken_answer(b""), NO_NETWORK),
    "cut-header": (broken_answer(b"HTTP/1.1 200 OK\r\nX-A"), NO_NETWORK),
    "header-bomb": (broken_answer(b"HTTP/1.1 200 OK\r\nX-A: "
                                  + b"a" * 70000), NO_NETWORK),
    "bad-length": (broken_answer(b"HTTP/1.1 200 OK\r\nContent-Length: x"
                                 b"\r\n\r\n"), NO_NETWORK),
    "upgrade": (broken_answer(b"HTTP/1.1 101 Switching Protocols\r\n"
                              b"Upgrade: x\r\nConnection: upgrade\r\n\r\n"),
                NO_NETWORK),
    "status-0": (broken_answer(b"HTTP/1.1 000 OK\r\n\r\n"), NO_NETWORK),
    "both": (broken_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n"),
             NO_NETWORK),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_backend_that_fails(gateway, backend, name):
    answer, expected = FAILURES[name]
    backend.answers["/" + name] = answer
    assert_refused(gateway.call(path="/prod/files/" + name, key=KEY,
                                headers=[("Upgrade", "h2c")]), *expected)
    gateway.assert_counted(1)


def test_backends_that_are_not_there(gateway):
    assert_refused(gateway.call(path="/prod/dead", key=KEY), *NO_NETWORK)
    assert_refused(gateway.call(path="/prod/nowhere", key=KEY), *INTERNAL)
    assert_refused(gateway.call(path="/prod/broken", key=KEY), *INTERNAL)
    assert_refused(gateway.call(path="/prod/reserved", key=KEY), *INTERNAL)
    gateway.assert_counted(4)
    for _ in range(4):     # one of two addresses is dead: the other serves
        assert gateway.call(path="/prod/half", key=KEY).status == 200
    gateway.assert_counted(8)


def drip(connection, seen):
    """A header in many pieces, each soon after the last."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
        connection.sendall(bytes([byte]))
        time.sleep(0.03)
    return False


@pytest.mark.parametrize("answer", [
    lambda connection, seen: time.sleep(3), drip])
def test_an_integration_that_takes_too_long(gateway, backend, answer):
    backend.answers["/slow"] = answer
    started = time.monotonic()
    assert_refused(gateway.call(path="/prod/slow", key=KEY), *TIMED_OUT)
    assert time.monotonic() - started > 0.25
    gateway.assert_counted(1)


def test_the_time_out_ends_with_the_header(gateway, backend):
    def answer(connection, seen):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        time.sleep(0.7)
        connection.sendall(b"cd")
        return True
    backend.answers["/slow"] = answer
    assert gateway.call(path="/prod/slow", key=KEY).body == b"abcd"


def test_a_slow_client_does_not_use_up_the_backends_time(gateway):
    with gateway.connect() as client:
        client.send(request("POST", "/prod/slow", KEY,
                            headers=[("Content-Length", "4")]) + b"ab")
        time.sleep(0.8)
        client.send(b"cd")
        assert client.reply().json()["body"] == "abcd"


def test_a_long_answer_streams_in_bounded_memory(gateway, backend):
    size = 200 << 20

    def answer(connection, seen):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                           % size)
        for _ in range(size >> 20):
            connection.sendall(b"z" * (1 << 20))
        return True
    backend.answers["/long"] = answer
    worker = gateway.workers()[0]
    with gateway.connect(timeout=60) as client:
        client.send(request(path="/prod/files/long", key=KEY))
        head = client.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        left = size - len(client.pending)
        while left > 0:
            left -= len(client.socket.recv(1 << 20))
    status = open(f"/proc/{worker}/status").read()
    if "asan" not in str(gateway.conf.read_text()):
        assert int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) < 200000
    gateway.assert_counted(1)
    assert not list(gateway.state.glob("run/tmp/*/*/*"))


def test_an_event_stream_is_not_held_back(gateway, backend):
    go_on = threading.Event()

    def answer(connection, seen):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                           b"\r\nContent-Type: text/event-stream\r\n\r\n"
                           b"7\r\ndata: 1\r\n")
        go_on.wait(5)
        connection.sendall(b"7\r\ndata: 2\r\n0\r\n\r\n")
        return True
    backend.answers["/events"] = answer
    with gateway.connect() as client:
        client.send(request(path="/prod/files/events", key=KEY))
        client.until(b"data: 1")
        assert gateway.counted(0) == 0
        go_on.set()
        client.until(b"data: 2")
        client.until(b"0\r\n\r\n")
    gateway.assert_counted(1)


def test_a_websocket_counts_when_it_is_open(gateway, backend):
    def answer(connection, seen):
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n"
                           b"Upgrade: websocket\r\nConnection: upgrade"
                           b"\r\n\r\n")
        connection.sendall(connection.recv(100).upper())
        connection.recv(100)
        return False
    backend.answers["/ws"] = answer
    with gateway.connect() as client:
        client.send(request(path="/prod/files/ws", key=KEY, headers=[
            ("Connection", "Upgrade"), ("Upgrade", "websocket")]))
        assert client.reply().status == 101
        gateway.assert_counted(1)
        client.send(b"hello")
        assert client.exactly(5) == b"HELLO"
    gateway.assert_counted(1)


# ---- kept connections ----

def test_connections_to_a_backend_are_kept(gateway, backend):
    before = backend.connections
    for _ in range(10):
        assert gateway.call(path="/prod/files/x", key=KEY).status == 200
    assert backend.connections == before + 1


def test_a_kept_connection_that_went_stale_is_retried(gateway, backend):
    def answer(connection, seen):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return False        # closes although it promised to stay
    backend.answers["/s"] = answer
    for _ in range(20):
        assert gateway.call(path="/prod/files/s", key=KEY).body == b"ok"
    gateway.assert_counted(20)
    assert len(backend.requests) == 20


def test_backends_of_another_name_share_no_connection(backend):
    spec = spec_of(backend.port)
    spec["backends"]["twin"] = dict(spec["backends"]["main"],
                                    name="twin.example")
    spec["apis"][0]["stages"][0]["resources"].append(
        resource("/twin", ("GET", True, http("/x", "twin"))))
    gateway = Gateway(spec).start()
    try:
        before = backend.connections
        for path in ("/prod/files/x", "/prod/twin") * 3:
            assert gateway.call(path=path, key=KEY).status == 200
        assert backend.connections == before + 2
    finally:
        gateway.stop()


# ---- counting ----

def test_each_call_counts_once(gateway, backend):
    with gateway.connect() as client:
        for _ in range(10):                              # kept alive
            client.send(request(path="/prod/pets", key=KEY))
            assert client.reply().status == 200
        client.send(request(path="/prod/files/x", key=KEY) * 10)  # pipelined
        for _ in range(10):
            assert client.reply().status == 200
        client.send(request("HEAD", "/prod/files/x", KEY))
        assert client.reply(head_only=True).status == 200
        gateway.assert_counted(21)   # before the connection ends
    row = gateway.dump()["rows"][0]
    assert row["admitted"] == row["counted"] == 21


def test_http_10_counts_too(gateway):
    reply = gateway.call(path="/restapis/abc123/prod/_user_request_/files/x",
                         key=KEY, host=None, version="1.0")
    assert reply.status == 200
    gateway.assert_counted(1)


def test_a_client_that_leaves_during_the_integration_pays(gateway, backend):
    asked = threading.Event()

    def answer(connection, seen):
        asked.set()
        time.sleep(1)
        return False
    backend.answers["/patient"] = answer
    client = gateway.connect()
    client.send(request(path="/prod/patient", key=KEY))
    assert asked.wait(5)
    client.close()
    gateway.assert_counted(1)
    time.sleep(0.2)
    gateway.assert_counted(1)


def test_a_client_that_stops_reading_pays_once(gateway, backend):
    def answer(connection, seen):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000"
                           b"\r\n\r\n" + b"y" * 20000000)
        return True
    backend.answers["/big"] = answer
    client = gateway.connect()
    client.send(request(path="/prod/files/big", key=KEY))
    client.until(b"\r\n\r\n")
    assert gateway.counted(0) == 0
    client.close()
    gateway.assert_counted(1)


def test_a_backend_that_leaves_in_the_body_is_paid_once(gateway, backend):
    backend.answers["/cut"] = broken_answer(
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    with gateway.connect() as client:
        client.send(request(path="/prod/files/cut", key=KEY))
        with pytest.raises(ConnectionError):
            client.reply()
    gateway.assert_counted(1)
    time.sleep(0.1)
    gateway.assert_counted(1)


def test_http2_counts_each_stream(backend):
    gateway = Gateway(spec_of(backend.port), edit=lambda conf: conf.replace(
        " backlog=4096;", " http2 backlog=4096;")).start()
    try:
        done = subprocess.run(
            ["h2load", "-n", "200", "-c", "4", "-m", "8",
             "-H", "x-api-key: " + KEY,
             f"http://127.0.0.1:{gateway.port}"
             "/restapis/abc123/prod/_user_request_/files/x"],
            capture_output=True, text=True, timeout=60)
        assert "200 succeeded" in done.stdout, done.stdout
        gateway.assert_counted(200)
        done = subprocess.run(
            ["curl", "-sSi", "--http2-prior-knowledge",
             "-H", "X-Filler: " + "f" * 10300,
             f"http://127.0.0.1:{gateway.port}"
             "/restapis/abc123/prod/_user_request_/pets"],
            capture_output=True, text=True, timeout=20)
        assert done.stdout.startswith("HTTP/2 431"), done.stdout
        done = subprocess.run(
            ["curl", "-sSI", "--http2-prior-knowledge", "-H",
             "x-api-key: " + KEY, f"http://127.0.0.1:{gateway.port}"
             "/restapis/abc123/prod/_user_request_/files/x"],
            capture_output=True, text=True, timeout=20)
        assert done.stdout.startswith("HTTP/2 200"), done.stdout
        gateway.assert_counted(201)
    finally:
        gateway.stop()


# ---- the planes change under it ----

def test_new_routes_and_keys_work_within_a_second(gateway):
    fresh = "key-that-came-a-bit-later-1"
    with gateway.connect() as client:
        client.send(request(path="/prod/new", key=fresh))
        assert client.reply().status == 403
        stage = gateway.spec["apis"][0]["stages"][0]
        stage["resources"].append(
            resource("/new", ("GET", True, mock("new"))))
        gateway.spec["keys"].append(
            {"value": fresh, "id": "fresh", "plans": ["gold"]})
        gateway.fixture("update")
        client.send(request(path="/prod/new", key=fresh))
        assert client.reply().body == b"new"
        gateway.spec["keys"][0]["enabled"] = False
        gateway.spec["keys"][-1]["removed"] = True
        gateway.fixture("update")
        for key in (KEY, fresh):
            client.send(request(path="/prod/new", key=key))
            assert client.reply().status == 403


def test_a_call_in_flight_keeps_its_routes(gateway, backend):
    asked, go_on = threading.Event(), threading.Event()

    def answer(connection, seen):
        asked.set()
        go_on.wait(10)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True
    backend.answers["/patient"] = answer
    with gateway.connect() as client:
        client.send(request(path="/prod/patient", key=KEY))
        assert asked.wait(5)
        for _ in range(3):
            gateway.fixture("update")
            assert gateway.call(path="/prod/pets", key=KEY).status == 200
        go_on.set()
        assert client.reply().body == b"ok"
    gateway.assert_counted(4)


def test_a_damaged_routes_file_is_refused_by_name(gateway):
    assert gateway.call(path="/prod/pets", key=KEY).status == 200
    os.kill(gateway.workers()[0], signal.SIGSTOP)
    gateway.fixture("update")
    path = gateway.state / "routes.2"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    os.kill(gateway.workers()[0], signal.SIGCONT)
    assert gateway.call(path="/prod/pets", key=KEY).status == 200
    wait_until(lambda: gateway.log_has("routes.2"), "the complaint")
    time.sleep(2.2)
    assert gateway.log.read_text().count("routes.2") == 1
    assert gateway.dump()["rows"][0]["routes"] == 1
    gateway.fixture("update")
    wait_until(lambda: gateway.dump()["rows"][0]["routes"] == 3,
               "the next routes")


def test_a_worker_starts_without_planes_and_finds_them(backend):
    gateway = Gateway(spec_of(backend.port), make=False).start()
    try:
        assert_refused(gateway.call(path="/prod/pets", key=KEY), *UNAVAILABLE)
        assert gateway.log_has("board")
        gateway.fixture("make")
        wait_until(lambda: gateway.call(path="/prod/pets",
                                        key=KEY).status == 200,
                   "the planes to be found", 3)
    finally:
        gateway.stop()


def test_a_state_directory_made_anew_is_noticed(gateway, backend):
    asked, go_on = threading.Event(), threading.Event()

    def answer(connection, seen):
        asked.set()
        go_on.wait(10)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True
    backend.answers["/patient"] = answer
    with gateway.connect() as client:
        client.send(request(path="/prod/patient", key=KEY))
        assert asked.wait(5)
        for name in ("board", "keys.1", "meters.0", "routes.1"):
            (gateway.state / name).unlink()
        wait_until(lambda: gateway.call(path="/prod/pets",
                                        key=KEY).status == 503,
                   "the loss to be noticed", 3)
        gateway.fixture("make")
        wait_until(lambda: gateway.call(path="/prod/pets",
                                        key=KEY).status == 200,
                   "the new planes", 3)
        go_on.set()
        assert client.reply().body == b"ok"
    gateway.assert_counted(1)      # the other is gone with its meters


def test_the_row_pins_the_epoch_of_a_call_in_flight(gateway, backend):
    asked, go_on = threading.Event(), threading.Event()

    def answer(connection, seen):
        asked.set()
        go_on.wait(20)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True
    backend.answers["/patient"] = answer
    row = lambda: gateway.dump()["rows"][0]["epoch"]
    started = gateway.dump()["epoch"]
    with gateway.connect() as client:
        client.send(request(path="/prod/patient", key=KEY))
        assert asked.wait(5)
        gateway.fixture("epoch")
        time.sleep(1.3)
        gateway.fixture("epoch")
        time.sleep(1.3)
        assert gateway.call(path="/prod/pets", key=KEY).status == 200
        assert row() == started
        go_on.set()
        assert client.reply().body == b"ok"
    wait_until(lambda: row() == started + 2, "the row to follow", 3)


# ---- nginx's life ----

class Load:
    """Clients that call as fast as they can, on kept connections."""

    def __init__(self, gateway, path, clients=4):
        self.gateway, self.path = gateway, path
        self.answered = self.cut = 0
        self.wrong = []
        self.is_over = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run)
                        for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        client = None
        while not self.is_over:
            try:
                client = client or self.gateway.connect()
                client.send(request(path=self.path, key=KEY))
                reply = client.reply()
            except OSError:
                with self.lock:
                    self.cut += 1
                client = None
                continue
            with self.lock:
                self.answered += 1
                if reply.status != 200:
                    self.wrong.append(reply.status)
            if reply["Connection"] == "close":
                client.close()
                client = None
        if client:
            client.close()

    def end(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()


def test_reloads_under_load_lose_nothing(gateway):
    load = Load(gateway, "/prod/files/x")
    for _ in range(4):
        time.sleep(0.3)
        gateway.signal(signal.SIGHUP)
        gateway.fixture("update")
    time.sleep(0.5)
    load.end()
    assert load.wrong == [] and load.cut == 0 and load.answered > 100
    gateway.assert_counted(load.answered)


def test_a_killed_worker_loses_only_what_it_had_in_hand(gateway):
    load = Load(gateway, "/prod/files/x")
    kills = 5
    for _ in range(kills):
        time.sleep(0.3)
        os.kill(gateway.workers()[0], signal.SIGKILL)
    time.sleep(0.5)
    load.end()
    assert load.wrong == [] and load.answered > 100
    assert abs(gateway.counted(0) - load.answered) <= kills * 4
    # nginx itself reports the deaths with [alert]; they were ours.
    text = gateway.log.read_text()
    gateway.log.write_text("\n".join(
        line for line in text.splitlines()
        if "exited on signal 9" not in line))
    row = [r for r in gateway.dump()["rows"] if r["alive"]]
    assert len(row) == 1 and row[0]["pid"] == gateway.workers()[0]


# ---- backends with TLS ----

# certificate, name in the URI, insecureSkipVerification -> served
TLS = [
    ("good", "good.test", False, True), ("good", "good.test", True, True),
    ("good", "other.test", False, False), ("good", "other.test", True, False),
    ("good", "127.0.0.1", False, True), ("good", "127.0.0.1", True, True),
    ("own", "own.test", False, False), ("own", "own.test", True, True),
    ("past", "past.test", False, False), ("past", "past.test", True, False),
]


def test_backends_with_tls(tmp_path, backend):
    authority = Authority(tmp_path)
    pairs = {
        "good": authority.issue("good", "DNS:good.test,IP:127.0.0.1"),
        "own": authority.self_signed("own", "DNS:own.test"),
        "past": authority.issue("past", "DNS:past.test", days=-1),
    }
    backends = {name: RawBackend(pair.context())
                for name, pair in pairs.items()}
    spec = spec_of(backend.port)
    for n, (made, name, skip, _) in enumerate(TLS):
        spec["backends"][str(n)] = {
            "name": name, "tls": True, "skip_chain": skip,
            "addresses": [["127.0.0.1", backends[made].port]]}
        spec["apis"][0]["stages"][0]["resources"].append(
            resource(f"/tls{n}", ("GET", True, http("/x", str(n)))))
    gateway = Gateway(spec, edit=lambda conf: conf.replace(
        "/etc/ssl/certs/ca-certificates.crt",
        str(authority.certificate))).start()
    try:
        for _ in range(3):      # the later rounds resume TLS sessions
            for n, (made, name, skip, is_served) in enumerate(TLS):
                reply = gateway.call(path=f"/prod/tls{n}", key=KEY)
                if is_served:
                    assert reply.status == 200, TLS[n]
                    assert reply.json()["headers"][0][1].startswith(name)
                else:
                    assert_refused(reply, *NO_NETWORK)
        served = sum(row[3] and row[0] == "good" for row in TLS)
        # One connection for each identity that is served, kept.
        assert len(backends["good"].requests) == 3 * served
        gateway.assert_counted(3 * len(TLS))
    finally:
        gateway.stop()
        for made in backends.values():
            made.stop()
