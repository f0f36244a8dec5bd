"""PutRestApi: a document over an API that there is, or in its place.

SPDX-License-Identifier: Apache-2.0
"""
import json

import botocore.exceptions
import pytest
import yaml


def document(paths, **more):
    """An API of MOCK methods: {"/a": ["get"]}."""
    mock = {"responses": {}, "x-amazon-apigateway-integration": {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {"statusCode": "200"}}}}
    return json.dumps({
        "openapi": "3.0.1", "info": {"title": "put", "version": "1"},
        "paths": {path: {verb: dict(mock) for verb in verbs}
                  for path, verbs in paths.items()}, **more})


def about(client, api):
    answer = client.get_rest_api(restApiId=api)
    del answer["ResponseMetadata"]
    return answer


def content(client, api):
    """{"/a": {"GET"}} of all resources but the root."""
    items = client.get_resources(restApiId=api, limit=500)["items"]
    return {item["path"]: set(item.get("resourceMethods", {}))
            for item in items if item["path"] != "/"}


@pytest.fixture
def api(shared):
    return shared.apigateway.import_rest_api(body=document(
        {"/a": ["get"], "/a/b": ["get", "put"]},
        components={"schemas": {"Old": {"type": "object"}}}))["id"]


def test_overwrite_leaves_nothing_of_the_old(shared, api):
    client = shared.apigateway
    before = client.get_rest_api(restApiId=api)
    put = client.put_rest_api(restApiId=api, mode="overwrite", body=document(
        {"/a/b": ["get"], "/c": ["post"]}, info={"title": "new"},
        components={"schemas": {"New": {"type": "object"}}}))
    assert content(client, api) == {
        "/a": set(), "/a/b": {"GET"}, "/c": {"POST"}}
    assert [model["name"] for model in client.get_models(
        restApiId=api)["items"]] == ["New"]
    assert put["name"] == "new" and "version" not in put
    for name in ("id", "createdDate", "endpointConfiguration"):
        assert put[name] == before[name]


@pytest.mark.parametrize("mode", [{}, {"mode": "merge"}])
def test_merge_keeps_what_the_document_does_not_name(shared, api, mode):
    client = shared.apigateway
    old = {item["path"]: item["id"] for item in client.get_resources(
        restApiId=api)["items"]}
    client.put_rest_api(restApiId=api, body=document(
        {"/a": ["get", "post"], "/c": ["get"]},
        components={"schemas": {"New": {"type": "object"}}}), **mode)
    assert content(client, api) == {
        "/a": {"GET", "POST"}, "/a/b": {"GET", "PUT"}, "/c": {"GET"}}
    assert {model["name"] for model in client.get_models(
        restApiId=api)["items"]} == {"Old", "New"}
    new = {item["path"]: item["id"] for item in client.get_resources(
        restApiId=api)["items"]}
    assert {path: new[path] for path in old} == old


def test_merge_replaces_a_method_whole(shared, api):
    client = shared.apigateway
    proxy = {"type": "http_proxy", "httpMethod": "GET",
             "uri": "http://127.0.0.1:8099/"}
    client.put_rest_api(restApiId=api, body=json.dumps({
        "openapi": "3.0.1", "info": {"title": "put"}, "paths": {"/a": {
            "get": {"responses": {}, "operationId": "mine",
                    "x-amazon-apigateway-integration": proxy}}}}))
    items = client.get_resources(restApiId=api, embed=["methods"])["items"]
    (method,) = [item["resourceMethods"]["GET"] for item in items
                 if item["path"] == "/a"]
    assert method["operationName"] == "mine"
    assert method["methodIntegration"]["type"] == "HTTP_PROXY"
    assert "integrationResponses" not in method["methodIntegration"]


def test_validators_keep_their_names_and_ids_in_a_merge(shared, api):
    client = shared.apigateway
    extension = {"x-amazon-apigateway-request-validators": {
        "v": {"validateRequestParameters": True}}}
    client.put_rest_api(restApiId=api, body=document({}, **extension))
    first = client.get_request_validators(restApiId=api)["items"]
    extension["x-amazon-apigateway-request-validators"]["v"] = {
        "validateRequestParameters": False}
    client.put_rest_api(restApiId=api, body=document({}, **extension))
    (second,) = client.get_request_validators(restApiId=api)["items"]
    assert [v["id"] for v in first] == [second["id"]]
    assert second["validateRequestParameters"] is False


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
@pytest.mark.parametrize("body, words", ids=range(5), argvalues=[
    (document({"/{x}": ["get"], "/{y}": ["get"]}), "variable path part"),
    (document({"/{p+}/q": ["get"]}), "greedy"),
    ("{", "line 1"),
    ("openapi: 3.0.1\ninfo: {title: x}\npaths: []\n", "paths"),
    (document({}, info={"title": ""}), "info.title"),
])
def test_a_bad_document_changes_nothing(shared, api, mode, body, words):
    client = shared.apigateway
    before = about(client, api), content(client, api)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.put_rest_api(restApiId=api, mode=mode, body=body)
    error = caught.value.response["Error"]
    assert error["Code"] == "BadRequestException"
    assert words in error["Message"]
    assert (about(client, api), content(client, api)) == before


def test_an_unknown_mode_and_an_unknown_api(shared, api):
    done = shared.aws("apigateway", "put-rest-api", "--rest-api-id", "none",
                      "--mode", "overwrite", "--body", "e30=", check=False)
    assert "NotFoundException" in done.stderr
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        shared.apigateway.put_rest_api(restApiId=api, mode="replace",
                                       body=document({}))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_warnings_can_refuse_it(shared, api):
    client = shared.apigateway
    body = document({"/a": ["get"]}, **{"x-amazon-apigateway-own": {}})
    with pytest.raises(botocore.exceptions.ClientError):
        client.put_rest_api(restApiId=api, failOnWarnings=True, body=body)
    put = client.put_rest_api(restApiId=api, body=body)
    assert "not taken over" in put["warnings"][0]


def test_the_stage_serves_what_it_did(shared):
    client = shared.apigateway
    api = client.import_rest_api(body=document({"/a": ["get"]}))["id"]
    client.create_deployment(restApiId=api, stageName="prod")
    client.put_rest_api(restApiId=api, mode="overwrite",
                        body=document({"/b": ["get"]}))
    assert shared.call(api, "/a").status == 200
    assert shared.call(api, "/b").status == 403
    client.create_deployment(restApiId=api, stageName="prod")
    assert shared.call(api, "/a").status == 403
    assert shared.call(api, "/b").status == 200


def test_import_into_an_api_on_the_command_line(shared, api, tmp_path):
    file = tmp_path / "new.yaml"
    file.write_text(yaml.safe_dump(json.loads(document(
        {"/a": ["get", "post"]}))))
    done = shared.stack.tallygate("import", "--into", api, str(file))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:4] == ["+ POST /a", "- GET /a/b", "- PUT /a/b",
                         "- model Old"]
    assert "2 methods" in lines[4]
    done = shared.stack.tallygate("import", "--into", api, "--merge",
                                  str(file))
    assert done.stdout.splitlines()[0] == "nothing has changed"
    file.write_text(json.dumps({
        **json.loads(document({"/a": ["get"]})),
        "components": {"schemas": {"Pet": {"type": "object", "properties": {
            "name": {"type": "string"}}}}},
        "x-amazon-apigateway-gateway-responses": {
            "THROTTLED": {"statusCode": 420}}}))
    done = shared.stack.tallygate("import", "--into", api, "--merge",
                                  str(file))
    assert done.stdout.splitlines()[:2] == [
        "+ model Pet", "+ gateway response THROTTLED"], done.stdout
    file.write_text(document({"/a": ["get"]}, info={
        "title": "another", "version": "1"}))
    done = shared.stack.tallygate("import", "--into", api, str(file))
    assert set(done.stdout.splitlines()[:-1]) >= {
        "~ name of the API", "- POST /a", "- model Pet",
        "- gateway response THROTTLED"}, done.stdout
    for words in (["--merge"], ["--into", "../x"]):
        done = shared.stack.tallygate("import", *words, str(file))
        assert done.returncode == 2 and "--into" in done.stderr
