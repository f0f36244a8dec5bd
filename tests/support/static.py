"""static.py - a backend as fast as nginx: short and long answers, uploads

SPDX-License-Identifier: Apache-2.0
"""
import collections
import os
import subprocess

from support.world import wait_until
from wire import Wire

LONG = 200000                           # bytes

CONF = """
daemon off; worker_processes 1; {user} pid {folder}/backend.pid;
error_log {folder}/backend.stderr error;
events {{ worker_connections 1024; }}
http {{
    map $uri $is_told {{ /long 1; /upload 1; }}
    log_format told $uri;
    access_log {folder}/backend.log told buffer=64k flush=1s if=$is_told;
    keepalive_requests 1000000000; default_type text/plain;
    client_max_body_size 0; client_body_temp_path {folder}/backend-body;
    server {{
        listen 127.0.0.1:{port};
        location /long {{ root {folder}; }}
        location / {{ return 200 "{short}"; }}
    }}
}}
"""


class StaticBackend:
    def __init__(self, folder, port):
        self.log = folder / "backend.log"
        (folder / "long").write_bytes(b"x" * LONG)
        path = folder / "backend.conf"
        path.write_text(CONF.format(
            folder=folder, port=port, short="x" * 100,
            user="user root;" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", folder, "-c", path],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}/short"

        def answers():
            try:
                return Wire().get(url).status == 200
            except OSError:
                return False
        wait_until(answers, "the backend to answer")

    def seen(self):
        """How many calls were no short ones; once none come any more."""
        names = {"/long": "long answer", "/upload": "upload"}
        return collections.Counter(
            names[uri] for uri in self.log.read_text().split())

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
