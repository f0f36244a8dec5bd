"""fold.py - how fast the collector brings counted calls to the ledger

A call is counted in each of 100,000 meters, each of an agreement of its own,
and folded.  "new": in a new hour, when every meter gets a row in the ledger;
"same": in an hour that it has counted in before, all of them, a hundredth and
none; "sweep": all meters are looked at.  Once in a run, "first": meters that
have never counted before, and "opened": a daemon that has just been started.
In the end every hour is sealed, a record for each agreement and hour.  The
store is a real one on this disk; tests/support/fold-bench.c does it.

SPDX-License-Identifier: Apache-2.0
"""
import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from bench import BenchError, spread

SUMMARY = "folds of 100,000 changed meters"
TOP = pathlib.Path(__file__).resolve().parents[3]
METERS, QUICK_METERS = 100000, 10000


def run(bench):
    meters = QUICK_METERS if bench.options.quick else METERS
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tg-fold-"))
    try:
        done = subprocess.run(
            [TOP / "build/tests/support/fold-bench", folder, str(meters),
             str(min(bench.options.rounds, 7))],
            capture_output=True, text=True)
    finally:
        shutil.rmtree(folder)
    if done.returncode != 0:
        raise BenchError(done.stderr.strip())
    by_kind = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        bench.row(**row)
        if "sealed" in row:
            sealed = row
            continue
        by_kind.setdefault((row["hour"], row["changed"]), []).append(row)
    for (hour, changed), rows in by_kind.items():
        low, middle, high = spread([row["ms"] for row in rows])
        cpu_ms = statistics.median(row["cpu_ms"] for row in rows)
        bench.summary(hour=hour, meters=meters, changed=changed, ms=middle,
                      ms_low=low, ms_high=high, cpu_ms=cpu_ms,
                      rows_per_s=changed / middle * 1000)
    bench.summary(sealed=sealed["sealed"], ms=sealed["ms"],
                  cpu_ms=sealed["cpu_ms"],
                  records_per_s=sealed["sealed"] / sealed["ms"] * 1000)
