"""load.py - buyers who call without pause, and note what they saw

Each process keeps a few connections and sends one call after the other on
them.  A connection that breaks is made anew; a call that was cut off counts
as not answered.

SPDX-License-Identifier: Apache-2.0
"""
import multiprocessing
import socket
import threading
import time

BUCKET_S = 0.01


class Answers:
    """What one process saw."""

    def __init__(self):
        self.by_key = {}                # key -> answered with 200
        self.other = {}                 # status -> number
        self.cut = 0                    # calls without a whole answer
        self.refused = 0                # connections that were refused
        self.buckets = set()            # in which moments answers came


def read_answer(connection):
    """The status of one whole answer, or None when it was cut off."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return None
        body += more
    return int(head.split(b" ", 2)[1])


def call_on(answers, stop, port, request, key):
    """One connection's calls, until it breaks or stop is set."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.settimeout(35)
        while not stop.is_set():
            try:
                connection.sendall(request)
                status = read_answer(connection)
            except OSError:
                status = None
            if status is None:
                answers.cut += 1
                return
            if status == 200:
                answers.by_key[key] = answers.by_key.get(key, 0) + 1
                answers.buckets.add(int(time.monotonic() / BUCKET_S))
            else:
                answers.other[status] = answers.other.get(status, 0) + 1
                time.sleep(0.01)


def call_for_ever(answers, stop, port, path, key):
    request = (f"GET {path} HTTP/1.1\r\nHost: load\r\n"
               f"x-api-key: {key}\r\n\r\n").encode()
    while not stop.is_set():
        try:
            call_on(answers, stop, port, request, key)
        except OSError:
            answers.refused += 1
            time.sleep(0.01)


def run(pipe, stop, port, path, keys):
    """A process: one connection a key."""
    every = []
    threads = []
    for key in keys:
        every.append(Answers())
        threads.append(threading.Thread(
            target=call_for_ever, args=(every[-1], stop, port, path, key)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    pipe.send(every)


class Load:
    """Calls on `path` of a gateway, with each of the keys, on one connection
    per key and process."""

    def __init__(self, port, path, keys, processes=2):
        context = multiprocessing.get_context("spawn")
        self.stop_event = context.Event()
        self.connections = len(keys) * processes
        self.workers = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            worker = context.Process(
                target=run, args=(theirs, self.stop_event, port, path, keys))
            worker.start()
            self.workers.append((worker, ours))

    def stop(self):
        """Lets every call end; returns all that was seen, as one."""
        self.stop_event.set()
        total = Answers()
        for worker, pipe in self.workers:
            for answers in pipe.recv():
                for name in ("by_key", "other"):
                    into = getattr(total, name)
                    for key, number in getattr(answers, name).items():
                        into[key] = into.get(key, 0) + number
                total.cut += answers.cut
                total.refused += answers.refused
                total.buckets |= answers.buckets
            worker.join()
        return total


def longest_silence_s(buckets):
    """The longest time in which no answer came to anybody."""
    moments = sorted(buckets)
    gaps = [later - sooner for sooner, later in zip(moments, moments[1:])]
    return max(gaps, default=0) * BUCKET_S
