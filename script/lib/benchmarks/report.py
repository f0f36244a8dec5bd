"""report.py - how fast a sealed hour of 100,000 buyers is told to Amazon

The daemon seals an hour in which each of 100,000 agreements used something,
and sends it to the sandbox, with the pacing of both lifted.  Sealing and
sending are measured apart: until all is sealed the sandbox stands still, so
that nothing is settled before the clock runs.  The share that is ours is the
daemon's processor time against the daemon's and the sandbox's together; the
load is on both processors from the first request to the last answer.

The buyers are put into the sandbox's journal and the daemon's store while
both are stopped, each like one that was bought before in the usual way.

SPDX-License-Identifier: Apache-2.0
"""
import json
import pathlib
import re
import shutil
import signal
import sqlite3
import tempfile
import time

from bench import BenchError
from benchmarks.pair import cpu_ns, free_port, pss_kb
from stack import Stack, wait_until

SUMMARY = "a sealed hour of 100,000 buyers, sent to the sandbox"
BUYERS, QUICK_BUYERS = 100000, 5000
CODE = "prod-bench"
STANDSTILL_S = 28                       # a request waits for 30 s


def unpaced(stack):
    stack.more = {"marketplace": {"account_rate": 0},
                  "sandbox": {"account_rate": 0}}


def buy_one(stack):
    """A product and an agreement, in the sandbox's journal."""
    stack.start_sandbox()
    url = stack.url("sandbox") + "/_sandbox/"
    stack.wire.post_json(url + "products", {
        "productCode": CODE, "name": CODE, "model": "subscription",
        "dimensions": [{"name": "apigateway"}], "identity": "license",
        "fulfilmentUrl": stack.url("portal") + "/register"})
    stack.wire.post_json(url + "purchases", {"productCode": CODE})
    stack.sandbox.stop()


def license_of(number):
    return f"arn:aws:license-manager::294406891311:license:l-{number:032x}"


def account_of(number):
    return f"{900000000000 + number}"


def buy_more(stack, buyers):
    """In the sandbox's journal, the same again with other names."""
    journal = stack.folder / "sandbox/journal"
    line = next(line for line in journal.read_text().splitlines()
                if '"purchase"' in line)
    event = json.loads(line)
    agreement = event["agreement"]
    agreement["activatedAt"] -= 7200
    with journal.open("a") as out:
        for number in range(buyers):
            agreement["agreementId"] = f"agmt-{number:025d}"
            agreement["customerAWSAccountId"] = account_of(number)
            agreement["licenseArn"] = license_of(number)
            event["token"] = f"token-{number}"
            out.write(json.dumps(event, separators=(",", ":")) + "\n")


def use_an_hour(stack, buyers):
    """Each buyer has used something in the present hour."""
    store = sqlite3.connect(stack.folder / "private/tallygate.db")
    hour = int(time.time()) // 3600 * 3600
    node = store.execute("SELECT value FROM meta WHERE name = 'node_id'"
                         ).fetchone()[0]
    with store:
        store.executemany(
            "INSERT INTO agreement (id, product_code, identity_mode,"
            " customer_aws_account_id, license_arn, state, activated_s,"
            " created_s, updated_s)"
            " VALUES (?, ?, 'license', ?, ?, 'active', ?, 1, 1)",
            ((f"agreement-{number}", CODE, account_of(number),
              license_of(number), hour - 3600) for number in range(buyers)))
        store.executemany(
            "INSERT INTO usage_source (id, node, agreement_id, product_code,"
            " dimension, key_id, plan_id, late_s, reason)"
            " VALUES (?, ?, ?, ?, 'apigateway', ?, 'plan', 0, '')",
            ((number + 1, node, f"agreement-{number}", CODE, f"key-{number}")
             for number in range(buyers)))
        store.executemany(
            "INSERT INTO usage_hour (hour, source, quantity)"
            " VALUES (?, ?, ?)",
            ((hour, number + 1, number % 1000 + 1)
             for number in range(buyers)))
    store.close()


def records(stack, states):
    store = sqlite3.connect(
        f"file:{stack.folder}/private/tallygate.db?mode=ro", uri=True)
    try:
        marks = ",".join("?" * len(states))
        return store.execute("SELECT coalesce(sum(records), 0) FROM"
                             f" ledger_total WHERE state IN ({marks})",
                             states).fetchone()[0]
    finally:
        store.close()


def peak_kb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1])


def may_seal(stack):
    """Whether the clock is believed: the Marketplace was asked."""
    metrics = stack.wire.get(stack.url("admin") + "/metrics").text
    return re.search(r"^tallygate_sealing_held 0$", metrics, re.M)


def seal(stack, buyers):
    """Seals the hour while the Marketplace does not answer: none of it is
    settled when this ends.  Returns the command, which waits for the rest,
    and how long it took."""
    stack.sandbox.child.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    sealing = stack.begin("seal")
    wait_until(lambda: records(stack, ("sealed", "sent")) >= buyers,
               "the hour to be sealed", STANDSTILL_S)
    return sealing, time.monotonic() - begun


def send(stack, buyers):
    """Lets the Marketplace answer.  Returns seconds, and microseconds of
    processor time that a record cost the daemon and the sandbox."""
    pids = stack.daemon.pid, stack.sandbox.pid
    if records(stack, ("settled",)) != 0:
        raise BenchError("records were settled before the clock ran")
    before = [cpu_ns(pid) for pid in pids]
    begun = time.monotonic()
    stack.sandbox.child.send_signal(signal.SIGCONT)
    wait_until(lambda: records(stack, ("settled",)) >= buyers,
               "every record to be settled", 600)
    took = time.monotonic() - begun
    return took, *((cpu_ns(pid) - earlier) / 1000 / buyers
                   for pid, earlier in zip(pids, before))


def measure(bench, stack, buyers):
    wait_until(lambda: may_seal(stack), "sealing to be allowed")
    sealing, seal_s = seal(stack, buyers)
    send_s, ours, theirs = send(stack, buyers)
    if sealing.wait() != 0:
        raise BenchError("tallygate seal did not settle every record")
    row = {"buyers": buyers, "seal_s": seal_s, "send_s": send_s,
           "records_per_s": buyers / send_s,
           "cpu_us_ours": ours, "cpu_us_sandbox": theirs,
           "share_ours": ours / (ours + theirs),
           "pss_mb": pss_kb([stack.daemon.pid]) / 1024,
           "peak_mb": peak_kb(stack.daemon.pid) / 1024}
    bench.row(**row)
    bench.summary(**row)


def run(bench):
    buyers = QUICK_BUYERS if bench.options.quick else BUYERS
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tg-report-"))
    folder.chmod(0o755)
    stack = Stack(folder / "s", {name: free_port() for name in (
        "gateway", "portal", "admin", "sandbox", "example")},
        settings=folder / "tallygate.yaml")
    unpaced(stack)
    stack.write_settings()
    (stack.folder / "endpoints.json").write_text("{}\n")
    try:
        buy_one(stack)
        buy_more(stack, buyers)
        stack.start_sandbox()
        stack.start_daemon()            # makes the store
        stack.daemon.stop()
        stack.stop_nginx()
        use_an_hour(stack, buyers)
        stack.start_daemon()
        measure(bench, stack, buyers)
    finally:
        if stack.sandbox:
            stack.sandbox.child.send_signal(signal.SIGCONT)
        stack.stop()
        shutil.rmtree(folder)
