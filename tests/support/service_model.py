"""service_model.py - Amazon's own model of API Gateway, held against an answer

botocore carries a machine-readable model of every operation: its method and
URI, the members of its input and output with their types and enums, and the
errors that it names.  Here a request is made from that model, signed and sent
without the checks that a client would make first; an answer is compared with
the output's shape; and from a request that is right others are made that
break one constraint each.

What Debian's botocore is too old to know is added from NEWER.

SPDX-License-Identifier: Apache-2.0
"""
import copy
import dataclasses
import http.client
import json
import string
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.loaders
import botocore.model
import botocore.serialize

SERVICE = "apigateway"
BAD = 400
MISSING = 404
NONSENSE = "frobnicate"                 # no member, no id, no value of an enum

# Of the front end of the service, for any operation.
FRONT_END = {"ValidationException": 400, "SerializationException": 400}

TEXT = {"type": "string"}


def texts(*names):
    return {name: {"shape": "String"} for name in names}


def enum(name, *values):
    return name, {"type": "string", "enum": list(values)}


ASSOCIATION = {
    "type": "structure", "members": {
        **texts("domainNameAccessAssociationArn", "domainNameArn",
                "accessAssociationSource"),
        "accessAssociationSourceType": {"shape": "AccessAssociationSource"},
        "tags": {"shape": "MapOfStringToString"}}}


def operation(name, method, uri, status, shape_in, shape_out, *errors):
    made = {"name": name, "http": {"method": method, "requestUri": uri,
                                   "responseCode": status},
            "input": {"shape": shape_in}, "errors": [
                {"shape": error + "Exception"} for error in (
                    "BadRequest", "Unauthorized", "TooManyRequests",
                    *errors)]}
    if shape_out:
        made["output"] = {"shape": shape_out}
    return name, made


def located(name, where, wire):
    return name, {"shape": "String", "location": where, "locationName": wire}


# Operations and members since Debian 12's botocore.
NEWER_OPERATIONS = dict([
    operation("CreateDomainNameAccessAssociation", "POST",
              "/domainnameaccessassociations", 201,
              "CreateDomainNameAccessAssociationRequest",
              "DomainNameAccessAssociation", "Conflict", "LimitExceeded"),
    operation("GetDomainNameAccessAssociations", "GET",
              "/domainnameaccessassociations", 200,
              "GetDomainNameAccessAssociationsRequest",
              "DomainNameAccessAssociations", "NotFound"),
    operation("DeleteDomainNameAccessAssociation", "DELETE",
              "/domainnameaccessassociations/"
              "{domain_name_access_association_arn}", 202,
              "DeleteDomainNameAccessAssociationRequest", None,
              "NotFound", "Conflict"),
    operation("RejectDomainNameAccessAssociation", "POST",
              "/rejectdomainnameaccessassociations", 202,
              "RejectDomainNameAccessAssociationRequest", None,
              "NotFound", "Conflict"),
])
NEWER_SHAPES = dict([
    enum("AccessAssociationSource", "VPCE"),
    enum("AccessMode", "BASIC", "STRICT"),
    enum("AddressType", "ipv4", "dualstack"),
    enum("RoutingMode", "BASE_PATH_MAPPING_ONLY", "ROUTING_RULE_ONLY",
         "ROUTING_RULE_THEN_BASE_PATH_MAPPING"),
    enum("TransferMode", "BUFFERED", "STREAM"),
    ("DomainNameAccessAssociation", ASSOCIATION),
    ("CreateDomainNameAccessAssociationRequest", {
        "type": "structure", "required": [
            "domainNameArn", "accessAssociationSourceType",
            "accessAssociationSource"],
        "members": {name: shape for name, shape in
                    ASSOCIATION["members"].items()
                    if name != "domainNameAccessAssociationArn"}}),
    ("DomainNameAccessAssociations", {"type": "structure", "members": {
        "position": {"shape": "String"},
        "items": {"shape": "ListOfDomainNameAccessAssociation",
                  "locationName": "item"}}}),
    ("ListOfDomainNameAccessAssociation", {
        "type": "list", "member": {"shape": "DomainNameAccessAssociation"}}),
    ("GetDomainNameAccessAssociationsRequest", {
        "type": "structure", "members": dict([
            located("position", "querystring", "position"),
            ("limit", {"shape": "NullableInteger", "locationName": "limit",
                       "location": "querystring"})])}),
    ("DeleteDomainNameAccessAssociationRequest", {
        "type": "structure", "required": ["domainNameAccessAssociationArn"],
        "members": dict([located("domainNameAccessAssociationArn", "uri",
                                 "domain_name_access_association_arn")])}),
    ("RejectDomainNameAccessAssociationRequest", {
        "type": "structure", "required": ["domainNameAccessAssociationArn",
                                          "domainNameArn"],
        "members": dict([
            located("domainNameAccessAssociationArn", "querystring",
                    "domainNameAccessAssociationArn"),
            located("domainNameArn", "querystring", "domainNameArn")])}),
])
NEWER_MEMBERS = {
    "EndpointConfiguration": {"ipAddressType": {"shape": "AddressType"}},
    "CreateRestApiRequest": {
        "securityPolicy": {"shape": "SecurityPolicy"},
        "endpointAccessMode": {"shape": "AccessMode"}},
    "RestApi": {**texts("rootResourceId", "apiStatus", "apiStatusMessage"),
                "securityPolicy": {"shape": "SecurityPolicy"},
                "endpointAccessMode": {"shape": "AccessMode"}},
    "CreateDomainNameRequest": {
        **texts("policy"), "routingMode": {"shape": "RoutingMode"},
        "endpointAccessMode": {"shape": "AccessMode"}},
    "DomainName": {
        **texts("domainNameId", "domainNameArn", "managementPolicy",
                "policy"), "routingMode": {"shape": "RoutingMode"},
        "endpointAccessMode": {"shape": "AccessMode"}},
    "PutIntegrationRequest": {
        **texts("integrationTarget"),
        "responseTransferMode": {"shape": "TransferMode"}},
    "Integration": {**texts("integrationTarget"),
                    "responseTransferMode": {"shape": "TransferMode"}},
}


def load():
    """The service's model, with what is newer than it."""
    model = copy.deepcopy(botocore.loaders.Loader().load_service_model(
        SERVICE, "service-2"))
    for name, made in NEWER_OPERATIONS.items():
        model["operations"].setdefault(name, made)
    for name, shape in NEWER_SHAPES.items():
        model["shapes"].setdefault(name, shape)
    for name, members in NEWER_MEMBERS.items():
        for member, shape in members.items():
            model["shapes"][name]["members"].setdefault(member, shape)
    return botocore.model.ServiceModel(model, SERVICE)


MODEL = load()
OPERATIONS = {name: MODEL.operation_model(name)
              for name in MODEL.operation_names}
# botocore sends it with each call of this service (its handlers.py).
ACCEPT = {"Accept": "application/json"}


@dataclasses.dataclass
class Request:
    """One that is not yet signed; `$name` in it is what the world calls so."""
    operation: str
    method: str
    path: str                           # encoded
    query: list                         # of pairs
    headers: dict
    body: object                        # bytes, or what JSON says

    def copy(self):
        return copy.deepcopy(self)

    def fill(self, names):
        """With the world's own names; its body as bytes."""
        made = self.copy()
        made.path = "/".join(
            urllib.parse.quote(fill(urllib.parse.unquote(part), names),
                               safe="-._~") for part in made.path.split("/"))
        made.query = [(name, fill(value, names))
                      for name, value in made.query]
        if isinstance(made.body, (dict, list)):
            made.body = json.dumps(fill(made.body, names)).encode()
        elif isinstance(made.body, str):
            made.body = fill(made.body, names).encode()
        return made


def fill(value, names):
    if isinstance(value, dict):
        return {fill(key, names): fill(item, names)
                for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    if not isinstance(value, str):
        return value
    return string.Template(value).safe_substitute(names)


def make(name, arguments):
    """A request with these arguments, as they go over the wire."""
    model = OPERATIONS[name]
    wire = botocore.serialize.create_serializer(
        "rest-json", include_validation=False).serialize_to_request(
            arguments, model)
    path, _, fixed = wire["url_path"].partition("?")
    query = urllib.parse.parse_qsl(fixed)
    for key, value in wire["query_string"].items():
        query += [(key, item) for item in
                  (value if isinstance(value, list) else [value])]
    body = wire["body"]
    if isinstance(body, bytes) and body[:1] == b"{" and not is_raw(model):
        body = json.loads(body)
    return Request(name, wire["method"], path, query,
                   {**ACCEPT, **wire["headers"]}, body)


def is_raw(model):
    """Whether the body is the caller's bytes, and no JSON of members."""
    return model.input_shape is not None and (
        "payload" in model.input_shape.serialization)


class Client:
    """Sends to one admin listener on one connection."""

    def __init__(self, port, credentials):
        self.port, self.region = port, credentials.region
        self.keys = botocore.credentials.Credentials(
            credentials.key_id, credentials.secret)
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=30)

    def send(self, request):
        target = request.path
        if request.query:
            target += "?" + urllib.parse.urlencode(
                request.query, quote_via=urllib.parse.quote)
        signed = botocore.awsrequest.AWSRequest(
            request.method, f"http://127.0.0.1:{self.port}{target}",
            data=request.body or None, headers=request.headers)
        botocore.auth.SigV4Auth(self.keys, SERVICE,
                                self.region).add_auth(signed)
        self.connection.request(request.method, target,
                                request.body or None, dict(signed.headers))
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


@dataclasses.dataclass
class Answer:
    status: int
    headers: object
    body: bytes

    def json(self):
        return json.loads(self.body)

    def __str__(self):
        kind = self.headers.get("x-amzn-ErrorType")
        return f"{self.status} {kind} {self.body.decode()[:400]}"


#
# ---- answers that are right
#

# Members that an answer always has, by shape; Amazon's model names none.
ALWAYS = {
    "Account": ("throttleSettings", "features", "apiKeyVersion"),
    "ApiKey": ("id", "enabled", "createdDate", "lastUpdatedDate",
               "stageKeys"),
    "ApiKeyIds": ("ids",),
    "Authorizer": ("id", "name", "type"),
    "BasePathMapping": ("basePath", "restApiId"),
    "Deployment": ("id", "createdDate"),
    "DocumentationPart": ("id", "location", "properties"),
    "DocumentationVersion": ("version", "createdDate"),
    "DomainName": ("domainName", "endpointConfiguration",
                   "domainNameStatus", "securityPolicy"),
    "EndpointConfiguration": ("types", "ipAddressType"),
    "GatewayResponse": ("responseType", "defaultResponse",
                        "responseParameters", "responseTemplates"),
    "Integration": ("type", "passthroughBehavior", "timeoutInMillis",
                    "cacheNamespace", "cacheKeyParameters"),
    "IntegrationResponse": ("statusCode",),
    "Method": ("httpMethod", "authorizationType", "apiKeyRequired"),
    "MethodResponse": ("statusCode",),
    "Model": ("id", "name", "contentType"),
    "RequestValidator": ("id", "validateRequestBody",
                         "validateRequestParameters"),
    "Resource": ("id", "path"),
    "RestApi": ("id", "name", "createdDate", "apiKeySource",
                "endpointConfiguration", "disableExecuteApiEndpoint",
                "rootResourceId"),
    "SdkType": ("id", "friendlyName"),
    "Stage": ("stageName", "deploymentId", "cacheClusterEnabled",
              "cacheClusterStatus", "methodSettings", "tracingEnabled",
              "createdDate", "lastUpdatedDate"),
    "Stages": ("item",),
    "Tags": ("tags",),
    "Usage": ("usagePlanId", "startDate", "endDate", "values"),
    "UsagePlan": ("id", "name", "apiStages"),
    "UsagePlanKey": ("id", "type", "value"),
}
# GetResources without `embed` shows methods as empty objects.
MAY_BE_EMPTY = {"Method"}
KINDS = {"string": str, "blob": str, "boolean": bool, "integer": int,
         "long": int, "timestamp": int, "double": (int, float),
         "float": (int, float), "list": list, "map": dict,
         "structure": dict}


def complaints(value, shape, where="$"):
    """What is not as the shape says, each with its place."""
    kind = shape.type_name
    if value is None or not isinstance(value, KINDS[kind]) or (
            isinstance(value, bool) and kind != "boolean"):
        return [f"{where}: {value!r} is no {kind}"]
    if kind == "structure":
        return structure_complaints(value, shape, where)
    if kind == "list":
        return [text for at, item in enumerate(value)
                for text in complaints(item, shape.member, f"{where}[{at}]")]
    if kind == "map":
        return [text for key, item in value.items()
                for text in complaints(item, shape.value, f"{where}.{key}")]
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        return [f"{where}: {value!r} is none of {allowed}"]
    return []


def wire_name(name, shape):
    return shape.serialization.get("name", name)


def structure_complaints(value, shape, where):
    members = {wire_name(name, member): member
               for name, member in shape.members.items()
               if "location" not in member.serialization}
    found = [f"{where}: there is no member {name} in {shape.name}"
             for name in value if name not in members]
    always = ALWAYS.get(shape.name, ("item",) if "item" in members else ())
    if value or shape.name not in MAY_BE_EMPTY:
        found += [f"{where}: {name} is missing" for name in always
                  if name not in value]
    for name in set(value) & set(members):
        found += complaints(value[name], members[name], f"{where}.{name}")
    return found


def check_head(answer, model):
    wanted = model.http.get("responseCode", 200)
    assert answer.status == wanted, answer
    assert answer.headers["x-amzn-RequestId"], "x-amzn-RequestId"
    assert answer.headers["x-amz-apigw-id"], "x-amz-apigw-id"
    assert answer.headers["Date"]
    assert answer.headers["x-amzn-ErrorType"] is None


def check_good(answer, name):
    """The answer of an operation that was done; its JSON, if it has any."""
    model = OPERATIONS[name]
    check_head(answer, model)
    if model.output_shape is None:
        assert answer.body == b"", answer
        return None
    if "payload" in model.output_shape.serialization and (
            model.output_shape.members[model.output_shape.serialization[
                "payload"]].type_name == "blob"):
        assert answer.body, "the whole body is the answer"
        return None
    assert answer.headers["Content-Type"] == "application/json"
    value = answer.json()
    assert not complaints(value, model.output_shape), answer.body.decode()
    return value


def check_bad(answer, name, status):
    """A refusal in the words of the model."""
    allowed = {**FRONT_END, **{
        error.name: error.metadata["error"]["httpStatusCode"]
        for error in OPERATIONS[name].error_shapes}}
    kind = answer.headers["x-amzn-ErrorType"]
    assert kind in allowed and answer.status == allowed[kind], answer
    assert answer.status == status, answer
    assert set(answer.json()) == {"message"}, answer
    assert answer.json()["message"], answer
    assert answer.headers["x-amzn-RequestId"], "x-amzn-RequestId"
    return answer.json()["message"]


#
# ---- requests of which one thing is wrong
#

WRONG = {"string": 7, "boolean": [], "integer": "many", "long": "many",
         "double": "many", "float": "many", "timestamp": "soon",
         "list": {"a": "b"}, "map": ["a"], "structure": "text", "blob": 7}


def body_members(model):
    if model.input_shape is None or is_raw(model):
        return {}
    return {wire_name(name, shape): (name, shape)
            for name, shape in model.input_shape.members.items()
            if "location" not in shape.serialization}


def wrong_values(shape, value, path=""):
    """(place, a value in its stead) of each thing that can have a wrong type
    or no value of its enum; value is what a right request has there."""
    kind = shape.type_name
    yield path, "wrong-type", WRONG[kind]
    if shape.metadata.get("enum"):
        yield path, "enum", NONSENSE
    if kind == "structure":
        yield path, "unknown-member", {**(value or {}), NONSENSE: "x"}
        for name, member in shape.members.items():
            wire = wire_name(name, member)
            for place, what, wrong in wrong_values(
                    member, (value or {}).get(wire), f"{path}.{wire}"):
                yield place, what, {**(value or {}), wire: wrong}
    elif kind in ("list", "map"):
        member = shape.member if kind == "list" else shape.value
        key = next(iter(value)) if kind == "map" and value else "key"
        first = (value[key] if kind == "map" else value[0]) if value else None
        for place, what, wrong in wrong_values(member, first, path + "[]"):
            yield place, what, [wrong] if kind == "list" else {
                **(value or {}), key: wrong}


def broken_bodies(model):
    """Bodies that are no JSON object: (name, bytes, words of the answer)."""
    return [("cut-short", b'{\n  "name": "x"', ("line 2",)),
            ("no-json", b'{\n "a":\n oops}', ("line 3", "column")),
            ("a-list", b"[]", ()), ("a-text", b'"text"', ()),
            ("no-utf8", b'{"\xff\xfe": 1}', ("line 1",)),
            ("twice", b'{"x": 1, "x": 2}', ("line 1",)),
            ("deep", b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}", ())]


def violations(name, least, most):
    """Requests that break one constraint of the model each: (what, request,
    status, words that the message must have).  least has what is required,
    most has all that can be given."""
    model = OPERATIONS[name]
    shape = model.input_shape
    if shape is None:
        return
    for member in shape.required_members:
        made = least.copy()
        where = shape.members[member].serialization
        wire = wire_name(member, shape.members[member])
        if where.get("location") == "querystring":
            made.query = [pair for pair in made.query if pair[0] != wire]
        elif "location" not in where and isinstance(made.body, dict):
            del made.body[wire]
        else:
            continue
        yield f"missing {wire}", made, BAD, (wire,)
    for member, inner in shape.members.items():
        wire = wire_name(member, inner)
        if inner.serialization.get("location") == "querystring" and (
                inner.metadata.get("enum")
                or wire in ("limit", "position")):
            made = most.copy()
            made.query = [pair for pair in made.query if pair[0] != wire]
            made.query.append((wire, NONSENSE))
            yield f"wrong {wire}", made, BAD, ()
    if isinstance(most.body, dict) and body_members(model):
        yield from body_violations(model, most)


def body_violations(model, most):
    for wire, (_, shape) in body_members(model).items():
        for place, what, wrong in wrong_values(shape, most.body.get(wire),
                                               wire):
            made = most.copy()
            made.body[wire] = wrong
            yield f"{what} {place}", made, BAD, ()
    made = most.copy()
    made.body[NONSENSE] = "x"
    yield "unknown-member", made, BAD, (NONSENSE,)
    for what, body, words in broken_bodies(model):
        made = most.copy()
        made.body = body
        yield f"body {what}", made, BAD, words
