"""seller.py - what a seller does once: product, API, stage, usage plan

Everything goes through the interfaces that a seller has: AWS's API Gateway
calls on the admin listener (boto3), and the sandbox's own JSON where Amazon
has the Marketplace's management portal.  Each step looks first whether an
earlier run has done it, so that running it twice changes nothing.

SPDX-License-Identifier: Apache-2.0
"""
import configparser
import json
import os

import boto3
import botocore.config

from stack import EXAMPLE, StackError

API_NAME = "iso-codes"
STAGE = "prod"
DIMENSION = "apigateway"
PRODUCT_CODE = "isocodesexample0000000001"
PRODUCT = {"code": PRODUCT_CODE, "name": "ISO codes",
           "model": "subscription"}
BACKEND_IN_DOCUMENT = "http://127.0.0.1:8091/"


class Credentials:
    """An AWS shared credentials file with the profile [default]."""

    def __init__(self, path):
        parser = configparser.ConfigParser(interpolation=None)
        if not parser.read(path):
            raise StackError(f"{path} is missing")
        profile = parser["default"]
        self.key_id = profile["aws_access_key_id"]
        self.secret = profile["aws_secret_access_key"]
        self.region = profile.get("region", "us-east-1")


def client(service, endpoint, credentials):
    """A boto3 client for our own endpoint: one attempt, no proxies."""
    session = boto3.session.Session()
    return session.client(
        service, endpoint_url=endpoint, region_name=credentials.region,
        aws_access_key_id=credentials.key_id,
        aws_secret_access_key=credentials.secret,
        config=botocore.config.Config(retries={"total_max_attempts": 1},
                                      proxies={}))


def find(items, **wanted):
    """The first item whose members are as wanted, or None."""
    for item in items:
        if all(item.get(name) == value for name, value in wanted.items()):
            return item
    return None


class Seller:
    def __init__(self, stack, quota):
        self.stack = stack
        self.quota = quota              # calls a month for each buyer
        self.gateway = client(
            "apigateway", stack.url("admin"),
            Credentials(stack.folder / "admin-credentials"))

    def list_product(self):
        """Puts the product on the sandbox's Marketplace."""
        reply = self.stack.wire.post_json(
            self.stack.url("sandbox") + "/_sandbox/products", {
                "productCode": PRODUCT_CODE,
                "name": PRODUCT["name"],
                "model": PRODUCT["model"],
                "dimensions": [{"name": DIMENSION}],
                "identity": "license",
                "fulfilmentUrl": self.stack.url("portal") + "/register",
            })
        if reply.status not in (200, 201):
            raise StackError(f"the sandbox refused the product: "
                             f"{reply.status} {reply.text}")
        return reply.json().get("productCode", PRODUCT_CODE)

    def document(self):
        """The OpenAPI document, with this stack's port for the backend."""
        here = f"http://127.0.0.1:{self.stack.ports['example']}/"
        text = (EXAMPLE / "openapi.yaml").read_text()
        return text.replace(BACKEND_IN_DOCUMENT, here).encode()

    def import_api(self):
        """Imports and deploys the API unless it is there."""
        apis = self.gateway.get_rest_apis(limit=500)["items"]
        api = find(apis, name=API_NAME)
        if api is None:
            api = self.gateway.import_rest_api(body=self.document())
        stages = self.gateway.get_stages(restApiId=api["id"])["item"]
        if find(stages, stageName=STAGE) is None:
            self.gateway.create_deployment(restApiId=api["id"],
                                           stageName=STAGE)
        return api["id"]

    def usage_plan(self, api_id, product_code):
        """The plan that buyers of the product get, with the product's code:
        from then on their calls are metered."""
        plans = self.gateway.get_usage_plans(limit=500)["items"]
        plan = find(plans, name=API_NAME)
        if plan is None:
            plan = self.gateway.create_usage_plan(
                name=API_NAME,
                apiStages=[{"apiId": api_id, "stage": STAGE}],
                throttle={"rateLimit": 100.0, "burstLimit": 200},
                quota={"limit": self.quota, "period": "MONTH"})
        if plan.get("productCode") != product_code:
            self.gateway.update_usage_plan(
                usagePlanId=plan["id"],
                patchOperations=[{"op": "replace", "path": "/productCode",
                                  "value": product_code}])
        return plan["id"]

    def set_up(self):
        """Does it all and returns what endpoints.json says."""
        product_code = self.list_product()
        api_id = self.import_api()
        plan_id = self.usage_plan(api_id, product_code)
        gateway = self.stack.url("gateway")
        return {
            "gateway": gateway,
            "portal": self.stack.url("portal"),
            "admin": self.stack.url("admin"),
            "sandbox": self.stack.url("sandbox"),
            "accountId": "123456789012",
            "region": "us-east-1",
            "restApiId": api_id,
            "stage": STAGE,
            "usagePlanId": plan_id,
            "productCode": product_code,
            "dimension": DIMENSION,
            "exampleUrl": f"{gateway}/restapis/{api_id}/{STAGE}"
                          "/_user_request_/countries/DE",
        }


def publish(stack, quota):
    """Sets the example up and writes endpoints.json, whole or not at all."""
    endpoints = Seller(stack, quota).set_up()
    path = stack.folder / "endpoints.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(endpoints, indent=2) + "\n")
    os.replace(part, path)
    return endpoints
