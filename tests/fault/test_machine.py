"""The kill machine (support/machine.py): everything goes wrong at random.

    TALLYGATE_TEST_SEED      repeats a run; else one is drawn, and printed
    TALLYGATE_TEST_SECONDS   of events in each round (30; long: 240)
    TALLYGATE_TEST_ROUNDS    each with the next seed (1; long: 5)

Rounds with an odd seed begin in the evening before a month's last day, so
that the month ends under way.

SPDX-License-Identifier: Apache-2.0
"""
import calendar
import os
import random
import time

import pytest

from support.machine import Machine

IS_LONG = "TALLYGATE_TEST_LONG" in os.environ
SECONDS = int(os.environ.get("TALLYGATE_TEST_SECONDS",
                             "240" if IS_LONG else "30"))
ROUNDS = int(os.environ.get("TALLYGATE_TEST_ROUNDS", "5" if IS_LONG else "1"))
SEED = int(os.environ.get("TALLYGATE_TEST_SEED",
                          random.SystemRandom().randrange(1 << 31)))


def before_the_months_end():
    now = time.gmtime()
    last = calendar.monthrange(now.tm_year, now.tm_mon)[1]
    return calendar.timegm((now.tm_year, now.tm_mon, last, 18, 30, 0))


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
def test_no_unit_goes_astray_whatever_goes_wrong(seed):
    print(f"seed {seed}; to repeat it:\n  script/test --seed {seed}"
          f" --seconds {SECONDS} machine", flush=True)
    machine = Machine(seed, before_the_months_end() if seed % 2 else None)
    try:
        machine.start()
        machine.run(SECONDS)
        machine.set_right()
        print(machine.verdict(), flush=True)
        machine.world.verify_bill()
        machine.stop()
        machine.world.verify()
        machine.world.remove()
    finally:
        machine.stop()
