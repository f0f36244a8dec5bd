"""The control plane as sellers use it: Debian's AWS CLI and boto3.

SPDX-License-Identifier: Apache-2.0
"""
import json
import time

import botocore.exceptions
import pytest

from support.world import STAGE, TOP, openapi, seller, wait_until

OPENAPI = TOP / "tests/data/openapi"


def refusal(call, *words, **arguments):
    """The error code of a call that must be refused."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*words, **arguments)
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]


def test_a_key_from_birth_to_death_with_the_aws_cli(shared):
    made = shared.aws("apigateway", "create-api-key", "--name", "first",
                      "--enabled", "--customer-id", "c-1",
                      "--tags", "team=a")
    shared.secrets.append(made["value"])
    assert made["enabled"] is True and made["stageKeys"] == []
    seen = shared.aws("apigateway", "get-api-key", "--api-key", made["id"])
    assert "value" not in seen and seen["customerId"] == "c-1"
    seen = shared.aws("apigateway", "get-api-key", "--api-key", made["id"],
                      "--include-value")
    assert seen["value"] == made["value"]
    shared.aws("apigateway", "update-api-key", "--api-key", made["id"],
               "--patch-operations",
               "op=replace,path=/enabled,value=false",
               "op=replace,path=/description,value=text")
    seen = shared.aws("apigateway", "get-api-key", "--api-key", made["id"])
    assert (seen["enabled"], seen["description"]) == (False, "text")
    listed = shared.aws("apigateway", "get-api-keys", "--customer-id", "c-1")
    assert [key["id"] for key in listed["items"]] == [made["id"]]
    shared.aws("apigateway", "delete-api-key", "--api-key", made["id"])
    gone = shared.aws("apigateway", "get-api-key", "--api-key", made["id"],
                      check=False)
    assert gone.returncode != 0 and "NotFoundException" in gone.stderr


def test_pages_of_keys_hold_each_key_once(shared):
    names = {f"page-{n:02}" for n in range(7)}
    for name in names:
        shared.key(name=name)
    seen, position = [], {}
    while True:
        page = shared.apigateway.get_api_keys(nameQuery="page-", limit=3,
                                              **position)
        seen += [key["name"] for key in page["items"]]
        if "position" not in page:
            break
        position = {"position": page["position"]}
    assert sorted(seen) == sorted(names)


@pytest.mark.parametrize("arguments, code", [
    ({"value": "too-short"}, "BadRequestException"),
    ({"value": "x" * 129}, "BadRequestException"),
    ({"name": "x" * 1025}, "BadRequestException"),
    ({"tags": {"aws:x": "y"}}, "BadRequestException"),
])
def test_a_key_that_cannot_be_is_refused_and_not_made(shared, arguments,
                                                      code):
    before = shared.sql("SELECT count(*) FROM api_key")
    assert refusal(shared.apigateway.create_api_key, **arguments) == (
        code, 400)
    assert shared.sql("SELECT count(*) FROM api_key") == before


def test_two_keys_cannot_have_one_value(shared):
    _, value = shared.key(value="v" * 40)
    assert refusal(shared.apigateway.create_api_key, value=value) == (
        "ConflictException", 409)


def test_a_usage_plan_with_the_aws_cli(shared):
    api = shared.import_api()
    plan = shared.aws(
        "apigateway", "create-usage-plan", "--name", "gold",
        "--throttle", "burstLimit=20,rateLimit=10.5",
        "--quota", "limit=1000,offset=0,period=MONTH",
        "--api-stages", f"apiId={api},stage={STAGE}")
    plan = shared.aws(
        "apigateway", "update-usage-plan", "--usage-plan-id", plan["id"],
        "--patch-operations", "op=replace,path=/productCode,value=pc-1",
        "op=replace,path=/quota/limit,value=2000",
        "op=replace,path=/throttle/burstLimit,value=30")
    assert plan["productCode"] == "pc-1"
    assert plan["quota"]["limit"] == 2000
    assert plan["throttle"] == {"burstLimit": 30, "rateLimit": 10.5}
    key, _ = shared.key()
    shared.aws("apigateway", "create-usage-plan-key", "--usage-plan-id",
               plan["id"], "--key-id", key, "--key-type", "API_KEY")
    keys = shared.aws("apigateway", "get-usage-plan-keys",
                      "--usage-plan-id", plan["id"])
    assert [item["id"] for item in keys["items"]] == [key]
    plans = shared.aws("apigateway", "get-usage-plans", "--key-id", key)
    assert [item["id"] for item in plans["items"]] == [plan["id"]]
    assert refusal(shared.apigateway.delete_usage_plan,
                   usagePlanId=plan["id"]) == ("BadRequestException", 400)
    shared.aws("apigateway", "update-usage-plan", "--usage-plan-id",
               plan["id"], "--patch-operations",
               f"op=remove,path=/apiStages,value={api}:{STAGE}")
    shared.aws("apigateway", "delete-usage-plan", "--usage-plan-id",
               plan["id"])
    assert refusal(shared.apigateway.get_usage_plan,
                   usagePlanId=plan["id"]) == ("NotFoundException", 404)


def test_one_bad_patch_operation_undoes_the_others(shared):
    plan = shared.apigateway.create_usage_plan(name="whole")
    assert refusal(
        shared.apigateway.update_usage_plan, usagePlanId=plan["id"],
        patchOperations=[
            {"op": "replace", "path": "/name", "value": "half"},
            {"op": "replace", "path": "/no-such", "value": "x"},
        ]) == ("BadRequestException", 400)
    seen = shared.apigateway.get_usage_plan(usagePlanId=plan["id"])
    assert seen["name"] == "whole"


def test_usage_is_live_and_can_be_granted(shared):
    api = shared.import_api()
    plan = shared.plan(api, quota={"limit": 2, "period": "DAY"})
    key, value = shared.key(plan)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    statuses = [shared.call(api, "/fixed", value).status for _ in range(3)]
    assert statuses == [200, 200, 429]

    def used():
        usage = shared.apigateway.get_usage(
            usagePlanId=plan, startDate=today, endDate=today, keyId=key)
        return usage["items"][key]
    wait_until(lambda: used() == [[2, 0]], "the usage of the key")
    shared.apigateway.update_usage(
        usagePlanId=plan, keyId=key, patchOperations=[
            {"op": "replace", "path": "/remaining", "value": "1"}])
    statuses = [shared.call(api, "/fixed", value).status for _ in range(2)]
    assert statuses == [200, 429]


def test_an_imported_document_becomes_what_it_says(shared):
    """OpenAPI 3 in YAML, through the AWS CLI, against expected.json."""
    name = "weather-metered.yaml"
    wanted = json.loads((OPENAPI / "expected.json").read_text())[name]
    api = shared.aws("apigateway", "import-rest-api", "--parameters",
                     "basepath=ignore", "--body",
                     f"fileb://{OPENAPI / name}")
    assert api["name"] == wanted["name"]
    resources = shared.apigateway.get_resources(
        restApiId=api["id"], limit=500, embed=["methods"])["items"]
    assert sorted(r["path"] for r in resources) == wanted["resources"]
    found = []
    for resource in resources:
        for verb in resource.get("resourceMethods", {}):
            method = shared.apigateway.get_method(
                restApiId=api["id"], resourceId=resource["id"],
                httpMethod=verb)
            integration = method["methodIntegration"]
            found.append({
                "path": resource["path"], "method": verb,
                "apiKeyRequired": method["apiKeyRequired"],
                **{member: integration[member] for member in
                   ("type", "uri", "httpMethod", "requestParameters")
                   if integration.get(member)}})
    keyed = lambda rows: sorted(rows, key=lambda r: (r["path"], r["method"]))
    assert keyed(found) == keyed(wanted["methods"])


@pytest.mark.parametrize("name", sorted(
    path.name for path in (OPENAPI / "broken").iterdir()))
def test_a_broken_document_leaves_no_api_behind(shared, name):
    before = len(shared.apigateway.get_rest_apis(limit=500)["items"])
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        shared.apigateway.import_rest_api(
            failOnWarnings=True,
            body=(OPENAPI / "broken" / name).read_bytes())
    error = caught.value.response["Error"]
    assert error["Code"] == "BadRequestException"
    assert len(error["Message"]) > 20, "says what is wrong"
    after = len(shared.apigateway.get_rest_apis(limit=500)["items"])
    assert after == before


@pytest.mark.parametrize("name, words", [
    ("cut-short.json", ["line"]),
    ("tab-indent.yaml", ["line"]),
    ("no-title.json", ["title"]),
    ("integration-type.json", ["type"]),
    ("mapping.json", ["mapping"]),
])
def test_the_refusal_names_line_and_field(shared, name, words):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        shared.apigateway.import_rest_api(
            body=(OPENAPI / "broken" / name).read_bytes())
    message = caught.value.response["Error"]["Message"].lower()
    assert all(word in message for word in words), message


def test_an_api_built_by_hand(shared):
    """CreateRestApi, CreateResource, PutMethod, PutIntegration, deploy."""
    aws = shared.apigateway
    api = aws.create_rest_api(name="by hand")["id"]
    root = aws.get_resources(restApiId=api)["items"][0]["id"]
    resource = aws.create_resource(restApiId=api, parentId=root,
                                   pathPart="{thing}")["id"]
    aws.put_method(restApiId=api, resourceId=resource, httpMethod="GET",
                   authorizationType="NONE", apiKeyRequired=False,
                   requestParameters={"method.request.path.thing": True})
    aws.put_integration(
        restApiId=api, resourceId=resource, httpMethod="GET",
        type="HTTP_PROXY", integrationHttpMethod="GET",
        uri=f"http://127.0.0.1:{shared.stack.ports['example']}/things/{{t}}",
        requestParameters={
            "integration.request.path.t": "method.request.path.thing"})
    deployment = aws.create_deployment(restApiId=api, stageName="v1")["id"]
    reply = shared.wire.get(shared.url(api, "/lamp", "v1"))
    assert (reply.status, reply.json()["target"]) == (200, "/things/lamp")
    assert refusal(aws.delete_deployment, restApiId=api,
                   deploymentId=deployment) == ("BadRequestException", 400)
    aws.delete_stage(restApiId=api, stageName="v1")
    aws.delete_deployment(restApiId=api, deploymentId=deployment)
    wait_until(lambda: shared.wire.get(
        shared.url(api, "/lamp", "v1")).status == 403, "the stage to go", 2)
    aws.delete_rest_api(restApiId=api)
    assert refusal(aws.get_rest_api, restApiId=api) == (
        "NotFoundException", 404)


def test_changes_work_within_a_second(shared):
    api = shared.import_api()
    plan = shared.plan(api)
    key, value = shared.key(plan)

    def status():
        return shared.call(api, "/fixed", value).status
    assert status() == 200, "a key works as soon as it is in the plan"
    aws = shared.apigateway
    for path, text, wanted in [("/enabled", "false", 403),
                               ("/enabled", "true", 200)]:
        aws.update_api_key(apiKey=key, patchOperations=[
            {"op": "replace", "path": path, "value": text}])
        wait_until(lambda: status() == wanted, f"status {wanted}", 1)
    aws.delete_usage_plan_key(usagePlanId=plan, keyId=key)
    wait_until(lambda: status() == 403, "the key to leave the plan", 1)
    aws.create_usage_plan_key(usagePlanId=plan, keyId=key,
                              keyType="API_KEY")
    wait_until(lambda: status() == 200, "the key to come back", 1)
    aws.delete_api_key(apiKey=key)
    wait_until(lambda: status() == 403, "the key to be gone", 1)


def test_only_the_deployed_snapshot_counts(shared):
    aws = shared.apigateway
    api = shared.import_api()
    root = next(r for r in aws.get_resources(restApiId=api)["items"]
                if r["path"] == "/")
    added = aws.create_resource(restApiId=api, parentId=root["id"],
                                pathPart="new")["id"]
    aws.put_method(restApiId=api, resourceId=added, httpMethod="GET",
                   authorizationType="NONE")
    aws.put_integration(
        restApiId=api, resourceId=added, httpMethod="GET", type="HTTP_PROXY",
        integrationHttpMethod="GET",
        uri=f"http://127.0.0.1:{shared.stack.ports['example']}/new")
    assert shared.call(api, "/new").status == 403
    aws.create_deployment(restApiId=api, stageName=STAGE)
    wait_until(lambda: shared.call(api, "/new").status == 200,
               "the new deployment", 1)


def test_nobody_without_the_keys_gets_in(shared):
    class Wrong:
        key_id, secret, region = "AKIAWRONG", "x" * 40, "us-east-1"
    wrong = seller.client("apigateway", shared.stack.url("admin"), Wrong)
    assert refusal(wrong.get_api_keys)[1] == 403
    Wrong.key_id = shared.credentials.key_id
    wrong = seller.client("apigateway", shared.stack.url("admin"), Wrong)
    assert refusal(wrong.create_api_key)[1] == 403
    reply = shared.wire.get(shared.stack.url("admin") + "/apikeys")
    assert reply.status == 403


def test_the_trail_tells_who_did_what(shared):
    key, value = shared.key(name="trailed")
    shared.apigateway.delete_api_key(apiKey=key)
    found = shared.aws(
        "cloudtrail", "lookup-events", "--lookup-attributes",
        f"AttributeKey=ResourceName,AttributeValue={key}")["Events"]
    assert [event["EventName"] for event in found] == [
        "DeleteApiKey", "CreateApiKey"]
    record = json.loads(found[-1]["CloudTrailEvent"])
    assert record["eventSource"] == "apigateway.amazonaws.com"
    assert record["userIdentity"]["accessKeyId"] == shared.credentials.key_id
    assert value not in json.dumps(record)
    trail = shared.client("cloudtrail")
    events = trail.lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName",
                           "AttributeValue": "CreateApiKey"}],
        MaxResults=1)
    assert len(events["Events"]) == 1 and events["NextToken"]
    assert refusal(trail.lookup_events, LookupAttributes=[
        {"AttributeKey": "EventName", "AttributeValue": "x"},
        {"AttributeKey": "EventId", "AttributeValue": "y"}])[1] == 400


def test_a_refused_change_is_in_the_trail_too(shared):
    refusal(shared.apigateway.create_api_key, value="short")
    events = shared.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName",
                           "AttributeValue": "CreateApiKey"}])["Events"]
    record = json.loads(events[0]["CloudTrailEvent"])
    assert record["errorCode"] == "BadRequestException"


def test_titles_and_texts_of_any_script_come_back_as_they_went(shared):
    text = "Länder \u2014 国 \U0001f30d \"quoted\" \\ back"
    document = openapi(shared.stack.ports["example"], title=text)
    api = shared.apigateway.import_rest_api(body=json.dumps(document))
    assert shared.apigateway.get_rest_api(
        restApiId=api["id"])["name"] == text
