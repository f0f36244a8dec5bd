"""latency.py - what folding costs the calls

The slowest hundredth of the answers (p99) while the daemon folds every
second, and while it stands still (SIGSTOP): the workers need no daemon, so
what differs is the fold.  wrk walks all keys at random on one worker, so that
each fold finds as many changed meters as there can be.  Rounds take turns.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import signal
import statistics
import subprocess

from bench import BenchError, spread
from benchmarks.pair import Pair

SUMMARY = "the p99 of calls while the daemon folds and while it stands still"
UNITS = {"us": 0.001, "ms": 1, "s": 1000}


def load(bench, pair):
    """One round; {"p50_ms", "p99_ms", "rps"}."""
    argv = pair.wrk(pair.tallygate, bench.options.seconds)
    argv.insert(argv.index("-s"), "--latency")
    said = subprocess.run(argv, capture_output=True, text=True).stdout
    members = {}
    for percent in (50, 99):
        found = re.search(rf"^ *{percent}% +([\d.]+)(us|ms|s)$", said, re.M)
        if not found or "Non-2xx" in said or "errors" in said:
            raise BenchError(f"wrk says:\n{said}")
        members[f"p{percent}_ms"] = float(found[1]) * UNITS[found[2]]
    members["rps"] = float(re.search(r"Requests/sec: +([\d.]+)", said)[1])
    return members


def run(bench):
    with Pair(bench, 1) as pair:
        for keys in bench.options.keys:
            pair.add_keys(keys)
            pair.restart(1)
            measure(bench, pair)


def measure(bench, pair):
    rows = []
    for number in range(bench.options.rounds + 1):
        for folds in (True, False) if number % 2 else (False, True):
            pair.settle()
            if not folds:
                os.kill(pair.stack.daemon.pid, signal.SIGSTOP)
            try:
                members = load(bench, pair)
            finally:
                os.kill(pair.stack.daemon.pid, signal.SIGCONT)
            if number:                  # round 0 warms up
                rows.append({"keys": pair.keys, "round": number,
                             "folds": folds, **members})
                bench.row(**rows[-1])
    for what in ("p50_ms", "p99_ms", "rps"):
        on, off = ([row[what] for row in rows if row["folds"] is folds]
                   for folds in (True, False))
        low, middle, high = spread([a / b for a, b in zip(on, off)])
        bench.summary(keys=pair.keys, what=what,
                      folding=statistics.median(on),
                      standing=statistics.median(off), ratio=middle,
                      ratio_low=low, ratio_high=high)
