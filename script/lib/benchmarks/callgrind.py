"""callgrind.py - instructions a call, which no noise touches

One worker of each contestant runs under valgrind and serves calls one after
the other on one connection, a thousand keys in turn; the difference between
a long and a short run is what a call costs.  Counts are those of the
program alone (not of the kernel), by library, and by function of the module.

The baseline (docs/internals/callgrind.json) is what a later change is held
against.  It names the versions that it was made with: another compiler,
OpenSSL or nginx counts differently.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

from bench import BenchError, first_line
from benchmarks.pair import KEY, Pair, children
from stack import TOP, Process, wait_until

SUMMARY = "instructions a call in all and in the module (needs valgrind)"
BASELINE = TOP / "docs/internals/callgrind.json"
SHORT, LONG = 300, 2300
KEYS = 1000
MODULE = "ngx_http_tallygate_module.so"
TOLERANCE = 0.005                       # of the module's own instructions


def costs(path):
    """Own instructions by (library, function), from callgrind's file."""
    names = {"ob": {}, "fn": {}}
    total = collections.Counter()
    library = function = None
    skip = False
    for line in path.read_text(errors="replace").splitlines():
        found = re.match(r"(ob|fn)=\((\d+)\)(?: (.*))?$", line)
        if found:
            kind, number, name = found.groups()
            if name is not None:
                names[kind][number] = name
            if kind == "ob":
                library = names[kind][number]
            else:
                function = names[kind][number]
        elif line.startswith("calls="):
            skip = True                 # the line behind it is the callee's
        elif line.startswith(("cob=", "cfn=")):
            found = re.match(r"c(ob|fn)=\((\d+)\) (.*)$", line)
            if found:
                names[found[1]][found[2]] = found[3]
        elif re.match(r"[+\-*\d]", line):
            if not skip:
                total[pathlib.Path(library).name, function] += int(
                    line.split()[1])
            skip = False
    return total


class Server:
    """nginx under callgrind, for one run."""

    def __init__(self, pair, name, conf, port):
        self.port, self.folder = port, pair.folder / f"callgrind-{name}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.process = Process(
            f"{name} under valgrind",
            ["valgrind", "--tool=callgrind", "--quiet",
             f"--callgrind-out-file={self.folder}/out.%p",
             "/usr/sbin/nginx", "-p", pair.folder, "-c", conf],
            self.folder / "log")
        wait_until(lambda: children(self.process.pid), f"{name}'s worker",
                   60, self.process.check)
        self.worker = children(self.process.pid)[0]

    def calls(self, pair, count):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=60)
        wait_until(lambda: self.connects(connection), "a connection", 60,
                   self.process.check)
        for number in range(count):
            connection.request("GET", pair.path, headers={
                "Host": pair.host, "Accept": "application/json",
                "User-Agent": "bench", "x-api-key": KEY % (number % KEYS)})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise BenchError(f"status {answer.status} under valgrind")

    @staticmethod
    def connects(connection):
        try:
            connection.connect()
            return True
        except OSError:
            return False

    def end(self):
        status = self.process.stop(signal.SIGQUIT, 60)
        if status != 0:
            raise BenchError(f"{self.process.ending()}:\n"
                             f"{self.process.tail()}")
        return costs(self.folder / f"out.{self.worker}")


def run_of(pair, name, conf, port, count):
    server = Server(pair, name, conf, port)
    try:
        server.calls(pair, count)
    except BaseException:
        server.process.stop()
        raise
    return server.end()


def a_call(pair, name, conf, port):
    short = run_of(pair, name, conf, port, SHORT)
    long = run_of(pair, name, conf, port, LONG)
    long.subtract(short)
    return {what: count / (LONG - SHORT) for what, count in long.items()}


def by_library(found):
    libraries = collections.Counter()
    for (library, _), count in found.items():
        libraries[library] += count
    return {name: round(count, 1)
            for name, count in libraries.most_common() if count >= 1}


def versions():
    return {"nginx": first_line("/usr/sbin/nginx", "-v"),
            "compiler": first_line(os.environ.get("CC", "gcc"), "--version"),
            "openssl": first_line("openssl", "version"),
            "libc": first_line("ldd", "--version")}


def measure(bench):
    with Pair(bench, 1) as pair:
        pair.add_keys(KEYS)
        pair.plain_process.stop()
        pair.stack.daemon.stop()
        pair.stack.daemon = None
        bench.say("callgrind: plain nginx")
        plain = a_call(pair, "plain", pair.folder / "plain.conf",
                       pair.plain_port)
        bench.say("callgrind: tallygate")
        ours = a_call(pair, "tallygate",
                      pair.stack.folder / "run/nginx.conf",
                      pair.stack.ports["gateway"])
        pair.plain_process = None
    functions = sorted(((round(count, 1), function)
                        for (library, function), count in ours.items()
                        if library == MODULE and count >= 1), reverse=True)
    return {"plain": round(sum(plain.values()), 1),
            "tallygate": round(sum(ours.values()), 1),
            "module": by_library(ours)[MODULE],
            "plain_by_library": by_library(plain),
            "tallygate_by_library": by_library(ours),
            "module_by_function": {name: count for count, name in functions},
            "versions": versions()}


def print_functions(found):
    """Where a call's instructions go, as a table."""
    print(f"\n{'instructions a call':30}  {'plain':>8}  {'tallygate':>9}")
    plain, ours = (found[of + "_by_library"] for of in ("plain", "tallygate"))
    for library in sorted({*plain, *ours}, key=lambda name: -ours.get(name,
                                                                      0)):
        print(f"{library:30}  {plain.get(library, 0):8.0f}  "
              f"{ours.get(library, 0):9.0f}")
    print("of these in the module:")
    for function, count in found["module_by_function"].items():
        print(f"{function:40} {count:8.0f}")


def compare(bench, found):
    if not BASELINE.exists():
        bench.note("callgrind: there is no baseline")
        return
    known = json.loads(BASELINE.read_text())
    for name in ("plain", "tallygate", "module"):
        bench.note(f"callgrind: {name}: {found[name]:.0f} instructions a "
                   f"call, baseline {known[name]:.0f} "
                   f"({found[name] - known[name]:+.0f})")
    if found["versions"] != known["versions"]:
        bench.note("callgrind: the baseline was made with other versions: "
                   + json.dumps(known["versions"]))
    before, now = (of["module_by_function"] for of in (known, found))
    for name in sorted({*before, *now}):
        change = now.get(name, 0) - before.get(name, 0)
        if abs(change) > TOLERANCE * known["module"]:
            bench.say(f"callgrind: {name}: {change:+.0f}")


def run(bench):
    if shutil.which("valgrind") is None:
        raise BenchError("valgrind is not installed: apt-get install "
                         "--no-install-recommends valgrind")
    found = measure(bench)
    for contestant in ("plain", "tallygate"):
        bench.row(contestant=contestant, instructions=found[contestant],
                  by_library=found[contestant + "_by_library"])
    bench.row(contestant="module", instructions=found["module"],
              by_function=found["module_by_function"])
    bench.summary(instructions_plain=found["plain"],
                  instructions_tallygate=found["tallygate"],
                  instructions_module=found["module"],
                  instruction_ratio=found["tallygate"] / found["plain"])
    print_functions(found)
    compare(bench, found)
    if bench.options.save:
        BASELINE.write_text(json.dumps(found, indent=1) + "\n")
        bench.note(f"callgrind: {BASELINE} is this run now")


def run_if_possible(bench):
    """As a part of another benchmark."""
    if shutil.which("valgrind") is None:
        bench.note("no instructions were counted: valgrind is not installed")
        return
    name, bench.name = bench.name, "callgrind"
    run(bench)
    bench.name = name
