"""benchmarks - what script/bench can measure, a module each

A benchmark is a module of this package with

    SUMMARY     one line for `script/bench --help`
    run(bench)  measures; bench is script/lib/bench.py's Bench, which has the
                options and takes the results (row, summary, note)

A new one needs its module and its name here, in the order of the help.

SPDX-License-Identifier: Apache-2.0
"""
NAMES = ["proxy", "callgrind", "keys", "control", "fold", "latency", "report"]
DEFAULT = "proxy"
