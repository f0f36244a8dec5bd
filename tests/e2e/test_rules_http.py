"""Section 8 of the rules for calls, for HTTP integrations that are not
proxies, and the checks before them (2.9, 2.10).

SPDX-License-Identifier: Apache-2.0
"""
import pytest

from support.rules import Row, operation, refusal, rows
from test_rules_integrations import BROKEN, TRACE

HOST = "$http.execute-api.x"
MISSING = refusal(400, "BadRequestException",
                  "Missing required request parameters: [X-B, a]")
WRONG_TYPE = refusal(415, "BadRequestException", "Unsupported Media Type")
JSON = {"Content-Type": "application/json"}

CANNED = {
    "ok": b"HTTP/1.1 200 OK\r\nX-Own: a\r\nX-Own: b\r\nVia: 1.1 tea\r\n"
          b"X-Other: c\r\nContent-Type: text/x-tea\r\nContent-Length: 20\r\n"
          b"\r\n{\"tea\":{\"hot\":true}}",
    "teapot": b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 2\r\n\r\n{}",
    "odd": b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\n{}",
}


def http(book, path, responses=None, verb="POST", **more):
    return {"type": "http", "httpMethod": verb,
            "uri": f"http://127.0.0.1:{book.witness.port}{path}",
            "responses": responses or {"default": {"statusCode": "200"}},
            **more}


def declared(*names):
    return {"200": {"description": "ok", "headers": {
        name: {"schema": {"type": "string"}} for name in names}},
        "404": {"description": "no"}}


@pytest.fixture(scope="module", autouse=True)
def apis(book):
    book.witness.canned.update({
        f"/http/{name}": data for name, data in CANNED.items()})
    mapped = {"integration.request.header.X-Mapped":
              "method.request.header.X-In",
              "integration.request.querystring.m":
              "method.request.querystring.q"}
    body = {"integration.request.header.X-Whole": "method.request.body",
            "integration.request.header.X-Text": "method.request.body.a.b",
            "integration.request.header.X-Object": "method.request.body.a",
            "integration.request.header.X-None": "method.request.body.no"}
    header = "method.response.header."
    known = {
        "default": {"statusCode": "200", "responseParameters": {
            header + "X-One": "integration.response.header.X-Own",
            header + "X-All": "integration.response.multivalueheader.X-Own",
            header + "X-Hot": "integration.response.body.tea.hot",
            header + "Via": "integration.response.header.Via",
            header + "X-Static": "'static'"}},
        "4\\d{2}": {"statusCode": "404", "responseTemplates": {
            "application/json": '{"gone":"$context.stage"}'}}}
    paths = {
        "/get": {"get": operation(http(
            book, "/get", verb="GET", requestParameters=mapped))},
        "/post": {"post": operation(http(
            book, "/post", requestParameters=mapped))},
        "/body": {"post": operation(http(
            book, "/body", requestParameters=body))},
        "/template": {"post": operation(http(
            book, "/template", requestTemplates={
                "application/json":
                    '{"x":$input.json(\'$.a\'),"s":"$context.stage"}'}))},
        "/never": {"post": operation(http(
            book, "/never", passthroughBehavior="never",
            requestTemplates={"application/json": "$input.body"}))},
        "/ok": {"get": operation(http(
            book, "/http/ok", known, "GET"), responses=declared(
                "X-One", "X-All", "X-Hot", "Via", "X-Static"))},
        "/teapot": {"get": operation(http(
            book, "/http/teapot", known, "GET"), responses=declared(
                "X-One", "X-All", "X-Hot", "Via", "X-Static"))},
        "/odd": {"get": operation(http(
            book, "/http/odd", {"200": {"statusCode": "200"}}, "GET"))},
        "/checked": {"post": operation(
            http(book, "/checked", passthroughBehavior="never",
                 requestTemplates={"application/json": "{}"}), key=True,
            parameters=[
                {"name": "a", "in": "query", "required": True,
                 "schema": {"type": "string"}},
                {"name": "X-B", "in": "header", "required": True,
                 "schema": {"type": "string"}},
                {"name": "c", "in": "query", "required": False,
                 "schema": {"type": "string"}}],
            **{"x-amazon-apigateway-request-validator": "params"})},
    }
    api = book.api("http", paths, **{
        "x-amazon-apigateway-request-validators": {"params": {
            "validateRequestParameters": True,
            "validateRequestBody": False}}})
    stages = [{"apiId": api, "stage": "prod"}]
    book.key("http_key", book.plan("http_plan", stages))
    book.key("http_one", book.plan("http_one_plan", stages, quota={
        "limit": 1, "period": "MONTH"}))


def got(target=None, body=None, **headers):
    wanted = {"headers": {name.replace("_", "-"): value
                          for name, value in headers.items()}}
    return {**wanted, **({"target": target} if target else {}),
            **({"body": body} if body is not None else {})}


REQUESTS = [
    Row("8.2", "only mapped headers and query go out", "GET /prod/get?q=1&x=2",
        headers={"X-In": "v", "X-Own": "1", "Cookie": "a=b",
                 "Accept": "text/xml", "User-Agent": "tea",
                 "Authorization": "Basic x"},
        got=got("/get?m=1", X_Mapped="v", X_Own=None, Cookie=None,
                Authorization=None, Accept="application/json",
                User_Agent="AmazonAPIGateway_$http",
                X_Amzn_Trace_Id=TRACE, X_Amzn_Apigateway_Api_Id="$http"),
        has={"X-Amzn-Trace-Id": TRACE}),
    Row("8.2", "no source, no target", "GET /prod/get",
        got=got("/get", X_Mapped=None)),
    Row("8.2", "Content-Type passes", "POST /prod/post",
        headers={"Content-Type": "text/x-tea"}, body=b"tea",
        got=got("/post", b"tea", Content_Type="text/x-tea")),
    Row("8.2", "but not with GET", "GET /prod/get",
        headers={"Content-Type": "text/x-tea"}, got=got(Content_Type=None)),
    Row("8.6", "the body, whole and in parts", "POST /prod/body",
        headers=JSON, body=b'{"a":{"b":"text"}}',
        got=got(X_Whole='{"a":{"b":"text"}}', X_Text="text",
                X_Object='{"b":"text"}', X_None=None)),
    Row("8", "a request template", "POST /prod/template", headers=JSON,
        body=b'{"a":[1,2]}', got=got(body=b'{"x":[1,2],"s":"prod"}')),
    Row("8", "no template for the type: the body passes",
        "POST /prod/template", headers={"Content-Type": "text/x-tea"},
        body=b"tea", got=got(body=b"tea")),
    Row("2.10", "NEVER: a type without a template", "POST /prod/never",
        headers={"Content-Type": "text/x-tea"}, body=b"tea", **WRONG_TYPE),
    Row("2.10", "NEVER: a type with one", "POST /prod/never",
        headers=JSON, body=b'{"a":1}', got=got(body=b'{"a":1}')),
]

RESPONSES = [
    Row("8.3", "headers of the integration response", "GET /prod/ok",
        got="/http/ok", answer={"tea": {"hot": True}}, has={
            "X-One": "b", "X-All": "a,b", "X-Hot": "true",
            "X-Static": "static", "Via": "1.1 tea", "X-Own": None,
            "X-Other": None, "X-Amzn-Trace-Id": TRACE}),
    Row("8.5", "chosen by the backend's status", "GET /prod/teapot",
        got="/http/teapot", status=404, answer={"gone": "prod"},
        has={"X-Static": None, "Content-Type": "application/json"}),
    Row("8.4", "no response for the status", "GET /prod/odd",
        got="/http/odd", **{**BROKEN, "has": {
            **BROKEN["has"], "X-Amzn-Trace-Id": None}}),
]

CHECKS = [
    Row("2.9", "the key before parameters", "POST /prod/checked",
        **refusal(403, "ForbiddenException", "Forbidden")),
    Row("2.9", "parameters that are missing", "POST /prod/checked",
        headers={"x-api-key": "$http_key"}, **MISSING),
    Row("2.9", "parameters before the type", "POST /prod/checked",
        headers={"x-api-key": "$http_key", "Content-Type": "text/x-tea"},
        body=b"tea", **MISSING),
    Row("2.10", "the type behind parameters", "POST /prod/checked?a=1",
        headers={"x-api-key": "$http_key", "X-B": "1",
                 "Content-Type": "text/x-tea"}, body=b"tea", **WRONG_TYPE),
    Row("2.9", "what is refused costs no quota", "POST /prod/checked",
        headers={"x-api-key": "$http_one"}, **MISSING),
    Row("2.11", "what is not, does", "POST /prod/checked?a=1",
        headers={"x-api-key": "$http_one", "X-B": "1", **JSON},
        body=b"{}", got="/checked", units=1),
    Row("2.8", "the quota before parameters", "POST /prod/checked",
        headers={"x-api-key": "$http_one"},
        **refusal(429, "LimitExceededException", "Limit Exceeded")),
]


@pytest.mark.parametrize("row", **rows(REQUESTS, RESPONSES, CHECKS))
def test_rule(book, row):
    book.play(row, HOST)
