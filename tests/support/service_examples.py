"""service_examples.py - what the model of API Gateway cannot say of itself

The model knows that a resource has a parent; it does not know which ids there
are, nor what a path part looks like.  Here are a small world in which every
id is somebody's, an example of every member of every input, what a PATCH may
name, and, in tables of their own, what this gateway refuses and why.

`$name` in a text is what the world calls so; `$n` is another number in each
request.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import time

ACCOUNT = "000000000000"
ARN = "arn:aws:apigateway:us-east-1::/restapis/$api"
TODAY = time.strftime("%Y-%m-%d", time.gmtime())

MOCK = {"type": "MOCK",
        "requestTemplates": {"application/json": '{"statusCode": 200}'}}


LAMBDA = ("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
          "arn:aws:lambda:us-east-1:1:function:x/invocations")
POOL = "arn:aws:cognito-idp:us-east-1:1:userpool/x"
PLACE = {"type": "RESPONSE_HEADER", "path": "/p$n", "method": "GET",
         "statusCode": "200", "name": "X-A"}
SCHEMA = json.dumps({"$$schema": "http://json-schema.org/draft-04/schema#",
                     "type": "object"})


def documentation(**part):
    return json.dumps({
        "openapi": "3.0.1", "info": {"title": "x", "version": "1"},
        "paths": {}, "x-amazon-apigateway-documentation": {
            "version": "1", "documentationParts": [{
                "location": {"type": "API"},
                "properties": {"description": "x"}, **part}]}})


def document(title):
    return json.dumps({
        "openapi": "3.0.1", "info": {"title": title, "version": "1"},
        "paths": {"/a": {"get": {
            "responses": {"200": {"description": "ok"}},
            "x-amazon-apigateway-integration": {
                "type": "mock", "requestTemplates": {
                    "application/json": '{"statusCode": 200}'}}}}}})


STAGES = {"one": "prod", "two": "other", "bench": "bench"}


class Scene:
    """An API and all that can hang on it, another one beside it, and one
    whose parts a test may leave half done."""

    def __init__(self, world):
        self.aws, self.count = world.apigateway, 0
        self.names = {"account": "x"}
        self.names.update(self.api("one"))
        self.names["other"] = self.api("two")["api"]
        bench = self.api("bench")
        self.names["benchPool"] = self.aws.create_authorizer(
            restApiId=bench["api"], name="pool", type="COGNITO_USER_POOLS",
            identitySource="method.request.header.X-A",
            providerARNs=[POOL])["id"]
        self.names.update(bench=bench["api"],
                          benchValidator=bench["validator"],
                          benchAuthorizer=bench["authorizer"])
        self.names.update(self.sale(self.names["api"]))

    def api(self, name):
        aws = self.aws
        made = aws.create_rest_api(name=name, tags={"a": "b"})
        api, root = made["id"], made["rootResourceId"] if (
            "rootResourceId" in made) else aws.get_resources(
                restApiId=made["id"])["items"][0]["id"]
        resource = aws.create_resource(restApiId=api, parentId=root,
                                       pathPart="pets")["id"]
        aws.create_resource(restApiId=api, parentId=root, pathPart="cats")
        self.method(api, resource)
        deployment = aws.create_deployment(
            restApiId=api, stageName=STAGES[name],
            description="first")["id"]
        validator = aws.create_request_validator(
            restApiId=api, name="all", validateRequestParameters=True)["id"]
        if name == "one":
            aws.create_model(restApiId=api, name="Standing", schema="{}",
                             contentType="application/json")
            aws.put_gateway_response(
                restApiId=api, responseType="DEFAULT_4XX", statusCode="404")
        authorizer = self.authorizer(api, "standing")
        part = aws.create_documentation_part(
            restApiId=api, location={"type": "API"}, properties="{}")["id"]
        if name == "one":
            aws.create_documentation_version(restApiId=api,
                                             documentationVersion="1")
        return {"part": part, "authorizer": authorizer, "api": api, "root": root, "resource": resource,
                "deployment": deployment, "validator": validator}

    def method(self, api, resource, verb="GET"):
        """A whole method: integration and responses too."""
        where = {"restApiId": api, "resourceId": resource,
                 "httpMethod": verb}
        self.aws.put_method(**where, authorizationType="NONE",
                            requestParameters={
                                "method.request.header.X-A": False})
        self.aws.put_integration(
            **where, type="HTTP_PROXY", integrationHttpMethod="GET",
            uri="http://127.0.0.1:9009/")
        for status in ("200", "201"):
            self.aws.put_method_response(
                **where, statusCode=status, responseParameters={
                    "method.response.header.X-B": False})
        self.aws.put_integration_response(
            **where, statusCode="200", selectionPattern="2..")
        return where

    def sale(self, api):
        aws = self.aws
        plan = aws.create_usage_plan(
            name="plan", apiStages=[{"apiId": api, "stage": "prod"}],
            throttle={"rateLimit": 10.0, "burstLimit": 20},
            quota={"limit": 100, "period": "MONTH"}, tags={"a": "b"})["id"]
        key = aws.create_api_key(name="key", enabled=True)["id"]
        aws.create_usage_plan_key(usagePlanId=plan, keyId=key,
                                  keyType="API_KEY")
        aws.create_domain_name(
            domainName="api.example.com",
            endpointConfiguration={"types": ["REGIONAL"]})
        aws.create_base_path_mapping(domainName="api.example.com",
                                     basePath="v1", restApiId=api,
                                     stage="prod")
        return {"plan": plan, "key": key, "member": key,
                "domain": "api.example.com"}

    # What a test may spoil: each gives the arguments that name it.

    def fresh_key(self):
        return {"apiKey": self.aws.create_api_key(name="spare")["id"]}

    def fresh_member(self):
        return {"keyId": self.fresh_key()["apiKey"]}

    def fresh_plan_key(self):
        key = self.fresh_member()
        self.aws.create_usage_plan_key(usagePlanId=self.names["plan"],
                                       keyType="API_KEY", **key)
        return key

    def fresh_plan(self):
        return {"usagePlanId": self.aws.create_usage_plan(name="spare")["id"]}

    def fresh_api(self):
        return {"restApiId": self.aws.create_rest_api(name="spare")["id"]}

    def fresh_resource(self):
        self.count += 1
        return {"resourceId": self.aws.create_resource(
            restApiId=self.names["api"], parentId=self.names["root"],
            pathPart=f"spare{self.count}")["id"]}

    def bare_resource(self):
        self.count += 1
        api = self.names["bench"]
        root = self.aws.get_resources(restApiId=api)["items"][0]["id"]
        return {"restApiId": api, "resourceId": self.aws.create_resource(
            restApiId=api, parentId=root,
            pathPart=f"spare{self.count}")["id"]}

    def fresh_method(self):
        where = self.bare_resource()
        self.method(where["restApiId"], where["resourceId"])
        return where

    def bare_method(self):
        where = self.bare_resource()
        self.aws.put_method(**where, httpMethod="GET",
                            authorizationType="NONE", requestParameters={
                                "method.request.header.X-A": False})
        return where

    def fresh_deployment(self):
        return {"deploymentId": self.aws.create_deployment(
            restApiId=self.names["api"])["id"]}

    def fresh_stage(self):
        self.count += 1
        name = f"spare{self.count}"
        self.aws.create_stage(restApiId=self.names["api"], stageName=name,
                              deploymentId=self.names["deployment"])
        return {"stageName": name}

    def fresh_validator(self):
        return {"requestValidatorId": self.aws.create_request_validator(
            restApiId=self.names["api"], name="spare")["id"]}

    def authorizer(self, api, name):
        return self.aws.create_authorizer(
            restApiId=api, name=name, type="TOKEN", authorizerUri=LAMBDA,
            identitySource="method.request.header.X-A")["id"]

    def fresh_authorizer(self):
        self.count += 1
        return {"authorizerId": self.authorizer(self.names["api"],
                                                f"spare{self.count}")}

    def fresh_part(self):
        self.count += 1
        return {"documentationPartId": self.aws.create_documentation_part(
            restApiId=self.names["api"], properties="{}", location={
                "type": "RESOURCE", "path": f"/{self.count}"})["id"]}

    def fresh_version(self):
        self.count += 1
        name = f"spare{self.count}"
        self.aws.create_documentation_version(
            restApiId=self.names["api"], documentationVersion=name)
        return {"documentationVersion": name}

    def fresh_model(self):
        self.count += 1
        name = f"Spare{self.count}"
        self.aws.create_model(restApiId=self.names["api"], name=name,
                              contentType="application/json", schema="{}")
        return {"modelName": name}

    def fresh_gateway_response(self):
        self.aws.put_gateway_response(restApiId=self.names["api"],
                                      responseType="THROTTLED")
        return {"responseType": "THROTTLED"}

    def fresh_domain(self):
        self.count += 1
        name = f"spare{self.count}.example.com"
        self.aws.create_domain_name(
            domainName=name, endpointConfiguration={"types": ["REGIONAL"]})
        return {"domainName": name}

    def fresh_mapping(self):
        domain = self.fresh_domain()
        self.aws.create_base_path_mapping(
            **domain, basePath="v1", restApiId=self.names["api"])
        return domain


# What a member is when its operation says nothing else.
NAMED = {
    "restApiId": "$api", "resourceId": "$resource", "parentId": "$root",
    "httpMethod": "GET", "statusCode": "200", "deploymentId": "$deployment",
    "stageName": "prod", "requestValidatorId": "$validator",
    "responseType": "DEFAULT_4XX", "modelName": "Standing", "apiKey": "$key",
    "keyId": "$key", "usagePlanId": "$plan", "domainName": "$domain",
    "basePath": "v1", "resourceArn": ARN, "exportType": "oas30",
    "sdkType": "javascript", "id": "javascript", "keyType": "API_KEY",
    "limit": 25, "vpcLinkId": "nobody", "clientCertificateId": "nobody",
    "domainNameAccessAssociationArn": "arn:nobody", "authorizerId": "$authorizer",
    "domainNameArn": "arn:nobody", "documentationPartId": "$part",
    "documentationVersion": "1",
}

# Operation: its optional members and those that are not as in NAMED.
EXAMPLES = {
    "CreateApiKey": {
        "name": "key $n", "description": "a key", "enabled": True,
        "generateDistinctId": True, "value": "value-of-twenty-characters-$n",
        "stageKeys": [{"restApiId": "$api", "stageName": "prod"}],
        "customerId": "c-1", "tags": {"a": "b"}},
    "CreateAuthorizer": {
        "name": "authorizer $n", "type": "REQUEST", "authType": "custom",
        "authorizerUri": LAMBDA, "authorizerCredentials":
            "arn:aws:iam::1:role/x", "identitySource":
            "method.request.header.X-A", "identityValidationExpression":
            ".+", "authorizerResultTtlInSeconds": 60},
    "CreateBasePathMapping": {"basePath": "v$n", "restApiId": "$api",
                              "stage": "prod"},
    "CreateDeployment": {
        "stageName": "s$n", "stageDescription": "of a stage",
        "description": "of a deployment", "cacheClusterEnabled": False,
        "cacheClusterSize": "0.5", "variables": {"a": "b"},
        "tracingEnabled": True, "canarySettings": {
            "percentTraffic": 5.0, "stageVariableOverrides": {"a": "c"},
            "useStageCache": False}},
    "CreateDocumentationPart": {"location": PLACE, "properties":
                                '{"description": "x"}'},
    "CreateDocumentationVersion": {
        "documentationVersion": "v$n", "stageName": "prod",
        "description": "a version"},
    "CreateDomainName": {
        "domainName": "d$n.example.com", "certificateName": "c",
        "certificateArn": "arn:aws:acm:us-east-1:1:certificate/x",
        "regionalCertificateName": "r", "regionalCertificateArn":
            "arn:aws:acm:us-east-1:1:certificate/y",
        "endpointConfiguration": {"types": ["REGIONAL"],
                                  "ipAddressType": "ipv4"},
        "tags": {"a": "b"}, "securityPolicy": "TLS_1_2",
        "routingMode": "BASE_PATH_MAPPING_ONLY"},
    "CreateModel": {
        "name": "Model$n", "description": "a model", "schema": SCHEMA,
        "contentType": "application/json"},
    "CreateRequestValidator": {
        "name": "v", "validateRequestBody": True,
        "validateRequestParameters": True},
    "CreateResource": {"pathPart": "part$n"},
    "CreateRestApi": {
        "name": "api", "description": "an API", "version": "1",
        "cloneFrom": "$other",
        "binaryMediaTypes": ["image/png"], "minimumCompressionSize": 100,
        "apiKeySource": "HEADER", "endpointConfiguration": {
            "types": ["REGIONAL"], "ipAddressType": "ipv4"},
        "tags": {"a": "b"}, "disableExecuteApiEndpoint": True,
        "cloneFrom": "$other"},
    "CreateStage": {
        "stageName": "s$n", "description": "a stage",
        "cacheClusterEnabled": False, "cacheClusterSize": "0.5",
        "documentationVersion": "1",
        "variables": {"a": "b"}, "tracingEnabled": True,
        "tags": {"a": "b"}, "canarySettings": {
            "percentTraffic": 5.0, "deploymentId": "$deployment",
            "stageVariableOverrides": {"a": "c"}, "useStageCache": False}},
    "CreateUsagePlan": {
        "name": "plan", "description": "a plan",
        "apiStages": [{"apiId": "$api", "stage": "prod", "throttle": {
            "/pets/GET": {"burstLimit": 3, "rateLimit": 2.0}}}],
        "throttle": {"burstLimit": 20, "rateLimit": 10.0},
        "quota": {"limit": 100, "offset": 1, "period": "WEEK"},
        "tags": {"a": "b"}},
    "GetApiKey": {"includeValue": True},
    "GetApiKeys": {"nameQuery": "k", "customerId": "c-1",
                   "includeValues": True},
    "GetDeployment": {"embed": ["apisummary"]},
    "GetDocumentationParts": {
        "type": "API", "nameQuery": "x", "path": "/x",
        "locationStatus": "DOCUMENTED"},
    "GetExport": {"parameters": {"extensions": "apigateway"},
                  "accepts": "application/yaml"},
    "GetModel": {"flatten": True},
    "GetResource": {"embed": ["methods"]},
    "GetResources": {"embed": ["methods"]},
    "GetStages": {"deploymentId": "$deployment"},
    "GetUsage": {"startDate": TODAY, "endDate": TODAY,
                 "keyId": "$key"},
    "GetUsagePlanKeys": {"nameQuery": "k"},
    "GetUsagePlans": {"keyId": "$key"},
    "ImportApiKeys": {"format": "csv", "failOnWarnings": True, "body":
                      "Key,Name\nimported-key-of-twenty-$n,i\n"},
    "ImportDocumentationParts": {"mode": "merge", "failOnWarnings": True,
                                 "body": documentation()},
    "ImportRestApi": {"failOnWarnings": True, "body": document("imported"),
                      "parameters": {"basepath": "ignore"}},
    "PutGatewayResponse": {
        "responseType": "QUOTA_EXCEEDED", "statusCode": "430",
        "responseParameters": {"gatewayresponse.header.X-A": "'a'"},
        "responseTemplates": {"application/json": "{}"}},
    "PutIntegration": {
        "type": "HTTP_PROXY", "integrationHttpMethod": "POST",
        "uri": "http://127.0.0.1:9009/x", "connectionType": "INTERNET",
        "credentials": "arn:aws:iam::$account:role/x",
        "requestParameters": {
            "integration.request.header.X-A": "method.request.header.X-A"},
        "requestTemplates": {"application/json": "{}"},
        "passthroughBehavior": "NEVER", "cacheNamespace": "space",
        "cacheKeyParameters": ["method.request.header.X-A"],
        "contentHandling": "CONVERT_TO_TEXT", "timeoutInMillis": 1000,
        "tlsConfig": {"insecureSkipVerification": True},
        "responseTransferMode": "BUFFERED"},
    "PutIntegrationResponse": {
        "statusCode": "201", "selectionPattern": "201",
        "responseParameters": {"method.response.header.X-B": "'b'"},
        "responseTemplates": {"application/json": "{}"},
        "contentHandling": "CONVERT_TO_TEXT"},
    "PutMethod": {
        "authorizationType": "CUSTOM", "authorizerId": "$benchAuthorizer",
        "apiKeyRequired": True, "operationName": "getPets", "requestParameters": {
            "method.request.header.X-A": True},
        "requestModels": {"application/json": "Empty"},
        "requestValidatorId": "$benchValidator"},
    "PutMethodResponse": {
        "statusCode": "202", "responseParameters": {
            "method.response.header.X-A": True},
        "responseModels": {"application/json": "Empty"}},
    "PutRestApi": {"mode": "overwrite", "failOnWarnings": True,
                   "parameters": {"basepath": "ignore"},
                   "body": document("put")},
    "TagResource": {"tags": {"c": "d"}},
    "UntagResource": {"tagKeys": ["a", "b"]},
}

# Operation: an input with as little as can be, where that is another one.
LEAST = {"PutIntegration": {"type": "MOCK"},
         "CreateModel": {"schema": SCHEMA},
         "PutMethod": {"authorizationType": "NONE"},
         "CreateAuthorizer": {"authorizerUri": LAMBDA, "identitySource":
                              "method.request.header.X-A"}}

# (operation, what of it, members in the place of those of the example): what
# excludes them is there instead.
OTHERS = [
    ("CreateAuthorizer", "of a pool", {
        "type": "COGNITO_USER_POOLS", "providerARNs": [POOL],
        "authorizerUri": None, "authType": None,
        "authorizerCredentials": None}),
    ("PutIntegration", "of a mock", {
        **MOCK, "integrationHttpMethod": None, "uri": None,
        "connectionType": None, "tlsConfig": None}),
    ("PutMethod", "with a pool", {
        "authorizationType": "COGNITO_USER_POOLS", "authorizerId":
            "$benchPool", "authorizationScopes": ["pets/read"]}),
]

# Operation: what makes the thing that it deletes or changes.
MAKERS = {
    "CreateDeployment": Scene.fresh_stage,
    "CreateUsagePlanKey": Scene.fresh_member,
    "DeleteApiKey": Scene.fresh_key,
    "DeleteAuthorizer": Scene.fresh_authorizer,
    "DeleteBasePathMapping": Scene.fresh_mapping,
    "DeleteDeployment": Scene.fresh_deployment,
    "DeleteDocumentationPart": Scene.fresh_part,
    "DeleteDocumentationVersion": Scene.fresh_version,
    "DeleteDomainName": Scene.fresh_domain,
    "DeleteGatewayResponse": Scene.fresh_gateway_response,
    "DeleteIntegration": Scene.fresh_method,
    "DeleteIntegrationResponse": Scene.fresh_method,
    "DeleteMethod": Scene.fresh_method,
    "DeleteMethodResponse": Scene.fresh_method,
    "DeleteModel": Scene.fresh_model,
    "DeleteRequestValidator": Scene.fresh_validator,
    "DeleteResource": Scene.fresh_resource,
    "DeleteRestApi": Scene.fresh_api,
    "DeleteStage": Scene.fresh_stage,
    "DeleteUsagePlan": Scene.fresh_plan,
    "DeleteUsagePlanKey": Scene.fresh_plan_key,
    "PutIntegration": Scene.bare_method,
    "PutIntegrationResponse": Scene.fresh_method,
    "PutMethod": Scene.bare_resource,
    "PutMethodResponse": Scene.fresh_method,
    "PutRestApi": Scene.fresh_api,
    "UpdateApiKey": Scene.fresh_key,
    "UpdateAuthorizer": Scene.fresh_authorizer,
    "UpdateBasePathMapping": Scene.fresh_mapping,
    "UpdateDeployment": Scene.fresh_deployment,
    "UpdateDocumentationPart": Scene.fresh_part,
    "UpdateDocumentationVersion": Scene.fresh_version,
    "UpdateIntegration": Scene.fresh_method,
    "UpdateIntegrationResponse": Scene.fresh_method,
    "UpdateModel": Scene.fresh_model,
    "UpdateMethod": Scene.fresh_method,
    "UpdateMethodResponse": Scene.fresh_method,
    "UpdateRequestValidator": Scene.fresh_validator,
    "UpdateResource": Scene.fresh_resource,
    "UpdateRestApi": Scene.fresh_api,
    "UpdateStage": Scene.fresh_stage,
    "UpdateUsage": Scene.fresh_plan_key,
}

# Operation: (op, path, value) that it takes; value None: without one.
PATCHES = {
    "UpdateAccount": [
        ("replace", "/cloudwatchRoleArn", "arn:aws:iam::1:role/x")],
    "UpdateApiKey": [
        ("replace", "/name", "other"), ("replace", "/description", "x"),
        ("replace", "/enabled", "true"), ("replace", "/customerId", "c-2"),
        ("add", "/stages", "$api/prod")],
    "UpdateAuthorizer": [
        ("replace", "/name", "a$n"), ("replace", "/type", "REQUEST"),
        ("replace", "/authorizerUri", LAMBDA),
        ("replace", "/authorizerCredentials", "arn:aws:iam::1:role/x"),
        ("replace", "/identitySource", "method.request.header.X-B"),
        ("replace", "/identityValidationExpression", ".+"),
        ("replace", "/authorizerResultTtlInSeconds", "0"),
        ("replace", "/authType", "custom")],
    "UpdateBasePathMapping": [
        ("replace", "/stage", "prod"), ("replace", "/basePath", "v2"),
        ("replace", "/restapiId", "$other")],
    "UpdateDeployment": [("replace", "/description", "x")],
    "UpdateDocumentationPart": [
        ("replace", "/properties", '{"description": "y"}')],
    "UpdateDocumentationVersion": [("replace", "/description", "x")],
    "UpdateDomainName": [
        ("replace", "/certificateName", "x"),
        ("replace", "/certificateArn", "arn:aws:acm:us-east-1:1:c/x"),
        ("replace", "/regionalCertificateArn", "arn:aws:acm:us-east-1:1:c/x"),
        ("replace", "/securityPolicy", "TLS_1_2")],
    "UpdateGatewayResponse": [
        ("replace", "/statusCode", "499"),
        ("add", "/responseParameters/gatewayresponse.header.X-B", "'b'"),
        ("replace", "/responseTemplates/application~1json", "{}")],
    "UpdateIntegration": [
        ("replace", "/uri", "http://127.0.0.1:9009/y"),
        ("replace", "/httpMethod", "PUT"), ("replace", "/type", "HTTP"),
        ("replace", "/timeoutInMillis", "50"),
        ("replace", "/passthroughBehavior", "NEVER"),
        ("replace", "/contentHandling", "CONVERT_TO_TEXT"),
        ("add", "/requestTemplates/application~1json", "{}"),
        ("add", "/requestParameters/integration.request.header.X-B", "'b'"),
        ("add", "/cacheKeyParameters/method.request.header.X-A", None),
        ("replace", "/cacheNamespace", "x"),
        ("replace", "/tlsConfig/insecureSkipVerification", "true")],
    "UpdateIntegrationResponse": [
        ("replace", "/selectionPattern", "200"),
        ("add", "/responseTemplates/application~1json", "{}"),
        ("replace", "/contentHandling", "CONVERT_TO_TEXT")],
    "UpdateMethod": [
        ("replace", "/apiKeyRequired", "true"),
        ("replace", "/operationName", "x"),
        ("replace", "/requestValidatorId", "$benchValidator"),
        ("add", "/requestParameters/method.request.header.X-B", "true"),
        ("add", "/requestModels/application~1json", "Empty"),
        ("replace", "/authorizationType", "NONE")],
    "UpdateMethodResponse": [
        ("add", "/responseParameters/method.response.header.X-A", "true"),
        ("add", "/responseModels/application~1json", "Empty")],
    "UpdateModel": [("replace", "/description", "x"),
                    ("replace", "/schema", '{"type": "string"}')],
    "UpdateRequestValidator": [
        ("replace", "/name", "x"), ("replace", "/validateRequestBody", "true"),
        ("replace", "/validateRequestParameters", "true")],
    "UpdateResource": [("replace", "/pathPart", "moved$n"),
                       ("replace", "/parentId", "$resource")],
    "UpdateRestApi": [
        ("replace", "/name", "x"), ("replace", "/description", "x"),
        ("add", "/description", "x"), ("remove", "/description", None),
        ("replace", "/apiKeySource", "AUTHORIZER"),
        ("replace", "/minimumCompressionSize", "10"),
        ("replace", "/minimumCompressionSize", None),
        ("replace", "/disableExecuteApiEndpoint", "true"),
        ("replace", "/endpointConfiguration/types/EDGE", "REGIONAL"),
        ("replace", "/endpointConfiguration/ipAddressType", "dualstack"),
        ("add", "/binaryMediaTypes/image~1png", None)],
    "UpdateStage": [
        ("replace", "/description", "x"),
        ("replace", "/tracingEnabled", "true"),
        ("replace", "/cacheClusterEnabled", "false"),
        ("replace", "/cacheClusterSize", "0.5"),
        ("replace", "/accessLogSettings/destinationArn", "arn:aws:logs:x"),
        ("replace", "/accessLogSettings/format", "$$context.requestId"),
        ("replace", "/canarySettings/percentTraffic", "5.5"),
        ("replace", "/canarySettings/deploymentId", "$deployment"),
        ("replace", "/deploymentId", "$deployment"),
        ("replace", "/variables/a", "b"),
        ("replace", "/*/*/throttling/burstLimit", "5"),
        ("replace", "/~1pets/GET/throttling/rateLimit", "5")],
    "UpdateUsage": [("replace", "/remaining", "10")],
    "UpdateUsagePlan": [
        ("replace", "/name", "plan"), ("replace", "/description", "x"),
        ("replace", "/productCode", "code"), ("add", "/productCode", "code"),
        ("remove", "/productCode", None),
        ("replace", "/throttle/rateLimit", "7.5"),
        ("add", "/throttle/burstLimit", "7"),
        ("replace", "/quota/limit", "9"), ("replace", "/quota/offset", "0"),
        ("replace", "/quota/period", "MONTH"),
        ("add", "/apiStages/$api:prod/throttle//pets/GET/rateLimit", "5"),
        ("add", "/apiStages/$api:prod/throttle/~1pets/GET/burstLimit", "5"),
        ("remove", "/apiStages/$api:prod/throttle//pets/GET", None)],
}

# Operation: patches that it refuses, beside those that every one refuses;
# with the status where it is not 400.
BAD_PATCHES = {
    "UpdateApiKey": [("replace", "/id", "x"), ("replace", "/value", "x" * 30),
                     ("remove", "/name", None), ("replace", "/name",
                                                 "x" * 1025)],
    "UpdateAuthorizer": [("replace", "/id", "x"),
                         ("replace", "/name", "standing"),
                         ("replace", "/type", "PERHAPS"),
                         ("replace", "/authorizerUri", "http://x/"),
                         ("replace", "/authorizerResultTtlInSeconds", "many")],
    "UpdateBasePathMapping": [("replace", "/basePath", "a/b"),
                              ("replace", "/domainName", "x")],
    "UpdateDocumentationPart": [("replace", "/properties", "[]"),
                                ("replace", "/location", "{}")],
    "UpdateDocumentationVersion": [("replace", "/version", "2"),
                                   ("replace", "/description", "x" * 1025)],
    "UpdateDomainName": [("replace", "/securityPolicy", "TLS_0_9"),
                         ("replace", "/domainName", "x.example.com")],
    "UpdateGatewayResponse": [("replace", "/statusCode", "many"),
                              ("replace", "/responseType", "THROTTLED")],
    "UpdateIntegration": [("replace", "/timeoutInMillis", "49"),
                          ("replace", "/timeoutInMillis", "many"),
                          ("replace", "/uri", "gopher://x/"),
                          ("replace", "/type", "SMTP"),
                          ("replace", "/connectionType", "VPC_LINK")],
    "UpdateIntegrationResponse": [("replace", "/statusCode", "201"),
                                  ("replace", "/contentHandling", "x")],
    "UpdateMethod": [("replace", "/httpMethod", "PUT"),
                     ("replace", "/requestValidatorId", "nobody"),
                     ("replace", "/authorizationType", "NEVER")],
    "UpdateMethodResponse": [("replace", "/statusCode", "201"),
                             ("add", "/responseModels/application~1json",
                              "Nobody")],
    "UpdateModel": [("replace", "/name", "x"), ("replace", "/schema", "{"),
                    ("replace", "/contentType", "x")],
    "UpdateRequestValidator": [("replace", "/id", "x")],
    "UpdateResource": [("replace", "/path", "/x"),
                       ("replace", "/pathPart", "a/b"),
                       ("replace", "/pathPart", "cats", 409),
                       ("replace", "/parentId", "nobody", 404)],
    "UpdateRestApi": [("replace", "/id", "x"), ("replace", "/name", ""),
                      ("replace", "/name", "x" * 1025),
                      ("replace", "/apiKeySource", "COOKIE"),
                      ("replace", "/minimumCompressionSize", "10485761"),
                      ("replace", "/minimumCompressionSize", "many"),
                      ("replace", "/endpointConfiguration/types/EDGE",
                       "PRIVATE")],
    "UpdateStage": [("replace", "/stageName", "x"),
                    ("replace", "/cacheClusterEnabled", "true"),
                    ("replace", "/cacheClusterSize", "1"),
                    ("replace", "/clientCertificateId", "x"),
                    ("replace", "/documentationVersion", "nobody", 404),
                    ("replace", "/canarySettings/percentTraffic", "101"),
                    ("remove", "/variables/nobody", None),
                    ("remove", "/*/*", None),
                    ("replace", "/deploymentId", "nobody", 404),
                    ("replace", "/variables/a", "{}"),
                    ("replace", "/*/*/throttling/burstLimit", "many")],
    "UpdateUsage": [("replace", "/remaining", "many"),
                    ("replace", "/remaining", "-1"),
                    ("replace", "/used", "1")],
    "UpdateUsagePlan": [("replace", "/id", "x"),
                        ("replace", "/quota/limit", "many"),
                        ("replace", "/quota/period", "YEAR"),
                        ("replace", "/quota/offset", "28"),
                        ("replace", "/throttle/rateLimit", "many"),
                        ("add", "/apiStages", "nonsense"),
                        ("add", "/apiStages/$api:prod/throttle//pets/GET/x",
                         "5")],
}

# (operation, member): a value, and words of the refusal.
REFUSED_MEMBERS = {
    ("CreateDomainName", "certificateBody"): ("x", "certificateBody"),
    ("CreateDomainName", "certificatePrivateKey"): (
        "x", "certificatePrivateKey"),
    ("CreateDomainName", "certificateChain"): ("x", "certificateChain"),
    ("CreateDomainName", "endpointAccessMode"): (
        "STRICT", "endpointAccessMode"),
    ("CreateDomainName", "mutualTlsAuthentication"): (
        {"truststoreUri": "s3://x/y"}, "mutualTlsAuthentication"),
    ("CreateDomainName", "ownershipVerificationCertificateArn"): (
        "arn:x", "ownershipVerificationCertificateArn"),
    ("CreateDomainName", "policy"): ("{}", "policy"),
    ("CreateRestApi", "policy"): ("{}", "policy"),
    ("CreateRestApi", "securityPolicy"): ("TLS_1_2", "securityPolicy"),
    ("CreateRestApi", "endpointAccessMode"): ("BASIC", "endpointAccessMode"),
    ("PutIntegration", "connectionId"): ("x", ""),
    ("PutIntegration", "integrationTarget"): ("x", ""),
}

NO_LINK = (404, "Invalid Vpc Link identifier specified")
NO_CERTIFICATE = (404, "Invalid Client Certificate identifier specified")
NO_ASSOCIATION = (
    404, "Invalid domain name access association identifier specified")


def unsupported(what):
    return 400, f"{what} are not supported by this gateway"


# Operation: what it answers, whatever it is asked: the gateway has no such
# thing.
REFUSED = {
    "CreateDomainNameAccessAssociation": unsupported(
        "Private custom domain names and their access associations"),
    "CreateVpcLink": unsupported("VPC links"),
    "DeleteClientCertificate": NO_CERTIFICATE,
    "DeleteDomainNameAccessAssociation": NO_ASSOCIATION,
    "DeleteVpcLink": NO_LINK,
    "FlushStageCache": unsupported("Cache clusters of stages"),
    "GenerateClientCertificate": unsupported("Client certificates"),
    "GetClientCertificate": NO_CERTIFICATE,
    "GetSdk": unsupported("Generated SDKs"),
    "GetVpcLink": NO_LINK,
    "RejectDomainNameAccessAssociation": unsupported(
        "Private custom domain names and their access associations"),
    "TestInvokeAuthorizer": unsupported("Authorizers of calls"),
    "TestInvokeMethod": unsupported("Test invocations"),
    "UpdateClientCertificate": NO_CERTIFICATE,
    "UpdateVpcLink": NO_LINK,
}
REFUSED_INPUT = {
    "CreateDomainNameAccessAssociation": {
        "domainNameArn": "arn:x", "accessAssociationSourceType": "VPCE",
        "accessAssociationSource": "vpce-1"},
    "CreateVpcLink": {"name": "x", "targetArns": ["arn:x"]},
    "TestInvokeAuthorizer": {"authorizerId": "nobody"},
}

# (operation, member of the path): what an unknown one is, and the status.
UNKNOWN = {
    "exportType": ("frobnicate", 400),
    "responseType": ("FROBNICATE", 400),
    "httpMethod": ("PATCH", 404),
    "statusCode": ("299", 404),
    "resourceArn": ("arn:aws:apigateway:us-east-1::/restapis/nobody", 404),
}

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
