"""Hostile clients and hostile backends, over raw sockets: each shape gets its
documented answer, costs bounded memory, and harms nobody else.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import pathlib
import re
import threading

import pytest

from support.module import HOST, MODULE, Gateway, RawBackend, wait_until

KEY = "key-of-a-good-customer-0001"
MEMORY = 16 << 20           # more than that no shape may cost


def spec_of(port):
    def proxy(path, **more):
        return {"path": path, "methods": [{
            "verb": "ANY", "key": True, "integration": {
                "type": "http", "backend": "one",
                "path": ["/", ["path", "proxy"]], **more}}]}
    return {
        "backends": {"one": {"addresses": [["127.0.0.1", port]]}},
        "plans": [{"id": "gold"}],
        "apis": [{"id": "abc123", "stages": [{
            "name": "prod", "plans": ["gold"], "resources": [
                proxy("/to/{proxy+}"),
                proxy("/soon/{proxy+}", timeout_ms=400)]}]}],
        "keys": [{"value": KEY, "id": "good", "plans": ["gold"]}],
    }


@pytest.fixture(scope="module")
def backend():
    made = RawBackend()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def served(backend):
    made = Gateway(spec_of(backend.port)).start()
    yield made
    made.stop()


@pytest.fixture
def gateway(served, backend):
    backend.answers.clear()
    backend.requests.clear()
    return served


def peak(gateway):
    text = pathlib.Path(
        f"/proc/{gateway.workers()[0]}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) << 10


@contextlib.contextmanager
def bounded(gateway):
    before = peak(gateway)
    yield
    assert peak(gateway) - before < MEMORY or "asan" in str(MODULE)


def head(line, *headers, host=f"Host: {HOST}"):
    lines = [line] + ([host] if host else []) + [f"x-api-key: {KEY}"]
    return ("\r\n".join(lines + list(headers)) + "\r\n\r\n").encode("latin-1")


def post(*headers, body=b"", path="/prod/to/first"):
    return head(f"POST {path} HTTP/1.1", *headers) + body


def get(path, version="1.1", **more):
    return head(f"GET {path} HTTP/{version}", **more)


MARKER = get("/prod/to/marker")


# ---- clients ----

CHUNKED = "Transfer-Encoding: chunked"
ABC = b"3\r\nabc\r\n0\r\n\r\n"

# A request, and what becomes of it: a status and, when it is passed on, the
# target and body that the backend gets.  A refused one ends the connection
# unless its end is beyond doubt.
CLIENTS = {
    # framing
    "length": (post("Content-Length: 3", body=b"abc"), 200, "/first", "abc"),
    "chunked": (post(CHUNKED, body=ABC), 200, "/first", "abc"),
    "both": (post(CHUNKED, "Content-Length: 3", body=ABC), 400),
    "both-other-order": (post("Content-Length: 3", CHUNKED, body=ABC), 400),
    "length-twice": (post("Content-Length: 3", "Content-Length: 3",
                          body=b"abc"), 400),
    "lengths-differ": (post("Content-Length: 3", "Content-Length: 4",
                            body=b"abc"), 400),
    "length-list": (post("Content-Length: 3, 3", body=b"abc"), 400),
    "length-plus": (post("Content-Length: +3", body=b"abc"), 400),
    "length-minus": (post("Content-Length: -3", body=b"abc"), 400),
    "length-hex": (post("Content-Length: 0x3", body=b"abc"), 400),
    "length-empty": (post("Content-Length:", body=b"abc"), 400),
    "length-overflows": (post("Content-Length: " + "9" * 30, body=b"abc"),
                         400),
    "length-on-get": (head("GET /prod/to/first HTTP/1.1",
                           "Content-Length: 3") + b"abc",
                      200, "/first", "abc"),
    "coding-in-capitals": (post("Transfer-Encoding: CHUNKED", body=ABC),
                           200, "/first", "abc"),
    "coding-twice": (post(CHUNKED, CHUNKED, body=ABC), 400),
    "coding-unknown": (post("Transfer-Encoding: gzip", body=ABC), 400),
    "coding-list": (post("Transfer-Encoding: gzip, chunked", body=ABC), 400),
    "coding-identity": (post("Transfer-Encoding: identity", body=ABC), 400),
    "coding-vertical-tab": (post("Transfer-Encoding: \x0bchunked",
                                 body=ABC), 400),
    "coding-with-blank": (post("Transfer-Encoding : chunked", body=ABC), 400),
    "coding-with-underscore": (post("Transfer_Encoding: chunked",
                                    "Content-Length: 3", body=b"abc"),
                               200, "/first", "abc"),
    "coding-in-1.0": (head("POST /prod/to/first HTTP/1.0", CHUNKED) + ABC,
                      400),
    "coding-folded": (post("Transfer-Encoding:\r\n chunked",
                           "Content-Length: 3", body=b"abc"), 400),
    # chunks
    "chunk-extension": (post(CHUNKED, body=b"3;a=b\r\nabc\r\n0\r\n\r\n"),
                        200, "/first", "abc"),
    "chunk-trailer": (post(CHUNKED, body=b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"),
                      200, "/first", "abc"),
    "chunk-size-blank": (post(CHUNKED, body=b" 3\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk-size-sign": (post(CHUNKED, body=b"+3\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk-size-hex": (post(CHUNKED, body=b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk-size-none": (post(CHUNKED, body=b"\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk-size-overflows": (post(CHUNKED, body=b"f" * 17 + b"\r\nabc"),
                             400),
    "chunk-too-long": (post(CHUNKED, body=b"3\r\nabcd\r\n0\r\n\r\n"), 400),
    # lines
    "bare-lf": (MARKER.replace(b"\r\n", b"\n").replace(b"marker", b"first"),
                200, "/first", ""),
    "bare-cr-in-value": (head("GET /prod/to/first HTTP/1.1",
                              "X-A: a\rX-B: b"), 400),
    "bare-cr-in-line": (head("GET /prod/to/first\rX HTTP/1.1"), 400),
    "nul-in-value": (head("GET /prod/to/first HTTP/1.1", "X-A: a\x00b"), 400),
    "folded": (head("GET /prod/to/first HTTP/1.1", "X-A: a\r\n b"), 400),
    "blank-before-colon": (head("GET /prod/to/first HTTP/1.1", "X-A : a"),
                           400),
    "no-colon": (head("GET /prod/to/first HTTP/1.1", "X-A"), 200, "/first",
                 ""),           # goes on as "X-A: "
    "no-name": (head("GET /prod/to/first HTTP/1.1", ": a"), 400),
    "header-first-folded": (b"GET /prod/to/first HTTP/1.1\r\n Host: x\r\n"
                            b"\r\n", 400),
    # hosts and targets
    "no-host": (get("/prod/to/first", host=None), 400),
    "host-twice": (head("GET /prod/to/first HTTP/1.1", "Host: other"), 400),
    "host-empty": (get("/prod/to/first", host="Host:"), 400),
    "host-with-slash": (get("/prod/to/first", host=f"Host: {HOST}/x"), 400),
    "absolute": (get(f"http://{HOST}/prod/to/first", host="Host: other"),
                 200, "/first", ""),
    "absolute-elsewhere": (get("http://elsewhere/prod/to/first"), 403),
    "authority": (head(f"CONNECT {HOST}:80 HTTP/1.1"), 400),
    "asterisk": (head("OPTIONS * HTTP/1.1"), 400),
    "relative": (head("GET prod/to/first HTTP/1.1"), 400),
    "trace": (head("TRACE /prod/to/first HTTP/1.1"), 403),
    "verb-unknown": (head("BREW /prod/to/first HTTP/1.1"), 403),
    "verb-lower-case": (head("get /prod/to/first HTTP/1.1"), 400),
    "version-9": (get("/prod/to/first", version="9.9"), 400),
    "http2-preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    # paths
    "dots": (get("/prod/to/../first"), 400),
    "dots-encoded": (get("/prod/to/%2e%2E/first"), 400),
    "dots-before-slash": (get("/prod/to/..%2ffirst"), 400),
    "dots-before-backslash": (get("/prod/to/..%5cfirst"), 400),
    "dots-encoded-twice": (get("/prod/to/%252e%252e/first"), 200,
                           "/%252e%252e/first", ""),
    "dots-overlong": (get("/prod/to/%c0%ae%c0%ae/first"), 200,
                      "/%c0%ae%c0%ae/first", ""),
    "three-dots": (get("/prod/to/.../first"), 200, "/.../first", ""),
    "nul": (get("/prod/to/a%00b"), 400),
    "slash-encoded": (get("/prod/to/a%2fb"), 200, "/a%2fb", ""),
    "slash-overlong": (get("/prod/to/a%c0%afb"), 200, "/a%c0%afb", ""),
    "slashes": (get("/prod/to//first"), 200, "//first", ""),
    "percent-broken": (get("/prod/to/a%zz"), 400),
    "percent-cut": (get("/prod/to/a%2"), 400),
    "segments": (get("/prod/to" + "/a" * 4000), 403),
    "url-too-long": (get("/prod/to/" + "a" * 10240), 414),
    "url-far-too-long": (get("/prod/to/" + "a" * 40000), 414),
    "query-too-long": (get("/prod/to/first?" + "a" * 10240), 414),
    # sizes
    "headers-too-large": (head("GET /prod/to/first HTTP/1.1",
                               "X-A: " + "a" * 10240), 431),
    "header-bomb": (head("GET /prod/to/first HTTP/1.1",
                         *["X-%d: %s" % (n, "b" * 9000)
                           for n in range(40)]), 431),
    "many-headers": (head("GET /prod/to/first HTTP/1.1",
                          *["X-%d: b" % n for n in range(5000)]), 431),
    "body-too-large": (post("Content-Length: 10485761"), 413),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_what_becomes_of_a_request(gateway, backend, name):
    """A second request follows at once: whatever the first one was, nobody
    may take a part of it for another request."""
    data, status, *passed = CLIENTS[name]
    with bounded(gateway), gateway.connect() as client:
        with contextlib.suppress(OSError):
            client.send(data + MARKER)
        reply = client.reply()
        assert reply.status == status
        if status != 200:
            assert reply.json()["message"] and reply["x-amzn-RequestId"]
        try:
            second = client.reply()
        except OSError:
            second = None
    targets = [seen["target"] for seen in backend.requests]
    if passed:
        assert backend.requests[0]["body"] == passed[1]
        assert targets == [passed[0], "/marker"]
        assert second.status == 200
    else:
        assert targets == (["/marker"] if second and second.status == 200
                           else [])
    for seen in backend.requests:
        framing = [name for name, _ in seen["headers"] if name.lower() in
                   ("content-length", "transfer-encoding")]
        assert len(framing) == (seen["body"] != "")


def test_a_client_that_leaves_in_its_body(gateway, backend):
    """The backend has a part of it: the connection ends, and is not kept."""
    with gateway.connect() as client:
        client.send(post("Content-Length: 200000", body=b"x" * 100000))
    with gateway.connect() as client:
        client.send(MARKER)
        assert client.reply().json()["target"] == "/marker"
    assert [seen["target"] for seen in backend.requests] == ["/marker"]


def test_clients_that_send_byte_by_byte(gateway, backend):
    data = post(CHUNKED, body=ABC)
    with gateway.connect() as client:
        for byte in data:
            client.send(bytes([byte]))
        assert client.reply().json()["body"] == "abc"


# ---- backends ----

def sends(*pieces, stays=False):
    def answer(connection, _):
        for piece in pieces:
            connection.sendall(piece)
        return stays
    return answer


def floods(first, piece, times=200000):
    """More than anybody wants; ends when nobody reads any more."""
    def answer(connection, _):
        with contextlib.suppress(OSError):
            connection.sendall(first)
            for _ in range(times):
                connection.sendall(piece)
        return False
    return answer


def hangs(connection, _):
    with contextlib.suppress(OSError):
        connection.recv(1)
    return False


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
NETWORK = 504, "Network error communicating with endpoint"
LATE = 504, "Endpoint request timed out"
CUT = "cut"                 # the client's connection ends in the body

# What a backend does, and what the client gets: status and message, or the
# status and body that are passed on, or a body that breaks off.
BACKENDS = {
    "garbage": (sends(b"\x16\x03\x01 garbage\r\n\r\n"), *NETWORK),
    "http-0.9": (sends(b"<html>hello</html>\r\n"), *NETWORK),
    "closes": (sends(), *NETWORK),
    "closes-in-header": (sends(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-"), *NETWORK),
    "hangs": (hangs, *LATE),
    "header-large": (sends(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 70000
                           + b"\r\n\r\n"), *NETWORK),
    "headers-endless": (floods(b"HTTP/1.1 200 OK\r\n",
                               b"X-Again: and again\r\n"), *NETWORK),
    "interim-flood": (floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
                      *NETWORK),
    "interim-few": (sends(b"HTTP/1.1 100 Continue\r\n\r\n",
                          b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
                          OK), 200, b"ok"),
    "switches-unasked": (sends(b"HTTP/1.1 101 Switching Protocols\r\n"
                               b"Upgrade: x\r\nConnection: upgrade\r\n\r\n",
                               stays=True), *NETWORK),
    "status-0": (sends(b"HTTP/1.1 000 X\r\n\r\n"), *NETWORK),
    "status-short": (sends(b"HTTP/1.1 20 X\r\n\r\n"), *NETWORK),
    "status-long": (sends(b"HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n"),
                    *NETWORK),
    "status-words": (sends(b"HTTP/1.1 OK\r\n\r\n"), *NETWORK),
    "length-word": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
                    *NETWORK),
    "length-minus": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n"),
                     *NETWORK),
    "length-twice": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                           b"Content-Length: 3\r\n\r\nok"), *NETWORK),
    "length-and-chunks": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                                b"Transfer-Encoding: chunked\r\n\r\n"
                                b"2\r\nok\r\n0\r\n\r\n"), *NETWORK),
    "nul-in-header": (sends(b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n\r\n"),
                      *NETWORK),
    "more-than-length": (sends(OK + EVIL, stays=True), 200, b"ok"),
    "body-of-204": (sends(b"HTTP/1.1 204 No Content\r\n\r\n" + EVIL,
                          stays=True), 204, b""),
    "body-of-304": (sends(b"HTTP/1.1 304 Not Modified\r\n\r\n" + EVIL,
                          stays=True), 304, b""),
    "cut-in-body": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
                    200, CUT),
    "cut-in-chunks": (sends(b"HTTP/1.1 200 OK\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"),
                      200, CUT),
    "chunks-of-rubbish": (sends(b"HTTP/1.1 200 OK\r\n"
                                b"Transfer-Encoding: chunked\r\n\r\n"
                                b"zz\r\nok\r\n"), 200, CUT),
    "no-length": (sends(b"HTTP/1.0 200 OK\r\n\r\nok"), 200, b"ok"),
}


@pytest.mark.parametrize("name", BACKENDS)
def test_what_becomes_of_an_answer(gateway, backend, name):
    answer, status, expected = BACKENDS[name]
    path = "/soon/" if answer is hangs else "/to/"
    logged = len(gateway.log.read_text())
    backend.answers["/" + name] = answer
    with bounded(gateway), gateway.connect() as client:
        client.send(get(f"/prod{path}{name}"))
        if expected is CUT:
            with pytest.raises(ConnectionError):
                client.reply()
        else:
            reply = client.reply()
            assert reply.status == status
            if isinstance(expected, bytes):
                assert reply.body == expected
            else:
                assert reply.json() == {"message": expected}
                assert reply["x-amzn-ErrorType"] == (
                    "InternalServerErrorException")
    # Nobody else gets what was left over.
    for _ in range(3):
        with gateway.connect() as client:
            client.send(MARKER)
            assert client.reply().json()["target"] == "/marker"
    text = gateway.log.read_text()[logged:]
    assert KEY not in text
    if status == 504 or expected is CUT:
        assert re.search(r"\[error\].*(upstream|tallygate)", text), text


def test_a_head_that_brings_a_body(gateway, backend):
    backend.answers["/head"] = sends(OK + EVIL, stays=True)
    with gateway.connect() as client:
        client.send(head("HEAD /prod/to/head HTTP/1.1"))
        assert client.reply(head_only=True).status == 200
        client.send(MARKER)
        assert client.reply().json()["target"] == "/marker"


def test_a_gigabyte_passes_in_bounded_memory(gateway, backend):
    """A quarter of it, then the client goes: the backend is not drained."""
    stopped = threading.Event()
    sent = []

    def answer(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                           b"\r\n\r\n")
        piece = b"10000\r\n" + b"g" * 0x10000 + b"\r\n"
        with contextlib.suppress(OSError):
            for _ in range(1 << 14):
                connection.sendall(piece)
                sent.append(len(piece))
        stopped.set()
        return False
    backend.answers["/gigabyte"] = answer
    with bounded(gateway):
        with gateway.connect(timeout=60) as client:
            client.send(get("/prod/to/gigabyte"))
            seen = 0
            while seen < 64 << 20:
                seen += len(client.socket.recv(1 << 20))
        wait_until(stopped.is_set, "the backend's connection to end", 30)
    assert sum(sent) < 1 << 30


def chunked(*pieces):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (
        b"".join(b"%x\r\n%s\r\n" % (len(piece), piece)
                 for piece in [*pieces, b""]))


def sized(size):
    return (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
            + b"x" * size)


@pytest.fixture(scope="module")
def bounded_answers(backend):
    made = Gateway(spec_of(backend.port), edit=lambda conf: conf.replace(
        "tallygate on;", "tallygate on; tallygate_answer_max 1000;")).start()
    yield made
    made.stop()


@pytest.mark.parametrize("data, expected", [
    (sized(1000), 200), (sized(1001), 500),
    (chunked(b"x" * 600, b"y" * 400), 200),
    (chunked(b"x" * 600, b"y" * 401), CUT)])
def test_answers_are_as_long_as_the_settings_let_them(bounded_answers,
                                                      backend, data,
                                                      expected):
    gateway = bounded_answers
    logged = len(gateway.log.read_text())
    backend.answers["/sized"] = sends(data)
    with gateway.connect() as client:
        client.send(get("/prod/to/sized"))
        if expected is CUT:
            with pytest.raises((ConnectionError, ValueError)):
                client.reply()
        else:
            reply = client.reply()
            assert reply.status == expected
            if expected == 200:
                assert len(reply.body) == 1000
            else:
                assert reply.json() == {"message": "Internal server error"}
    assert ("more than 1000 bytes" in gateway.log.read_text()[logged:]) == (
        expected != 200)
    with gateway.connect() as client:
        client.send(MARKER)
        assert client.reply().json()["target"] == "/marker"


# ---- what is seen of them ----

def test_what_is_refused_leaves_a_line_in_the_log(gateway):
    """Who it was, and what; ten lines a second at most, so that a shape may
    have to come again."""
    def is_logged(data):
        status, before = None, len(gateway.log.read_text())
        with gateway.connect() as client:
            with contextlib.suppress(OSError):
                client.send(data)
                status = client.reply().status
        return re.search(rf"\[warn\].* request refused: {status} \w+, "
                         r"client: 127\.0\.0\.1",
                         gateway.log.read_text()[before:])

    begin = len(gateway.log.read_text())
    for name, (data, status, *passed) in CLIENTS.items():
        if not passed and status != 403 or name == "segments":
            wait_until(lambda: is_logged(data), f"a line for {name}")
    before = len(gateway.log.read_text())
    wait_until(lambda: is_logged(b"\x1b[2J\x16\x03\x01\xff \"x\"\r\n\r\n"),
               "a line for what is no text")
    assert 'request: ".[2J.... .x."' in gateway.log.read_text()[before:]
    assert not re.search(r"[^\n -~]", gateway.log.read_text()[before:])
    assert "more requests refused" in gateway.log.read_text()[begin:]
    assert KEY not in gateway.log.read_text()[begin:]
