"""HTTP and MOCK integrations, validators, gateway responses: what a call
passes through between its key and its answer.

Each API here is imported once for the file; a call is one row of a table
where that says all.

SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import socket

import pytest

from support.world import STAGE, wait_until

PARAMETERS = ("status", "header", "text", "cut", "delay_ms", "close")


def document(paths, **more):
    return {"openapi": "3.0.1", "info": {"title": "pipeline", "version": "1"},
            "components": {"securitySchemes": {"key": {
                "type": "apiKey", "name": "x-api-key", "in": "header"}}},
            "paths": paths, **more}


def method(integration, **more):
    return {"responses": {"200": {"description": "ok"}},
            "x-amazon-apigateway-integration": integration, **more}


def http(port, path="/", verb="POST", **more):
    """An HTTP integration whose backend the call's query steers."""
    more = {"requestParameters": {}, "responses": {
        "default": {"statusCode": "200"}}, **more}
    more["requestParameters"] = {
        **{f"integration.request.querystring.{name}":
           f"method.request.multivaluequerystring.{name}"
           for name in PARAMETERS}, **more["requestParameters"]}
    return {"type": "http", "httpMethod": verb,
            "uri": f"http://127.0.0.1:{port}{path}",
            "passthroughBehavior": "when_no_match", **more}


def mock(template='{"statusCode": 200}', responses=None, **more):
    return {"type": "mock",
            "requestTemplates": {"application/json": template},
            "responses": responses or {"default": {"statusCode": "200"}},
            **more}


def reply_template(text, kind="application/json"):
    return {"default": {"statusCode": "200",
                        "responseTemplates": {kind: text}}}


HEADERS = "method.response.header."
REQUEST = "integration.request."

REQUESTS = {
    "/pass": {},
    "/mapped/{id}": {"requestParameters": {
        REQUEST + "header.X-Path": "method.request.path.id",
        REQUEST + "header.X-Query": "method.request.querystring.q",
        REQUEST + "header.X-Queries":
            "method.request.multivaluequerystring.q",
        REQUEST + "header.X-Header": "method.request.header.X-In",
        REQUEST + "header.X-Headers": "method.request.multivalueheader.X-In",
        REQUEST + "header.X-Body": "method.request.body",
        REQUEST + "header.X-Name": "method.request.body.pet.name",
        REQUEST + "header.X-Number": "method.request.body.pets[1]",
        REQUEST + "header.X-Object": "method.request.body.pet",
        REQUEST + "header.X-Static": "'st atic'",
        REQUEST + "header.X-Stage": "context.stage",
        REQUEST + "header.X-Account": "context.accountId",
        REQUEST + "header.X-Variable": "stageVariables.tenant",
        REQUEST + "header.X-None": "stageVariables.none",
        REQUEST + "header.X-Dropped": "method.request.header.Connection",
        REQUEST + "header.TE": "'trailers'",
        REQUEST + "querystring.many":
            "method.request.multivaluequerystring.q"}},
    "/uri/{id}": {"uri": "/v/{id}/{name}", "requestParameters": {
        REQUEST + "path.id": "method.request.path.id",
        REQUEST + "path.name": "method.request.body.name"}},
    "/template": {"requestTemplates": {"application/json": (
        '{"all": $input.json(\'$\'), "name": "$input.path(\'$.name\')",'
        ' "q": "$input.params(\'q\')", "h": "$input.params(\'X-In\')",'
        ' "none": $input.json(\'$.none\'), "stage": "$context.stage",'
        ' "of": "$stageVariables.tenant",'
        ' "js": "$util.escapeJavaScript($input.path(\'$.name\'))"}')}},
    "/raw": {"requestTemplates": {"application/json": "<$input.body>",
                                  "text/plain": "plain: $input.body"}},
    "/never": {"passthroughBehavior": "never",
               "requestTemplates": {"application/json": "$input.body"}},
    "/no-templates": {"passthroughBehavior": "when_no_templates",
                      "requestTemplates": {"application/json": "J"}},
    "/greedy": {"requestTemplates": {
        "application/json": "$input.json('$.a')" * 20}},
    "/swelling": {"requestTemplates": {"text/plain": "$input.body" * 20}},
    "/any-type": {"requestTemplates": {"$default": "any"},
                  "passthroughBehavior": "never"},
}

BY_STATUS = {
    "default": {"statusCode": "200", "responseParameters": {
        HEADERS + "X-One": "integration.response.header.X-Back",
        HEADERS + "X-All": "integration.response.multivalueheader.X-Back",
        HEADERS + "X-Case": "integration.response.header.x-back",
        HEADERS + "Date": "integration.response.header.Date",
        HEADERS + "Transfer-Encoding": "'chunked'",
        HEADERS + "X-Stage": "context.stage",
        HEADERS + "X-Static": "'st'"}},
    "4\\d{2}": {"statusCode": "404", "responseTemplates": {
        "application/json": '{"missing": "$input.params(\'q\')"}'}},
    "5\\d{2}": {"statusCode": "502", "responseParameters": {
        HEADERS + "Content-Type": "'text/plain'"},
        "responseTemplates": {"text/html": "sorry"}},
}

REPLIES = {
    "/by-status": BY_STATUS,
    "/no-default": {"2\\d{2}": {"statusCode": "200"}},
    "/from-body": {"default": {"statusCode": "201", "responseParameters": {
        HEADERS + "X-Id": "integration.response.body.id",
        HEADERS + "X-Text": "integration.response.body.text"}}},
    "/big-header": {"default": {"statusCode": "200", "responseParameters": {
        HEADERS + "X-Body": "integration.response.body.body"}}},
    "/reply-template": reply_template(
        '{"id": $input.json(\'$.id\'), "q": "$input.params(\'q\')",'
        ' "text": "$input.path(\'$.text\')"}'),
    "/reply-raw": reply_template("[$input.body]", "text/plain"),
    "/accept": {"default": {"statusCode": "200", "responseTemplates": {
        "text/plain": "plain", "application/json": '"json"',
        "text/html": "<p>"}}},
    "/no-content": {"default": {"statusCode": "204"}},
}

CORS = {"default": {"statusCode": "200", "responseParameters": {
    HEADERS + "Access-Control-Allow-Headers": "'Content-Type,X-Api-Key'",
    HEADERS + "Access-Control-Allow-Methods": "'GET,OPTIONS'",
    HEADERS + "Access-Control-Allow-Origin": "'*'"}}}

CODES = {"default": {"statusCode": "200", "responseTemplates": {
             "application/json": "fine"}},
         "4..": {"statusCode": "400", "responseTemplates": {
             "application/json": "bad"}},
         "500|503": {"statusCode": "503", "responseTemplates": {
             "application/json": "worse"}}}

MOCKS = {
    "/cors": mock("{statusCode: 200}", CORS),
    "/code": mock('{"statusCode": $input.params("code")}', CODES),
    "/code-in-body": mock("$input.body", CODES),
    "/code-passes": {**mock(responses=CODES), "requestTemplates": {}},
    "/no-code": mock('{"status": 200}'),
    "/other-type": {**mock(), "passthroughBehavior": "never"},
    "/no-response": mock(responses={"5..": {"statusCode": "500"}}),
    "/vtl": mock('#set($a = 1){"statusCode": 200}'),
    "/vtl-answer": mock(responses=reply_template("#if(true)x#end")),
    "/explodes": mock(responses={
        "\\d*" * 60 + "[xy]": {"statusCode": "200"}}),
    "/echo-context": mock(responses=reply_template(
        '$context.accountId $context.httpMethod $context.resourcePath '
        '$context.path $context.nothing.')),
}


def required(**more):
    return {"parameters": [
        {"name": "q", "in": "query", "required": True,
         "schema": {"type": "string"}},
        {"name": "X-Need", "in": "header", "required": True,
         "schema": {"type": "string"}},
        {"name": "maybe", "in": "query", "schema": {"type": "string"}}],
        **more}


VALIDATORS = {
    "params": {"validateRequestParameters": True,
               "validateRequestBody": False},
    "body": {"validateRequestParameters": False, "validateRequestBody": True},
}


@pytest.fixture(scope="module")
def api(shared):
    """All of the above in one API; (id, plan)."""
    port = shared.stack.ports["example"]
    paths = {}
    for path, more in REQUESTS.items():
        more = dict(more)
        more["path"] = more.pop("uri", "/echo")
        paths[path] = {"x-amazon-apigateway-any-method": method(
            http(port, **more))}
    paths["/get"] = {"x-amazon-apigateway-any-method": method(http(
        port, "/echo", verb="GET",
        requestTemplates={"application/json": "not sent"}))}
    for path, responses in REPLIES.items():
        paths[path] = {"x-amazon-apigateway-any-method": method(
            http(port, "/echo", responses=responses))}
    for path, integration in MOCKS.items():
        paths[path] = {"x-amazon-apigateway-any-method": method(integration)}
    key = {"security": [{"key": []}]}
    paths["/need"] = {"get": method(mock(), **required(
        **{"x-amazon-apigateway-request-validator": "params"}, **key))}
    paths["/need-not"] = {"get": method(mock(), **required(
        **{"x-amazon-apigateway-request-validator": "body"}))}
    paths["/counted"] = {"post": method(http(
        port, "/echo", passthroughBehavior="never",
        requestTemplates={"application/json": "$input.json('$.id')"},
        responses={"2..": {"statusCode": "200", "responseTemplates": {
            "application/json": "$input.json('$.body')"}}}), **key)}
    paths["/counted-mock"] = {"post": method(
        {**mock(), "passthroughBehavior": "never"}, **key)}
    paths["/proxy-name"] = {"post": method({
        "type": "http_proxy", "httpMethod": "POST",
        "uri": f"http://127.0.0.1:{port}/echo",
        "requestParameters": {
            REQUEST + "header.X-Name": "method.request.body.name"}})}
    api = shared.import_api(document(
        paths, **{"x-amazon-apigateway-request-validators": VALIDATORS}),
        variables={"tenant": "acme"})
    return api, shared.plan(api)


def ask(shared, api, path, body=None, method="POST", headers=None):
    return shared.call(api[0], path, method=method, body=body, headers={
        "Content-Type": "application/json", **(headers or {})})


def seen(reply):
    """What the backend got: (headers by lower-case name, document)."""
    assert reply.status == 200, (reply.status, reply.text)
    told = reply.json()
    return {name.lower(): value for name, value in told["headers"]}, told


# ---- what an HTTP backend gets

def test_an_http_backend_gets_what_is_mapped_and_nothing_else(shared, api):
    headers, told = seen(ask(
        shared, api, "/pass?secret=1", '{"a": 1}', headers={
            "X-Own": "1", "Cookie": "a=b", "x-api-key": "k" * 20,
            "Authorization": "x"}))
    assert told["body"] == '{"a": 1}'
    assert told["target"] == "/echo"
    assert headers.pop("x-forwarded-for") == "127.0.0.1"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}",
                        headers.pop("x-amzn-trace-id"))
    assert headers == {
        "host": f"127.0.0.1:{shared.stack.ports['example']}",
        "content-type": "application/json", "content-length": "8",
        "accept": "application/json",
        "user-agent": f"AmazonAPIGateway_{api[0]}",
        "x-amzn-apigateway-api-id": api[0],
        "x-forwarded-port": str(shared.stack.ports["gateway"]),
        "x-forwarded-proto": "http"}


def test_the_client_is_told_the_trace_id_of_an_http_integration(shared, api):
    reply = ask(shared, api, "/pass", "x")
    assert reply.headers["X-Amzn-Trace-Id"] == \
        seen(reply)[0]["x-amzn-trace-id"]
    own = "Root=1-67891233-abcdef012345678912345678"
    reply = ask(shared, api, "/pass", "x", headers={"X-Amzn-Trace-Id": own})
    assert reply.headers["X-Amzn-Trace-Id"] == own
    assert seen(reply)[0]["x-amzn-trace-id"] == own
    reply = shared.call(api[0], "/cors", method="OPTIONS")
    assert reply.headers["X-Amzn-Trace-Id"] is None


def test_content_type_is_not_passed_with_a_get(shared, api):
    headers, told = seen(ask(shared, api, "/pass", method="GET"))
    assert "content-type" not in headers
    assert told["method"] == "POST"      # the integration's own verb


def test_every_source_of_a_mapping(shared, api):
    body = {"pet": {"name": "Re\u00e4x \"1\""}, "pets": [1, 2.5]}
    headers, told = seen(ask(
        shared, api, "/mapped/a%2Fb?q=1&q=2%203", json.dumps(body),
        headers={"X-In": "in", "Connection": "close"}))
    assert told["target"] == "/echo?many=1&many=2%203"
    found = {name: headers.get(name) for name in (
        "x-path", "x-query", "x-queries", "x-header", "x-headers", "x-name",
        "x-number", "x-static", "x-stage", "x-account", "x-variable",
        "x-none", "x-dropped", "te")}
    assert found == {
        "x-path": "a/b", "x-query": "2 3", "x-queries": "1,2 3",
        "x-header": "in", "x-headers": "in",
        "x-name": "Re\u00e4x \"1\"".encode().decode("latin-1"),
        "x-number": "2.5", "x-static": "st atic", "x-stage": STAGE,
        "x-account": "123456789012", "x-variable": "acme", "x-none": None,
        "x-dropped": None, "te": None}
    assert json.loads(headers["x-object"]) == body["pet"]
    assert json.loads(headers["x-body"]) == body


def test_header_names_are_compared_by_case_and_absent_values_left_out(
        shared, api):
    headers, told = seen(ask(shared, api, "/mapped/1", "no json",
                             headers={"x-in": "in"}))
    assert "x-header" not in headers and "x-query" not in headers
    assert "x-name" not in headers and headers["x-body"] == "no json"
    assert told["target"] == "/echo"


def test_a_value_of_the_body_makes_no_header_of_its_own(shared, api):
    headers, _ = seen(ask(shared, api, "/mapped/1", json.dumps(
        {"pet": {"name": "a\r\nX-Evil: 1\x00\x7f"}})))
    assert "x-evil" not in headers
    assert headers["x-name"].startswith("a  X-Evil: 1")


@pytest.mark.parametrize("path, body, target", [
    ("/uri/a%20b", '{"name": "x/y?z"}', "/v/a%20b/x%2Fy%3Fz"),
    ("/uri/1", '{"other": 1}', "/v/1/"),
])
def test_path_variables_are_filled_from_mappings(shared, api, path, body,
                                                 target):
    assert seen(ask(shared, api, path, body))[1]["target"] == target


def test_no_value_makes_a_dot_segment(shared, api):
    before = len(shared.backend.seen)
    reply = ask(shared, api, "/uri/1", '{"name": ".."}')
    assert reply.status == 500
    assert len(shared.backend.seen) == before


@pytest.mark.parametrize("path, body", [
    ("/mapped/1", '{"pet": '), ("/template", "{x}"), ("/proxy-name", "[1,]"),
])
def test_a_body_that_is_no_json_is_refused_before_the_backend(
        shared, api, path, body):
    before = len(shared.backend.seen)
    reply = ask(shared, api, path, body)
    assert reply.status == 400
    assert reply.json() == {"message": "Invalid JSON in request body"}
    assert reply.headers["x-amzn-ErrorType"] == "BadRequestException"
    assert len(shared.backend.seen) == before


def test_a_proxy_maps_from_the_body_too(shared, api):
    headers, told = seen(ask(shared, api, "/proxy-name", '{"name": "Rex"}'))
    assert headers["x-name"] == "Rex"
    assert told["body"] == '{"name": "Rex"}'


# ---- request templates

def test_a_template_makes_the_body(shared, api):
    _, told = seen(ask(shared, api, "/template?q=7", '{"name": "O\'R\\"x"}',
                       headers={"X-In": "h"}))
    assert told["body"] == (
        '{"all": {"name": "O\'R\\"x"}, "name": "O\'R"x", "q": "7", "h": "h",'
        ' "none": "", "stage": "prod", "of": "acme", "js": "O\\\'R\\"x"}')


@pytest.mark.parametrize("path, kind, body, got", [
    ("/raw", "application/json", '{"a":1}', '<{"a":1}>'),
    ("/raw", "application/json; charset=utf-8", "x", "<x>"),
    ("/raw", "Application/JSON", "x", "<x>"),
    ("/raw", "text/plain", "x", "plain: x"),
    ("/raw", "text/html", "passes", "passes"),
    ("/raw", None, "x", "<x>"),
    ("/raw", "application/json", "", "<{}>"),
    ("/never", "application/json", "x", "x"),
    ("/never", "text/plain", "x", 415),
    ("/no-templates", "text/plain", "x", 415),
    ("/any-type", "text/plain", "x", "any"),
    ("/template", "text/plain", "passes", "passes"),
])
def test_templates_are_chosen_by_the_content_type(shared, api, path, kind,
                                                  body, got):
    reply = shared.call(api[0], path, method="POST", body=body,
                        headers={"Content-Type": kind} if kind else {})
    if got == 415:
        assert reply.status == 415
        assert reply.json() == {"message": "Unsupported Media Type"}
        assert reply.headers["x-amzn-ErrorType"] == "BadRequestException"
    else:
        headers, told = seen(reply)
        assert told["body"] == got
        assert headers["content-length"] == str(len(got))


def chunks(*pieces):
    for piece in pieces:
        yield piece


def test_a_chunked_and_a_large_body_are_mapped(shared, api):
    _, told = seen(shared.call(
        api[0], "/raw", method="POST", body=chunks(b"a" * 70000, b"b"),
        headers={"Content-Type": "text/plain"}))
    assert told["body"] == "plain: " + "a" * 70000 + "b"
    _, told = seen(shared.call(
        api[0], "/raw", method="POST", body="a" * 70000,
        headers={"Content-Type": "text/html"}))
    assert told["body"] == "a" * 70000


@pytest.mark.parametrize("path, body, line", [
    ("/mapped/1", '{"pet": {"name": "' + "x" * 70000 + '"}}',
     "mappings make a request header of"),
    ("/greedy", '{"b": "' + "x" * 4000000 + '"}',
     "too many values are taken from a body"),
    ("/swelling", "x" * 1000000, "a template makes more than 10485760 bytes"),
])
def test_what_a_template_costs_is_bounded(shared, api, path, body, line):
    kind = "text/plain" if path == "/swelling" else "application/json"
    before = len(shared.backend.seen)
    reply = ask(shared, api, path, body, headers={"Content-Type": kind})
    assert (reply.status, reply.json()) == (
        500, {"message": "Internal server error"})
    assert len(shared.backend.seen) == before
    log = (shared.stack.folder / "logs/nginx.log").read_text()
    assert line in log
    assert ask(shared, api, path, "{}", headers={
        "Content-Type": kind}).status == 200


def test_a_get_is_sent_without_a_body(shared, api):
    headers, told = seen(ask(shared, api, "/get", '{"a": 1}'))
    assert (told["method"], told["body"]) == ("GET", "")
    assert "content-length" not in headers


def test_a_body_over_the_limit_is_refused_while_it_is_read(shared, api):
    reply = shared.call(
        api[0], "/raw", method="POST",
        body=chunks(*[b"x" * 1048576] * 11),
        headers={"Content-Type": "application/json"})
    assert reply.status == 413


# ---- what a client gets of an HTTP backend

def test_only_mapped_headers_come_back(shared, api):
    reply = ask(shared, api, "/by-status?header=X-Back:1&header=X-Back:2"
                "&header=X-Other:3&status=201", "x")
    assert reply.status == 200
    names = {name.lower() for name in reply.headers.keys()}
    assert names == {
        "content-type", "content-length", "connection", "date", "x-one",
        "x-all", "x-stage", "x-static", "x-amzn-remapped-date",
        "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"}
    assert reply.headers["X-One"] == "2"
    assert reply.headers["X-All"] == "1,2"
    assert reply.headers["X-Stage"] == STAGE
    assert len(reply.headers.get_all("Date")) == 1
    assert reply.json()["body"] == "x"


@pytest.mark.parametrize("path, status, kind, body", [
    ("/by-status?status=404&q=7", 404, "application/json",
     '{"missing": "7"}'),
    ("/by-status?status=418&q=%22", 404, "application/json",
     '{"missing": """}'),
    ("/by-status?status=503", 502, "text/plain", "sorry"),
    ("/no-content", 204, None, ""),
])
def test_the_response_is_chosen_by_the_status(shared, api, path, status,
                                              kind, body):
    reply = ask(shared, api, path, "x")
    assert (reply.status, reply.text) == (status, body)
    assert reply.headers["Content-Type"] == kind


def test_without_a_response_for_the_status_it_is_a_500(shared, api):
    assert ask(shared, api, "/no-default", "x").status == 200
    reply = ask(shared, api, "/no-default?status=404", "x")
    assert reply.status == 500
    assert reply.json() == {"message": "Internal server error"}
    assert reply.headers["X-Amzn-Trace-Id"] is None


TEXT = '{"id": 7, "text": "a\\u00e4"}'


def test_the_backends_body_is_mapped_to_headers_and_passes(shared, api):
    reply = ask(shared, api, "/from-body?text=" + json_query(TEXT), "x")
    assert (reply.status, reply.text) == (201, TEXT)
    assert reply.headers["X-Id"] == "7"
    assert reply.headers["X-Text"].encode("latin-1").decode() == "a\u00e4"


def json_query(text):
    return text.replace("%", "%25").replace("\\", "%5C").replace(
        " ", "%20").replace('"', "%22").replace("{", "%7B").replace(
        "}", "%7D")


def test_the_backends_body_goes_through_a_template(shared, api):
    reply = ask(shared, api, "/reply-template?q=5&text=" + json_query(TEXT),
                "x")
    assert reply.status == 200
    assert reply.json() == {"id": 7, "q": "5", "text": "a\u00e4"}
    assert reply.headers["Content-Length"] == str(len(reply.body))
    reply = ask(shared, api, "/reply-raw?text=some%20text", "x")
    assert (reply.text, reply.headers["Content-Type"]) == (
        "[some text]", "text/plain")


def test_a_backends_body_that_is_no_json_is_a_500(shared, api):
    reply = ask(shared, api, "/reply-template?text=%7B", "x")
    assert (reply.status, reply.json()) == (
        500, {"message": "Internal server error"})
    reply = ask(shared, api, "/reply-template?text=plain", "x")
    assert reply.json() == {"id": "", "q": "", "text": ""}


def test_no_mapping_makes_an_endless_header(shared, api):
    reply = ask(shared, api, "/big-header", "x" * 20000)
    assert (reply.status, reply.json()) == (
        500, {"message": "Internal server error"})
    log = (shared.stack.folder / "logs/nginx.log").read_text()
    assert "a mapping makes a header of 20000 bytes" in log
    assert ask(shared, api, "/big-header", "x" * 9000).headers[
        "X-Body"] == "x" * 9000


def test_a_reply_that_breaks_off_is_a_504(shared, api):
    for path in ("/reply-template", "/from-body"):
        reply = ask(shared, api, path + "?cut=1", "x")
        assert (reply.status, reply.json()) == (
            504, {"message": "Network error communicating with endpoint"})


@pytest.mark.parametrize("accept, body", [
    (None, '"json"'), ("*/*", '"json"'), ("text/plain", "plain"),
    ("text/html, text/plain", "<p>"), ("image/png, TEXT/HTML;q=0.5", "<p>"),
    ("image/png", '"json"'),
])
def test_answers_are_chosen_by_accept(shared, api, accept, body):
    reply = ask(shared, api, "/accept", "x",
                headers={"Accept": accept} if accept else {})
    assert reply.text == body


def test_a_head_is_answered_with_the_templates_length(shared, api):
    reply = ask(shared, api, "/accept", method="HEAD")
    assert reply.status == 200
    assert reply.headers["Content-Length"] == "6"


# ---- MOCK

@pytest.mark.parametrize("path, body, status, text", [
    ("/code?code=200", None, 200, "fine"),
    ("/code?code=404", None, 400, "bad"),
    ("/code?code=503", None, 503, "worse"),
    ("/code?code=502", None, 200, "fine"),
    ("/code", None, 500, '{"message":"Internal server error"}'),
    ("/code?code=x", None, 500, '{"message":"Internal server error"}'),
    ("/code-in-body", "{statusCode: 400}", 400, "bad"),
    ("/code-in-body", "", 500, '{"message":"Internal server error"}'),
    ("/code-passes", '{"statusCode": 503}', 503, "worse"),
    ("/code-passes", "x", 500, '{"message":"Internal server error"}'),
    ("/no-code", None, 500, '{"message":"Internal server error"}'),
    ("/no-response", None, 500, '{"message":"Internal server error"}'),
    ("/vtl", None, 500, '{"message":"Internal server error"}'),
    ("/vtl-answer", None, 500, '{"message":"Internal server error"}'),
    ("/explodes", None, 500, '{"message":"Internal server error"}'),
    ("/echo-context", None, 200,
     "123456789012 POST /echo-context /prod/echo-context ."),
])
def test_what_a_mock_answers(shared, api, path, body, status, text):
    reply = ask(shared, api, path, body)
    assert (reply.status, reply.text) == (status, text)


def test_a_mock_of_another_media_type(shared, api):
    reply = ask(shared, api, "/other-type", "x",
                headers={"Content-Type": "text/plain"})
    assert reply.status == 415


def test_a_cors_preflight(shared, api):
    reply = shared.call(api[0], "/cors", method="OPTIONS", headers={
        "Origin": "https://example.com",
        "Access-Control-Request-Method": "GET"})
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Access-Control-Allow-Methods"] == "GET,OPTIONS"
    assert reply.headers["Access-Control-Allow-Headers"] == (
        "Content-Type,X-Api-Key")


def test_what_cannot_work_is_in_the_log(shared, api):
    log = "".join(path.read_text()
                  for path in shared.folder.rglob("*.log"))
    for path, reason in [("/vtl", "a directive"), ("/vtl-answer", "#if"),
                         ("/explodes", "too much work"),
                         ("/no-code", "statusCode")]:
        assert re.search(rf"event=integration_broken .*path={path} .*"
                         rf"{re.escape(reason)}", log), path
    assert re.search(r"event=body_not_validated .*path=/need-not ", log)


# ---- validators

@pytest.mark.parametrize("path, headers, missing", [
    ("/need", {}, "X-Need, q"),
    ("/need?q=1", {}, "X-Need"),
    ("/need?q=&maybe=1", {"x-need": "1"}, "q"),
    ("/need?other=1", {"X-NEED": ""}, "X-Need, q"),
    ("/need?q=1", {"x-need": "1"}, None),
    ("/need-not", {}, None),
])
def test_required_parameters(shared, api, path, headers, missing):
    key = shared.key(api[1])[1]
    reply = shared.call(api[0], path, key, headers=headers)
    if missing is None:
        assert reply.status == 200
        return
    assert reply.status == 400
    assert reply.json() == {
        "message": f"Missing required request parameters: [{missing}]"}
    assert reply.headers["x-amzn-ErrorType"] == "BadRequestException"


def test_the_key_comes_before_the_parameters(shared, api):
    assert shared.call(api[0], "/need").status == 403


# ---- gateway responses

OWN = {
    "DEFAULT_4XX": {"statusCode": "418", "responseParameters": {
        "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
        "gatewayresponse.header.X-Seen": "method.request.header.X-Seen",
        "gatewayresponse.header.X-Query": "method.request.querystring.q",
        "gatewayresponse.header.X-Path": "context.path",
        "gatewayresponse.header.X-Of": "stageVariables.tenant",
        "gatewayresponse.header.Content-Length": "'1'"},
        "responseTemplates": {
            "application/json": (
                '{"m": $context.error.messageString, "t":'
                ' "$context.error.responseType", "a":'
                ' "$context.identity.userAgent", "q":'
                ' "$method.request.querystring.q", "v":'
                ' "$stageVariables.tenant", "u": "$context.error.nothing",'
                ' "#if": "$input.body"}'),
            "text/html": "<p>$context.error.message"
                         " $method.request.querystring.q</p>"}},
    "QUOTA_EXCEEDED": {"responseParameters": {
        "gatewayresponse.header.Retry-After": "'3600'"}},
    "BAD_REQUEST_PARAMETERS": {"statusCode": "422", "responseTemplates": {
        "application/json": "$context.error.message"}},
    "REQUEST_TOO_LARGE": {"statusCode": "400"},
}


def test_what_reaches_the_backend_counts_once_and_what_does_not_never(
        shared, api):
    key = shared.key(api[1])[1]
    before = shared.metered()
    for path, body, kind, status in [
            ("/counted", '{"id": 1}', "application/json", 200),
            ("/counted?status=404", '{"id": 1}', "application/json", 500),
            ("/counted?cut=1", '{"id": 1}', "application/json", 504),
            ("/counted", '{"id": ', "application/json", 400),
            ("/counted", "x", "text/plain", 415),
            ("/counted-mock", "", "application/json", 200),
            ("/counted-mock", "", "text/plain", 415)]:
        reply = shared.call(api[0], path, key, method="POST", body=body,
                            headers={"Content-Type": kind})
        assert (path, reply.status) == (path, status)
    wait_until(lambda: shared.metered() >= before + 4, "four units")
    assert shared.metered() == before + 4


@pytest.fixture(scope="module")
def refusing(shared):
    """An API with responses of its own; (id, plan, key)."""
    key = {"security": [{"key": []}]}
    port = shared.stack.ports["example"]
    api = shared.import_api(document({
        "/closed": {"get": method(mock(), **key)},
        "/need": {"get": method(mock(), **required(
            **{"x-amazon-apigateway-request-validator": "params"}, **key))},
        "/broken": {"get": method(mock("#set($a = 1)"))},
        "/away": {"get": method({
            "type": "http_proxy", "httpMethod": "GET",
            "uri": f"http://127.0.0.1:{port}/x?close=1"})},
        "/big": {"post": method(http(port, "/echo"))},
    }, **{"x-amazon-apigateway-request-validators": VALIDATORS,
          "x-amazon-apigateway-gateway-responses": OWN}),
        variables={"tenant": "acme"})
    plan = shared.plan(api, quota={"limit": 2, "period": "DAY"})
    return api, plan, shared.key(plan)[1]


def test_a_type_inherits_the_default(shared, refusing):
    reply = shared.call(
        refusing[0], "/nowhere?q=%22%3Cb%3E%0d%0aX-Evil:1", headers={
            "X-Seen": "seen", "User-Agent": 'a"b\\'})
    assert reply.status == 418
    assert reply.json() == {
        "m": "Missing Authentication Token",
        "t": "MISSING_AUTHENTICATION_TOKEN", "a": 'a"b\\',
        "q": '"<b>  X-Evil:1', "v": "acme", "u": "", "#if": "$input.body"}
    assert reply.headers["x-amzn-ErrorType"] == (
        "MissingAuthenticationTokenException")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["X-Seen"] == "seen"
    assert reply.headers["X-Query"] == '"<b>  X-Evil:1'
    assert reply.headers["X-Path"] == "/prod/nowhere"
    assert reply.headers["X-Of"] == "acme"
    assert reply.headers["x-amzn-Remapped-Content-Length"] == "1"
    assert reply.headers["X-Evil"] is None
    assert re.fullmatch(r"[0-9a-f-]{36}", reply.headers["x-amzn-RequestId"])


def test_html_is_written_by_nobody_but_the_seller(shared, refusing):
    reply = shared.call(refusing[0], "/closed?q=%3Cscript%3E",
                        headers={"Accept": "text/html"})
    assert reply.status == 418
    assert reply.headers["Content-Type"] == "text/html"
    assert reply.text == "<p>Forbidden &lt;script&gt;</p>"


def test_a_type_of_ones_own_inherits_nothing(shared, refusing):
    reply = shared.call(refusing[0], "/need", refusing[2])
    assert (reply.status, reply.text) == (
        422, "Missing required request parameters: [X-Need, q]")
    assert reply.headers["Access-Control-Allow-Origin"] is None


def test_a_refusal_of_parameters_gives_the_quota_back(shared, refusing):
    api, plan, _ = refusing
    key = shared.key(plan)[1]
    for _ in range(5):
        assert shared.call(api, "/need", key).status == 422
    assert [shared.call(api, "/closed", key).status for _ in range(3)] == [
        200, 200, 429]


def test_templates_not_given_are_amazons(shared, refusing):
    api, plan, _ = refusing
    key = shared.key(plan)[1]
    reply = [shared.call(api, "/closed", key) for _ in range(3)][-1]
    assert (reply.status, reply.json()) == (
        429, {"message": "Limit Exceeded"})
    assert reply.headers["Retry-After"] == "3600"


def test_5xx_and_413_are_not_of_default_4xx(shared, refusing):
    for path, status, message in [
            ("/broken", 500, "Internal server error"),
            ("/away", 504, "Network error communicating with endpoint")]:
        reply = shared.call(refusing[0], path)
        assert (reply.status, reply.json()) == (status, {"message": message})
    with socket.create_connection(
            ("127.0.0.1", shared.stack.ports["gateway"]), 10) as connection:
        connection.sendall(
            f"POST /restapis/{refusing[0]}/prod/_user_request_/big HTTP/1.1"
            "\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_gateway_responses_of_the_control_plane(shared):
    client = shared.apigateway
    api = shared.import_api(document({"/x": {"get": method(mock())}}))
    listed = client.get_gateway_responses(restApiId=api)["items"]
    assert len(listed) == 21
    assert all(item["defaultResponse"] for item in listed)
    put = client.put_gateway_response(
        restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN",
        statusCode="404", responseTemplates={"application/json": "{}"})
    assert (put["statusCode"], put["defaultResponse"]) == ("404", False)
    assert put["ResponseMetadata"]["HTTPStatusCode"] == 201
    # A change is served from the next deployment on.
    assert shared.call(api, "/y").status == 403
    client.create_deployment(restApiId=api, stageName=STAGE)
    reply = shared.call(api, "/y")
    assert (reply.status, reply.text) == (404, "{}")

    got = client.update_gateway_response(
        restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN",
        patchOperations=[
            {"op": "replace", "path": "/statusCode", "value": "410"},
            {"op": "add", "path": "/responseParameters/"
             "gatewayresponse.header.X-A", "value": "'a'"},
            {"op": "add", "path": "/responseTemplates/text~1plain",
             "value": "gone"},
            {"op": "remove", "path": "/responseTemplates/application~1json"}])
    assert got["statusCode"] == "410"
    assert got["responseParameters"] == {"gatewayresponse.header.X-A": "'a'"}
    assert got["responseTemplates"] == {"text/plain": "gone"}
    got.pop("ResponseMetadata")
    again = client.get_gateway_response(
        restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN")
    again.pop("ResponseMetadata")
    assert again == got
    client.create_deployment(restApiId=api, stageName=STAGE)
    reply = shared.call(api, "/y")
    assert (reply.status, reply.text, reply.headers["X-A"]) == (
        410, "gone", "a")

    client.delete_gateway_response(
        restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN")
    with pytest.raises(client.exceptions.NotFoundException,
                       match="Gateway response type not defined on api"):
        client.delete_gateway_response(
            restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN")
    client.create_deployment(restApiId=api, stageName=STAGE)
    assert shared.call(api, "/y").status == 403
    # UpdateGatewayResponse makes one of Amazon's the API's own.
    got = client.update_gateway_response(
        restApiId=api, responseType="THROTTLED", patchOperations=[
            {"op": "replace", "path": "/statusCode", "value": "503"}])
    assert (got["statusCode"], got["defaultResponse"]) == ("503", False)


@pytest.mark.parametrize("kind, members, error", [
    ("NOTHING", {}, "ValidationException"),
    ("THROTTLED", {"statusCode": "600"}, "BadRequestException"),
    ("THROTTLED", {"statusCode": "100"}, "BadRequestException"),
    ("THROTTLED", {"responseParameters": {"X": "'a'"}},
     "BadRequestException"),
    ("THROTTLED", {"responseParameters": {
        "gatewayresponse.header.X": "'a\r\nb'"}}, "BadRequestException"),
    ("THROTTLED", {"responseParameters": {
        "gatewayresponse.header.X": "method.request.body.a"}},
     "BadRequestException"),
    ("THROTTLED", {"responseParameters": {
        "gatewayresponse.header.X y": "'a'"}}, "BadRequestException"),
])
def test_a_bad_gateway_response_is_refused(shared, refusing, kind, members,
                                           error):
    client = shared.apigateway
    before = client.get_gateway_responses(restApiId=refusing[0])["items"]
    with pytest.raises(client.exceptions.ClientError) as refusal:
        client.put_gateway_response(restApiId=refusing[0], responseType=kind,
                                    **members)
    assert re.fullmatch(error, refusal.value.response["Error"]["Code"])
    assert client.get_gateway_responses(
        restApiId=refusing[0])["items"] == before


def test_request_validators_of_the_control_plane(shared):
    client = shared.apigateway
    api = client.create_rest_api(name="validated")
    api["rootResourceId"] = client.get_resources(
        restApiId=api["id"])["items"][0]["id"]
    made = client.create_request_validator(
        restApiId=api["id"], name="v", validateRequestParameters=True)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (made["name"], made["validateRequestBody"],
            made["validateRequestParameters"]) == ("v", False, True)
    which = {"restApiId": api["id"], "requestValidatorId": made["id"]}
    client.put_method(
        restApiId=api["id"], resourceId=api["rootResourceId"],
        httpMethod="GET", authorizationType="NONE",
        requestValidatorId=made["id"],
        requestParameters={"method.request.querystring.q": True})
    client.put_integration(
        restApiId=api["id"], resourceId=api["rootResourceId"],
        httpMethod="GET", type="MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'})
    client.put_integration_response(
        restApiId=api["id"], resourceId=api["rootResourceId"],
        httpMethod="GET", statusCode="200")
    client.create_deployment(restApiId=api["id"], stageName=STAGE)
    assert shared.call(api["id"], "/").status == 400
    assert shared.call(api["id"], "/?q=1").status == 200

    got = client.update_request_validator(**which, patchOperations=[
        {"op": "replace", "path": "/validateRequestParameters",
         "value": "false"},
        {"op": "replace", "path": "/name", "value": "w"}])
    assert (got["name"], got["validateRequestParameters"]) == ("w", False)
    assert client.get_request_validator(**which)["name"] == "w"
    client.create_deployment(restApiId=api["id"], stageName=STAGE)
    assert shared.call(api["id"], "/").status == 200
    with pytest.raises(client.exceptions.ConflictException, match="use it"):
        client.delete_request_validator(**which)
    client.delete_method(restApiId=api["id"],
                         resourceId=api["rootResourceId"], httpMethod="GET")
    client.delete_request_validator(**which)
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_request_validator(**which)
    with pytest.raises(client.exceptions.BadRequestException,
                       match="Invalid patch path"):
        made = client.create_request_validator(restApiId=api["id"], name="x")
        client.update_request_validator(
            restApiId=api["id"], requestValidatorId=made["id"],
            patchOperations=[{"op": "replace", "path": "/id", "value": "y"}])


@pytest.mark.parametrize("world", [{"more": {"headers": {
    "strict": True, "strip_api_key": True}}}], indirect=True)
def test_strict_headers(world):
    """As Amazon has them; and a key that the seller maps is the seller's."""
    port = world.stack.ports["example"]
    api = world.import_api(document({"/x": {"post": method(http(
        port, "/echo", requestParameters={
            REQUEST + "header.X-Key": "method.request.header.x-api-key"},
        responses={"default": {"statusCode": "200", "responseParameters": {
            HEADERS + "WWW-Authenticate": "'Basic'"}}}),
        security=[{"key": []}])}}))
    key = world.key(world.plan(api))[1]
    reply = world.call(api, "/x", key, method="POST", body="x")
    headers, _ = seen(reply)
    assert not [name for name in headers if name.startswith("x-forwarded")]
    assert "x-api-key" not in headers and headers["x-key"] == key
    assert reply.headers["x-amzn-Remapped-WWW-Authenticate"] == "Basic"
    assert reply.headers["WWW-Authenticate"] is None
