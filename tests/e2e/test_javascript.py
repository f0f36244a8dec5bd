"""The AWS SDK for JavaScript v3: identity modes and entitlements, which
Debian's boto3 is too old to know.

SPDX-License-Identifier: Apache-2.0
"""
import pytest

from support.clients import JavaScript
from support.world import seller


@pytest.fixture(scope="module")
def sdk(shared):
    """sdk(client, command, input): the SDK's answer."""
    shared.has_other_reporters = True
    market = seller.Credentials(shared.stack.folder / "sandbox-credentials")
    node = JavaScript(shared)

    def call(client, command, arguments, cbor=False):
        ours = client in ("apigateway", "cloudtrail")
        return node.send(client, command, arguments,
                         shared.stack.url("admin" if ours else "sandbox"),
                         shared.credentials if ours else market, cbor)
    yield call
    node.close()


def resolve(sdk, purchase):
    answer = sdk("metering", "ResolveCustomer",
                 {"RegistrationToken": purchase["token"]})
    return answer["ok"]


def test_resolve_customer_gives_what_was_bought(shared, sdk):
    for identity in ("license", "account", "customer"):
        code = shared.market.product(f"js-{identity}", "http://x", identity)
        purchase = shared.market.purchase(code)
        found = resolve(sdk, purchase)
        assert found["ProductCode"] == code
        for ours, theirs in {
                "license": [("customerAWSAccountId", "CustomerAWSAccountId"),
                            ("licenseArn", "LicenseArn")],
                "account": [("customerAWSAccountId",
                             "CustomerAWSAccountId")],
                "customer": [("customerIdentifier", "CustomerIdentifier")],
                }[identity]:
            assert purchase[ours] and found[theirs] == purchase[ours]
    assert sdk("metering", "ResolveCustomer",
               {"RegistrationToken": "none"})["error"] == (
        "InvalidTokenException")


@pytest.mark.parametrize("identity", ["license", "account"])
def test_a_record_in_each_identity_mode(shared, sdk, identity):
    code = shared.market.product(f"js-bill-{identity}", "http://x", identity)
    bought = shared.market.purchase(code)
    record = {"Timestamp": shared.clock.now(), "Dimension": "apigateway",
              "Quantity": 7,
              "CustomerAWSAccountId": bought["customerAWSAccountId"]}
    request = {"UsageRecords": [record]}
    if identity == "license":
        record["LicenseArn"] = bought["licenseArn"]
    else:
        request["ProductCode"] = code
    results = sdk("metering", "BatchMeterUsage", request)["ok"]["Results"]
    assert [r["Status"] for r in results] == ["Success"]
    results = sdk("metering", "BatchMeterUsage", request)["ok"]["Results"]
    assert [r["Status"] for r in results] == ["Success"], "the same again"
    record["Quantity"] = 8
    results = sdk("metering", "BatchMeterUsage", request)["ok"]["Results"]
    assert [r["Status"] for r in results] == ["DuplicateRecord"]
    account = bought["customerAWSAccountId"]
    assert shared.market.billed()[account] == 7


@pytest.mark.parametrize("change, error", [
    ({"Dimension": "other"}, "InvalidUsageDimensionException"),
    ({"Timestamp": 1000000000}, "TimestampOutOfBoundsException"),
    ({"LicenseArn": "arn:aws:license-manager::294406891311:license:l-0"},
     "InvalidLicenseException"),
])
def test_a_record_that_cannot_be(shared, sdk, change, error):
    code = shared.market.product("js-refuse", "http://x")
    bought = shared.market.purchase(code)
    record = {"Timestamp": shared.clock.now(), "Dimension": "apigateway",
              "Quantity": 1, "LicenseArn": bought["licenseArn"],
              "CustomerAWSAccountId": bought["customerAWSAccountId"],
              **change}
    answer = sdk("metering", "BatchMeterUsage", {"UsageRecords": [record]})
    assert (answer.get("error"), answer["status"]) == (error, 400)


def test_more_than_25_records_are_refused(shared, sdk):
    code = shared.market.product("js-many", "http://x")
    bought = shared.market.purchase(code)
    record = {"Timestamp": shared.clock.now(), "Dimension": "apigateway",
              "LicenseArn": bought["licenseArn"],
              "CustomerAWSAccountId": bought["customerAWSAccountId"]}
    answer = sdk("metering", "BatchMeterUsage",
                 {"UsageRecords": [record] * 26})
    assert answer["status"] == 400


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
def test_entitlements(shared, sdk, cbor):
    code = shared.market.product(
        f"js-contract-{cbor}", "http://x", model="contract")
    bought = shared.market.purchase(code)
    answer = sdk("entitlement", "GetEntitlements", {
        "ProductCode": code,
        "Filter": {"CUSTOMER_AWS_ACCOUNT_ID": [
            bought["customerAWSAccountId"]]}}, cbor)
    assert answer["status"] == 200, answer
    [entitlement] = answer["ok"]["Entitlements"]
    assert entitlement["ProductCode"] == code
    assert entitlement["CustomerAWSAccountId"] == (
        bought["customerAWSAccountId"])
    answer = sdk("entitlement", "GetEntitlements", {
        "ProductCode": code,
        "Filter": {"CUSTOMER_AWS_ACCOUNT_ID": ["999999999999"]}}, cbor)
    assert answer["ok"]["Entitlements"] == []


def test_our_own_apis_as_javascript_sees_them(shared, sdk):
    made = sdk("apigateway", "CreateApiKey",
               {"name": "js", "enabled": True})["ok"]
    shared.secrets.append(made["value"])
    found = sdk("apigateway", "GetApiKeys", {"nameQuery": "js"})["ok"]
    assert [item["id"] for item in found["items"]] == [made["id"]]
    events = sdk("cloudtrail", "LookupEvents", {"LookupAttributes": [
        {"AttributeKey": "ResourceName",
         "AttributeValue": made["id"]}]})["ok"]["Events"]
    assert [event["EventName"] for event in events] == ["CreateApiKey"]
