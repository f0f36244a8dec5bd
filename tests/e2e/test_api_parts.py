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
