"""backend.py - a backend that says what it was asked, and does what it is told

Answers every request with JSON: method, target, headers (a list of pairs, as
they came) and body.  Query parameters steer it: `status=503` answers with that
status, `delay_ms=200` waits first, `pause_ms=200` behind the header, `size=N` answers N bytes instead and
`text=T` that text, `header=NAME:VALUE` (as often as one likes) adds a header,
`close=1` closes the connection without an answer, `cut=1` in its middle.

SPDX-License-Identifier: Apache-2.0
"""
import http.server
import json
import threading
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "backend"
    disable_nagle_algorithm = True

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        split = urllib.parse.urlsplit(self.path)
        pairs = urllib.parse.parse_qsl(split.query)
        told = dict(pairs)
        self.server.seen.append((self.command, self.path))
        if "delay_ms" in told:
            time.sleep(int(told["delay_ms"]) / 1000)
        if "close" in told:
            self.close_connection = True
            return
        if "size" in told:
            payload = b"x" * int(told["size"])
        elif "text" in told:
            payload = told["text"].encode()
        else:
            payload = json.dumps({
                "method": self.command, "target": self.path,
                "headers": list(self.headers.items()),
                "body": body.decode("latin-1"),
            }).encode()
        self.send_response(int(told.get("status", 200)))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in pairs:
            if name == "header":
                self.send_header(*value.split(":", 1))
        self.end_headers()
        if "pause_ms" in told:
            self.wfile.flush()
            time.sleep(int(told["pause_ms"]) / 1000)
        if "cut" in told:
            payload = payload[:len(payload) // 2]
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = answer
    do_PATCH = do_HEAD = do_OPTIONS = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Tests cut connections; that is no news."""


class Backend:
    def __init__(self, port):
        self.port = port
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.seen = []
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def seen(self):
        """(method, target) of each request that arrived."""
        return self.server.seen

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
