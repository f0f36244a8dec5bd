"""Section 8 of the rules for calls: integrations, headers both ways, failures
of backends, MOCK, mapping expressions.

The second gateway of these tables has headers.strict and
headers.strip_api_key.

SPDX-License-Identifier: Apache-2.0
"""
import re

import pytest

from support.ports import free_port
from support.rules import (UUID, Row, mock, operation, proxy,
                           refusal, rows)

HOST = "$proxy.execute-api.x"
NUMBER = re.compile(r"\d+")
TRACE = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}")
BROKEN = refusal(500, "InternalServerErrorException",
                 "Internal server error")
TIMED_OUT = refusal(504, "InternalServerErrorException",
                    "Endpoint request timed out")
UNREACHABLE = refusal(504, "InternalServerErrorException",
                      "Network error communicating with endpoint")

# What the witness answers below /canned.
CANNED = {
    "whole": b"HTTP/1.1 418 I'm a teapot\r\nX-Own: a\r\nX-Own: b\r\n"
             b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
             b"Content-Type: text/x-tea\r\nContent-Length: 3\r\n\r\ntea",
    "moved": b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/x\r\n"
             b"Content-Length: 0\r\n\r\n",
    "remapped": b"HTTP/1.1 200 OK\r\nServer: tea/1\r\n"
                b"Date: Mon, 01 Jan 2001 00:00:00 GMT\r\n"
                b"Connection: close\r\nx-amzn-RequestId: theirs\r\n"
                b"Authorization: Basic x\r\nContent-MD5: y\r\n"
                b"Expect: z\r\nHost: h\r\nMax-Forwards: 1\r\n"
                b"Proxy-Authenticate: p\r\nTrailer: t\r\nUpgrade: u\r\n"
                b"User-Agent: a\r\nWWW-Authenticate: Basic\r\nVia: 1.1 v\r\n"
                b"Content-Length: 2\r\n\r\nok",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"3\r\ntea\r\n0\r\n\r\n",
    "to-the-end": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\ntea",
    "closed": b"",
    "garbage": b"this is not HTTP\r\n\r\n",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Le",
    "tls": b"\x16\x03\x01\x00\x05hello",
    "500": b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\noh",
}

EXPRESSIONS = {
    "X-Path": "method.request.path.name",
    "X-Query": "method.request.querystring.q",
    "X-Queries": "method.request.multivaluequerystring.q",
    "X-Header": "method.request.header.X-In",
    "X-Headers": "method.request.multivalueheader.X-In",
    "X-Variable": "stageVariables.color",
    "X-Static": "'static text'",
    "X-No-Query": "method.request.querystring.nothing",
    "X-No-Header": "method.request.header.Nothing",
    "X-Api": "context.apiId", "X-Stage": "context.stage",
    "X-Verb": "context.httpMethod", "X-Request": "context.requestId",
    "X-Resource-Path": "context.resourcePath",
    "X-Resource-Id": "context.resourceId",
    "X-Context-Path": "context.path",
    "X-Source": "context.identity.sourceIp",
    "X-Agent": "context.identity.userAgent",
    "X-Key": "context.identity.apiKeyId",
    "X-Account": "context.accountId", "X-Protocol": "context.protocol",
    "X-Time": "context.requestTime", "X-Epoch": "context.requestTimeEpoch",
    "X-Domain": "context.domainName",
}
RESERVED = ("Content-Length", "Transfer-Encoding", "X-Amzn-Trace-Id",
            "X-Amzn-Apigateway-Api-Id")


def paths_of(book):
    port = book.witness.port
    closed = free_port()
    canned = {f"/canned/{name}": data for name, data in CANNED.items()}
    book.witness.canned.update(canned)
    paths = {
        "/all/{rest+}": {"any": operation(proxy(port, "/all/{rest}"))},
        "/canned/{name}": {"any": operation(proxy(port, "/canned/{name}"))},
        "/get": {"any": operation(proxy(port, "/get", httpMethod="GET"))},
        "/query": {"get": operation(proxy(
            port, "/query?own=1", parameters={
                "integration.request.querystring.q":
                    "method.request.header.X-In",
                "integration.request.header.X-Set": "'ours'",
                "integration.request.header.Via": "'1.1 us'"}))},
        "/variable": {"get": operation(proxy(
            port, "/${stageVariables.color}/x"))},
        "/expressions/{name}": {"any": operation(proxy(
            port, "/expressions", parameters={
                f"integration.request.header.{name}": value
                for name, value in EXPRESSIONS.items()}))},
        "/unmapped/{name}": {"get": operation({
            **proxy(port, "/unmapped/{name}"), "requestParameters": {}})},
        "/nothing": {"get": operation({
            **proxy(port, "/"),
            "uri": "http://${stageVariables.nobody}/x"})},
        "/refused": {"get": operation(proxy(closed, "/"))},
        "/silent": {"get": operation(proxy(
            book.silent.port, "/", timeoutInMillis=60))},
        "/unknown": {"get": operation({
            **proxy(port, "/"), "uri": "http://nobody.invalid/x"})},
        "/cors": {
            "get": operation(proxy(port, "/cors"), key=True),
            "options": operation(mock(), responses={"200": {
                "description": "ok", "headers": {name: {"schema": {
                    "type": "string"}} for name in (
                        "Access-Control-Allow-Headers",
                        "Access-Control-Allow-Methods",
                        "Access-Control-Allow-Origin")}}})},
        "/mock": {"get": operation({
            "type": "mock", "requestTemplates": {
                "application/json": '{statusCode: 200}'},
            "responses": {"default": {
                "statusCode": "200", "responseTemplates": {
                    "application/json": '"$context.stage"'}}}})},
        "/mock/text": {"get": operation({
            "type": "mock", "requestTemplates": {
                "application/json": '{"statusCode": "two hundred"}'},
            "responses": {"default": {"statusCode": "200"}}})},
        "/mock/nothing": {"get": operation({
            "type": "mock", "requestTemplates": {"application/json": "{}"},
            "responses": {"default": {"statusCode": "200"}}})},
        "/mock/pattern": {"get": operation({
            "type": "mock", "requestTemplates": {
                "application/json": '{"statusCode": 503}'},
            "responses": {
                "5\\d{2}": {"statusCode": "502", "responseTemplates": {
                    "application/json": '{"chosen":"5xx"}'}},
                "50": {"statusCode": "200"},
                "default": {"statusCode": "200"}}})},
        "/mock/none": {"get": operation({
            "type": "mock", "requestTemplates": {
                "application/json": '{"statusCode": 404}'},
            "responses": {"200": {"statusCode": "200"}}})},
    }
    paths["/cors"]["options"]["x-amazon-apigateway-integration"][
        "responses"]["default"]["responseParameters"] = {
            "method.response.header.Access-Control-Allow-Headers":
                "'X-Api-Key'",
            "method.response.header.Access-Control-Allow-Methods":
                "'GET,OPTIONS'",
            "method.response.header.Access-Control-Allow-Origin": "'*'"}
    for name in RESERVED:
        paths[f"/reserved/{name}"] = {"get": operation(proxy(
            port, "/", parameters={
                f"integration.request.header.{name}": "'1'"}))}
    return paths


def publish(book):
    api = book.api("proxy", paths_of(book))
    book.world.apigateway.update_stage(
        restApiId=api, stageName="prod", patchOperations=[
            {"op": "replace", "path": "/variables/color", "value": "red"}])
    book.names["backend"] = f"127.0.0.1:{book.witness.port}"
    book.key("proxy_key", book.plan("proxy_plan", [
        {"apiId": api, "stage": "prod"}]))


@pytest.fixture(scope="module", autouse=True)
def apis(book):
    publish(book)


PROXY = [
    Row("8.1", "ANY: the client's verb, body and query",
        "PUT /prod/all/a/b?x=1&x=2", body=b"\0tea",
        got={"verb": "PUT", "target": "/all/a/b?x=1&x=2", "body": b"\0tea"}),
    Row("8.1", "the integration's own verb", "POST /prod/get",
        got={"verb": "GET", "target": "/get"}),
    Row("8.1", "status, headers and body come back as they are",
        "GET /prod/canned/whole", status=418, answer=b"tea",
        has={"Content-Type": "text/x-tea"}, got="/canned/whole"),
    Row("8.1", "no redirect is followed", "GET /prod/canned/moved",
        status=302, has={"Location": "http://elsewhere.example/x"},
        got="/canned/moved"),
    Row("8.1", "mapped headers overwrite", "GET /prod/query",
        headers={"X-Set": "theirs"},
        got={"headers": {"X-Set": "ours"}}),
    Row("8.1", "mapped query values are appended", "GET /prod/query?q=1",
        headers={"X-In": "2"}, got="/query?own=1&q=1&q=2"),
    Row("8.1", "without a source nothing is appended", "GET /prod/query?q=1",
        got="/query?own=1&q=1"),
    Row("8.1", "stage variables in the URI", "GET /prod/variable",
        got="/red/x"),
    Row("8.1", "{name} is filled from mappings only",
        "GET /prod/unmapped/7", **BROKEN),
]

DROPPED = ("Content-MD5", "Max-Forwards", "Proxy-Authenticate",
           "Server", "TE", "Trailer", "WWW-Authenticate",
           "Content-Encoding", "Via")
PASSED = ("Date", "Pragma", "Range", "Referer", "Age", "Accept",
          "Accept-Charset", "Accept-Encoding", "Accept-Language",
          "User-Agent", "Warn", "Cookie", "Authorization", "X-Own",
          "Content-Type", "If-None-Match", "Origin")

REQUEST_HEADERS = [
    *(Row("8.2", f"{name} is dropped", "GET /prod/all/x",
          headers={name: "trailers" if name == "TE" else "1"},
          got={"headers": {name: None}}) for name in DROPPED),
    *(Row("8.2", f"{name} passes", "GET /prod/all/x", headers={name: "1"},
          got={"lines": [f"{name}: 1"]}) for name in PASSED),
    Row("8.2", "Expect is answered here", "POST /prod/all/x", body=b"x",
        headers={"Expect": ""}, got={"headers": {"Expect": None}}),
    Row("8.2", "Connection and Upgrade are the hop's own", "GET /prod/all/x",
        raw=b"GET /prod/all/x HTTP/1.1\r\nHost: $proxy.execute-api.x\r\n"
            b"Upgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n",
        got={"headers": {"Upgrade": None}}),
    Row("8.2", "Host is the endpoint's", "GET /prod/all/x",
        got={"headers": {"Host": "$backend"}}),
    Row("8.2", "Content-Length is computed anew", "POST /prod/all/x",
        body=b"12345", got={"headers": {"Content-Length": "5",
                                        "Transfer-Encoding": None}}),
    Row("8.2", "chunks of the client's", "POST /prod/all/x",
        headers={"Transfer-Encoding": "chunked"},
        body=b"2\r\n12\r\n3\r\n345\r\n0\r\n\r\n", got={"body": b"12345"}),
    Row("8.2", "a signature for the gateway is dropped", "GET /prod/all/x",
        headers={"Authorization": "AWS4-HMAC-SHA256 Credential=a"},
        got={"headers": {"Authorization": None}}),
    Row("8.2", "Via that is mapped", "GET /prod/query",
        headers={"Via": "1.1 them"}, got={"headers": {"Via": "1.1 us"}}),
    Row("8.2", "what the gateway adds", "GET /prod/all/x", got={"headers": {
        "X-Amzn-Trace-Id": TRACE, "X-Amzn-Apigateway-Api-Id": "$proxy",
        "Accept": "application/json",
        "User-Agent": "AmazonAPIGateway_$proxy"}}),
    Row("8.2", "the client's trace id stays", "GET /prod/all/x",
        headers={"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793"
                 }, got={"headers": {"X-Amzn-Trace-Id":
                         "Root=1-5759e988-bd862e3fe1be46a994272793"}}),
    Row("8.2", "no client sets the API's id", "GET /prod/all/x",
        headers={"X-Amzn-Apigateway-Api-Id": "x"},
        got={"headers": {"X-Amzn-Apigateway-Api-Id": "$proxy"}}),
    Row("8.2", "who called", "GET /prod/all/x", got={"headers": {
        "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Port": NUMBER,
        "X-Forwarded-Proto": "http"}}),
    Row("8.2", "X-Forwarded-For is appended to", "GET /prod/all/x",
        headers={"X-Forwarded-For": "10.1.2.3"}, got={"headers": {
            "X-Forwarded-For": "10.1.2.3, 127.0.0.1"}}),
    Row("8.2", "x-api-key is a header like any other", "GET /prod/all/x",
        headers={"X-Api-Key": "mine"}, got={"lines": ["X-Api-Key: mine"]}),
    *(Row("8.2", f"no mapping sets {name}", f"GET /prod/reserved/{name}",
          **BROKEN) for name in RESERVED),
]

REMAPPED = {f"x-amzn-Remapped-{name}": value for name, value in {
    "Connection": "close", "Content-Length": "2", "Server": "tea/1",
    "Date": "Mon, 01 Jan 2001 00:00:00 GMT", "x-amzn-RequestId": "theirs",
    "Authorization": "Basic x", "Content-MD5": "y", "Expect": "z",
    "Host": "h", "Max-Forwards": "1", "Proxy-Authenticate": "p",
    "Trailer": "t", "Upgrade": "u", "User-Agent": "a"}.items()}
GONE = {name: None for name in (
    "Authorization", "Content-MD5", "Expect", "Host", "Max-Forwards",
    "Proxy-Authenticate", "Server", "Trailer", "Upgrade", "User-Agent",
    "Via")}

RESPONSE_HEADERS = [
    Row("8.3", "what is renamed, and what the gateway says itself",
        "GET /prod/canned/remapped", answer=b"ok", got="/canned/remapped",
        has={**REMAPPED, **GONE, "x-amzn-RequestId": UUID,
             "Content-Length": "2", "Connection": "close",
             "WWW-Authenticate": "Basic"}),
    Row("8.3", "Transfer-Encoding is the hop's own",
        "GET /prod/canned/chunked", answer=b"tea", got="/canned/chunked",
        has={"x-amzn-Remapped-Transfer-Encoding": None}),
    Row("8.3", "a body to the end of the connection",
        "GET /prod/canned/to-the-end", answer=b"tea",
        got="/canned/to-the-end", has={"Content-Type": "text/plain"}),
    Row("6", "no trace id for HTTP_PROXY", "GET /prod/all/x", got="/all/x",
        has={"X-Amzn-Trace-Id": None}),
]

FAILURES = [
    Row("8.4", "time-out", "GET /prod/silent", **TIMED_OUT),
    Row("8.4", "connection refused", "GET /prod/refused", **UNREACHABLE),
    Row("8.4", "closed without an answer", "POST /prod/canned/closed",
        got="/canned/closed", **UNREACHABLE),
    Row("8.4", "garbage", "POST /prod/canned/garbage",
        got="/canned/garbage", **UNREACHABLE),
    Row("8.4", "a header that is cut", "POST /prod/canned/cut",
        got="/canned/cut", **UNREACHABLE),
    Row("8.4", "a name that nobody has", "GET /prod/unknown", **BROKEN),
    Row("8.4", "no URI after substitution", "GET /prod/nothing", **BROKEN),
    Row("8.4", "a 5xx of the backend's own", "GET /prod/canned/500",
        status=500, answer=b"oh", has={"x-amzn-ErrorType": None},
        got="/canned/500"),
]

MOCKS = [
    Row("8.5", "a preflight", "OPTIONS /prod/cors", headers={
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "GET"}, has={
            "Access-Control-Allow-Headers": "X-Api-Key",
            "Access-Control-Allow-Methods": "GET,OPTIONS",
            "Access-Control-Allow-Origin": "*"}),
    Row("8.5", "a refusal has no CORS headers of its own", "GET /prod/cors",
        **{**refusal(403, "ForbiddenException", "Forbidden"), "has": {
            "Access-Control-Allow-Origin": None}}),
    Row("8.5", "lenient JSON", "GET /prod/mock", answer=b'"prod"',
        has={"X-Amzn-Trace-Id": None, "Content-Type": "application/json"}),
    Row("8.5", "a status that is no number", "GET /prod/mock/text",
        **BROKEN),
    Row("8.5", "no status", "GET /prod/mock/nothing", **BROKEN),
    Row("8.5", "the pattern matches the whole status",
        "GET /prod/mock/pattern", status=502, answer={"chosen": "5xx"}),
    Row("8.5", "no response for the status", "GET /prod/mock/none",
        **BROKEN),
]


def got(**headers):
    return {"headers": {name.replace("_", "-"): value
                        for name, value in headers.items()}}


MAPPINGS = [
    Row("8.6", "path, decoded once", "GET /prod/expressions/a%2Fb%2520",
        got=got(X_Path="a/b%20")),
    Row("8.6", "query: the last value, or all", "GET /prod/expressions/x?"
        "q=1&q=2", got=got(X_Query="2", X_Queries="1,2")),
    Row("8.6", "header: the last value, or all", "GET /prod/expressions/x",
        headers=[("X-In", "1"), ("X-In", "2")],
        got=got(X_Header="2", X_Headers="1,2")),
    Row("8.6", "an absent source leaves the target out",
        "GET /prod/expressions/x", got=got(
            X_No_Query=None, X_No_Header=None, X_Query=None, X_Queries=None,
            X_Header=None, X_Headers=None, X_Key=None)),
    Row("8.6", "stage variables and literals", "GET /prod/expressions/x",
        got=got(X_Variable="red", X_Static="static text")),
    Row("8.6", "the context", "PUT /prod/expressions/x/",
        headers={"User-Agent": "tea/1"}, got=got(
            X_Api="$proxy", X_Stage="prod", X_Verb="PUT", X_Request=UUID,
            X_Resource_Path="/expressions/{name}",
            X_Resource_Id=re.compile("[a-z0-9]{6}"),
            X_Context_Path="/prod/expressions/x/", X_Source="127.0.0.1",
            X_Agent="tea/1", X_Account=re.compile(r"\d{12}"),
            X_Protocol="HTTP/1.1", X_Epoch=re.compile(r"\d{13}"),
            X_Time=re.compile(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000"),
            X_Domain="$proxy.execute-api.x")),
    Row("8.6", "control characters make no header",
        "GET /prod/expressions/a%0d%0aX-Evil:%201?q=a%0d%0aX-Evil:%202",
        got=got(X_Path="a  X-Evil: 1", X_Query="a  X-Evil: 2",
                X_Evil=None)),
]

STRICT = [
    Row("8.2", "strict: nobody says who called", "GET /prod/all/x",
        got=got(X_Forwarded_For=None, X_Forwarded_Port=None,
                X_Forwarded_Proto=None)),
    Row("8.2", "strict: the client's own copy passes", "GET /prod/all/x",
        headers={"X-Forwarded-For": "10.1.2.3"},
        got=got(X_Forwarded_For="10.1.2.3")),
    Row("8.2", "strict: no upgrade to WebSocket", "GET /prod/all/x",
        raw=b"GET /prod/all/x HTTP/1.1\r\nHost: $proxy.execute-api.x\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: x\r\n\r\n",
        got={"headers": {"Upgrade": None}}),
    Row("8.2", "strip_api_key", "GET /prod/all/x",
        headers={"X-Api-Key": "mine", "X-Own": "1"},
        got=got(X_Api_Key=None, X_Own="1")),
    Row("8.3", "strict: WWW-Authenticate is renamed, too",
        "GET /prod/canned/remapped", answer=b"ok", got="/canned/remapped",
        has={**REMAPPED, **GONE, "WWW-Authenticate": None,
             "x-amzn-Remapped-WWW-Authenticate": "Basic"}),
]


@pytest.mark.parametrize("row", **rows(
    PROXY, REQUEST_HEADERS, RESPONSE_HEADERS, FAILURES, MOCKS,
    MAPPINGS))
def test_rule(book, row):
    book.play(row, HOST)


@pytest.fixture(scope="module")
def strict(strict_book):
    publish(strict_book)
    return strict_book


@pytest.mark.parametrize("row", **rows(STRICT))
def test_strict_headers(strict, row):
    strict.play(row, HOST)


def test_several_values_come_back_as_several(book):
    """8.3: everything else is kept, and so are values of one name."""
    reply = book.send("GET", book.request(
        Row("8.3", "", "GET /prod/canned/whole"),
        book.fill(HOST))[1])
    assert reply.all("X-Own") == ["a", "b"]
    assert reply.all("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("uri", [
    "ftp://a.example/x", "http://a.example:22/x", "http://a.example:1023/",
    "//a.example", "a.example/x", "http://", "http:///x", "", "http://a b/"])
def test_what_is_no_uri_is_refused(book, uri):
    """8.1: absolute, http or https, ports 80, 443, 1024 to 65535."""
    client = book.world.apigateway
    root = client.get_resources(restApiId=book.names["proxy"])["items"][0]
    made = client.create_resource(restApiId=book.names["proxy"],
                                  parentId=root["id"], pathPart="uri")["id"]
    try:
        client.put_method(restApiId=book.names["proxy"], resourceId=made,
                          httpMethod="GET", authorizationType="NONE")
        with pytest.raises(client.exceptions.BadRequestException) as error:
            client.put_integration(
                restApiId=book.names["proxy"], resourceId=made,
                httpMethod="GET", type="HTTP_PROXY", uri=uri,
                integrationHttpMethod="GET")
        assert error.value.response["Error"]["Message"].startswith(
            "Invalid HTTP endpoint specified for URI")
    finally:
        client.delete_resource(restApiId=book.names["proxy"],
                               resourceId=made)
