"""Custom domains with Amazon's own clients: from CreateDomainName to calls.

What base paths match is in the tables of test_rules_routing.py.

SPDX-License-Identifier: Apache-2.0
"""
import botocore.exceptions
import pytest

from support.world import STAGE


def get(world, host, path, **headers):
    return world.wire.request("GET", world.stack.url("gateway") + path,
                              {"Host": host, **headers})


def test_a_domain_of_v1_and_v2_with_the_aws_cli(shared):
    api = shared.import_api()
    made = shared.aws(
        "apigateway", "create-domain-name", "--domain-name",
        "api.example.com", "--regional-certificate-arn",
        "arn:aws:acm:us-east-1:123456789012:certificate/1",
        "--endpoint-configuration", "types=REGIONAL",
        "--security-policy", "TLS_1_2", "--tags", "team=web")
    assert made["domainNameStatus"] == "AVAILABLE"
    assert made["regionalDomainName"] == "localhost"
    assert made["tags"] == {"team": "web"}
    assert get(shared, "api.example.com", "/v1/health").status == 403
    mapping = shared.aws(
        "apigateway", "create-base-path-mapping", "--domain-name",
        "api.example.com", "--base-path", "v1", "--rest-api-id", api,
        "--stage", STAGE)
    assert mapping == {"basePath": "v1", "restApiId": api, "stage": STAGE}
    assert get(shared, "api.example.com", "/v1/health").json() == {"up": True}
    assert get(shared, "api.example.com", "/v2/beta/health").status == 403
    other = shared.aws(
        "apigatewayv2", "create-api-mapping", "--domain-name",
        "api.example.com", "--api-mapping-key", "v2/beta", "--api-id", api,
        "--stage", STAGE)
    assert get(shared, "api.example.com", "/v2/beta/health").status == 200
    assert [item["ApiMappingKey"] for item in shared.aws(
        "apigatewayv2", "get-api-mappings", "--domain-name",
        "api.example.com")["Items"]] == ["v1", "v2/beta"]
    v2 = shared.client("apigatewayv2")
    this = {"DomainName": "api.example.com",
            "ApiMappingId": other["ApiMappingId"]}
    v2.update_api_mapping(**this, ApiId=api, ApiMappingKey="v3/beta")
    assert get(shared, "api.example.com", "/v2/beta/health").status == 403
    assert get(shared, "api.example.com", "/v3/beta/health").status == 200
    shared.apigateway.update_base_path_mapping(
        domainName="api.example.com", basePath="v1", patchOperations=[
            {"op": "replace", "path": "/basePath", "value": "v0"}])
    assert get(shared, "api.example.com", "/v0/health").status == 200
    v2.delete_api_mapping(**this)
    assert get(shared, "api.example.com", "/v3/beta/health").status == 403
    shared.aws("apigateway", "delete-domain-name", "--domain-name",
               "api.example.com")
    assert get(shared, "api.example.com", "/v0/health").status == 403


def test_pages_errors_and_tags_with_boto3(shared):
    client = shared.apigateway
    names = [f"d{i}.pages.example" for i in range(5)]
    for name in names:
        client.create_domain_name(domainName=name,
                                  certificateArn="arn:aws:acm:::c/1")
    found = client.get_paginator("get_domain_names").paginate(
        PaginationConfig={"PageSize": 2}).build_full_result()["items"]
    assert [item["domainName"] for item in found] == names
    with pytest.raises(client.exceptions.BadRequestException) as error:
        client.create_domain_name(domainName=names[0])
    assert error.value.response["Error"]["Message"] == (
        "The domain name you provided already exists.")
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_domain_name(domainName="no.example")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        shared.client("apigatewayv2").get_api_mappings(DomainName="no.x")
    assert error.value.response["Error"]["Code"] == "NotFoundException"
    arn = f"arn:aws:apigateway:us-east-1::/domainnames/{names[0]}"
    client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.get_tags(resourceArn=arn)["tags"] == {"b": "2"}
    for name in names:
        client.delete_domain_name(domainName=name)


def test_an_api_behind_a_mapping_is_not_deleted(shared):
    client = shared.apigateway
    api = shared.import_api()
    client.create_domain_name(domainName="kept.example")
    client.create_base_path_mapping(domainName="kept.example",
                                    restApiId=api, stage=STAGE)
    for delete in (lambda: client.delete_rest_api(restApiId=api),
                   lambda: client.delete_stage(restApiId=api,
                                               stageName=STAGE)):
        with pytest.raises(client.exceptions.BadRequestException) as error:
            delete()
        assert error.value.response["Error"]["Message"].endswith(
            "in your domains: kept.example")
    client.delete_base_path_mapping(domainName="kept.example",
                                    basePath="(none)")
    client.delete_rest_api(restApiId=api)
    assert get(shared, "kept.example", "/health").status == 403


def test_the_default_endpoint_can_be_switched_off(shared):
    client = shared.apigateway
    api = shared.import_api()
    host = f"{api}.execute-api.us-east-1.amazonaws.com"
    client.create_domain_name(domainName="only.example")
    client.create_base_path_mapping(domainName="only.example",
                                    restApiId=api, stage=STAGE)

    def switch(value):
        return client.update_rest_api(restApiId=api, patchOperations=[
            {"op": "replace", "path": "/disableExecuteApiEndpoint",
             "value": value}])["disableExecuteApiEndpoint"]

    for value, status in (("true", 403), ("false", 200)):
        assert switch(value) is (value == "true")
        assert get(shared, host, f"/{STAGE}/health").status == status
        assert shared.call(api, "/health").status == status
        assert get(shared, "only.example", "/health").status == 200


def test_every_change_of_a_domain_is_audited(shared):
    client = shared.apigateway
    api = shared.import_api()
    client.create_domain_name(domainName="seen.example",
                              endpointConfiguration={"types": ["REGIONAL"]})
    v2 = shared.client("apigatewayv2")
    mapping = v2.create_api_mapping(DomainName="seen.example", ApiId=api,
                                    ApiMappingKey="a/b", Stage=STAGE)
    v2.delete_api_mapping(DomainName="seen.example",
                          ApiMappingId=mapping["ApiMappingId"])
    with pytest.raises(client.exceptions.NotFoundException):
        client.delete_base_path_mapping(domainName="seen.example",
                                        basePath="x")
    client.delete_domain_name(domainName="seen.example")
    events = shared.client("cloudtrail").lookup_events(LookupAttributes=[
        {"AttributeKey": "ResourceName",
         "AttributeValue": "seen.example"}])["Events"]
    assert [event["EventName"] for event in reversed(events)] == [
        "CreateDomainName", "CreateApiMapping", "DeleteApiMapping",
        "DeleteBasePathMapping", "DeleteDomainName"]
