"""proxy.py - what a call costs more through tallygate than through nginx

For each number of keys and of workers both contestants take turns, round by
round; wrk walks all keys at random.  CPU is the user and system time of the
workers alone, divided by the calls that wrk saw answered.  A ratio is the
median of the rounds' ratios, so that what else the machine does weighs on
both; low and high are the quartiles.

Beside that: memory (PSS) of all processes of each after the load, what a new
key takes (new_key.py), and instructions a call, if there is valgrind
(callgrind.py).

SPDX-License-Identifier: Apache-2.0
"""
import statistics

from bench import BenchError, spread
from benchmarks import callgrind, new_key
from benchmarks.pair import CONNECTIONS, Pair, pss_kb

SUMMARY = "calls through tallygate and through plain nginx"


def measure(bench, pair):
    """The rounds at the present number of keys and workers."""
    contestants = [pair.plain, pair.tallygate]
    before, answered, loads = pair.counted(), 0, 0
    rows = []
    for number in range(bench.options.rounds + 1):
        turn = contestants if number % 2 else contestants[::-1]
        for contestant in turn:
            pair.settle()
            # Round 0 warms caches and connections, and does not count.
            seconds = bench.options.seconds if number else 1
            calls, took, used = pair.load(contestant, seconds)
            if contestant is pair.tallygate:
                answered, loads = answered + calls, loads + 1
            if number:
                rows.append({"contestant": contestant.name,
                             "keys": pair.keys, "workers": pair.workers,
                             "round": number, "cpu_us": used / 1000 / calls,
                             "rps": calls / took})
                bench.row(**rows[-1])
    counted = pair.counted() - before
    # wrk stops in the middle of some calls, which count all the same.
    if not answered <= counted <= answered + loads * CONNECTIONS:
        raise BenchError(f"{answered} calls were answered, {counted} counted")
    return rows


def ratios(rows, what):
    by = {(row["round"], row["contestant"]): row[what] for row in rows}
    return [by[number, "tallygate"] / by[number, "plain"]
            for number, name in by if name == "plain"]


def median(rows, contestant, what):
    return statistics.median(row[what] for row in rows
                             if row["contestant"] == contestant)


def summarize(bench, pair, rows):
    low, middle, high = spread(ratios(rows, "cpu_us"))
    plain_mb, ours_mb = (pss_kb(pids) / 1024 for pids in pair.pids())
    bench.summary(
        keys=pair.keys, workers=pair.workers, cpu_ratio=middle,
        cpu_ratio_low=low, cpu_ratio_high=high,
        rps_ratio=statistics.median(ratios(rows, "rps")),
        cpu_us_plain=median(rows, "plain", "cpu_us"),
        cpu_us_tallygate=median(rows, "tallygate", "cpu_us"),
        rps_plain=median(rows, "plain", "rps"),
        rps_tallygate=median(rows, "tallygate", "rps"),
        pss_mb_plain=plain_mb, pss_mb_tallygate=ours_mb,
        pss_mb_beyond=ours_mb - plain_mb, start_s=pair.start_s,
        **new_key.measure(pair))


def run(bench):
    options = bench.options
    workers = options.workers
    with Pair(bench, workers[0]) as pair:
        for keys in options.keys:
            pair.add_keys(keys)
            # A table that has just grown is not what serves for days.
            for number in workers:
                pair.restart(number)
                summarize(bench, pair, measure(bench, pair))
    callgrind.run_if_possible(bench)
