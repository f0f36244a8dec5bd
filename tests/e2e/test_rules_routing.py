"""Section 1 of the rules for calls: from a URL to a method.

SPDX-License-Identifier: Apache-2.0
"""
import pytest

from support.rules import (BAD_REQUEST, FORBIDDEN, NO_ROUTE, Row, mock,
                           operation, proxy, rows)

HOST = "$tree.execute-api.us-east-1.amazonaws.com"
LEVELS = ("orders", "orders/v1/items", "orders/v2/items", "",
          "orders/v1/items/categories")

# A GET each; what a path variable took shows in the backend's target.
TREE = ["/", "/pets", "/pets/{petId}", "/pets/{petId}/toys", "/pets/mine",
        "/pets/mine/toys/{toy}", "/static/{file+}", "/a/b/c/d", "/a/{x}/c",
        "/a/{x}/{y+}", "/ping", "/sping/x"]


def anything(book):
    """An API that sends all of a path to the backend."""
    return {"/": {"any": operation(book.hit("/"))},
            "/{all+}": {"any": operation(book.hit("/{all}"))}}


@pytest.fixture(scope="module", autouse=True)
def apis(book):
    paths = {path: {"get": operation(book.hit(path))} for path in TREE}
    context = {"integration.request.header.X-Path": "context.path",
               "integration.request.header.X-Stage": "context.stage",
               "integration.request.header.X-Domain": "context.domainName",
               "integration.request.header.X-Api": "context.apiId"}
    paths["/context/{any+}"] = {
        "get": operation(book.hit("/context", parameters=context))}
    paths["/verbs"] = {
        "any": operation(book.hit("/any")),
        "post": operation(book.hit("/post"))}
    paths["/get"] = {"get": operation(book.hit("/get"))}
    paths["/head"] = {"head": operation(book.hit("/head"))}
    paths["/get/{rest+}"] = {"any": operation(book.hit("/get/{rest}"))}
    paths["/override"] = {
        "get": operation(mock(200, '{"verb":"GET"}')),
        "delete": operation(book.hit("/override", parameters={
            "integration.request.header.X-Was":
                "method.request.header.X-HTTP-Method-Override"}))}
    paths["/query"] = {"get": operation(book.hit("/query", parameters={
        "integration.request.header.X-One": "method.request.querystring.a",
        "integration.request.header.X-All":
            "method.request.multivaluequerystring.a",
        "integration.request.header.X-Case":
            "method.request.header.X-Mixed-Case"}))}
    api = book.api("tree", paths)
    book.names["TREE"] = api.upper()
    book.world.apigateway.create_deployment(restApiId=api, stageName="test")
    book.api("orders", anything(book))
    book.api("closed", anything(book))
    book.world.apigateway.update_rest_api(
        restApiId=book.names["closed"], patchOperations=[
            {"op": "replace", "path": "/disableExecuteApiEndpoint",
             "value": "true"}])
    tree, orders = book.names["tree"], book.names["orders"]
    book.domain("single.example", [
        ("", tree, "prod"), ("orders", orders, "prod"),
        ("nostage", tree, None), ("closed", book.names["closed"], "prod")])
    book.domain("bare.example", [("orders", orders, "prod")])
    book.domain("*.wild.example", [("", orders, "prod")])
    book.domain("own.wild.example", [("", tree, "prod")])
    book.domain("empty.example", [])
    for number, path in enumerate(LEVELS):
        book.api(f"level{number}", {"/{all+}": {"any": operation(
            proxy(book.witness.port, f"/level{number}/{{all}}", parameters={
                "integration.request.header.X-Case":
                    "method.request.header.X-Mixed-Case"}))},
            "/": {"any": operation(
                proxy(book.witness.port, f"/level{number}"))}})
    book.domain("levels.example", [
        (path, book.names[f"level{number}"], "prod")
        for number, path in enumerate(LEVELS)])


HOSTS = [
    Row("1.1", "the first segment is the stage", "GET /prod/pets",
        got="/hit/pets"),
    Row("1.1", "each stage is itself", "GET /test/pets", got="/hit/pets"),
    Row("1.1", "the id is found in any case", "GET /prod/pets",
        host="$TREE.EXECUTE-API.us-east-1.amazonaws.com", got="/hit/pets"),
    Row("1.1", "any region and domain", "GET /prod/pets",
        host="$tree.execute-api.localhost", got="/hit/pets"),
    Row("1.1", "no domain at all", "GET /prod/pets",
        host="$tree.execute-api", got="/hit/pets"),
    Row("1.1", "a port in the host", "GET /prod/pets",
        host="$tree.execute-api.us-east-1.amazonaws.com:8080",
        got="/hit/pets"),
    Row("1.1", "a trailing dot", "GET /prod/pets",
        host="$tree.execute-api.us-east-1.amazonaws.com.", got="/hit/pets"),
    Row("1.1", "a trailing dot and a port", "GET /prod/pets",
        host="$tree.execute-api.us-east-1.amazonaws.com.:443",
        got="/hit/pets"),
    Row("1.1", "an absolute target", "GET /",
        raw=b"GET http://$tree.execute-api.x/prod/pets HTTP/1.1\r\n"
            b"Host: nothing.example\r\nConnection: close\r\n\r\n",
        got="/hit/pets"),
    Row("1.1", "the stage alone is the root", "GET /prod", got="/hit/"),
    Row("1.1", "the stage with a slash", "GET /prod/", got="/hit/"),
    Row("1.1", "a stage with a query", "GET /prod?a=b", got="/hit/?a=b"),
    Row("1.1", "no such API", "GET /prod/pets",
        host="aaaaaaaaaa.execute-api.x", **FORBIDDEN),
    Row("1.1", "a label before the id", "GET /prod/pets",
        host="x.$tree.execute-api.x", **FORBIDDEN),
    Row("1.1", "execute-api is a whole label", "GET /prod/pets",
        host="$tree.execute-apis.x", **FORBIDDEN),
    Row("1.1", "no such stage", "GET /beta/pets", **FORBIDDEN),
    Row("1.1", "stages are compared by case", "GET /Prod/pets", **FORBIDDEN),
    Row("1.1", "no stage at all", "GET /", **FORBIDDEN),
    Row("1.1", "an empty stage", "GET //pets", **FORBIDDEN),
    Row("1.1", "disableExecuteApiEndpoint", "GET /prod/x",
        host="$closed.execute-api.x", **FORBIDDEN),
    Row("1.1", "disableExecuteApiEndpoint, _user_request_",
        "GET /restapis/$closed/prod/_user_request_/x", host="h", **FORBIDDEN),
    Row("1.1", "_user_request_ under any other host",
        "GET /restapis/$tree/prod/_user_request_/pets", host="localhost",
        got="/hit/pets"),
    Row("1.1", "_user_request_ alone is the root",
        "GET /restapis/$tree/prod/_user_request_", host="h", got="/hit/"),
    Row("1.1", "_user_request_ of an IPv6 literal",
        "GET /restapis/$tree/prod/_user_request_/pets", host="[::1]:8080",
        got="/hit/pets"),
    Row("1.1", "_user_request_ of an IPv4 address",
        "GET /restapis/$tree/prod/_user_request_/pets",
        host="127.0.0.1:8080", got="/hit/pets"),
    Row("1.1", "_user_request_ without a Host, HTTP/1.0", "GET /",
        raw=b"GET /restapis/$tree/prod/_user_request_/pets HTTP/1.0\r\n\r\n",
        got="/hit/pets"),
    Row("1.1", "_user_request_ is spelled so",
        "GET /restapis/$tree/prod/_user_requests_/pets", host="h",
        **FORBIDDEN),
    Row("1.1", "restapis is spelled so",
        "GET /Restapis/$tree/prod/_user_request_/pets", host="h",
        **FORBIDDEN),
    Row("1.1", "a host that nobody serves", "GET /prod/pets",
        host="nobody.example", **FORBIDDEN),
]

DOMAINS = [
    Row("1.2", "without a base path, the stage is not in the URL",
        "GET /pets", host="single.example", got="/hit/pets"),
    Row("1.2", "the domain in any case, with a port and a dot", "GET /pets",
        host="SINGLE.Example.:8443", got="/hit/pets"),
    Row("1.2", "the base path is stripped", "GET /orders/7",
        host="single.example", got="/hit/7"),
    Row("1.2", "the base path alone is the root", "GET /orders",
        host="single.example", got="/hit/"),
    Row("1.2", "the base path with a slash", "GET /orders/",
        host="single.example", got="/hit/"),
    Row("1.2", "the query stays", "GET /orders?a=b", host="single.example",
        got="/hit/?a=b"),
    Row("1.2", "the first segment must be equal, else (none)",
        "GET /orders7/x", host="single.example", **NO_ROUTE),
    Row("1.2", "base paths are compared by case", "GET /Orders/7",
        host="single.example", **NO_ROUTE),
    Row("1.2", "the base path decoded once", "GET /%6frders/7",
        host="single.example", got="/hit/7"),
    Row("1.2", "an encoded slash separates nothing", "GET /orders%2F7",
        host="single.example", **NO_ROUTE),
    Row("1.2", "without (none) there is nothing else", "GET /pets",
        host="bare.example", **FORBIDDEN),
    Row("1.2", "nothing is mapped at the root", "GET /",
        host="bare.example", **FORBIDDEN),
    Row("1.2", "a domain without mappings", "GET /x", host="empty.example",
        **FORBIDDEN),
    Row("1.2", "no stage in the mapping: it is the next segment",
        "GET /nostage/test/pets", host="single.example", got="/hit/pets"),
    Row("1.2", "no stage in the mapping, and none in the path",
        "GET /nostage", host="single.example", **FORBIDDEN),
    Row("1.2", "no stage in the mapping, and no such stage",
        "GET /nostage/beta/pets", host="single.example", **FORBIDDEN),
    Row("1.2", "disableExecuteApiEndpoint leaves domains alone",
        "GET /closed/x", host="single.example", got="/hit/x"),
    Row("1.2", "_user_request_ is a path like any other on a domain",
        "GET /restapis/$tree/prod/_user_request_/pets",
        host="bare.example", **FORBIDDEN),
    Row("1.2", "a star is one label", "GET /x", host="a.wild.example",
        got="/hit/x"),
    Row("1.2", "the domain's own name before the star", "GET /pets",
        host="own.wild.example", got="/hit/pets"),
    Row("1.2", "a star is not two labels", "GET /x",
        host="a.b.wild.example", **FORBIDDEN),
    Row("1.2", "a star is not no label", "GET /x", host="wild.example",
        **FORBIDDEN),
    Row("1.2", "single-level domains keep the case of headers", "GET /pets",
        host="single.example", headers={"X-Mixed-Case": "v"},
        got={"lines": ["X-Mixed-Case: v"]}),
    Row("1.2", "context of a call by domain", "GET /context/a/",
        host="Single.Example:80", got={"headers": {
            "X-Path": "/context/a/", "X-Stage": "prod", "X-Api": "$tree",
            "X-Domain": "single.example"}}),
    Row("1.2", "context of a call by a base path",
        "GET /nostage/test/context/a?b", host="single.example",
        got={"headers": {"X-Path": "/nostage/test/context/a",
                         "X-Stage": "test"}}),
    # Amazon's example of several levels
    Row("1.2", "levels: orders", "GET /orders", host="levels.example",
        got="/level0"),
    Row("1.2", "levels: orders/v1/items", "GET /orders/v1/items",
        host="levels.example", got="/level1"),
    Row("1.2", "levels: orders/v2/items", "GET /orders/v2/items",
        host="levels.example", got="/level2"),
    Row("1.2", "levels: the deepest", "GET /orders/v1/items/categories/5",
        host="levels.example", got="/level4/5"),
    Row("1.2", "levels: (none)", "GET /customers", host="levels.example",
        got="/level3/customers"),
    Row("1.2", "levels: a prefix of the string", "GET /ordersandmore",
        host="levels.example", got="/level0/andmore"),
    Row("1.2", "levels: a prefix of the string, deeper",
        "GET /orders/v1/itemsandmore/x", host="levels.example",
        got="/level1/andmore/x"),
    Row("1.2", "levels: not as deep as the mapping", "GET /orders/v1/x",
        host="levels.example", got="/level0/v1/x"),
    Row("1.2", "levels: an encoded slash separates nothing",
        "GET /orders/v1%2Fitems", host="levels.example",
        got="/level0/v1%2Fitems"),
    Row("1.2", "levels: header names in lower case", "GET /orders/x",
        host="levels.example", headers={"X-Mixed-Case": "V"},
        got={"lines": ["x-mixed-case: V", "X-Case: V"]}),
]

RESOURCES = [
    Row("1.3", "static before {param}", "GET /prod/pets/mine",
        got={"headers": {"X-Resource": "/pets/mine"}}),
    Row("1.3", "{param}", "GET /prod/pets/7", got={
        "target": "/hit/pets/7", "headers": {"X-Resource": "/pets/{petId}"}}),
    Row("1.3", "{param} before {proxy+}", "GET /prod/a/z/c",
        got={"headers": {"X-Resource": "/a/{x}/c"}}),
    Row("1.3", "{proxy+} takes segments and slashes",
        "GET /prod/static/a/b//c", got="/hit/static/a/b//c"),
    Row("1.3", "{proxy+} does not take the empty rest", "GET /prod/static",
        **NO_ROUTE),
    Row("1.3", "nor a slash", "GET /prod/static/", **NO_ROUTE),
    Row("1.3", "nor two", "GET /prod/static//", **NO_ROUTE),
    Row("1.3", "{param} takes no empty segment", "GET /prod/pets//toys",
        **NO_ROUTE),
    Row("1.3", "back from static to {param}", "GET /prod/pets/mine/toys",
        got={"target": "/hit/pets/mine/toys",
             "headers": {"X-Resource": "/pets/{petId}/toys"}}),
    Row("1.3", "back from static to {param}, deeper", "GET /prod/a/b/c",
        got={"headers": {"X-Resource": "/a/{x}/c"}}),
    Row("1.3", "back to {proxy+}", "GET /prod/a/b/c/e",
        got={"target": "/hit/a/b/c/e",
             "headers": {"X-Resource": "/a/{x}/{y+}"}}),
    Row("1.3", "the longest static", "GET /prod/a/b/c/d",
        got={"headers": {"X-Resource": "/a/b/c/d"}}),
    Row("1.3", "one trailing slash is ignored", "GET /prod/pets/",
        got="/hit/pets"),
    Row("1.3", "two are not", "GET /prod/pets//", **NO_ROUTE),
    Row("1.3", "the trailing slash stays in path",
        "GET /prod/context/a/b/", got={"headers": {
            "X-Path": "/prod/context/a/b/"}}),
    Row("1.3", "segments are compared by case", "GET /prod/Pets",
        **NO_ROUTE),
    Row("1.3", "segments are compared decoded once", "GET /prod/%70ets/7",
        got="/hit/pets/7"),
    Row("1.3", "and not twice", "GET /prod/%2570ets/7", **NO_ROUTE),
    Row("1.3", "what {param} took goes on as it was encoded",
        "GET /prod/pets/a%2Fb%20c%C3%A4", got="/hit/pets/a%2Fb%20c%C3%A4"),
    Row("1.3", "an encoded slash separates nothing", "GET /prod/pets%2Fmine",
        **NO_ROUTE),
    Row("1.3", "no such resource", "GET /prod/nothing", **NO_ROUTE),
    Row("1.3", "a resource without methods", "GET /prod/a", **NO_ROUTE),
    Row("1.3", "thousands of segments", "GET /prod" + "/x" * 5000,
        **NO_ROUTE),
    Row("1.3", "an encoded zero byte is refused", "GET /prod/pets/a%00b",
        **BAD_REQUEST),
    Row("1.3", "overlong UTF-8 is bytes like any other",
        "GET /prod/pets/%c0%af%c0%ae", got="/hit/pets/%c0%af%c0%ae"),
    Row("1.3", "half an escape is refused", "GET /prod/pets/a%2",
        **BAD_REQUEST),
    Row("1.3", "dot segments are refused", "GET /prod/pets/../pets",
        **BAD_REQUEST),
    Row("1.3", "dot segments are refused encoded",
        "GET /prod/static/%2e%2e/x", **BAD_REQUEST),
]

VERBS = [
    Row("1.4", "the exact verb before ANY", "POST /prod/verbs",
        got={"target": "/hit/post", "verb": "POST"}),
    *(Row("1.4", f"ANY serves {verb}", f"{verb} /prod/verbs",
          got={"target": "/hit/any", "verb": verb})
      for verb in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")),
    Row("1.4", "HEAD is not served by GET", "HEAD /prod/get", status=403,
        has={"x-amzn-ErrorType": "MissingAuthenticationTokenException"}),
    Row("1.4", "HEAD of its own", "HEAD /prod/head",
        got={"target": "/hit/head", "verb": "HEAD"}),
    Row("1.4", "a verb that the resource lacks", "POST /prod/get",
        **NO_ROUTE),
    Row("1.4", "{proxy+} does not serve its parent", "POST /prod/get/",
        **NO_ROUTE),
    Row("1.4", "TRACE is nobody's", "TRACE /prod/verbs", **NO_ROUTE),
    Row("1.4", "an unknown verb", "PURGE /prod/verbs", **NO_ROUTE),
    Row("1.4", "a verb in lower case", "GET /prod/verbs",
        raw=b"get /prod/verbs HTTP/1.1\r\nHost: $tree.execute-api.x\r\n"
            b"Connection: close\r\n\r\n", **BAD_REQUEST),
    Row("1.5", "X-HTTP-Method-Override is the verb", "GET /prod/override",
        headers={"X-HTTP-Method-Override": "DELETE"},
        got={"headers": {"X-HTTP-Method-Override": None,
                         "X-Was": "DELETE"}}),
    Row("1.5", "without it", "GET /prod/override", answer={"verb": "GET"}),
    Row("1.5", "the name in any case", "POST /prod/override",
        headers={"x-http-method-override": "GET"}, answer={"verb": "GET"}),
    Row("1.5", "a verb that the resource lacks", "GET /prod/override",
        headers={"X-HTTP-Method-Override": "PUT"}, **NO_ROUTE),
    Row("1.5", "ANY is no verb", "GET /prod/verbs",
        headers={"X-HTTP-Method-Override": "ANY"}, **NO_ROUTE),
    Row("1.5", "nor is a word", "GET /prod/verbs",
        headers={"X-HTTP-Method-Override": "FETCH"}, **NO_ROUTE),
]

PINGS = [
    *(Row("1.7", f"{path} of a domain", f"GET {path}", host=host,
          answer="healthy", has={"x-amzn-ErrorType": None})
      for path in ("/ping", "/sping", "/ping?x=y")
      for host in ("single.example", "bare.example", "levels.example",
                   "empty.example")),
    Row("1.7", "/ping by HEAD", "HEAD /ping", host="single.example"),
    Row("1.7", "below /ping is the API's", "GET /sping/x",
        host="single.example", got="/hit/sping/x"),
    Row("1.7", "/ping is compared by case", "GET /PING",
        host="single.example", **NO_ROUTE),
    Row("1.7", "/ping of a default endpoint is a stage", "GET /ping",
        **FORBIDDEN),
    Row("1.7", "/ping below a stage is the API's", "GET /prod/ping",
        got="/hit/ping"),
]

QUERIES = [
    Row("1 query", "repeated keys keep their order",
        "GET /prod/query?b=2&a=1&b=3", got="/hit/query?b=2&a=1&b=3"),
    Row("1 query", "a single value is the last one",
        "GET /prod/query?a=1&a=2&a=3", got={"headers": {
            "X-One": "3", "X-All": "1,2,3"}}),
    Row("1 query", "; splits", "GET /prod/query?a=1;a=2",
        got={"headers": {"X-One": "2", "X-All": "1,2"}}),
    Row("1 query", "decoded once", "GET /prod/query?a=x%20y%2Bz%2520",
        got={"target": "/hit/query?a=x%20y%2Bz%2520",
             "headers": {"X-One": "x y+z%20"}}),
    Row("1 query", "names are compared by case", "GET /prod/query?A=1",
        got={"headers": {"X-One": None}}),
    Row("1 query", "a name without a value", "GET /prod/query?a",
        got={"target": "/hit/query?a", "headers": {"X-One": ""}}),
    Row("1 query", "header names are compared by case",
        "GET /prod/query", headers={"X-Mixed-Case": "1", "x-mixed-case": "2"},
        got={"headers": {"X-Case": "1"}}),
    *(Row("1 query", f"a bare {char} is refused", f"GET /prod/query?a={char}",
          **BAD_REQUEST) for char in "|{}"),
    *(Row("1 query", f"%{ord(char):02X} is taken",
          f"GET /prod/query?a=%{ord(char):02X}",
          got={"headers": {"X-One": char}}) for char in "|{}"),
]


@pytest.mark.parametrize("row", **rows(
    HOSTS, DOMAINS, RESOURCES, VERBS, PINGS, QUERIES))
def test_rule(book, row):
    book.play(row, HOST)


def test_only_what_was_deployed_is_served(book):
    """1.6: edits wait for a deployment, stage settings do not."""
    client = book.world.apigateway
    api = book.api("edited", {"/x": {"get": operation(proxy(
        book.witness.port, "/${stageVariables.where}"))}})
    host = "$edited.execute-api.x"
    resources = {item["path"]: item["id"] for item in client.get_resources(
        restApiId=api)["items"]}
    first = client.get_stage(restApiId=api, stageName="prod")["deploymentId"]

    def stage(path, value):
        client.update_stage(restApiId=api, stageName="prod",
                            patchOperations=[{"op": "replace", "path": path,
                                              "value": value}])

    def play(path, **expected):
        book.play(Row("1.6", path, f"GET /prod{path}", **expected), host)

    stage("/variables/where", "here")
    play("/x", got="/here")
    stage("/variables/where", "there")
    play("/x", got="/there")
    made = client.create_resource(restApiId=api, parentId=resources["/"],
                                  pathPart="y")["id"]
    client.put_method(restApiId=api, resourceId=made, httpMethod="GET",
                      authorizationType="NONE")
    client.put_integration(restApiId=api, resourceId=made, httpMethod="GET",
                           type="HTTP_PROXY", integrationHttpMethod="GET",
                           uri=f"http://127.0.0.1:{book.witness.port}/y")
    client.delete_resource(restApiId=api, resourceId=resources["/x"])
    play("/x", got="/there")
    play("/y", **NO_ROUTE)
    client.create_deployment(restApiId=api, stageName="prod")
    play("/x", **NO_ROUTE)
    play("/y", got="/y")
    stage("/deploymentId", first)
    play("/x", got="/there")
    play("/y", **NO_ROUTE)
