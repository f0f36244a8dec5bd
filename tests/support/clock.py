"""clock.py - the clock that a world's processes share

With time travel, libfaketime gives every process the real time plus what
stands in a file, so that one write moves them all at once; clients in this
process that sign their calls are moved along.

SPDX-License-Identifier: Apache-2.0
"""
import datetime
import os
import pathlib
import time
import types

import botocore.auth
import botocore.compat

# The modules that ask for the time when they sign.
SIGNERS = [botocore.auth]
if botocore.compat.HAS_CRT:
    import botocore.crt.auth
    SIGNERS.append(botocore.crt.auth)


def library():
    """Where Debian put libfaketime, whatever the machine's architecture."""
    found = sorted(pathlib.Path("/usr/lib").glob(
        "*/faketime/libfaketimeMT.so.1"))
    assert found, "libfaketime is missing: run script/bootstrap"
    return str(found[0])


class Clock:
    """The real clock: nothing can be moved."""
    offset_s = 0
    env = None                          # the environment of processes

    def now(self):
        return int(time.time()) + self.offset_s

    def hour(self):
        return self.now() // 3600 * 3600

    def close(self):
        pass


class MovedTime(datetime.datetime):
    """What botocore takes for the present while a clock is moved."""
    offset = datetime.timedelta()

    @classmethod
    def utcnow(cls):
        return datetime.datetime.utcnow() + cls.offset


class TravellingClock(Clock):
    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "clock"
        self.write(0)
        self.env = {
            **os.environ,
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        for module in SIGNERS:
            module.datetime = types.SimpleNamespace(
                **{**vars(datetime), "datetime": MovedTime})

    def write(self, offset_s, text=None):
        """One rename, so that nobody reads half a file."""
        self.offset_s = offset_s
        MovedTime.offset = datetime.timedelta(seconds=offset_s)
        part = self.file.with_suffix(".part")
        part.write_text(text or f"{offset_s:+d}\n")
        os.replace(part, self.file)

    def move_to(self, when_s):
        """The clock shows when_s (epoch seconds) now, and goes on."""
        self.write(int(when_s - time.time()))

    def freeze_at(self, when_s):
        """The clock shows when_s (epoch seconds), and stands still."""
        self.write(int(when_s - time.time()),
                   time.strftime("%Y-%m-%d %H:%M:%S",
                                 time.localtime(when_s)))

    def close(self):
        for module in SIGNERS:
            module.datetime = datetime
