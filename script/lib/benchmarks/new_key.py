"""new_key.py - what a new key takes until its first 200s, and its end

Each sample makes a key through the admin API, puts it into the plan, and asks
every worker for a 200 with it, on a kept-alive connection to that very worker;
then it deletes the key, and asks until every worker answers 403.  Requests are
signed beforehand: what is timed is the product.

SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import os
import pathlib
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from bench import BenchError, spread

SAMPLES = 20
CONNECTIONS_MAX = 500                   # tried until each worker has one


class Admin:
    """The admin listener on one connection."""

    def __init__(self, pair):
        self.pair = pair
        self.port = pair.stack.ports["admin"]
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def signed(self, method, path, document=None):
        keys = self.pair.credentials
        body = json.dumps(document) if document is not None else None
        request = botocore.awsrequest.AWSRequest(
            method, f"http://127.0.0.1:{self.port}{path}", data=body,
            headers={"Content-Type": "application/json"})
        botocore.auth.SigV4Auth(
            botocore.credentials.Credentials(keys.key_id, keys.secret),
            "apigateway", keys.region).add_auth(request)
        return method, path, body, dict(request.headers)

    def send(self, request, *expected):
        self.connection.request(*request)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status not in expected:
            raise BenchError(f"{request[0]} {request[1]} answers "
                             f"{answer.status} {body.decode()}")
        return json.loads(body) if body else None


def inode_of(connection, port):
    """The socket at the other end of a connection to the port."""
    own = connection.sock.getsockname()[1]
    ends = f":{port:04X}", f":{own:04X}"
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines():
        words = line.split()
        if words[1].endswith(ends[0]) and words[2].endswith(ends[1]):
            return words[9]
    return None


def holder(inode, pids):
    for pid in pids:
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(fd) == f"socket:[{inode}]":
                    return pid
            except FileNotFoundError:
                pass
    return None


def worker_connections(pair):
    """A connection to each of tallygate's workers."""
    found, tried = {}, []
    port = pair.tallygate.port
    while len(found) < pair.workers:
        if len(tried) > CONNECTIONS_MAX:
            raise BenchError("a worker takes no connection")
        connection = http.client.HTTPConnection("127.0.0.1", port)
        tried.append(connection)
        ask(pair, connection, "no-such-key")
        pid = holder(inode_of(connection, port), pair.tallygate.workers)
        if pid is not None:
            found.setdefault(pid, connection)
    for connection in set(tried) - set(found.values()):
        connection.close()
    return list(found.values())


def ask(pair, connection, value):
    connection.request("GET", pair.path, headers={
        "Host": pair.host, "x-api-key": value})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def wait_for(status, pair, connection, value):
    end = time.monotonic() + 10
    while ask(pair, connection, value) != status:
        if time.monotonic() > end:
            raise BenchError(f"no {status} after 10 s")


def sample(pair, admin, workers, number):
    """ms of CreateApiKey, of CreateUsagePlanKey, until the last worker's
    200, and from DeleteApiKey until the last worker's 403"""
    value = f"new-key-{time.monotonic_ns()}-{number}"
    create = admin.signed("POST", "/apikeys", {
        "name": "new", "value": value, "enabled": True})
    begun = time.monotonic()
    key = admin.send(create, 201)["id"]
    created = time.monotonic()
    # Signing takes this program's time: it stands still meanwhile.
    attach = admin.signed("POST", f"/usageplans/{pair.plan}/keys", {
        "keyId": key, "keyType": "API_KEY"})
    signed = time.monotonic()
    admin.send(attach, 201)
    attached = time.monotonic()
    for connection in workers:
        wait_for(200, pair, connection, value)
    done = time.monotonic()
    remove = admin.signed("DELETE", f"/apikeys/{key}")
    removing = time.monotonic()
    admin.send(remove, 202)
    for connection in workers:
        wait_for(403, pair, connection, value)
    dead = time.monotonic()
    return [1000 * span for span in (
        created - begun, attached - signed,
        done - signed + created - begun, dead - removing)]


def measure(pair):
    """The summary's members."""
    admin = Admin(pair)
    workers = worker_connections(pair)
    samples = [sample(pair, admin, workers, n) for n in range(SAMPLES)]
    create, attach, live, dead = zip(*samples)
    return {"create_ms": spread(create)[1], "create_ms_max": max(create),
            "attach_ms": spread(attach)[1], "first_200_ms": spread(live)[1],
            "first_200_ms_max": max(live), "delete_ms": spread(dead)[1],
            "delete_ms_max": max(dead)}
