"""journal.py - reads the journal of finished calls (src/nginx/journal.h)

SPDX-License-Identifier: Apache-2.0
"""
import collections
import struct

HEADER = struct.Struct("<8sQQ40x")
ENTRY = struct.Struct("<IIIIq13s27x")
FREE, BEGUN, ENDED = range(3)


class Journal:
    """Calls by key id: `ended` were counted; of `begun` a kill has left open
    whether they were."""

    def __init__(self, path):
        data = path.read_bytes()
        magic, room, following = HEADER.unpack_from(data)
        assert magic == b"TGJOURN1" and following <= room
        self.ended = collections.Counter()
        self.begun = collections.Counter()
        for number in range(following):
            state, _, _, _, _, key = ENTRY.unpack_from(
                data, HEADER.size + number * ENTRY.size)
            key = key.rstrip(b"\0").decode()
            if state == ENDED:
                self.ended[key] += 1
            elif state == BEGUN:
                self.begun[key] += 1

    def allows(self, counted):
        """Whether these counts by key are what the journal says."""
        keys = set(counted) | set(self.ended)
        return all(
            self.ended[key] <= counted.get(key, 0)
            <= self.ended[key] + self.begun[key] for key in keys)
