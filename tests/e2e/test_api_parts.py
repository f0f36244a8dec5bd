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
