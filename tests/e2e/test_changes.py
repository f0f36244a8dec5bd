"""Everything is changed while buyers call: no call fails that should not, what
was changed holds from its answer on in every worker, and totals are equal.

The order of changes is drawn from a seed, which is printed;
TALLYGATE_TEST_SEED repeats it.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import json
import os
import random
import signal
import socket
import threading

import pytest

from support.rules import Stream, document, operation
from support.world import wait_until

CHANGES = int(os.environ.get("TALLYGATE_TEST_CHANGES", "60"))
CALLERS = 4
CHECKS = 4                      # fresh connections: either worker takes some
HOST = "busy.example"


def paths(backend, word):
    """What a deployment serves: its word is in target, header and MOCK."""
    return {
        "/proxy": {"get": operation({
            "type": "http_proxy", "httpMethod": "GET",
            "uri": f"http://127.0.0.1:{backend}/{word}",
            "requestParameters": {
                "integration.request.header.X-Word": f"'{word}'"}},
            key=True)},
        "/mock": {"get": operation({
            "type": "mock", "requestTemplates": {
                "application/json": '{"statusCode": 200}'},
            "responses": {"default": {
                "statusCode": "200",
                "responseParameters": {
                    "method.response.header.X-Word": f"'{word}'"},
                "responseTemplates": {
                    "application/json": f'{{"word":"{word}"}}'}}}},
            key=True, responses={"200": {
                "description": "ok", "headers": {
                    "X-Word": {"schema": {"type": "string"}}}}})},
    }


def word_of(path, reply):
    """The deployment that answered; a mixture of two is none."""
    told = json.loads(reply.body)
    if path.endswith("/mock"):
        words = {told["word"], reply.get("X-Word")}
    else:
        words = {told["target"][1:], dict(told["headers"])["X-Word"]}
    assert len(words) == 1, f"a mixed answer: {words}"
    return words.pop()


class Counts:
    """Calls that were served, by key value."""

    def __init__(self):
        self.lock = threading.Lock()
        self.served = collections.Counter()
        self.wrong = []

    def add(self, key, reply):
        with self.lock:
            if int(reply.first[1]) == 200:
                self.served[key] += 1


class Line:
    """One kept connection."""

    def __init__(self, world, counts):
        self.port = world.stack.ports["gateway"]
        self.counts = counts
        self.connection = None

    def call(self, path, key):
        if self.connection is None:
            self.connection = socket.create_connection(
                ("127.0.0.1", self.port), 30)
            self.stream = Stream(self.connection)
        self.connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {key}\r\n"
            "\r\n".encode())
        reply = self.stream.message(is_reply=True)
        if reply is None:
            raise ConnectionError
        self.counts.add(key, reply)
        if reply.get("Connection") == "close":
            self.close()
        return reply

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Caller(threading.Thread):
    """Calls without pause; each call is served by one deployment, whole."""

    def __init__(self, world, counts, key, path, words):
        super().__init__()
        self.line = Line(world, counts)
        self.counts, self.key, self.path = counts, key, path
        self.words = words
        self.is_over = False

    def run(self):
        while not self.is_over:
            try:
                reply = self.line.call(self.path, self.key)
                assert int(reply.first[1]) == 200, (reply.first, reply.body)
                assert word_of(self.path, reply) in self.words
            except Exception as error:
                self.counts.wrong.append((self.path, repr(error)))
                self.line.close()
        self.line.close()


class Changes:
    """The changes that can be made; each checks that it holds at once."""

    def __init__(self, world, chance):
        self.world, self.chance = world, chance
        self.client = world.apigateway      # which tries nothing twice
        self.counts = Counts()
        self.ids = {}               # key value: id
        self.set_up()
        self.all = [
            self.move_a_stage, self.deploy, self.move_a_mapping,
            self.map_and_unmap, self.a_key_comes_and_goes,
            self.disable_a_key, self.change_the_plan, self.change_an_owner,
            self.reload, self.change_a_variable]

    def set_up(self):
        world, client = self.world, self.client
        backend = world.stack.ports["example"]
        self.api = world.import_api(document("busy", paths(backend, "one")))
        one = client.get_stage(restApiId=self.api,
                               stageName="prod")["deploymentId"]
        other = world.import_api(document("other", paths(backend, "two")))
        self.other = other
        # The second deployment of the same API: its backend's path and its
        # MOCK come from an edit of the resources.
        for resource in client.get_resources(
                restApiId=self.api, limit=500)["items"]:
            if resource["path"] != "/":
                client.delete_resource(restApiId=self.api,
                                       resourceId=resource["id"])
        self.fill("three")
        three = client.create_deployment(restApiId=self.api)["id"]
        self.deployments = {"one": one, "three": three}
        self.word = "one"
        self.plan = world.plan(self.api)
        client.update_usage_plan(usagePlanId=self.plan, patchOperations=[
            {"op": "add", "path": "/apiStages", "value": f"{other}:prod"}])
        self.keys = [self.make_key() for _ in range(CALLERS)]
        client.create_domain_name(
            domainName=HOST, endpointConfiguration={"types": ["REGIONAL"]})
        for path, api in (("main", self.api), ("flip", self.api)):
            client.create_base_path_mapping(
                domainName=HOST, basePath=path, restApiId=api, stage="prod")
        self.flip = self.api

    def fill(self, word):
        """Makes the API's methods by hand, as a seller edits them."""
        client, api = self.client, self.api
        root = next(item["id"] for item in client.get_resources(
            restApiId=api)["items"] if item["path"] == "/")
        for name, verbs in paths(self.world.stack.ports["example"],
                                 word).items():
            made = client.create_resource(
                restApiId=api, parentId=root, pathPart=name[1:])["id"]
            of = {"restApiId": api, "resourceId": made, "httpMethod": "GET"}
            client.put_method(**of, authorizationType="NONE",
                              apiKeyRequired=True)
            given = verbs["get"]["x-amazon-apigateway-integration"]
            if name == "/proxy":
                client.put_integration(
                    **of, type="HTTP_PROXY", integrationHttpMethod="GET",
                    uri=given["uri"],
                    requestParameters=given["requestParameters"])
                continue
            client.put_integration(
                **of, type="MOCK",
                requestTemplates=given["requestTemplates"])
            header = "method.response.header.X-Word"
            client.put_method_response(**of, statusCode="200",
                                       responseParameters={header: False})
            answer = given["responses"]["default"]
            client.put_integration_response(
                **of, statusCode="200",
                responseParameters=answer["responseParameters"],
                responseTemplates=answer["responseTemplates"])

    def make_key(self, **more):
        key, value = self.world.key(self.plan, **more)
        self.ids[value] = key
        return value

    # Checks, each on connections of their own

    def calls(self, path, key):
        for _ in range(CHECKS):
            line = Line(self.world, self.counts)
            yield line.call(path, key)
            line.close()

    def expect_word(self, base, word, key=None):
        path = f"/{base}/{self.chance.choice(('mock', 'proxy'))}"
        for reply in self.calls(path, key or self.keys[0]):
            assert int(reply.first[1]) == 200, reply.body
            assert word_of(path, reply) == word

    def expect_closed(self, path, key):
        for reply in self.calls(path, key):
            assert int(reply.first[1]) == 403, reply.body

    # Changes

    def patch_stage(self, path, value):
        self.client.update_stage(
            restApiId=self.api, stageName="prod", patchOperations=[
                {"op": "replace", "path": path, "value": value}])

    def move_a_stage(self):
        self.word = "three" if self.word == "one" else "one"
        self.patch_stage("/deploymentId", self.deployments[self.word])
        self.expect_word("main", self.word)

    def deploy(self):
        stage = f"s{self.chance.randrange(3)}"
        self.client.create_deployment(restApiId=self.api, stageName=stage)
        self.expect_word("main", self.word)

    def change_a_variable(self):
        self.patch_stage("/variables/number",
                         str(self.chance.randrange(1 << 30)))

    def move_a_mapping(self):
        self.flip = self.other if self.flip == self.api else self.api
        self.client.update_base_path_mapping(
            domainName=HOST, basePath="flip", patchOperations=[
                {"op": "replace", "path": "/restapiId", "value": self.flip}])
        self.expect_word("flip", "two" if self.flip == self.other
                         else self.word)

    def map_and_unmap(self):
        path = f"path{self.chance.randrange(1000)}"
        self.expect_closed(f"/{path}/mock", self.keys[0])
        self.client.create_base_path_mapping(
            domainName=HOST, basePath=path, restApiId=self.other,
            stage="prod")
        self.expect_word(path, "two")
        self.client.delete_base_path_mapping(domainName=HOST, basePath=path)
        self.expect_closed(f"/{path}/mock", self.keys[0])

    def set_enabled(self, key, is_enabled):
        self.client.update_api_key(apiKey=self.ids[key], patchOperations=[
            {"op": "replace", "path": "/enabled", "value": str(is_enabled)}])

    def a_key_comes_and_goes(self):
        key = self.make_key()
        self.expect_word("main", self.word, key)
        self.client.delete_api_key(apiKey=self.ids[key])
        self.expect_closed("/main/mock", key)

    def disable_a_key(self):
        key = self.make_key(enabled=False)
        for is_enabled in (False, True, False):
            self.set_enabled(key, is_enabled)
            if is_enabled:
                self.expect_word("main", self.word, key)
            else:
                self.expect_closed("/main/mock", key)

    def change_the_plan(self):
        number = str(self.chance.randrange(100000, 200000))
        self.client.update_usage_plan(
            usagePlanId=self.plan, patchOperations=self.chance.choice([
                [{"op": "replace", "path": "/throttle/rateLimit",
                  "value": number},
                 {"op": "replace", "path": "/throttle/burstLimit",
                  "value": number}],
                [{"op": "replace", "path": "/quota/limit", "value": number},
                 {"op": "replace", "path": "/quota/period",
                  "value": "MONTH"}],
                [{"op": "replace", "path": "/name", "value": number}]]))

    def change_an_owner(self):
        key = self.chance.choice(self.keys)
        self.client.update_api_key(
            apiKey=self.ids[key], patchOperations=[
                {"op": "replace", "path": "/customerId",
                 "value": f"c-{self.chance.randrange(1000)}"}])

    def reload(self):
        os.kill(self.world.stack.nginx_pid(), signal.SIGHUP)

    def callers(self):
        return [Caller(self.world, self.counts, key, path, words)
                for key, (path, words) in zip(self.keys, [
                    ("/main/proxy", {"one", "three"}),
                    ("/main/mock", {"one", "three"}),
                    ("/flip/proxy", {"one", "two", "three"}),
                    ("/flip/mock", {"one", "two", "three"})])]


@pytest.mark.parametrize("world", [{"more": {"gateway": {"workers": 2}}}],
                         indirect=True)
def test_everything_changes_under_load(world):
    seed = int(os.environ.get("TALLYGATE_TEST_SEED",
                              random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}")
    changes = Changes(world, random.Random(seed))
    callers = changes.callers()
    for caller in callers:
        caller.start()
    try:
        order = changes.all + changes.chance.choices(
            changes.all, k=CHANGES - len(changes.all))
        changes.chance.shuffle(order)
        for change in order:
            change()
    finally:
        for caller in callers:
            caller.is_over = True
        for caller in callers:
            caller.join()
    counts = changes.counts
    assert counts.wrong == []
    assert min(counts.served[key] for key in changes.keys) > CHANGES
    total = sum(counts.served.values())
    wait_until(lambda: world.counted() >= total, "every call in the ledger")
    assert dict(world.sql("SELECT key_id, sum(quantity) FROM usage_detail "
                          "GROUP BY key_id")) == {
        changes.ids[key]: number for key, number in counts.served.items()
        if number}
