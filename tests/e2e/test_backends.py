"""Backends that are several, that go away, or that close a connection at the
moment a call goes out on it: the module alone, over raw sockets.

What may be delivered twice, and what may not, is said in src/nginx/peer.c.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import threading

import pytest

from support.certificates import Authority
from support.module import (MODULE, Gateway, RawBackend, free_port, request,
                            wait_until)

KEY = "key-of-a-good-customer-0001"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NO_NETWORK = "Network error communicating with endpoint"
TIMED_OUT = "Endpoint request timed out"


def spec_of(backends, **timeouts):
    """/NAME/{proxy+} for each backend; NAME-as-post asks it with POST."""
    resources = []
    for name in backends:
        for path, verb in ((name, "ANY"), (name + "-as-post", "POST")):
            resources.append({"path": f"/{path}/{{proxy+}}", "methods": [{
                "verb": "ANY", "key": True, "integration": {
                    "type": "http", "backend": name, "verb": verb,
                    "path": ["/", ["path", "proxy"]],
                    "timeout_ms": timeouts.get(name, 29000)}}]})
    return {
        "backends": {name: {"name": name + ".test", **spec}
                     for name, spec in backends.items()},
        "plans": [{"id": "gold"}],
        "apis": [{"id": "abc123", "stages": [
            {"name": "prod", "plans": ["gold"], "resources": resources}]}],
        "keys": [{"value": KEY, "id": "good", "plans": ["gold"]}],
    }


def addresses(*ports):
    return {"addresses": [["127.0.0.1", port] for port in ports]}


@contextlib.contextmanager
def serving(backends, edit=lambda conf: conf, **timeouts):
    gateway = Gateway(spec_of(backends, **timeouts), edit=edit).start()
    try:
        yield gateway
    finally:
        gateway.stop()


def replacing(*pairs):
    def edit(conf):
        for old, new in pairs:
            assert old in conf, old
            conf = conf.replace(old, new)
        return conf
    return edit


@pytest.fixture
def backend():
    made = RawBackend()
    yield made
    made.stop()


@pytest.fixture
def other():
    made = RawBackend()
    yield made
    made.stop()


def message(reply):
    return reply.status, reply.json()["message"]


def row(gateway):
    return gateway.dump()["rows"][0]


# ---- a kept connection that ends at that moment ----

class Closing:
    """Keeps its first connection open after one answer, and ends it when told
    to: in order, or with a reset."""

    def __init__(self, backend, reset=False):
        self.go = threading.Event()
        self.gone = threading.Event()
        self.reset = reset
        backend.answers["/first"] = self.first

    def first(self, connection, _):
        connection.sendall(OK)
        assert self.go.wait(10)
        if self.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
        if isinstance(connection, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                connection.settimeout(0)
                connection.unwrap()             # close_notify
        socket.close(connection.detach())
        self.gone.set()
        return False


def is_stopped(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(
        ")", 1)[1].split()[0] == "T"


@contextlib.contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: is_stopped(pid), "the worker to stand still")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def call_while_it_closes(gateway, closing, method, path="/prod/one/second",
                         body=None):
    """The worker sees at once that a call has come and that the backend has
    ended the kept connection; it looks at the call first."""
    with gateway.connect() as client:
        client.send(request(path="/prod/one/first", key=KEY))
        assert client.reply().body == b"ok"
        with frozen(gateway.workers()[0]):
            client.send(request(method, path, KEY, body=body))
            closing.go.set()
            assert closing.gone.wait(5)
        return client.reply(head_only=method == "HEAD")


STALE = [("GET", None), ("HEAD", None), ("DELETE", None), ("PUT", b"x" * 900),
         ("POST", b"y" * 900), ("POST", b""), ("PATCH", b"z" * 900)]


@pytest.mark.parametrize("method,body", STALE)
def test_a_connection_that_ends_in_order_costs_no_call(backend, method, body):
    closing = Closing(backend)
    with serving({"one": addresses(backend.port)}) as gateway:
        reply = call_while_it_closes(gateway, closing, method, body=body)
        assert reply.status == 200
        assert [seen["target"] for seen in backend.requests] == [
            "/first", "/second"]            # delivered once
        assert backend.connections == 2
        assert row(gateway)["retries"] == 1
        gateway.assert_counted(2)


@pytest.mark.parametrize("method,body", [("GET", None), ("POST", b"y" * 900)])
def test_the_same_over_tls(tmp_path, method, body):
    authority = Authority(tmp_path)
    pair = authority.issue("one", "DNS:one.test")
    backend = RawBackend(pair.context())
    closing = Closing(backend)
    spec = {"one": {**addresses(backend.port), "tls": True}}
    try:
        with serving(spec, replacing(("/etc/ssl/certs/ca-certificates.crt",
                                      str(authority.certificate)))) as gateway:
            reply = call_while_it_closes(gateway, closing, method, body=body)
            assert reply.status == 200
            assert [seen["target"] for seen in backend.requests] == [
                "/first", "/second"]
            assert backend.connections == 2
    finally:
        backend.stop()


@pytest.mark.parametrize("method,body", [("GET", None), ("POST", b"y")])
def test_a_connection_that_was_reset_before_costs_no_call(backend, method,
                                                          body):
    """Nothing of the call could be sent on it."""
    closing = Closing(backend, reset=True)
    with serving({"one": addresses(backend.port)}) as gateway:
        reply = call_while_it_closes(gateway, closing, method, body=body)
        assert reply.status == 200
        assert len(backend.requests) == 2


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
    socket.close(connection.detach())
    return False


@pytest.mark.parametrize("end", [reset, lambda connection: False])
@pytest.mark.parametrize("method,status", [
    ("GET", 200), ("PUT", 200), ("POST", 504), ("PATCH", 504)])
def test_a_call_that_was_read_on_a_kept_connection(backend, end, method,
                                                   status):
    """It may have been acted upon: only what is idempotent goes out again."""
    delivered = []

    def answer(connection, seen):
        delivered.append(seen)
        if len(delivered) == 1:
            return end(connection)
        connection.sendall(OK)
        return True
    backend.answers["/x"] = answer
    with serving({"one": addresses(backend.port)}) as gateway:
        assert gateway.call(path="/prod/one/first", key=KEY).status == 200
        reply = gateway.call(method, "/prod/one/x", KEY, body=b"b")
        assert reply.status == status
        assert len(delivered) == 1 + (status == 200)
        if status == 504:
            assert message(reply) == (504, NO_NETWORK)
        gateway.assert_counted(2)


def read_and_close(connection, seen):
    return False


def test_what_a_backend_has_read_goes_out_again_only_if_idempotent(backend,
                                                                   other):
    """Fresh connections: the first address reads the call and closes."""
    backend.answers["/x"] = read_and_close
    calls = [("GET", "one", None, 200), ("PUT", "one", b"u", 200),
             ("POST", "one", b"p", 504), ("PATCH", "one", b"q", 504),
             ("GET", "one-as-post", None, 504)]
    for method, name, body, status in calls:
        spec = {"one": addresses(backend.port, other.port)}
        with serving(spec) as gateway:
            backend.requests.clear()
            other.requests.clear()
            reply = gateway.call(method, f"/prod/{name}/x", KEY, body=body)
            assert reply.status == status, (method, name)
            assert len(backend.requests) == 1
            assert len(other.requests) == (status == 200)
            gateway.assert_counted(1)


def test_a_post_goes_to_an_address_that_can_be_reached(backend):
    with serving({"one": addresses(free_port(), backend.port)}) as gateway:
        for n in range(4):
            assert gateway.call("POST", "/prod/one/x", KEY,
                                body=b"p").status == 200
        assert len(backend.requests) == 4


class Deaf:
    """A port that takes no connection and refuses none: its queue is full."""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.waiting = []
        for _ in range(3):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.port))
            self.waiting.append(client)
        return self

    def __exit__(self, *_):
        for one in [self.listener, *self.waiting]:
            one.close()


QUICK = ("proxy_connect_timeout 5s", "proxy_connect_timeout 100ms")


def test_an_address_that_does_not_answer_is_given_up_in_time(backend):
    with Deaf() as deaf, serving(
            {"one": addresses(deaf.port, backend.port),
             "alone": addresses(deaf.port), "hasty": addresses(deaf.port)},
            replacing(QUICK), hasty=50) as gateway:
        assert gateway.call("POST", "/prod/one/x", KEY,
                            body=b"p").status == 200
        assert message(gateway.call(path="/prod/alone/x", key=KEY)) == (
            504, NO_NETWORK)
        assert message(gateway.call(path="/prod/hasty/x", key=KEY)) == (
            504, TIMED_OUT)
        gateway.assert_counted(3)


def test_the_time_out_is_not_begun_anew_by_a_second_address(backend, other):
    """Both addresses hang: neither gets the call after its time is over."""
    release = threading.Event()

    def hang(connection, seen):
        release.wait(5)
        return False
    backend.answers["/x"] = other.answers["/x"] = hang
    with serving({"one": addresses(backend.port, other.port)},
                 one=200) as gateway:
        assert message(gateway.call(path="/prod/one/x", key=KEY)) == (
            504, TIMED_OUT)
        release.set()
        assert len(backend.requests) + len(other.requests) == 1
        assert row(gateway)["timeouts"] == 1


def test_a_time_out_longer_than_nginx_waits_between_reads(backend):
    asked = threading.Event()

    def late(connection, seen):
        asked.wait(1.5)         # nobody sets it: nginx would wait for 1 s
        connection.sendall(OK)
        return True
    backend.answers["/x"] = late
    with serving({"one": addresses(backend.port)}, replacing(
            ("proxy_read_timeout 60s", "proxy_read_timeout 1s")),
            one=20000) as gateway:
        assert gateway.call(path="/prod/one/x", key=KEY).body == b"ok"


# ---- health ----

def test_an_address_that_fails_again_and_again_is_passed_over(backend):
    """Seen from outside: it gets max_fails calls, then none."""
    bad = RawBackend()
    bad.answers["/x"] = read_and_close
    try:
        with serving({"one": addresses(bad.port, backend.port)},
                     replacing(("max_fails=3 fail_timeout=10",
                                "max_fails=2 fail_timeout=1000"))) as gateway:
            for _ in range(12):
                assert gateway.call(path="/prod/one/x", key=KEY).status == 200
            assert len(bad.requests) == 2
            assert row(gateway)["failures"] == 2
    finally:
        bad.stop()


def test_an_address_that_is_well_again_gets_calls_again(backend, other):
    backend.answers["/x"] = read_and_close
    with serving({"one": addresses(backend.port, other.port)},
                 replacing(("max_fails=3 fail_timeout=10",
                            "max_fails=1 fail_timeout=1"))) as gateway:
        for _ in range(6):
            assert gateway.call(path="/prod/one/x", key=KEY).status == 200
        backend.answers.clear()
        before = len(backend.requests)

        def is_back():
            assert gateway.call(path="/prod/one/x", key=KEY).status == 200
            return len(backend.requests) > before + 2
        wait_until(is_back, "calls on the address that is well again")


def test_an_address_that_is_down_gets_nothing_while_another_is_up(backend,
                                                                  other):
    spec = {"one": {"addresses": [["127.0.0.1", backend.port, True],
                                  ["127.0.0.1", other.port]]},
            "two": {"addresses": [["127.0.0.1", backend.port, True]]}}
    with serving(spec) as gateway:
        for _ in range(6):
            assert gateway.call(path="/prod/one/x", key=KEY).status == 200
        assert (len(backend.requests), len(other.requests)) == (0, 6)
        # The only one is tried all the same: the check may be wrong.
        assert gateway.call(path="/prod/two/x", key=KEY).status == 200
        # Word that it is up again costs no connection of the other.
        gateway.spec["backends"]["one"].update(
            addresses(backend.port, other.port))
        gateway.fixture("update")
        before = other.connections

        def is_back():
            assert gateway.call(path="/prod/one/y", key=KEY).status == 200
            return len(backend.requests) > 1
        wait_until(is_back, "calls on the address that is up again")
        assert other.connections == before


# ---- bodies ----

def test_a_body_that_streams_never_meets_a_kept_connection(backend):
    """So that it cannot meet one that its backend has just closed."""
    closing = Closing(backend)
    with serving({"one": addresses(backend.port)}) as gateway:
        reply = call_while_it_closes(gateway, closing, "POST",
                                     body=b"s" * 300000)
        assert reply.status == 200
        assert len(reply.json()["body"]) == 300000
        assert row(gateway)["retries"] == 0


def test_a_small_body_is_read_before_the_backend_is_asked(backend):
    with serving({"one": addresses(backend.port)}) as gateway:
        with gateway.connect() as client:
            client.send(request("POST", "/prod/one/x", KEY,
                                headers=[("Content-Length", "4")]) + b"ab")
            gateway.call(path="/prod/one/marker", key=KEY)
            assert [seen["target"] for seen in backend.requests] == [
                "/marker"]
            client.send(b"cd")
            assert client.reply().json()["body"] == "abcd"


def chunks(total, size=1 << 16):
    piece = b"%x\r\n" % size + b"c" * size + b"\r\n"
    for _ in range(total // size):
        yield piece
    yield b"0\r\n\r\n"


def peak(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) << 10


def test_uploads_larger_than_any_buffer_stream_in_bounded_memory():
    """64 MB up, with a length and in chunks: nowhere more than buffers."""
    size = 64 << 20
    seen = []

    def serve(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            total, tail = 0, b""
            while True:
                data = connection.recv(1 << 18)
                total += len(data)
                tail = (tail + data)[-5:]
                if not data or tail == b"0\r\n\r\n" or total > size + 100:
                    break
            seen.append(total)
            connection.sendall(OK)
            connection.close()
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listener,), daemon=True)
    thread.start()
    with serving({"one": addresses(listener.getsockname()[1])}, replacing(
            ("client_max_body_size 10485760", "client_max_body_size 100m"),
            )) as gateway:
        worker = gateway.workers()[0]
        assert gateway.call(path="/prod/none", key=KEY).status == 403
        before = peak(worker)
        for headers in ([("Content-Length", str(size))],
                        [("Transfer-Encoding", "chunked")]):
            with gateway.connect(timeout=60) as client:
                client.send(request("POST", "/prod/one/x", KEY,
                                    headers=headers))
                if headers[0][0] == "Content-Length":
                    for _ in range(size >> 16):
                        client.send(b"c" * (1 << 16))
                else:
                    for piece in chunks(size):
                        client.send(piece)
                assert client.reply().body == b"ok"
        assert all(total > size for total in seen) and len(seen) == 2
        if "asan" not in str(MODULE):
            assert peak(worker) - before < 8 << 20
        assert not [path for path in (gateway.state / "run/tmp").rglob("*")
                    if path.is_file()]
        gateway.assert_counted(2)
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


def test_a_body_over_the_limit_is_413_however_it_comes(backend):
    with serving({"one": addresses(backend.port)}, replacing(
            ("client_max_body_size 10485760", "client_max_body_size 200000"),
            )) as gateway:
        for size, status in ((200000, 200), (200001, 413)):
            reply = gateway.call("POST", "/prod/one/x", KEY, body=b"b" * size)
            assert reply.status == status
        gateway.assert_counted(1)
        with gateway.connect() as client:
            client.send(request("POST", "/prod/one/x", KEY, headers=[
                ("Transfer-Encoding", "chunked")]))
            with contextlib.suppress(ConnectionError):
                for piece in chunks(400000):
                    client.send(piece)
            assert message(client.reply()) == (413, "Request Too Long")
        # Its integration had begun: the backend got what was within.
        gateway.assert_counted(2)
        assert len(backend.requests) == 1


def test_pieces_of_an_answer_pass_at_once(backend):
    """Without a length nobody knows how long the next piece takes."""
    go_on = threading.Event()

    def answer(connection, seen):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                           b"\r\nContent-Type: application/x-ndjson\r\n\r\n"
                           b"4\r\n{1}\n\r\n")
        go_on.wait(5)
        connection.sendall(b"4\r\n{2}\n\r\n0\r\n\r\n")
        return True
    backend.answers["/lines"] = answer
    with serving({"one": addresses(backend.port)}) as gateway:
        with gateway.connect() as client:
            client.send(request(path="/prod/one/lines", key=KEY))
            client.until(b"{1}\n")
            go_on.set()
            client.until(b"{2}\n")
            client.until(b"0\r\n\r\n")
        before = backend.connections
        assert gateway.call(path="/prod/one/x", key=KEY).status == 200
        assert backend.connections == before     # it was kept


def test_a_backend_that_stops_reading_runs_out_of_time():
    listener = socket.create_server(("127.0.0.1", 0))
    with serving({"one": addresses(listener.getsockname()[1])},
                 one=300) as gateway:
        with gateway.connect() as client:
            client.send(request("POST", "/prod/one/x", KEY, headers=[
                ("Content-Length", "10000000")]))
            sender = threading.Thread(target=send_quietly,
                                      args=(client, b"n" * 10000000))
            sender.start()
            assert message(client.reply()) == (504, TIMED_OUT)
            client.socket.shutdown(socket.SHUT_RDWR)
            sender.join()
    listener.close()


def send_quietly(client, data):
    with contextlib.suppress(OSError):
        client.send(data)
