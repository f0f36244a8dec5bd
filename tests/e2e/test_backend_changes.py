"""Backends that change while calls go on: the whole gateway, its names, its
health checks, its routes.

SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import threading

import pytest

from conftest import live
from stack import wait_until
from support.backend import Backend
from support.certificates import Authority
from support.module import RawBackend
from support.ports import free_port
from support.world import BUILD, IS_SANITIZED, openapi


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def served(request, authority):
    yield from live(request, "backends", more={
        "backends": {"trust_store": str(authority.certificate),
                     "check_interval_s": 1},
        "gateway": {"integration_timeout_max_ms": 60000,
                    "body_max_bytes": 100000}})


class Calls:
    """Calls without a pause, on connections that stay."""

    def __init__(self, world, api, key):
        self.stopping = threading.Event()
        self.failures, self.count = [], 0
        self.threads = [threading.Thread(target=self.run,
                                         args=(world, api, key))
                        for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self, world, api, key):
        while not self.stopping.is_set():
            reply = world.call(api, "/echo/x", key)
            self.count += 1
            if reply.status != 200:
                self.failures.append(reply.text)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        return self.failures


def asked(world, api, key):
    """The Host header that the backend saw."""
    reply = world.call(api, "/echo/x", key)
    assert reply.status == 200, reply.text
    return dict(reply.json()["headers"])["Host"]


def test_new_backends_cost_no_call(served):
    """The API moves from one backend to another and back, five times."""
    other = Backend(free_port())
    try:
        api = served.import_api()
        _, key = served.key(served.plan(api))
        ports = [served.stack.ports["example"], other.port]
        assert asked(served, api, key).endswith(str(ports[0]))
        calls = Calls(served, api, key)
        for n in range(1, 6):
            served.apigateway.put_rest_api(
                restApiId=api, mode="overwrite",
                body=json.dumps(openapi(ports[n % 2])))
            served.apigateway.create_deployment(restApiId=api,
                                                stageName="prod")
            wait_until(lambda: asked(served, api, key).endswith(
                str(ports[n % 2])), "the other backend")
        assert not calls.stop() and calls.count > 20
        # From that moment on nobody asks the former one.
        before = len(served.backend.seen)
        for _ in range(5):
            asked(served, api, key)
        assert len(served.backend.seen) == before
    finally:
        other.stop()


def test_a_name_that_nobody_has_is_500(served):
    document = openapi(1)
    text = json.dumps(document).replace("127.0.0.1:1/",
                                        "no.such.host.invalid/")
    api = served.import_api(json.loads(text))
    _, key = served.key(served.plan(api))
    reply = served.call(api, "/echo/x", key)
    assert (reply.status, reply.json()) == (
        500, {"message": "Internal server error"})


def test_tls_to_backends_trusts_the_setting_alone(served, authority,
                                                  tmp_path):
    cases = [
        (authority.issue("known", "IP:127.0.0.1"), False, 200),
        (Authority(tmp_path).issue("unknown", "IP:127.0.0.1"), False, 504),
        (Authority(tmp_path).issue("skipped", "IP:127.0.0.1"), True, 200),
        (authority.issue("misnamed", "IP:127.0.0.2"), True, 504),
    ]
    for pair, skips, status in cases:
        backend = RawBackend(pair.context())
        document = openapi(backend.port)
        text = json.dumps(document).replace("http://127", "https://127")
        document = json.loads(text)
        for item in document["paths"].values():
            for method in item.values():
                integration = method["x-amazon-apigateway-integration"]
                if "uri" in integration:
                    integration["tlsConfig"] = {
                        "insecureSkipVerification": skips}
        api = served.import_api(document)
        _, key = served.key(served.plan(api))
        reply = served.call(api, "/echo/x", key)
        assert reply.status == status, (pair.certificate, reply.text)
        backend.stop()
    served.harmless = "certificate verify failed"   # nginx calls it [crit]


def test_settings_reach_the_calls(served):
    """A longer time-out than Amazon's, a smaller body."""
    document = openapi(served.stack.ports["example"])
    for item in document["paths"].values():
        for method in item.values():
            integration = method["x-amazon-apigateway-integration"]
            if "uri" in integration:
                integration["timeoutInMillis"] = 60000
    api = served.import_api(document)
    _, key = served.key(served.plan(api))
    assert served.call(api, "/echo/x", key, "POST",
                       body=b"b" * 100000).status == 200
    reply = served.call(api, "/echo/x", key, "POST", body=b"b" * 100001)
    assert (reply.status, reply.json()) == (
        413, {"message": "Request Too Long"})
    for item in document["paths"].values():
        for method in item.values():
            integration = method["x-amazon-apigateway-integration"]
            if "uri" in integration:
                integration["timeoutInMillis"] = 60001
    with pytest.raises(served.apigateway.exceptions.BadRequestException,
                       match="between 50 ms and 60000 ms"):
        served.import_api(document)


# ---- names ----

class Names:
    """What the system's resolver says to the daemon."""

    def __init__(self, folder):
        self.path = folder / "names"
        self.set()

    def set(self, **answers):
        beside = self.path.with_suffix(".new")
        beside.write_text("".join(f"{name}.test {answer}\n"
                                  for name, answer in answers.items()))
        beside.rename(self.path)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    return Names(tmp_path_factory.mktemp("names"))


@pytest.fixture(scope="module")
def named(request, names):
    if IS_SANITIZED:
        pytest.skip("a sanitizer wants to be preloaded first")
    yield from live(request, "names", more={"backends": {
        "check_interval_s": 1, "resolve_interval_s": 1}}, env={
            "LD_PRELOAD": str(BUILD / "tests/support/names.so"),
            "TALLYGATE_TEST_NAMES": str(names.path)})


def addresses(world):
    """As the metrics show those of backends with several: up or not."""
    text = world.wire.get(world.stack.url("admin") + "/metrics").text
    return dict(re.findall(r'^tallygate_backend_address_up\{address='
                           r'"([^":]+):\d+"\} (\d)$', text, re.MULTILINE))


def test_names_change_go_away_and_come_back(named, names):
    """127.0.0.2 is an address of this machine on which nobody listens."""
    names.set(api="127.0.0.1 127.0.0.2")
    port = named.stack.ports["example"]
    document = json.loads(json.dumps(openapi(port)).replace(
        f"//127.0.0.1:{port}", f"//api.test:{port}"))
    api = named.import_api(document)
    _, key = named.key(named.plan(api))

    def status():
        return named.call(api, "/echo/x", key).status
    wait_until(lambda: status() == 200, "the name's first answer")
    calls = Calls(named, api, key)
    wait_until(lambda: addresses(named) == {"127.0.0.1": "1",
                                            "127.0.0.2": "0"},
               "the check of both addresses")

    names.set(api="?")                      # the name server is away
    log = named.stack.folder / "logs/serve.log"
    wait_until(lambda: "event=backend_not_resolved host=api.test"
               in log.read_text(), "a look-up that failed")
    assert status() == 200

    names.set(api="127.0.0.1")              # an address goes
    wait_until(lambda: addresses(named) == {}, "the address to go")
    assert not calls.stop() and calls.count > 20

    names.set()                             # there is no such name
    wait_until(lambda: status() == 500, "the name to go")
    names.set(api="127.0.0.1")
    wait_until(lambda: status() == 200, "the name to come back")
