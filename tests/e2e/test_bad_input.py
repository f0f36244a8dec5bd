"""Files that are wrong: each is named with the reason, and nothing is lost.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from support.world import BUILD, is_alive, wait_until


def check(path):
    """tallygate check: (status, what it says)."""
    done = subprocess.run([BUILD / "tallygate", "check", path],
                          capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


GOOD = "state_dir: /tmp/never-made\ngateway:\n  port: 18080\n"

BAD = [
    # what is appended to GOOD, line, what the message names
    ("portal:\n  port: abc\n", 5, "portal.port"),
    ("portal:\n  port: 0\n", 5, "portal.port"),
    ("portal:\n  port: 65536\n", 5, "portal.port"),
    ("portal:\n  port: [1, 2]\n", 5, "portal.port"),
    ("portal: 8081\n", 4, "portal"),
    ("billing:\n  heartbeat: perhaps\n", 5, "billing.heartbeat"),
    ("gatewy:\n  port: 1\n", 4, "gatewy"),
    ("portal:\n  porf: 1\n", 5, "portal.porf"),
    ("gateway:\n  port: 18081\n", 4, "gateway"),
    ("log:\n  level: loud\n", 5, "log.level"),
    ("products:\n  - code: p\n    model: free\n", 6, "model"),
    ("products:\n  - name: p\n", 5, "code"),
    ("account_id: 12345\n", 4, "account_id"),
    ("portal:\n\tport: 1\n", 5, ""),
    ("portal: {port: 1\n", None, ""),
    ("marketplace:\n  metering_endpoint: ftp://x\n", 5,
     "marketplace.metering_endpoint"),
]


@pytest.mark.parametrize("text, line, name", BAD,
                         ids=[text.strip().replace("\n", " ")[:40]
                              for text, _, _ in BAD])
def test_a_setting_that_is_wrong(tmp_path, text, line, name):
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD + text)
    status, said = check(path)
    assert status == 1, said
    assert name in said
    if line:
        assert re.search(rf"bad\.yaml:{line}\b", said), said
    assert not os.path.exists("/tmp/never-made")


def test_good_settings_pass(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    assert check(path)[0] == 0
    assert not os.path.exists("/tmp/never-made"), "nothing is started"


def test_settings_that_are_not_there(tmp_path):
    status, said = check(tmp_path / "none.yaml")
    assert status == 1 and "none.yaml" in said


def test_no_verb_and_a_wrong_one():
    for words in ([], ["no-such-verb"], ["serve", "--no-such-option"],
                  ["check"], ["check", "a", "b"]):
        done = subprocess.run([BUILD / "tallygate", *words],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 2, words
        assert done.stderr


def test_verbs_without_a_daemon_say_so(world):
    world.stop_daemon()
    for verb in ("status", "seal"):
        done = world.stack.tallygate(verb)
        assert done.returncode == 1
        assert done.stderr and "serve" in done.stderr


def newest(world, pattern):
    return max(world.stack.folder.glob(pattern),
               key=lambda path: int(path.suffix[1:]))


def serving_generations(world):
    """The generations of routes in the rows of living workers, as the board
    has them (src/plane/board.h)."""
    board = (world.stack.folder / "board").read_bytes()
    rows = [board[at:at + 128]
            for at in range(len(board) - 256 * 128, len(board), 128)]
    pids = [int.from_bytes(row[:4], "little") for row in rows]
    return {int.from_bytes(row[24:32], "little")
            for pid, row in zip(pids, rows) if pid and is_alive(pid)}


SPOILS = [
    ("truncated", lambda data: data[:len(data) // 2]),
    ("empty", lambda data: b""),
    ("version", lambda data: data[:8] + b"\xff\xff\x00\x00" + data[12:]),
    ("magic", lambda data: b"XXXXXXXX" + data[8:]),
    ("flipped", lambda data: data[:100] + bytes([data[100] ^ 255])
     + data[101:]),
]


@pytest.mark.parametrize("spoil", [spoil for _, spoil in SPOILS],
                         ids=[name for name, _ in SPOILS])
def test_workers_refuse_bad_routes_and_go_on_with_the_last_good(world,
                                                                spoil):
    api = world.import_api()
    plan = world.plan(api)
    _, key = world.key(plan)
    # One generation more, so that the last good one has all there is, too;
    # idle workers look at the board once a second.
    world.apigateway.create_deployment(restApiId=api, stageName="prod")
    path = newest(world, "routes.*")
    wait_until(lambda: serving_generations(world) == {int(path.suffix[1:])},
               "every worker to serve from the newest routes", 5)
    spoiled = path.with_name("spoiled")
    spoiled.write_bytes(spoil(path.read_bytes()))
    os.replace(spoiled, path)
    # New workers have nothing in memory: they must read what is there.
    os.kill(world.stack.nginx_pid(), signal.SIGHUP)
    log = world.stack.log_dir / "nginx.log"
    wait_until(lambda: path.name in log.read_text(),
               "the log to name the file that was refused", 5)
    for _ in range(20):
        assert world.call(api, "/fixed", key).status == 200
    world.apigateway.create_deployment(restApiId=api, stageName="prod")
    assert world.call(api, "/fixed", key).status == 200
    refused = [line for line in log.read_text().splitlines()
               if path.name in line]
    assert all(len(line.partition(path.name)[2]) > 10 for line in refused), (
        "and the reason")


@pytest.mark.parametrize("pattern", ["board", "keys.*", "meters.*"])
def test_a_daemon_refuses_a_file_of_another_version(world, pattern):
    api = world.import_api()
    world.key(world.plan(api))
    world.stop_daemon()
    world.stack.stop_nginx()
    path = (world.stack.folder / pattern if pattern == "board" else
            newest(world, pattern))
    good = path.read_bytes()
    path.write_bytes(good[:8] + b"\xff\xff\x00\x00" + good[12:])
    said = serve_and_fail(world)
    assert path.name in said, "names the file"
    assert "version" in said, "and the reason"
    assert path.read_bytes()[8:12] == b"\xff\xff\x00\x00", "left alone"
    path.write_bytes(good)
    world.start_daemon()


def serve_and_fail(world, *prefix):
    """tallygate serve, which must refuse to start; what it says."""
    done = subprocess.run(
        [*prefix, world.stack.program, "serve", "--config",
         world.stack.settings], capture_output=True, text=True, timeout=60,
        env=world.stack.env)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_store_that_is_read_only(world):
    """Refused by name; calls go on meanwhile, and all of them are counted."""
    api = world.import_api()
    _, key = world.key(world.plan(api))
    world.kill_daemon()
    private = world.stack.folder / "private"
    modes = {path: path.stat().st_mode for path in
             [*private.iterdir(), private]}
    for path, mode in modes.items():
        path.chmod(mode & 0o555)
    # Root writes where it likes, unless this capability is taken away.
    prefix = [] if os.geteuid() else [
        "setpriv", "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-dac_override,-dac_read_search"]
    try:
        said = serve_and_fail(world, *prefix)
        assert "tallygate.db" in said, said
        for _ in range(5):
            assert world.call(api, "/fixed", key).status == 200
    finally:
        for path, mode in reversed(modes.items()):
            path.chmod(mode)
    world.start_daemon()
    world.wait_counted(5)


def test_a_second_daemon_on_the_same_state_is_refused(world):
    assert str(world.stack.folder) in serve_and_fail(world)
    assert world.healthz() == 200


def test_a_port_that_is_taken_is_named(world):
    world.stop_daemon()
    world.stack.stop_nginx()
    port = world.stack.ports["gateway"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", port))
        taken.listen()
        assert str(port) in serve_and_fail(world)
    world.start_daemon()


def test_a_deleted_state_directory_is_not_counted_into(world):
    api = world.import_api()
    _, key = world.key(world.plan(api))
    assert world.call(api, "/fixed", key).status == 200
    world.wait_counted(1)
    moved = world.stack.folder / "board.away"
    shutil.move(world.stack.folder / "board", moved)
    wait_until(lambda: world.call(api, "/fixed", key).status == 503,
               "workers to notice that their board is gone", 5)
    shutil.move(moved, world.stack.folder / "board")
    wait_until(lambda: world.call(api, "/fixed", key).status == 200,
               "workers to find it again", 5)
