"""The daemon and nginx: who starts whom, who outlives whom.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

from stack import is_alive, wait_until
from support.ports import free_port
from support.world import BUILD


def log(world):
    return (world.stack.folder / "logs/serve.log").read_text()


def events(world, name):
    return re.findall(rf"event={name}\b.*", log(world))


def conf(world):
    return (world.stack.folder / "run/nginx.conf").read_text()


def children(pid):
    """Process numbers of the workers of this master."""
    return [int(n) for n in pathlib.Path(
        f"/proc/{pid}/task/{pid}/children").read_text().split()]


def forget(world, text):
    """Takes lines that a test provoked out of nginx's log."""
    path = world.stack.folder / "logs/nginx.log"
    path.write_text("".join(line for line in path.read_text().splitlines(True)
                            if text not in line))


class Caller:
    """Calls without a pause on another thread, a connection each time."""

    def __init__(self, world, api, key):
        self.answers = []
        self.errors = []
        self.is_over = False
        self.thread = threading.Thread(target=self.run,
                                       args=(world, api, key))
        self.thread.start()

    def run(self, world, api, key):
        while not self.is_over:
            try:
                reply = world.call(api, "/echo/x", key,
                                   headers={"Connection": "close"})
                self.answers.append(reply.status)
            except OSError as error:
                self.errors.append(error)

    def stop(self):
        self.is_over = True
        self.thread.join()
        return self.answers


@pytest.fixture
def shop(world):
    """An API, and a key that may call it."""
    api = world.import_api()
    return api, world.key(world.plan(api))[1]


def answers(world, shop):
    return world.call(shop[0], "/echo/x", shop[1]).status


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(world):
    pid = world.stack.daemon.child.pid
    done = world.stack.tallygate("serve", limit_s=30)
    assert done.returncode == 1
    assert f"another daemon, pid {pid}, serves it" in done.stderr
    assert world.healthz() == 200


def test_sigquit_leaves_nginx_and_the_next_daemon_adopts_it(world, shop):
    master = world.stack.nginx_pid()
    workers = children(master)
    assert world.stack.daemon.stop(signal.SIGQUIT) == 0
    assert world.stack.nginx_pid() == master
    assert [answers(world, shop) for _ in range(5)] == [200] * 5
    reply = world.wire.get(world.stack.url("admin") + "/apikeys")
    assert reply.status == 503
    assert reply.json()["message"] == "The control plane is not running"

    world.start_daemon()
    assert world.stack.nginx_pid() == master
    assert children(master) == workers
    assert events(world, "nginx_adopted")
    assert answers(world, shop) == 200
    wait_until(lambda: world.counted() == 6, "the calls to be folded",
               alive=world.stack.check)


def test_a_killed_daemon_takes_nothing_along(world, shop):
    master = world.stack.nginx_pid()
    caller = Caller(world, *shop)
    world.kill_daemon()
    world.start_daemon()
    statuses = caller.stop()
    assert world.stack.nginx_pid() == master
    assert not caller.errors and set(statuses) == {200}
    wait_until(lambda: world.counted() == len(statuses),
               "the calls to be folded", alive=world.stack.check)


def test_a_killed_master_is_replaced_on_the_same_sockets(world, shop):
    """First by the daemon that started it, then by one that adopted it."""
    world.apigateway.close()    # an idle client would hold the orphans
    caller = Caller(world, *shop)
    for _ in range(2):
        old = world.stack.nginx_pid()
        orphans = children(old)
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: world.stack.nginx_pid() not in (None, old),
                   "a new master", alive=world.stack.check)
        wait_until(lambda: world.healthz() == 200, "its workers",
                   alive=world.stack.check)
        wait_until(lambda: not any(is_alive(pid) for pid in orphans),
                   "the orphans to finish", alive=world.stack.check)
        world.kill_daemon()
        world.start_daemon()
    statuses = caller.stop()
    assert not caller.errors and set(statuses) == {200}
    assert len(events(world, "nginx_master_died")) == 2
    wait_until(lambda: world.counted() == len(statuses),
               "the calls to be folded", alive=world.stack.check)


def test_orphans_found_at_the_start_finish_and_a_master_takes_over(world,
                                                                   shop):
    old = world.stack.nginx_pid()
    orphans = children(old)
    caller = Caller(world, *shop)
    world.kill_daemon()
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: not is_alive(old), "the master to end",
               alive=lambda: None)
    assert all(is_alive(pid) for pid in orphans)
    world.start_daemon()
    assert world.stack.nginx_pid() != old
    wait_until(lambda: not any(is_alive(pid) for pid in orphans),
               "the orphans to finish", alive=world.stack.check)
    statuses = caller.stop()
    assert not caller.errors and set(statuses) == {200}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
def test_sockets_that_cannot_be_shared_close_before_others_open(world, shop):
    """A daemon that may not look into the nginx it adopts (no ptrace)."""
    weak = world.folder / "weak"
    weak.write_text("#!/bin/sh\nexec setpriv --bounding-set -sys_ptrace "
                    f'"{world.stack.program}" "$@"\n')
    weak.chmod(0o755)
    world.kill_daemon()
    world.stack.program = weak
    world.start_daemon()
    assert events(world, "nginx_sockets_unreachable")
    old = world.stack.nginx_pid()
    orphans = children(old)
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: world.stack.nginx_pid() not in (None, old),
               "a new master", alive=world.stack.check)
    wait_until(lambda: world.healthz() == 200, "its workers",
               alive=world.stack.check)
    assert not any(is_alive(pid) for pid in orphans)
    assert answers(world, shop) == 200


def test_a_changed_setting_reaches_an_adopted_nginx(world, shop):
    master = world.stack.nginx_pid()
    before = re.search(r"conf_generation (\d+)", conf(world))[1]
    world.kill_daemon()
    path = world.stack.settings
    path.write_text(path.read_text() + "headers: {strip_api_key: true}\n")
    caller = Caller(world, *shop)
    world.start_daemon()
    statuses = caller.stop()
    assert world.stack.nginx_pid() == master
    assert not caller.errors and set(statuses) == {200}
    assert "tallygate_strip_api_key on" in conf(world)
    assert int(re.search(r"conf_generation (\d+)", conf(world))[1]) == (
        int(before) + 1)
    assert events(world, "nginx_reloaded")
    reply = world.call(shop[0], "/echo/x", shop[1])
    assert shop[1] not in reply.text


def test_a_configuration_that_nginx_refuses_changes_nothing(world, shop):
    master = world.stack.nginx_pid()
    before = conf(world)
    world.kill_daemon()
    path = world.stack.settings
    good = path.read_text()
    path.write_text(good.replace("\nnginx:\n", "\nnginx:\n"
                                 "  module: /no/module.so\n")
                    if "\nnginx:\n" in good
                    else good + "nginx: {module: /no/module.so}\n")
    done = world.stack.tallygate("serve", limit_s=30)
    assert done.returncode == 1
    assert "nginx refuses its configuration" in done.stderr
    assert "/no/module.so" in done.stderr
    assert world.stack.nginx_pid() == master
    assert conf(world) == before
    assert answers(world, shop) == 200
    path.write_text(good)
    world.start_daemon()
    forget(world, "/no/module.so")  # nginx's complaint


def test_a_certificate_that_is_not_there_is_named(world, shop):
    """And nginx, which runs, goes on."""
    world.kill_daemon()
    path = world.stack.settings
    good = path.read_text()
    path.write_text(good.replace("\nportal:\n", "\nportal:\n"
                                 "  tls_certificate: /no/cert\n"
                                 "  tls_key: /no/key\n"))
    done = world.stack.tallygate("serve", limit_s=30)
    assert done.returncode == 1 and "cannot open /no/cert" in done.stderr
    assert answers(world, shop) == 200
    path.write_text(good)
    world.start_daemon()


def test_sigterm_lets_calls_end_and_counts_them(world, shop):
    answered = []
    thread = threading.Thread(target=lambda: answered.append(world.call(
        shop[0], "/echo/x?delay_ms=1500", shop[1]).status))
    thread.start()
    wait_until(lambda: world.backend.seen, "the call to be under way",
               alive=world.stack.check)
    master = world.stack.nginx_pid()
    world.stop_daemon()
    thread.join()
    assert answered == [200]
    assert not is_alive(master)
    assert world.counted() == 1


def test_a_second_sigterm_does_not_wait(world, shop):
    thread = threading.Thread(target=lambda: cut_off(world, shop))
    thread.start()
    wait_until(lambda: world.backend.seen, "the call to be under way",
               alive=world.stack.check)
    log = world.stack.daemon.log
    world.stack.daemon.child.send_signal(signal.SIGTERM)
    wait_until(lambda: "event=quit mode=graceful" in log.read_text(),
               "the daemon to begin its end", alive=lambda: None)
    world.stop_daemon()
    assert "event=quit mode=fast" in log.read_text()
    assert "event=quit_overdue" not in log.read_text()
    thread.join()
    # what nginx says of calls that are cut off
    forget(world, "open socket #")
    forget(world, "aborting")


def cut_off(world, shop):
    with pytest.raises(OSError):
        world.call(shop[0], "/echo/x?delay_ms=12000", shop[1])


def start_that_fails(world, **places):
    """Why a daemon with its state elsewhere does not start."""
    path = world.folder / "other.yaml"
    path.write_text("".join(f"{name}: {value}\n"
                            for name, value in places.items()))
    done = subprocess.run([BUILD / "tallygate", "serve", "--config", path],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.count("event=not_started") == 1
    return done.stderr


def test_what_cannot_be_used_is_named(world):
    folder = world.folder / "other"
    ports = {name: f"{{port: {free_port()}}}"
             for name in ("portal", "admin", "sandbox")}
    taken = world.stack.ports["gateway"]
    said = start_that_fails(world, state_dir=folder, **ports,
                            gateway=f"{{port: {taken}}}")
    assert (f"gateway: cannot listen on 0.0.0.0 port {taken}: Address already"
            " in use") in said
    assert not (folder / "run/nginx.pid").exists()

    said = start_that_fails(world, state_dir="/proc/tallygate")
    assert "/proc/tallygate" in said
    ports["gateway"] = f"{{port: {free_port()}}}"
    said = start_that_fails(world, state_dir=folder, **ports,
                            nginx="{module: /no/module.so}")
    assert "/no/module.so" in said
    said = start_that_fails(world, state_dir=folder, **ports,
                            nginx="{binary: /no/nginx}")
    assert "cannot run /no/nginx: is nginx installed?" in said
    (folder / "board").write_bytes(b"x" * 100)
    said = start_that_fails(world, state_dir=folder, **ports)
    assert f"{folder}/board" in said
    assert (folder / "board").read_bytes() == b"x" * 100
    (folder / "board").unlink()
    (folder / "private/tallygate.db").write_bytes(b"no database" * 999)
    said = start_that_fails(world, state_dir=folder, **ports)
    assert f"{folder}/private/tallygate.db" in said


def test_health_says_what_is_missing(world):
    (world.stack.folder / "endpoints.json").rename(
        world.stack.folder / "away.json")
    reply = world.wire.get(world.stack.url("admin") + "/healthz")
    assert reply.status == 503
    assert [part["part"] for part in reply.json()["missing"]] == [
        "ready_file"]
    (world.stack.folder / "away.json").rename(
        world.stack.folder / "endpoints.json")
    assert world.healthz() == 200


def test_metrics_are_what_prometheus_reads(world, shop):
    assert answers(world, shop) == 200
    reply = world.wire.get(world.stack.url("admin") + "/metrics")
    assert reply.status == 200
    values = {}
    for line in reply.text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name] = float(value)
    assert values["tallygate_nginx_up"] == 1
    assert values["tallygate_workers"] >= 1
    assert values["tallygate_calls_admitted_total"] == 1
    assert values["tallygate_calls_in_doubt"] == 0


def test_the_admin_credentials_are_the_owners_alone(world):
    path = world.stack.folder / "admin-credentials"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (world.stack.folder / "private").stat().st_mode & 0o777 == 0o700
    operator = world.stack.folder / "run/operator.sock"
    assert operator.stat().st_mode & 0o777 == 0o600


def test_trail_and_verbs_without_a_daemon(world, shop):
    world.stop_daemon()
    done = world.stack.tallygate("audit", "verify", "--json")
    verdict = json.loads(done.stdout)
    assert done.returncode == 0 and verdict["intact"]
    assert verdict["records"] == verdict["head"] > 0
    done = world.stack.tallygate("status")
    assert done.returncode == 1
    assert "no daemon answers" in done.stderr


@pytest.mark.parametrize("words, status, said", [
    ([], 2, "tallygate serve --config FILE"),
    (["--help"], 0, "tallygate serve --config FILE"),
    (["--version"], 0, "tallygate 0."),
    (["serve", "--help"], 0, "SIGTERM"),
    (["sreve"], 2, "did you mean serve?"),
    (["serve"], 2, "which settings?"),
    (["serve", "--config"], 2, "--config needs a value"),
    (["serve", "--config", "/no/such/file"], 1,
     "cannot open /no/such/file: No such file or directory"),
    (["audit"], 2, "did you mean audit verify?"),
    (["audit", "--help"], 0, "tallygate audit verify --config FILE"),
    (["check", "--get", "no.such"], 2, "which settings?"),
])
def test_usage(words, status, said):
    env = {name: value for name, value in os.environ.items()
           if name != "TALLYGATE_CONFIG"}
    done = subprocess.run([BUILD / "tallygate", *words], env=env,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
