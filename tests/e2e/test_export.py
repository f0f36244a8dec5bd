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
URI = ("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
       "arn:aws:lambda:us-east-1:123456789012:function:auth/invocations")
MOCK = {"type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {"statusCode": "200"}}}
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
        "/guarded": {
            "get": {"responses": {}, "security": [{"who": []},
                                                  {"api_key": []}],
                    "x-amazon-apigateway-integration": MOCK},
            "put": {"responses": {}, "security": [{"what": []}],
                    "x-amazon-apigateway-integration": MOCK},
            "post": {"responses": {}, "security": [{"pool": ["a/read"]}],
                     "x-amazon-apigateway-integration": MOCK},
            "delete": {"responses": {}, "security": [{"signature": []}],
                       "x-amazon-apigateway-integration": MOCK},
            "head": {"responses": {},
                     "x-amazon-apigateway-auth": {"type": "AWS_IAM"},
                     "x-amazon-apigateway-integration": MOCK}},
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
        "securitySchemes": {
            "api_key": {
                "type": "apiKey", "name": "x-api-key", "in": "header"},
            "signature": {
                "type": "apiKey", "name": "Authorization", "in": "header",
                "x-amazon-apigateway-authtype": "awsSigv4"},
            "who": {
                "type": "apiKey", "name": "X-Who", "in": "header",
                "x-amazon-apigateway-authtype": "oauth2",
                "x-amazon-apigateway-authorizer": {
                    "type": "token", "authorizerUri": URI,
                    "authorizerCredentials": "arn:aws:iam::1:role/r",
                    "identityValidationExpression": "^a.*",
                    "authorizerResultTtlInSeconds": 60}},
            "what": {
                "type": "apiKey", "name": "Unused", "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": {
                    "type": "request", "authorizerUri": URI,
                    "identitySource": "method.request.header.A,"
                    "method.request.querystring.b",
                    "authorizerResultTtlInSeconds": 0}},
            "pool": {
                "type": "apiKey", "name": "Authorization", "in": "header",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {
                    "type": "cognito_user_pools", "providerARNs": [
                        "arn:aws:cognito-idp:us-east-1:1:userpool/p"]}}},
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
    "x-amazon-apigateway-documentation": {
        "version": "7", "documentationParts": [
            {"location": {"type": "API"},
             "properties": {"description": "all", "info": {"x": [1, None]}}},
            {"location": {"type": "METHOD", "path": "/", "method": "GET"},
             "properties": {"description": "the \"root\""}},
            {"location": {"type": "RESPONSE_HEADER", "name": "X-A",
                          "path": "/a/{id}/{rest+}", "statusCode": "200"},
             "properties": {"description": "a"}}]},
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
    authorizers = {a["id"]: a for a in all_of(
        client.get_authorizers, restApiId=api)}
    resources = {}
    for resource in all_of(client.get_resources, restApiId=api,
                           embed=["methods"]):
        methods = resource.get("resourceMethods", {})
        for method in methods.values():
            if "requestValidatorId" in method:
                method["requestValidatorId"] = validators[
                    method["requestValidatorId"]]["name"]
            if "authorizerId" in method:
                method["authorizerId"] = authorizers[
                    method["authorizerId"]]["name"]
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
        "authorizers": {a["name"]: {**a, "id": None}
                        for a in authorizers.values()},
        "documentation": [(part["location"], json.loads(part["properties"]))
                          for part in all_of(client.get_documentation_parts,
                                             restApiId=api)],
        "responses": [r for r in all_of(client.get_gateway_responses,
                                        restApiId=api)
                      if not r["defaultResponse"]],
    }


def make(client, body):
    api = client.import_rest_api(body=body)
    client.create_deployment(restApiId=api["id"], stageName="prod")
    client.create_documentation_version(
        restApiId=api["id"], documentationVersion="7", stageName="prod")
    return api["id"]


def export(client, api, form="oas30", accept="application/json",
           extensions="apigateway"):
    got = client.get_export(restApiId=api, stageName="prod", exportType=form,
                            accepts=accept,
                            parameters={"extensions": extensions}
                            if extensions else {})
    assert got["contentType"] == "application/octet-stream"
    assert got["contentDisposition"].endswith(f".{accept[12:]}\"")
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
    # And from then on it is the same document, but for its own address and
    # the moment of its documentation.
    assert undated(export(client, again, form, accept).replace(
        again.encode(), api.encode())) == undated(document)


def undated(document):
    loaded = yaml.safe_load(document)
    del loaded["x-amazon-apigateway-documentation"]["createdDate"]
    return loaded


def test_a_put_over_an_api_keeps_what_guards_it(shared):
    client = shared.apigateway
    api = make(client, json.dumps(EVERYTHING))
    before = described(client, api)
    ids = {a["name"]: a["id"] for a in all_of(client.get_authorizers,
                                              restApiId=api)}
    for mode in ("merge", "overwrite"):
        client.put_rest_api(restApiId=api, mode=mode,
                            body=export(client, api))
        assert described(client, api) == before
        if mode == "merge":
            assert ids == {a["name"]: a["id"] for a in all_of(
                client.get_authorizers, restApiId=api)}
    stage = client.get_stage(restApiId=api, stageName="prod")
    assert stage["documentationVersion"] == "7"


def test_extensions_are_asked_for_one_by_one(shared):
    client = shared.apigateway
    api = make(client, json.dumps(EVERYTHING))
    some = json.loads(export(client, api,
                             extensions="authorizers,documentation"))
    assert [name for name in some if name.startswith("x-")] == [
        "x-amazon-apigateway-documentation"]
    schemes = some["components"]["securitySchemes"]
    assert schemes["who"]["x-amazon-apigateway-authorizer"][
        "authorizerUri"] == URI
    assert some["paths"]["/guarded"]["post"]["security"] == [
        {"pool": ["a/read"]}]
    assert "x-amazon-apigateway-integration" not in some["paths"][
        "/guarded"]["post"]
    bare = json.loads(export(client, api, extensions=None))
    assert bare["components"]["securitySchemes"]["who"] == {
        "type": "apiKey", "name": "X-Who", "in": "header"}


def test_the_documentation_is_the_stages_version(shared):
    client = shared.apigateway
    api = make(client, json.dumps(EVERYTHING))
    part = client.get_documentation_parts(restApiId=api, type="API")[
        "items"][0]["id"]
    client.delete_documentation_part(restApiId=api, documentationPartId=part)

    def parts():
        return json.loads(export(client, api, extensions="documentation"))[
            "x-amazon-apigateway-documentation"]["documentationParts"]

    assert len(parts()) == 3
    client.create_documentation_version(restApiId=api,
                                        documentationVersion="8")
    assert len(parts()) == 3
    client.update_stage(restApiId=api, stageName="prod", patchOperations=[
        {"op": "replace", "path": "/documentationVersion", "value": "8"}])
    assert len(parts()) == 2


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


def test_a_clone_is_the_same_api_with_ids_of_its_own(shared):
    client = shared.apigateway
    api = make(client, json.dumps(EVERYTHING))
    clone = client.create_rest_api(name="everything", cloneFrom=api,
                                   tags={"a": "b"})
    assert clone["tags"] == {"a": "b"} and clone["id"] != api
    clone = clone["id"]
    assert described(client, clone) == described(client, api)
    for call, name in [(client.get_resources, "id"),
                       (client.get_models, "id"),
                       (client.get_authorizers, "id"),
                       (client.get_request_validators, "id"),
                       (client.get_documentation_parts, "id")]:
        ids = [{item[name] for item in all_of(call, restApiId=one)}
               for one in (api, clone)]
        assert ids[0] and not ids[0] & ids[1]
    assert not client.get_deployments(restApiId=clone)["items"]
    client.create_deployment(restApiId=clone, stageName="prod")
    client.create_documentation_version(
        restApiId=clone, documentationVersion="7", stageName="prod")
    assert undated(export(client, clone).replace(
        clone.encode(), api.encode())) == undated(export(client, api))
    # What happens to one is no matter of the other's.
    client.delete_rest_api(restApiId=api)
    again = client.create_rest_api(name="other", description="own",
                                   cloneFrom=clone)
    assert again["description"] == "own" and again["version"] == "7"


def test_a_clone_of_nothing_is_refused(shared):
    client = shared.apigateway
    before = len(all_of(client.get_rest_apis))
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.create_rest_api(name="x", cloneFrom="none")
    error = caught.value.response["Error"]
    assert error["Code"] == "BadRequestException"
    assert error["Message"].startswith("Invalid API identifier specified")
    assert len(all_of(client.get_rest_apis)) == before
