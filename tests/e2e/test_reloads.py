"""nginx reloads while clients hold connections, and no call is dropped.

The clients here never send a call a second time, and do not look whether a
connection has ended before they send the next one on it: whatever the moment,
a call on a kept connection is answered.

SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import random
import signal
import socket
import threading
import time

import pytest

from conftest import live
from stack import wait_until
from support.certificates import Authority
from support.http2 import Failed, Http2
from support.rules import Stream

HOST = "gateway.test"
RELOADS = int(os.environ.get("TALLYGATE_TEST_RELOADS", "20"))
PAUSE_S = 0.02          # between two calls, at most
SERVED = {"gateway": {"workers": 2}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("reloads"))


@pytest.fixture(scope="module")
def plain(request):
    yield from live(request, "reloads", more=SERVED)


@pytest.fixture(scope="module")
def secure(request, authority):
    pair = authority.issue("reloads", f"DNS:{HOST},IP:127.0.0.1")
    own = {"tls_certificate": str(pair.certificate), "tls_key": str(pair.key)}
    yield from live(request, "reloads-tls", more={
        "gateway": {**SERVED["gateway"], **own}, "portal": own})


def workers(world):
    """The process numbers of the workers that do not leave."""
    master = world.stack.nginx_pid()
    path = pathlib.Path(f"/proc/{master}/task/{master}/children")
    found = set()
    for pid in path.read_text().split():
        try:
            title = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"worker process" in title and b"shutting down" not in title:
            found.add(int(pid))
    return found


def reload(world):
    """Has other workers in the old ones' place; the old ones' numbers."""
    old = workers(world)
    os.kill(world.stack.nginx_pid(), signal.SIGHUP)
    wait_until(lambda: len(workers(world)) == len(old)
               and not workers(world) & old, "other workers")
    return old


def are_gone(pids):
    return not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids)


class Http1:
    """A connection that is used until an answer says that it ends."""

    def __init__(self, connection):
        self.connection = connection
        self.stream = Stream(connection)
        self.is_over = False

    def may_open(self):
        return not self.is_over

    def get(self, host, path, key=None):
        lines = [f"GET {path} HTTP/1.1", "Host: " + host]
        if key:
            lines.append("x-api-key: " + key)
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        reply = self.stream.message(is_reply=True)
        if reply is None:
            raise Failed("the connection ended")
        self.is_over = reply.get("Connection") == "close"
        return int(reply.first[1]), reply.body

    def close(self):
        self.connection.close()


def connect(world, listener="gateway", authority=None, alpn=None):
    plain = socket.create_connection(
        ("127.0.0.1", world.stack.ports[listener]), 30)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if authority is None:
        return Http1(plain)
    context = authority.context()
    context.set_alpn_protocols([alpn])
    made = context.wrap_socket(plain, server_hostname=HOST)
    assert made.selected_alpn_protocol() == alpn
    return Http2(made) if alpn == "h2" else Http1(made)


class Caller(threading.Thread):
    """Calls at random moments, each once."""

    def __init__(self, make, path, key, seed):
        super().__init__()
        self.make, self.path, self.key = make, path, key
        self.random = random.Random(seed)
        self.is_over = False
        self.calls = 0
        self.connections = 0
        self.failed = []

    def run(self):
        line = None
        while not self.is_over:
            try:
                if line is None or not line.may_open():
                    if line is not None:
                        line.close()
                    line = self.make()
                    self.connections += 1
                status, _ = line.get(HOST, self.path, self.key)
                assert status == 200, status
                self.calls += 1
            except Exception as error:
                self.failed.append(repr(error))
                line = None
            time.sleep(self.random.random() * PAUSE_S)
        if line is not None:
            line.close()


def play(world, callers):
    for caller in callers:
        caller.start()
    try:
        for _ in range(RELOADS):
            reload(world)
        for caller in callers:
            before = caller.calls
            wait_until(lambda: caller.calls > before or caller.failed,
                       "one more call of each")
    finally:
        for caller in callers:
            caller.is_over = True
        for caller in callers:
            caller.join()
    print(sum(caller.calls for caller in callers), "calls")
    assert [caller.failed for caller in callers if caller.failed] == []
    assert min(caller.connections for caller in callers) > 1


@pytest.fixture
def seed():
    number = int(os.environ.get("TALLYGATE_TEST_SEED",
                                random.SystemRandom().randrange(1 << 32)))
    print(f"seed {number}")
    return number


def test_no_call_is_dropped(plain, seed):
    """By the gateway (billed calls and MOCKs), the portal, the admin
    listener."""
    api = plain.import_api()
    _, key = plain.key(plain.plan(api))
    base = f"/restapis/{api}/prod/_user_request_"
    callers = [Caller(lambda: connect(plain), base + path, key, seed + n)
               for n in range(6) for path in ("/echo/x", "/fixed")]
    callers += [Caller(lambda: connect(plain, "portal"), "/", None,
                       seed + 100 + n) for n in range(2)]
    callers += [Caller(lambda: connect(plain, "admin"), "/healthz", None,
                       seed + 200 + n) for n in range(2)]
    play(plain, callers)
    served = sum(caller.calls for caller in callers if caller.key)
    wait_until(lambda: plain.counted() >= served, "every call in the ledger")
    assert plain.counted() == served


def test_no_call_is_dropped_over_tls(secure, authority, seed):
    """HTTP/1.1 and HTTP/2."""
    api = secure.import_api()
    _, key = secure.key(secure.plan(api))
    path = f"/restapis/{api}/prod/_user_request_/echo/x"
    callers = [
        Caller(lambda alpn=alpn: connect(secure, "gateway", authority, alpn),
               path, key, seed + n)
        for n in range(5) for alpn in ("http/1.1", "h2")]
    play(secure, callers)
    served = sum(caller.calls for caller in callers)
    wait_until(lambda: secure.counted() >= served,
               "every call in the ledger")
    assert secure.counted() == served


def health(world, listener="gateway"):
    """A path that needs no key."""
    if listener == "admin":
        return "/healthz"
    if not hasattr(world, "health_path"):
        api = world.import_api()
        world.health_path = f"/restapis/{api}/prod/_user_request_/health"
        world.open_path = f"/restapis/{api}/prod/_user_request_/open/x"
    return world.health_path


@pytest.mark.parametrize("calls", [0, 1], ids=["fresh", "used"])
@pytest.mark.parametrize("listener", ["gateway", "admin"])
def test_an_idle_connection_outlives_a_reload(plain, listener, calls):
    path = health(plain, listener)
    plain.apigateway.close()
    old = workers(plain)
    line = connect(plain, listener)
    for _ in range(calls):
        assert line.get(HOST, path)[0] == 200
        assert not line.is_over
    if not calls:       # until a worker has taken it, the kernel keeps it
        for _ in range(8):
            other = connect(plain, listener)
            assert other.get(HOST, path)[0] == 200
            other.close()
    assert reload(plain) == old
    assert line.get(HOST, path)[0] == 200
    if calls:
        assert line.is_over
    line.close()
    wait_until(lambda: are_gone(old), "the end of the old workers")


@pytest.mark.parametrize("calls", [0, 1], ids=["fresh", "used"])
def test_http2_is_told_of_the_end_and_served_until_it_has_heard(
        secure, authority, calls):
    path = health(secure)
    secure.apigateway.close()
    line = connect(secure, "gateway", authority, "h2")
    for _ in range(calls + 1):
        assert line.get(HOST, path) == (200, b'{"up": true}')
    assert line.may_open()
    if calls:           # a call is under way meanwhile
        slow = line.open([(":method", "GET"), (":scheme", "https"),
                          (":authority", HOST),
                          (":path", secure.open_path + "?delay_ms=400")])
    old = reload(secure)
    wait_until(lambda: not line.may_open(), "a GOAWAY")
    assert line.last_stream == 0x7fffffff
    # As if it had not heard yet: two streams that were on their way.
    assert line.get(HOST, path)[0] == 200
    assert line.get(HOST, path)[0] == 200
    if calls:
        assert line.answer(slow)[0] == 200
    line.close()
    wait_until(lambda: are_gone(old), "the end of the old workers")


@pytest.mark.parametrize("size", [2000, 3000000])
def test_an_answer_that_spans_a_reload_keeps_its_promise(plain, size):
    """Its header said that the connection is kept."""
    path = health(plain)
    plain.apigateway.close()
    line = connect(plain)
    line.connection.sendall(
        f"GET {plain.open_path}?size={size}&pause_ms=600 HTTP/1.1\r\n"
        f"Host: {HOST}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += line.connection.recv(1)
    assert b"Connection: keep-alive" in head
    old = reload(plain)
    while size:
        size -= len(line.connection.recv(min(size, 65536)))
    assert line.get(HOST, path)[0] == 200
    assert line.is_over
    line.close()
    wait_until(lambda: are_gone(old), "the end of the old workers")


@pytest.mark.parametrize("world", [{"more": {"gateway": {
    "workers": 1, "reload_grace_s": grace}}} for grace in (0, 1)],
    indirect=True, ids=["none", "short"])
def test_idle_connections_end_with_the_grace(world):
    path = health(world)
    line = connect(world)
    assert line.get(HOST, path)[0] == 200
    old = workers(world)
    os.kill(world.stack.nginx_pid(), signal.SIGHUP)
    assert line.connection.recv(1) == b""
    wait_until(lambda: are_gone(old), "the end of the old worker")


@pytest.mark.parametrize("has_left", [False, True], ids=["only", "reloaded"])
def test_a_stop_waits_for_no_idle_client(world, has_left):
    """Stack.stop gives it less than the grace."""
    path = health(world)
    line = connect(world)
    assert line.get(HOST, path)[0] == 200
    if has_left:
        reload(world)
    world.stop_daemon()
    assert line.connection.recv(1) == b""
    assert world.stack.nginx_pid() is None
    world.start_daemon()
