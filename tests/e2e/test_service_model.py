"""Every operation of Amazon's own model of API Gateway: what is right is done
and answered in the model's shapes, and what is wrong in one thing is refused
in the model's errors and changes nothing.

A row's name says operation and violation.  Requests come from
support/service_model.py, what they speak of from service_scene.py,
service_examples.py and service_wrong.py beside it.

SPDX-License-Identifier: Apache-2.0
"""
import sqlite3

import pytest

from conftest import live
from support import service_examples as examples
from support.service_model import (
    BAD, MISSING, NONSENSE, OPERATIONS, Client, check_bad, check_good,
    fill, make, violations, wire_name)
from support.service_scene import Scene
from support.service_wrong import VALUES

# What moves by itself, and the trail, in which refusals stand too.
NOT_CONFIGURATION = ("audit_", "fold", "ledger_", "lease", "meta", "meter_",
                     "sqlite_", "usage_detail")


# Every row makes its own things in the scene's one API: any number of them.
NO_QUOTAS = {"limits": {"resources": 0, "stages": 0, "authorizers": 0,
                        "models": 0, "documentation_parts": 0}}


class Stand:
    """The scene, a client, and the store's rows."""

    def __init__(self, world):
        self.scene = Scene(world)
        self.client = Client(world.stack.ports["admin"], world.credentials)
        self.number = 0
        path = world.stack.folder / "private/tallygate.db"
        self.store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.tables = [name for name, in self.store.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(NOT_CONFIGURATION)]

    def rows(self):
        """Everything that a refusal must leave as it was."""
        return {name: self.store.execute(f"SELECT * FROM {name}").fetchall()
                for name in self.tables}

    def names(self):
        self.number += 1
        return {**self.scene.names, "n": str(self.number), "none": "nobody"}

    def send(self, request, names=None):
        return self.client.send(request.fill(names or self.names()))


@pytest.fixture(scope="module")
def stand(request):
    for world in live(request, "service-model", more=NO_QUOTAS):
        made = Stand(world)
        yield made
        made.store.close()
        made.client.connection.close()


#
# ---- requests
#

def arguments(name, is_whole):
    """An example of the input: what is required, or all that there is."""
    shape = OPERATIONS[name].input_shape
    given = examples.EXAMPLES.get(name, {})
    if not is_whole:
        given = {**given, **examples.LEAST.get(name, {})}
    made = {}
    for member in shape.members if shape else ():
        value = given.get(member, examples.NAMED.get(member))
        if member == "patchOperations":
            made[member] = [patch(*examples.PATCHES[name][0])]
        elif member in shape.required_members:
            assert value is not None, f"{name}.{member} has no example"
            made[member] = value
        elif member in examples.LEAST.get(name, ()) or (
                is_whole and member in {**given, "limit": 1}):
            made[member] = value
    return made


def patch(op, path, value):
    made = {"op": op, "path": path}
    return made if value is None else {**made, "value": value}


def least(name):
    return make(name, arguments(name, False))


def most(name):
    return make(name, arguments(name, True))


def changed(name, change):
    """All that there is, with other members; None: without it."""
    given = {**arguments(name, True), **change}
    return make(name, {member: value for member, value in given.items()
                       if value is not None})


def built():
    """Operations that do something."""
    return [name for name in OPERATIONS if name not in examples.REFUSED]


def table(rows):
    """(name of the row, what it needs ...), for parametrize."""
    rows = list(rows)
    return {"argvalues": [row[1:] for row in rows],
            "ids": [row[0] for row in rows]}


def prepared(stand, name, request):
    """The request about something that the test may spoil."""
    maker = examples.MAKERS.get(name)
    names = stand.names()
    if maker:
        fresh = maker(stand.scene)
        standing = {**examples.NAMED, **examples.EXAMPLES.get(name, {})}
        shape = OPERATIONS[name].input_shape
        for member, value in fresh.items():
            request = renamed(request, wire_name(member, shape.members[
                member]), standing[member], value)
    return request.fill(names), names


def renamed(request, wire, old, new):
    """With another thing in the place of the standing one."""
    made = request.copy()
    quoted = old.replace("$", "%24")
    made.path = "/".join(new if part == quoted else part
                         for part in made.path.split("/"))
    if isinstance(made.body, dict) and made.body.get(wire) == old:
        made.body[wire] = new
    return made


#
# ---- what is right
#

def good_rows():
    for name in built():
        yield f"{name} required", name, least(name)
        if most(name) != least(name):
            yield f"{name} all", name, most(name)
        for op, path, value in examples.PATCHES.get(name, ()):
            made = least(name)
            made.body["patchOperations"] = [patch(op, path, value)]
            yield f"{name} {op} {path}", name, made
    for name, what, change in examples.OTHERS:
        yield f"{name} {what}", name, changed(name, change)


@pytest.mark.parametrize("name, request_", **table(good_rows()))
def test_what_is_right_is_done(stand, name, request_):
    request, names = prepared(stand, name, request_)
    value = check_good(stand.client.send(request), name)
    shape = OPERATIONS[name].output_shape
    sent = request_.body if isinstance(request_.body, dict) else {}
    if value and shape:                 # what was given comes back
        known = {wire_name(*pair) for pair in shape.members.items()}
        for member in set(sent) & known:
            if member not in SILENT.get(name, ()):
                assert value[member] == fill(sent[member], names), member


# Members whose answer is another thing: nothing is ignored there either.
SILENT = {
    "CreateApiKey": ("stageKeys",),
}


#
# ---- what is wrong
#

def bad_rows():
    for name in built():
        for what, made, status, words in violations(name, least(name),
                                                    most(name)):
            yield f"{name} {what}", name, made, status, words
        yield from unknown_rows(name)
        yield from patch_rows(name)
    yield from value_rows()


def unknown_rows(name):
    """Ids that are nobody's, and ids of another API."""
    shape = OPERATIONS[name].input_shape
    given = arguments(name, False)
    uri = [member for member in (shape.members if shape else ())
           if shape.members[member].serialization.get("location") == "uri"]
    for member in uri:
        value, status = EXCEPT.get((name, member)) or (
            examples.UNKNOWN.get(member, (NONSENSE, MISSING)))
        if value is not None:
            yield (f"{name} unknown {member}", name,
                   make(name, {**given, member: value}), status, ())
    if "restApiId" in uri and len(uri) > 1 and (
            (name, "other") not in EXCEPT):
        yield (f"{name} of another API", name,
               make(name, {**given, "restApiId": "$other"}), MISSING, ())


def value_rows():
    for name, what, change, status, words in VALUES:
        yield f"{name} {what}", name, changed(name, change), status, words


# (operation, member): what is wrong there, and the status; None: nothing is.
# (operation, "other"): what it names is there in the other API, too.
EXCEPT = {
    ("GetUsagePlanKeys", "usagePlanId"): (None, None),
    ("CreateRequestValidator", "restApiId"): (NONSENSE, BAD),
    ("PutGatewayResponse", "other"): None,
    ("UpdateGatewayResponse", "other"): None,
    ("GetGatewayResponse", "other"): None,
    ("PutGatewayResponse", "responseType"): ("FROBNICATE", BAD),
    ("PutMethod", "httpMethod"): ("FROBNICATE", BAD),
    ("PutMethodResponse", "statusCode"): ("2x9", BAD),
    ("PutIntegrationResponse", "statusCode"): ("2x9", BAD),
}


def patch_rows(name):
    """Each after one that is right: all are done, or none."""
    if name not in examples.PATCHES:
        return
    good = patch(*examples.PATCHES[name][0])
    bad = [(patch(*row[:3]), *(row[3:] or (BAD,)))
           for row in examples.BAD_PATCHES.get(name, ())]
    bad += [(wrong, BAD) for wrong in (
        {**good, "path": "/" + NONSENSE}, {**good, "path": NONSENSE},
        {**good, "path": ""}, {**good, "path": "/"},
        {**good, "path": good["path"] + "/" + NONSENSE},
        {"op": "replace", "value": "x"}, {**good, "op": "test"},
        {**good, "op": "move", "from": "/name"},
        {"path": good["path"], "value": "x"})]
    for wrong, status in bad:
        made = least(name)
        made.body["patchOperations"] = [good, wrong]
        yield (f"{name} patch {wrong.get('op')} {wrong.get('path')} "
               f"{str(wrong.get('value'))[:20]}", name, made, status, ())


@pytest.mark.parametrize("name, request_, status, words",
                         **table(bad_rows()))
def test_what_is_wrong_changes_nothing(stand, name, request_, status, words):
    request, _ = prepared(stand, name, request_)
    before = stand.rows()
    message = check_bad(stand.client.send(request), name, status)
    assert all(word in message for word in words), message
    assert stand.rows() == before


#
# ---- what the gateway has not
#

@pytest.mark.parametrize("name", sorted(examples.REFUSED))
def test_what_is_not_there_is_refused_by_name(stand, name):
    status, message = examples.REFUSED[name]
    shape = OPERATIONS[name].input_shape
    given = {**examples.NAMED, **examples.REFUSED_INPUT.get(name, {})}
    made = make(name, {member: given[member] for member in shape.members
                       if member in shape.required_members})
    before = stand.rows()
    assert check_bad(stand.send(made), name, status) == message
    assert stand.rows() == before


@pytest.mark.parametrize("name, member", sorted(examples.REFUSED_MEMBERS))
def test_a_setting_that_is_not_there_is_refused(stand, name, member):
    value, words = examples.REFUSED_MEMBERS[name, member]
    request, _ = prepared(stand, name, make(
        name, {**arguments(name, True), member: value}))
    before = stand.rows()
    message = check_bad(stand.client.send(request), name, BAD)
    assert words in message
    assert stand.rows() == before


def test_every_operation_and_member_is_in_a_table():
    assert len(OPERATIONS) == 124
    for name in built():
        shape = OPERATIONS[name].input_shape
        assert name.startswith("Update") == (name in examples.PATCHES)
        for member in shape.members if shape else ():
            assert (member in arguments(name, True)
                    or member == "position"
                    or (name, member) in examples.REFUSED_MEMBERS
                    or any(name == other and member in change
                           for other, _, change in examples.OTHERS)), (
                f"{name}.{member} has no example")
