"""Section 6 of the rules for calls: gateway responses, as they are and as an
API changes them.

Three APIs have the same methods: `plain` changes nothing, `own` every type of
its own, `heir` only DEFAULT_4XX and DEFAULT_5XX.

SPDX-License-Identifier: Apache-2.0
"""
import json

import pytest

from support.ports import free_port
from support.rules import Row, mock, operation, proxy, refusal, rows

BODY = {"type": "$context.error.responseType",
        "text": "MESSAGE", "stage": "$context.stage",
        "variable": "$stageVariables.color"}
TEMPLATE = json.dumps(BODY).replace('"MESSAGE"',
                                    "$context.error.messageString")

# type: (the call that meets it, status, message, error type, own status)
TYPES = {
    "MISSING_AUTHENTICATION_TOKEN": (
        {"line": "GET /prod/nothing"}, 403, "Missing Authentication Token",
        "MissingAuthenticationTokenException", 404),
    "INVALID_API_KEY": (
        {"line": "GET /prod/key"}, 403, "Forbidden", "ForbiddenException",
        401),
    "THROTTLED": (
        {"line": "GET /prod/key", "headers": {"x-api-key": "$slow"}}, 429,
        "Too Many Requests", "TooManyRequestsException", 420),
    "QUOTA_EXCEEDED": (
        {"line": "GET /prod/key", "headers": {"x-api-key": "$used"}}, 429,
        "Limit Exceeded", "LimitExceededException", 402),
    "BAD_REQUEST_PARAMETERS": (
        {"line": "GET /prod/params?b=1"}, 400,
        "Missing required request parameters: [X-C, a]",
        "BadRequestException", 422),
    "UNSUPPORTED_MEDIA_TYPE": (
        {"line": "POST /prod/media", "body": b"<a/>",
         "headers": {"Content-Type": "text/xml"}}, 415,
        "Unsupported Media Type", "BadRequestException", 406),
    "INTEGRATION_FAILURE": (
        {"line": "GET /prod/refused"}, 504,
        "Network error communicating with endpoint",
        "InternalServerErrorException", 502),
    "INTEGRATION_TIMEOUT": (
        {"line": "GET /prod/silent"}, 504, "Endpoint request timed out",
        "InternalServerErrorException", 503),
    "API_CONFIGURATION_ERROR": (
        {"line": "GET /prod/broken"}, 500, "Internal server error",
        "InternalServerErrorException", 501),
}


def response(status, name):
    return {"statusCode": str(status), "responseParameters": {
        "gatewayresponse.header.X-Type": f"'{name}'",
        "gatewayresponse.header.X-Query": "method.request.querystring.b",
        "gatewayresponse.header.X-Api": "context.apiId",
        "gatewayresponse.header.X-Color": "stageVariables.color"},
        "responseTemplates": {"application/json": TEMPLATE}}


def paths(book):
    port = book.witness.port
    return {
        "/key": {"get": operation(mock(200, '{"up":1}'), key=True)},
        "/params": {"get": operation(
            mock(200, "{}"), parameters=[
                {"name": name, "in": place, "required": True,
                 "schema": {"type": "string"}} for name, place in (
                     ("a", "query"), ("b", "query"), ("X-C", "header"))],
            **{"x-amazon-apigateway-request-validator": "params"})},
        "/media": {"post": operation({
            "type": "http", "httpMethod": "POST",
            "uri": f"http://127.0.0.1:{port}/media",
            "passthroughBehavior": "never", "requestTemplates": {
                "application/json": "$input.body"},
            "responses": {"default": {"statusCode": "200"}}})},
        "/refused": {"get": operation(proxy(free_port(), "/"))},
        "/silent": {"get": operation(proxy(book.silent.port, "/",
                                           timeoutInMillis=60))},
        "/broken": {"get": operation({
            **proxy(port, "/{x}"), "requestParameters": {}})},
    }


@pytest.fixture(scope="module", autouse=True)
def apis(book):
    own = {name: response(entry[4], name) for name, entry in TYPES.items()}
    heir = {"DEFAULT_4XX": response(418, "DEFAULT_4XX"),
            "DEFAULT_5XX": response(599, "DEFAULT_5XX")}
    stages = []
    for name, responses in (("plain", {}), ("own", own), ("heir", heir)):
        api = book.api(name, paths(book), **{
            "x-amazon-apigateway-request-validators": {"params": {
                "validateRequestParameters": True,
                "validateRequestBody": False}},
            "x-amazon-apigateway-gateway-responses": responses})
        book.world.apigateway.update_stage(
            restApiId=api, stageName="prod", patchOperations=[
                {"op": "replace", "path": "/variables/color",
                 "value": "red"}])
        stages.append({"apiId": api, "stage": "prod"})
    book.key("slow", book.plan("slow_plan", stages, throttle={
        "rateLimit": 0, "burstLimit": 0}))
    book.key("used", book.plan("used_plan", stages, quota={
        "limit": 1, "period": "MONTH"}))
    book.play(Row("5", "the one call", "GET /prod/key", units=1,
                  headers={"x-api-key": "$used"}), "$plain.execute-api.x")


def customised(name, entry, status, label):
    call, _, message, kind, _ = entry
    query = "1" if "b=1" in call["line"] else None
    api = "$own" if label == name else "$heir"
    return Row("6", f"{name} by {label}", **call, status=status,
               host=f"{api}.execute-api.x", answer={
                   "type": name, "text": message, "stage": "prod",
                   "variable": "red"}, has={
                   "x-amzn-ErrorType": kind, "X-Type": label,
                   "X-Query": query, "X-Api": api, "X-Color": "red",
                   "Content-Type": "application/json"})


PLAIN = [Row("6", name, **call, **refusal(status, kind, message),
             host="$plain.execute-api.x")
         for name, (call, status, message, kind, _) in TYPES.items()]
OWN = [customised(name, entry, entry[4], name)
       for name, entry in TYPES.items()]
HEIR = [customised(name, entry, 418 if entry[1] < 500 else 599,
                   f"DEFAULT_{entry[1] // 100}XX")
        for name, entry in TYPES.items()]


@pytest.mark.parametrize("row", **rows(PLAIN, OWN, HEIR))
def test_rule(book, row):
    book.play(row, None)
