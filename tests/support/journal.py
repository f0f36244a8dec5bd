"""journal.py - reads the journal of finished calls (src/nginx/journal.h)

SPDX-License-Identifier: Apache-2.0
"""
import collections
import struct

HEADER = struct.Struct("<8sQQ40x")
ENTRY = struct.Struct("<IIIIq13s27x")
FREE, BEGUN, ENDED = range(3)


DAY_S = 24 * 3600


class Journal:
    """Calls by key id: `ended` were counted; of `begun` a kill has left open
    whether they were.  by_day has the ended ones by (key id, day)."""

    def __init__(self, path):
        with path.open("rb") as file:
            magic, room, following = HEADER.unpack(file.read(HEADER.size))
            data = file.read(following * ENTRY.size)
        assert magic == b"TGJOURN1" and following <= room
        self.ended = collections.Counter()
        self.begun = collections.Counter()
        self.by_day = collections.Counter()
        calls = collections.Counter(
            (state, key, hour) for state, _, _, _, hour, key
            in ENTRY.iter_unpack(data))
        for (state, key, hour), number in calls.items():
            key = key.rstrip(b"\0").decode()
            if state == ENDED:
                self.ended[key] += number
                self.by_day[key, hour // DAY_S] += number
            elif state == BEGUN:
                self.begun[key] += number

    def allows(self, counted):
        """Whether these counts by key are what the journal says."""
        keys = set(counted) | set(self.ended)
        return all(
            self.ended[key] <= counted.get(key, 0)
            <= self.ended[key] + self.begun[key] for key in keys)
