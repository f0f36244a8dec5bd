"""GetExport, and that what is exported imports again to the same API.

SPDX-License-Identifier: Apache-2.0
"""
import json

import botocore.exceptions
import pytest
import yaml

from support.world import TOP

OPENAPI = TOP / "tests/data/openapi"
DOCUMENTS = ["petstore-http-proxy.json", "shop-cors-stages.json",
             "weather-metered.yaml"]
EVERYTHING = {
    "openapi": "3.0.1",
    "info": {"title": "everything", "version": "7", "description": "d"},
    "paths": {
        "/": {"get": {"operationId": "root", "responses": {}, "security": [
            {"api_key": []}], "x-amazon-apigateway-integration": {
                "type": "mock", "requestTemplates": {
                    "application/json": '{"statusCode": 204}'},
                "responses": {"default": {"statusCode": "204"}}}}},
        "/empty": {},
        "/a/{id}/{rest+}": {"x-amazon-apigateway-any-method": {
            "parameters": [
                {"name": "id", "in": "path", "required": True,
                 "schema": {"type": "string"}},
                {"name": "q", "in": "query", "required": True,
                 "schema": {"type": "string"}},
                {"name": "X-H", "in": "header",
                 "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Node"}}}},
            "responses": {
                "200": {"description": "ok", "headers": {
                    "X-A": {"schema": {"type": "string"}}},
                    "content": {"application/json": {
                        "schema": {"$ref": "#/components/schemas/Node"}}}},
                "404": {"description": "no"}},
            "x-amazon-apigateway-request-validator": "params",
            "x-amazon-apigateway-integration": {
                "type": "http", "httpMethod": "POST",
                "uri": "http://127.0.0.1:8099/{id}",
                "timeoutInMillis": 1234, "passthroughBehavior": "never",
                "cacheNamespace": "mine",
                "tlsConfig": {"insecureSkipVerification": True},
                "requestParameters": {
                    "integration.request.path.id": "method.request.path.id",
                    "integration.request.header.X-S": "'it''s \"so\": #1'"},
                "responses": {
                    "default": {"statusCode": "200", "responseParameters": {
                        "method.response.header.X-A":
                            "integration.response.header.A"}},
                    "4\\d{2}": {"statusCode": "404"}}}}},
    },
    "components": {
        "securitySchemes": {"api_key": {
            "type": "apiKey", "name": "x-api-key", "in": "header"}},
        "schemas": {"Node": {"type": "object", "properties": {
            "next": {"$ref": "#/components/schemas/Node"},
            "yes": {"type": "string", "enum": ["yes", "1", "null", ""]}}}}},
    "x-amazon-apigateway-request-validators": {
        "params": {"validateRequestBody": False,
                   "validateRequestParameters": True}},
    "x-amazon-apigateway-gateway-responses": {
        "DEFAULT_4XX": {"statusCode": 418, "responseParameters": {
            "gatewayresponse.header.A": "'b'"}, "responseTemplates": {
                "application/json": '{"m": $context.error.messageString}'}}},
    "x-amazon-apigateway-binary-media-types": ["image/png", "a/*"],
}


def all_of(call, **arguments):
    items, position = [], {}
    while True:
        page = call(**arguments, **position, limit=500)
        items += page["items"]
        if "position" not in page:
            return items
        position = {"position": page["position"]}


def described(client, api):
    """The API without the ids that are made anew, to compare with."""
    about = client.get_rest_api(restApiId=api)
    validators = {v["id"]: v for v in all_of(
        client.get_request_validators, restApiId=api)}
    resources = {}
    for resource in all_of(client.get_resources, restApiId=api,
                           embed=["methods"]):
        methods = resource.get("resourceMethods", {})
        for method in methods.values():
            if "requestValidatorId" in method:
                method["requestValidatorId"] = validators[
                    method["requestValidatorId"]]["name"]
            integration = method["methodIntegration"]
            if integration["cacheNamespace"] == resource["id"]:
                del integration["cacheNamespace"]
        resources[resource["path"]] = methods
    return {
        "about": {name: about.get(name) for name in (
            "name", "description", "binaryMediaTypes",
            "apiKeySource", "minimumCompressionSize",
            "disableExecuteApiEndpoint")},
        "resources": resources,
        "models": {model["name"]: json.loads(
            model["schema"].replace(api, "API")) for model in all_of(
                client.get_models, restApiId=api)},
        "validators": sorted((v["name"], v["validateRequestBody"],
                              v["validateRequestParameters"])
                             for v in validators.values()),
        "responses": [r for r in all_of(client.get_gateway_responses,
                                        restApiId=api)
                      if not r["defaultResponse"]],
    }


def make(client, body):
    api = client.import_rest_api(body=body)
    client.create_deployment(restApiId=api["id"], stageName="prod")
    return api["id"]


def export(client, api, form="oas30", accept="application/json",
           extensions="apigateway"):
    got = client.get_export(restApiId=api, stageName="prod", exportType=form,
                            accepts=accept,
                            parameters={"extensions": extensions}
                            if extensions else {})
    assert got["contentType"] == accept
    assert got["contentDisposition"].startswith("attachment; filename=")
    return got["body"].read()


@pytest.mark.parametrize("form", ["oas30", "swagger"])
@pytest.mark.parametrize("accept", ["application/json", "application/yaml"])
@pytest.mark.parametrize("name", [*DOCUMENTS, None])
def test_what_is_exported_imports_again(shared, name, form, accept):
    client = shared.apigateway
    text = (OPENAPI / name).read_text() if name else json.dumps(EVERYTHING)
    api = make(client, text)
    document = export(client, api, form, accept)
    again = make(client, document)
    assert described(client, again) == described(client, api)
    # And from then on it is the same document, but for its own address.
    assert (yaml.safe_load(export(client, again, form, accept).replace(
        again.encode(), api.encode())) == yaml.safe_load(document))


def test_yaml_says_what_json_says(shared):
    client = shared.apigateway
    api = make(client, json.dumps(EVERYTHING))
    assert (yaml.safe_load(export(client, api, accept="application/yaml"))
            == json.loads(export(client, api)))


def test_extensions_are_left_out_unless_asked_for(shared):
    client = shared.apigateway
    api = make(client, json.dumps(EVERYTHING))
    bare = json.loads(export(client, api, extensions=None))
    any_method = bare["paths"]["/a/{id}/{rest+}"][
        "x-amazon-apigateway-any-method"]
    assert not [name for name in any_method if name.startswith("x-")]
    assert not [name for name in bare if name.startswith("x-")]
    some = json.loads(export(client, api, extensions="integrations"))
    assert "x-amazon-apigateway-integration" in some["paths"]["/"]["get"]
    assert not [name for name in some if name.startswith("x-")]
    address = bare["servers"][0]
    assert address["variables"]["basePath"]["default"] == "prod"
    assert address["url"].startswith(f"https://{api}.execute-api.us-east-1.")


def test_the_export_is_of_what_is_deployed(shared):
    client = shared.apigateway
    api = make(client, json.dumps(EVERYTHING))
    before = export(client, api)
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    client.create_resource(restApiId=api, parentId=root, pathPart="later")
    assert export(client, api) == before


@pytest.mark.parametrize("arguments, code, words", [
    ({"exportType": "raml"}, "BadRequestException", "[oas30, swagger]"),
    ({"stageName": "none"}, "NotFoundException", "Invalid stage"),
    ({"restApiId": "none"}, "NotFoundException", "Invalid API identifier"),
    ({"parameters": {"extensions": "all"}}, "BadRequestException",
     "Invalid extensions"),
    ({"parameters": {"extensions": "postman"}}, "BadRequestException",
     "not supported"),
])
def test_an_export_that_cannot_be_is_refused(shared, arguments, code, words):
    client = shared.apigateway
    api = make(client, json.dumps(EVERYTHING))
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.get_export(**{"restApiId": api, "stageName": "prod",
                             "exportType": "oas30", **arguments})
    error = caught.value.response["Error"]
    assert error["Code"] == code and words in error["Message"]
