"""clients.py - one way to speak to three of AWS's clients

    client = Boto3(world)               # or Cli, or JavaScript
    key = client("CreateApiKey", name="x", enabled=True)

Operations and members are named as in Amazon's model; what comes back is what
the client made of the answer.  Refused is what a call ends with that Amazon,
or the Marketplace, did not do.  Operations of the Marketplace go to the
sandbox with the seller's keys, all others to the admin listener.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import subprocess

import botocore
import botocore.exceptions

from support.world import TOP, seller

MARKETPLACE = {"ResolveCustomer": "metering", "BatchMeterUsage": "metering",
               "GetEntitlements": "entitlement"}


class Refused(Exception):
    """The error's type, as the client tells it, and the message."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Client:
    def __init__(self, world):
        self.world = world

    def where(self, operation):
        """(is it the Marketplace's, endpoint, credentials)"""
        folder, url = self.world.stack.folder, self.world.stack.url
        if operation in MARKETPLACE:
            return True, url("sandbox"), seller.Credentials(
                folder / "sandbox-credentials")
        return False, url("admin"), self.world.credentials

    def close(self):
        pass


class Boto3(Client):
    """Debian's python3-boto3."""

    def __init__(self, world):
        super().__init__(world)
        self.clients = {}

    def __call__(self, operation, **arguments):
        is_market, url, who = self.where(operation)
        service = "meteringmarketplace" if is_market else "apigateway"
        if service not in self.clients:
            self.clients[service] = seller.client(service, url, who)
        method = getattr(self.clients[service],
                         botocore.xform_name(operation))
        try:
            answer = method(**arguments)
        except botocore.exceptions.ClientError as error:
            raise Refused(error.response["Error"]["Code"],
                          error.response["Error"]["Message"])
        del answer["ResponseMetadata"]
        return answer


class Cli(Client):
    """Debian's awscli."""

    def __call__(self, operation, **arguments):
        is_market, url, who = self.where(operation)
        done = subprocess.run(
            ["/usr/bin/aws", "--endpoint-url", url, "--region", who.region,
             "--output", "json", "--no-cli-pager",
             "meteringmarketplace" if is_market else "apigateway",
             botocore.xform_name(operation, "-"),
             "--cli-input-json", json.dumps(arguments)],
            capture_output=True, text=True, timeout=60,
            env={**os.environ, "AWS_ACCESS_KEY_ID": who.key_id,
                 "AWS_SECRET_ACCESS_KEY": who.secret,
                 "AWS_CONFIG_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "1",
                 "PATH": "/usr/bin:/bin"})
        if done.returncode == 0:
            return json.loads(done.stdout) if done.stdout.strip() else {}
        found = re.search(r"\((\w+)\) when calling [^:]*: (.*)", done.stderr)
        assert found, done.stderr
        raise Refused(*found.groups())


class JavaScript(Client):
    """The AWS SDK for JavaScript v3, in one process of Node.js."""

    def __init__(self, world):
        super().__init__(world)
        self.node = subprocess.Popen(
            ["node", "sdk.mjs"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=TOP / "tests/e2e",
            env={**os.environ, "NODE_NO_WARNINGS": "1",
                 "AWS_CONFIG_FILE": "/dev/null"})

    def send(self, client, command, arguments, endpoint, who, cbor=False):
        """{"ok", "error", "message", "status"}"""
        self.node.stdin.write(json.dumps({
            "client": client, "command": command, "input": arguments,
            "endpoint": endpoint, "region": who.region, "key": who.key_id,
            "secret": who.secret, "cbor": cbor}) + "\n")
        self.node.stdin.flush()
        answer = json.loads(self.node.stdout.readline())
        assert "status" in answer, f"no reply: {answer}"
        return answer

    def __call__(self, operation, **arguments):
        _, url, who = self.where(operation)
        answer = self.send(MARKETPLACE.get(operation, "apigateway"),
                           operation, arguments, url, who)
        if "error" in answer:
            raise Refused(answer["error"], answer["message"])
        return answer["ok"]

    def close(self):
        self.node.stdin.close()
        assert self.node.wait(30) == 0
        self.node.stdout.close()


CLIENTS = [Boto3, Cli, JavaScript]
