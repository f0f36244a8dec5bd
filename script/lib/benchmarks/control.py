"""control.py - the control plane's operations with many keys

For each number of keys: how long creating, finding, listing, changing,
attaching and deleting a key takes, paging through all of them to the end, and
what memory the daemon has then.  One client on one kept-alive connection, its
requests signed beforehand: what is timed is the product, each answer before
the next question.  Every key has a name of its own, every CUSTOMER_KEYS keys
are one customer's.

None of this may grow with the number of keys beyond a logarithm: the summary
has the medians side by side, and says by what factor each one grew.

SPDX-License-Identifier: Apache-2.0
"""
import random
import sqlite3
import statistics
import time
import urllib.parse

from bench import BenchError, spread
from benchmarks.new_key import Admin
from benchmarks.pair import Pair, pss_kb

SUMMARY = "many keys: operations of the control plane, paging, memory"
SAMPLES = 200
CUSTOMER_KEYS = 4
PAGE = 500
EDGE = 20                               # pages at either end of the walk


class Watch:
    """Sends signed requests and notes what each takes."""

    def __init__(self, pair):
        self.admin = Admin(pair)

    def timed(self, request, *expected):
        begun = time.monotonic()
        answer = self.admin.send(request, *expected)
        return 1000 * (time.monotonic() - begun), answer

    def each(self, requests, *expected):
        """(milliseconds of each, answers)"""
        signed = [self.admin.signed(*request) for request in requests]
        return zip(*[self.timed(request, *expected) for request in signed])


def give_customers(pair):
    """No import can name customers, and a PATCH a key would take an hour:
    written into the store while nobody has it open."""
    pair.stop_contestants()
    store = sqlite3.connect(pair.stack.folder / "private/tallygate.db")
    store.execute("UPDATE api_key SET customer_id = 'customer-' || "
                  "(CAST(substr(name, 6) AS INTEGER) / ?)", [CUSTOMER_KEYS])
    store.commit()
    store.close()
    pair.restart(pair.workers)


def walk(watch, keys, **query):
    """All pages to the end: (milliseconds of each page, ids of some keys)"""
    spans, ids, seen, position = [], [], 0, None
    while True:
        query = {**query, "limit": PAGE,
                 **({"position": position} if position else {})}
        span, page = watch.timed(watch.admin.signed(
            "GET", "/apikeys?" + urllib.parse.urlencode(query)), 200)
        spans.append(span)
        seen += len(page["item"])
        ids.append(random.choice(page["item"])["id"])
        position = page.get("position")
        if not position:
            break
    if seen != keys:
        raise BenchError(f"{seen} keys on all pages, {keys} imported")
    return spans, ids


def operations(watch, pair, ids):
    """{operation: milliseconds of each}"""
    spans = {}
    spans["create"], made = watch.each(
        [("POST", "/apikeys", {"name": f"new-{n}", "enabled": True,
                               "customerId": f"new-{n}"})
         for n in range(SAMPLES)], 201)
    made = [key["id"] for key in made]
    spans["attach"], _ = watch.each(
        [("POST", f"/usageplans/{pair.plan}/keys",
          {"keyId": key, "keyType": "API_KEY"}) for key in made], 201)
    spans["get"], _ = watch.each(
        [("GET", f"/apikeys/{random.choice(ids)}") for _ in made], 200)
    chosen = [random.randrange(pair.keys) for _ in made]
    spans["by_customer"], found = watch.each(
        [("GET", f"/apikeys?customerId=customer-{n // CUSTOMER_KEYS}")
         for n in chosen], 200)
    if {len(page["item"]) for page in found} - {CUSTOMER_KEYS}:
        raise BenchError("a customer's keys are not found")
    spans["by_name"], found = watch.each(
        [("GET", f"/apikeys?name=name-{n}") for n in chosen], 200)
    if not all(page["item"] for page in found):
        raise BenchError("a name is not found")
    spans["update"], _ = watch.each(
        [("PATCH", f"/apikeys/{random.choice(ids)}", {"patchOperations": [
            {"op": "replace", "path": "/description", "value": f"d{n}"}]})
         for n in range(SAMPLES)], 200)
    spans["delete"], _ = watch.each(
        [("DELETE", f"/apikeys/{key}") for key in made], 202)
    return spans


def of_prefix(keys):
    """How many of the numbers below keys begin with 1."""
    return sum(1 for n in range(keys) if str(n)[0] == "1")


def report_walk(bench, keys, name, spans):
    """{first pages', last pages' milliseconds}: the same, at whatever end."""
    bench.row(keys=keys, operation=name, pages=len(spans),
              median_ms=spread(spans)[1], max_ms=max(spans))
    return {f"{name}_first_ms": spread(spans[:EDGE])[1],
            f"{name}_last_ms": spread(spans[:-1][-EDGE:] or spans)[1]}


def measure(bench, pair):
    watch = Watch(pair)
    pages, ids = walk(watch, pair.keys)
    named, _ = walk(watch, of_prefix(pair.keys), name="name-1")
    members = {"keys": pair.keys}
    for name, spans in operations(watch, pair, ids).items():
        bench.row(keys=pair.keys, operation=name,
                  per_second=1000 * len(spans) / sum(spans),
                  median_ms=spread(spans)[1], max_ms=max(spans),
                  p99_ms=statistics.quantiles(spans, n=100)[98])
        members[name + "_ms"] = spread(spans)[1]
    members.update(report_walk(bench, pair.keys, "page", pages))
    members.update(report_walk(bench, pair.keys, "named_page", named))
    members["page_keys_per_second"] = 1000 * pair.keys / sum(pages)
    members["daemon_pss_mb"] = pss_kb([pair.stack.daemon.pid]) / 1024
    bench.summary(**members)
    return members


def run(bench):
    workers = min(bench.options.workers)
    before = None
    with Pair(bench, workers) as pair:
        for keys in sorted(bench.options.keys):
            pair.add_keys(keys)
            give_customers(pair)
            members = measure(bench, pair)
            before = before or members
    if members is not before:
        bench.note("from {} to {} keys: {}".format(
            before["keys"], members["keys"], ", ".join(
                f"{name[:-3]} x {members[name] / before[name]:.2f}"
                for name in members if name.endswith("_ms"))))
