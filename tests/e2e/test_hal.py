"""HAL for those who ask for it: the answers of API Gateway v1 with links that
lead where they say, and plain JSON for everybody else, as the SDKs read it.

SPDX-License-Identifier: Apache-2.0
"""
import datetime
import json
import re

import pytest

from support.service_model import Client, Request
from support.service_scene import Scene

HAL = "application/hal+json"
PLAIN = "application/json"
SCENE = "/restapis/{api}/"
# Lists of the scene: each has something in it.
LISTS = ["/apikeys", "/usageplans", "/usageplans/{plan}/keys", "/restapis",
         SCENE + "resources", SCENE + "models", SCENE + "authorizers",
         SCENE + "deployments", SCENE + "stages",
         SCENE + "requestvalidators", SCENE + "gatewayresponses",
         SCENE + "documentation/parts", SCENE + "documentation/versions",
         "/domainnames", "/domainnames/api.example.com/basepathmappings",
         "/sdktypes"]


class Caller:
    """Signs and sends what nobody's SDK would."""

    def __init__(self, world):
        self.world = world
        self.client = Client(world.stack.ports["admin"], world.credentials)

    def send(self, method, target, accept=HAL, body=None):
        headers = {} if accept is None else {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        return self.client.send(
            Request(None, method, target, [], headers, body))

    def get(self, target):
        answer = self.send("GET", target)
        assert answer.status == 200, (target, str(answer))
        assert answer.headers["Content-Type"] == HAL, target
        return answer.json()

    def post(self, target, body):
        answer = self.send("POST", target, HAL, body)
        assert answer.status == 201, str(answer)
        assert answer.headers["Content-Type"] == HAL
        return answer.json()


@pytest.fixture(scope="module")
def caller(shared):
    made = Caller(shared)
    yield made
    made.client.connection.close()


@pytest.fixture(scope="module")
def scene(shared):
    made = Scene(shared)
    shared.client("apigatewayv2").create_api_mapping(
        DomainName="api.example.com", ApiMappingKey="v2/deep",
        ApiId=made.names["api"], Stage="prod")
    return made.names


def self_of(thing):
    return thing["_links"]["self"]["href"]


def items_of(page):
    """Those of a page, an only one too."""
    items = page["_embedded"]["item"]
    return items if isinstance(items, list) else [items]


def plain_of(thing):
    return {name: value for name, value in thing.items()
            if name != "_links"}


def seconds(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), text
    return int(datetime.datetime.fromisoformat(text[:-1] + "+00:00")
               .timestamp())


#
# ---- who gets what
#

ACCEPTS = {
    "none": (None, PLAIN),
    "anything": ("*/*", PLAIN),
    "plain": (PLAIN, PLAIN),
    "any application": ("application/*", PLAIN),
    "another": ("text/html", PLAIN),
    "one that begins so": (HAL + "2", PLAIN),
    "in a parameter": ('text/html;x=application/hal+json', PLAIN),
    "hal": (HAL, HAL),
    "capitals": ("APPLICATION/HAL+JSON", HAL),
    "a parameter": (HAL + "; charset=utf-8", HAL),
    "a quality": (HAL + ";q=0.1", HAL),
    "among others": ("text/html, application/hal+json;q=0.9, */*", HAL),
}


@pytest.mark.parametrize("accept, kind", ACCEPTS.values(), ids=ACCEPTS)
def test_hal_is_for_those_who_ask(caller, scene, accept, kind):
    path = f"/restapis/{scene['api']}"
    plain = caller.send("GET", path, PLAIN)
    answer = caller.send("GET", path, accept)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == kind
    if kind == PLAIN:
        assert answer.body == plain.body
        assert "_links" not in plain.json()
    else:
        assert self_of(answer.json()) == path


def test_a_thing_has_its_link_and_its_dates_as_texts(caller, scene):
    path = f"/restapis/{scene['api']}/stages/prod"
    plain = caller.send("GET", path, PLAIN).json()
    stage = caller.get(path)
    for date in ("createdDate", "lastUpdatedDate"):
        assert isinstance(plain[date], int)
        assert seconds(stage[date]) == plain.pop(date)
        del stage[date]
    assert stage == {"_links": {"self": {"href": path}}, **plain}


def test_the_date_of_a_certificate_is_a_text(caller):
    domain = caller.post("/domainnames", {
        "domainName": "hal.example.com",
        "certificateArn": "arn:aws:acm:us-east-1:1:certificate/1"})
    assert self_of(domain) == "/domainnames/hal.example.com"
    plain = caller.send("GET", self_of(domain), PLAIN).json()
    assert (seconds(domain["certificateUploadDate"])
            == plain["certificateUploadDate"])
    assert caller.send("DELETE", self_of(domain)).status == 202


def test_what_is_made_is_linked_where_it_is(caller, scene):
    api = caller.post("/restapis", {"name": "made", "tags": {
        "createdDate": "1", "item": "2"}})
    path = f"/restapis/{api['id']}"
    assert self_of(api) == path
    assert api["tags"] == {"createdDate": "1", "item": "2"}
    assert caller.get(path) == api
    root = items_of(caller.get(path + "/resources"))[0]
    child = caller.post(self_of(root), {"pathPart": "pets"})
    assert self_of(child) == f"{path}/resources/{child['id']}"
    assert caller.get(self_of(child)) == child
    model = caller.post(path + "/models", {
        "name": "Pet", "contentType": "application/json", "schema": "{}"})
    assert self_of(model) == path + "/models/Pet"
    assert caller.get(self_of(model)) == model
    answer = caller.send("DELETE", path)
    assert (answer.status, answer.body) == (202, b"")


def test_what_is_moved_is_linked_where_it_went(caller, scene):
    mappings = "/domainnames/api.example.com/basepathmappings"
    made = caller.post(mappings, {"basePath": "from", "stage": "prod",
                                  "restApiId": scene["api"]})
    moved = caller.send("PATCH", self_of(made), HAL, {"patchOperations": [
        {"op": "replace", "path": "/basePath", "value": "to"}]}).json()
    assert self_of(moved) == mappings + "/to"
    assert caller.get(self_of(moved)) == moved
    assert caller.send("DELETE", self_of(moved)).status == 202


#
# ---- lists
#

def test_an_only_item_stands_without_its_array(caller):
    api = caller.post("/restapis", {"name": "lists"})["id"]
    path = f"/restapis/{api}/requestvalidators"
    link = {"_links": {"self": {"href": path}}}
    assert caller.get(path) == {**link, "_embedded": {"item": []}}
    made = [caller.post(path, {"name": "one"})]
    assert caller.get(path) == {**link, "_embedded": {"item": made[0]}}
    made.append(caller.post(path, {"name": "two"}))
    page = caller.get(path)
    assert sorted(page["_embedded"]["item"], key=self_of) == sorted(
        made, key=self_of)
    assert plain_of(page) == {"_embedded": page["_embedded"]}
    assert self_of(page) == path


def test_a_page_leads_to_the_next(caller):
    names = [f"page & {n}" for n in range(5)]
    for name in names:
        caller.world.secrets.append(
            caller.post("/apikeys", {"name": name})["value"])
    target, pages = "/apikeys?limit=2&name=page%20%26", []
    while target:
        pages.append(caller.get(target))
        assert "position" not in pages[-1]
        assert self_of(pages[-1]) == "/apikeys"
        target = pages[-1]["_links"].get("next", {}).get("href")
        if target:
            assert target.startswith(
                "/apikeys?limit=2&name=page%20%26&position=")
    assert [len(items_of(page)) for page in pages] == [2, 2, 1]
    assert isinstance(pages[2]["_embedded"]["item"], dict)
    assert [item["name"] for page in pages for item in items_of(page)
            ] == names


def test_usage_has_its_own_link_and_its_days_as_they_were(caller):
    plan = caller.post("/usageplans", {"name": "used"})["id"]
    key = caller.post("/apikeys", {"name": "used"})
    caller.world.secrets.append(key["value"])
    keys = f"/usageplans/{plan}/keys"
    member = caller.post(keys, {"keyId": key["id"], "keyType": "API_KEY"})
    assert self_of(member) == f"{keys}/{key['id']}"
    target = (f"/usageplans/{plan}/usage?startDate=2026-11-01"
              f"&endDate=2026-11-02&keyId={key['id']}")
    usage = caller.get(target)
    assert self_of(usage) == f"/usageplans/{plan}/usage"
    assert plain_of(usage) == caller.send("GET", target, PLAIN).json()
    assert usage["startDate"] == "2026-11-01"


@pytest.mark.parametrize("path", LISTS)
def test_every_item_is_where_its_link_says(caller, scene, path):
    path = path.format(**scene)
    plain = caller.send("GET", path, PLAIN).json()["item"]
    items = items_of(caller.get(path))
    assert len(items) == len(plain) > 0
    for item, before in zip(items, plain):
        assert item.keys() == before.keys() | {"_links"}
        assert self_of(item).startswith(path + "/")
        there = caller.get(self_of(item))
        assert self_of(there) == self_of(item)


#
# ---- what stays as it is
#

@pytest.mark.parametrize("method, target, status", [
    ("GET", "/restapis/nobody", 404),
    ("POST", "/restapis", 400),
    ("GET", "/nothing", 403),
])
def test_errors_are_the_same(caller, method, target, status):
    body = {} if method == "POST" else None
    answers = [caller.send(method, target, accept, body)
               for accept in (PLAIN, HAL)]
    for answer in answers:
        assert answer.status == status
        assert answer.headers["Content-Type"] == PLAIN
        assert answer.body == answers[0].body
        assert answer.json().keys() == {"message"}


@pytest.mark.parametrize("target", [
    "/restapis/{api}/stages/prod/exports/oas30",
    "/v2/domainnames/api.example.com/apimappings",
])
def test_other_answers_are_the_same(caller, scene, target):
    answers = [caller.send("GET", target.format(**scene), accept)
               for accept in (PLAIN, HAL)]
    assert answers[0].status == answers[1].status == 200, str(answers[1])
    assert answers[0].body == answers[1].body
    assert (answers[0].headers["Content-Type"]
            == answers[1].headers["Content-Type"] != HAL)
