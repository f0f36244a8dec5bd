"""service_examples.py - what the model of API Gateway cannot say of itself

The model knows that a resource has a parent; it does not know which ids there
are, nor what a path part looks like.  Here are an example of every member of
every input, what a PATCH may name, and, in tables of their own, what this
gateway refuses and why.  service_wrong.py has what no value may be.

`$name` in a text is what the scene (service_scene.py) calls so; `$n` is
another number in each request.

SPDX-License-Identifier: Apache-2.0
"""
import json
import time

from support.service_scene import LAMBDA, POOL, Scene

ARN = "arn:aws:apigateway:us-east-1::/restapis/$api"
TODAY = time.strftime("%Y-%m-%d", time.gmtime())

MOCK = {"type": "MOCK",
        "requestTemplates": {"application/json": '{"statusCode": 200}'}}
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
    "domainNameAccessAssociationArn": "arn:nobody",
    "authorizerId": "$authorizer",
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
        "credentials": "arn:aws:iam::1:role/x",
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
        "apiKeyRequired": True, "operationName": "getPets",
        "requestParameters": {
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
    ("GetApiKeys", "limit below 0", {"limit": -1}),
    ("GetUsagePlanKeys", "of an unknown plan", {"usagePlanId": "nobody"}),
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

# Member of a path: an unknown one where that is not NONSENSE, and the status.
UNKNOWN = {
    "exportType": ("frobnicate", 400),
    "responseType": ("FROBNICATE", 400),
    "httpMethod": ("PATCH", 404),
    "statusCode": ("299", 404),
    "resourceArn": ("arn:aws:apigateway:us-east-1::/restapis/nobody", 404),
}
