"""TLS and HTTP/2 towards clients: which certificate who gets, and
certificates that change while calls go on.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import live
from stack import wait_until
from support.certificates import Authority

HOST = "gateway.test"


class Files:
    """What the settings name, and the authority that signs it."""

    def __init__(self, folder):
        self.folder = folder
        self.place = folder / "in-use"
        self.more = folder / "more"
        for path in (self.place, self.more):
            path.mkdir()
        self.authority = Authority(folder)
        self.number = 0
        self.renew()
        self.add("shop", "DNS:shop.test,DNS:*.shop.test")

    def issue(self, san, **more):
        self.number += 1
        return self.authority.issue(f"pair{self.number}", san, **more)

    def install(self, pair, place, name):
        """Each file whole, one after the other, as people do it."""
        for source, suffix in ((pair.key, ".key"), (pair.certificate,
                                                    ".crt")):
            beside = place / (name + suffix + ".new")
            shutil.copy(source, beside)
            beside.rename(place / (name + suffix))
        return pair

    def renew(self, **more):
        return self.install(self.issue(f"DNS:{HOST},IP:127.0.0.1", **more),
                            self.place, "gateway")

    def add(self, name, san):
        return self.install(self.issue(san), self.more, name)

    def settings(self):
        own = {"tls_certificate": str(self.place / "gateway.crt"),
               "tls_key": str(self.place / "gateway.key")}
        return {"gateway": {**own, "tls_folder": str(self.more)},
                "portal": own}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def served(request, files):
    yield from live(request, "tls", more=files.settings())


@pytest.fixture(scope="module")
def shop(served):
    api = served.import_api()
    _, key = served.key(served.plan(api))
    return api, key


def path_of(api, rest="/echo/x"):
    return f"/restapis/{api}/prod/_user_request_{rest}"


@contextlib.contextmanager
def connection(world, authority, name=HOST, listener="gateway", alpn=None,
               **options):
    context = authority.context()
    for option, value in options.items():
        setattr(context, option, value)
    if alpn:
        context.set_alpn_protocols(alpn)
    plain = socket.create_connection(
        ("127.0.0.1", world.stack.ports[listener]), 10)
    with context.wrap_socket(plain, server_hostname=name) as made:
        yield made


def serial(world, files, name=HOST, listener="gateway"):
    with connection(world, files.authority, name, listener) as made:
        return int(made.getpeercert()["serialNumber"], 16)


class Ended(Exception):
    """The connection ended; what came of an answer."""


def ask(made, path, key=None, host=HOST):
    return ask_whole(made, path, key, host)[:2]


def ask_whole(made, path, key, host=HOST):
    """Status, body, and whether the connection is kept."""
    lines = [f"GET {path} HTTP/1.1", "Host: " + host]
    if key:
        lines.append("x-api-key: " + key)
    made.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    data = b""
    while b"\r\n\r\n" not in data:
        piece = made.recv(65536)
        if not piece:
            raise Ended(data)
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    size = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    while len(body) < size:
        body += made.recv(65536)
    return (int(head.split(b" ")[1]), body,
            b"connection: close" not in head.lower())


def events(world, name):
    text = (world.stack.folder / "logs/serve.log").read_text()
    return re.findall(rf"event={name} .*", text)


# ---- who gets what ----

def test_calls_pass_over_tls(served, files, shop):
    api, key = shop
    with connection(served, files.authority) as made:
        assert made.version() == "TLSv1.3"
        for _ in range(3):
            status, body = ask(made, path_of(api), key)
            assert status == 200 and b'"X-Forwarded-Proto", "https"' in body


def test_the_portal_speaks_it_too(served, files):
    with connection(served, files.authority, listener="portal") as made:
        assert ask(made, "/nothing")[0] in (200, 404)


def test_http2(served, files, shop):
    api, key = shop
    port = served.stack.ports["gateway"]
    with connection(served, files.authority,
                    alpn=["h2", "http/1.1"]) as made:
        assert made.selected_alpn_protocol() == "h2"
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--cacert", files.authority.certificate,
         "--resolve", f"{HOST}:{port}:127.0.0.1", "-H", "x-api-key: " + key,
         "-d", "some body", "-w", "%{http_version} %{response_code}",
         f"https://{HOST}:{port}{path_of(api)}"],
        capture_output=True, text=True, timeout=20)
    assert done.stdout.endswith("2 200"), done
    assert '"body": "some body"' in done.stdout


def test_a_mapped_body_of_http2_gets_a_length(served, files):
    """One that came without is read whole, and has one from then on."""
    api = served.import_api({
        "openapi": "3.0.1", "info": {"title": "mapped", "version": "1"},
        "paths": {"/x": {"post": {
            "responses": {"200": {"description": "ok"}},
            "x-amazon-apigateway-integration": {
                "type": "http_proxy", "httpMethod": "POST",
                "uri": f"http://127.0.0.1:{served.stack.ports['example']}/x",
                "requestParameters": {
                    "integration.request.header.X-Name":
                        "method.request.body.name"}}}}}})
    port = served.stack.ports["gateway"]
    body = '{"name": "Rex", "more": "' + "x" * 100000 + '"}'
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--cacert", files.authority.certificate,
         "--resolve", f"{HOST}:{port}:127.0.0.1", "-X", "POST", "-T", "-",
         f"https://{HOST}:{port}{path_of(api, '/x')}"],
        input=body, capture_output=True, text=True, timeout=20)
    told = json.loads(done.stdout)
    assert told["body"] == body
    assert ["X-Name", "Rex"] in told["headers"]
    assert ["Content-Length", str(len(body))] in told["headers"]


@pytest.mark.parametrize("name,san", [
    ("shop.test", "shop.test"), ("a.shop.test", "shop.test"),
    (HOST, HOST)])
def test_each_name_gets_its_certificate(served, files, name, san):
    with connection(served, files.authority, name) as made:
        names = [value for _, value in made.getpeercert()["subjectAltName"]]
        assert san in names


def test_a_name_that_nobody_has_gets_the_gateways_own(served, files):
    with connection(served, files.authority, "else.test",
                    check_hostname=False) as made:
        names = [value for _, value in made.getpeercert()["subjectAltName"]]
        assert HOST in names


def test_calls_of_another_name_are_calls_all_the_same(served, files, shop):
    api, key = shop
    with connection(served, files.authority, "a.shop.test") as made:
        assert ask(made, path_of(api), key, "a.shop.test")[0] == 200


def test_old_tls_and_plain_http_are_refused(served, files):
    with pytest.raises((ssl.SSLError, OSError)):
        with connection(served, files.authority,
                        maximum_version=ssl.TLSVersion.TLSv1_1):
            pass
    with connection(served, files.authority,
                    maximum_version=ssl.TLSVersion.TLSv1_2) as made:
        assert made.cipher()[0].startswith("ECDHE-")
    with socket.create_connection(
            ("127.0.0.1", served.stack.ports["gateway"]), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = plain.recv(65536)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b'{"message":"Bad Request"}' in answer
    with contextlib.suppress(OSError), socket.create_connection(
            ("127.0.0.1", served.stack.ports["gateway"]), 10) as plain:
        plain.sendall(os.urandom(300))
        plain.recv(65536)


# ---- certificates that change ----

class Calls:
    """Calls without a pause, each once: on connections that stay until an
    answer says that they end, and on new ones."""

    def __init__(self, world, files, api, key):
        self.stopping = threading.Event()
        self.statuses, self.failures = [], []
        self.threads = [
            threading.Thread(target=self.run,
                             args=(world, files, path_of(api), key, stays))
            for stays in (True, True, False)]
        for thread in self.threads:
            thread.start()

    def run(self, world, files, path, key, stays):
        while not self.stopping.is_set():
            try:
                with connection(world, files.authority) as made:
                    is_kept = True
                    while is_kept and not self.stopping.is_set():
                        status, _, is_kept = ask_whole(made, path, key)
                        self.statuses.append(status)
                        is_kept = is_kept and stays
            except (OSError, Ended) as error:
                self.failures.append(error)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        return self.statuses, self.failures


def test_renewed_certificates_drop_no_call(served, files, shop):
    api, key = shop
    calls = Calls(served, files, api, key)
    for _ in range(3):
        pair = files.renew()
        wait_until(lambda: serial(served, files) == pair.serial(),
                   "the renewed certificate", 20)
        wait_until(lambda: served.healthz() == 200, "the reload", 20)
    assert serial(served, files, listener="portal") == pair.serial()
    statuses, failures = calls.stop()
    assert not failures and set(statuses) == {200}


def test_a_name_that_is_added_works_without_a_restart(served, files):
    pair = files.add("later", "DNS:later.test")
    wait_until(lambda: serial_or_none(served, files, "later.test")
               == pair.serial(), "the new name's certificate", 20)
    for path in files.more.glob("later.*"):
        path.unlink()
    wait_until(lambda: serial_or_none(served, files, "later.test") is None,
               "the name to go", 20)


def serial_or_none(world, files, name):
    try:
        return serial(world, files, name)
    except ssl.SSLError:
        return None


BAD = {
    "no certificate": ("gateway.crt", b"what is this\n",
                       "holds no certificate (PEM)"),
    "no key": ("gateway.key", b"what is this\n", "holds no private key"),
    "nothing": ("gateway.crt", None, "cannot open"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_changes_nothing_and_is_named(served, files, shop, name):
    file, data, reason = BAD[name]
    before = serial(served, files)
    seen = len(events(served, "certificate_refused"))
    path = files.place / file
    good = path.read_bytes()
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    wait_until(lambda: len(events(served, "certificate_refused")) > seen,
               "the refusal", 20)
    line = events(served, "certificate_refused")[seen]
    assert str(path) in line and reason in line
    assert serial(served, files) == before
    path.write_bytes(good)
    assert serial(served, files) == before


def test_a_certificate_that_nginx_refuses_changes_nothing(served, files):
    """Good in itself, but of a kind that its TLS library does not take."""
    served.harmless = "ee key too small"
    before = serial(served, files)
    seen = len(events(served, "certificates_not_taken"))
    weak = files.authority.weak("weak", f"DNS:{HOST}")
    old = [(files.place / f"gateway.{suffix}").read_bytes()
           for suffix in ("key", "crt")]
    files.install(weak, files.place, "gateway")
    wait_until(lambda: len(events(served, "certificates_not_taken")) > seen,
               "the refusal", 20)
    assert "too small" in events(served, "certificates_not_taken")[seen]
    assert serial(served, files) == before
    for suffix, data in zip(("key", "crt"), old):
        (files.place / f"gateway.{suffix}").write_bytes(data)


def test_sighup_looks_at_once(served, files):
    """And a daemon that gets it goes on."""
    seen = len(events(served, "certificate_refused"))
    path = files.place / "gateway.crt"
    good = path.read_bytes()
    path.write_bytes(b"no\n")
    wait_until(lambda: len(events(served, "certificate_refused")) > seen,
               "the refusal", 20)
    seen = len(events(served, "certificate_refused"))
    os.kill(served.stack.daemon.pid, signal.SIGHUP)
    wait_until(lambda: len(events(served, "certificate_refused")) > seen,
               "the second refusal", 20)
    path.write_bytes(good)


def test_a_master_that_dies_meanwhile_shows_the_old_one(served, files, shop):
    api, key = shop
    before = serial(served, files)
    path = files.place / "gateway.key"
    good = path.read_bytes()
    path.write_bytes(b"half of it")
    pid = served.stack.nginx_pid()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: served.stack.nginx_pid() not in (None, pid),
               "another master", 20)
    wait_until(lambda: served.healthz() == 200, "it to serve", 20)
    assert serial(served, files) == before
    with connection(served, files.authority) as made:
        assert ask(made, path_of(api), key)[0] == 200
    path.write_bytes(good)


def test_the_first_expiry_is_a_metric(served, files):
    with connection(served, files.authority) as made:
        wanted = ssl.cert_time_to_seconds(made.getpeercert()["notAfter"])
    text = served.wire.get(served.stack.url("admin") + "/metrics").text
    found = int(re.search(
        r"^tallygate_certificate_expires_timestamp_seconds (\d+)$", text,
        re.MULTILINE).group(1))
    assert abs(found - wanted) < 3600     # the folder's were made before
    assert found > time.time()


def test_a_custom_domain_shows_its_own_certificate(served, files, shop):
    """By SNI, HTTP/1.1 and HTTP/2 alike; levels give names in lower case."""
    api, key = shop
    served.apigateway.create_domain_name(
        domainName="api.shop.test",
        endpointConfiguration={"types": ["REGIONAL"]})
    served.client("apigatewayv2").create_api_mapping(
        DomainName="api.shop.test", ApiMappingKey="shop/v1", ApiId=api,
        Stage="prod")
    port = served.stack.ports["gateway"]
    for version in ("--http1.1", "--http2"):
        done = subprocess.run(
            ["curl", "-sS", version, "--cacert", files.authority.certificate,
             "--connect-to", f"api.shop.test:443:127.0.0.1:{port}",
             "-H", f"x-api-key: {key}", "-H", "X-Mixed-Case: 1",
             "https://api.shop.test/shop/v1/echo/x"],
            capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert seen["target"] == "/x"
        assert ["x-mixed-case", "1"] in seen["headers"]
        assert ["X-Forwarded-Proto", "https"] in seen["headers"]
