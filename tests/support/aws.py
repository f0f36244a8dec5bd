"""aws.py - AWS STS for a test: gives out what it was told to

Answers AssumeRole with the keys that it is given and a session token of its
own, and keeps what it was asked.  It verifies nothing: the unit tests hold the
requests against AWS's rules, and the sandbox verifies what is signed with the
keys.

SPDX-License-Identifier: Apache-2.0
"""
import http.server
import threading
import time
import urllib.parse

ANSWER = """<AssumeRoleResponse>
 <AssumeRoleResult>
  <AssumedRoleUser><AssumedRoleId>AROATEST:x</AssumedRoleId>
   <Arn>arn:aws:sts::1:assumed-role/Meter/x</Arn></AssumedRoleUser>
  <Credentials><AccessKeyId>{key}</AccessKeyId>
   <SecretAccessKey>{secret}</SecretAccessKey>
   <SessionToken>{token}</SessionToken>
   <Expiration>{expires}</Expiration></Credentials>
 </AssumeRoleResult>
</AssumeRoleResponse>"""


class Sts:
    def __init__(self, port):
        self.asked = []                 # {parameter: value}, signer
        self.keys = None                # (key, secret), before it is asked
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append({
                    **dict(urllib.parse.parse_qsl(body.decode())),
                    "Authorization": self.headers["Authorization"]})
                answer = outer.answer().encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        self.url = f"http://127.0.0.1:{port}"

    def token(self):
        return f"session-token-number-{len(self.asked)}"

    def answer(self):
        key, secret = self.keys
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                time.gmtime(time.time() + 3600))
        return ANSWER.format(key=key, secret=secret, token=self.token(),
                             expires=expires)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
