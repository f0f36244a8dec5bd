"""Throttles and quotas of a whole gateway with two workers, on a clock that
stands still or is moved: so every number here is exact.

SPDX-License-Identifier: Apache-2.0
"""
import calendar
import concurrent.futures
import json
import os
import signal
import threading
import time

import pytest

from conftest import live
from support.machine import children
from support.world import STAGE, wait_until

DAY_S = 86400
START = "2027-03-17 12:00:00"
# So that no clock that is set back is of interest to the account's bucket.
MORE = {"gateway": {"workers": 2, "account_burst": 100000000}}


def at(text):
    """Epoch seconds of "2027-01-31 23:59:50", UTC."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


@pytest.fixture(scope="module")
def gateway(request):
    for world in live(request, "limits", travel=True, more=MORE):
        world.harmless = "exited on signal 9"
        world.clock.move_to(at(START))
        yield world


@pytest.fixture
def noon(gateway):
    """The gateway at the next noon; its clock stands still."""
    now = gateway.clock.now()
    gateway.noon = now - now % DAY_S + DAY_S * 3 // 2
    gateway.clock.freeze_at(gateway.noon)
    return gateway


def statuses(world, api, key, path="/fixed", count=1, **more):
    """Of calls from eight connections at once."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return sorted(pool.map(
            lambda _: world.call(api, path, key, **more).status,
            range(count)))


def passed(*args, **more):
    """How many calls of many were served; the others were refused."""
    seen = statuses(*args, count=more.pop("count", 40), **more)
    assert set(seen) <= {200, 429}, seen
    return seen.count(200)


def configure(world, api, *patches):
    """Patches of the stage: (path, value), or a path to remove."""
    world.apigateway.update_stage(
        restApiId=api, stageName=STAGE, patchOperations=[
            {"op": "remove", "path": patch} if isinstance(patch, str) else
            {"op": "replace", "path": patch[0], "value": str(patch[1])}
            for patch in patches])


def throttle(method, rate, burst):
    return ((f"/{method}/throttling/rateLimit", rate),
            (f"/{method}/throttling/burstLimit", burst))


def metric(world, name):
    text = world.wire.get(world.stack.url("admin") + "/metrics").text
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith(f"tallygate_{name} ")))


# Levels, in Amazon's order


def test_a_refusal_gives_back_what_earlier_levels_took(noon):
    """The stage refuses after the plan: the key's tokens are not lost."""
    api = noon.import_api()
    plan = noon.plan(api, throttle={"rateLimit": 1.0, "burstLimit": 9},
                     quota={"limit": 8, "period": "DAY"})
    key_id, key = noon.key(plan)
    configure(noon, api, *throttle("fixed/GET", 1, 5))
    refused = metric(noon, "calls_throttled_stage_total")
    assert passed(noon, api, key) == 5
    assert metric(noon, "calls_throttled_stage_total") == refused + 35
    configure(noon, api, "/fixed/GET")
    over = metric(noon, "calls_over_quota_total")
    assert passed(noon, api, key) == 3, "9 in the bucket, but 8 in the quota"
    assert metric(noon, "calls_over_quota_total") == over + 37
    today = time.strftime("%Y-%m-%d", time.gmtime(noon.noon))
    usage = noon.apigateway.get_usage(usagePlanId=plan, keyId=key_id,
                                      startDate=today, endDate=today)
    assert usage["items"][key_id][0][1] == 0
    noon.apigateway.update_usage(
        usagePlanId=plan, keyId=key_id, patchOperations=[
            {"op": "replace", "path": "/remaining", "value": "100"}])
    plans = metric(noon, "calls_throttled_plan_total")
    assert passed(noon, api, key) == 1, "the last of 9 was never taken"
    assert metric(noon, "calls_throttled_plan_total") == plans + 39


def test_a_plans_throttle_of_a_method_replaces_its_own(noon):
    api = noon.import_api()
    plan = noon.plan(api, throttle={"rateLimit": 1.0, "burstLimit": 3})
    noon.apigateway.update_usage_plan(usagePlanId=plan, patchOperations=[
        {"op": "replace", "value": json.dumps({
            "/fixed/GET": {"rateLimit": 2.0, "burstLimit": 6}}),
         "path": f"/apiStages/{api}:{STAGE}/throttle"}])
    first, second = noon.key(plan)[1], noon.key(plan)[1]
    assert passed(noon, api, first) == 6
    assert passed(noon, api, second) == 6, "a bucket for each key"
    assert passed(noon, api, first, "/echo/x") == 3, "the plan's own"
    noon.clock.freeze_at(noon.noon + 2)
    assert passed(noon, api, first) == 4
    assert passed(noon, api, first, "/echo/x") == 2

    # the wildcard holds for each method that has none of its own
    path = f"/apiStages/{api}:{STAGE}/throttle//*/*"
    noon.apigateway.update_usage_plan(usagePlanId=plan, patchOperations=[
        {"op": "replace", "path": path + "/rateLimit", "value": "1"},
        {"op": "replace", "path": path + "/burstLimit", "value": "4"}])
    assert passed(noon, api, first) == 0
    assert passed(noon, api, first, "/echo/x") == 4, "a bucket of its own"
    noon.clock.freeze_at(noon.noon + 3)
    assert passed(noon, api, first, "/echo/x") == 1
    assert passed(noon, api, first, "/echo/x", method="POST") == 0, (
        "one method, ANY: one bucket")


def test_a_stages_throttle_is_for_all_callers_of_a_method(noon):
    api = noon.import_api()
    plan = noon.plan(api)
    keys = [noon.key(plan)[1] for _ in range(2)]
    configure(noon, api, *throttle("*/*", 1, 5), *throttle("health/GET", -1,
                                                           -1))
    assert passed(noon, api, keys[0], count=3) == 3
    assert passed(noon, api, keys[1]) == 2
    assert passed(noon, api, keys[0], "/echo/x") == 5, "another method"
    assert passed(noon, api, None, "/open/x") == 5, "without a key, too"
    assert passed(noon, api, None, "/health") == 40, "-1: none"
    configure(noon, api, *throttle("fixed/GET", 0, 5))
    noon.clock.freeze_at(noon.noon + 100)
    assert passed(noon, api, keys[0]) == 0, "rate 0 refuses everything"
    configure(noon, api, "/*/*", "/fixed/GET")
    assert passed(noon, api, keys[0]) == 40


def test_missing_halves_of_a_throttle_are_the_accounts(noon):
    api = noon.import_api()
    plan = noon.plan(api, throttle={"burstLimit": 4})
    assert passed(noon, api, noon.key(plan)[1]) == 4
    plan = noon.plan(noon.import_api(), throttle={"rateLimit": 1.0})
    other = noon.apigateway.get_usage_plan(usagePlanId=plan)
    api = other["apiStages"][0]["apiId"]
    assert passed(noon, api, noon.key(plan)[1]) == 40


# Whatever happens to the processes


def disturb(world, how):
    nginx = world.stack.nginx_pid()
    if how == "deployment":
        for api in world.apigateway.get_rest_apis()["items"]:
            world.apigateway.create_deployment(restApiId=api["id"],
                                               stageName=STAGE)
    elif how == "reload":
        world.apigateway.close()    # idle, it would hold the old ones
        before = children(nginx)
        os.kill(nginx, signal.SIGHUP)
        wait_until(lambda: not set(before) & set(children(nginx)),
                   "new workers", 30)
    elif how == "workers killed":
        for pid in children(nginx):
            os.kill(pid, signal.SIGKILL)
    elif how == "daemon killed":
        world.kill_daemon()
        world.start_daemon()
    elif how == "daemon stopped":
        world.stop_daemon()
        world.start_daemon()
    elif how == "master killed":
        os.kill(nginx, signal.SIGKILL)
        wait_until(lambda: world.stack.nginx_pid() not in (nginx, None)
                   and world.healthz() == 200, "another master", 30)


DISTURBANCES = ["deployment", "reload", "workers killed", "daemon killed",
                "daemon stopped", "master killed"]


def test_buckets_and_quotas_outlive_everything(noon):
    """Used up they are, and used up they stay, while the clock stands."""
    api = noon.import_api()
    own = noon.plan(api, throttle={"rateLimit": 1.0, "burstLimit": 5})
    counted = noon.plan(api, quota={"limit": 4, "period": "MONTH"})
    by_method = noon.plan(api)
    noon.apigateway.update_usage_plan(
        usagePlanId=by_method, patchOperations=[
            {"op": "replace", "value": json.dumps({
                "/fixed/GET": {"rateLimit": 1.0, "burstLimit": 6}}),
             "path": f"/apiStages/{api}:{STAGE}/throttle"}])
    callers = [(noon.key(own)[1], "/fixed", 5),
               (noon.key(counted)[1], "/fixed", 4),
               (noon.key(by_method)[1], "/fixed", 6), (None, "/open/x", 7)]
    configure(noon, api, *throttle("open~1{proxy+}/GET", 1, 7))
    for key, path, limit in callers:
        assert passed(noon, api, key, path, count=20) == limit
    for how in DISTURBANCES:
        disturb(noon, how)
        for key, path, _ in callers:
            wait_until(lambda: statuses(noon, api, key, path) == [429],
                       f"an answer after: {how}", 20)
            assert passed(noon, api, key, path, count=10) == 0, how
    noon.clock.freeze_at(noon.noon + 3)
    for key, path, limit in callers:
        assert passed(noon, api, key, path, count=20) == (
            0 if limit == 4 else 3)


# Periods


@pytest.mark.parametrize("period, last, first", [
    ("MONTH", "2027-11-30 23:59:59", "2027-12-01 00:00:00"),
    ("MONTH", "2027-12-31 23:59:59", "2028-01-01 00:00:00"),
    ("WEEK", "2028-01-02 23:59:59", "2028-01-03 00:00:00"),
    ("DAY", "2028-02-29 23:59:59", "2028-03-01 00:00:00"),
    ("MONTH", "2028-03-31 23:59:59", "2028-04-01 00:00:00"),
    ("WEEK", "2028-04-02 23:59:59", "2028-04-03 00:00:00"),
    ("DAY", "2028-12-31 23:59:59", "2029-01-01 00:00:00"),
])
def test_a_period_ends_to_the_second(gateway, period, last, first):
    clock = gateway.clock
    clock.freeze_at(at(last))
    api = gateway.import_api()
    plan = gateway.plan(api, quota={"limit": 7, "period": period})
    _, key = gateway.key(plan)
    assert passed(gateway, api, key) == 7
    clock.freeze_at(at(first))
    assert passed(gateway, api, key) == 7
    clock.freeze_at(at(last))           # a clock that goes back
    assert passed(gateway, api, key) == 0
    clock.freeze_at(at(first) + 3600)
    assert passed(gateway, api, key) == 0


def test_no_daemon_is_needed_at_the_end_of_a_period(gateway):
    clock = gateway.clock
    clock.freeze_at(at("2029-12-31 23:59:59"))
    api = gateway.import_api()
    plan = gateway.plan(api, quota={"limit": 7, "period": "DAY"})
    _, key = gateway.key(plan)
    assert passed(gateway, api, key) == 7
    gateway.kill_daemon()
    clock.freeze_at(at("2030-01-01 00:00:00"))
    assert passed(gateway, api, key) == 7
    gateway.start_daemon()
    assert passed(gateway, api, key) == 0


def test_the_first_period_is_shorter_by_the_offset(gateway):
    """A plan that was made on a Wednesday; requests are subtracted."""
    clock = gateway.clock
    clock.freeze_at(at("2030-03-13 12:00:00"))
    api = gateway.import_api()
    plan = gateway.plan(api, quota={"limit": 9, "offset": 4,
                                    "period": "WEEK"})
    _, key = gateway.key(plan)
    assert passed(gateway, api, key) == 5
    gateway.apigateway.update_usage_plan(usagePlanId=plan, patchOperations=[
        {"op": "replace", "path": "/quota/limit", "value": "12"}])
    assert passed(gateway, api, key) == 3, "the limit changes at once"
    clock.freeze_at(at("2030-03-18 00:00:00"))
    assert passed(gateway, api, key) == 12
    late = gateway.key(plan)[1]
    assert passed(gateway, api, late) == 12


def test_update_usage_rules_for_one_period(noon):
    gateway, clock = noon, noon.clock
    api = gateway.import_api()
    plan = gateway.plan(api, quota={"limit": 6, "period": "DAY"})
    key_id, key = gateway.key(plan)

    def grant(remaining):
        gateway.apigateway.update_usage(
            usagePlanId=plan, keyId=key_id, patchOperations=[
                {"op": "replace", "path": "/remaining",
                 "value": str(remaining)}])
    assert passed(gateway, api, key, count=2) == 2
    grant(10)
    assert passed(gateway, api, key) == 10
    grant(0)
    assert passed(gateway, api, key) == 0
    # a key that leaves the plan and comes back has what it had
    grant(5)
    gateway.apigateway.delete_usage_plan_key(usagePlanId=plan, keyId=key_id)
    assert set(statuses(gateway, api, key, count=9)) == {403}
    gateway.apigateway.create_usage_plan_key(
        usagePlanId=plan, keyId=key_id, keyType="API_KEY")
    assert passed(gateway, api, key) == 5
    clock.freeze_at(noon.noon + DAY_S // 2)
    assert passed(gateway, api, key) == 6


def test_a_key_that_comes_back_has_no_full_bucket(gateway):
    """Also when its former cell has been closed meanwhile."""
    gateway.clock.move_to(gateway.clock.now() + DAY_S)
    api = gateway.import_api()
    plan = gateway.plan(api, throttle={"rateLimit": 0.001, "burstLimit": 5})
    key_id, key = gateway.key(plan)
    assert passed(gateway, api, key) == 5
    gateway.apigateway.delete_usage_plan_key(usagePlanId=plan, keyId=key_id)
    wait_until(lambda: gateway.sql(
        "SELECT count(*) FROM meter_owner WHERE key_id = ?"
        " AND state = 'closed'", key_id) == [(1,)], "the cell to be closed",
        30)
    gateway.apigateway.create_usage_plan_key(
        usagePlanId=plan, keyId=key_id, keyType="API_KEY")
    assert passed(gateway, api, key) == 0


def test_what_is_refused_later_gives_its_unit_back(noon):
    """A body that is too large is seen behind the quota."""
    api = noon.import_api()
    plan = noon.plan(api, quota={"limit": 3, "period": "MONTH"},
                     throttle={"rateLimit": 1.0, "burstLimit": 3})
    _, key = noon.key(plan)
    for _ in range(9):
        assert noon.call(api, "/echo/x", key, method="POST",
                         body=b"b" * ((10 << 20) + 1)).status == 413
    assert passed(noon, api, key) == 3


# Under load


def test_limits_hold_while_the_key_changes_its_agreement(noon):
    """Each change is another cell in which its calls are counted."""
    api = noon.import_api()
    plan = noon.plan(api, product_code="prod-limits",
                     quota={"limit": 2000, "period": "MONTH"})
    short = noon.plan(noon.import_api(), product_code="prod-limits",
                      throttle={"rateLimit": 0.001, "burstLimit": 2000})
    other = noon.apigateway.get_usage_plan(
        usagePlanId=short)["apiStages"][0]["apiId"]
    key_id, key = noon.key(plan, customerId="buyer-0")
    noon.apigateway.create_usage_plan_key(
        usagePlanId=short, keyId=key_id, keyType="API_KEY")
    changes = threading.Event()

    def calls(target):
        """Until all is used up and the key has stopped changing."""
        good = 0
        while True:
            status = noon.call(target, "/fixed", key).status
            assert status in (200, 429)
            good += status == 200
            if status == 429 and changes.is_set():
                return good
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        running = [(target, pool.submit(calls, target))
                   for target in 3 * [api, other]]
        for n in range(12):
            noon.apigateway.update_api_key(apiKey=key_id, patchOperations=[
                {"op": "replace", "path": "/customerId",
                 "value": "123456789012" if n % 2 else "buyer-0"}])
            for changed in plan, short:
                noon.apigateway.update_usage_plan(
                    usagePlanId=changed, patchOperations=[
                        {"op": "replace", "path": "/productCode",
                         "value": f"prod-{n % 7}"}])
        changes.set()
        for target in api, other:
            assert sum(future.result() for at_, future in running
                       if at_ == target) == 2000
    owners = noon.sql("SELECT count(*) FROM meter_owner WHERE key_id = ?",
                      key_id)[0][0]
    assert owners >= 24, "the key did change its cells"


def test_limits_hold_while_everything_is_killed(noon):
    """A kill may cut calls off, which have used what they took; nothing is
    ever admitted twice."""
    api = noon.import_api()
    plan = noon.plan(api, quota={"limit": 600, "period": "MONTH"})
    key_id, key = noon.key(plan)
    short = noon.plan(noon.import_api(),
                      throttle={"rateLimit": 0.001, "burstLimit": 300})
    other = noon.apigateway.get_usage_plan(
        usagePlanId=short)["apiStages"][0]["apiId"]
    hurried = noon.key(short)[1]

    def calls(target, value):
        good = cut = 0
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                status = noon.call(target, "/fixed", value).status
            except OSError:
                cut += 1
                continue
            good += status == 200
            if status == 429:
                break
        return good, cut
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        running = [(limit, pool.submit(calls, target, value))
                   for target, value, limit in
                   3 * [(api, key, 600), (other, hurried, 300)]]
        for how in ("workers killed", "reload", "daemon killed",
                    "workers killed"):
            disturb(noon, how)
        for limit in (600, 300):
            results = [future.result() for most, future in running
                       if most == limit]
            good = sum(pair[0] for pair in results)
            cut = sum(pair[1] for pair in results)
            assert limit - cut <= good <= limit, (good, cut)
    assert passed(noon, api, key) == 0
    assert passed(noon, other, hurried) == 0


# Other settings


def test_weeks_from_sunday_and_offsets_in_days(request):
    for world in live(request, "offsets", travel=True, more={
            "quota": {"week_start": "sunday", "offset_mode": "days"}}):
        clock = world.clock
        for quota, last, first in [
                ({"period": "WEEK"}, "2027-03-20 23:59:59",
                 "2027-03-21 00:00:00"),
                ({"period": "WEEK", "offset": 3}, "2027-03-23 23:59:59",
                 "2027-03-24 00:00:00"),
                ({"period": "MONTH", "offset": 14}, "2027-04-14 23:59:59",
                 "2027-04-15 00:00:00")]:
            clock.freeze_at(at(last))
            api = world.import_api()
            plan = world.plan(api, quota={"limit": 5, **quota})
            _, key = world.key(plan)
            assert passed(world, api, key, count=20) == 5, quota
            clock.freeze_at(at(first))
            assert passed(world, api, key, count=20) == 5, quota
