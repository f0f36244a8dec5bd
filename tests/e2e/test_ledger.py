"""The ledger as operators and sellers see it: listed, explained, corrected;
its alarms and metrics; usage that waits for its agreement.

SPDX-License-Identifier: Apache-2.0
"""
import csv
import io
import json
import re
import time

import pytest

from support.world import wait_until

GRACE_S = 2                             # billing.grace_s by default


def iso(hour):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(hour))


def ledger(world, *words):
    """The rows of `tallygate ledger --json`."""
    done = world.stack.tallygate("ledger", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["records"]


def explain(world, record):
    done = world.stack.tallygate("ledger", "explain", "--json", record)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def adjust(world, buyer, hour, units, *words):
    done = world.stack.tallygate(
        "ledger", "adjust", "--json", "--agreement",
        buyer.purchase["customerAWSAccountId"], "--hour", iso(hour),
        "--units", str(units), "--reason", "a test", *words)
    return done.returncode, (json.loads(done.stdout) if done.stdout
                             else done.stderr)


def alarms(world):
    return {alarm["name"] for alarm in world.status()["alarms"]}


# /metrics, read as strictly as Prometheus's own text format is written down:
# https://prometheus.io/docs/instrumenting/exposition_formats/

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
SAMPLE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(?:\{(?P<labels>[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
    r'(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*)\})?'
    r" (?P<value>-?\d+(?:\.\d+)?)\Z")


def parse_metrics(text):
    """{sample with its labels: value}; asserts the format's rules: HELP and
    TYPE once, before the samples, which stand together; no sample twice;
    counters end in _total and are not negative."""
    assert text.endswith("\n")
    samples, types, helps, seen = {}, {}, set(), []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            assert NAME.match(name) and words and name not in helps, line
            helps.add(name)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert kind in ("counter", "gauge") and name not in types, line
            types[name] = kind
        else:
            match = SAMPLE.match(line)
            assert match, f"no sample: {line!r}"
            name = match["name"]
            assert name in types and name in helps, line
            if not seen or seen[-1] != name:
                assert name not in seen, f"{name} stands in two places"
                seen.append(name)
            key = name + ("{" + match["labels"] + "}"
                          if match["labels"] else "")
            assert key not in samples, f"twice: {line}"
            samples[key] = float(match["value"])
            if types[name] == "counter":
                assert name.endswith("_total") and samples[key] >= 0, line
    assert set(types) == helps
    return samples


def metrics(world):
    reply = world.wire.get(world.stack.url("admin") + "/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain")
    return parse_metrics(reply.text)


def test_a_ledger_is_listed_explained_and_read_without_the_daemon(world):
    shop = world.sell()
    first, second = shop.buyer(), shop.buyer()
    for buyer, calls in ((first, 3), (second, 2)):
        for _ in range(calls):
            assert buyer.call("/fixed").status == 200
    world.wait_counted(5)
    rows = ledger(world)
    assert [(row["kind"], row["quantity"]) for row in rows
            if row["quantity"] == 3] == [("open", 3)]
    account = first.purchase["customerAWSAccountId"]
    assert world.seal("--agreement", account).returncode == 0
    assert [(row["state"], row["quantity"])
            for row in ledger(world, "--buyer", account)
            if "kind" not in row] == [("settled", 3)]
    assert {row["state"] for row in ledger(world, "--state", "settled")} == {
        "settled"}
    assert ledger(world, "--state", "refused") == []
    assert world.seal().returncode == 0
    hour = world.clock.hour()
    rows = ledger(world, "--hour", iso(hour), "--state", "settled")
    assert sorted(row["quantity"] for row in rows) == [2, 3]
    assert ledger(world, "--to", iso(hour), "--product", shop.code) == []

    record = next(row for row in rows if row["quantity"] == 3)
    story = explain(world, record["id"])
    assert [(part["quantity"], len(part["cells"]))
            for part in story["counted"]] == [(3, 1)]
    assert [move["to"] for move in story["history"]] == [
        "sealed", "sent", "settled"]
    call = story["history"][-1]
    assert call["answer"] == "Success" and call["requestId"]
    assert call["requestId"] in {c["requestId"]
                                 for c in world.market.calls()}
    assert record["meteringRecordId"] in story["next"]
    text = world.stack.tallygate("ledger", "explain", record["id"]).stdout
    for part in (record["id"], call["requestId"], "Success", "next"):
        assert part in text

    table = world.stack.tallygate("ledger").stdout.splitlines()
    assert table[0].split()[:3] == ["STATE", "HOUR", "UNITS"]
    sheet = world.stack.tallygate("ledger", "--csv", "--limit", "all")
    lines = list(csv.DictReader(io.StringIO(sheet.stdout)))
    assert sorted(int(line["quantity"]) for line in lines) == [2, 3]
    assert {line["hour"] for line in lines} == {iso(hour)}

    page = json.loads(world.stack.tallygate(
        "ledger", "--json", "--limit", "1").stdout)
    assert len(page["records"]) == 1 and page["next"]
    rest = ledger(world, "--after", page["next"])
    assert len(rest) == 1 and rest[0]["id"] != page["records"][0]["id"]

    world.stop_daemon()
    done = world.stack.tallygate("ledger", "--json")
    assert done.returncode == 0 and "no daemon" in done.stderr
    assert len(json.loads(done.stdout)["records"]) == 2
    assert explain(world, record["id"])["history"] == story["history"]
    world.start_daemon()


@pytest.mark.parametrize("words,code,word", [
    (("ledger", "--state", "done"), 1, "state"),
    (("ledger", "--limit", "none"), 2, "--limit"),
    (("ledger", "--hour", "noon"), 2, "--hour"),
    (("ledger", "--buyer", "nobody"), 1, "nobody"),
    (("ledger", "--json", "--csv"), 2, "--csv"),
    (("ledger", "explain"), 2, "which record"),
    (("ledger", "explain", "lr-1"), 1, "lr-1"),
    (("ledger", "adjust", "--units", "5"), 2, "--agreement"),
    (("ledger", "adjust", "--units", "many"), 2, "--units"),
    (("ledger", "adjust", "--agreement", "a", "--units", "1", "--hour",
      "2026-11-23T01"), 2, "--reason"),
    (("ledger", "adjust", "--agreement", "nobody", "--units", "1", "--hour",
      "2026-11-23T01", "--reason", "x"), 1, "nobody"),
    (("ledger", "mend"), 2, "mend"),
    (("confirm", "nothing"), 2, "lost"),
])
def test_wrong_words_are_named(shared, words, code, word):
    done = shared.stack.tallygate(*words)
    assert (done.returncode, word in done.stderr) == (code, True), (
        done.stdout + done.stderr)


def test_corrections_of_open_and_sealed_hours(world):
    shop = world.sell()
    buyer = shop.buyer()
    for _ in range(6):
        assert buyer.call("/fixed").status == 200
    world.wait_counted(6)
    hour = world.clock.hour()
    code, answer = adjust(world, buyer, hour, 4)
    assert code == 0 and answer["action"] == "adjusted"
    code, answer = adjust(world, buyer, hour, 4)
    assert code == 0 and answer["action"] == "done_before"
    code, answer = adjust(world, buyer, hour, -7, "--dry-run")
    assert code == 0 and not answer["applied"]
    code, answer = adjust(world, buyer, hour, -7)
    assert code == 0 and answer["applied"]
    code, answer = adjust(world, buyer, hour, -4)
    assert code == 1 and "3 units" in answer
    assert world.seal().returncode == 0
    assert sum(world.market.billed().values()) == 3

    code, answer = adjust(world, buyer, hour, 2)
    assert (code, answer["action"]) == (1, "needs_carry_forward")
    code, answer = adjust(world, buyer, hour, -1, "--carry-forward")
    assert (code, answer["action"], answer["applied"]) == (
        1, "refund", False)
    assert answer["refund"]["billedQuantity"] == 3
    assert answer["refund"]["rightQuantity"] == 2
    record = ledger(world, "--state", "settled")[0]
    assert answer["refund"]["meteringRecordId"] == record["meteringRecordId"]
    code, answer = adjust(world, buyer, hour, 2, "--carry-forward")
    assert code == 0 and answer["billedHour"] == hour + 3600
    story = explain(world, record["id"])
    assert sorted(part["quantity"] for part in story["adjustments"]) == [
        -7, 2, 4]
    assert story["carriedOut"][0]["quantity"] == 2
    assert world.sql("SELECT COUNT(*) FROM audit_event WHERE"
                     " event_name = 'AdjustLedger'") == [(3,)]


def test_usage_finds_its_agreement_when_that_is_known(world):
    """A key without a customerId is used; then the seller gives it one."""
    shop = world.sell()
    buyer = shop.buyer()
    key_id, key = world.key(shop.plan)
    for _ in range(4):
        assert world.call(shop.api, "/fixed", key).status == 200
    world.wait_counted(4)
    samples = metrics(world)
    assert samples['tallygate_unbillable_units_total'
                   '{reason="no_customer_id"}'] == 4
    assert samples['tallygate_meters_without_agreement'
                   '{reason="no_customer_id"}'] == 1
    assert world.seal().returncode == 0
    assert world.market.billed() == {}
    account = buyer.purchase["customerAWSAccountId"]
    world.apigateway.update_api_key(apiKey=key_id, patchOperations=[
        {"op": "replace", "path": "/customerId", "value": account}])
    assert world.seal().returncode == 0
    assert world.market.billed() == {account: 4}
    story = explain(world, ledger(world, "--state", "settled")[0]["id"])
    assert "held until its agreement was known" in (
        story["counted"][0]["reason"])
    assert world.sql("SELECT COUNT(*) FROM audit_event WHERE"
                     " event_name = 'BillHeldUsage'") == [(1,)]


def test_silence_is_an_alarm(traveller):
    """Usage without an agreement: held, then lost, until it is written off;
    and a Marketplace that refuses us."""
    world, clock = traveller, traveller.clock
    shop = world.sell()
    hour = clock.hour() + 3600
    clock.move_to(hour + 60)
    key_id, key = world.key(shop.plan)
    assert world.call(shop.api, "/fixed", key).status == 200
    world.wait_counted(1)
    assert alarms(world) == {"usage_held"}, "at once"
    assert [row["kind"] for row in ledger(world)] == ["open"]
    clock.move_to(hour + 3600 + GRACE_S + 1)
    wait_until(lambda: len(ledger(world, "--state", "held")) == 1,
               "the hour to be sealed", 20)
    done = world.stack.tallygate("status")
    assert "alarm: usage_held: 1 units" in done.stdout
    assert "next: register" in done.stdout
    samples = metrics(world)
    assert samples["tallygate_held_units"] == 1
    assert samples['tallygate_alarm{name="usage_held"}'] == 1
    assert samples['tallygate_alarm{name="usage_lost"}'] == 0
    clock.move_to(hour + 24 * 3600)
    wait_until(lambda: alarms(world) == {"usage_lost"}, "the loss", 20)
    rows = ledger(world, "--state", "lost")
    assert [(row["quantity"], row["apiKeyId"], row["hour"])
            for row in rows] == [(1, key_id, hour)]
    assert "ledger adjust" in rows[0]["next"]
    assert world.stack.tallygate("confirm", "lost").returncode == 0
    assert alarms(world) == set()

    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    world.wait_counted(2)
    world.market.fault("BatchMeterUsage", "refuse", times=1000,
                       status="AccessDeniedException")
    clock.move_to(hour + 25 * 3600 + GRACE_S + 1)
    wait_until(lambda: alarms(world) == {"sending_stopped"},
               "the refusal to be an alarm", 20)
    assert world.status()["figures"]["unsettledUnits"] == 1
    left = metrics(world)["tallygate_seconds_to_deadline"]
    assert 0 < left <= 24 * 3600            # less where a month ends
    clock.move_to(clock.now() + left - 4 * 3600)
    wait_until(lambda: "records_expire" in alarms(world),
               "the deadline to be an alarm", 20)
    left = metrics(world)["tallygate_seconds_to_deadline"]
    assert 0 < left < 6 * 3600
    world.market.post("reset")


def test_a_refused_record_is_counted_by_its_reason(world):
    shop = world.sell()
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    world.wait_counted(1)
    world.market.fault("BatchMeterUsage", "refuse",
                       status="CustomerNotSubscribed")
    assert world.seal().returncode == 1
    world.market.fault("BatchMeterUsage", "throttle", times=1)
    other = shop.buyer()
    assert other.call("/fixed").status == 200
    world.wait_counted(2)
    assert world.seal("--agreement",
                      other.purchase["licenseArn"]).returncode == 0
    samples = metrics(world)
    refused = "tallygate_records_refused_total"
    assert samples[refused + '{reason="CustomerNotSubscribed"}'] == 1
    assert samples[refused + '{reason="DuplicateRecord"}'] == 0
    assert samples["tallygate_records_settled_total"] == 1
    assert samples["tallygate_settled_units_total"] == 1
    assert samples["tallygate_metering_throttled_total"] == 1
    assert samples["tallygate_metering_requests_in_flight"] == 0
    assert samples["tallygate_reporter_is_holder"] == 1


def test_metrics_are_as_prometheus_reads_them(shared):
    shop = shared.sell("prod-metrics")
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    samples = metrics(shared)
    assert samples["tallygate_workers"] >= 1
    for state in ("sealed", "sent", "settled", "refused", "expired",
                  "carried"):
        assert f'tallygate_ledger_records{{state="{state}"}}' in samples
    assert all(value == 0 for name, value in samples.items()
               if name.startswith("tallygate_alarm{"))
