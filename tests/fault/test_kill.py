"""Processes are killed while buyers call: no unit is lost, none is doubled.

Workers, nginx's master and the daemon get SIGKILL, first in turn, then at
random (the seed is printed; TALLYGATE_TEST_SEED repeats it).  Three witnesses
are compared: the gateway's own journal of finished calls, to the unit; what
the Marketplace will bill; and what the buyers saw, within the bound of a
worker's calls in hand for each worker that was killed.

SPDX-License-Identifier: Apache-2.0
"""
import os
import random
import signal
import time

import pytest

from support.journal import Journal
from support.load import Load, longest_silence_s
from support.machine import children, journalled_world, masters
from support.world import is_alive, wait_until

BUYERS = 4
ROUNDS = int(os.environ.get("TALLYGATE_TEST_KILLS", "40"))
SILENCE_S = 5


@pytest.fixture
def seed():
    number = int(os.environ.get("TALLYGATE_TEST_SEED",
                                random.SystemRandom().randrange(1 << 32)))
    print(f"seed {number}")
    return number


class Killer:
    def __init__(self, world, random_source):
        self.world = world
        self.random = random_source
        self.worker_kills = 0

    def kill_worker(self):
        workers = children(self.world.stack.nginx_pid() or 0)
        if workers:
            self.end(self.random.choice(workers))
            self.worker_kills += 1

    def kill_master(self):
        pid = self.world.stack.nginx_pid()
        if pid:
            self.end(pid)

    @staticmethod
    def end(pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass                        # it was quicker

    def kill_daemon(self):
        """And starts it again, as a service manager would."""
        self.world.kill_daemon()
        time.sleep(self.random.uniform(0, 0.5))
        self.world.start_daemon()

    def kill_daemon_and_see_nginx_adopted(self):
        master = self.world.stack.nginx_pid()
        workers = children(master)
        self.kill_daemon()
        assert self.world.stack.nginx_pid() == master
        assert children(master) == workers, "not even a reload"

    def kill_master_and_see_it_replaced(self):
        master = self.world.stack.nginx_pid()
        self.kill_master()
        wait_until(lambda: self.world.stack.nginx_pid() not in (None, master),
                   "the daemon to start another master")

    def in_turn(self, times):
        for _ in range(times):
            for kill in (self.kill_worker,
                         self.kill_daemon_and_see_nginx_adopted,
                         self.kill_master_and_see_it_replaced,
                         self.kill_daemon_and_see_nginx_adopted):
                kill()
                time.sleep(0.3)

    def at_random(self, rounds):
        for _ in range(rounds):
            kill = self.random.choices(
                [self.kill_worker, self.kill_master, self.kill_daemon],
                [6, 2, 2])[0]
            kill()
            time.sleep(self.random.uniform(0, 0.6))


@pytest.fixture
def journalled(request):
    """A world whose nginx keeps the journal."""
    world = journalled_world("kill")
    try:
        yield world.start()
        if not getattr(request.node, "has_failed", False):
            world.verify_bill()
            world.stop()
            world.verify()
            world.remove()
    finally:
        world.stop()


def test_no_unit_is_lost_or_doubled_by_kills(journalled, seed):
    world = journalled
    killer = Killer(world, random.Random(seed))
    shop = world.sell()
    buyers = [shop.buyer() for _ in range(BUYERS)]
    ids = {buyer.key: found["id"] for buyer in buyers for found in
           world.apigateway.get_api_keys(includeValues=True)["items"]
           if found["value"] == buyer.key}
    load = Load(world.stack.ports["gateway"],
                f"/restapis/{shop.api}/prod/_user_request_/echo/x",
                [buyer.key for buyer in buyers])
    try:
        killer.in_turn(2)
        killer.at_random(ROUNDS)
        wait_until(lambda: len(masters(world)) == 1,
                   "one nginx master, and no second")
    finally:
        seen = load.stop()

    wait_until(lambda: world.call(shop.api, "/health").status == 200,
               "the gateway to answer")
    # What orphaned workers still have in hand ends before we count.
    journal = settled_journal(world)
    done = world.seal()
    assert done.returncode == 0, done.stdout + done.stderr
    billed = {
        ids[buyer.key]: world.market.billed()[
            buyer.purchase["customerAWSAccountId"]] for buyer in buyers}
    assert journal.allows(billed), (billed, journal.ended, journal.begun)
    assert world.counted() == sum(billed.values())

    answered = sum(seen.by_key.values())
    bound = killer.worker_kills * load.connections
    print(f"{answered} answers, {sum(billed.values())} billed, "
          f"{killer.worker_kills} workers killed, {seen.cut} calls cut, "
          f"{seen.refused} connections refused, others {seen.other}, "
          f"longest silence {longest_silence_s(seen.buckets):.2f} s")
    assert abs(answered - sum(billed.values())) <= bound
    assert answered > 1000
    assert longest_silence_s(seen.buckets) < SILENCE_S


def settled_journal(world):
    """The journal once nothing is added to it, and the ledger has it all."""
    path = world.journal
    state = {}

    def is_quiet():
        before, state["now"] = state.get("now"), Journal(path)
        counted = world.counted()
        ended = sum(state["now"].ended.values())
        return (before and sum(before.ended.values()) == ended
                and ended <= counted
                <= ended + sum(state["now"].begun.values()))
    wait_until(is_quiet, "the ledger to hold what the journal holds", 60)
    return state["now"]


def test_the_daemon_is_killed_while_it_bills(world, seed):
    """Whenever it dies between sealing and settling, each hour is billed
    once, with the quantity that was sealed."""
    source = random.Random(seed)
    shop = world.sell()
    buyers = [shop.buyer() for _ in range(3)]
    for number, buyer in enumerate(buyers):
        for _ in range(number + 1):
            assert buyer.call("/fixed").status == 200
    world.wait_counted(6)
    world.market.fault("BatchMeterUsage", "lose-reply", times=2)
    world.market.fault("BatchMeterUsage", "delay", times=4, delay_ms=300)
    for _ in range(6):
        sealing = world.begin_seal()
        time.sleep(source.uniform(0, 0.4))
        world.kill_daemon()
        sealing.wait()
        world.start_daemon()
    wait_until(lambda: all(record["state"] == "settled"
                           for record in world.status()["records"]),
               "every record to be settled", 60)
    assert world.market.billed() == {
        buyer.purchase["customerAWSAccountId"]: number + 1
        for number, buyer in enumerate(buyers)}


def test_the_sandbox_is_killed_and_forgets_nothing(world):
    shop = world.sell()
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    assert world.seal().returncode == 0
    before = world.market.records()
    world.stack.sandbox.stop(signal.SIGKILL)
    assert not is_alive(world.stack.sandbox.pid)
    world.stack.start_sandbox()
    assert world.market.records() == before
