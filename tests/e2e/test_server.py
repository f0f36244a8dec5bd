"""script/server: starts all, says ready, stops all, and tells its story.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from support.clock import library
from support.ports import free_port
from support.world import BUILD, PORTS, TOP, wait_until
from wire import Wire


class Server:
    """script/server in a folder of its own (the shell part, which installs
    and needs no test here, is left out)."""

    def __init__(self, folder):
        self.folder = folder
        self.output = folder / "output"
        self.env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self.ports = {name: free_port() for name in PORTS}
        for name, (variable, _) in PORTS.items():
            self.env[variable] = str(self.ports[name])
        self.child = None

    def words(self, *mode):
        return ["/usr/bin/python3", str(TOP / "script/lib/server.py"),
                str(self.folder / "var"), *mode]

    def start(self, *mode):
        """As from a shell's background: SIGINT is ignored at the start."""
        with open(self.output, "w") as output:
            self.child = subprocess.Popen(
                self.words(*mode), stdout=output, stderr=output,
                env=self.env, preexec_fn=lambda: signal.signal(
                    signal.SIGINT, signal.SIG_IGN))
        wait_until(lambda: "ready" in self.lines() or
                   self.child.poll() is not None, "ready", 120)
        assert self.child.poll() is None, self.output.read_text()

    def lines(self):
        return self.output.read_text().splitlines()

    def stop(self, how):
        self.child.send_signal(how)
        return self.child.wait(30)

    def run(self, *mode):
        return subprocess.run(self.words(*mode), env=self.env,
                              capture_output=True, text=True, timeout=180)

    def endpoints(self):
        return json.loads((self.folder / "var/endpoints.json").read_text())

    def processes(self):
        """Every process that has this folder on its command line."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if entry.name.isdigit() and str(self.folder).encode() in words:
                found.append(words)
        return found


@pytest.fixture
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("s"))
    try:
        yield made
    finally:
        if made.child and made.child.poll() is None:
            made.stop(signal.SIGTERM)
    assert made.processes() == []


def test_ready_means_on_sale_and_ctrl_c_stops_it_all(server):
    server.start()
    endpoints = server.endpoints()
    assert set(endpoints) >= {
        "gateway", "portal", "admin", "sandbox", "accountId", "region",
        "restApiId", "stage", "usagePlanId", "productCode", "dimension",
        "exampleUrl"}
    wire = Wire()
    assert wire.get(endpoints["admin"] + "/healthz").status == 200
    assert wire.get(endpoints["exampleUrl"]).status == 403
    assert "ISO codes" in wire.get(endpoints["sandbox"] + "/").text
    for name in ("admin-credentials", "sandbox-credentials"):
        mode = (server.folder / "var" / name).stat().st_mode
        assert mode & 0o777 == 0o600
    assert len(server.processes()) > 4
    assert server.stop(signal.SIGINT) == 0
    assert server.processes() == []
    assert not (server.folder / "var/endpoints.json").exists()


def test_state_is_kept_until_it_is_asked_to_forget(server):
    server.start()
    first = server.endpoints()
    server.stop(signal.SIGTERM)
    server.start()
    assert server.endpoints() == first
    server.stop(signal.SIGTERM)
    server.start("fresh")
    assert server.endpoints()["restApiId"] != first["restApiId"]


def test_a_port_in_use_is_named_with_its_variable(server):
    server.start()
    second = server.run()
    assert second.returncode == 1
    assert str(server.ports["gateway"]) in second.stderr
    assert "TALLYGATE_GATEWAY_PORT" in second.stderr
    assert Wire().get(server.endpoints()["admin"] + "/healthz").status == 200


def test_the_tour_ends_equal_and_shows_no_key(server):
    done = server.run("tour")
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = dict(re.findall(r"^(calls answered|metered|billed) +(\d+)$",
                              done.stdout, re.MULTILINE))
    assert set(numbers.values()) == {"20"} and len(numbers) == 3
    [key] = re.findall(r"^the buyer's key: (\S+)$", done.stdout, re.MULTILINE)
    assert re.fullmatch(r"\w{4}\.\.\.", key)
    assert "BatchMeterUsage" in done.stdout
    assert server.processes() == []


def test_the_tour_in_another_time(server, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+400d\n")
    server.env.update({
        "LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    done = server.run("tour")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_says_what_it_is():
    done = subprocess.run([BUILD / "tallygate", "--help"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "serve" in done.stdout
