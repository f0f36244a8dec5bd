"""pair.py - tallygate as it is sold, plain nginx beside it, and load on both

tallygate is `tallygate serve` with its nginx: an API with one resource, a
usage plan with throttle and quota that never refuse, and N keys.  Plain nginx
is the same program with the very configuration that the daemon has written
for the gateway, less the module: same buffers, same time-outs, a kept-alive
upstream, no key, and as many headers set on requests and responses in the
cheapest way that nginx has.  Both go to one backend, an nginx that answers
100 bytes.

Where there are processors enough the gateway's workers have their own; the
daemon, the backend and the load share the others.

SPDX-License-Identifier: Apache-2.0
"""
import itertools
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import seller
from bench import BenchError
from benchmarks import nginx_conf
from stack import Process, Stack, wait_until

CONNECTIONS = 32
STAGE = "prod"
CHUNK = 25000                           # keys in a call of ImportApiKeys
START_S = 300                           # longest start of the daemon
BIG = 1000000000                        # a limit that is never met

# Below the range from which the kernel gives out local ports.
PORTS = itertools.cycle(range(
    int(os.environ.get("TALLYGATE_BENCH_PORT", 24000)), 32000))

BACKEND = """
daemon off; worker_processes 1; {user} pid {folder}/backend.pid;
error_log {folder}/backend.log error;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "{body}"; }}
    }}
}}
"""

# What tallygate sets for itself, of the same length, as nginx sets it.
PLAIN_HEADERS = """
    proxy_set_header Host 127.0.0.1:{backend};
    proxy_set_header Connection "";
    proxy_set_header X-Amzn-Trace-Id Root=1-6b03c360-98d7d7b88e048d22710f1a2b;
    proxy_set_header X-Amzn-Apigateway-Api-Id {api};
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Port {gateway};
    proxy_set_header X-Forwarded-Proto http;
    add_header x-amzn-RequestId 0f3b957f-1c9a-4ed5-bbe9-b4f1207f39ac;
    add_header x-amz-apigw-id 1BotmrDxDdwvxcs=;
    add_header x-amzn-Remapped-Connection $upstream_http_connection;
    add_header x-amzn-Remapped-Content-Length $upstream_http_content_length;
    add_header x-amzn-Remapped-Date $upstream_http_date;
    add_header x-amzn-Remapped-Server $upstream_http_server;
"""

LUA = """
local keys = {keys}
local head = "GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\n" ..
    "Accept: application/json\\r\\nUser-Agent: bench\\r\\nx-api-key: "
local tail = "\\r\\n\\r\\n"
function init() math.randomseed(tonumber(tostring({{}}):sub(8), 16)) end
function request()
    return head .. string.format("{key}", math.random(0, keys - 1)) .. tail
end
"""

# The module tells glibc to keep what its worker gives back.  Without it the
# luck of the heap's layout makes a call of plain nginx a tenth dearer.
HEAP = {"MALLOC_TRIM_THRESHOLD_": str(64 << 20)}

KEY = "bench-key-%012d"                 # at least 20 characters


def free_port():
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
                return port
            except OSError:
                pass


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def cpu_ns(pid):
    """User and system time of a process, to the nanosecond."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def pss_kb(pids):
    total = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return total


class Capture(threading.Thread):
    """A backend for the calls of check_headers: how many header lines each
    request has."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.counts = []
        self.socket = socket.create_server(("127.0.0.1", port))
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                self.counts.append(sum(
                    1 for _ in iter(lines.readline, b"\r\n")) - 1)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nServer: x\r\nDate: x\r\n"
                    b"Content-Type: text/plain\r\nContent-Length: 2\r\n"
                    b"Connection: close\r\n\r\nok")

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.join()


class Contestant:
    """A master of nginx and its workers, and where they listen."""

    def __init__(self, name, pid, port):
        self.name, self.pid, self.port = name, pid, port
        self.workers = children(pid)

    def cpu_ns(self):
        return sum(map(cpu_ns, self.workers))


class Pair:
    def __init__(self, bench, workers):
        self.bench, self.workers = bench, workers
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
        os.chmod(self.folder, 0o755)    # workers may be somebody else
        self.keys = 0
        self.stack = self.plain_process = self.backend = None
        self.plain = self.tallygate = None

    # Life

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def set_up(self):
        ports = {name: free_port() for name in
                 ("gateway", "portal", "admin", "sandbox", "example")}
        self.plain_port = free_port()
        for name in ("plain/body", "plain/proxy", "plain/fastcgi",
                     "plain/uwsgi", "plain/scgi"):
            (self.folder / name).mkdir(parents=True)
        self.stack = Stack(self.folder / "s", ports,
                           settings=self.folder / "tallygate.yaml")
        self.start_gateway()
        self.api, self.plan = self.sell()
        self.host = f"{self.api}.execute-api.us-east-1.localhost"
        self.start_plain()
        self.check_headers()
        self.start_backend()

    def start_gateway(self):
        self.stack.more = {
            "gateway": {"workers": self.workers, "account_rate": BIG,
                        "account_burst": BIG}}
        self.stack.settings.unlink(missing_ok=True)
        self.stack.write_settings()
        (self.stack.folder / "endpoints.json").write_text("{}\n")
        begun = time.monotonic()
        self.stack.start_daemon(START_S)
        url = self.stack.url("admin") + "/healthz"
        wait_until(lambda: self.stack.wire.get(url).status == 200,
                   "/healthz to answer 200", START_S, self.stack.check)
        self.start_s = time.monotonic() - begun
        self.credentials = seller.Credentials(
            self.stack.folder / "admin-credentials")
        self.admin = seller.client("apigateway", self.stack.url("admin"),
                                   self.credentials)
        self.tallygate = self.contestant(
            "tallygate", self.stack.nginx_pid(),
            self.stack.ports["gateway"])

    def contestant(self, name, pid, port):
        wait_until(lambda: len(children(pid)) >= self.workers,
                   f"the workers of {name}", alive=self.stack.check)
        self.pin()
        return Contestant(name, pid, port)

    def start_plain(self):
        path = self.folder / "plain.conf"
        path.write_text(self.plain_conf())
        self.plain_process = Process(
            "plain nginx", ["/usr/sbin/nginx", "-p", self.folder,
                            "-c", path], self.folder / "plain.log",
            {**os.environ, **HEAP})
        self.wait_for_port(self.plain_port, self.plain_process)
        self.plain = self.contestant("plain", self.plain_process.pid,
                                     self.plain_port)

    def start_backend(self):
        port = self.stack.ports["example"]
        path = self.folder / "backend.conf"
        path.write_text(BACKEND.format(
            folder=self.folder, user=self.user_line(), body="x" * 100,
            port=port))
        self.backend = Process(
            "the backend", ["/usr/sbin/nginx", "-p", self.folder, "-c",
                            path], self.folder / "backend-start.log")
        self.wait_for_port(port, self.backend)
        self.pin()

    def wait_for_port(self, port, process):
        def answers():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        wait_until(answers, f"{process.name} to listen", 20, process.check)

    def restart(self, workers):
        """Both anew, with another number of workers."""
        self.stop_contestants()
        self.workers = workers
        self.start_gateway()
        self.start_plain()

    def stop_contestants(self):
        if self.plain_process:
            self.plain_process.stop()
            self.plain_process = None
        if self.stack:
            ended = self.stack.stop()
            if ended.get("serve", 0) != 0:
                raise BenchError(f"tallygate serve ended with "
                                 f"{ended['serve']}")

    def __exit__(self, *_):
        try:
            self.stop_contestants()
        finally:
            if self.backend:
                self.backend.stop()
            shutil.rmtree(self.folder)

    # Processors

    def pin(self):
        """Workers of both on processors of their own, if there are more."""
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) <= self.workers:
            return
        self.load_cpus = set(cpus[self.workers:])
        mine = set(cpus[:self.workers])
        for process, is_gateway in (
                (self.stack.nginx_pid(), True),
                (self.plain_process and self.plain_process.pid, True),
                (self.backend and self.backend.pid, False),
                (self.stack.daemon and self.stack.daemon.pid, False)):
            if process:
                for pid in [process, *children(process)]:
                    set_affinity(pid, mine if is_gateway
                                 and pid != self.stack.daemon.pid
                                 else self.load_cpus)

    # Configuration

    def our_conf(self):
        path = self.stack.folder / "run/nginx.conf"
        return nginx_conf.parse(path.read_text())

    def user_line(self):
        return "".join(" ".join(words) + ";" for words, _ in
                       nginx_conf.named(self.our_conf(), "user"))

    def plain_conf(self):
        """The daemon's nginx.conf without what is tallygate's own."""
        conf = self.our_conf()
        http = nginx_conf.named(conf, "http")[0][1]
        server = next(inner for _, inner in
                      nginx_conf.named(http, "server")
                      if (["tallygate", "on"], None) in inner)
        own = ("tallygate", "load_module", "pid", "lock_file", "error_log",
               "env", "listen", "error_page", "proxy_set_header",
               "proxy_pass_request_headers")

        def rest(directives):
            return [(words, inner) for words, inner in directives
                    if inner is None and not words[0].startswith(own)]
        upstream = [(["server", f"127.0.0.1:{self.stack.ports['example']}"],
                     None), (["keepalive", "256"], None),
                    (["keepalive_requests", str(BIG)], None)]
        location = (["location", "/"],
                    [(["proxy_pass", "http://backend"], None)])
        listen = (["listen", f"0.0.0.0:{self.plain_port}", "backlog=4096"],
                  None)
        headers = nginx_conf.parse(PLAIN_HEADERS.format(
            backend=self.stack.ports["example"], api=self.api,
            gateway=self.stack.ports["gateway"]))
        text = nginx_conf.write([
            *rest(conf), (["pid", f"{self.folder}/plain.pid"], None),
            (["error_log", f"{self.folder}/plain.log", "error"], None),
            *nginx_conf.named(conf, "events"),
            (["http"], [*rest(http), (["upstream", "backend"], upstream),
                        (["server"], [listen, *rest(server), *headers,
                                      location])])])
        text = text.replace(str(self.stack.folder / "run/tmp"),
                            str(self.folder / "plain"))
        if "tallygate" in text.replace(str(self.folder), ""):
            raise BenchError("plain nginx's configuration still has "
                             "something of tallygate:\n" + text)
        return text + "\n"

    def check_headers(self):
        """Both have to set as many headers, or the comparison is not fair.
        The answer of plain nginx has one line more, nginx's own Server."""
        capture = Capture(self.stack.ports["example"])
        answers = []
        value = self.add_keys(1)
        for contestant in (self.plain, self.tallygate):
            url = f"http://127.0.0.1:{contestant.port}{self.path}"
            reply = self.stack.wire.get(url, {
                "Host": self.host, "Accept": "application/json",
                "User-Agent": "bench", "x-api-key": value})
            if reply.status != 200:
                raise BenchError(f"{contestant.name} answers {reply.status} "
                                 f"{reply.text}")
            answers.append(len(reply.headers))
        capture.stop()
        if (capture.counts[0] != capture.counts[1]
                or answers[0] != answers[1] + 1):
            raise BenchError(
                "plain nginx and tallygate do not set as many headers: "
                f"{capture.counts} in requests, {answers} in answers")

    # The API and its keys

    @property
    def path(self):
        return f"/{STAGE}/items"

    def sell(self):
        uri = f"http://127.0.0.1:{self.stack.ports['example']}/items"
        api = self.admin.create_rest_api(name="bench")["id"]
        root = self.admin.get_resources(restApiId=api)["items"][0]["id"]
        resource = self.admin.create_resource(
            restApiId=api, parentId=root, pathPart="items")["id"]
        self.admin.put_method(
            restApiId=api, resourceId=resource, httpMethod="GET",
            authorizationType="NONE", apiKeyRequired=True)
        self.admin.put_integration(
            restApiId=api, resourceId=resource, httpMethod="GET",
            type="HTTP_PROXY", integrationHttpMethod="GET", uri=uri)
        self.admin.create_deployment(restApiId=api, stageName=STAGE)
        plan = self.admin.create_usage_plan(
            name="bench", apiStages=[{"apiId": api, "stage": STAGE}],
            throttle={"rateLimit": 1e6, "burstLimit": 1000000},
            quota={"limit": BIG, "period": "MONTH"})["id"]
        return api, plan

    def add_keys(self, count):
        """Imports keys until there are that many; the last one's value."""
        begun, first = time.monotonic(), self.keys
        while self.keys < count:
            end = min(self.keys + CHUNK, count)
            lines = ["Name,Key,UsagePlanIds"]
            lines += [f"name-{n},{KEY % n},{self.plan}"
                      for n in range(self.keys, end)]
            reply = self.admin.import_api_keys(
                body="\n".join(lines).encode(), format="csv",
                failOnWarnings=True)
            if len(reply["ids"]) != end - self.keys:
                raise BenchError(f"imported {len(reply['ids'])} keys of "
                                 f"{end - self.keys}")
            self.keys = end
            if self.keys % (10 * CHUNK) == 0 and self.keys < count:
                self.bench.say(f"{self.keys} of {count} keys")
        if count - first > 1:
            took = time.monotonic() - begun
            self.bench.say(f"{count} keys: {count - first} imported in "
                           f"{took:.1f} s")
        return KEY % (count - 1)

    # Load

    def lua(self):
        path = self.folder / "load.lua"
        path.write_text(LUA.format(keys=self.keys, host=self.host, key=KEY,
                                   path=self.path))
        return path

    def wrk(self, contestant, seconds):
        """The command that loads a contestant."""
        argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s",
                str(self.lua()), f"http://127.0.0.1:{contestant.port}/"]
        if len(os.sched_getaffinity(0)) > self.workers:
            argv = ["taskset", "-c", ",".join(map(str, self.load_cpus)),
                    *argv]
        return argv

    def load(self, contestant, seconds):
        """Calls answered, the seconds that took, and the workers' CPU."""
        before = contestant.cpu_ns()
        argv = self.wrk(contestant, seconds)
        done = subprocess.run(argv, capture_output=True, text=True)
        used = contestant.cpu_ns() - before
        found = re.search(r"(\d+) requests in ([\d.]+)(m?s|m),", done.stdout)
        if not found or "Non-2xx" in done.stdout or "errors" in done.stdout:
            raise BenchError(f"{contestant.name}: wrk says:\n{done.stdout}"
                             f"{done.stderr}")
        self.stack.check()
        unit = {"ms": 0.001, "s": 1, "m": 60}[found[3]]
        return int(found[1]), float(found[2]) * unit, used

    def settle(self, limit_s=10):
        """Until the daemon has folded what the load before has left."""
        pid = self.stack.daemon.pid
        end = time.monotonic() + limit_s
        quiet = 0
        while quiet < 3 and time.monotonic() < end:
            before = cpu_ns(pid)
            time.sleep(0.1)
            quiet = quiet + 1 if cpu_ns(pid) - before < 10e6 else 0

    def counted(self):
        """Calls that the present workers have counted, as /metrics says."""
        text = self.stack.wire.get(self.stack.url("admin") + "/metrics").text
        found = re.search(r"^tallygate_calls_counted_total (\d+)", text,
                          re.M)
        return int(found[1])

    # Memory

    def pids(self):
        """Of all processes: (plain nginx, tallygate)."""
        plain = [self.plain_process.pid, *children(self.plain_process.pid)]
        nginx = self.stack.nginx_pid()
        return plain, [self.stack.daemon.pid, nginx, *children(nginx)]


def set_affinity(pid, cpus):
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cpus)
    except (FileNotFoundError, ProcessLookupError):
        pass                            # it has just ended
