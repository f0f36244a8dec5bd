"""Every way in which an answer can go wrong, and whose name is under a request.

SPDX-License-Identifier: Apache-2.0
"""
import configparser
import json
import os

import pytest

from support.aws import Repeater, Sts
from support.ports import free_port
from support.world import World, wait_until

ROLE = "arn:aws:iam::123456789012:role/ApiGatewayMarketplaceMeteringRole"


@pytest.fixture(scope="module")
def sts():
    server = Sts(free_port())
    yield server
    server.stop()


@pytest.fixture(scope="module")
def world(sts):
    """Metering in a role, with short time-outs and without a pace."""
    world = World("reporting", more={
        "marketplace": {"role": "123456789012", "timeout_s": 1,
                        "account_rate": 0},
        "sandbox": {"account_rate": 0}})
    world.stack.env = {**(world.stack.env or os.environ),
                       "AWS_ENDPOINT_URL_STS": sts.url}
    world.stack.write_settings()
    try:
        world.stack.start_sandbox()
        keys = configparser.ConfigParser()
        keys.read(world.stack.folder / "sandbox-credentials")
        sts.keys = (keys["default"]["aws_access_key_id"],
                    keys["default"]["aws_secret_access_key"])
        world.stack.stop()
        world.start()
        yield world
        world.verify_bill()
    finally:
        world.stop()
    world.verify()


@pytest.fixture(scope="module")
def shop(world):
    return world.sell()


# Each is met by two new buyers, who are sealed and billed at once.
ANSWERS = [
    ("twice", {}),
    ("reorder", {}),
    ("omit", {}),
    ("garbage", {}),
    ("cut", {}),
    ("huge", {}),
    ("clock", {"ahead_s": 30}),
    ("unprocessed", {"records": 1}),
    ("throttle", {"retry_after_s": 1}),
    ("refuse", {"status": "ServiceUnavailable"}),
    ("refuse", {"status": "InvalidProductCodeException"}),
    ("delay", {"delay_ms": 2500}),      # an answer after the time-out
    ("lose-reply", {"times": 2}),
]


@pytest.mark.parametrize("kind, more", ANSWERS,
                         ids=[more.get("status", kind)
                              for kind, more in ANSWERS])
def test_the_bill_is_exact_whatever_the_answer(world, shop, kind, more):
    buyers = [shop.buyer(), shop.buyer()]
    for number, buyer in enumerate(buyers):
        for _ in range(number + 1):
            assert buyer.call("/fixed").status == 200
    world.market.fault("BatchMeterUsage", kind, **more)
    done = world.seal()
    assert done.returncode == 0, done.stdout + done.stderr
    billed = world.market.billed()
    assert [billed[buyer.purchase["customerAWSAccountId"]]
            for buyer in buyers] == [1, 2]
    assert kind in [call.get("fault") for call in
                    world.market.calls("BatchMeterUsage")]


def test_a_reply_with_another_date_holds_all_until_the_clocks_agree(
        world, shop):
    """An hour sealed too early is final.  The answer counts all the same;
    then nothing goes out until the Marketplace's clock is asked again, and
    what follows is signed with the right time."""
    log = world.stack.log_dir / "serve.log"
    before = len(log.read_text())

    def events():
        return log.read_text()[before:]
    for ahead_s in (900, -900):
        buyer = shop.buyer()
        assert buyer.call("/fixed").status == 200
        world.market.fault("BatchMeterUsage", "clock", ahead_s=ahead_s)
        done = world.seal()
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(lambda: "the Marketplace's clock agrees" in
                   events().rpartition("clock differs by")[2],
                   "the clock to be doubted, and believed again")
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    wait_until(lambda: world.seal().returncode == 0, "sealing to go on")
    assert world.market.billed()[
        buyer.purchase["customerAWSAccountId"]] == 1
    assert events().count("clock differs by") == 2
    assert "event=metering_stopped" not in events()


def test_the_role_signs_and_is_on_record(world, shop, sts):
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    assert world.seal().returncode == 0
    asked = sts.asked[0]
    assert asked["Action"] == "AssumeRole" and asked["RoleArn"] == ROLE
    assert f"Credential={sts.keys[0]}/" in asked["Authorization"]
    [record] = world.sql("SELECT record FROM audit_event WHERE event_name ="
                         " 'BatchMeterUsage' ORDER BY seq DESC LIMIT 1")
    who = json.loads(record[0])["userIdentity"]
    assert who["type"] == "AssumedRole"
    assert who["arn"] == "arn:aws:sts::1:assumed-role/Meter/x"


def test_an_expired_session_is_renewed_at_once(world, shop, sts):
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    before = len(sts.asked)
    world.market.fault("BatchMeterUsage", "refuse", httpStatus=403,
                       status="ExpiredTokenException")
    done = world.seal()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(sts.asked) == before + 1
    assert not [r for r in world.status()["records"]
                if r["state"] not in ("settled", "open")]


def test_no_secret_of_the_role_is_written_anywhere(world, sts):
    """Runs last: what all the others left behind."""
    secrets = [sts.keys[1]] + [f"session-token-number-{n}"
                               for n in range(1, len(sts.asked) + 1)]
    assert len(secrets) > 2
    for path in world.stack.folder.rglob("*"):
        if path.is_file() and path.name != "sandbox-credentials":
            data = path.read_bytes()
            assert not [s for s in secrets if s.encode() in data], path


def test_who_reports_is_on_record(world):
    [(holder, token)] = world.sql("SELECT holder, token FROM lease")
    assert str(world.stack.folder) in holder and token == 1


@pytest.fixture(scope="module")
def doubled():
    """A Marketplace that can say a reply twice."""
    world = World("doubled", more={
        "marketplace": {"timeout_s": 2, "account_rate": 0,
                        "requests_in_flight": 1},
        "sandbox": {"account_rate": 0}})
    world.repeater = Repeater(world.stack.ports["sandbox"])
    world.stack.more["marketplace"]["metering_endpoint"] = world.repeater.url
    try:
        world.start()
        world.shop = world.sell()
        yield world
        world.verify_bill()
    finally:
        world.stop()
        world.repeater.stop()
    world.verify()


@pytest.mark.parametrize("how", ["together", "unasked", "before", "late"])
def test_a_doubled_reply_answers_one_request(doubled, how):
    """What answers one request is not taken for the answer to another."""
    doubled.repeater.struck = 0
    doubled.repeater.say(how)
    buyers = []
    for units in range(1, 5):           # each is billed at once, by itself
        buyers.append(doubled.shop.buyer())
        for _ in range(units):
            assert buyers[-1].call("/fixed").status == 200
        done = doubled.seal()
        assert done.returncode == 0, done.stdout + done.stderr
    assert doubled.repeater.struck > 0
    billed = doubled.market.billed()
    assert [billed[buyer.purchase["customerAWSAccountId"]]
            for buyer in buyers] == [1, 2, 3, 4]
    ids = {call["requestId"]
           for call in doubled.market.calls("BatchMeterUsage")}
    assert not doubled.sql(
        "SELECT record, answer FROM ledger_history WHERE request_id IS NOT"
        " NULL AND to_state = 'settled' GROUP BY record"
        " HAVING COUNT(*) <> 1")
    assert {row[0] for row in doubled.sql(
        "SELECT request_id FROM ledger_record WHERE state = 'settled'")} \
        <= ids
