"""API keys, usage plans and usage: what only a running gateway shows.

SPDX-License-Identifier: Apache-2.0
"""
import threading
import time

import botocore.exceptions
import pytest

from support.world import STAGE, TOP, wait_until

KEYS = TOP / "tests/data/keys"
ONE_KEY = {"limit": 500}


def import_keys(world, name, **more):
    return world.apigateway.import_api_keys(
        body=(KEYS / name).read_bytes(), format="csv", **more)


def names(world, prefix):
    return sorted(key["name"] for key in world.apigateway.get_api_keys(
        nameQuery=prefix, **ONE_KEY)["items"])


def test_keys_come_from_a_csv_file_and_work(shared):
    api = shared.import_api()
    plan = shared.plan(api)
    made = import_keys(shared, "import-good.csv")
    assert len(made["ids"]) == 3 and not made.get("warnings")
    assert names(shared, "initech") == ["initech"]
    for key in made["ids"]:
        shared.apigateway.create_usage_plan_key(
            usagePlanId=plan, keyId=key, keyType="API_KEY")
    answered = [shared.call(api, "/fixed", value).status for value in (
        "acme-key-00000000000000001", "globex-key-000000000000002",
        "initech-key-00000000000003")]
    assert answered == [200, 200, 403], "the third is disabled"
    again = import_keys(shared, "import-good.csv")
    assert sorted(again["ids"]) == sorted(made["ids"])
    assert len(import_keys(shared, "import-lower-columns.csv")["ids"]) == 1


def test_a_bad_csv_row_goes_in_nowhere(shared):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        import_keys(shared, "import-bad.csv", failOnWarnings=True)
    assert caught.value.response["Error"]["Code"] == "BadRequestException"
    assert names(shared, "twice") == []
    made = import_keys(shared, "import-bad.csv")
    assert len(made["ids"]) == 1 and len(made["warnings"]) == 5
    assert names(shared, "twice") == ["twice"]


def test_terraform_makes_and_changes_a_plan(shared):
    """The calls of its provider, in its order."""
    aws = shared.apigateway
    api = shared.import_api()
    stage = f"{api}:{STAGE}"
    plan = aws.create_usage_plan(
        name="tf", apiStages=[{"apiId": api, "stage": STAGE}])["id"]
    aws.update_usage_plan(usagePlanId=plan, patchOperations=[
        {"op": "add", "path": "/productCode", "value": "tf-product"}])
    aws.update_usage_plan(usagePlanId=plan, patchOperations=[
        {"op": "remove", "path": "/apiStages", "value": stage},
        {"op": "add", "path": "/apiStages", "value": stage},
        {"op": "replace", "value": "7",
         "path": f"/apiStages/{stage}/throttle//fixed/GET/rateLimit"},
        {"op": "replace", "value": "9",
         "path": f"/apiStages/{stage}/throttle//fixed/GET/burstLimit"},
        {"op": "add", "path": "/quota/limit", "value": "10"},
        {"op": "add", "path": "/quota/offset", "value": "0"},
        {"op": "add", "path": "/quota/period", "value": "WEEK"}])
    seen = aws.get_usage_plan(usagePlanId=plan)
    assert seen["productCode"] == "tf-product"
    assert seen["quota"] == {"limit": 10, "offset": 0, "period": "WEEK"}
    assert seen["apiStages"] == [{"apiId": api, "stage": STAGE, "throttle": {
        "/fixed/GET": {"rateLimit": 7.0, "burstLimit": 9}}}]
    arn = f"arn:aws:apigateway:us-east-1::/usageplans/{plan}"
    aws.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    aws.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert aws.get_tags(resourceArn=arn)["tags"] == {"b": "2"}
    assert aws.get_usage_plan(usagePlanId=plan)["tags"] == {"b": "2"}


def test_plan_keys_are_found_by_prefix_and_page(shared):
    plan = shared.apigateway.create_usage_plan(name="paged")["id"]
    for name in ("ab", "aB", "b", "ab2"):
        shared.key(plan, name=name)
    seen = shared.apigateway.get_usage_plan_keys(
        usagePlanId=plan, nameQuery="ab")["items"]
    assert [key["name"] for key in seen] == ["ab", "ab2"]
    pages = shared.apigateway.get_paginator("get_usage_plan_keys").paginate(
        usagePlanId=plan, PaginationConfig={"PageSize": 1})
    assert sorted(key["name"] for page in pages
                  for key in page["items"]) == ["aB", "ab", "ab2", "b"]
    assert shared.apigateway.get_usage_plan_keys(
        usagePlanId="none")["items"] == []


def test_a_new_customer_id_leaves_the_quota_where_it_was(shared):
    api = shared.import_api()
    plan = shared.plan(api, "no-such-product",
                       quota={"limit": 4, "period": "DAY"})
    key, value = shared.key(plan, customerId="one")
    seen = [shared.call(api, "/fixed", value).status for _ in range(3)]
    for customer in ("two", "three"):
        shared.apigateway.update_api_key(apiKey=key, patchOperations=[
            {"op": "replace", "path": "/customerId", "value": customer}])
    seen += [shared.call(api, "/fixed", value).status for _ in range(2)]
    assert seen == [200, 200, 200, 200, 429]
    today = time.strftime("%Y-%m-%d", time.gmtime())

    def used():
        return shared.apigateway.get_usage(
            usagePlanId=plan, startDate=today, endDate=today)["items"]
    wait_until(lambda: used() == {key: [[4, 0]]}, "all calls in the ledger")


def test_a_key_changes_its_owner_under_load_and_drops_no_call(world):
    api = world.import_api()
    plan = world.plan(api, "prod-load")
    key, value = world.key(plan, customerId="c-0")
    statuses, done = [], threading.Event()

    def caller():
        while not done.is_set():
            statuses.append(world.call(api, "/fixed", value).status)
    callers = [threading.Thread(target=caller) for _ in range(2)]
    for thread in callers:
        thread.start()
    for n in range(20):
        world.apigateway.update_api_key(apiKey=key, patchOperations=[
            {"op": "replace", "path": "/customerId", "value": f"c-{n}"},
            {"op": "replace", "path": "/name", "value": f"n-{n}"}])
        tags = {"tallygate:licenseArn": f"l-{n}"}
        world.apigateway.tag_resource(
            resourceArn=f"arn:aws:apigateway:us-east-1::/apikeys/{key}",
            tags=tags)
    done.set()
    for thread in callers:
        thread.join()
    assert set(statuses) == {200}
    wait_until(lambda: world.counted() == len(statuses),
               "every call in the ledger, once")


def test_keys_outlive_the_daemon_and_the_planes(world):
    api = world.import_api()
    plan = world.plan(api)
    key, value = world.key(plan)
    assert world.call(api, "/fixed", value).status == 200
    world.kill_daemon()
    assert world.call(api, "/fixed", value).status == 200
    world.start_daemon()
    assert world.call(api, "/fixed", value).status == 200
    _, second = world.key(plan)
    assert world.call(api, "/fixed", second).status == 200
    sealed = world.sql("SELECT value_sealed FROM api_key WHERE id = ?", key)
    assert value not in sealed[0][0]


def test_a_key_value_cannot_be_set_and_does_not_reach_the_trail(shared):
    key, _ = shared.key()
    wanted = "a-new-value-of-twenty-and-more"
    with pytest.raises(botocore.exceptions.ClientError):
        shared.apigateway.update_api_key(apiKey=key, patchOperations=[
            {"op": "replace", "path": "/value", "value": wanted}])
    assert shared.sql("SELECT count(*) FROM audit_event"
                      " WHERE record LIKE ?", f"%{wanted}%") == [(0,)]


def occurrences(pid, text):
    """How often it stands in the memory that a process has written."""
    found = 0
    with open(f"/proc/{pid}/maps") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            first, end = (int(number, 16) for number in span.split("-"))
            if "w" in rights:
                try:
                    memory.seek(first)
                    found += memory.read(end - first).count(text.encode())
                except OSError:
                    pass                # nothing there: a guard page
    return found


def test_a_daemon_does_not_remember_the_values_that_it_told(world):
    plan = world.plan(world.import_api())
    key, value = world.key(plan)
    for _ in range(5):
        assert world.apigateway.get_api_key(
            apiKey=key, includeValue=True)["value"] == value
        world.apigateway.get_api_keys(includeValues=True)
        world.apigateway.get_usage_plan_keys(usagePlanId=plan)
    assert occurrences(world.stack.daemon.pid, key), "it can be searched"
    assert occurrences(world.stack.daemon.pid, value) == 0


def test_thousands_of_keys_in_one_file(shared):
    """The table of keys grows twice, as fast as idle workers follow; and
    nginx, which puts into files what its buffers do not hold, writes no key
    to the disk."""
    rows = "".join(f"bulk{i},bulk-key-{i:020}\n" for i in range(9000))
    made = shared.apigateway.import_api_keys(
        body=("Name,Key\n" + rows).encode(), format="csv")
    assert len(made["ids"]) == 9000 and not made.get("warnings")
    page = shared.apigateway.get_api_keys(includeValues=True, limit=500)
    assert len(page["items"]) == 500
    log = (shared.stack.log_dir / "nginx.log").read_text()
    assert "temporary file" not in log


def test_a_body_too_large_is_refused_in_words(shared):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        shared.apigateway.import_api_keys(body=b"x" * (11 << 20),
                                          format="csv")
    error = refused.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert error["Error"]["Code"] == "RequestEntityTooLargeException"
    assert "10 MiB" in error["Error"]["Message"]
