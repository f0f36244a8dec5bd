"""rules.py - the rules for calls, a row each, played over real sockets

A Row names the section of Amazon's rules that it is an example of, the request
as its bytes go out, and what has to come: status, body and headers of the
answer, and what the backend got, or that it got nothing.  A Book is a running
gateway with the APIs that rows speak of; `$name` in a row's texts is what the
book has under that name (an API's id, a key's value).

The backend of a book is a Witness: it keeps each request as it came and
answers with the bytes that the path names.

What every row checks for nothing: one Date, x-amzn-RequestId and
x-amz-apigw-id in Amazon's form.

SPDX-License-Identifier: Apache-2.0
"""
import dataclasses
import json
import re
import socket
import string
import threading

from support.ports import free_port
from support.world import STAGE

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
GATEWAY_ID = re.compile(r"[A-Za-z0-9_-]{15}=")
ANYTHING = re.compile(r".*", re.DOTALL)


def refusal(status, kind, message):
    """What a row expects where the gateway refuses: Row(..., **refusal())."""
    return {"status": status, "answer": json.dumps(
        {"message": message}, separators=(",", ":")),
        "has": {"x-amzn-ErrorType": kind, "Content-Type": "application/json",
                "X-Amzn-Trace-Id": None}}


FORBIDDEN = refusal(403, "ForbiddenException", "Forbidden")
NO_ROUTE = refusal(403, "MissingAuthenticationTokenException",
                   "Missing Authentication Token")
BAD_REQUEST = refusal(400, "BadRequestException", "Bad Request")


@dataclasses.dataclass
class Row:
    rule: str               # section of the rules
    says: str               # in a few words
    line: str               # verb and target
    host: str = None        # None: the book's default
    headers: object = ()    # a dict, or pairs
    body: bytes = b""
    raw: bytes = None       # instead of all above but line
    status: int = 200
    answer: object = None   # str or bytes: exact; else JSON; None: whatever
    has: dict = dataclasses.field(default_factory=dict)
    got: object = None      # by the backend: None: nothing; a target; a dict
    units: int = 0          # that it counts

    def __str__(self):
        return f"{self.rule} {self.says}"


def rows(*tables):
    """The rows of tables, as parametrize takes them."""
    every = [row for table in tables for row in table]
    return {"argvalues": every, "ids": [str(row) for row in every]}


class Message:
    """An HTTP message: first line, headers as pairs, body."""

    def __init__(self, head, body=b""):
        lines = head.decode("latin-1").split("\r\n")
        self.first = lines[0].split(" ", 2)
        self.headers = [tuple(line.split(": ", 1)) if ": " in line
                        else (line.rstrip(":"), "") for line in lines[1:]]
        self.body = body

    def all(self, name):
        return [value for key, value in self.headers
                if key.lower() == name.lower()]

    def get(self, name):
        return next(iter(self.all(name)), None)


class Stream:
    """Messages off a socket."""

    def __init__(self, connection):
        self.connection = connection
        self.data = b""

    def more(self):
        chunk = self.connection.recv(65536)
        self.data += chunk
        return bool(chunk)

    def take(self, size):
        while len(self.data) < size:
            if not self.more():
                raise EOFError("the connection ended within a message")
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def take_through(self, mark):
        while mark not in self.data:
            if not self.more():
                raise EOFError("the connection ended within a message")
        return self.take(self.data.index(mark) + len(mark))[:-len(mark)]

    def chunks(self):
        body = b""
        while size := int(self.take_through(b"\r\n").split(b";")[0], 16):
            body += self.take(size)
            assert self.take(2) == b"\r\n"
        self.take_through(b"\r\n")
        return body

    def message(self, has_body=True, is_reply=False):
        """The next message; None at the end of the connection."""
        while not self.data:
            if not self.more():
                return None
        message = Message(self.take_through(b"\r\n\r\n"))
        if not has_body:
            return message
        if "chunked" in (message.get("Transfer-Encoding") or ""):
            message.body = self.chunks()
        elif message.get("Content-Length"):
            message.body = self.take(int(message.get("Content-Length")))
        elif is_reply:
            while self.more():
                pass
            message.body, self.data = self.data, b""
        return message


class Witness:
    """Keeps requests; answers as told, or `got it` in JSON."""

    def __init__(self):
        self.port = free_port()
        self.seen = []
        self.canned = {}        # path: bytes; then the connection closes
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,),
                             daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = Stream(connection)
        try:
            while (request := stream.message()) is not None:
                self.seen.append(request)
                path = request.first[1].split("?")[0]
                if path in self.canned:
                    connection.sendall(self.canned[path])
                    break
                body = b'{"got":"it"}'
                head = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json"
                        b"\r\nContent-Length: %d\r\n\r\n" % len(body))
                connection.sendall(
                    head + (b"" if request.first[0] == "HEAD" else body))
        except (OSError, EOFError):
            pass                # tests cut connections; that is no news
        finally:
            connection.close()

    def stop(self):
        stop_listening(self.listener)


class Silent:
    """A backend that takes connections and says nothing."""

    def __init__(self):
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.kept = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.kept.append(self.listener.accept())
            except OSError:
                return

    def stop(self):
        stop_listening(self.listener)


def stop_listening(listener):
    """Ends the thread that waits in accept, too."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass                    # it was not listening any more
    listener.close()


def proxy(port, uri, **more):
    """An HTTP_PROXY integration to the witness, that says what matched."""
    parameters = {
        f"integration.request.path.{name}": f"method.request.path.{name}"
        for name in re.findall(r"{(\w+)}", uri)}
    parameters["integration.request.header.X-Resource"] = (
        "context.resourcePath")
    parameters.update(more.pop("parameters", {}))
    return {"type": "http_proxy", "httpMethod": "ANY",
            "uri": f"http://127.0.0.1:{port}{uri}",
            "requestParameters": parameters, **more}


def mock(status=200, body="", **more):
    return {"type": "mock",
            "requestTemplates": {
                "application/json": '{"statusCode": %d}' % status},
            "responses": {"default": {
                "statusCode": str(status),
                "responseTemplates": {"application/json": body}}}, **more}


def operation(integration, key=False, **more):
    return {"security": [{"key": []}] if key else [],
            "responses": {"200": {"description": "ok"}},
            "x-amazon-apigateway-integration": integration, **more}


def document(title, paths):
    """OpenAPI of {path: {verb: operation}}; `any` is every verb."""
    for path, verbs in paths.items():
        for one in verbs.values():
            one.setdefault("parameters", []).extend(
                {"name": name, "in": "path", "required": True,
                 "schema": {"type": "string"}}
                for name in re.findall(r"{(\w+)\+?}", path))
        if "any" in verbs:
            verbs["x-amazon-apigateway-any-method"] = verbs.pop("any")
    return {"openapi": "3.0.1", "info": {"title": title, "version": "1"},
            "components": {"securitySchemes": {"key": {
                "type": "apiKey", "name": "x-api-key", "in": "header"}}},
            "paths": paths}


class Book:
    def __init__(self, world):
        self.world = world
        self.witness = Witness()
        self.silent = Silent()
        self.names = {"stage": STAGE}
        self.units = 0          # that rows said they count

    def close(self):
        self.witness.stop()
        self.silent.stop()

    # What rows speak of

    def api(self, name, paths, stage=STAGE, **top):
        """Deploys an API under that name."""
        self.names[name] = self.world.import_api(
            {**document(name, paths), **top}, stage=stage)
        return self.names[name]

    def hit(self, path, **more):
        """An integration whose target is /hit and the resource's path."""
        return proxy(self.witness.port,
                     "/hit" + re.sub(r"\+}", "}", path), **more)

    def plan(self, name, stages, **limits):
        plan = self.world.apigateway.create_usage_plan(
            name=name, apiStages=stages, **limits)
        self.names[name] = plan["id"]
        return plan["id"]

    def key(self, name, plan=None, **more):
        key, value = self.world.key(plan, name=name, **more)
        self.names[name] = value
        self.names[name + "_id"] = key
        return key

    def domain(self, name, mappings):
        """A REGIONAL domain; (base path, API, stage or None) each."""
        self.world.apigateway.create_domain_name(
            domainName=name, endpointConfiguration={"types": ["REGIONAL"]})
        for path, api, stage in mappings:
            if "/" in path:
                self.world.client("apigatewayv2").create_api_mapping(
                    DomainName=name, ApiMappingKey=path, ApiId=api,
                    Stage=stage)
            else:
                self.world.apigateway.create_base_path_mapping(
                    domainName=name, basePath=path, restApiId=api,
                    **({"stage": stage} if stage else {}))

    # Playing

    def fill(self, text):
        return string.Template(text).substitute(self.names)

    def request(self, row, host):
        verb, target = self.fill(row.line).split(" ", 1)
        if row.raw is not None:
            return verb, self.fill(row.raw.decode("latin-1")).encode(
                "latin-1")
        given = row.headers
        given = list(given.items() if isinstance(given, dict) else given)
        if row.body and not any(name.lower() in (
                "content-length", "transfer-encoding") for name, _ in given):
            given.append(("Content-Length", str(len(row.body))))
        head = [f"{verb} {target} HTTP/1.1", f"Host: {host}"]
        head += [f"{name}: {self.fill(value)}" for name, value in given]
        head += ["Connection: close", "", ""]
        return verb, "\r\n".join(head).encode("latin-1") + row.body

    def send(self, verb, data, timeout_s=30):
        """The reply to these bytes; None: the connection just ended."""
        port = self.world.stack.ports["gateway"]
        with socket.create_connection(("127.0.0.1", port),
                                      timeout_s) as connection:
            connection.sendall(data)
            return Stream(connection).message(verb != "HEAD", True)

    def play(self, row, host):
        before = len(self.witness.seen)
        verb, data = self.request(row, self.fill(row.host or host))
        reply = self.send(verb, data)
        self.units += row.units
        self.check_reply(row, reply)
        self.check_backend(row, self.witness.seen[before:])

    def check_headers(self, message, expected):
        for name, value in expected.items():
            found = message.all(name)
            if value is None:
                assert not found, f"{name} is there: {found}"
            elif isinstance(value, re.Pattern):
                assert len(found) == 1 and value.fullmatch(found[0]), (
                    f"{name}: {found}")
            else:
                assert found == [self.fill(value)], f"{name}: {found}"

    def check_reply(self, row, reply):
        text = reply.body.decode("utf-8", "replace")
        assert int(reply.first[1]) == row.status, text
        if isinstance(row.answer, (str, bytes)):
            wanted = (row.answer if isinstance(row.answer, bytes)
                      else self.fill(row.answer).encode())
            assert reply.body == wanted
        elif row.answer is not None:
            assert json.loads(text) == row.answer
        self.check_headers(reply, {
            "Date": ANYTHING, "x-amzn-RequestId": UUID,
            "x-amz-apigw-id": GATEWAY_ID, **row.has})

    def check_backend(self, row, seen):
        wanted = row.got
        if wanted is None:
            assert not seen, f"the backend got {seen[0].first}"
            return
        if isinstance(wanted, str):
            wanted = {"target": wanted}
        assert len(seen) == 1, f"the backend got {len(seen)} requests"
        request = seen[0]
        if "target" in wanted:
            assert request.first[1] == self.fill(wanted["target"])
        if "verb" in wanted:
            assert request.first[0] == wanted["verb"]
        if "body" in wanted:
            assert request.body == wanted["body"]
        self.check_headers(request, wanted.get("headers", {}))
        for line in wanted.get("lines", ()):  # with the name's own case
            assert tuple(self.fill(line).split(": ", 1)) in request.headers
