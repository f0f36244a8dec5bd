"""Keys that are made, changed and deleted, seen by all of four workers from
the moment of the answer on, while the table of keys grows.

SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import re
import threading

import pytest

from conftest import live
from support.machine import children
from support.module import Client, request as request_bytes
from support.world import STAGE

WORKERS = 4


@pytest.fixture(scope="module")
def world(request):
    yield from live(request, "keys", more={"gateway": {"workers": WORKERS}})


def sockets_of(pid):
    """Inodes of a process's sockets."""
    found = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
        except OSError:
            continue
        if match:
            found.add(match.group(1))
    return found


def inodes_by_port(port):
    """The server's socket of each connection to port, by client's port."""
    found = {}
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        local, remote = (int(word.split(":")[1], 16) for word in words[1:3])
        if local == port:
            found[remote] = words[9]
    return found


class Crowd:
    """Kept-alive connections to each of the workers."""

    def __init__(self, world, each=4):
        self.port = world.stack.ports["gateway"]
        self.path = None
        self.clients = []
        workers = children(world.stack.nginx_pid())
        assert len(workers) == WORKERS
        held = {pid: [] for pid in workers}
        for _ in range(60):
            fresh = [Client(self.port) for _ in range(16)]
            for client in fresh:        # so that it has been accepted
                client.send(request_bytes(path="/healthz"))
            for client in fresh:
                client.reply()
            inodes = inodes_by_port(self.port)
            sockets = {pid: sockets_of(pid) for pid in workers}
            for client in fresh:
                inode = inodes[client.socket.getsockname()[1]]
                pid = next(pid for pid in workers if inode in sockets[pid])
                if len(held[pid]) < each:
                    held[pid].append(client)
                else:
                    client.close()
            if all(len(clients) == each for clients in held.values()):
                break
        self.clients = sum(held.values(), [])
        assert len(self.clients) == each * WORKERS, {
            pid: len(clients) for pid, clients in held.items()}

    def statuses(self, key):
        """What every worker answers to the key, all at once."""
        data = request_bytes(path=self.path, key=key, host="h")
        for client in self.clients:
            client.send(data)
        return {client.reply().status for client in self.clients}

    def close(self):
        for client in self.clients:
            client.close()


def keys_generation(world):
    return max(int(path.suffix[1:]) for path in
               world.stack.folder.glob("keys.*")
               if path.suffix[1:].isdigit())


class Imports:
    """Keys by the thousand, until stop: the table of keys grows."""

    def __init__(self, world):
        self.world = world
        self.client = world.client("apigateway")
        self.failure = None
        self.count = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.is_over.is_set() and self.count < 20000:
                lines = ["name,key,description,enabled"] + [
                    f"n{self.count + n},{'v%029d' % (self.count + n)},,TRUE"
                    for n in range(1000)]
                self.client.import_api_keys(
                    body="\n".join(lines).encode(), format="csv",
                    failOnWarnings=True)
                self.count += 1000
        except Exception as failure:    # for the main thread
            self.failure = failure

    def stop(self):
        self.is_over.set()
        self.thread.join()
        assert self.failure is None, self.failure


def test_every_worker_obeys_from_the_answer_on(world):
    api = world.import_api()
    plan = world.plan(api)
    crowd = Crowd(world)
    crowd.path = f"/restapis/{api}/{STAGE}/_user_request_/fixed"
    before = keys_generation(world)
    imports = Imports(world)
    aws = world.apigateway

    def enable(key_id, value):
        aws.update_api_key(apiKey=key_id, patchOperations=[
            {"op": "replace", "path": "/enabled", "value": value}])
    rounds = 0
    try:
        while rounds < 8 or (keys_generation(world) < before + 2
                             and imports.failure is None):
            rounds += 1
            key_id, key = world.key(plan)
            assert crowd.statuses(key) == {200}, "created"
            enable(key_id, "false")
            assert crowd.statuses(key) == {403}, "disabled"
            enable(key_id, "true")
            assert crowd.statuses(key) == {200}, "enabled"
            aws.delete_usage_plan_key(usagePlanId=plan, keyId=key_id)
            assert crowd.statuses(key) == {403}, "out of the plan"
            aws.create_usage_plan_key(usagePlanId=plan, keyId=key_id,
                                      keyType="API_KEY")
            assert crowd.statuses(key) == {200}, "in the plan again"
            aws.delete_api_key(apiKey=key_id)
            assert crowd.statuses(key) == {403}, "deleted"
    finally:
        imports.stop()
        crowd.close()
    assert keys_generation(world) >= before + 2, "the table did grow"
    assert imports.count > 0
    world.wait_counted(rounds * 3 * 4 * WORKERS)
