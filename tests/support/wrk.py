"""wrk.py - buyers who call as fast as the gateway answers

One wrk for each key: it keeps its connections busy with short and long
answers and uploads until it is stopped, makes broken connections anew, and
says then how many calls were answered, and how.  h2load does the same over
HTTP/2, in short runs, for it does not outlive a connection that breaks.

SPDX-License-Identifier: Apache-2.0
"""
import re
import signal
import subprocess
import threading

SCRIPT = """
local calls = {}
local function call(method, path, times, size)
    local body = size > 0 and string.rep("x", size) or nil
    local headers = {["x-api-key"] = "%(key)s", ["Host"] = "load"}
    local text = wrk.format(method, "%(base)s" .. path, headers, body)
    for _ = 1, times do calls[#calls + 1] = text end
end
function init(args)
    math.randomseed(%(seed)d)
%(mix)s
end
function request()
    return calls[math.random(#calls)]
end
"""

# Path, method, in how many of a hundred calls, bytes that are sent.
MIX = [("/fixed", "GET", 45, 0), ("/echo/short", "GET", 40, 0),
       ("/echo/long", "GET", 5, 0), ("/echo/upload", "POST", 10, 30000)]


class Seen:
    """What one key's callers saw."""

    def __init__(self):
        self.answered = 0               # with 2xx
        self.other = 0                  # with another status
        self.broken = 0                 # connections, or answers cut off
        self.loose = 0                  # calls that may have been in hand

    def add(self, more):
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(more, name))


class Wrk:
    """HTTP/1.1 with one key, from now until stop()."""

    def __init__(self, folder, url, base, key, connections=2, seed=1,
                 mix=None):
        self.connections = connections
        self.in_flight = connections
        path = folder / f"load-{key[:8]}.lua"
        lines = "\n".join(
            f'    call("{method}", "{path}", {share}, {size})'
            for path, method, share, size in mix or MIX)
        path.write_text(SCRIPT % {"key": key, "base": base, "seed": seed,
                                  "mix": lines})
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", "-d36000s",
             "--timeout", "40s", "-s", path, url],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        text, _ = self.process.communicate(timeout=60)

        def number(pattern):
            found = re.search(pattern, text)
            return int(found[1]) if found else 0
        seen = Seen()
        done = number(r"(\d+) requests in")
        assert "requests in" in text, text
        seen.other = number(r"Non-2xx or 3xx responses: (\d+)")
        seen.answered = done - seen.other
        seen.broken = sum(number(rf"{what} (\d+)") for what in
                          ("connect", "read", "write"))
        seen.loose = self.connections
        return seen


class H2Load:
    """HTTP/2 with one key, in short runs, until stop(); what the file
    `upload` holds is posted."""

    STREAMS = 4
    CALLS = 500                         # of a run

    def __init__(self, url, key, upload=None, connections=1):
        self.in_flight = connections * self.STREAMS
        self.words = ["h2load", f"-c{connections}", f"-m{self.STREAMS}",
                      "-t1", f"-n{self.CALLS}", "-H", f"x-api-key: {key}",
                      *(["-d", str(upload)] if upload else []), url]
        self.seen = Seen()
        self.is_stopping = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.is_stopping:
            done = subprocess.run(self.words, capture_output=True, text=True)
            found = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, "
                              r"(\d+) 4xx, (\d+) 5xx", done.stdout)
            if found:
                self.seen.answered += int(found[1])
                self.seen.other += sum(int(found[n]) for n in (2, 3, 4))
            if not found or f" {self.CALLS} succeeded" not in done.stdout:
                self.seen.broken += 1   # and the rest of its calls
                self.seen.loose += self.in_flight

    def kill(self):
        self.is_stopping = True

    def stop(self):
        self.is_stopping = True
        self.thread.join()
        return self.seen
