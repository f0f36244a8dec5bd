"""ports.py - free ports for a world

They are taken below the range from which the kernel gives out local ports of
connections, so that a listener that is down for a moment finds its port again.

SPDX-License-Identifier: Apache-2.0
"""
import itertools
import os
import socket

FIRST, LAST = 27000, 32000
numbers = itertools.cycle(range(
    FIRST + os.getpid() * 13 % (LAST - FIRST), LAST))


def is_free(port):
    for address in ("0.0.0.0", "127.0.0.1"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_port():
    return next(port for port in numbers if is_free(port))
