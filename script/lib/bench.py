"""bench.py - plain nginx against tallygate, in interleaved rounds

Both are the same nginx with kept-alive upstreams, access log off, and as many
headers set on requests and responses; tallygate routes, checks the key,
throttles, takes quota and meters besides.  wrk walks all keys at random.  CPU
is the run time of the gateway's workers alone, as the scheduler counts it,
divided by the calls that wrk saw answered.

Each round measures both, in turns of who goes first; a ratio is the median of
the rounds' ratios, so that what else the machine does weighs on both.  Where
there are processors enough the gateway has its own, the load the others.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = TOP / "build"
ROUNDS = int(os.environ.get("TALLYGATE_BENCH_ROUNDS", 7))
SECONDS = int(os.environ.get("TALLYGATE_BENCH_SECONDS", 3))
KEYS = [int(n) for n in os.environ.get("TALLYGATE_BENCH_KEYS",
                                       "10000").split(",")]
WORKERS = [int(n) for n in os.environ.get("TALLYGATE_BENCH_WORKERS",
                                          "1").split(",")]
CONNECTIONS = 32
HOST = "abc123.execute-api.us-east-1.localhost"
USER = "user root;" if os.geteuid() == 0 else ""

BACKEND = """
daemon off; worker_processes 1; {user} pid {folder}/backend.pid;
error_log {folder}/backend.log error; worker_priority 0;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; default_type text/plain;
    server {{
        listen 127.0.0.1:{backend};
        location / {{ return 200 "{body}"; }}
    }}
}}
"""

# As many headers as tallygate sets, in the cheapest way that nginx has.
PLAIN = """
daemon off; worker_processes {workers}; {user} pid {folder}/plain.pid;
error_log {folder}/plain.log error;
events {{ worker_connections 4096; }}
http {{
    access_log off; server_tokens off;
    client_body_temp_path {folder}/tmp/plain-body;
    proxy_temp_path {folder}/tmp/plain-proxy;
    upstream backend {{
        server 127.0.0.1:{backend};
        keepalive 256; keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        keepalive_timeout 310s; keepalive_requests 1000000000;
        client_header_buffer_size 4k;
        proxy_http_version 1.1;
        proxy_set_header Host 127.0.0.1:{backend};
        proxy_set_header Connection "";
        proxy_set_header X-Amzn-Trace-Id Root=1-6b03c360-98d7d7b88e048d22710f;
        proxy_set_header X-Amzn-Apigateway-Api-Id abc123;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Port {port};
        proxy_set_header X-Forwarded-Proto http;
        add_header x-amzn-RequestId 0f3b957f-1c9a-4ed5-bbe9-b4f1207f39ac;
        add_header x-amz-apigw-id 1BotmrDxDdwvxcs=;
        add_header x-amzn-Remapped-Connection $upstream_http_connection;
        add_header x-amzn-Remapped-Content-Length
            $upstream_http_content_length;
        add_header x-amzn-Remapped-Date $upstream_http_date;
        add_header x-amzn-Remapped-Server $upstream_http_server;
        location / {{ proxy_pass http://backend; }}
    }}
}}
"""

LUA = """
local keys = {keys}
local head = "GET /prod/items HTTP/1.1\\r\\nHost: {host}\\r\\n" ..
    "Accept: application/json\\r\\nUser-Agent: bench\\r\\n" ..
    "x-api-key: bench-key-"
local tail = "\\r\\n\\r\\n"
function init() math.randomseed(tonumber(tostring({{}}):sub(8), 16)) end
function request()
    return head .. string.format("%06d", math.random(0, keys - 1)) .. tail
end
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(workers, is_gateway):
    """The command that keeps a gateway's workers on processors of their own,
    where there are more than these."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) <= workers:
        return []
    mine = cpus[:workers] if is_gateway else cpus[workers:]
    return ["taskset", "-c", ",".join(map(str, mine))]


class Nginx:
    def __init__(self, folder, name, conf, port, workers):
        self.name, self.port = name, port
        path = folder / (name + ".conf")
        path.write_text(conf)
        self.log = folder / (name + ".stderr")
        self.process = subprocess.Popen(
            pinned(workers, name != "backend")
            + ["/usr/sbin/nginx", "-p", folder, "-c", path],
            stderr=self.log.open("wb"))
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if (self.process.poll() is not None
                        or time.monotonic() > end):
                    sys.exit(f"bench: {name} does not start:\n"
                             + self.log.read_text())
                time.sleep(0.05)

    def workers(self):
        pid = self.process.pid
        path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return path.read_text().split()

    def cpu_ns(self):
        return sum(int(pathlib.Path(f"/proc/{pid}/schedstat").read_text()
                       .split()[0]) for pid in self.workers())

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def planes(folder, keys, backend):
    """A stage with one resource, and a plan that never refuses."""
    spec = folder / "spec.json"
    spec.write_text(json.dumps({
        "account": {"rate": 1000000, "burst": 1000000},
        "backends": {"b": {"addresses": [["127.0.0.1", backend]]}},
        "plans": [{"id": "plan", "rate": 1000000, "burst": 1000000,
                   "quota": 1000000000, "period": "MONTH"}],
        "apis": [{"id": "abc123", "stages": [{
            "name": "prod", "plans": ["plan"], "resources": [{
                "path": "/items", "methods": [{
                    "verb": "GET", "key": True, "integration": {
                        "type": "http", "backend": "b",
                        "path": "/prod/items"}}]}]}]}],
        "keys": [{"value": "bench-key-", "count": keys, "plans": ["plan"]}],
    }))
    fixture("make", folder, spec)


def fixture(verb, folder, *more):
    tool = BUILD / "tests/support/plane-fixture"
    done = subprocess.run([tool, verb, folder / "state", *more],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("bench: " + done.stderr)
    return done.stdout


def gateway_conf(folder, workers, port):
    """The configuration that src/nginx/README.md shows."""
    text = (TOP / "src/nginx/README.md").read_text()
    conf = re.search(r"```nginx\n(.*?)```", text, re.S).group(1)
    for old, new in (
            ("worker_processes 2;", f"worker_processes {workers}; {USER}"),
            ("/state", str(folder / "state")),
            ("/build/src/nginx/", str(BUILD / "src/nginx") + "/"),
            ("keepalive_requests 1000000;", "keepalive_requests 1000000000;"),
            ("listen 8080", f"listen 127.0.0.1:{port}")):
        conf = conf.replace(old, new)
    return conf


def load(nginx, script, seconds, workers):
    """Calls answered, the seconds that took, and the CPU of the workers."""
    before = nginx.cpu_ns()
    done = subprocess.run(
        [*pinned(workers, False), "wrk", "-t1", f"-c{CONNECTIONS}",
         f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{nginx.port}/"],
        capture_output=True, text=True)
    used = nginx.cpu_ns() - before
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s),", done.stdout)
    if not found or "Non-2xx" in done.stdout or "errors" in done.stdout:
        sys.exit("bench: wrk says:\n" + done.stdout + done.stderr)
    calls = int(found[1])
    took = float(found[2]) / (1000 if found[3] == "ms" else 1)
    return calls, took, used


class Bench:
    def __init__(self, keys, workers):
        self.keys, self.workers = keys, workers
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
        self.running = []

    def __enter__(self):
        for name in ("state/run/tmp", "state/logs", "tmp"):
            (self.folder / name).mkdir(parents=True)
        backend = free_port()
        planes(self.folder, self.keys, backend)
        fill = dict(folder=self.folder, backend=backend, user=USER,
                    workers=self.workers, body="x" * 100)
        self.start("backend", BACKEND.format(**fill), backend)
        port = free_port()
        self.plain = self.start("plain", PLAIN.format(port=port, **fill),
                                port)
        port = free_port()
        self.tallygate = self.start(
            "tallygate", gateway_conf(self.folder, self.workers, port), port)
        self.script = self.folder / "load.lua"
        self.script.write_text(LUA.format(keys=self.keys, host=HOST))
        return self

    def start(self, name, conf, port):
        nginx = Nginx(self.folder, name, conf, port, self.workers)
        self.running.append(nginx)
        return nginx

    def __exit__(self, *_):
        for nginx in reversed(self.running):
            nginx.stop()
        shutil.rmtree(self.folder)

    def rounds(self):
        pair = [self.plain, self.tallygate]
        total = 0
        for nginx in pair:
            calls, _, _ = load(nginx, self.script, 1, self.workers)
            total += calls if nginx is self.tallygate else 0
        for number in range(1, ROUNDS + 1):
            for nginx in pair if number % 2 else reversed(pair):
                calls, took, used = load(nginx, self.script, SECONDS,
                                         self.workers)
                total += calls if nginx is self.tallygate else 0
                yield {"name": "proxy", "contestant": nginx.name,
                       "keys": self.keys, "workers": self.workers,
                       "round": number, "cpu_us": used / 1000 / calls,
                       "rps": calls / took}
        counted = sum(cell["counted"] for cell in
                      json.loads(fixture("dump", self.folder))["cells"])
        # wrk stops in the middle of some calls, which count all the same.
        if not total <= counted <= total + (ROUNDS + 1) * CONNECTIONS:
            sys.exit(f"bench: {total} calls answered, {counted} counted")


def summary(rows):
    def ratio(what):
        by = {(r["round"], r["contestant"]): r[what] for r in rows}
        return statistics.median(
            by[n, "tallygate"] / by[n, "plain"] for n in
            range(1, ROUNDS + 1))
    return {"name": "proxy", "keys": rows[0]["keys"],
            "workers": rows[0]["workers"], "cpu_ratio": ratio("cpu_us"),
            "rps_ratio": ratio("rps")}


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("name", nargs="?", default="proxy",
                        choices=["proxy"])
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    result = {"rows": [], "summary": []}
    for keys in KEYS:
        for workers in WORKERS:
            rows = []
            with Bench(keys, workers) as bench:
                for row in bench.rounds():
                    print("%(name)s %(contestant)-9s keys=%(keys)d "
                          "workers=%(workers)d round=%(round)d "
                          "cpu_us=%(cpu_us).2f rps=%(rps).0f" % row,
                          flush=True)
                    rows.append(row)
            result["rows"] += rows
            result["summary"].append(summary(rows))
    for row in result["summary"]:
        print("%(name)s keys=%(keys)d workers=%(workers)d "
              "cpu_ratio=%(cpu_ratio).3f rps_ratio=%(rps_ratio).3f" % row)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(
            json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
