"""aws.py - AWS for a test, where the sandbox would not do

Sts gives out what it was told to.  It answers AssumeRole with the keys that it is given
and a session token of its own, and keeps what it was asked.  It verifies
nothing: the unit tests hold the requests against AWS's rules, and the sandbox
verifies what is signed with the keys.

Repeater stands between the daemon and the sandbox and says replies twice.

SPDX-License-Identifier: Apache-2.0
"""
import http.server
import socket
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


def read_message(stream):
    """A request or a reply with a Content-Length; b"" at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        head += line
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + stream.read(length)


class Repeater:
    """The next replies to BatchMeterUsage are said in another way, `how`:

      together  twice in one piece
      unasked   once more, when nobody asks
      before    once more, in front of the reply to the connection's next
                request, which has left by then
      late      when its client has hung up, in front of the next reply to
                anybody

    `struck` counts what was done.
    """

    def __init__(self, port):
        self.port = port                # of the sandbox
        self.how, self.times, self.struck = None, 0, 0
        self.late = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def say(self, how, times=1):
        self.how, self.times = how, times

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,),
                             daemon=True).start()

    def carry(self, client):
        former = b""
        with client, client.makefile("rb") as stream, \
                socket.create_connection(("127.0.0.1", self.port)) as sandbox:
            replies = sandbox.makefile("rb")
            while request := read_message(stream):
                sandbox.sendall(request)
                reply = read_message(replies)
                if b"BatchMeterUsage" not in request:
                    client.sendall(reply)
                    continue
                if former or self.late:
                    self.struck += 1
                    client.sendall(former + self.late + reply)
                    former = self.late = b""
                    continue
                how = self.how if self.times > 0 else None
                self.times -= 1
                if how == "late":
                    while client.recv(4096):    # until it hangs up
                        pass
                    self.late = reply
                    return
                client.sendall(reply * 2 if how == "together" else reply)
                if how == "unasked":
                    client.sendall(reply)
                elif how == "before":
                    former = reply
                self.struck += how in ("together", "unasked")

    def stop(self):
        self.listener.close()
