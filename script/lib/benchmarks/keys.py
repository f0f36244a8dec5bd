"""keys.py - many keys, end to end

For each number of keys: what a start of the daemon takes, which compares the
store with the key table; a new key and a deleted one; /metrics and `tallygate
status`; and a growth of the key table while it serves: wrk walks all keys,
somebody asks one after the other with one key and notes the slowest answer,
and keys are imported until the table is another one.

SPDX-License-Identifier: Apache-2.0
"""
import http.client
import subprocess
import threading
import time

from bench import BenchError, spread
from benchmarks import new_key
from benchmarks.pair import CHUNK, KEY, Pair, cpu_ns, pss_kb

SUMMARY = "many keys: start, new and deleted keys, growth under load"
SAMPLES = 20


class Asker(threading.Thread):
    """Asks with one key, again and again, and notes the slowest answer."""

    def __init__(self, pair):
        super().__init__(daemon=True)
        self.pair, self.is_over = pair, False
        self.slowest_ms, self.calls, self.wrong = 0.0, 0, []
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1",
                                                self.pair.tallygate.port)
        while not self.is_over:
            begun = time.monotonic()
            status = new_key.ask(self.pair, connection, KEY % 0)
            span = 1000 * (time.monotonic() - begun)
            self.slowest_ms = max(self.slowest_ms, span)
            self.calls += 1
            if status != 200:
                self.wrong.append(status)

    def stop(self):
        self.is_over = True
        self.join()


def generation(pair):
    """Number of the newest key table."""
    return max(int(path.suffix[1:])
               for path in pair.stack.folder.glob("keys.[0-9]*")
               if path.suffix[1:].isdigit())


def grow_under_load(bench, pair):
    before, first, begun = generation(pair), pair.keys, time.monotonic()
    wrk = subprocess.Popen(pair.wrk(pair.tallygate, 3600),
                           stdout=subprocess.PIPE, text=True)
    asker = Asker(pair)
    try:
        while generation(pair) == before:
            if pair.keys > 2 * first + CHUNK:
                raise BenchError("the key table does not grow")
            pair.add_keys(pair.keys + min(CHUNK, first))
    finally:
        asker.stop()
        wrk.send_signal(2)              # it prints what it has seen
        said = wrk.communicate()[0]
    took = time.monotonic() - begun
    if "Non-2xx" in said or "errors" in said or asker.wrong:
        raise BenchError(f"calls failed while the table grew: {asker.wrong}\n"
                         f"{said}")
    bench.say(f"the table grew with {pair.keys - first} more keys in "
              f"{took:.1f} s; {asker.calls} calls one after the other")
    return {"imported_a_second": (pair.keys - first) / took,
            "slowest_ms_growing": asker.slowest_ms}


def reading(pair):
    """Median milliseconds of what operators look at."""
    url = pair.stack.url("admin")
    members = {}
    for name in ("metrics", "healthz"):
        samples = []
        for _ in range(SAMPLES):
            begun = time.monotonic()
            if pair.stack.wire.get(f"{url}/{name}").status != 200:
                raise BenchError(f"/{name} does not answer 200")
            samples.append(1000 * (time.monotonic() - begun))
        members[name + "_ms"] = spread(samples)[1]
    begun = time.monotonic()
    if pair.stack.tallygate("status", "--json").returncode != 0:
        raise BenchError("tallygate status fails")
    members["status_ms"] = 1000 * (time.monotonic() - begun)
    return members


def run(bench):
    workers = max(bench.options.workers)
    for keys in bench.options.keys:
        with Pair(bench, workers) as pair:
            pair.add_keys(keys)
            pair.restart(workers)
            cpu_s = cpu_ns(pair.stack.daemon.pid) / 1e9
            idle_mb = pss_kb(pair.pids()[1]) / 1024
            members = {"start_s": pair.start_s, "start_cpu_s": cpu_s,
                       "pss_mb_idle": idle_mb, **new_key.measure(pair),
                       **reading(pair), **grow_under_load(bench, pair)}
            bench.row(keys=keys, workers=workers, **members)
            bench.summary(keys=keys, workers=workers, **members)
