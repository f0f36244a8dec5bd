"""What Amazon was recorded to answer, type and text: refusals of the front
end and of operations, and what a caller would not expect of an answer.

SPDX-License-Identifier: Apache-2.0
"""
import json

import pytest

from test_rest_apis import api, mock, refused  # noqa: F401 (a fixture)

BAD, MISSING, WORDS = ("BadRequestException", "NotFoundException",
                       "ValidationException")
OPS = "[add, remove, move, test, replace, copy]"
TYPES = ("Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' "
         "failed to satisfy constraint: Member must satisfy constraint: "
         "[Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]")


def detected(*what):
    return (f"{len(what)} validation error{'s' * (len(what) > 1)} detected: "
            + "; ".join(what))


def bad_op(operation, number, op="turn"):
    return (f"Value '{op}' at '{operation}Input.patchOperations.{number}"
            f".member.op' failed to satisfy constraint: Member must satisfy "
            f"enum value set: {OPS}")


BAD_CODE = ("Value 'okay' at 'statusCode' failed to satisfy constraint: Member"
            " must satisfy regular expression pattern: [1-5]\\d\\d")


@pytest.fixture(scope="module")
def wire(shared):
    """A client that sends what botocore's own model would refuse."""
    import boto3
    from botocore.config import Config
    keys = shared.credentials
    return boto3.client(
        "apigateway", endpoint_url=shared.stack.url("admin"),
        region_name="us-east-1", aws_access_key_id=keys.key_id,
        aws_secret_access_key=keys.secret,
        config=Config(parameter_validation=False, retries={"max_attempts": 0}))


CREATE_API = [
    ({"types": []}, BAD, "REGIONAL Configuration and EDGE Configuration "
     "cannot be both DISABLED."),
    ({"types": ["EDGE", "REGIONAL"]}, BAD,
     "Cannot create an api with multiple Endpoint Types."),
    ({"types": ["wrong"]}, WORDS, detected(TYPES)),
    ({"types": ["PRIVATE"]}, BAD,
     "PRIVATE endpoints are not supported by this gateway"),
]


@pytest.mark.parametrize("endpoint, code, message", CREATE_API)
def test_endpoints_that_cannot_be(wire, endpoint, code, message):
    assert refused(wire.create_rest_api, name="x",
                   endpointConfiguration=endpoint) == (code, message)


def test_wrong_words_come_before_a_wrong_description(wire):
    assert refused(wire.create_rest_api, name="x", description="",
                   minimumCompressionSize=-1, endpointConfiguration={
                       "types": ["wrong"]}) == (WORDS, detected(TYPES))
    assert refused(wire.create_rest_api, name="x", description="",
                   minimumCompressionSize=-1) == (
        BAD, "Description cannot be an empty string")


# Patches of a resource below the root.
UPDATE_RESOURCE = [
    ("replace", "/name", "Invalid patch path  '/name' specified for op "
     "'replace'. Must be one of: [/parentId, /pathPart]"),
    ("remove", "/pathPart", "Invalid patch path  '/pathPart' specified for op "
     "'remove'. Please choose supported operations"),
    ("add", "/pathPart", "Invalid patch path  '/pathPart' specified for op "
     "'add'. Please choose supported operations"),
]


@pytest.mark.parametrize("op, path, message", UPDATE_RESOURCE)
def test_patches_of_resources(api, op, path, message):  # noqa: F811
    where = {"restApiId": api.id, "resourceId": api.resource("x")}
    assert refused(api.client.update_resource, **where, patchOperations=[
        {"op": op, "path": path, "value": "y"}]) == (BAD, message)


@pytest.mark.parametrize("member", ["pathPart", "parentId"])
def test_the_root_stays_where_it_is(api, member):  # noqa: F811
    assert refused(
        api.client.update_resource, restApiId=api.id, resourceId=api.root,
        patchOperations=[{"op": "replace", "path": f"/{member}",
                          "value": "y"}]) == (
        BAD, f"Root resource cannot update its {member}.")


METHODS = [
    ({"requestValidatorId": "none00"},
     "Invalid Request Validator identifier specified"),
    ({"requestModels": {"text/plain": "None"}},
     "Invalid model identifier specified: None"),
    ({"requestParameters": {"method.request.querystring.id": False,
                            "method.request.header.id": True}},
     "Parameter names must be unique across querystring, header and path"),
]


@pytest.mark.parametrize("arguments, message", METHODS)
def test_methods_that_cannot_be(api, arguments, message):  # noqa: F811
    assert refused(
        api.client.put_method, restApiId=api.id, resourceId=api.root,
        httpMethod="GET", authorizationType="NONE", **arguments) == (
        BAD, message)


def test_an_authorization_type_is_taken_in_any_case(api):  # noqa: F811
    assert api.client.put_method(
        restApiId=api.id, resourceId=api.root, httpMethod="GET",
        authorizationType="none")["authorizationType"] == "NONE"


ARN = "arn:aws:apigateway:us-east-1:"
INTEGRATIONS = [
    ("HTTP", "here", BAD, "Invalid HTTP endpoint specified for URI"),
    ("AWS", "here", BAD, "Invalid ARN specified in the request"),
    ("AWS", ARN + "lambda", BAD,
     "AWS ARN for integration must contain path or action"),
    ("AWS_PROXY", ARN + "s3:path/bucket/key", BAD, "Integrations of type "
     "'AWS_PROXY' currently only supports Lambda function and Firehose "
     "stream invocations."),
]


@pytest.mark.parametrize("kind, uri, code, message", INTEGRATIONS)
def test_integrations_that_cannot_be(api, kind, uri, code,  # noqa: F811
                                     message):
    where = api.method(api.root)
    assert refused(api.client.put_integration, **where, type=kind, uri=uri,
                   integrationHttpMethod="POST") == (code, message)


def test_the_kind_of_an_integration_comes_before_its_method(
        wire, api):  # noqa: F811
    where = {"restApiId": api.id, "resourceId": api.root, "httpMethod": "GET"}
    assert refused(wire.put_integration, **where, type="FTP") == (
        WORDS, detected(
            "Value 'FTP' at 'putIntegrationInput.type' failed to satisfy "
            "constraint: Member must satisfy enum value set: [HTTP, MOCK, "
            "AWS_PROXY, HTTP_PROXY, AWS]"))
    assert refused(wire.put_integration, **where, type="MOCK") == (
        MISSING, "Invalid Method identifier specified")


def test_a_mock_has_neither_uri_nor_verb(api):  # noqa: F811
    where = api.method(api.root)
    made = api.client.put_integration(
        **where, type="MOCK", uri="http://example.com/",
        integrationHttpMethod="POST")
    assert not {"uri", "httpMethod"} & set(made)


def test_status_codes_and_operations_are_looked_at_first(
        wire, api):  # noqa: F811
    where = {"restApiId": api.id, "resourceId": "none00", "httpMethod": "GET",
             "statusCode": "okay"}
    for call in (wire.put_integration_response, wire.get_integration_response,
                 wire.put_method_response, wire.delete_method_response):
        assert refused(call, **where) == (WORDS, detected(BAD_CODE))
    turn = {"op": "turn", "path": "/x"}
    fine = {"op": "add", "path": "/x", "value": "y"}
    operation = "updateMethodResponse"
    assert refused(wire.update_method_response, **where,
                   patchOperations=[turn, fine, turn]) == (
        WORDS, detected(bad_op(operation, 1), bad_op(operation, 3), BAD_CODE))


METHOD_RESPONSE = [
    ("replace", "/responseParameters/method.response.header.X", "true",
     MISSING, "Invalid parameter name specified"),
    ("remove", "/responseParameters/wrong", None, MISSING,
     "Invalid parameter name specified"),
    ("replace", "/responseModels/text~1plain", "Empty", MISSING,
     "Content-Type specified was not found"),
    ("remove", "/responseModels/wrong", None, MISSING,
     "Content-Type specified was not found"),
    ("add", "/responseModels/text~1plain", None, BAD,
     "Invalid null or empty value in responseModels"),
    ("add", "/wrong/x", "y", BAD, "Invalid patch path /wrong/x"),
]


@pytest.mark.parametrize("op, path, value, code, message", METHOD_RESPONSE)
def test_patches_of_method_responses(wire, api, op, path,  # noqa: F811
                                     value, code, message):
    where = {**api.method(api.root), "statusCode": "200"}
    assert {k: v for k, v in api.client.put_method_response(
        **where, responseParameters={}, responseModels={}).items()
        if k.startswith("response")} == {
            "responseParameters": {}, "responseModels": {}}
    patch = {"op": op, "path": path}
    if value is not None:
        patch["value"] = value
    assert refused(wire.update_method_response, **where,
                   patchOperations=[patch]) == (code, message)


def test_a_response_of_no_method_has_no_integration(api):  # noqa: F811
    assert refused(
        api.client.delete_integration_response, restApiId=api.id,
        resourceId=api.root, httpMethod="GET", statusCode="200") == (
        MISSING, "Invalid Integration identifier specified")


GATEWAY = [
    ("add", "/statusCode", "404", BAD, "Invalid patch path /statusCode"),
    ("remove", "/statusCode", None, BAD, "Invalid patch path /statusCode"),
    ("replace", "/responseParameters/gatewayresponse.header.X", "'y'",
     MISSING, "Invalid parameter name specified"),
    ("replace", "/responseTemplates/application~1json", None, BAD,
     "Invalid null or empty value in responseTemplates"),
    ("add", "/colour", "red", BAD, "Invalid patch path /colour"),
]


@pytest.mark.parametrize("op, path, value, code, message", GATEWAY)
def test_patches_of_gateway_responses(api, op, path, value,  # noqa: F811
                                      code, message):
    patch = {"op": op, "path": path}
    if value is not None:
        patch["value"] = value
    assert refused(
        api.client.update_gateway_response, restApiId=api.id,
        responseType="DEFAULT_4XX", patchOperations=[patch]) == (
        code, message)


@pytest.mark.parametrize("empty", [None, ""])
def test_a_template_that_is_empty_is_shown_as_null(
        shared, wire, api, empty):  # noqa: F811
    given = {"application/json": empty}
    shown = {"application/json": None}
    post = api.method(api.root, "POST")
    assert wire.put_integration(
        **post, type="HTTP", integrationHttpMethod="POST",
        uri="http://127.0.0.1/", requestTemplates=given)[
            "requestTemplates"] == shown
    where = mock(api, api.root)
    where["statusCode"] = "200"
    assert wire.put_integration_response(**where, responseTemplates=given)[
        "responseTemplates"] == shown
    # It stays when something else changes, is served, exported, imported.
    changed = wire.update_integration_response(**where, patchOperations=[
        {"op": "replace", "path": "/selectionPattern", "value": ""}])
    assert changed["responseTemplates"] == shown
    api.deploy()
    reply = shared.call(api.id, "/")
    assert (reply.status, reply.body) == (200, b"")
    document = wire.get_export(
        restApiId=api.id, stageName="prod", exportType="oas30",
        parameters={"extensions": "integrations"})["body"].read()
    wire.put_rest_api(restApiId=api.id, mode="overwrite", body=document)
    assert wire.get_integration(**post)["requestTemplates"] == shown
    assert wire.get_integration_response(**where)["responseTemplates"] == shown


def test_a_type_that_is_none(wire, api):  # noqa: F811
    for call in (wire.get_gateway_response, wire.put_gateway_response,
                 wire.update_gateway_response, wire.delete_gateway_response):
        code, message = refused(call, restApiId=api.id, responseType="OTHER")
        assert code == WORDS and message.startswith(
            "1 validation error detected: Value 'OTHER' at 'responseType' "
            "failed to satisfy constraint: Member must satisfy enum value "
            "set: [REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONF")


def test_gateway_responses_show_what_they_inherit(api):  # noqa: F811
    where = {"restApiId": api.id}
    api.client.put_gateway_response(
        **where, responseType="DEFAULT_5XX", statusCode="599",
        responseParameters={"gatewayresponse.header.X": "'y'"})
    every = {r["responseType"]: r for r in
             api.client.get_gateway_responses(**where)["items"]}
    for kind, status in [("INTEGRATION_FAILURE", "599"), ("THROTTLED", "429"),
                         ("REQUEST_TOO_LARGE", "413")]:
        shown = api.client.get_gateway_response(**where, responseType=kind)
        assert shown["statusCode"] == status
        assert shown["defaultResponse"] is True
        assert every[kind]["statusCode"] == status
        assert every[kind]["responseParameters"] == (
            {"gatewayresponse.header.X": "'y'"} if status == "599" else {})


def test_tags_are_there_in_what_an_id_answers(api):  # noqa: F811
    assert api.client.get_rest_api(restApiId=api.id)["tags"] == {}
    put = api.client.put_rest_api(restApiId=api.id, mode="merge", body=(
        json.dumps({"openapi": "3.0.1", "info": {
            "title": "x", "version": "2"}, "paths": {}})))
    assert put["tags"] == {}


def test_a_document_is_read_before_its_api_is_looked_up(api):  # noqa: F811
    code, _ = refused(api.client.put_rest_api, restApiId="none00none",
                      body="{'broken")
    assert code == BAD
    assert refused(api.client.put_rest_api, restApiId="none00none",
                   body=json.dumps({"openapi": "3.0.1", "info": {
                       "title": "x", "version": "2"}, "paths": {}}))[0] == (
        MISSING)


def test_a_mapping_that_is_no_text_is_a_warning(api):  # noqa: F811
    where = {"restApiId": api.id, "mode": "overwrite", "body": json.dumps({
        "openapi": "3.0.1", "info": {"title": "x", "version": "2"},
        "paths": {"/x": {"get": {"x-amazon-apigateway-integration": {
            "type": "mock", "requestParameters": {
                "integration.request.header.a": "'True'",
                "integration.request.header.b": True}}}}}})}
    text = ("integration.request.header.b: Invalid format for "
            "'requestParameters'. Expected type string but got 'true'")
    code, message = refused(api.client.put_rest_api, **where,
                            failOnWarnings=True)
    assert code == BAD and text in message
    [warning] = api.client.put_rest_api(**where)["warnings"]
    assert warning.endswith(text)
    [found] = [one for one in api.client.get_resources(
        restApiId=api.id)["items"] if one["path"] == "/x"]
    assert api.client.get_integration(
        restApiId=api.id, resourceId=found["id"], httpMethod="GET")[
            "requestParameters"] == {"integration.request.header.a": "'True'"}


@pytest.mark.parametrize("mode, expected", [
    ("merge", ["image/gif", "image/png"]), ("overwrite", ["image/png"])])
def test_binary_media_types_of_a_put(api, mode, expected):  # noqa: F811
    api.client.update_rest_api(restApiId=api.id, patchOperations=[
        {"op": "add", "path": "/binaryMediaTypes/image~1gif"}])
    assert api.client.put_rest_api(
        restApiId=api.id, mode=mode, body=json.dumps({
            "openapi": "3.0.1", "info": {"title": "x", "version": "2"},
            "x-amazon-apigateway-binary-media-types": ["image/png"],
            "paths": {}}))["binaryMediaTypes"] == expected


def test_an_export_is_a_file_with_the_apis_version(api):  # noqa: F811
    api.client.put_rest_api(restApiId=api.id, mode="merge", body=json.dumps({
        "openapi": "3.0.1", "info": {"title": "x", "version": 'a/"b'},
        "paths": {}}))
    mock(api, api.resource("x"))
    api.deploy()
    for form, kind, end in [("oas30", "application/json", "json"),
                            ("swagger", "application/yaml", "yaml")]:
        got = api.client.get_export(
            restApiId=api.id, stageName="prod", exportType=form, accepts=kind)
        assert got["contentType"] == "application/octet-stream"
        assert got["contentDisposition"] == (
            f'attachment; filename="{form}_a__b.{end}"')


def test_lists_keep_the_order_in_which_things_were_made(shared):
    client = shared.apigateway
    keys = [client.create_api_key(name=f"in-order-{n}")["id"]
            for n in range(8)]
    found = [key["id"] for key in client.get_api_keys(limit=500)["items"]]
    assert [key for key in found if key in keys] == keys[::-1]
    apis = [client.create_rest_api(name="in-order")["id"] for _ in range(8)]
    found = [one["id"] for one in client.get_rest_apis(limit=500)["items"]]
    assert [one for one in found if one in apis] == apis
    plans = [client.create_usage_plan(name="in-order")["id"]
             for _ in range(8)]
    found = [p["id"] for p in client.get_usage_plans(limit=500)["items"]]
    assert [p for p in found if p in plans] == plans[::-1]
