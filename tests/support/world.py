"""world.py - one tallygate with all that surrounds it, for a test

A world has a folder and ports of its own: the sandbox Marketplace, a backend
that says what it was asked, and `tallygate serve` with its nginx.  A test
drives it as sellers, buyers and operators do: with AWS's clients, over HTTP,
and with the program's verbs.

What every test gets for nothing, at the end of its world (verify):

  V1  every process ended by itself, with status 0
  V2  no [alert], [crit] or [emerg] in any log, no sanitizer's report
  V3  the audit trail's chain holds
  V4  the records that are settled in the ledger are those that the
      Marketplace will bill, to the unit; but for what expired in doubt
  V5  no API key's value stands in any file of the state directory but in
      the credentials files
  V6  the ledger's detail rows hold what the meters counted, to the unit

SPDX-License-Identifier: Apache-2.0
"""
import array
import copy
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "script/lib"))

import seller                                           # noqa: E402
from buyer import Buyer, Page                           # noqa: E402
from stack import PORTS, Stack, is_alive, wait_until    # noqa: E402
from wire import Wire                                   # noqa: E402

from support.backend import Backend                     # noqa: E402
from support.clock import Clock, TravellingClock        # noqa: E402
from support.ports import free_port                     # noqa: E402

BUILD = pathlib.Path(os.environ.get("TALLYGATE_TEST_BUILD", TOP / "build"))
IS_SANITIZED = "asan" in BUILD.name
BAD_LINE = re.compile(r"\[(alert|crit|emerg)\]|ERROR: \w+Sanitizer|"
                      r"runtime error:|level=fatal")
STAGE = "prod"
CELLS = 1 << 14                         # in a piece of the meters
LANES = 32                              # of each cell


def openapi(port, title="echo"):
    """An API whose calls reach the backend as they are."""
    proxy = {
        "type": "http_proxy", "httpMethod": "ANY",
        "uri": f"http://127.0.0.1:{port}/{{proxy}}",
        "requestParameters": {
            "integration.request.path.proxy": "method.request.path.proxy"},
        "passthroughBehavior": "when_no_match",
    }
    parameters = [{"name": "proxy", "in": "path", "required": True,
                   "schema": {"type": "string"}}]
    answer = {"200": {"description": "ok"}}
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {
            "statusCode": "200",
            "responseTemplates": {"application/json": '{"up": true}'}}},
    }
    return {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1"},
        "components": {"securitySchemes": {"key": {
            "type": "apiKey", "name": "x-api-key", "in": "header"}}},
        "security": [{"key": []}],
        "paths": {
            "/echo/{proxy+}": {"x-amazon-apigateway-any-method": {
                "parameters": parameters, "responses": answer,
                "x-amazon-apigateway-integration": proxy}},
            "/open/{proxy+}": {"get": {
                "security": [],
                "parameters": parameters, "responses": answer,
                "x-amazon-apigateway-integration": {
                    **proxy, "httpMethod": "GET"}}},
            "/fixed": {"get": {
                "responses": answer,
                "x-amazon-apigateway-integration": mock}},
            "/health": {"get": {
                "security": [], "responses": answer,
                "x-amazon-apigateway-integration": mock}},
        },
    }


class Market:
    """The sandbox, as seen from its own JSON interface."""

    def __init__(self, wire, url):
        self.wire = wire
        self.url = url

    def post(self, path, document=None):
        reply = self.wire.post_json(self.url + "/_sandbox/" + path,
                                    document or {})
        assert reply.status in (200, 201, 202, 204), reply.text
        return reply.json() if reply.body else {}

    def get(self, path):
        reply = self.wire.get(self.url + "/_sandbox/" + path)
        assert reply.status == 200, reply.text
        return reply.json()

    def product(self, code, portal, identity="license",
                model="subscription", dimensions=("apigateway",)):
        self.post("products", {
            "productCode": code, "name": code, "model": model,
            "dimensions": [{"name": name} for name in dimensions],
            "identity": identity, "fulfilmentUrl": portal + "/register"})
        return code

    def purchase(self, code, **more):
        return self.post("purchases", {"productCode": code, **more})

    def cancel(self, agreement):
        return self.post(f"purchases/{agreement}/cancel")

    def records(self):
        return self.get("records")["records"]

    def calls(self, operation=None):
        return [call for call in self.get("calls")["calls"]
                if operation in (None, call["operation"])]

    def fault(self, operation, kind, times=1, **more):
        self.post("faults", {"operation": operation, "kind": kind,
                             "times": times, **more})

    def billed(self):
        """Quantity by buyer account, over all hours."""
        total = {}
        for record in self.records():
            who = (record.get("customerAWSAccountId")
                   or record.get("customerIdentifier"))
            total[who] = total.get(who, 0) + record["quantity"]
        return total


def sanitized_nginx(folder):
    """A program that is nginx with the sanitizers' libraries, for a module
    that was built with them.  Its leaks are nginx's own: pools."""
    libraries = " ".join(
        subprocess.run(["gcc", f"-print-file-name={name}"], check=True,
                       capture_output=True, text=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so"))
    path = folder / "nginx"
    path.write_text(f"""\
#!/bin/sh
LD_PRELOAD="{libraries}" ASAN_OPTIONS=detect_leaks=0 \\
    UBSAN_OPTIONS=print_stacktrace=1 exec /usr/sbin/nginx "$@"
""")
    path.chmod(0o755)
    return path


class World:
    def __init__(self, name, travel=False, more=None, build=BUILD, env=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"tg-{name[:20]}-"))
        ports = {name: free_port() for name in PORTS}
        self.stack = Stack(self.folder / "s", ports, build=build,
                           settings=self.folder / "tallygate.yaml",
                           more=copy.deepcopy(more or {}))
        if IS_SANITIZED:
            self.stack.more.setdefault("nginx", {})["binary"] = str(
                sanitized_nginx(self.folder))
        self.journal = self.stack.folder / "journal"
        self.clock = TravellingClock(self.folder) if travel else Clock()
        self.stack.env = self.clock.env
        if env:
            self.stack.env = {**(self.clock.env or os.environ), **env}
        self.wire = Wire()
        self.backend = None
        self.harmless = None            # what a bad line of logs may say
        self.has_other_reporters = False  # the test itself sends records
        self.lost_meters = 0            # units of meters a test removed
        self.secrets = []               # key values that were seen (V5)
        self.statuses = []              # with which processes ended (V1)

    # Life

    def start(self):
        self.stack.write_settings()
        self.backend = Backend(self.stack.ports["example"])
        self.stack.start_sandbox()
        self.start_daemon()
        self.market = Market(self.wire, self.stack.url("sandbox"))
        return self

    def start_daemon(self):
        (self.stack.folder / "endpoints.json").write_text("{}\n")
        self.stack.start_daemon()
        wait_until(lambda: self.healthz() == 200, "/healthz to answer 200",
                   alive=self.stack.check)
        self.credentials = seller.Credentials(
            self.stack.folder / "admin-credentials")
        self.apigateway = self.client("apigateway")

    def healthz(self):
        try:
            return self.wire.get(self.stack.url("admin") + "/healthz").status
        except OSError:
            return None

    def stop_daemon(self):
        self.statuses.append(("serve", self.stack.daemon.stop()))
        self.stack.daemon = None

    def kill_daemon(self):
        """Power cut for the control plane alone; nginx goes on."""
        self.stack.daemon.stop(signal.SIGKILL)
        self.stack.daemon = None

    def stop(self):
        if self.stack.daemon:
            self.stop_daemon()
        self.stack.stop_nginx()
        self.statuses += self.stack.stop().items()
        if self.backend:
            self.backend.stop()
        self.clock.close()

    def remove(self):
        shutil.rmtree(self.folder)

    # Sellers

    def client(self, service):
        return seller.client(service, self.stack.url("admin"),
                             self.credentials)

    def aws(self, *words, check=True):
        """Debian's AWS CLI; its JSON, or the finished process."""
        done = subprocess.run(
            ["/usr/bin/aws", "--endpoint-url", self.stack.url("admin"),
             "--output", "json", "--no-cli-pager", *words],
            capture_output=True, text=True, timeout=60,
            env={**(self.clock.env or os.environ),
                 "AWS_SHARED_CREDENTIALS_FILE":
                     str(self.stack.folder / "admin-credentials"),
                 "AWS_CONFIG_FILE": "/dev/null",
                 "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true",
                 "PATH": "/usr/bin:/bin"})
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def import_api(self, document=None, stage=STAGE, **deployment):
        """Imports and deploys; the echo API unless another is given."""
        document = document or openapi(self.stack.ports["example"])
        api = self.apigateway.import_rest_api(body=json.dumps(document))
        self.apigateway.create_deployment(restApiId=api["id"],
                                          stageName=stage, **deployment)
        return api["id"]

    def plan(self, api, product_code=None, stage=STAGE, **limits):
        plan = self.apigateway.create_usage_plan(
            name=f"plan-{api}", apiStages=[{"apiId": api, "stage": stage}],
            **limits)
        if product_code:
            self.apigateway.update_usage_plan(
                usagePlanId=plan["id"], patchOperations=[
                    {"op": "replace", "path": "/productCode",
                     "value": product_code}])
        return plan["id"]

    def key(self, plan=None, **more):
        """A key of the seller's making, in the plan; (id, value)."""
        key = self.apigateway.create_api_key(
            **{"name": "key", "enabled": True, **more})
        self.secrets.append(key["value"])
        if plan:
            self.apigateway.create_usage_plan_key(
                usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
        return key["id"], key["value"]

    def sell(self, code="prod-echo", identity="license", **limits):
        """The echo API on sale; returns a Shop."""
        self.market.product(code, self.stack.url("portal"), identity)
        api = self.import_api()
        return Shop(self, code, api, self.plan(api, code, **limits))

    # Calls

    def url(self, api, path, stage=STAGE):
        return (f"{self.stack.url('gateway')}/restapis/{api}/{stage}"
                f"/_user_request_{path}")

    def call(self, api, path, key=None, method="GET", headers=None,
             body=None):
        headers = dict(headers or {})
        if key:
            headers["x-api-key"] = key
        return self.wire.request(method, self.url(api, path), headers, body)

    # Operators

    def status(self):
        done = self.stack.tallygate("status", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def seal(self, *words):
        """Seals the hour; the finished process."""
        return self.stack.tallygate("seal", *words)

    def begin_seal(self):
        """tallygate seal, under way: a Popen."""
        return self.stack.begin("seal")

    def sql(self, text, *values):
        """Reads the store behind everybody's back."""
        path = self.stack.folder / "private/tallygate.db"
        store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return store.execute(text, values).fetchall()
        finally:
            store.close()

    def counted(self):
        """Units in the ledger's detail rows that a meter counted: not those
        that a person added."""
        return self.sql("SELECT (SELECT coalesce(sum(quantity), 0) FROM "
                        "usage_detail) - (SELECT coalesce(sum(quantity), 0) "
                        "FROM ledger_adjustment WHERE quantity > 0)")[0][0]

    def wait_counted(self, units):
        """Until the collector has folded that many (and not one more)."""
        wait_until(lambda: self.counted() >= units,
                   f"{units} units in the ledger", 15)
        assert self.counted() == units

    # V1 to V6

    def verify(self):
        bad = [pair for pair in self.statuses if pair[1] != 0]
        assert not bad, f"did not end well: {bad}"
        self.verify_logs()
        done = self.stack.tallygate("audit", "verify")
        assert done.returncode == 0, done.stdout + done.stderr
        self.verify_secrets()
        assert self.counted() == self.lost_meters + self.metered()

    def metered(self):
        """Units in all lanes of all cells (src/plane/meters.h): a lane is
        never reset, so this is all that was ever counted."""
        total = 0
        for path in self.stack.folder.glob("meters.*"):
            lanes = array.array("I", path.read_bytes()[-4 * CELLS * LANES:])
            total += sum(lanes)
        return total

    def verify_logs(self):
        for path in sorted(self.stack.folder.rglob("*.log*")):
            for line in path.read_text(errors="replace").splitlines():
                if self.harmless is None or self.harmless not in line:
                    assert not BAD_LINE.search(line), f"{path.name}: {line}"

    def verify_bill(self):
        """V4; needs the sandbox, so it comes before stop."""
        if self.has_other_reporters:
            return
        members = ("productCode", "dimension", "hour", "quantity",
                   "meteringRecordId")
        records = self.status()["records"]
        ledger = sorted(tuple(record[name] for name in members)
                        for record in records
                        if record["state"] == "settled")
        # of these the ledger says that the Marketplace may have them
        doubtful = [tuple(record[name] for name in members[:-1])
                    for record in records if record["state"] == "expired"]
        market = sorted(tuple(record[name] for name in members)
                        for record in self.market.records())
        market = [record for record in market
                  if record in ledger or record[:-1] not in doubtful]
        assert ledger == market, (
            [record for record in ledger if record not in market],
            [record for record in market if record not in ledger])

    def verify_secrets(self):
        for path in self.stack.folder.rglob("*"):
            if not path.is_file() or path.name.endswith("-credentials"):
                continue
            data = path.read_bytes()
            for secret in self.secrets:
                assert secret.encode() not in data, (
                    f"an API key's value stands in {path}")


class Shop:
    """An API on sale: product, API, plan."""

    def __init__(self, world, code, api, plan):
        self.world, self.code, self.api, self.plan = world, code, api, plan

    def endpoints(self):
        stack = self.world.stack
        return {"sandbox": stack.url("sandbox"),
                "portal": stack.url("portal"),
                "gateway": stack.url("gateway"), "restApiId": self.api,
                "stage": STAGE, "productCode": self.code}

    def visitor(self):
        """Somebody with a browser, who has not bought yet."""
        return Buyer(self.world.wire, self.endpoints())

    def buyer(self, **purchase):
        """Somebody who has bought and holds a key."""
        buyer = self.visitor()
        buyer.buy(**purchase)
        buyer.register()
        self.world.secrets.append(buyer.key)
        return buyer
