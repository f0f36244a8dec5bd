"""service_wrong.py - values that no operation takes

Too long, too short, out of range, there already, of nobody, no document: what
Amazon's pages say and its model does not.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import json

from support.service_examples import document, documentation

MANY_TAGS = {f"k{n}": "v" for n in range(51)}
MANY_METHODS = {f"/a{n}/GET": {"rateLimit": 1.0, "burstLimit": 1}
                for n in range(21)}
MANY_VARIABLES = {f"v{n}": "x" for n in range(101)}
BOMB = ("openapi: 3.0.1\ninfo: {title: b, version: '1'}\n"
        "x-a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"x-{b}: &{b} [{', '.join(['*' + a] * 10)}]\n"
                  for a, b in zip("abcdefgh", "bcdefghi"))
        + "paths: {}\n")


def broken(title, **change):
    made = json.loads(document(title))
    made.update(change)
    return json.dumps(made)


def reference(target):
    return broken("r", paths={"/a": {"get": {
        "parameters": [{"$ref": target}], "responses": {}}}})


DOCUMENTS = {                           # name: (body, words of the refusal)
    "cut-short": (document("x")[:-20], ("line 1",)),
    "tab": ("openapi: 3.0.1\npaths:\n\t/a: {}\n", ("line 3",)),
    "bomb": (BOMB, ("line 8", "too many values")),
    "nesting": ('{"a":' * 200 + "1" + "}" * 200, ("deep",)),
    "list": ("[]", ()),
    "empty": ("", ()),
    "remote": (reference("https://example.com/p.yaml#/a"), ("ref",)),
    "file": (reference("other.yaml#/a"), ("ref",)),
    "circle": (broken("c", components={"parameters": {
        "A": {"$ref": "#/components/parameters/B"},
        "B": {"$ref": "#/components/parameters/A"}}},
        paths={"/a": {"get": {"parameters": [
            {"$ref": "#/components/parameters/A"}], "responses": {}}}}),
        ()),
    "twice": ('{"openapi": "3.0.1", "openapi": "3.0.1"}', ("line 1",)),
    "no-utf8": (b'{"openapi": "\xff"}', ()),
    "two": ("a: 1\n---\nb: 2\n", ()),
    "too large": (document("x").encode() + b" " * (6 << 20), ("6291456",)),
}

# (operation, what is wrong, members in the place of those of the example,
# status, words of the message); a member that is None is left out.
VALUES = [
    ("CreateApiKey", "name too long", {"name": "x" * 1025}, 400, (
        "Invalid API Key name, can be at most 1024 characters.",)),
    ("CreateApiKey", "value too short", {"value": "x" * 19}, 400, (
        "API Key value should be at least 20 characters",)),
    ("CreateApiKey", "value too long", {"value": "x" * 129}, 400, (
        "API Key value exceeds maximum size of 128 characters",)),
    ("CreateApiKey", "value with a blank", {"value": "x" * 20 + " y"}, 400,
     ()),
    ("CreateApiKey", "description too long", {"description": "x" * 125001},
     400, ("Invalid API Key description specified.",)),
    ("CreateApiKey", "customerId too long", {"customerId": "x" * 1025}, 400,
     ()),
    ("CreateApiKey", "too many tags", {"tags": MANY_TAGS}, 400, ("tags",)),
    ("CreateApiKey", "a tag of Amazon's", {"tags": {"aws:x": "y"}}, 400,
     ("aws:",)),
    ("CreateApiKey", "tag too long", {"tags": {"x" * 129: "y"}}, 400,
     ("tag",)),
    ("CreateApiKey", "tag value too long", {"tags": {"x": "y" * 257}}, 400,
     ("tag",)),
    ("CreateApiKey", "NUL", {"name": "a\0b"}, 400, ()),
    ("CreateAuthorizer", "name empty", {"name": ""}, 400, ()),
    ("CreateAuthorizer", "name twice", {"name": "standing"}, 400, (
        "unique",)),
    ("CreateAuthorizer", "URI", {"authorizerUri": "http://x/"}, 400, (
        "Invalid Authorizer URI",)),
    ("CreateAuthorizer", "source", {"identitySource": "cookie.a"}, 400, (
        "identity source",)),
    ("CreateAuthorizer", "time", {"authorizerResultTtlInSeconds": 3601}, 400,
     ("authorizerResultTtlInSeconds",)),
    ("CreateAuthorizer", "pool without ARNs", {
        "type": "COGNITO_USER_POOLS", "authorizerUri": None}, 400, ()),
    ("CreateAuthorizer", "pool", {
        "type": "COGNITO_USER_POOLS", "providerARNs": ["arn:x"],
        "authorizerUri": None}, 400, ("arn:x",)),
    ("CreateBasePathMapping", "slash", {"basePath": "a/b"}, 400, ()),
    ("CreateBasePathMapping", "twice", {"basePath": "v1"}, 409, (
        "Base path already exists for this domain name",)),
    ("CreateBasePathMapping", "unknown API", {"restApiId": "nobody"}, 400,
     ()),
    ("CreateBasePathMapping", "unknown stage", {"stage": "nobody"}, 400, ()),
    ("CreateDeployment", "stage name", {"stageName": "a b"}, 400, ()),
    ("CreateDeployment", "variables", {"variables": MANY_VARIABLES}, 400,
     ()),
    ("CreateDeployment", "variable", {"variables": {"a": "{}"}}, 400, ()),
    ("CreateDocumentationPart", "twice", {"location": {"type": "API"}}, 409,
     ("already exists",)),
    ("CreateDocumentationPart", "place", {
        "location": {"type": "API", "path": "/x"}}, 400, ("path",)),
    ("CreateDocumentationPart", "no place", {
        "location": {"type": "QUERY_PARAMETER"}}, 400, ("name",)),
    ("CreateDocumentationPart", "properties", {"properties": "[]"}, 400, (
        "properties",)),
    ("CreateDocumentationVersion", "twice", {"documentationVersion": "1"},
     409, ("already exists",)),
    ("CreateDocumentationVersion", "stage", {"stageName": "nobody"}, 404,
     ()),
    ("CreateDocumentationVersion", "blank", {"documentationVersion": "a b"},
     400, ()),
    ("ImportDocumentationParts", "no JSON", {"body": "{"}, 400, (
        "Unable to build importer with provided input",)),
    ("ImportDocumentationParts", "place", {"body": documentation(
        location={"type": "NOWHERE"})}, 400, ()),
    ("CreateDomainName", "twice", {"domainName": "api.example.com"}, 400, (
        "already exists",)),
    ("CreateDomainName", "address", {"domainName": "192.0.2.1"}, 400, ()),
    ("CreateDomainName", "blank", {"domainName": "a b.example.com"}, 400,
     ()),
    ("CreateDomainName", "policy of TLS", {"securityPolicy": "TLS_1_0"},
     400, ("securityPolicy",)),
    ("CreateDomainName", "routing", {"routingMode": "ROUTING_RULE_ONLY"},
     400, ("routingMode",)),
    ("CreateDomainName", "private", {
        "endpointConfiguration": {"types": ["PRIVATE"]}}, 400, ("PRIVATE",)),
    ("CreateModel", "name", {"name": "a-b"}, 400, ()),
    ("CreateModel", "name empty", {"name": ""}, 400, ()),
    ("CreateModel", "twice", {"name": "Standing"}, 409, ()),
    ("CreateModel", "schema", {"schema": "{"}, 400, ()),
    ("CreateModel", "schema of nothing", {"schema": "[]"}, 400, ()),
    ("CreateModel", "description too long", {"description": "x" * 125001},
     400, ()),
    ("CreateResource", "slash", {"pathPart": "a/b"}, 400, ()),
    ("CreateResource", "empty", {"pathPart": ""}, 400, ()),
    ("CreateResource", "half a variable", {"pathPart": "{a"}, 400, ()),
    ("CreateResource", "twice", {"pathPart": "pets"}, 409, (
        "Another resource with the same parent already has this name: "
        "pets",)),
    ("CreateRestApi", "name empty", {"name": ""}, 400, ()),
    ("CreateRestApi", "name too long", {"name": "x" * 1025}, 400, ()),
    ("CreateRestApi", "cloneFrom", {"cloneFrom": "nobody"}, 400, (
        "Invalid API identifier specified",)),
    ("CreateRestApi", "megabytes", {"name": "x" * (9 << 20)}, 400, ("name",)),
    ("CreateUsagePlan", "megabytes", {"description": "x" * (9 << 20)}, 400,
     ("too long",)),
    ("CreateRestApi", "description empty", {"description": ""}, 400, (
        "Description cannot be an empty string",)),
    ("CreateRestApi", "clone of nobody", {"cloneFrom": "nobody"}, 400, (
        "Invalid API identifier specified",)),
    ("CreateRestApi", "compression", {"minimumCompressionSize": 10485761},
     400, ()),
    ("CreateRestApi", "compression below 0", {"minimumCompressionSize": -1},
     400, ()),
    ("CreateRestApi", "two endpoints", {
        "endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}}, 400, ()),
    ("CreateRestApi", "tags", {"tags": MANY_TAGS}, 400, ("tags",)),
    ("CreateStage", "name too long", {"stageName": "x" * 129}, 400, ()),
    ("CreateStage", "name", {"stageName": "a/b"}, 400, ()),
    ("CreateStage", "twice", {"stageName": "prod"}, 409, ()),
    ("CreateStage", "deployment", {"deploymentId": "nobody"}, 404, ()),
    ("CreateStage", "variable name", {"variables": {"x" * 65: "y"}}, 400,
     ()),
    ("CreateStage", "variable value", {"variables": {"x": "y" * 513}}, 400,
     ()),
    ("CreateStage", "canary", {"canarySettings": {"percentTraffic": 101}},
     400, ("percentTraffic",)),
    ("CreateStage", "canary's deployment", {"canarySettings": {
        "percentTraffic": 1, "deploymentId": "nobody"}}, 400, ()),
    ("CreateStage", "documentation", {"documentationVersion": "nobody"},
     404, ()),
    ("CreateStage", "cache", {"cacheClusterEnabled": True}, 400, ()),
    ("CreateUsagePlan", "name empty", {"name": ""}, 400, ()),
    ("CreateUsagePlan", "name too long", {"name": "x" * 4097}, 400, ()),
    ("CreateUsagePlan", "unknown stage", {
        "apiStages": [{"apiId": "$api", "stage": "nobody"}]}, 404, (
            "Invalid API Stage {api: ", "stage: nobody}")),
    ("CreateUsagePlan", "unknown API", {
        "apiStages": [{"apiId": "nobody", "stage": "prod"}]}, 404, ()),
    ("CreateUsagePlan", "method", {"apiStages": [{
        "apiId": "$api", "stage": "prod", "throttle": {"pets": {}}}]}, 400,
     ()),
    ("CreateUsagePlan", "too many methods", {"apiStages": [{
        "apiId": "$api", "stage": "prod", "throttle": MANY_METHODS}]}, 429,
     ()),
    ("CreateUsagePlan", "rate", {"throttle": {"rateLimit": -1}}, 400, ()),
    ("CreateUsagePlan", "quota", {"quota": {"limit": -1, "period": "DAY"}},
     400, ()),
    ("CreateUsagePlan", "period", {"quota": {"limit": 1}}, 400, ()),
    ("CreateUsagePlan", "offset", {
        "quota": {"limit": 1, "offset": 7, "period": "WEEK"}}, 400, ()),
    ("CreateUsagePlanKey", "unknown key", {"keyId": "nobody"}, 404, (
        "Invalid API Key identifier specified",)),
    ("CreateUsagePlanKey", "twice", {"keyId": "$member"}, 409, ()),
    ("CreateUsagePlanKey", "type", {"keyType": "API_TOKEN"}, 400, (
        "keyType",)),
    ("GetApiKeys", "a position in front of the names", {
        "customerId": None, "nameQuery": "key", "position":
            base64.b64encode(b'["a","b"]').decode()}, 400, ("position",)),
    ("GetUsage", "end before start", {
        "startDate": "2026-01-02", "endDate": "2026-01-01"}, 400, ()),
    ("GetUsage", "no date", {"startDate": "yesterday"}, 400, ()),
    ("GetUsage", "no such day", {"startDate": "2026-02-30"}, 400, ()),
    ("GetUsage", "too long", {"startDate": "2020-01-01"}, 400, ()),
    ("ImportApiKeys", "half a file", {"body": b"Key,Name\nabc"}, 400, (
        "Line 2",)),
    ("ImportApiKeys", "no header", {"body": b"1,2\n3,4\n"}, 400, ()),
    ("ImportApiKeys", "open quote", {
        "body": b'Key,Name\n"open-quote-of-twenty-characters,n\n'}, 400, ()),
    ("ImportApiKeys", "empty", {"body": b""}, 400, ()),
    ("ImportApiKeys", "unknown plan", {
        "body": b"Key,Name,UsagePlanIds\n"
                b"a-key-of-twenty-characters-x,n,nobody\n"}, 400, (
            "Line 2", "Invalid Usage Plan ID specified")),
    ("PutGatewayResponse", "status", {"statusCode": "20"}, 400, ()),
    ("PutGatewayResponse", "mapping", {
        "responseParameters": {"header.X": "'a'"}}, 400, ()),
    ("PutIntegration", "too short a time", {"timeoutInMillis": 49}, 400, ()),
    ("PutIntegration", "no method", {"integrationHttpMethod": None}, 400, (
        "Enumeration value for HttpMethod must be non-empty",)),
    ("PutIntegration", "method", {"integrationHttpMethod": "FROB"}, 400, ()),
    ("PutIntegration", "scheme", {"uri": "gopher://x/"}, 400, (
        "Invalid HTTP endpoint specified for URI",)),
    ("PutIntegration", "port", {"uri": "http://x:22/"}, 400, (
        "Invalid HTTP endpoint specified for URI",)),
    ("PutIntegration", "no URI", {"uri": None}, 400, ()),
    ("PutIntegration", "link", {"connectionType": "VPC_LINK"}, 400, ()),
    ("PutIntegration", "passthrough", {"passthroughBehavior": "PERHAPS"},
     400, ()),
    ("PutIntegration", "mapping to nowhere", {
        "requestParameters": {"integration.request.cookie.a": "'a'"}}, 400,
     ()),
    ("PutIntegration", "mapping from nowhere", {
        "requestParameters": {"integration.request.header.a":
                              "method.request.cookie.a"}}, 400, ()),
    ("PutIntegrationResponse", "pattern", {"selectionPattern": "("}, 400,
     ()),
    ("PutIntegrationResponse", "mapping", {
        "responseParameters": {"method.response.cookie.a": "'a'"}}, 400, ()),
    ("PutMethod", "authorization", {"authorizationType": "NEVER"}, 400, ()),
    ("PutMethod", "scopes without a pool", {"authorizationScopes": ["x"]},
     400, ()),
    ("PutMethod", "no authorizer", {"authorizerId": None}, 400, ()),
    ("PutMethod", "unknown authorizer", {"authorizerId": "nobody"}, 400, ()),
    ("PutMethod", "unknown validator", {"requestValidatorId": "nobody"},
     400, ("Invalid Request Validator identifier specified",)),
    ("PutMethod", "unknown model", {
        "requestModels": {"application/json": "Nobody"}}, 400, ("Nobody",)),
    ("PutMethod", "parameter", {
        "requestParameters": {"method.request.cookie.a": True}}, 400, ()),
    ("PutMethodResponse", "unknown model", {
        "responseModels": {"application/json": "Nobody"}}, 400, ("Nobody",)),
    ("PutMethodResponse", "parameter", {
        "responseParameters": {"method.response.cookie.a": True}}, 400, ()),
    ("TagResource", "a tag of Amazon's", {"tags": {"aws:x": "y"}}, 400, (
        "aws:",)),
    ("TagResource", "no ARN", {"resourceArn": "nonsense"}, 400, ()),
    *((operation, f"document {name}", {"body": body}, 400, words)
      for operation in ("ImportRestApi", "PutRestApi")
      for name, (body, words) in DOCUMENTS.items()),
]
