"""Models, authorizers and documentation of an API, as boto3 meets them.

SPDX-License-Identifier: Apache-2.0
"""
import json

import botocore.exceptions
import pytest


def refused(call, **arguments):
    """Type and message of a call that must be refused."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def api(shared):
    return shared.apigateway.create_rest_api(name="parts")["id"]


def test_a_model_is_made_used_and_deleted(shared, api):
    client = shared.apigateway
    place = f"https://apigateway.amazonaws.com/restapis/{api}/models/"
    pet = {"type": "object", "properties": {"id": {"type": "integer"}}}
    made = client.create_model(restApiId=api, name="Pet", description="d",
                               contentType="application/json",
                               schema=json.dumps(pet))
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert json.loads(made["schema"]) == pet and len(made["id"]) == 6
    client.create_model(restApiId=api, name="Pets",
                        contentType="application/json", schema=json.dumps(
                            {"type": "array",
                             "items": {"$ref": place + "Pet"}}))
    flat = client.get_model(restApiId=api, modelName="Pets", flatten=True)
    assert json.loads(flat["schema"]) == {
        "type": "array", "items": {"$ref": "#/definitions/Pet"},
        "definitions": {"Pet": pet}}
    pages = client.get_paginator("get_models").paginate(
        restApiId=api, PaginationConfig={"PageSize": 1})
    assert [m["name"] for page in pages for m in page["items"]] == [
        "Empty", "Error", "Pet", "Pets"]
    template = client.get_model_template(restApiId=api, modelName="Pets")
    assert '"id" : 42' in template["value"]
    assert refused(client.delete_model, restApiId=api, modelName="Pet") == (
        "ConflictException",
        "Cannot delete model 'Pet', is referenced in model: Pets")
    changed = client.update_model(restApiId=api, modelName="Pets",
                                  patchOperations=[{
                                      "op": "replace", "path": "/schema",
                                      "value": '{"type": "array"}'}])
    assert json.loads(changed["schema"]) == {"type": "array"}
    client.delete_model(restApiId=api, modelName="Pet")
    assert refused(client.get_model, restApiId=api, modelName="Pet") == (
        "NotFoundException", "Invalid model name specified: Pet")
    assert refused(client.create_model, restApiId=api, name="Empty",
                   contentType="application/json", schema="{}") == (
        "ConflictException", "Model name already exists for this REST API")


URI = ("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
       "arn:aws:lambda:us-east-1:123456789012:function:auth/invocations")
POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a"
HEADER = "method.request.header.Authorization"


def test_an_authorizer_is_made_changed_and_deleted(shared, api):
    client = shared.apigateway
    made = client.create_authorizer(
        restApiId=api, name="who", type="TOKEN", authorizerUri=URI,
        identitySource=HEADER)
    del made["ResponseMetadata"]
    assert made == {
        "id": made["id"], "name": "who", "type": "TOKEN",
        "authType": "custom", "authorizerUri": URI, "identitySource": HEADER,
        "authorizerResultTtlInSeconds": 300}
    where = {"restApiId": api, "authorizerId": made["id"]}
    client.update_authorizer(**where, patchOperations=[
        {"op": "replace", "path": "/authorizerResultTtlInSeconds",
         "value": "0"}])
    assert client.get_authorizers(restApiId=api)["items"] == [
        made | {"authorizerResultTtlInSeconds": 0}]
    assert refused(client.test_invoke_authorizer, **where)[0] == (
        "BadRequestException")
    client.delete_authorizer(**where)
    assert refused(client.get_authorizer, **where) == (
        "NotFoundException", "Invalid Authorizer identifier specified")


def guarded_api(client):
    """An API whose methods all work, and whose callers nobody can allow."""
    api = client.create_rest_api(name="guarded")["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    lambda_ = client.create_authorizer(
        restApiId=api, name="lambda", type="TOKEN", authorizerUri=URI,
        identitySource=HEADER)["id"]
    pool = client.create_authorizer(
        restApiId=api, name="pool", type="COGNITO_USER_POOLS",
        providerARNs=[POOL], identitySource=HEADER)["id"]
    for path, kind in (("open", {"authorizationType": "NONE"}),
                       ("iam", {"authorizationType": "AWS_IAM"}),
                       ("custom", {"authorizationType": "CUSTOM",
                                   "authorizerId": lambda_}),
                       ("pool", {"authorizationType": "COGNITO_USER_POOLS",
                                 "authorizerId": pool})):
        where = {"restApiId": api, "httpMethod": "GET",
                 "resourceId": client.create_resource(
                     restApiId=api, parentId=root, pathPart=path)["id"]}
        client.put_method(**where, **kind, apiKeyRequired=True)
        client.put_integration(**where, type="MOCK", requestTemplates={
            "application/json": '{"statusCode": 200}'})
        client.put_method_response(**where, statusCode="200")
        client.put_integration_response(**where, statusCode="200")
    client.create_deployment(restApiId=api, stageName="prod")
    return api


def test_nobody_is_let_in_where_an_authorizer_would_have_to_be_asked(world):
    client = world.apigateway
    api = guarded_api(client)
    key = world.key(world.plan(api))[1]
    token = {"Authorization": "allow"}
    for path, headers, status, kind, body in [
        ("/iam", {}, 403, "MissingAuthenticationTokenException",
         {"message": "Missing Authentication Token"}),
        ("/iam", token, 403, "AccessDeniedException",
         {"Message": "User is not authorized to access this resource"}),
        ("/custom", {}, 500, "AuthorizerConfigurationException",
         {"message": None}),
        ("/custom", token, 500, "AuthorizerConfigurationException",
         {"message": None}),
        ("/pool", token, 500, "AuthorizerConfigurationException",
         {"message": None}),
    ]:
        got = world.call(api, path, key, headers=headers)
        assert got.status == status, path
        assert got.headers["x-amzn-ErrorType"] == kind
        assert json.loads(got.body) == body
    assert world.call(api, "/open", key).status == 200
    # What was refused was not counted, what was served is.
    world.wait_counted(1)
    assert world.call(api, "/open", key).status == 200
    world.wait_counted(2)


def test_a_guards_refusal_is_customised_like_any(shared):
    client = shared.apigateway
    api = guarded_api(client)
    client.put_gateway_response(
        restApiId=api, responseType="AUTHORIZER_CONFIGURATION_ERROR",
        statusCode="401", responseTemplates={
            "application/json": '{"m": $context.error.messageString, '
            '"t": "$context.error.responseType"}'})
    client.create_deployment(restApiId=api, stageName="prod")
    got = shared.call(api, "/custom")
    assert (got.status, json.loads(got.body)) == (
        401, {"m": None, "t": "AUTHORIZER_CONFIGURATION_ERROR"})


def test_a_key_that_an_authorizer_would_give_lets_nobody_in(shared):
    client = shared.apigateway
    api = guarded_api(client)
    client.update_rest_api(restApiId=api, patchOperations=[
        {"op": "replace", "path": "/apiKeySource", "value": "AUTHORIZER"}])
    client.create_deployment(restApiId=api, stageName="prod")
    key = shared.key(shared.plan(api))[1]
    got = shared.call(api, "/open", key)
    assert (got.status, got.body) == (500, b'{"message":null}')


def test_documentation_is_written_and_kept_in_versions(shared, api):
    client = shared.apigateway
    where = {"type": "METHOD", "path": "/", "method": "GET"}
    made = client.create_documentation_part(
        restApiId=api, location=where, properties='{"description":"d"}')
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (made["location"], made["properties"]) == (
        where, '{"description":"d"}')
    assert refused(client.create_documentation_part, restApiId=api,
                   location=where, properties="{}") == (
        "ConflictException", "Documentation part already exists for the "
        "specified location: type 'METHOD', path '/', method 'GET'.")
    part = {"restApiId": api, "documentationPartId": made["id"]}
    changed = client.update_documentation_part(**part, patchOperations=[
        {"op": "replace", "path": "/properties", "value": '{"a":1}'}])
    assert client.get_documentation_part(**part)["properties"] == (
        changed["properties"]) == '{"a":1}'
    version = client.create_documentation_version(
        restApiId=api, documentationVersion="1.0", description="first")
    assert version["version"] == "1.0" and "createdDate" in version
    assert set(version) == {"version", "createdDate", "description",
                            "ResponseMetadata"}
    name = {"restApiId": api, "documentationVersion": "1.0"}
    client.update_documentation_version(**name, patchOperations=[
        {"op": "replace", "path": "/description", "value": "new"}])
    assert client.get_documentation_version(**name)["description"] == "new"
    assert [v["version"] for v in client.get_documentation_versions(
        restApiId=api)["items"]] == ["1.0"]
    client.delete_documentation_version(**name)
    assert refused(client.get_documentation_version, **name) == (
        "NotFoundException", "Invalid Documentation version specified")
    client.delete_documentation_part(**part)
    assert refused(client.get_documentation_part, **part) == (
        "NotFoundException",
        "Invalid Documentation part identifier specified")


def test_documentation_is_imported(shared, api):
    client = shared.apigateway
    document = {"openapi": "3.0.1", "x-amazon-apigateway-documentation": {
        "documentationParts": [
            {"location": {"type": "API"}, "properties": {"a": 1}},
            {"location": {"type": "METHOD", "method": "GET"},
             "properties": {"b": 2}}]}}
    body = json.dumps(document)
    first = client.import_documentation_parts(restApiId=api, body=body)["ids"]
    again = client.import_documentation_parts(
        restApiId=api, body=body, mode="merge")["ids"]
    assert len(first) == 2 and again == first
    parts = client.get_documentation_parts(restApiId=api)["items"]
    assert [part["location"] for part in parts] == [
        {"type": "API"}, {"type": "METHOD", "path": "/", "method": "GET"}]
    client.create_documentation_part(restApiId=api, properties="{}",
                                     location={"type": "RESOURCE"})
    fresh = client.import_documentation_parts(
        restApiId=api, body=body, mode="overwrite")["ids"]
    assert not set(fresh) & set(first)
    assert [part["id"] for part in client.get_documentation_parts(
        restApiId=api)["items"]] == fresh
    assert refused(client.import_documentation_parts, restApiId=api,
                   body="a: [") == (
        "BadRequestException",
        "Unable to build importer with provided input.")
    bad = json.loads(body)
    bad["x-amazon-apigateway-documentation"]["documentationParts"].append(
        {"location": {"type": "API", "method": "GET"}, "properties": {}})
    kind, message = refused(client.import_documentation_parts,
                            restApiId=api, body=json.dumps(bad))
    assert kind == "BadRequestException"
    assert "documentationParts.2.location.method" in message
    assert len(client.get_documentation_parts(restApiId=api)["items"]) == 2


def test_what_is_documented_and_what_is_not(shared, api):
    client = shared.apigateway
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    client.put_method(
        restApiId=api, resourceId=root, httpMethod="GET",
        authorizationType="NONE", requestModels={"a/b": "Empty"},
        requestParameters={"method.request.querystring.q": True})
    client.put_method_response(
        restApiId=api, resourceId=root, httpMethod="GET", statusCode="200",
        responseParameters={"method.response.header.H": False},
        responseModels={"a/b": "Error"})
    for location in ({"type": "API"}, {"type": "MODEL", "name": "Empty"}):
        client.create_documentation_part(restApiId=api, location=location,
                                         properties="{}")
    at = {"path": "/", "method": "GET"}
    pages = client.get_paginator("get_documentation_parts").paginate(
        restApiId=api, locationStatus="UNDOCUMENTED",
        PaginationConfig={"PageSize": 2})
    assert [item["location"] for page in pages for item in page["items"]] == [
        {"type": "METHOD", **at}, {"type": "MODEL", "name": "Error"},
        {"type": "QUERY_PARAMETER", **at, "name": "q"},
        {"type": "REQUEST_BODY", **at}, {"type": "RESOURCE", "path": "/"},
        {"type": "RESPONSE", **at, "statusCode": "200"},
        {"type": "RESPONSE_BODY", **at, "statusCode": "200"},
        {"type": "RESPONSE_HEADER", **at, "statusCode": "200", "name": "H"}]
    get = client.get_documentation_parts
    assert len(get(restApiId=api, locationStatus="DOCUMENTED")["items"]) == 2
    assert len(get(restApiId=api, type="MODEL")["items"]) == 1
    assert not get(restApiId=api, nameQuery="Error")["items"]
    assert len(get(restApiId=api, nameQuery="Empty")["items"]) == 1
    assert not get(restApiId=api, path="/")["items"]


def test_a_version_that_a_stage_shows_stays(shared):
    client = shared.apigateway
    api = guarded_api(client)
    version = {"restApiId": api, "documentationVersion": "1"}
    stage = {"restApiId": api, "stageName": "prod"}
    assert refused(client.create_documentation_version, **version,
                   stageName="none")[0] == "NotFoundException"
    assert refused(client.get_documentation_version,
                   **version)[0] == "NotFoundException"
    client.create_documentation_version(**version, stageName="prod")
    assert client.get_stage(**stage)["documentationVersion"] == "1"
    assert refused(client.create_documentation_version, **version)[0] == (
        "ConflictException")
    assert refused(client.delete_documentation_version, **version) == (
        "ConflictException", "Cannot delete the documentation version '1', "
        "it is associated with the stage prod")
    assert refused(client.update_stage, **stage, patchOperations=[
        {"op": "replace", "path": "/documentationVersion", "value": "2"}]) \
        == ("NotFoundException", "Invalid Documentation version specified")
    client.delete_stage(**stage)
    client.delete_documentation_version(**version)


def test_changes_of_parts_are_audited_those_refused_too(shared, api):
    client = shared.apigateway
    client.create_model(restApiId=api, name="M", schema="{}",
                        contentType="application/json")
    refused(client.create_model, restApiId=api, name="M", schema="{}",
            contentType="application/json")
    who = client.create_authorizer(
        restApiId=api, name="who", type="TOKEN", authorizerUri=URI,
        identitySource=HEADER)["id"]
    client.get_authorizer(restApiId=api, authorizerId=who)
    client.delete_authorizer(restApiId=api, authorizerId=who)
    client.import_documentation_parts(restApiId=api, body=json.dumps(
        {"swagger": "2.0", "x-amazon-apigateway-documentation": {
            "documentationParts": [{"location": {"type": "API"},
                                    "properties": {}}]}}))
    client.create_documentation_version(restApiId=api,
                                        documentationVersion="1")
    events = shared.client("cloudtrail").lookup_events(LookupAttributes=[
        {"AttributeKey": "ResourceName", "AttributeValue": api}])["Events"]
    told = [json.loads(event["CloudTrailEvent"])
            for event in reversed(events)]
    assert [(event["eventName"], event.get("errorCode"))
            for event in told] == [
        ("CreateRestApi", None), ("CreateModel", None),
        ("CreateModel", "ConflictException"), ("CreateAuthorizer", None),
        ("DeleteAuthorizer", None), ("ImportDocumentationParts", None),
        ("CreateDocumentationVersion", None)]
    assert told[3]["requestParameters"]["createAuthorizerInput"][
        "authorizerUri"] == URI


def test_the_parts_of_an_api_by_the_command_line(shared, api):
    def aws(verb, *words):
        return shared.aws("apigateway", verb, "--rest-api-id", api, *words)

    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    aws("create-model", "--name", "Pet", "--content-type",
        "application/json", "--schema", json.dumps(schema))
    assert '"id" : 42' in aws("get-model-template", "--model-name", "Pet")[
        "value"]
    who = aws("create-authorizer", "--name", "who", "--type", "TOKEN",
              "--authorizer-uri", URI, "--identity-source", HEADER)["id"]
    assert aws("update-authorizer", "--authorizer-id", who,
               "--patch-operations", "op=replace,path=/name,value=me")[
        "name"] == "me"
    aws("create-documentation-part", "--location", "type=MODEL,name=Pet",
        "--properties", '{"description": "a pet"}')
    aws("create-documentation-version", "--documentation-version", "1")
    assert len(aws("get-documentation-parts", "--type", "MODEL")["items"]) == 1
    aws("delete-documentation-version", "--documentation-version", "1")
    aws("delete-authorizer", "--authorizer-id", who)
    aws("delete-model", "--model-name", "Pet")
    assert len(aws("get-models")["items"]) == 2
