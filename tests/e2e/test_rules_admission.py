"""Sections 2 to 5 of the rules for calls: the order of checks, keys,
throttles and quotas.

SPDX-License-Identifier: Apache-2.0
"""
import pytest

from support.ports import free_port
from support.rules import (BAD_REQUEST, FORBIDDEN, NO_ROUTE, Row, mock,
                           operation, proxy, refusal, rows)

HOST = "$keyed.execute-api.x"
THROTTLED = refusal(429, "TooManyRequestsException", "Too Many Requests")
QUOTA_EXCEEDED = refusal(429, "LimitExceededException", "Limit Exceeded")
TOO_LARGE = refusal(413, "RequestTooLargeException", "Request Too Long")
LONG_URI = refusal(414, "BadRequestException", "URI Too Long")
UNREACHABLE = refusal(504, "InternalServerErrorException",
                      "Network error communicating with endpoint")
LONG_HEADERS = refusal(431, "BadRequestException",
                       "Request Header Fields Too Large")
NEVER = 1e-4                    # tokens a second: none comes in a test
MEGABYTE = 1 << 20


@pytest.fixture(scope="module", autouse=True)
def keys(book):
    own = {"integration.request.header.X-Key-Id":
           "context.identity.apiKeyId"}
    api = book.api("keyed", {
        "/x": {"any": operation(book.hit("/x", parameters=own), key=True)},
        "/open": {"any": operation(book.hit("/open", parameters=own))},
        "/mock": {"get": operation(mock(200, '{"up":1}'), key=True)}})
    client = book.world.apigateway
    client.create_deployment(restApiId=api, stageName="test")
    prod = [{"apiId": api, "stage": "prod"}]
    plan = book.plan("keyed_plan", prod)
    book.key("good", plan)
    book.names["GOOD"] = book.names["good"].swapcase()
    book.names["good_start"] = book.names["good"][:-1]
    book.key("second", plan)
    book.key("disabled", plan, enabled=False)
    book.key("stray")
    book.key("elsewhere", book.plan("elsewhere_plan", [
        {"apiId": api, "stage": "test"}]))
    book.key("stopped", book.plan(
        "stopped_plan", prod, throttle={"rateLimit": 0, "burstLimit": 0}))
    spent = book.plan("spent_plan", prod, quota={
        "limit": 1, "period": "MONTH"})
    book.key("spent", spent)
    book.play(Row("5", "the one call", "GET /prod/mock", units=1,
                  headers={"x-api-key": "$spent"}), HOST)
    book.key("both", book.plan("both_plan", prod, throttle={
        "rateLimit": 0, "burstLimit": 0}, quota={
            "limit": 1, "period": "DAY"}))


def sized(total):
    """Headers that have this many bytes, all told."""
    others = len("Host: aaaaaaaaaa.execute-api.x\r\nConnection: close\r\n")
    return {"X-Big": "b" * (total - others - len("X-Big: \r\n"))}


def url(total, start):
    return "GET " + start + "u" * (total - len(start))


def oversize(**headers):
    """A body that is announced, and is too large by a byte."""
    return {"Content-Length": str(10 * MEGABYTE + 1), **headers}


ORDER = [
    Row("2.1", "an unknown host before sizes", "GET /prod/x",
        host="aaaaaaaaaa.execute-api.y", headers=sized(10500), **FORBIDDEN),
    Row("2.2", "headers of 10,240 bytes", "GET /prod/open",
        headers=sized(10240), got="/hit/open"),
    Row("2.2", "headers of 10,241 bytes", "GET /prod/open",
        headers=sized(10241), **LONG_HEADERS),
    Row("2.2", "a URL of 10,240 bytes", url(10240, "/prod/open?"),
        got={"headers": {"X-Key-Id": None}}),
    Row("2.2", "a URL of 10,241 bytes", url(10241, "/prod/open?"),
        **LONG_URI),
    Row("2.2", "sizes before the route", url(10241, "/prod/nothing/"),
        **LONG_URI),
    Row("2.3", "the route before the key", "GET /prod/nothing", **NO_ROUTE),
    Row("2.3", "the verb before the key", "POST /prod/mock", **NO_ROUTE),
    Row("2.6", "the key before the throttle", "GET /prod/x",
        headers={"x-api-key": "${stopped}x"}, **FORBIDDEN),
    Row("2.6", "the key before the body's size", "POST /prod/x",
        headers=oversize(), **FORBIDDEN),
    Row("2.7", "a plan that stops", "GET /prod/x",
        headers={"x-api-key": "$stopped"}, **THROTTLED),
    Row("2.7", "the throttle before the quota", "GET /prod/x",
        headers={"x-api-key": "$both"}, **THROTTLED),
    Row("2.7", "the throttle before the body's size", "POST /prod/x",
        headers=oversize(**{"x-api-key": "$stopped"}), **THROTTLED),
    Row("2.8", "a quota that is used up", "GET /prod/x",
        headers={"x-api-key": "$spent"}, **QUOTA_EXCEEDED),
    Row("2.8", "the quota before the body's size", "POST /prod/x",
        headers=oversize(**{"x-api-key": "$spent"}), **QUOTA_EXCEEDED),
    Row("2.11", "the body's size before the integration", "POST /prod/x",
        headers=oversize(**{"x-api-key": "$good"}), **TOO_LARGE),
    Row("2.11", "without a key, too", "POST /prod/open", headers=oversize(),
        **TOO_LARGE),
]

KEYS = [
    *(Row("3", f"the header {name}", "GET /prod/x", headers={name: "$good"},
          got={"headers": {"X-Key-Id": "$good_id"}}, units=1)
      for name in ("X-API-Key", "x-api-key", "X-Api-Key", "X-API-KEY")),
    Row("3", "another key of the plan", "GET /prod/x",
        headers={"x-api-key": "$second"},
        got={"headers": {"X-Key-Id": "$second_id"}}, units=1),
    Row("3", "the key goes on to the backend", "GET /prod/x",
        headers={"X-Api-Key": "$good"}, got={"lines": ["X-Api-Key: $good"]},
        units=1),
    Row("3", "a key of the other stage's plan, there", "GET /test/x",
        headers={"x-api-key": "$elsewhere"}, got="/hit/x", units=1),
    Row("3", "no key", "GET /prod/x", **FORBIDDEN),
    Row("3", "an empty key", "GET /prod/x", headers={"x-api-key": ""},
        **FORBIDDEN),
    Row("3", "an unknown key", "GET /prod/x", headers={
        "x-api-key": "k" * 40}, **FORBIDDEN),
    Row("3", "the key in other case", "GET /prod/x",
        headers={"x-api-key": "$GOOD"}, **FORBIDDEN),
    Row("3", "the key's id", "GET /prod/x",
        headers={"x-api-key": "$good_id"}, **FORBIDDEN),
    Row("3", "a byte less", "GET /prod/x",
        headers={"x-api-key": "$good_start"}, **FORBIDDEN),
    Row("3", "a byte more", "GET /prod/x", headers={"x-api-key": "${good}x"},
        **FORBIDDEN),
    Row("3", "a disabled key", "GET /prod/x",
        headers={"x-api-key": "$disabled"}, **FORBIDDEN),
    Row("3", "a key of no plan", "GET /prod/x",
        headers={"x-api-key": "$stray"}, **FORBIDDEN),
    Row("3", "a key of another stage's plan", "GET /prod/x",
        headers={"x-api-key": "$elsewhere"}, **FORBIDDEN),
    Row("3", "a stage without plans", "GET /test/x",
        headers={"x-api-key": "$good"}, **FORBIDDEN),
    Row("3", "a key in the query", "GET /prod/x?x-api-key=$good&api_key="
        "$good", **FORBIDDEN),
    Row("3", "a MOCK with its key", "GET /prod/mock",
        headers={"x-api-key": "$good"}, answer={"up": 1}, units=1),
    *(Row("3", f"no key is asked for: {key} is ignored", "GET /prod/open",
          headers={"x-api-key": f"${key}"}, got={
              "target": "/hit/open", "headers": {"X-Key-Id": None}})
      for key in ("good", "stopped", "spent", "disabled", "stray")),
    Row("3", "no key is asked for, and none given", "GET /prod/open",
        got="/hit/open"),
    Row("3", "no key is asked for: rubbish is ignored", "GET /prod/open",
        headers={"x-api-key": "\x01\xff"}, got="/hit/open"),
    Row("6", "no Retry-After, no limits in headers", "GET /prod/x",
        headers={"x-api-key": "$spent"}, **{**QUOTA_EXCEEDED, "has": {
            **QUOTA_EXCEEDED["has"], "Retry-After": None,
            "X-RateLimit-Limit": None}}),
    Row("6", "a refusal has no body by HEAD", "HEAD /prod/x", status=403,
        answer=b"", has={"Content-Length": "23"}),
    Row("2", "what is no HTTP", "GET /",
        raw=b"GET /prod/x\x01y HTTP/1.1\r\nHost: a\r\n\r\n", **BAD_REQUEST),
]


@pytest.mark.parametrize("row", **rows(ORDER, KEYS))
def test_rule(book, row):
    book.play(row, HOST)


OK = {"answer": {"up": 1}, "units": 1}
FREE = {"answer": {"up": 1}}    # nobody is charged for it
RESULTS = {"ok": OK, "free": FREE, "slow": THROTTLED, "spent": QUOTA_EXCEEDED,
           "closed": FORBIDDEN, "failed": {**UNREACHABLE, "units": 1}}


class Limits:
    """Plans, stage settings and the calls that meet them, in order.

    A call is "KEY VERB /path RESULT" or, on the stage test, "KEY test VERB
    /path RESULT"; the keys k1, k2 are in the first plan, k3 in the second.
    """

    def __init__(self, rule, says, calls, plans=({},), methods=None,
                 stage=()):
        self.rule, self.says, self.calls = rule, says, calls
        self.plans, self.methods, self.stage = plans, methods, stage

    def __str__(self):
        return f"{self.rule} {self.says}"


def throttle(burst, rate=NEVER):
    return {"throttle": {"rateLimit": rate, "burstLimit": burst}}


def method(burst, rate=NEVER):
    return {"rateLimit": rate, "burstLimit": burst}


def setting(path, burst, rate=NEVER):
    """Patches of UpdateStage for the throttle of a method."""
    return [("replace", f"{path}/throttling/burstLimit", str(burst)),
            ("replace", f"{path}/throttling/rateLimit", str(rate))]


def quota(limit, period="MONTH", **more):
    return {"quota": {"limit": limit, "period": period, **more}}


LIMITS = [
    Limits("4", "a bucket starts full and has burst tokens",
           ["k1 GET /a ok"] * 3 + ["k1 GET /a slow"] * 2, [throttle(3)]),
    Limits("4", "a bucket for each key",
           ["k1 GET /a ok", "k1 GET /a slow", "k2 GET /a ok",
            "k2 GET /a slow"], [throttle(1)]),
    Limits("4", "a plan's bucket is one for all its stages and methods",
           ["k1 GET /a ok", "k1 test GET /a ok", "k1 GET /b slow",
            "k1 test GET /b slow"], [throttle(2)]),
    Limits("4", "rate 0 refuses everything", ["k1 GET /a slow"],
           [throttle(10, 0)]),
    Limits("4", "burst 0 refuses everything", ["k1 GET /a slow"],
           [throttle(0, 100)]),
    Limits("4", "without a throttle, none", ["k1 GET /a ok"] * 20),
    Limits("4", "rates need not be whole", ["k1 GET /a ok",
                                            "k1 GET /a slow"],
           [throttle(1, 0.1)]),
    Limits("4.1", "a method's limit instead of the plan's",
           ["k1 GET /a ok"] * 2 + ["k1 GET /a slow", "k1 GET /b ok",
                                   "k1 GET /b slow"],
           [throttle(1)], methods={"/a/GET": method(2)}),
    Limits("4.1", "a method's bucket is a key's own",
           ["k1 GET /a ok", "k1 GET /a slow", "k2 GET /a ok"],
           methods={"/a/GET": method(1)}),
    Limits("4.1", "a method's limit is one stage's",
           ["k1 GET /a ok", "k1 GET /a slow"] + ["k1 test GET /a ok"] * 3,
           methods={"/a/GET": method(1)}),
    Limits("4.2", "a stage's limit is shared by its callers",
           ["k1 GET /a ok", "k2 GET /a ok", "k1 GET /a slow",
            "k2 GET /a slow", "k1 test GET /a ok"],
           stage=setting("/*/*", 2)),
    Limits("4.2", "callers without a key, too",
           ["- GET /open free", "- GET /open slow"],
           stage=setting("/*/*", 1)),
    Limits("4.2", "a method's own setting before */*",
           ["k1 GET /a ok", "k1 GET /a ok", "k1 GET /a slow",
            "k1 GET /b slow"],
           stage=setting("/*/*", 0, 0) + setting("/~1a/GET", 2)),
    Limits("4.2", "-1 is no limit", ["k1 GET /a ok"] * 5,
           stage=setting("/*/*", 0, 0) + setting("/~1a/GET", -1, -1)),
    Limits("4", "refused by the stage, the key's token comes back",
           ["k1 GET /a slow"] * 3 + ["k1 GET /b ok"] * 2
           + ["k1 GET /b slow"], [throttle(2)],
           stage=setting("/~1a/GET", 0, 0)),
    Limits("5", "limit requests a period", ["k1 GET /a ok"] * 2
           + ["k1 GET /a spent"] * 2, [quota(2)]),
    Limits("5", "a quota for each key",
           ["k1 GET /a ok", "k1 GET /a spent", "k2 GET /a ok"], [quota(1)]),
    Limits("5", "one for all stages of the plan",
           ["k1 GET /a ok", "k1 test GET /a spent"], [quota(1)]),
    Limits("5", "the offset is taken off the first period",
           ["k1 GET /a ok", "k1 GET /a spent"],
           [quota(3, "MONTH", offset=2)]),
    Limits("5", "what a throttle refuses costs no quota",
           ["k1 GET /a slow"] * 3 + ["k1 GET /b ok"] * 2
           + ["k1 GET /b spent"], [quota(2)], methods={
               "/a/GET": method(0, 0)}),
    Limits("5", "a wrong key or verb costs no quota",
           ["k3 GET /a closed", "- GET /a closed", "k1 GET /a ok",
            "k1 GET /a spent"], [quota(1)]),
]


@pytest.mark.parametrize("limits", **rows(LIMITS))
def test_limits(book, limits):
    client = book.world.apigateway
    api = book.api("limited", {
        "/a": {"get": operation(mock(200, '{"up":1}'), key=True)},
        "/b": {"get": operation(mock(200, '{"up":1}'), key=True)},
        "/open": {"get": operation(mock(200, '{"up":1}'))}})
    client.create_deployment(restApiId=api, stageName="test")
    stages = [{"apiId": api, "stage": name} for name in ("prod", "test")]
    if limits.methods:
        stages[0]["throttle"] = limits.methods
    for number, plan in enumerate(limits.plans):
        made = book.plan(f"limits{number}", stages, **plan)
        for key in (("k1", "k2"), ("k3",))[number]:
            book.key(key, made)
    if len(limits.plans) == 1:
        book.key("k3")
    if limits.stage:
        client.update_stage(restApiId=api, stageName="prod", patchOperations=[
            {"op": op, "path": path, "value": value}
            for op, path, value in limits.stage])
    for number, call in enumerate(limits.calls):
        key, *stage, verb, path, result = call.split()
        book.play(Row(limits.rule, f"{number}: {call}",
                      f"{verb} /{(stage or ['prod'])[0]}{path}",
                      headers={} if key == "-" else {"x-api-key": f"${key}"},
                      **RESULTS[result]), "$limited.execute-api.x")


def play(book, host, *calls):
    for number, call in enumerate(calls):
        path, result = call.split()
        book.play(Row("5", f"{number}: {call}", f"GET /prod{path}",
                      headers={"x-api-key": "$counted"},
                      **RESULTS[result]), host)


@pytest.fixture
def counted(book):
    """An API, and a plan with a quota of 1; its key is $counted."""
    api = book.api("counting", {
        "/a": {"get": operation(mock(200, '{"up":1}'), key=True)},
        "/fails": {"get": operation(proxy(free_port(), "/"), key=True)}})
    plan = book.plan("counting_plan", [{"apiId": api, "stage": "prod"}],
                     **quota(1))
    key = book.key("counted", plan)
    return plan, key, "$counting.execute-api.x"


def test_update_usage_sets_what_remains(book, counted):
    """5: of the present period."""
    plan, key, host = counted
    play(book, host, "/a ok", "/a spent")
    book.world.apigateway.update_usage(
        usagePlanId=plan, keyId=key, patchOperations=[
            {"op": "replace", "path": "/remaining", "value": "2"}])
    play(book, host, "/a ok", "/a ok", "/a spent")


def test_a_changed_limit_acts_on_what_was_counted(book, counted):
    """5: at once, and on the counter that there is."""
    plan, _, host = counted
    play(book, host, "/a ok", "/a spent")
    for limit, calls in (("3", ("/a ok", "/a ok", "/a spent")),
                         ("2", ("/a spent",)), ("4", ("/a ok", "/a spent"))):
        book.world.apigateway.update_usage_plan(
            usagePlanId=plan, patchOperations=[
                {"op": "replace", "path": "/quota/limit", "value": limit}])
        play(book, host, *calls)


def test_what_a_backend_fails_is_billable(book, counted):
    """5: the same calls as are billed: the integration had begun."""
    host = counted[2]
    play(book, host, "/fails failed", "/fails spent", "/a spent")


def test_every_billable_call_was_counted(book):
    """3: a metered call is one unit, all else is none."""
    book.world.wait_counted(book.units)
