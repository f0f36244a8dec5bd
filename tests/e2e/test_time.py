"""What the wall clock drives: hours, months, periods of quotas, jumps.

SPDX-License-Identifier: Apache-2.0
"""
import calendar
import time

from support.world import wait_until

GRACE_S = 2                             # billing.grace_s by default


def at(text):
    """Epoch seconds of "2027-01-31 23:59:50", UTC."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def states(world):
    return sorted((record["hour"], record["quantity"], record["state"])
                  for record in world.status()["records"]
                  if record["quantity"])


def test_an_hour_is_sealed_and_billed_when_it_has_ended(traveller):
    shop = traveller.sell()
    buyer = shop.buyer()
    clock = traveller.clock
    first = clock.hour() + 3600
    clock.move_to(first + 10)
    for _ in range(3):
        assert buyer.call("/fixed").status == 200
    traveller.wait_counted(3)
    assert traveller.market.billed() == {} or sum(
        traveller.market.billed().values()) == 0, "the hour is still open"

    clock.move_to(first + 3600 + 5)
    assert buyer.call("/fixed").status == 200
    clock.move_to(first + 3600 + GRACE_S + 1)
    wait_until(lambda: (first, 3, "settled") in states(traveller),
               "the first hour to be settled", 20)
    clock.move_to(first + 2 * 3600 + GRACE_S + 1)
    wait_until(lambda: (first + 3600, 1, "settled") in states(traveller),
               "the second hour to be settled", 20)
    billed = {r["hour"]: r["quantity"] for r in traveller.market.records()
              if r["quantity"]}
    assert billed == {first: 3, first + 3600: 1}


def test_a_zero_goes_out_as_heartbeat(traveller):
    shop = traveller.sell()
    buyer = shop.buyer()
    clock = traveller.clock
    hour = clock.hour() + 3600
    clock.move_to(hour + 10)
    clock.move_to(hour + 3600 + GRACE_S + 1)
    wait_until(lambda: any(r["quantity"] == 0 and r["hour"] == hour
                           for r in traveller.market.records()),
               "the heartbeat of a quiet hour", 20)
    assert sum(traveller.market.billed().values()) == 0
    assert buyer.call("/fixed").status == 200


def test_the_quota_rolls_over_at_midnight_utc(traveller):
    clock = traveller.clock
    clock.move_to(at("2027-03-15 23:59:00"))
    api = traveller.import_api()
    plan = traveller.plan(api, quota={"limit": 3, "period": "DAY"})
    _, key = traveller.key(plan)

    def statuses(count):
        return [traveller.call(api, "/fixed", key).status
                for _ in range(count)]
    assert statuses(4) == [200, 200, 200, 429]
    clock.move_to(at("2027-03-16 00:00:01"))
    wait_until(lambda: statuses(1) == [200], "the new day", 3)
    assert statuses(3) == [200, 200, 429]


def test_a_month_ends(traveller):
    """The last hour of January reaches the Marketplace before 06:00 UTC on
    1 February, and a MONTH quota starts again."""
    clock = traveller.clock
    clock.move_to(at("2027-01-31 22:30:00"))
    shop = traveller.sell(quota={"limit": 2, "period": "MONTH"})
    buyer = shop.buyer()
    clock.move_to(at("2027-01-31 23:30:00"))
    assert [buyer.call("/fixed").status for _ in range(3)] == [200, 200, 429]
    traveller.wait_counted(2)
    clock.move_to(at("2027-02-01 00:01:05"))
    wait_until(lambda: buyer.call("/fixed").status == 200, "February", 3)
    hour = at("2027-01-31 23:00:00")
    wait_until(lambda: (hour, 2, "settled") in states(traveller),
               "January's last hour to be settled", 20)


def test_a_daemon_that_was_away_for_hours_bills_each_hour(traveller):
    """The gateway counts on without it; what was counted finds its hour."""
    shop = traveller.sell()
    buyer = shop.buyer()
    clock = traveller.clock
    first = clock.hour() + 3600
    clock.move_to(first + 100)
    assert buyer.call("/fixed").status == 200
    traveller.wait_counted(1)
    traveller.kill_daemon()
    for hour in range(1, 4):
        clock.move_to(first + hour * 3600 + 100)
        for _ in range(hour + 1):
            wait_until(lambda: buyer.call("/fixed").status == 200,
                       "a call without the daemon", 5)
    clock.move_to(first + 4 * 3600 + GRACE_S + 100)
    traveller.start_daemon()
    wait_until(lambda: states(traveller) == [
        (first + hour * 3600, hour + 1, "settled") for hour in range(4)],
        "all four hours to be settled", 30)


def test_a_day_without_the_marketplace(traveller):
    """What is younger than a day when it is back is billed in its own hour;
    what is older, in the next open one: nothing is lost, nothing doubled."""
    shop = traveller.sell()
    buyers = [shop.buyer(), shop.buyer()]
    clock = traveller.clock
    first = clock.hour() + 3600
    traveller.statuses.append(("sandbox", traveller.stack.sandbox.stop()))
    for hour in range(27):
        clock.move_to(first + hour * 3600 + 10)
        for number, buyer in enumerate(buyers):
            for _ in range((hour + number) % 3):
                wait_until(lambda: buyer.call("/fixed").status == 200,
                           "a call without the Marketplace", 5)
    calls = [sum((hour + number) % 3 for hour in range(27))
             for number in range(2)]
    traveller.wait_counted(sum(calls))
    clock.move_to(first + 27 * 3600 + GRACE_S + 1)
    traveller.stack.start_sandbox()

    def billed():
        return [traveller.market.billed().get(
            buyer.purchase["customerAWSAccountId"], 0) for buyer in buyers]
    wait_until(lambda: len([state for state in states(traveller)
                            if state[2] == "settled"]) > 30,
               "the hours of the last day to be settled", 60)
    clock.move_to(first + 28 * 3600 + GRACE_S + 1)
    wait_until(lambda: billed() == calls, "every call to be billed", 60)
    ends = {state for _, _, state in states(traveller)}
    assert ends == {"settled", "carried"}
    hours = {record["hour"] for record in traveller.market.records()
             if record["quantity"]}
    assert {first + hour * 3600 for hour in range(5, 27)} <= hours
    assert min(hours) > first, "too old to be told under its own name"


def test_a_clock_that_goes_back_seals_nothing(traveller):
    shop = traveller.sell()
    buyer = shop.buyer()
    clock = traveller.clock
    now = clock.now()
    assert buyer.call("/fixed").status == 200
    traveller.wait_counted(1)
    clock.move_to(now - 2 * 3600)
    done = traveller.seal()
    assert done.returncode != 0
    assert "clock" in (done.stdout + done.stderr).lower()
    assert traveller.market.billed() == {}
    clock.move_to(now + 10)
    assert buyer.call("/fixed").status == 200, "calls go on"
    wait_until(lambda: traveller.seal().returncode == 0,
               "sealing to go on when the clocks agree again", 30)
    assert sum(traveller.market.billed().values()) == 2
