"""service_scene.py - a small world in which every id is somebody's

An API and all that can hang on it, another one beside it, a plan, a key, a
domain; and what makes one more of each, for a test that spoils it.

SPDX-License-Identifier: Apache-2.0
"""
LAMBDA = ("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
          "arn:aws:lambda:us-east-1:1:function:x/invocations")
POOL = "arn:aws:cognito-idp:us-east-1:1:userpool/x"

STAGES = {"one": "prod", "two": "other", "bench": "bench"}


class Scene:
    """An API and all that can hang on it, another one beside it, and one
    whose parts a test may leave half done."""

    def __init__(self, world):
        self.aws, self.count = world.apigateway, 0
        self.names = self.api("one")
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
        api, root = made["id"], self.root(made["id"])
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
        return {"api": api, "root": root, "resource": resource,
                "deployment": deployment, "validator": validator,
                "authorizer": authorizer, "part": part}

    def root(self, api):
        return self.aws.get_resources(restApiId=api)["items"][0]["id"]

    def method(self, api, resource):
        """A whole method: integration and responses too."""
        where = {"restApiId": api, "resourceId": resource,
                 "httpMethod": "GET"}
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
        return {"restApiId": api, "resourceId": self.aws.create_resource(
            restApiId=api, parentId=self.root(api),
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
