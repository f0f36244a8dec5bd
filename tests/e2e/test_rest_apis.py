"""REST APIs, from resources to stages, in Amazon's words; and imported
documents in real traffic.

SPDX-License-Identifier: Apache-2.0
"""
import json
import urllib.parse

import botocore.exceptions
import pytest

from support.world import STAGE, TOP, wait_until

OPENAPI = TOP / "tests/data/openapi"


def refused(call, **arguments):
    """Type and message of a call that must be refused."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def api(shared):
    """An API without anything: its id, its root, and the client."""
    gateway = shared.apigateway
    made = gateway.create_rest_api(name="by hand")
    first = gateway.get_resources(restApiId=made["id"])["items"][0]["id"]

    class Api:
        id = made["id"]
        root = first
        client = gateway

        @staticmethod
        def resource(part, parent=None):
            return gateway.create_resource(
                restApiId=made["id"], pathPart=part,
                parentId=parent or first)["id"]

        @staticmethod
        def method(resource, verb="GET", key=False, **integration):
            where = {"restApiId": made["id"], "resourceId": resource,
                     "httpMethod": verb}
            gateway.put_method(**where, authorizationType="NONE",
                               apiKeyRequired=key)
            if integration:
                gateway.put_integration(**where, **integration)
            return where

        @staticmethod
        def deploy(stage=STAGE, **more):
            return gateway.create_deployment(restApiId=made["id"],
                                             stageName=stage, **more)["id"]

    return Api


MOCK = {"type": "MOCK",
        "requestTemplates": {"application/json": '{"statusCode": 200}'}}


def mock(api, resource, verb="GET", **response):
    where = api.method(resource, verb, **MOCK)
    api.client.put_integration_response(**where, statusCode="200", **response)
    return where


def test_a_new_api_has_amazons_defaults(shared):
    made = shared.apigateway.create_rest_api(name="fresh")
    assert made["apiKeySource"] == "HEADER"
    assert made["disableExecuteApiEndpoint"] is False
    assert made["endpointConfiguration"]["types"] == ["EDGE"]
    assert not {"description", "version", "tags", "policy"} & set(made)
    models = shared.apigateway.get_models(restApiId=made["id"])["items"]
    assert [model["name"] for model in models] == ["Empty", "Error"]
    root = shared.apigateway.get_resources(restApiId=made["id"])["items"]
    assert [set(r) for r in root] == [{"id", "path"}]
    assert root[0]["path"] == "/"
    responses = shared.apigateway.get_gateway_responses(restApiId=made["id"])
    assert len(responses["items"]) == 21
    assert all(r["defaultResponse"] for r in responses["items"])


@pytest.mark.parametrize("arguments, code, words", [
    ({"name": "x", "description": ""}, "BadRequestException",
     "Description cannot be an empty string"),
    ({"name": "x", "apiKeySource": "COOKIE"}, "ValidationException",
     "Member must satisfy enum value set: [HEADER, AUTHORIZER]"),
    ({"name": "x", "minimumCompressionSize": 10485761},
     "BadRequestException", "between 0 and 10485760"),
    ({"name": "x", "policy": "{}"}, "BadRequestException",
     "not supported"),
    ({"name": "x", "endpointConfiguration": {"types": ["PRIVATE"]}},
     "BadRequestException", "not supported"),
])
def test_an_api_that_cannot_be_is_refused(shared, arguments, code, words):
    before = len(shared.apigateway.get_rest_apis(limit=500)["items"])
    kind, message = refused(shared.apigateway.create_rest_api, **arguments)
    assert kind == code and words in message
    after = len(shared.apigateway.get_rest_apis(limit=500)["items"])
    assert after == before


def test_resources_follow_amazons_rules(api):
    create = api.client.create_resource
    pets = api.resource("pets")
    where = {"restApiId": api.id, "parentId": api.root}
    assert refused(create, **where, pathPart="pets") == (
        "ConflictException",
        "Another resource with the same parent already has this name: pets")
    assert refused(create, **where, pathPart="a/b")[0] == (
        "BadRequestException")
    assert refused(create, restApiId=api.id, parentId="nobody",
                   pathPart="x") == (
        "NotFoundException", "Invalid Resource identifier specified")
    greedy = api.resource("{proxy+}", pets)
    assert refused(create, restApiId=api.id, parentId=pets,
                   pathPart="{id}") == (
        "BadRequestException", "A sibling ({proxy+}) of this resource "
        "already has a variable path part -- only one is allowed")
    assert refused(create, restApiId=api.id, parentId=greedy,
                   pathPart="x") == (
        "BadRequestException", "Cannot create a child of a resource with a "
        "greedy path variable: {proxy+}")
    assert refused(api.client.delete_resource, restApiId=api.id,
                   resourceId=api.root)[0] == "BadRequestException"
    api.client.delete_resource(restApiId=api.id, resourceId=pets)
    left = api.client.get_resources(restApiId=api.id)["items"]
    assert [resource["path"] for resource in left] == ["/"]


def test_resources_come_in_pages_with_their_methods(api):
    paths = ["/"] + [f"/r{n}" for n in range(6)]
    for path in paths[1:]:
        mock(api, api.resource(path[1:]))
    pages = api.client.get_paginator("get_resources").paginate(
        restApiId=api.id, embed=["methods"], PaginationConfig={"PageSize": 3})
    seen = [resource for page in pages for resource in page["items"]]
    assert [resource["path"] for resource in seen] == paths
    method = seen[1]["resourceMethods"]["GET"]
    assert method["methodIntegration"]["type"] == "MOCK"
    bare = api.client.get_resources(restApiId=api.id)["items"][1]
    assert bare["resourceMethods"] == {"GET": {}}


def test_methods_and_integrations_follow_amazons_rules(api):
    resource = api.resource("pets")
    where = api.method(resource)
    put = api.client.put_integration
    assert refused(api.client.put_method, **where,
                   authorizationType="NONE")[0] == "ConflictException"
    assert refused(api.client.get_integration, **where) == (
        "NotFoundException", "Invalid Integration identifier specified")
    assert refused(api.client.get_method, **{**where, "httpMethod": "PUT"}
                   ) == ("NotFoundException",
                         "Invalid Method identifier specified")
    assert refused(put, **where, type="HTTP_PROXY", uri="http://a.b/") == (
        "BadRequestException",
        "Enumeration value for HttpMethod must be non-empty")
    kind, message = refused(put, **where, type="HTTP_PROXY",
                            integrationHttpMethod="GET", uri="gopher://a.b/")
    assert kind == "BadRequestException"
    assert message.startswith("Invalid HTTP endpoint specified for URI")
    made = put(**where, type="HTTP_PROXY", integrationHttpMethod="GET",
               uri="http://backend.example/")
    del made["ResponseMetadata"]
    assert made == {
        "type": "HTTP_PROXY", "httpMethod": "GET",
        "uri": "http://backend.example/", "connectionType": "INTERNET",
        "passthroughBehavior": "WHEN_NO_MATCH", "timeoutInMillis": 29000,
        "cacheNamespace": resource, "cacheKeyParameters": []}
    api.client.put_method_response(
        **where, statusCode="200", responseModels={
            "application/json": "Empty"})
    assert refused(api.client.put_method_response, **where,
                   statusCode="200")[0] == "ConflictException"
    assert refused(api.client.put_method_response, **where, statusCode="201",
                   responseModels={"application/json": "Nothing"})[0] == (
        "BadRequestException")
    api.client.put_integration_response(**where, statusCode="200",
                                        selectionPattern=r"2\d{2}")
    whole = api.client.get_method(**where)
    assert whole["methodIntegration"]["integrationResponses"]["200"] == {
        "statusCode": "200", "selectionPattern": r"2\d{2}"}
    api.client.delete_integration_response(**where, statusCode="200")
    api.client.delete_method_response(**where, statusCode="200")
    api.client.delete_integration(**where)
    whole = api.client.get_method(**where)
    assert "methodIntegration" not in whole
    api.client.delete_method(**where)
    assert refused(api.client.delete_method, **where)[0] == (
        "NotFoundException")


def test_only_an_api_that_is_complete_is_deployed(api):
    deploy = api.client.create_deployment
    assert refused(deploy, restApiId=api.id) == (
        "BadRequestException", "The REST API doesn't contain any methods")
    api.method(api.resource("pets"))
    kind, message = refused(deploy, restApiId=api.id, stageName=STAGE)
    assert kind == "BadRequestException"
    assert message.startswith("No integration defined for method")
    assert api.client.get_stages(restApiId=api.id)["item"] == []
    assert api.client.get_deployments(restApiId=api.id)["items"] == []


def test_stages_move_between_deployments(shared, api):
    resource = api.resource("fixed")
    where = mock(api, resource, responseTemplates={
        "text/plain": "one $stageVariables.who"})
    first = api.deploy(variables={"who": "Ann"})
    stage = {"restApiId": api.id, "stageName": STAGE}

    def says():
        return shared.call(api.id, "/fixed").text

    wait_until(lambda: says() == "one Ann", "the first deployment")
    api.client.put_integration_response(
        **where, statusCode="200", responseTemplates={
            "text/plain": "two ${stageVariables.who}"})
    assert says() == "one Ann"
    second = api.deploy()
    wait_until(lambda: says() == "two Ann", "the second deployment")
    assert refused(api.client.delete_deployment, restApiId=api.id,
                   deploymentId=second) == (
        "BadRequestException", "Active stages pointing to this deployment "
        "must be moved or deleted")
    changed = api.client.update_stage(**stage, patchOperations=[
        {"op": "replace", "path": "/deploymentId", "value": first},
        {"op": "replace", "path": "/variables/who", "value": "Bob"},
        {"op": "replace", "path": "/description", "value": "moved"}])
    assert changed["deploymentId"] == first
    assert changed["variables"] == {"who": "Bob"}
    wait_until(lambda: says() == "one Bob", "the way back")
    assert refused(api.client.update_stage, **stage, patchOperations=[
        {"op": "replace", "path": "/variables/who", "value": "Eve"},
        {"op": "replace", "path": "/stageName", "value": "x"}])[0] == (
        "BadRequestException")
    assert says() == "one Bob"
    api.client.delete_deployment(restApiId=api.id, deploymentId=second)
    api.client.delete_stage(**stage)
    wait_until(lambda: shared.call(api.id, "/fixed").status == 403,
               "the stage to be gone")
    assert refused(api.client.get_stage, **stage) == (
        "NotFoundException", "Invalid stage identifier specified")


def test_a_share_of_calls_tries_another_deployment(shared, api):
    """It has its own methods, variables and responses; the stage's limits
    and plans hold for both; and in the end it becomes the stage."""
    where = mock(api, api.resource("tried"), responseTemplates={
        "text/plain": "old $stageVariables.who $stageVariables.where "
                      "$context.isCanaryRequest"})
    first = api.deploy(variables={"who": "Ann", "where": "here"})
    plan = shared.plan(api.id)
    _, key = shared.key(plan)
    stage = {"restApiId": api.id, "stageName": STAGE}

    def update(op, path, value="", **more):
        return api.client.update_stage(**stage, patchOperations=[
            {"op": op, "path": path, "value": value, **more}])

    def says(path="/tried", key=None):
        return shared.call(api.id, path, key=key).text

    wait_until(lambda: says() == "old Ann here false", "the stage")
    api.client.update_method(**where, patchOperations=[
        {"op": "replace", "path": "/apiKeyRequired", "value": "true"}])
    api.client.put_integration_response(
        **where, statusCode="200", responseTemplates={
            "text/plain": "new $stageVariables.who $stageVariables.where "
                          "$context.isCanaryRequest"})
    mock(api, api.resource("added"))
    canary = api.deploy(canarySettings={
        "percentTraffic": 100.0, "stageVariableOverrides": {"who": "Eve"}})
    assert api.client.get_stage(**stage)["deploymentId"] == first
    wait_until(lambda: says(key=key) == "new Eve here true", "the canary")
    assert shared.call(api.id, "/tried").status == 403
    assert shared.call(api.id, "/added").status == 200
    update("replace", "/canarySettings/percentTraffic", "50.0")

    def counts():
        answers = [says(key=key) for _ in range(200)]
        assert set(answers) <= {"old Ann here false", "new Eve here true"}
        return answers.count("new Eve here true")

    wait_until(lambda: 50 < counts() < 150, "half of the calls")
    update("replace", "/canarySettings/percentTraffic", "0.0")
    wait_until(lambda: counts() == 0, "no canary")
    assert refused(api.client.delete_deployment, restApiId=api.id,
                   deploymentId=canary)[0] == "BadRequestException"
    api.client.update_stage(**stage, patchOperations=[
        {"op": "copy", "from": "/canarySettings/deploymentId",
         "path": "/deploymentId"},
        {"op": "copy", "from": "/canarySettings/stageVariableOverrides",
         "path": "/variables"},
        {"op": "remove", "path": "/canarySettings"}])
    wait_until(lambda: says(key=key) == "new Eve here false", "its promotion")
    api.client.delete_deployment(restApiId=api.id, deploymentId=first)


@pytest.mark.parametrize("settings", [
    {"cacheClusterEnabled": True}, {"cacheClusterSize": "1"},
    {"canarySettings": {"percentTraffic": 1.0}}, # of a stage that is not
    {"variables": {"bad name": "x"}}, {"variables": {"a": "{}"}},
])
def test_stage_settings_that_cannot_be_honoured(api, settings):
    mock(api, api.resource("x"))
    assert refused(api.deploy, **settings)[0] in (
        "BadRequestException", "ValidationException")
    assert api.client.get_deployments(restApiId=api.id)["items"] == []


def test_an_api_in_a_plan_is_not_deleted(shared, api):
    mock(api, api.resource("x"))
    api.deploy()
    plan = shared.plan(api.id)
    kind, message = refused(api.client.delete_rest_api, restApiId=api.id)
    assert kind == "BadRequestException" and plan in message
    api.client.update_usage_plan(usagePlanId=plan, patchOperations=[
        {"op": "remove", "path": "/apiStages", "value": f"{api.id}:{STAGE}"}])
    api.client.delete_rest_api(restApiId=api.id)
    kind, message = refused(api.client.get_rest_api, restApiId=api.id)
    assert kind == "NotFoundException"
    assert message.startswith("Invalid API identifier specified ")
    assert message.endswith(":" + api.id)


def test_a_broken_method_is_500_and_the_others_work(shared, api):
    port = shared.stack.ports["example"]
    good = api.resource("good")
    mock(api, good, responseTemplates={"application/json": "{}"})
    proxy = {"type": "HTTP_PROXY", "integrationHttpMethod": "GET"}
    broken = {
        "unmapped": {**proxy, "uri": f"http://127.0.0.1:{port}/{{id}}"},
        "novariable": {**proxy, "uri": "http://${stageVariables.none}/"},
        "nohost": {**proxy, "uri": "http://no.such.host.invalid/"},
        "lambda": {"type": "AWS_PROXY", "integrationHttpMethod": "POST",
                   "uri": "arn:aws:apigateway:us-east-1:lambda:path/x"},
        "plain": {**proxy, "type": "HTTP",
                  "uri": f"http://127.0.0.1:{port}/"},
        "nomock": {"type": "MOCK"},
        "framing": {**proxy, "uri": f"http://127.0.0.1:{port}/",
                    "requestParameters": {
                        "integration.request.header.Transfer-Encoding":
                            "'chunked'"}},
    }
    for part, integration in broken.items():
        api.method(api.resource(part), **integration)
    api.method(api.resource("byname"), **proxy,
               uri=f"http://localhost:{port}/by/name")
    api.deploy()
    wait_until(lambda: shared.call(api.id, "/good").status == 200,
               "the deployment")
    for part in broken:
        reply = shared.call(api.id, "/" + part)
        assert (part, reply.status) == (part, 500)
        assert reply.json() == {"message": "Internal server error"}
    wait_until(lambda: shared.call(api.id, "/byname").status == 200,
               "the name to be resolved")


def test_mapped_values_are_encoded_where_they_go(shared, api):
    port = shared.stack.ports["example"]
    resource = api.resource("{id}")
    api.method(resource, type="HTTP_PROXY", integrationHttpMethod="GET",
               uri=f"http://127.0.0.1:{port}/x/{{a}}/{{b}}?c=%20d&e={{b}}",
               requestParameters={
                   "integration.request.path.a": "'1 ?#'",
                   "integration.request.path.b": "method.request.path.id",
                   "integration.request.querystring.f": "'g h&i=j'",
                   "integration.request.header.X-K": "'l m'"})
    api.deploy()
    wait_until(lambda: shared.call(api.id, "/z").status == 200,
               "the deployment")
    seen = shared.call(api.id, "/o%2Fp%26q").json()
    path, _, query = seen["target"].partition("?")
    assert path == "/x/1%20%3F%23/o%2Fp%26q"
    assert urllib.parse.parse_qsl(query) == [
        ("c", " d"), ("e", "o/p&q"), ("f", "g h&i=j")]
    assert ["X-K", "l m"] in seen["headers"]


def test_the_shop_in_traffic(shared):
    """Mapped paths and queries, stage variables, redirects and CORS."""
    backend = f"127.0.0.1:{shared.stack.ports['example']}"
    api = shared.import_api(
        json.loads((OPENAPI / "shop-cors-stages.json").read_text()),
        variables={"backend": backend, "assets": backend, "tenant": "acme"})
    _, key = shared.key(shared.plan(api))
    wait_until(lambda: shared.call(api, "/").status == 302, "the deployment")
    assert shared.call(api, "/").headers["Location"] == (
        "https://shop.example.test/")
    reply = shared.call(api, "/orders/a%20b/lines/7", key)
    assert reply.json()["target"].startswith("/o/a%20b/l/7?v=2")
    reply = shared.call(api, "/orders?since=2026", key).json()
    assert "since=2026" in reply["target"]
    assert ["X-Tenant", "acme"] in reply["headers"]
    reply = shared.call(api, "/static/css/a/b.css").json()
    assert reply["target"] == "/css/a/b.css"
    cors = shared.call(api, "/orders", method="OPTIONS")
    assert cors.status == 204
    assert cors.headers["Access-Control-Allow-Origin"] == "*"
    assert cors.headers["Access-Control-Max-Age"] == "600"
    reply = shared.call(api, "/orders", key, method="POST", body='{"n": 1}')
    assert reply.status == 201
    order = json.loads(reply.json()["body"])
    assert order["order"] == {"n": 1}
    assert order["by"] == shared.apigateway.get_api_keys()["items"][0]["id"]
    reply = shared.call(api, "/orders", key, method="POST", body="x",
                        headers={"Content-Type": "text/plain"})
    assert (reply.status, reply.json()) == (415, {
        "error": "Unsupported Media Type", "type": "UNSUPPORTED_MEDIA_TYPE"})
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    reply = shared.call(api, "/nothing")
    assert (reply.status, reply.json()) == (404, {"error": "no such thing"})


def test_the_weather_in_traffic(shared):
    text = (OPENAPI / "weather-metered.yaml").read_text().replace(
        "127.0.0.1:9002", f"127.0.0.1:{shared.stack.ports['example']}")
    made = shared.apigateway.import_rest_api(
        body=text, parameters={"basepath": "prepend"})
    shared.apigateway.create_deployment(restApiId=made["id"],
                                        stageName=STAGE)
    _, key = shared.key(shared.plan(made["id"]))
    wait_until(lambda: shared.call(made["id"], "/v7/health").status == 200,
               "the deployment")
    assert shared.call(made["id"], "/v7/health").json() == {
        "status": "up", "stage": STAGE}
    reply = shared.call(made["id"], "/v7/forecast/3?city=Rome", key).json()
    assert reply["target"].startswith("/forecast/3?")
    assert "q=Rome" in reply["target"]
    reply = shared.call(made["id"], "/v7/current?city=Rome", key).json()
    assert "plan=standard" in reply["target"]
    assert shared.call(made["id"], "/v7/current").status == 403


def test_import_on_the_command_line(shared):
    done = shared.stack.tallygate(
        "import", "--deploy", "live", str(OPENAPI / "petstore-http-proxy.json"))
    assert done.returncode == 0, done.stderr
    assert "6 resources, 6 methods, of which 5 require a key" in done.stdout
    api = done.stdout.split()[2]
    stages = shared.apigateway.get_stages(restApiId=api)["item"]
    assert [stage["stageName"] for stage in stages] == ["live"]
    done = shared.stack.tallygate(
        "import", str(OPENAPI / "broken/mapping.json"))
    assert done.returncode == 1
    assert "line 1, column " in done.stderr
    dangling = str(OPENAPI / "broken/dangling-ref.json")
    done = shared.stack.tallygate("import", dangling)
    assert done.returncode == 0
    assert "warning: line 1, column 167" in done.stderr
    before = shared.sql("SELECT count(*) FROM rest_api")
    done = shared.stack.tallygate("import", "--fail-on-warnings", dangling)
    assert done.returncode == 1 and "there is no schema" in done.stderr
    assert shared.sql("SELECT count(*) FROM rest_api") == before


def test_an_import_tells_which_methods_nobody_can_call(shared, tmp_path):
    """They are kept, as they came; a seller who moves here has to know."""
    def method(**integration):
        return {"responses": {}, "x-amazon-apigateway-integration": {
            "httpMethod": "POST", "uri": "arn:aws:apigateway:us-east-1:lambda"
            ":path/2015-03-31/functions/f/invocations", **integration}}
    document = {
        "openapi": "3.0.1", "info": {"title": "moved", "version": "1"},
        "components": {"securitySchemes": {"iam": {
            "type": "apiKey", "name": "Authorization", "in": "header",
            "x-amazon-apigateway-authtype": "awsSigv4"}}},
        "paths": {"/a": {"get": method(type="aws_proxy")},
                  "/b": {"post": {**method(type="mock"),
                                  "security": [{"iam": []}]},
                         "get": method(type="mock")}}}
    file = tmp_path / "moved.json"
    file.write_text(json.dumps(document))
    done = shared.stack.tallygate("import", str(file))
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "warning" in line] == [
        "tallygate: warning: calls of GET /a get a 500: integrations of type "
        "AWS_PROXY are kept, not served",
        "tallygate: warning: calls of POST /b are refused: nobody is let in "
        "by authorization type AWS_IAM"]


@pytest.mark.parametrize("length", range(120, 124))
def test_a_refusal_that_names_a_long_name_says_why(shared, length):
    """It is cut, wherever that is, and was no text then: "out of memory"."""
    name = "x" * (length % 2) + "é" * length
    document = {
        "openapi": "3.0.1", "info": {"title": "long", "version": "1"},
        "paths": {"/a": {"get": {
            "responses": {}, "x-amazon-apigateway-integration": {
                "type": "mock", "requestParameters": {
                    f"integration.request.header.{name}":
                    f"method.request.nowhere.{name}"}}}}}}
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        shared.apigateway.import_rest_api(body=json.dumps(document))
    error = refusal.value.response["Error"]
    assert error["Code"] == "BadRequestException"
    assert error["Message"].startswith("Invalid OpenAPI document: line 1, ")
