"""module.py - nginx with the module and planes, and nothing else of ours

A Gateway is a real nginx with the configuration that src/nginx/README.md
shows, on planes that build/tests/support/plane-fixture makes from a
dictionary; so that document, module and tests cannot drift apart.  Client
speaks HTTP over a raw socket; RawBackend answers with the bytes it is told.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TALLYGATE_TEST_BUILD", TOP / "build"))
FIXTURE = BUILD / "tests/support/plane-fixture"
MODULE = BUILD / "src/nginx/ngx_http_tallygate_module.so"
README = TOP / "src/nginx/README.md"
BAD_LINE = re.compile(r"\[(alert|crit|emerg)\]|ERROR: \w+Sanitizer|"
                      r"runtime error:")
HOST = "abc123.execute-api.us-east-1.localhost"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain for " + what)


class Reply:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason = status, reason
        self.headers, self.body = headers, body

    def __getitem__(self, name):
        """The only value of a header; None if it is absent."""
        found = self.all(name)
        assert len(found) < 2, (name, found)
        return found[0] if found else None

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)


class Client:
    """One connection; requests are bytes, replies are read one by one."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        data = self.socket.recv(65536)
        self.pending += data
        return bool(data)

    def until(self, mark):
        while mark not in self.pending:
            if not self.fill():
                raise ConnectionError("closed: %r" % self.pending[:200])
        head, self.pending = self.pending.split(mark, 1)
        return head

    def exactly(self, size):
        while len(self.pending) < size:
            if not self.fill():
                raise ConnectionError("closed in a body")
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def reply(self, head_only=False):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        _, status, reason = (lines[0] + " ").split(" ", 2)
        headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
        reply = Reply(int(status), reason.strip(), headers, b"")
        if head_only or reply.status in (101, 204, 304):
            return reply
        if reply["Transfer-Encoding"] == "chunked":
            while size := int(self.until(b"\r\n"), 16):
                reply.body += self.exactly(size)
                self.exactly(2)
            self.until(b"\r\n")
        elif reply["Content-Length"] is not None:
            reply.body = self.exactly(int(reply["Content-Length"]))
        else:
            while self.fill():
                pass
            reply.body, self.pending = self.pending, b""
        return reply

    def is_closed(self):
        return not self.pending and not self.fill()


def request(method="GET", path="/", key=None, headers=(), body=None,
            host=HOST, version="1.1"):
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/{version}"]
    if host is not None:
        lines.append("Host: " + host)
    if key is not None:
        lines.append("x-api-key: " + key)
    lines += ["%s: %s" % pair for pair in headers]
    if body is not None:
        lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


class RawBackend:
    """Answers each path with what `answers` has for it: bytes, or a function
    of the connection's socket and the request; else the request as JSON."""

    def __init__(self, context=None):
        self.answers = {}
        self.requests = []
        self.connections = 0
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,),
                             daemon=True).start()

    def serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection,
                                                      server_side=True)
            with connection:
                reader = connection.makefile("rb")
                while self.serve_one(connection, reader):
                    pass
        except OSError:
            pass

    def serve_one(self, connection, reader):
        line = reader.readline().decode("latin-1")
        if not line:
            return False
        method, target, _ = line.split(" ")
        headers = []
        while (line := reader.readline().decode("latin-1").strip()):
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        fields = {k.lower(): v for k, v in headers}
        body = b""
        if fields.get("transfer-encoding") == "chunked":
            while size := int(self.line_of(reader), 16):
                body += reader.read(size)
                reader.readline()
            reader.readline()
        else:
            length = int(fields.get("content-length", 0))
            body = reader.read(length)
            if len(body) < length:      # the connection ended in it
                return False
        seen = {"method": method, "target": target, "headers": headers,
                "body": body.decode("latin-1")}
        self.requests.append(seen)
        answer = self.answers.get(target.split("?")[0])
        if callable(answer):
            return answer(connection, seen)
        if answer is None:
            data = json.dumps(seen).encode()
            answer = (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n"
                      b"Content-Type: application/json\r\n\r\n" % len(data))
            if method != "HEAD":
                answer += data
        connection.sendall(answer)
        return b"Connection: close" not in answer

    @staticmethod
    def line_of(reader):
        if not (line := reader.readline()):
            raise ConnectionError("closed in a body")
        return line

    def stop(self):
        # Or else its thread would go on to accept for whoever gets the
        # descriptor's number next.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class Gateway:
    def __init__(self, spec, workers=1, edit=lambda conf: conf, make=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tallygate-"))
        self.state = self.folder / "state"
        self.port = free_port()
        self.spec = spec
        for name in ("run/tmp", "logs"):
            (self.state / name).mkdir(parents=True)
        self.log = self.state / "logs/nginx.log"
        self.configure(workers, edit)
        if make:
            self.fixture("make")
        self.nginx = None

    def configure(self, workers, edit):
        conf = re.search(r"```nginx\n(.*?)```", README.read_text(),
                         re.S).group(1)
        for old, new in (
                ("worker_processes 2;", f"worker_processes {workers};\n"
                 + ("user root;\n" if os.geteuid() == 0 else "")),
                ("/state", str(self.state)),
                ("/build/src/nginx/ngx_http_tallygate_module.so",
                 str(MODULE)),
                ("listen 8080", f"listen 127.0.0.1:{self.port}")):
            assert old in conf
            conf = conf.replace(old, new)
        self.conf = self.folder / "nginx.conf"
        self.conf.write_text(edit(conf))

    def fixture(self, verb):
        args = [FIXTURE, verb, self.state]
        if verb in ("make", "update"):
            path = self.folder / "spec.json"
            path.write_text(json.dumps(self.spec))
            args.append(path)
        done = subprocess.run(args, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def dump(self):
        return json.loads(self.fixture("dump"))

    def counted(self, slot=None):
        return sum(cell["counted"] for cell in self.dump()["cells"]
                   if slot is None or cell["slot"] == slot)

    def assert_counted(self, calls, slot=0):
        """A worker may be put to sleep between its last write and the
        count."""
        wait_until(lambda: self.counted(slot) >= calls, "the count", 3)
        assert self.counted(slot) == calls

    def used(self, slot):
        return {c["slot"]: c["used"] for c in self.dump()["cells"]}[slot]

    def start(self):
        env = dict(os.environ)
        if "asan" in BUILD.name:
            env["LD_PRELOAD"] = " ".join(
                subprocess.run(["cc", "-print-file-name=" + name],
                               capture_output=True, text=True).stdout.strip()
                for name in ("libasan.so", "libubsan.so"))
            env["ASAN_OPTIONS"] = "detect_leaks=0:log_path=%s/asan" % (
                self.state / "logs")
        self.nginx = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", self.folder, "-c", self.conf], env=env,
            stderr=open(self.folder / "stderr", "ab"))
        wait_until(self.is_up, "nginx to listen")
        return self

    def is_up(self):
        assert self.nginx.poll() is None, (
            (self.folder / "stderr").read_text()
            + (self.log.read_text() if self.log.exists() else ""))
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return self.workers() != []

    def workers(self):
        pid = self.nginx.pid
        path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return [int(word) for word in path.read_text().split()]

    def signal(self, number):
        self.nginx.send_signal(number)

    def connect(self, **options):
        return Client(self.port, **options)

    def call(self, method="GET", path="/", key=None, **options):
        with self.connect() as client:
            client.send(request(method, path, key, **options))
            return client.reply(head_only=method == "HEAD")

    def log_has(self, text):
        return text in self.log.read_text()

    def stop(self):
        if self.nginx and self.nginx.poll() is None:
            self.signal(signal.SIGTERM)
            self.nginx.wait(20)
        text = self.log.read_text() if self.log.exists() else ""
        text += "".join(path.read_text(errors="replace") for path in
                        (self.state / "logs").glob("asan*"))
        text += (self.folder / "stderr").read_text()
        bad = [line for line in text.splitlines() if BAD_LINE.search(line)]
        assert not bad, bad
        assert self.nginx is None or self.nginx.returncode == 0
        shutil.rmtree(self.folder)
