"""From the purchase to the bill, in every way that the Marketplace can answer.

SPDX-License-Identifier: Apache-2.0
"""
import json

import pytest

from buyer import Page
from support.world import wait_until


def test_a_buyer_buys_registers_calls_and_is_billed(world):
    shop = world.sell()
    buyer = shop.buyer()
    for _ in range(3):
        assert buyer.call("/fixed").status == 200
    done = world.seal()
    assert done.returncode == 0, done.stdout + done.stderr
    account = buyer.purchase["customerAWSAccountId"]
    assert world.market.billed() == {account: 3}
    [record] = [r for r in world.status()["records"] if r["quantity"]]
    assert record["state"] == "settled"
    assert record["licenseArn"] == buyer.purchase["licenseArn"]
    [billed] = [r for r in world.market.records() if r["quantity"]]
    assert billed["meteringRecordId"] == record["meteringRecordId"]


def test_the_same_buyer_gets_the_same_key(world):
    shop = world.sell()
    buyer = shop.visitor()
    buyer.buy()
    buyer.register("a@example.com")
    first = buyer.key
    world.secrets.append(first)
    buyer.register("b@example.com")
    assert buyer.key == first
    again = shop.visitor()
    again.purchase = buyer.purchase
    again.register("a@example.com")
    assert again.key == first, "from another browser, too"
    keys = world.apigateway.get_api_keys()["items"]
    assert len(keys) == 1 and keys[0]["enabled"]
    plans = world.apigateway.get_usage_plans(keyId=keys[0]["id"])["items"]
    assert [plan["id"] for plan in plans] == [shop.plan]


def test_the_key_carries_the_buyers_customer_id(world):
    shop = world.sell()
    buyer = shop.buyer()
    [key] = world.apigateway.get_api_keys()["items"]
    assert key["customerId"] in (
        buyer.purchase["licenseArn"],
        buyer.purchase["licenseArn"].rpartition(":")[2],
        buyer.purchase["customerAWSAccountId"])


def test_registration_in_json(world):
    shop = world.sell()
    visitor = shop.visitor()
    token = visitor.buy()["token"]
    landed = visitor.land(token, Accept="application/json")
    assert landed.status == 200
    assert set(landed.json()) == {"state", "apiKeyId", "apiKey",
                                  "usagePlanId", "url"}
    done = visitor.post(shop.endpoints()["portal"] + "/register/complete",
                        {"email": "a@example.com"},
                        Accept="application/json")
    answer = done.json()
    assert done.status == 200 and answer["usagePlanId"] == shop.plan
    world.secrets.append(answer["apiKey"])
    visitor.key = answer["apiKey"]
    assert visitor.call("/fixed").status == 200


def test_a_token_that_is_none(shared_shop):
    visitor = shared_shop.visitor()
    url = shared_shop.endpoints()["portal"] + "/register"
    for fields in ({}, {"x-amzn-marketplace-token": ""},
                   {"x-amzn-marketplace-token": "nonsense"},
                   {"x-amzn-marketplace-token": "x" * 9000},
                   {"x-amzn-marketplace-token": "<script>alert(1)</script>"}):
        reply = visitor.post(url, fields)
        assert 400 <= reply.status < 500, fields
        assert "text/html" in reply.headers["Content-Type"]
        assert "AWS Marketplace" in reply.text, "says where to go"
        assert "<script>alert" not in reply.text
        assert "api-key" not in Page(reply.text).texts


def test_a_token_that_has_expired(traveller):
    shop = traveller.sell()
    visitor = shop.visitor()
    visitor.buy()
    traveller.clock.move_to(traveller.clock.now() + 5 * 3600)
    reply = visitor.land()
    assert 400 <= reply.status < 500
    assert "expired" in reply.text.lower()


def test_no_key_without_a_landing(shared_shop):
    visitor = shared_shop.visitor()
    reply = visitor.post(
        shared_shop.endpoints()["portal"] + "/register/complete",
        {"email": "a@example.com"})
    assert 400 <= reply.status < 500
    assert "api-key" not in Page(reply.text).texts


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x" * 400 + "@y.z",
                                   "a@b.c\r\nBcc: d@e.f"],
                         ids=["empty", "no at", "two ats", "long",
                              "two lines"])
def test_an_address_that_is_none_is_asked_for_again(shared_shop, email):
    visitor = shared_shop.visitor()
    visitor.buy()
    visitor.land()
    reply = visitor.post(
        shared_shop.endpoints()["portal"] + "/register/complete",
        {"email": email})
    assert 400 <= reply.status < 500
    assert "api-key" not in Page(reply.text).texts
    visitor.register()
    shared_shop.world.secrets.append(visitor.key)


@pytest.fixture(scope="module")
def shared_shop(shared):
    return shared.sell()


@pytest.mark.parametrize("identity", ["license", "account", "customer"])
def test_each_identity_mode_is_billed_as_amazon_asks(world, identity):
    shop = world.sell(identity=identity)
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    assert world.seal().returncode == 0
    sent = [call["request"] for call in
            world.market.calls("BatchMeterUsage")][-1]
    [record] = [r for r in sent["UsageRecords"] if r["Quantity"]]
    who = {name for name in record if name.startswith(
        ("Customer", "License"))}
    assert (who, "ProductCode" in sent) == {
        "license": ({"CustomerAWSAccountId", "LicenseArn"}, False),
        "account": ({"CustomerAWSAccountId"}, True),
        "customer": ({"CustomerIdentifier"}, True)}[identity]
    assert sum(r["quantity"] for r in world.market.records()) == 1


def test_batches_of_25(world):
    shop = world.sell()
    buyers = [shop.buyer() for _ in range(30)]
    for number, buyer in enumerate(buyers):
        for _ in range(number % 3 + 1):
            assert buyer.call("/fixed").status == 200
    assert world.seal().returncode == 0
    sizes = [len(call["request"]["UsageRecords"])
             for call in world.market.calls("BatchMeterUsage")]
    assert max(sizes) <= 25 and sum(sizes) == 30 and len(sizes) == 2
    assert world.market.billed() == {
        buyer.purchase["customerAWSAccountId"]: number % 3 + 1
        for number, buyer in enumerate(buyers)}


FAULTS = [
    ("lose-reply", {"times": 3}),
    ("throttle", {"times": 4}),
    ("internal", {"times": 3}),
    ("unprocessed", {"times": 2}),
    ("delay", {"times": 1, "delay_ms": 1500}),
]


@pytest.mark.parametrize("kind, more", FAULTS,
                         ids=[kind for kind, _ in FAULTS])
def test_the_bill_is_exact_whatever_the_marketplace_does(world, kind, more):
    shop = world.sell()
    buyers = [shop.buyer() for _ in range(3)]
    for number, buyer in enumerate(buyers):
        for _ in range(number + 1):
            assert buyer.call("/fixed").status == 200
    world.market.fault("BatchMeterUsage", kind, **more)
    done = world.seal()
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.market.billed() == {
        buyer.purchase["customerAWSAccountId"]: number + 1
        for number, buyer in enumerate(buyers)}
    same = {}
    for call in world.market.calls("BatchMeterUsage"):
        for record in (call["request"] or {}).get("UsageRecords", []):
            name = (record["LicenseArn"], record["Timestamp"])
            assert same.setdefault(name, record) == record, (
                "a record that is sent again is the identical one")


def test_a_refused_record_says_why_and_is_not_sent_again(world):
    shop = world.sell()
    buyer, other = shop.buyer(), shop.buyer()
    assert buyer.call("/fixed").status == 200
    assert other.call("/fixed").status == 200
    world.market.fault("BatchMeterUsage", "refuse",
                       status="CustomerNotSubscribed")
    done = world.seal()
    assert done.returncode == 1
    records = world.status()["records"]
    states = sorted(record["state"] for record in records)
    assert "refused" in states
    refused = next(r for r in records if r["state"] == "refused")
    assert "CustomerNotSubscribed" in refused["reason"]
    sent = len(world.market.calls("BatchMeterUsage"))
    assert world.seal().returncode in (0, 1)
    again = [record for call in world.market.calls("BatchMeterUsage")[sent:]
             for record in call["request"]["UsageRecords"]
             if record["LicenseArn"] == refused["licenseArn"]]
    assert again == []


def test_one_bad_record_does_not_take_its_batch_along(world):
    """A buyer whom the Marketplace no longer knows poisons the request."""
    shop = world.sell()
    good, gone = shop.buyer(), shop.buyer()
    assert good.call("/fixed").status == 200
    assert gone.call("/fixed").status == 200
    world.market.cancel(gone.purchase["agreementId"])
    world.seal()
    billed = world.market.billed()
    assert billed[good.purchase["customerAWSAccountId"]] == 1


def test_a_second_seal_of_the_hour_says_so_and_bills_nothing_twice(world):
    shop = world.sell()
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    assert world.seal().returncode == 0
    assert buyer.call("/fixed").status == 200
    world.wait_counted(2)
    again = world.seal()
    assert "already" in again.stdout + again.stderr
    assert sum(world.market.billed().values()) == 1
    [later] = [r for r in world.status()["records"] if r["state"] == "open"]
    assert later["quantity"] == 1, "the second call waits for the next hour"


def test_a_pure_contract_is_never_metered_and_said_so(world_with_contract):
    world = world_with_contract
    world.market.product("contract-1", world.stack.url("portal"),
                         model="contract")
    api = world.import_api()
    plan = world.plan(api, "contract-1")
    _, key = world.key(plan)
    assert world.call(api, "/fixed", key).status == 200
    world.wait_counted(1)
    world.seal()
    assert world.market.calls("BatchMeterUsage") == []
    done = world.stack.tallygate("status")
    assert "contract" in done.stdout.lower()


@pytest.fixture
def world_with_contract(world):
    """World whose settings say that contract-1 is a pure contract."""
    return world


def pytest_generate_tests(metafunc):
    if "world_with_contract" in metafunc.fixturenames:
        metafunc.parametrize("world", [{"more": {"products": [
            {"code": "contract-1", "model": "contract"}]}}],
            indirect=True, ids=["contract"])


def test_a_key_of_the_sellers_own_code_is_billed_too(world):
    """Sellers who call ResolveCustomer and CreateApiKey by themselves: the
    key's customerId is the buyer's account, and our portal has met him."""
    shop = world.sell()
    buyer = shop.buyer()
    account = buyer.purchase["customerAWSAccountId"]
    _, value = world.key(shop.plan, customerId=account)
    assert world.call(shop.api, "/fixed", value).status == 200
    assert buyer.call("/fixed").status == 200
    assert world.seal().returncode == 0
    assert world.market.billed() == {account: 2}


def test_calls_of_an_unknown_customer_are_counted_and_held(world):
    shop = world.sell()
    _, value = world.key(shop.plan, customerId="nobody")
    assert world.call(shop.api, "/fixed", value).status == 200
    world.wait_counted(1)
    world.seal()
    assert sum(world.market.billed().values()) == 0
    assert world.sql("SELECT quantity FROM usage_detail "
                     "WHERE agreement_id = '' AND reason <> ''") == [(1,)]


def test_the_trail_has_each_call_to_the_marketplace(world):
    shop = world.sell()
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    world.market.fault("BatchMeterUsage", "throttle", times=1)
    assert world.seal().returncode == 0
    calls = world.market.calls("BatchMeterUsage")
    events = world.aws(
        "cloudtrail", "lookup-events", "--lookup-attributes",
        "AttributeKey=EventName,AttributeValue=BatchMeterUsage")["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in events]
    assert sorted(r["requestID"] for r in records) == sorted(
        call["requestId"] for call in calls)
    assert sorted(r.get("errorCode", "") for r in records) == [
        "", "ThrottlingException"]
    resolved = world.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName",
                           "AttributeValue": "ResolveCustomer"}])["Events"]
    assert resolved and buyer.purchase["token"] not in json.dumps(
        resolved, default=str)


def test_usage_goes_to_the_right_buyer(world):
    shop = world.sell()
    buyers = [shop.buyer() for _ in range(4)]
    for number, buyer in enumerate(buyers):
        for _ in range(number):
            assert buyer.call("/echo/x").status == 200
    wait_until(lambda: world.counted() == 6, "all calls in the ledger")
    assert world.seal().returncode == 0
    assert world.market.billed() == {
        buyer.purchase["customerAWSAccountId"]: number
        for number, buyer in enumerate(buyers)
        if number} | {
        r["customerAWSAccountId"]: r["quantity"]
        for r in world.market.records() if r["quantity"] == 0}
