"""http2.py - an HTTP/2 client that does what RFC 9113 says, and no more

It sends a call on each stream, and again none: a call that fails has failed.
Header blocks go out as literals (RFC 7541, section 6.2.2); of an answer's it
reads the status alone.

SPDX-License-Identifier: Apache-2.0
"""
import select
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4
LARGE = 1 << 30
STATUS = {0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404,
          0x8e: 500}                    # RFC 7541, appendix A


class Failed(Exception):
    """The call got no whole answer, and nobody said that it was not taken."""


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack(
        "!BBI", kind, flags, stream) + payload


def literal(name, value):
    name, value = name.encode(), value.encode()
    assert max(len(name), len(value)) < 127
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


class Http2:
    """A connection over a socket on which both sides agreed to speak it."""

    def __init__(self, connection):
        self.connection = connection
        self.data = b""
        self.next_stream = 1
        self.last_stream = None         # that a GOAWAY named
        self.answers = {}               # stream: [status, body, has ended]
        connection.sendall(
            PREFACE + frame(SETTINGS, 0, 0, struct.pack("!HI", 4, LARGE))
            + frame(8, 0, 0, struct.pack("!I", LARGE)))

    def may_open(self):
        """Whether a call may go out here: nobody has said that it ends."""
        while self.last_stream is None and self.has_more():
            self.read()
        return self.last_stream is None

    def has_more(self):
        """Whether a frame, or a part of it, is there."""
        pending = getattr(self.connection, "pending", lambda: 0)()
        return len(self.data) >= 9 or pending > 0 or bool(
            select.select([self.connection], [], [], 0)[0])

    def open(self, headers):
        """Sends a call without a body; its stream."""
        stream = self.next_stream
        self.next_stream += 2
        self.answers[stream] = [None, b"", False]
        self.connection.sendall(frame(
            HEADERS, END_STREAM | END_HEADERS, stream,
            b"".join(literal(*pair) for pair in headers)))
        return stream

    def answer(self, stream):
        """(status, body), as soon as it is whole."""
        while not self.answers[stream][2]:
            if self.last_stream is not None and stream > self.last_stream:
                raise Failed(f"stream {stream} > {self.last_stream}")
            self.read()
        status, body, _ = self.answers.pop(stream)
        return status, body

    def get(self, host, path, key=None):
        pairs = [(":method", "GET"), (":scheme", "https"),
                 (":authority", host), (":path", path)]
        if key:
            pairs.append(("x-api-key", key))
        return self.answer(self.open(pairs))

    def read(self):
        """Takes one frame in."""
        head = self.take(9)
        size = struct.unpack("!I", b"\0" + head[:3])[0]
        kind, flags, stream = struct.unpack("!BBI", head[3:])
        payload = self.take(size)
        if kind == HEADERS:
            # nginx says at first how large its table is: 001xxxxx.
            at = 1 if payload[0] >> 5 == 1 else 0
            self.answers[stream][0] = STATUS.get(payload[at], payload[at:])
        elif kind == DATA:
            self.answers[stream][1] += payload
        elif kind == RST_STREAM:
            raise Failed(f"stream {stream} was reset: {payload.hex()}")
        elif kind == SETTINGS and not flags & ACK:
            self.connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.connection.sendall(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.last_stream = struct.unpack("!I", payload[:4])[0]
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.answers[stream][2] = True

    def take(self, size):
        while len(self.data) < size:
            more = self.connection.recv(65536)
            if not more:
                raise Failed("the connection ended")
            self.data += more
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def close(self):
        self.connection.close()
