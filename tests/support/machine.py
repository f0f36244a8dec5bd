"""machine.py - everything goes wrong, at random, while buyers call

The kill machine: a world whose nginx keeps a journal of finished calls, whose
clock travels and whose store's disk misbehaves when told (disk.c).  Under
full load, events of the table below happen one after the other, drawn from a
seed.  Then all is set right, time passes until everything is billed, and the
witnesses are compared (verdict):

  J1  for each buyer: the journal's finished calls = units in the ledger's
      detail = units in settled records = units that the Marketplace bills.
      A call that a killed worker had begun to count may be in or out.
  J2  the buyers' own count differs by at most what killed workers, and the
      callers themselves when they stopped, had in hand.
  J3  no quota was ever over: no key has more calls in a day than its limit.
  J4  no record was refused, expired or in conflict at the Marketplace.
  J5  one master runs, and the daemon answers.

The same seed draws the same events; what they meet is up to the machine.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import os
import pathlib
import random
import signal
import struct
import subprocess
import time

from stack import StackError, is_alive, wait_until

from support.certificates import Authority
from support.journal import Journal
from support.ports import free_port
from support.static import StaticBackend
from support.world import TOP, Shop, World, openapi
from support.wrk import H2Load, Wrk

BUILD = TOP / "build-journal"
DAY_S = 24 * 3600
QUOTA = 500                             # calls a day
DEADLINE_S = 22 * 3600                  # no record is let wait longer


def children(pid):
    """Process numbers of pid's children."""
    try:
        tasks = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in tasks.split()]


def masters(world):
    """Process numbers of every nginx master that runs on this state."""
    found = []
    folder = str(world.stack.folder).encode()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if words.startswith(b"nginx: master") and folder in words:
                found.append(int(entry.name))
    return found


def journalled_world(name, travel=False, build=BUILD):
    """A world on the build whose module keeps the journal; not started."""
    world = World(name, travel=travel, build=build, more={
        "gateway": {"workers": 2, "account_rate": 1000000,
                    "account_burst": 1000000}})
    world.stack.more["nginx"] = {
        "module": str(build / "src/nginx/journal/"
                      "ngx_http_tallygate_module.so"),
        "journal": str(world.journal)}
    world.harmless = "exited on signal 9"       # that is what we do
    return world


class Disk:
    """Steers disk.c."""

    MOODS = {"full": "f", "read-only": "r", "unsyncable": "e", "slow": "s"}

    def __init__(self, folder, build, env):
        self.file = folder / "disk"
        self.file.write_text("-")
        env["TALLYGATE_TEST_DISK"] = str(self.file)
        shim = str(build / "tests/support/disk.so")
        env["LD_PRELOAD"] = " ".join(
            filter(None, [shim, env.get("LD_PRELOAD")]))

    def be(self, mood):
        with self.file.open("r+") as file:      # the same inode: it is mapped
            file.write(self.MOODS[mood])

    def heal(self):
        with self.file.open("r+") as file:
            file.write("-")


class Machine:
    # Weight, name.  The method do_<name> does it.
    EVENTS = [(9, "kill_worker"), (3, "kill_master"), (4, "kill_daemon"),
              (4, "reload"), (3, "disk"), (2, "disk_and_kill"),
              (4, "forward"), (2, "back"), (3, "away"), (6, "market"),
              (2, "kill_market"), (3, "seal"), (4, "churn"), (2, "deploy")]

    # What the Marketplace may do to BatchMeterUsage, and for how many calls.
    MARKET = [("throttle", {}, 4), ("internal", {}, 3),
              ("delay", {"delay_ms": 400}, 4), ("lose-reply", {}, 3),
              ("unprocessed", {}, 4), ("twice", {}, 3), ("reorder", {}, 3),
              ("omit", {}, 2), ("garbage", {}, 2), ("cut", {}, 2),
              ("refuse", {"status": "ThrottlingException"}, 2)]

    def __init__(self, seed, start_s=None, buyers=3, say=print):
        self.seed = seed
        self.random = random.Random(seed)
        self.say = say
        self.start_s = start_s
        self.buyer_count = buyers
        self.done = collections.Counter()       # events by name
        self.travelled_s = 0
        self.loads = {}                         # key id -> [Wrk, ...]
        self.seen = {}                          # key id -> Seen
        self.market_kinds = collections.Counter()
        self.world = journalled_world("machine", travel=True)
        self.is_tls = seed % 3 == 0             # HTTP/2 as well
        if self.is_tls:
            pair = Authority(self.world.folder).issue(
                "gateway", "IP:127.0.0.1", days=400)
            self.world.stack.more["gateway"] |= {
                "tls_certificate": str(pair.certificate),
                "tls_key": str(pair.key)}
        self.disk = Disk(self.world.folder, BUILD, self.world.clock.env)
        self.newest_s = 0
        self.sealing = []                       # `tallygate seal's

    # Life

    def start(self):
        world = self.world
        world.start()
        if self.start_s:
            world.clock.move_to(self.start_s)
        self.newest_s = world.clock.now()
        port = free_port()
        self.backend = StaticBackend(world.folder, port)
        world.market.product("prod-echo", world.stack.url("portal"))
        api = world.import_api(openapi(port))
        self.shop = Shop(world, "prod-echo", api,
                         world.plan(api, "prod-echo"))
        self.buyers = [self.shop.buyer() for _ in range(self.buyer_count)]
        keys = world.apigateway.get_api_keys(includeValues=True)["items"]
        self.ids = {item["value"]: item["id"] for item in keys}
        limited = world.plan(api, "prod-echo", quota={
            "limit": QUOTA, "period": "DAY"})
        who = self.buyers[-1].purchase
        self.limited_id, self.limited_key = world.key(
            limited, customerId=who["licenseArn"])
        self.ids[self.limited_key] = self.limited_id
        self.account_of = {
            self.ids[b.key]: b.purchase["customerAWSAccountId"]
            for b in self.buyers}
        self.account_of[self.limited_id] = who["customerAWSAccountId"]
        self.start_load(f"/restapis/{api}/prod/_user_request_")

    def start_load(self, base):
        url = self.world.stack.url("gateway")
        if self.is_tls:
            url = url.replace("http:", "https:")
        self.health = f"{url}{base}/health"
        for number, key in enumerate(
                [b.key for b in self.buyers] + [self.limited_key]):
            loads = [Wrk(self.world.folder, url, base, key,
                         seed=self.seed + number)]
            if self.is_tls:
                path = ("/fixed", "/echo/short", "/echo/long")[number % 3]
                loads.append(H2Load(url + base + path, key))
            self.loads[self.ids[key]] = loads

    def stop(self):
        for loads in self.loads.values():
            for load in loads:
                load.kill()
        if hasattr(self, "backend"):
            self.backend.stop()
        self.world.stop()

    # Events

    def run(self, seconds):
        end = time.monotonic() + seconds
        names = [name for _, name in self.EVENTS]
        weights = [weight for weight, _ in self.EVENTS]
        while time.monotonic() < end:
            name = self.random.choices(names, weights)[0]
            note = getattr(self, "do_" + name)()
            self.done[name] += 1
            self.say(f"  {self.world.clock.now()} {name} {note or ''}")
            time.sleep(self.random.uniform(0, 0.4))

    @staticmethod
    def end(pid, how=signal.SIGKILL):
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            pass                        # it was quicker

    def do_kill_worker(self):
        workers = children(self.world.stack.nginx_pid() or 0)
        if not workers:
            self.done["kill_worker"] -= 1
            return "none there"
        self.end(self.random.choice(workers))
        return None

    def do_kill_master(self):
        pid = self.world.stack.nginx_pid()
        if pid:
            self.end(pid)

    def do_kill_daemon(self):
        self.world.kill_daemon()
        time.sleep(self.random.uniform(0, 0.5))
        self.world.start_daemon()

    def do_reload(self):
        pid = self.world.stack.nginx_pid()
        if pid:
            self.end(pid, signal.SIGHUP)

    def do_disk(self):
        mood = self.random.choice(list(Disk.MOODS))
        self.disk.be(mood)
        time.sleep(self.random.uniform(0.3, 1.5))
        self.disk.heal()
        return mood

    def do_disk_and_kill(self):
        """It dies while the disk misbehaves, and comes back to a sound one:
        what had been written half is there."""
        mood = self.random.choice(list(Disk.MOODS))
        self.disk.be(mood)
        time.sleep(self.random.uniform(0.2, 1.0))
        self.world.kill_daemon()
        self.disk.heal()
        self.world.start_daemon()
        return mood

    def move(self, by_s):
        clock = self.world.clock
        clock.write(clock.offset_s + by_s)
        self.travelled_s += abs(by_s)
        self.newest_s = max(self.newest_s, clock.now())

    def oldest_unsettled_s(self):
        """How long the oldest record of an ended hour has waited."""
        hour = self.world.sql(
            "SELECT min(hour) FROM ledger_record"
            " WHERE state IN ('sealed', 'sent')")[0][0]
        return self.world.clock.now() - hour if hour else 0

    def may_move(self, by_s):
        """Whether no record would pass its deadline: what Amazon may have
        and does not say cannot be compared to the unit."""
        clock = self.world.clock
        month = time.gmtime(clock.now()).tm_mon
        is_near = time.gmtime(clock.now() + by_s + 3 * 3600).tm_mon != month
        oldest = self.oldest_unsettled_s()
        return oldest + by_s < (2 * 3600 if is_near and oldest
                                else DEADLINE_S)

    def do_forward(self):
        by_s = self.random.choice([30, 300, 3600, 3600, 5400, 3 * 3600])
        if not self.may_move(by_s):
            self.settle_waiting()
        self.move(by_s)
        return f"{by_s} s"

    def do_back(self):
        by_s = self.random.choice([20, 90, 600, 2400])
        now = self.world.clock.now()
        if (now - by_s) // DAY_S != now // DAY_S:
            return "would cross midnight"   # J3 goes by the day
        self.move(-by_s)
        return f"{by_s} s"

    def do_away(self):
        """The daemon is away for hours in which buyers call."""
        hours = self.random.choice([2, 3, 5, 8, 30])
        if not self.may_move(hours * 3600):
            self.settle_waiting()
        if self.oldest_unsettled_s() + hours * 3600 >= DEADLINE_S:
            self.settle_waiting()
        self.world.kill_daemon()
        for _ in range(hours):
            self.move(3600)
            time.sleep(self.random.uniform(0.02, 0.15))
        self.world.start_daemon()
        return f"{hours} h"

    def do_market(self):
        kind, more, most = self.random.choice(self.MARKET)
        times = self.random.randint(1, most)
        self.world.market.fault("BatchMeterUsage", kind, times=times, **more)
        self.market_kinds[kind] += times
        return f"{kind} x {times}"

    def do_kill_market(self):
        self.world.stack.sandbox.stop(signal.SIGKILL)
        time.sleep(self.random.uniform(0, 0.3))
        self.world.stack.start_sandbox()

    def do_seal(self):
        """The operator's seal; what happens meanwhile may end it."""
        sealing = self.world.begin_seal()
        time.sleep(self.random.uniform(0, 0.5))
        self.sealing.append(sealing)

    def do_churn(self):
        """A buyer's key leaves its plan and comes back: its cell is retired,
        another is taken, and cells are used again."""
        who = {"usagePlanId": self.shop.plan,
               "keyId": self.ids[self.buyers[0].key]}
        self.world.apigateway.delete_usage_plan_key(**who)
        time.sleep(self.random.uniform(0, 0.3))
        self.world.apigateway.create_usage_plan_key(**who, keyType="API_KEY")

    def do_deploy(self):
        self.world.apigateway.create_deployment(
            restApiId=self.shop.api, stageName="prod")

    # The end

    def settle_waiting(self):
        """Until nothing sealed waits, while buyers go on calling."""
        wait_until(self.is_settled, "what was sealed to be settled", 120,
                   alive=self.world.stack.check)

    def is_settled(self):
        """Or else the clock goes on to where the next one is tried again."""
        if self.world.clock.now() < self.newest_s:
            self.move(self.newest_s - self.world.clock.now() + 1)
        left, due_s = self.world.sql(
            "SELECT count(*), min(next_attempt_s) FROM ledger_record WHERE "
            "state IN ('sealed', 'sent')")[0]
        if left and due_s > self.world.clock.now() + 2:
            self.move(due_s - self.world.clock.now())
        return left == 0

    def stop_load(self):
        for key, loads in self.loads.items():
            for load in loads:
                seen = load.stop()
                if key in self.seen:
                    self.seen[key].add(seen)
                else:
                    self.seen[key] = seen
        self.in_flight = {key: sum(load.in_flight for load in loads)
                          for key, loads in self.loads.items()}
        self.loads = {}

    def journal_is_quiet(self):
        """Nothing is added to the journal, and the ledger has it all."""
        with self.world.journal.open("rb") as file:
            following = struct.unpack_from("<8sQQ", file.read(24))[2]
        counted = self.world.counted()
        is_quiet = (following, counted) == getattr(self, "before", None)
        self.before = (following, counted)
        time.sleep(0.3)
        return is_quiet and len(masters(self.world)) == 1 and all(
            is_alive(pid) for pid in masters(self.world))

    def set_right(self):
        """Everything works again, and time passes until all is billed."""
        self.disk.heal()
        for sealing in self.sealing:
            sealing.wait()
        self.stop_load()
        wait_until(self.is_healthy, "the gateway to answer")
        wait_until(self.journal_is_quiet, "the journal to be quiet", 60)
        for _ in range(8):              # what is carried needs another hour
            self.move(self.newest_s - self.world.clock.now() + 3600)
            wait_until(self.is_sealed, "the hour to be sealed", 60,
                       alive=self.world.stack.check)
            self.settle_waiting()
            if self.billed() == self.world.counted():
                break

    def is_healthy(self):
        done = subprocess.run(
            ["curl", "-sk", "-o", "/dev/null", "-w", "%{response_code}",
             self.health], capture_output=True, text=True)
        return done.stdout == "200"

    def is_sealed(self):
        through = self.world.sql("SELECT value FROM meta WHERE name ="
                                 " 'billing.sealed_through'")
        return int(through[0][0]) >= self.world.clock.hour()

    def billed(self):
        return sum(self.world.market.billed().values())

    # J1 to J5

    def verdict(self):
        """Raises AssertionError; else the figures of the run."""
        world, journal = self.world, Journal(self.world.journal)
        counted, settled = collections.Counter(), collections.Counter()
        for key, units in world.sql("SELECT key_id, sum(quantity) FROM"
                                    " usage_detail GROUP BY key_id"):
            counted[key] = units
        for account, units in world.sql(
                "SELECT customer_aws_account_id, sum(quantity) FROM"
                " ledger_record WHERE state = 'settled' GROUP BY 1"):
            settled[account] = units
        assert journal.allows(counted), (counted, journal.ended,
                                         journal.begun)
        by_account = collections.Counter()
        for key, units in counted.items():
            by_account[self.account_of[key]] += units
        billed = collections.Counter(world.market.billed())
        assert +by_account == +settled, (by_account, settled)
        assert +by_account == +billed, (by_account, billed)
        bad = world.sql("SELECT state, reason, count(*) FROM ledger_record"
                        " WHERE state IN ('refused', 'expired') AND"
                        " quantity > 0 GROUP BY 1, 2")
        assert not bad, bad                                     # J4
        for (key, day), calls in journal.by_day.items():        # J3
            assert key != self.limited_id or calls <= QUOTA, (day, calls)
        assert journal.by_day, "some calls"
        worst = 0
        for key, seen in self.seen.items():                     # J2
            difference = counted[key] - seen.answered
            bound = (self.done["kill_worker"] * self.in_flight[key]
                     + seen.loose)
            assert -bound <= difference <= bound + seen.other, (
                key, difference, bound, vars(seen))
            worst = max(worst, abs(difference))
        assert len(masters(world)) == 1                         # J5
        return {
            "seed": self.seed, "protocols": "HTTP/1.1 and HTTP/2 over TLS"
            if self.is_tls else "HTTP/1.1", "calls": sum(counted.values()),
            "open": sum(journal.begun.values()), "worst": worst,
            "kills": sum(self.done[name] for name in (
                "kill_worker", "kill_master", "kill_daemon",
                "disk_and_kill", "away", "kill_market")),
            "events": dict(self.done),
            "market": dict(self.market_kinds),
            "hours": round(self.travelled_s / 3600),
            "carried": world.sql("SELECT count(*) FROM ledger_record WHERE"
                                 " state = 'carried'")[0][0],
        }
