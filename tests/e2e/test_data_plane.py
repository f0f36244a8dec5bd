"""Calls as buyers make them: refusals, limits, what reaches the backend.

SPDX-License-Identifier: Apache-2.0
"""
import concurrent.futures
import http.client
import re
import socket
import time

import pytest

from support.world import openapi, wait_until


@pytest.fixture(scope="module")
def shop(shared):
    """The echo API, a plan without limits, and a key: (api, plan, key)."""
    api = shared.import_api()
    plan = shared.plan(api)
    return api, plan, shared.key(plan)[1]


def many(count, threads, call):
    """Runs call() that often at once; the results."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda _: call(), range(count)))


def raw(port, data):
    """What a server answers to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


REFUSALS = [
    # path, key, status, x-amzn-ErrorType, message
    ("/fixed", None, 403, "ForbiddenException", "Forbidden"),
    ("/fixed", "k" * 40, 403, "ForbiddenException", "Forbidden"),
    ("/fixed", "k" * 5000, 403, "ForbiddenException", "Forbidden"),
    ("/nothing/here", None, 403, "MissingAuthenticationTokenException",
     "Missing Authentication Token"),
    ("/echo", None, 403, "MissingAuthenticationTokenException",
     "Missing Authentication Token"),
    ("/Fixed", None, 403, "MissingAuthenticationTokenException",
     "Missing Authentication Token"),
]


@pytest.mark.parametrize("path, key, status, kind, message", REFUSALS)
def test_refusals_are_amazons(shared, shop, path, key, status, kind,
                              message):
    reply = shared.call(shop[0], path, key)
    assert (reply.status, reply.json()) == (status, {"message": message})
    assert reply.headers["x-amzn-ErrorType"] == kind
    assert reply.headers["Content-Type"] == "application/json"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                        reply.headers["x-amzn-RequestId"])


def test_a_wrong_verb_is_no_405(shared, shop):
    reply = shared.call(shop[0], "/fixed", shop[2], method="POST")
    assert reply.status == 403
    assert reply.json() == {"message": "Missing Authentication Token"}


def test_an_unknown_host_stage_or_api_is_forbidden(shared, shop):
    gateway = shared.stack.url("gateway")
    for url, host in [
            (f"{gateway}/prod/fixed", "nowhere.example.com"),
            (f"{gateway}/prod/fixed", "aaaaaaaaaa.execute-api.x:1"),
            (f"{gateway}/other/fixed", f"{shop[0]}.execute-api.local"),
            (f"{gateway}/restapis/nosuchapi0/prod/_user_request_/fixed", "h"),
            (f"{gateway}/restapis/{shop[0]}/no/_user_request_/fixed", "h"),
            (f"{gateway}/", "h")]:
        reply = shared.wire.request("GET", url, {"Host": host,
                                                 "x-api-key": shop[2]})
        assert (reply.status, reply.json()) == (
            403, {"message": "Forbidden"}), (url, host)
        assert reply.headers["x-amzn-ErrorType"] == "ForbiddenException"


def test_the_host_header_finds_the_api(shared, shop):
    gateway = shared.stack.url("gateway")
    for host in (f"{shop[0]}.execute-api.us-east-1.amazonaws.com",
                 f"{shop[0].upper()}.execute-api.localhost:8080"):
        reply = shared.wire.request(
            "GET", f"{gateway}/prod/echo/a", {"Host": host,
                                              "x-api-key": shop[2]})
        assert (reply.status, reply.json()["target"]) == (200, "/a")


def test_what_reaches_the_backend(shared, shop):
    body = b"\x00\x01 body"
    reply = shared.call(
        shop[0], "/echo/a%20b/c?x=1&x=2&y=%2F", shop[2], method="POST",
        headers={"X-Own": "yes", "Cookie": "a=b", "TE": "trailers",
                 "Expect": "", "Content-Type": "text/plain"}, body=body)
    seen = reply.json()
    assert seen["method"] == "POST"
    assert seen["target"] == "/a%20b/c?x=1&x=2&y=%2F"
    assert seen["body"].encode("latin-1") == body
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert headers["x-own"] == "yes" and headers["cookie"] == "a=b"
    assert headers["content-type"] == "text/plain"
    assert headers["host"] == f"127.0.0.1:{shared.stack.ports['example']}"
    assert headers["x-amzn-apigateway-api-id"] == shop[0]
    assert headers["user-agent"] == f"AmazonAPIGateway_{shop[0]}"
    assert headers["accept"] == "application/json"
    assert headers["content-length"] == str(len(body))
    assert "te" not in headers and "expect" not in headers


def test_what_comes_back(shared, shop):
    reply = shared.call(shop[0], "/echo/x?status=404", shop[2])
    assert reply.status == 404
    assert reply.headers["x-amzn-Remapped-Server"].startswith("backend")
    assert reply.headers["x-amzn-RequestId"]
    assert reply.headers["x-amz-apigw-id"].endswith("=")


def test_every_verb_through_any(shared, shop):
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        reply = shared.call(shop[0], "/echo/v", shop[2], method=verb)
        assert (reply.status, reply.json()["method"]) == (200, verb)
    assert shared.call(shop[0], "/echo/v", shop[2],
                       method="HEAD").status == 200


def test_large_bodies_pass_both_ways(shared, shop):
    reply = shared.call(shop[0], f"/echo/x?size={5 << 20}", shop[2])
    assert (reply.status, len(reply.body)) == (200, 5 << 20)
    reply = shared.call(shop[0], "/echo/x", shop[2], method="POST",
                        body=b"b" * (3 << 20))
    assert len(reply.json()["body"]) == 3 << 20
    reply = shared.call(shop[0], "/echo/x", shop[2], method="POST",
                        body=b"b" * ((10 << 20) + 1))
    assert reply.status == 413


def test_backends_that_fail(shared, shop):
    reply = shared.call(shop[0], "/echo/x?close=1", shop[2], method="POST")
    assert reply.status == 504
    assert reply.json() == {
        "message": "Network error communicating with endpoint"}
    assert reply.headers["x-amzn-ErrorType"] == (
        "InternalServerErrorException")


def test_a_backend_that_is_late(shared):
    document = openapi(shared.stack.ports["example"])
    proxy = document["paths"]["/open/{proxy+}"]["get"]
    proxy["x-amazon-apigateway-integration"]["timeoutInMillis"] = 300
    api = shared.import_api(document)
    reply = shared.call(api, "/open/x?delay_ms=3000")
    assert (reply.status, reply.json()) == (
        504, {"message": "Endpoint request timed out"})


def test_an_open_method_ignores_the_key(shared, shop):
    for key in (None, "nonsense", shop[2]):
        assert shared.call(shop[0], "/health", key).status == 200


def test_a_path_of_64_kib(shared, shop):
    target = f"/restapis/{shop[0]}/prod/_user_request_/echo/" + "a" * 65536
    answer = raw(shared.stack.ports["gateway"],
                 f"GET {target} HTTP/1.1\r\nHost: h\r\n"
                 f"x-api-key: {shop[2]}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 414 "), answer[:200]
    assert b'{"message":' in answer
    assert shared.call(shop[0], "/echo/ok", shop[2]).status == 200


@pytest.mark.parametrize("headers", [
    "".join(f"x-{n}: {'v' * 90}\r\n" for n in range(200)),
    f"x-one: {'v' * 60000}\r\n",
    "a:b\r\n" * 20000,
], ids=["200 headers", "one of 60000 bytes", "20000 headers"])
def test_a_header_bomb(shared, shop, headers):
    answer = raw(shared.stack.ports["gateway"], (
        f"GET /restapis/{shop[0]}/prod/_user_request_/fixed HTTP/1.1\r\n"
        f"Host: h\r\n{headers}x-api-key: {shop[2]}\r\n\r\n").encode())
    assert answer.startswith(b"HTTP/1.1 431 "), answer[:200]
    assert shared.call(shop[0], "/echo/ok", shop[2]).status == 200


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\nHost: h\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
], ids=["tls", "no version", "no host", "version 9.9", "a zero byte",
        "negative length", "two lengths"])
def test_bytes_that_are_no_call(shared, shop, data):
    answer = raw(shared.stack.ports["gateway"], data)
    assert answer == b"" or answer.split()[1][:1] == b"4", answer[:200]
    assert shared.call(shop[0], "/fixed", shop[2]).status == 200


def test_dots_and_slashes_do_not_leave_the_api(shared, shop):
    before = len(shared.backend.seen)
    for path in ("/echo/../../../../etc/passwd", "/echo/..%2f..%2fx",
                 "/open/%2e%2e/fixed", "//fixed", "/echo//x"):
        answer = raw(shared.stack.ports["gateway"], (
            f"GET /restapis/{shop[0]}/prod/_user_request_{path} HTTP/1.1\r\n"
            "Host: h\r\nConnection: close\r\n\r\n").encode())
        assert answer.split()[1] in (b"400", b"403", b"200"), (path, answer)
    for _, target in shared.backend.seen[before:]:
        assert not target.startswith("/etc"), target


def test_the_quota_is_exact_across_workers(world_of_four):
    world = world_of_four
    api = world.import_api()
    plan = world.plan(api, quota={"limit": 300, "period": "MONTH"})
    _, key = world.key(plan)
    replies = many(500, 16, lambda: world.call(api, "/fixed", key))
    good = [reply for reply in replies if reply.status == 200]
    bad = [reply for reply in replies if reply.status == 429]
    assert (len(good), len(bad)) == (300, 200)
    assert bad[0].json() == {"message": "Limit Exceeded"}
    assert bad[0].headers["x-amzn-ErrorType"] == "LimitExceededException"
    world.wait_counted(300)


def test_the_throttle_admits_burst_plus_rate(world_of_four):
    world = world_of_four
    api = world.import_api()
    plan = world.plan(api, throttle={"rateLimit": 20.0, "burstLimit": 30})
    _, key = world.key(plan)
    start = time.monotonic()
    replies = many(400, 16, lambda: world.call(api, "/fixed", key))
    seconds = time.monotonic() - start
    good = sum(reply.status == 200 for reply in replies)
    bad = [reply for reply in replies if reply.status != 200]
    assert 30 <= good <= 30 + 20 * seconds + 1
    assert bad[0].status == 429
    assert bad[0].json() == {"message": "Too Many Requests"}
    assert bad[0].headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    world.wait_counted(good)


def test_a_throttled_call_takes_nothing_from_the_quota(world_of_four):
    world = world_of_four
    api = world.import_api()
    plan = world.plan(api, throttle={"rateLimit": 1.0, "burstLimit": 5},
                      quota={"limit": 6, "period": "MONTH"})
    _, key = world.key(plan)
    replies = many(50, 4, lambda: world.call(api, "/fixed", key))
    assert sum(reply.status == 200 for reply in replies) in (5, 6)

    def next_call():
        reply = world.call(api, "/fixed", key)
        return reply.status, reply.json().get("message")
    wait_until(lambda: next_call() == (429, "Limit Exceeded"),
               "the quota to be used up by admitted calls", 10)
    world.wait_counted(6)


@pytest.fixture
def world_of_four(world):
    """World with four workers."""
    return world


def pytest_generate_tests(metafunc):
    if "world_of_four" in metafunc.fixturenames:
        metafunc.parametrize(
            "world", [{"more": {"gateway": {"workers": 4}}}],
            indirect=True, ids=["4-workers"])


def test_what_counts_and_what_does_not(world):
    """Errors of the backend count, refusals of the gateway do not."""
    api = world.import_api()
    plan = world.plan(api, quota={"limit": 6, "period": "MONTH"})
    _, key = world.key(plan)
    counted = [("/echo/a", 200), ("/echo/a?status=404", 404),
               ("/echo/a?status=500", 500), ("/echo/a?status=302", 302),
               ("/echo/a?close=1", 504), ("/fixed", 200)]
    for path, status in counted:
        assert world.call(api, path, key).status == status
    for path, value, status in [
            ("/fixed", key, 429), ("/fixed", None, 403),
            ("/fixed", "wrong" * 8, 403), ("/none", key, 403),
            ("/health", key, 200), ("/open/a", None, 200)]:
        assert world.call(api, path, value).status == status
    world.wait_counted(len(counted))


def test_a_client_that_goes_away_is_billed_once(world):
    api = world.import_api()
    plan = world.plan(api)
    _, key = world.key(plan)
    port = world.stack.ports["gateway"]
    before = len(world.backend.seen)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            f"GET /restapis/{api}/prod/_user_request_/echo/x?delay_ms=500 "
            f"HTTP/1.1\r\nHost: h\r\nx-api-key: {key}\r\n\r\n".encode())
        wait_until(lambda: len(world.backend.seen) > before,
                   "the call to reach the backend")
    world.wait_counted(1)
    assert world.call(api, "/fixed", key).status == 200
    world.wait_counted(2)


def test_calls_of_one_connection_count_one_by_one(world):
    api = world.import_api()
    plan = world.plan(api)
    _, key = world.key(plan)
    connection = http.client.HTTPConnection(
        "127.0.0.1", world.stack.ports["gateway"])
    for _ in range(20):
        connection.request(
            "GET", f"/restapis/{api}/prod/_user_request_/fixed",
            headers={"x-api-key": key})
        assert connection.getresponse().read() == b'{"up": true}'
    connection.close()
    world.wait_counted(20)
