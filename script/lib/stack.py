"""stack.py - the processes of one tallygate on this machine

A stack is a state directory, a settings file, ports, and up to three
processes: the sandbox Marketplace, the example's backend, and `tallygate
serve` with the nginx that it keeps.

  K1  Every process inherits the environment: LD_PRELOAD and FAKETIME*
      reach all of them.
  K2  Waiting is for facts (a port answers, a process ended), never for time,
      and ends with a reason: who died, with the last lines of its log.
  K3  stop() ends what this stack started, and nothing else: the daemon
      first, its nginx if the daemon left it, then the others.

SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import time

from wire import Wire

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = TOP / "examples/iso-codes"

# What listens, its variable in the environment, its port by default.
PORTS = {
    "gateway": ("TALLYGATE_GATEWAY_PORT", 8080),
    "portal": ("TALLYGATE_PORTAL_PORT", 8081),
    "admin": ("TALLYGATE_ADMIN_PORT", 8082),
    "sandbox": ("TALLYGATE_SANDBOX_PORT", 8090),
    "example": ("TALLYGATE_EXAMPLE_PORT", 8091),
}


class StackError(Exception):
    """Something that a person must mend; its text says what."""


class Stopped(Exception):
    """A signal asked us to end; raised where we wait, never between."""


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
stop_requests = []


def listen_for_stop():
    """Also when the shell that put us in the background has ignored them."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda n, _: stop_requests.append(n))


def check_stop():
    if stop_requests:
        raise Stopped(signal.Signals(stop_requests[0]).name)


def ports_of_environment():
    """The port of each listener, or an error that names the variable."""
    ports = {}
    for name, (variable, fallback) in PORTS.items():
        text = os.environ.get(variable, "").strip() or str(fallback)
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise StackError(f"{variable}: expected a port, found {text!r}")
        if int(text) in ports.values():
            raise StackError(f"{variable}: port {text} is given twice")
        ports[name] = int(text)
    return ports


def check_ports_are_free(ports):
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError as error:
                variable = PORTS[name][0]
                raise StackError(
                    f"port {port} of the {name} cannot be had "
                    f"({error.strerror}): stop what listens there, or set "
                    f"{variable} to another port") from None


def settings_text(state_dir, ports, more=None):
    """The settings of a stack whose Marketplace is the sandbox; `more` has
    further ones, {section: {name: value}}.  A relative state_dir is relative
    to the file, so that a checkout can be moved."""
    market = f"http://127.0.0.1:{ports['sandbox']}"
    sections = {name: {"port": port} for name, port in ports.items()}
    sections["admin"]["ready_file"] = f"{state_dir}/endpoints.json"
    sections["marketplace"] = {
        "metering_endpoint": market,
        "credentials_file": f"{state_dir}/sandbox-credentials",
    }
    for section, settings in (more or {}).items():
        if isinstance(settings, dict):
            sections.setdefault(section, {}).update(settings)
        else:
            sections[section] = settings
    lines = ["# Written by script/server. Every setting: "
             "docs/reference/settings.md", f"state_dir: {state_dir}"]
    for section, settings in sections.items():
        if not isinstance(settings, dict):
            lines.append(f"{section}: {json.dumps(settings)}")
            continue
        lines.append(f"{section}:")
        lines += [f"  {name}: {json.dumps(value)}"
                  for name, value in settings.items()]
    return "\n".join(lines) + "\n"


def is_alive(pid):
    """Whether a process runs under that number (a zombie does not)."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def pause(seconds):
    """time.sleep() fails where libfaketime leaves the monotonic clock."""
    select.select([], [], [], seconds)


def wait_until(fact, what, limit_s=30, alive=check_stop):
    """Polls until fact() is true; alive() may end the wait by raising."""
    end = time.monotonic() + limit_s
    while not fact():
        alive()
        if time.monotonic() > end:
            raise StackError(f"waited {limit_s} s in vain: {what}")
        pause(0.02)


def run(argv, limit_s, **more):
    """Runs a command to its end, or to ours; returns CompletedProcess."""
    with tempfile.TemporaryFile("w+") as out, \
            tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(
            [str(word) for word in argv], stdin=subprocess.DEVNULL,
            stdout=out, stderr=err, start_new_session=True, **more)
        try:
            wait_until(lambda: child.poll() is not None,
                       f"{argv[0]} to end", limit_s)
        except (Stopped, StackError):
            os.killpg(child.pid, signal.SIGTERM)
            child.wait()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(argv, child.returncode,
                                           out.read(), err.read())


class Process:
    """A child in a session of its own, so that Ctrl-C reaches us alone."""

    def __init__(self, name, argv, log, env=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as output:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
                env=env, cwd=TOP)

    @property
    def pid(self):
        return self.child.pid

    def tail(self, lines=15):
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join("    " + line for line in text[-lines:])

    def ending(self):
        """How the process ended, in words; None while it runs."""
        status = self.child.poll()
        if status is None:
            return None
        how = (f"signal {signal.Signals(-status).name}" if status < 0
               else f"status {status}")
        return f"{self.name} ended with {how}"

    def check(self):
        """Raises when the process has ended, or we shall."""
        check_stop()
        ending = self.ending()
        if ending:
            raise StackError(f"{ending}; the end of {self.log}:\n"
                             f"{self.tail()}")

    def stop(self, how=signal.SIGTERM, limit_s=20):
        """Ends it and returns its status."""
        if self.child.poll() is None:
            self.child.send_signal(how)
        try:
            wait_until(lambda: self.child.poll() is not None,
                       f"{self.name} to end", limit_s, alive=lambda: None)
        except StackError:
            self.child.kill()
        return self.child.wait()


class Stack:
    def __init__(self, folder, ports, build=TOP / "build", settings=None,
                 more=None):
        self.folder = pathlib.Path(folder)
        self.ports = ports
        self.program = pathlib.Path(build) / "tallygate"
        self.settings = pathlib.Path(settings or folder / "tallygate.yaml")
        self.more = more
        self.wire = Wire()
        self.env = None                 # None: as ours (K1)
        self.daemon = self.sandbox = self.backend = None

    def url(self, name):
        """A number, for `localhost` may be ::1 first, and not every client
        tries the second address (Node.js before 20 does not)."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def write_settings(self):
        """Leaves alone what is there: a person may have changed it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.log_dir.mkdir(exist_ok=True)
        if not self.settings.exists():
            self.settings.write_text(
                settings_text(os.path.relpath(self.folder,
                                              self.settings.parent),
                              self.ports, self.more))

    def ports_in_force(self):
        """What the settings file says, and the environment before it."""
        ports = {}
        for name in PORTS:
            done = run([self.program, "check", self.settings, "--get",
                        f"{name}.port"], 30)
            if done.returncode != 0:
                raise StackError(done.stderr.strip())
            ports[name] = int(done.stdout)
        return ports

    @property
    def log_dir(self):
        return self.folder / "logs"

    def start_sandbox(self):
        self.sandbox = Process(
            "the sandbox",
            [self.program, "sandbox", "--config", self.settings],
            self.log_dir / "sandbox.log", self.env)
        self.wait_for("sandbox", "/_sandbox/records", self.sandbox)

    def start_backend(self):
        self.backend = Process(
            "the example's backend",
            [EXAMPLE / "serve", self.folder / "example",
             self.ports["example"]],
            self.log_dir / "example.log", self.env)
        self.wait_for("example", "/countries/DE", self.backend)

    def start_daemon(self, limit_s=30):
        """A start takes longer with many keys."""
        self.daemon = Process(
            "tallygate serve",
            [self.program, "serve", "--config", self.settings],
            self.log_dir / "serve.log", self.env)
        self.wait_for("admin", "/healthz", self.daemon, limit_s)

    def wait_for(self, listener, path, process, limit_s=30):
        """Until the listener answers, whatever it says."""
        url = self.url(listener) + path

        def answers():
            try:
                self.wire.get(url)
                return True
            except OSError:
                return False
        wait_until(answers, f"{process.name} to answer {url}", limit_s,
                   process.check)

    @property
    def processes(self):
        return [process for process in
                (self.sandbox, self.backend, self.daemon) if process]

    def check(self):
        """Raises when one of the processes has ended, or we shall."""
        for process in self.processes:
            process.check()

    def tallygate(self, *words, limit_s=120):
        """Runs one of the program's verbs; returns its CompletedProcess."""
        return run([self.program, *words, "--config", self.settings],
                   limit_s, env=self.env)

    def begin(self, *words):
        """One of the program's verbs, under way: a Popen."""
        return subprocess.Popen(
            [self.program, *words, "--config", self.settings],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=self.env)

    def nginx_pid(self):
        """The master's process number, or None when none of ours runs."""
        try:
            text = (self.folder / "run/nginx.pid").read_text().strip()
            name = pathlib.Path(f"/proc/{int(text)}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        is_ours = re.search(rb"nginx", name) and is_alive(int(text))
        return int(text) if is_ours else None

    def has_daemon(self):
        """Whether a daemon, perhaps one that somebody else started, keeps
        this state directory."""
        try:
            with open(self.folder / "run/lock", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def stop_nginx(self, limit_s=20):
        """Ends what our daemon left behind, unless another adopted it."""
        pid = self.nginx_pid()
        if pid is None or self.has_daemon():
            return
        os.kill(pid, signal.SIGTERM)
        try:
            wait_until(lambda: not is_alive(pid), "nginx to end", limit_s,
                       alive=lambda: None)
        except StackError:
            os.kill(pid, signal.SIGKILL)

    def stop(self):
        """K3. Returns the status with which each process ended."""
        ended = {}
        if self.daemon:
            ended["serve"] = self.daemon.stop()
            self.stop_nginx()
        if self.backend:
            ended["example"] = self.backend.stop(signal.SIGQUIT)
        if self.sandbox:
            ended["sandbox"] = self.sandbox.stop()
        self.daemon = self.backend = self.sandbox = None
        return ended
