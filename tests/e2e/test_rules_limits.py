"""Section 7 of the rules for calls: sizes, times and numbers.

Those of headers and URLs are rows of test_rules_admission.py.

SPDX-License-Identifier: Apache-2.0
"""
import re

import pytest

from support.rules import Row, mock, operation, proxy, refusal, rows

HOST = "$sizes.execute-api.x"
MEGABYTE = 1 << 20
LONG_URI = refusal(414, "BadRequestException", "URI Too Long")
TOO_LARGE = refusal(413, "RequestTooLargeException", "Request Too Long")
# arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/VERB and the path
ARN_START = "arn:aws:execute-api:us-east-1:000000000000:a123456789/prod/GET"


@pytest.fixture(scope="module", autouse=True)
def apis(book):
    book.api("sizes", {
        "/all/{rest+}": {"any": operation(proxy(
            book.witness.port, "/sizes"))},
        "/mock": {"get": operation(mock(200, '{"up":1}'))}})
    book.witness.canned["/sizes/large"] = (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (11 * MEGABYTE)
        + b"x" * (11 * MEGABYTE))
    book.api("large", {"/large": {"get": operation(proxy(
        book.witness.port, "/sizes/large"))}})
    assert len(book.names["sizes"]) == 10


def path(total):
    """A path whose method's ARN has that many bytes."""
    return "/all/" + "p" * (total - len(ARN_START) - len("/all/"))


SIZES = [
    Row("7", "a body of 10 MB", "POST /prod/all/x", body=b"b" *
        (10 * MEGABYTE), got={"target": "/sizes"}),
    Row("7", "a body of a byte more, announced", "POST /prod/all/x",
        headers={"Content-Length": str(10 * MEGABYTE + 1)}, **TOO_LARGE),
    Row("7", "an answer above 10 MB streams", "GET /prod/large",
        host="$large.execute-api.x", got="/sizes/large",
        answer=b"x" * (11 * MEGABYTE)),
    Row("7", "a method's ARN of 1,600 bytes", "GET /prod" + path(1600),
        got="/sizes"),
    Row("7", "a method's ARN of 1,601 bytes", "GET /prod" + path(1601),
        **LONG_URI),
    Row("7", "the query is not part of it", "GET /prod/all/x?" + "q" * 5000,
        got="/sizes?" + "q" * 5000),
]


@pytest.mark.parametrize("row", **rows(SIZES))
def test_rule(book, row):
    book.play(row, HOST)


def test_a_kept_connection_may_be_idle_for_310_s(book):
    """7: what nginx was told; nobody waits for it here."""
    text = (book.world.stack.folder / "run/nginx.conf").read_text()
    assert re.search(r"^\s*keepalive_timeout 310s;$", text, re.MULTILINE)


@pytest.fixture(scope="module")
def method(book):
    """Where an integration can be put, again and again."""
    client = book.world.apigateway
    api = book.names["sizes"]
    root = next(item["id"] for item in client.get_resources(
        restApiId=api)["items"] if item["path"] == "/")
    made = client.create_resource(restApiId=api, parentId=root,
                                  pathPart="limits")["id"]
    of = {"restApiId": api, "resourceId": made, "httpMethod": "GET"}
    client.put_method(**of, authorizationType="NONE")
    return of


@pytest.mark.parametrize("milliseconds, is_taken", [
    (49, False), (50, True), (29000, True), (29001, False)])
def test_integrations_time_out_between_50_ms_and_29_s(
        book, method, milliseconds, is_taken):
    client = book.world.apigateway
    given = {**method, "type": "HTTP_PROXY", "uri": "http://127.0.0.1:8080/",
             "integrationHttpMethod": "GET",
             "timeoutInMillis": milliseconds}
    if is_taken:
        assert client.put_integration(**given)[
            "timeoutInMillis"] == milliseconds
        return
    with pytest.raises(client.exceptions.BadRequestException) as error:
        client.put_integration(**given)
    assert error.value.response["Error"]["Message"] == (
        "Timeout should be between 50 ms and 29000 ms")


@pytest.mark.parametrize("size, is_taken", [
    (300 << 10, True), ((300 << 10) + 1, False)])
def test_mapping_templates_have_at_most_300_kb(book, method, size, is_taken):
    client = book.world.apigateway
    given = {**method, "type": "MOCK", "requestTemplates": {
        "application/json": "t" * size}}
    if is_taken:
        client.put_integration(**given)
        return
    with pytest.raises(client.exceptions.BadRequestException) as error:
        client.put_integration(**given)
    assert "at most 307200 bytes" in error.value.response["Error"]["Message"]


VARIABLES = [
    ({f"v{n}": "x" for n in range(100)}, True),
    ({f"v{n}": "x" for n in range(101)}, False),
    ({"n" * 64: "x"}, True), ({"n" * 65: "x"}, False),
    ({"n": "v" * 512}, True), ({"n": "v" * 513}, False),
]


@pytest.mark.parametrize("variables, is_taken", VARIABLES)
def test_stage_variables_have_limits(book, variables, is_taken):
    client = book.world.apigateway
    api = book.names["sizes"]
    deployment = client.get_stage(restApiId=api,
                                  stageName="prod")["deploymentId"]
    given = {"restApiId": api, "stageName": "limits",
             "deploymentId": deployment, "variables": variables}
    if is_taken:
        client.create_stage(**given)
        client.delete_stage(restApiId=api, stageName="limits")
        return
    with pytest.raises(client.exceptions.BadRequestException):
        client.create_stage(**given)
