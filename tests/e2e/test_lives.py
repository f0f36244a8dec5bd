"""One life of an API and of a buyer, from nothing to traffic and back to
nothing, as each of AWS's clients lives it: the same calls, once.

SPDX-License-Identifier: Apache-2.0
"""
import time

import pytest

from support.clients import CLIENTS, Refused
from support.world import STAGE, wait_until

CODE = "prod-life"
# What is made of an API and of those who sell it.
TABLES = ("rest_api", "resource", "method", "api_part", "deployment",
          "stage", "api_key", "usage_plan", "usage_plan_stage",
          "usage_plan_key")


@pytest.fixture(params=CLIENTS, ids=[kind.__name__ for kind in CLIENTS])
def client(request, world):
    made = request.param(world)
    yield made
    made.close()


def replace(path, value, op="replace"):
    return {"op": op, "path": path, "value": value}


class Life:
    """What the seller's programs know, in the order in which they learn it."""

    def __init__(self, world, client):
        self.world, self.client = world, client

    # The API

    def build(self):
        """GET /things/{id}, with a key, goes to the backend."""
        client = self.client
        made = client("CreateRestApi", name="life", description="a life",
                      endpointConfiguration={"types": ["REGIONAL"]})
        self.api = made["id"]
        root = client("GetResources", restApiId=self.api)["items"][0]["id"]
        self.things = client("CreateResource", restApiId=self.api,
                             parentId=root, pathPart="things")["id"]
        self.method = {"restApiId": self.api, "httpMethod": "GET",
                       "resourceId": client(
                           "CreateResource", restApiId=self.api,
                           parentId=self.things, pathPart="{id}")["id"]}
        self.validator = client(
            "CreateRequestValidator", restApiId=self.api, name="parameters",
            validateRequestParameters=True)["id"]
        client("PutMethod", **self.method, authorizationType="NONE",
               apiKeyRequired=True, requestValidatorId=self.validator,
               requestParameters={"method.request.path.id": True,
                                  "method.request.querystring.q": False})
        port = self.world.stack.ports["example"]
        client("PutIntegration", **self.method, type="HTTP_PROXY",
               integrationHttpMethod="GET",
               uri=f"http://127.0.0.1:{port}/${{stageVariables.kind}}/{{id}}",
               requestParameters={
                   "integration.request.path.id": "method.request.path.id"})
        client("PutMethodResponse", **self.method, statusCode="200")
        client("PutIntegrationResponse", **self.method, statusCode="200")
        client("PutGatewayResponse", restApiId=self.api,
               responseType="MISSING_AUTHENTICATION_TOKEN", statusCode="404",
               responseTemplates={"application/json": '{"no": "such"}'})
        assert client("GetMethod", **self.method)["methodIntegration"][
            "integrationResponses"]["200"] == {"statusCode": "200"}

    def deploy(self):
        client = self.client
        self.deployment = client("CreateDeployment", restApiId=self.api,
                                 description="first")["id"]
        self.stage = {"restApiId": self.api, "stageName": STAGE}
        client("CreateStage", **self.stage, deploymentId=self.deployment,
               variables={"kind": "none"})
        changed = client("UpdateStage", **self.stage, patchOperations=[
            replace("/variables/kind", "lamps"),
            replace("/description", "what buyers call")])
        assert changed["variables"] == {"kind": "lamps"}

    def sell(self):
        client = self.client
        self.plan = client(
            "CreateUsagePlan", name="life",
            apiStages=[{"apiId": self.api, "stage": STAGE}],
            throttle={"rateLimit": 100.0, "burstLimit": 100},
            quota={"limit": 1000, "period": "MONTH"})["id"]
        assert client("UpdateUsagePlan", usagePlanId=self.plan,
                      patchOperations=[replace("/productCode", CODE, "add")]
                      )["productCode"] == CODE

    # The buyer: section 2 of Amazon's page on selling an API as SaaS

    def subscribe(self, purchase):
        """What the seller's page does with a token, each time it gets one."""
        client = self.client
        found = client("ResolveCustomer", RegistrationToken=purchase["token"])
        assert found["ProductCode"] == CODE
        self.customer = found["CustomerAWSAccountId"]
        assert self.customer == purchase["customerAWSAccountId"]
        # Debian's clients do not know this member yet.
        licence = found.get("LicenseArn", purchase["licenseArn"])
        keys = client("GetApiKeys", customerId=self.customer,
                      includeValues=True)["items"]
        if not keys:
            made = client("CreateApiKey", name="buyer", enabled=False,
                          tags={"tallygate:licenseArn": licence,
                                "tallygate:customerAWSAccountId":
                                    self.customer})
            client("UpdateApiKey", apiKey=made["id"], patchOperations=[
                replace("/customerId", self.customer),
                replace("/enabled", "true")])
            client("CreateUsagePlanKey", usagePlanId=self.plan,
                   keyId=made["id"], keyType="API_KEY")
            keys = [made]
        [key] = keys
        self.world.secrets.append(key["value"])
        return key["id"], key["value"]

    def unsubscribe(self):
        for key in self.client("GetApiKeys",
                               customerId=self.customer)["items"]:
            self.client("DeleteUsagePlanKey", usagePlanId=self.plan,
                        keyId=key["id"])
        assert self.client("GetUsagePlanKeys",
                           usagePlanId=self.plan)["items"] == []

    def used(self, key):
        today = time.strftime("%Y-%m-%d", time.gmtime())
        usage = self.client("GetUsage", usagePlanId=self.plan, keyId=key,
                            startDate=today, endDate=today)
        return usage["items"][key][-1]

    # The end

    def bury(self, key):
        client = self.client
        with pytest.raises(Refused) as refused:
            client("DeleteDeployment", restApiId=self.api,
                   deploymentId=self.deployment)
        assert refused.value.kind == "BadRequestException", "it is in use"
        client("DeleteApiKey", apiKey=key)
        client("UpdateUsagePlan", usagePlanId=self.plan, patchOperations=[
            {"op": "remove", "path": "/apiStages",
             "value": f"{self.api}:{STAGE}"}])
        client("DeleteUsagePlan", usagePlanId=self.plan)
        client("DeleteStage", **self.stage)
        client("DeleteDeployment", restApiId=self.api,
               deploymentId=self.deployment)
        client("DeleteGatewayResponse", restApiId=self.api,
               responseType="MISSING_AUTHENTICATION_TOKEN")
        client("DeleteIntegrationResponse", **self.method, statusCode="200")
        client("DeleteIntegration", **self.method)
        client("DeleteMethodResponse", **self.method, statusCode="200")
        client("DeleteMethod", **self.method)
        client("DeleteRequestValidator", restApiId=self.api,
               requestValidatorId=self.validator)
        client("DeleteResource", restApiId=self.api, resourceId=self.things)
        client("DeleteRestApi", restApiId=self.api)


def test_from_nothing_to_traffic_and_back_to_nothing(world, client):
    world.market.product(CODE, world.stack.url("portal"))
    life = Life(world, client)
    life.build()
    life.deploy()
    life.sell()

    purchase = world.market.purchase(CODE)
    key, value = life.subscribe(purchase)
    assert life.subscribe(purchase) == (key, value), "and once is enough"

    def call(value=value):
        return world.call(life.api, "/things/7?q=1", value)
    wait_until(lambda: call().status == 200, "the deployment")
    assert call().json()["target"] == "/lamps/7?q=1"
    assert call(value=None).status == 403
    answered = 2
    wait_until(lambda: life.used(key)[0] >= answered, "the calls in GetUsage")
    assert life.used(key) == [answered, 1000 - answered]

    life.unsubscribe()
    assert call().status == 403
    assert world.seal().returncode == 0
    assert world.market.billed() == {life.customer: answered}

    life.bury(key)
    assert call().status == 403
    for operation, arguments in [
            ("GetRestApi", {"restApiId": life.api}),
            ("GetApiKey", {"apiKey": key}),
            ("GetUsagePlan", {"usagePlanId": life.plan})]:
        with pytest.raises(Refused) as refused:
            client(operation, **arguments)
        assert refused.value.kind == "NotFoundException", operation
    assert {table: world.sql(f"SELECT count(*) FROM {table}")[0][0]
            for table in TABLES} == dict.fromkeys(TABLES, 0)
