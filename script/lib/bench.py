"""bench.py - the frame of the benchmarks: options, table, JSON

The benchmarks themselves are the modules of script/lib/benchmarks.  Each gets
a Bench, tells it rows (one measurement each) and summaries (what the rows
say), and this file prints them and writes them down:

    {"machine": {...}, "notes": [...], "rows": [{"name", ...}],
     "summary": [{"name", ...}]}

A row of `proxy` has name, contestant, keys, workers, round, cpu_us and rps;
its summary name, keys, workers, cpu_ratio and rps_ratio, and more.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import importlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import benchmarks
from stack import StackError, Stopped, listen_for_stop


TABLE_WIDTH = 100


class BenchError(Exception):
    """What a benchmark cannot go on with; its text says what."""


def spread(values):
    """(first quartile, median, third quartile)"""
    values = sorted(values)
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4,
                                             method="inclusive")
    return low, middle, high


def shown(value):
    if isinstance(value, float):
        return f"{value:.3f}" if value < 100 else f"{value:.0f}"
    return str(value)


class Bench:
    def __init__(self, options):
        self.options = options
        self.name = None                # of the benchmark that runs
        self.rows = []
        self.summaries = []
        self.notes = []
        self.begun = time.monotonic()

    def say(self, text):
        print(f"[{time.monotonic() - self.begun:4.0f} s] {text}", flush=True)

    def row(self, **members):
        """One measurement; its members are what the JSON has."""
        self.rows.append({"name": self.name, **members})
        self.say(" ".join([self.name, *(
            f"{name}={shown(value)}" for name, value in members.items()
            if not isinstance(value, dict))]))

    def summary(self, **members):
        self.summaries.append({"name": self.name, **members})

    def note(self, text):
        """Something that a reader of the figures has to know."""
        self.notes.append(text)
        self.say(text)

    def print_tables(self):
        """A table for each run of summaries that have the same members."""
        table = []
        for summary in [*self.summaries, {}]:
            if table and list(summary) != list(table[0]):
                print_table(table)
                table = []
            table.append(summary)
        for note in self.notes:
            print("note:", note)

    def json(self):
        return {"machine": machine(), "notes": self.notes,
                "rows": self.rows, "summary": self.summaries}


def print_table(rows):
    """Columns that do not fit the width follow in a table of their own,
    behind those that say which row it is (the first ones, without a dot)."""
    cells = [list(rows[0])]
    cells += [[shown(value) for value in row.values()] for row in rows]
    columns = [[cell.rjust(max(map(len, column))) for cell in column]
               for column in zip(*cells)]
    head = 0
    while (head < len(columns) - 1
           and not isinstance(rows[0][cells[0][head]], float)):
        head += 1
    while columns[head:]:
        fits = head + 1
        while (fits < len(columns) and sum(
                len(column[0]) + 2 for column in columns[:fits + 1])
               <= TABLE_WIDTH):
            fits += 1
        print()
        for line in zip(*columns[:fits]):
            print("  ".join(line).rstrip())
        columns[head:fits] = []


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in info.splitlines()
              if line.startswith("model name")]
    return {"processor": models[0] if models else platform.machine(),
            "processors": os.cpu_count(), "kernel": platform.release(),
            "nginx": first_line("/usr/sbin/nginx", "-v"),
            "commit": first_line("git", "rev-parse", "HEAD"),
            "time": int(time.time())}


def numbers(text):
    found = [int(word) for word in text.split(",")]
    if not found or min(found) < 1:
        raise ValueError
    return found


def count(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


# Flag, reader, default, with --quick, help.  TALLYGATE_BENCH_<NAME> sets it
# too, and the flag goes before it.
OPTIONS = [
    ("rounds", count, "15", "3", "rounds of each comparison"),
    ("seconds", count, "2", "1", "seconds of load a contestant and round"),
    ("keys", numbers, "10000,100000,1000000", "10000",
     "how many API keys there are, one run after the other"),
    ("workers", numbers, "1,2", "1", "nginx's workers, likewise"),
]


def parse(words):
    lines = [f"  {name:<10} {load(name).SUMMARY}"
             for name in benchmarks.NAMES]
    parser = argparse.ArgumentParser(
        prog="script/bench", description="Measures this build.",
        epilog="benchmarks:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"which benchmark (default {benchmarks.DEFAULT})"
                             "; `all' for all of them")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path,
                        help="also write rows and summary there")
    parser.add_argument("--quick", action="store_true",
                        help="a short run, to see that it works")
    parser.add_argument("--save", action="store_true",
                        help="callgrind: make this run the baseline")
    for name, reader, default, quick, text in OPTIONS:
        parser.add_argument(f"--{name}", type=reader, metavar="N",
                            help=f"{text} (default {default}, with --quick "
                                 f"{quick})")
    options = parser.parse_args(words)
    for name, reader, default, quick, _ in OPTIONS:
        if getattr(options, name) is None:
            variable = f"TALLYGATE_BENCH_{name.upper()}"
            text = (os.environ.get(variable)
                    or (quick if options.quick else default))
            try:
                setattr(options, name, reader(text))
            except ValueError:
                parser.error(f"{variable}: invalid value: {text!r}")
    if options.names == ["all"]:
        options.names = list(benchmarks.NAMES)
    options.names = options.names or [benchmarks.DEFAULT]
    for name in options.names:
        if name not in benchmarks.NAMES:
            parser.error(f"there is no benchmark {name!r}: "
                         + ", ".join(benchmarks.NAMES))
    return options


def load(name):
    return importlib.import_module("benchmarks." + name)


def main():
    # The benchmarks import this file for its helpers: the same one, please.
    sys.modules["bench"] = sys.modules["__main__"]
    bench = Bench(parse(sys.argv[1:]))
    listen_for_stop()
    try:
        for bench.name in bench.options.names:
            load(bench.name).run(bench)
    except (BenchError, StackError) as error:
        sys.exit(f"bench: {bench.name}: {error}")
    except Stopped as signal:
        sys.exit(f"bench: stopped by {signal}")
    bench.print_tables()
    if bench.options.json:
        bench.options.json.write_text(json.dumps(bench.json(), indent=1)
                                      + "\n")


if __name__ == "__main__":
    main()
