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
  J3  no quota was ever over: no key has more calls in a day than its limit,
      but for those in hand at midnight that the day before had room for.
  J4  no record was refused or in conflict at the Marketplace.  One may have
      expired whose outcome was not known when its deadline passed; then the
      Marketplace bills it as it is, or not at all.
  J5  one master runs, and the daemon answers.
  J6  each fault that was drawn has struck: somebody died, a write failed, a
      call to the Marketplace was spoiled (struck).

Events come from a pack that is shuffled and dealt to its end before it is
shuffled again, so that a run of a minute meets each of them.  The same seed
draws the same events; what they meet is up to the machine.

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

from botocore.exceptions import ClientError
from stack import is_alive, wait_until

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
TIMEOUT_S = 1                           # of a request to the Marketplace
PATIENCE_S = 2                          # before the clock goes on

LATE = "answer after the time-out"

# Every fault that there is, by the name of its effect (Machine.met).
ALL = ["worker killed", "master killed", "daemon killed", "reload",
       "Marketplace killed", "hour without the daemon, with calls",
       "disk full", "disk read-only", "disk unsyncable", "disk slow",
       "clock doubted", "clock behind", "Marketplace's clock off",
       "market throttle", "market internal", "market delay",
       "market lose-reply", "market unprocessed", "market twice",
       "market reorder", "market omit", "market garbage", "market cut",
       "market huge", "market clock", "market refuse",
       LATE, "cells used again", "HTTP/2 calls", "upload", "long answer"]


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
    world.stack.more["marketplace"] = {"timeout_s": TIMEOUT_S}
    world.stack.more["nginx"] = {
        "module": str(build / "src/nginx/journal/"
                      "ngx_http_tallygate_module.so"),
        "journal": str(world.journal)}
    world.harmless = "exited on signal 9"       # that is what we do
    return world


class Disk:
    """Steers disk.c."""

    MOODS = {"full": "f", "read-only": "r", "unsyncable": "e", "slow": "s"}
    SHARED = struct.Struct("<c7x4Q")    # with disk.c

    def __init__(self, folder, build, env):
        self.file = folder / "disk"
        self.file.write_bytes(self.SHARED.pack(b"-", 0, 0, 0, 0))
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

    def struck(self):
        """How many writes and syncs each mood has spoiled."""
        numbers = self.SHARED.unpack(self.file.read_bytes())[1:]
        return dict(zip(self.MOODS, numbers))


class Pack:
    """Deals what it holds in random order, over and over."""

    def __init__(self, items, source):
        self.items = list(items)
        self.random = source
        self.left = []

    def deal(self):
        if not self.left:
            self.left = self.random.sample(self.items, len(self.items))
        return self.left.pop()


class Machine:
    # Weight, name.  The method do_<name> does it.
    EVENTS = [(9, "kill_worker"), (3, "kill_master"), (4, "kill_daemon"),
              (4, "reload"), (4, "disk"), (4, "disk_and_kill"),
              (4, "forward"), (2, "back"), (3, "away"), (9, "market"),
              (2, "kill_market"), (3, "seal"), (4, "churn"), (2, "deploy")]

    LATER = {"delay_ms": 1000 * TIMEOUT_S + 700}

    # What the Marketplace may do to BatchMeterUsage, and for how many calls.
    # In doubt, or for a while, it never refuses for good (J4).
    MARKET = [("throttle", {}, 4), ("internal", {}, 3),
              ("delay", {"delay_ms": 400}, 4),
              ("delay", LATER, 2),
              ("lose-reply", {}, 3), ("unprocessed", {}, 4),
              ("twice", {}, 3), ("reorder", {}, 3), ("omit", {}, 2),
              ("garbage", {}, 2), ("cut", {}, 2), ("huge", {}, 2),
              ("clock", {"ahead_s": 900}, 2), ("clock", {"ahead_s": -900}, 2),
              ("refuse", {"status": "ThrottlingException"}, 2),
              ("refuse", {"status": "ServiceUnavailable"}, 2),
              ("refuse", {"status": "AccessDeniedException"}, 1),
              ("refuse", {"status": "InvalidProductCodeException"}, 1)]

    def __init__(self, seed, start_s=None, buyers=3, say=print):
        self.seed = seed
        self.random = random.Random(seed)
        self.say = say
        self.start_s = start_s
        self.buyer_count = buyers
        self.done = collections.Counter()       # events by name
        self.struck = collections.Counter()     # what they met, by name
        self.events = Pack([name for weight, name in self.EVENTS
                            for _ in range(weight)], self.random)
        self.moods = Pack(Disk.MOODS, self.random)
        self.market_faults = Pack(self.MARKET, self.random)
        self.travelled_s = 0
        self.loads = {}                         # key id -> [Wrk, ...]
        self.seen = {}                          # key id -> Seen
        self.armed = collections.Counter()      # market's faults, by kind
        self.late = 0                           # of them, after the time-out
        self.world = journalled_world(f"machine-{seed}", travel=True)
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
        self.left = self.left_since = 0         # records not settled

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
        self.upload = self.world.folder / "upload"
        self.upload.write_bytes(b"x" * 30000)
        for number, key in enumerate(
                [b.key for b in self.buyers] + [self.limited_key]):
            loads = [Wrk(self.world.folder, url, base, key,
                         seed=self.seed + number)]
            if self.is_tls:
                path = ("/fixed", "/echo/short", "/echo/long",
                        "/echo/upload")[number % 4]
                loads.append(H2Load(url + base + path, key,
                                    self.upload if "upload" in path
                                    else None))
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
        while time.monotonic() < end:
            name = self.events.deal()
            note = getattr(self, "do_" + name)()
            self.done[name] += 1
            self.say(f"  {self.world.clock.now()} {name} {note or ''}")
            time.sleep(self.random.uniform(0, 0.4))

    def send(self, what, pids, how):
        """A signal to one of them, while it is there."""
        if pids:
            try:
                os.kill(self.random.choice(pids), how)
                self.struck[what] += 1
                return None
            except ProcessLookupError:
                pass                    # it was quicker
        return "none there"

    def do_kill_worker(self):
        return self.send("worker killed", children(
            self.world.stack.nginx_pid() or 0), signal.SIGKILL)

    def do_kill_master(self):
        return self.send("master killed", self.master(), signal.SIGKILL)

    def do_reload(self):
        return self.send("reload", self.master(), signal.SIGHUP)

    def master(self):
        return list(filter(None, [self.world.stack.nginx_pid()]))

    def kill_daemon(self):
        self.world.kill_daemon()
        self.struck["daemon killed"] += 1

    def do_kill_daemon(self):
        self.kill_daemon()
        time.sleep(self.random.uniform(0, 0.5))
        self.world.start_daemon()

    def spoil_disk(self, mood):
        """Until the mood has struck.  A seller's change syncs, as folds do
        not."""
        before = self.disk.struck()[mood]

        def has_struck():
            if mood == "unsyncable":
                self.change_something()
            return self.disk.struck()[mood] > before
        self.disk.be(mood)
        wait_until(has_struck, f"a {mood} disk to be met",
                   alive=self.world.stack.check)

    def change_something(self):
        try:
            self.world.apigateway.update_usage_plan(
                usagePlanId=self.shop.plan, patchOperations=[{
                    "op": "replace", "path": "/description",
                    "value": str(self.random.random())}])
        except ClientError as error:    # what else, with such a disk
            assert error.response["ResponseMetadata"][
                "HTTPStatusCode"] >= 500, error

    def do_disk(self):
        mood = self.moods.deal()
        self.spoil_disk(mood)
        time.sleep(self.random.uniform(0, 1.2))
        self.disk.heal()
        return mood

    def do_disk_and_kill(self):
        """It dies while the disk misbehaves, and comes back to a sound one:
        what had been written half is there."""
        mood = self.moods.deal()
        self.spoil_disk(mood)
        time.sleep(self.random.uniform(0, 0.5))
        self.kill_daemon()
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
        by_s = self.random.choice([20, 90, 2400, 5400])
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
        self.kill_daemon()
        for _ in range(hours):
            before = self.journalled()
            self.move(3600)
            time.sleep(self.random.uniform(0.02, 0.15))
            self.struck["hour without the daemon, with calls"] += (
                self.journalled() > before)
        self.world.start_daemon()
        return f"{hours} h"

    def do_market(self):
        """Two of them, so that a run of a minute meets them all."""
        notes = []
        for _ in range(2):
            kind, more, most = self.market_faults.deal()
            times = self.random.randint(1, most)
            self.arm(kind, more, times)
            notes.append(f"{times} x {kind} {more or ''}")
        return ", ".join(notes)

    def arm(self, kind, more, times):
        self.world.market.fault("BatchMeterUsage", kind, times=times, **more)
        self.armed[kind] += times
        self.late += more == self.LATER

    def spoiled(self):
        """Calls that the Marketplace has spoiled, by the kind of fault."""
        return collections.Counter(
            call["fault"] for call in
            self.world.market.calls("BatchMeterUsage") if "fault" in call)

    def do_kill_market(self):
        """What it was told to spoil dies with it, and is told again."""
        self.world.stack.sandbox.stop(signal.SIGKILL)
        self.struck["Marketplace killed"] += 1
        time.sleep(self.random.uniform(0, 0.3))
        self.world.stack.start_sandbox()
        for kind, times in (self.armed - self.spoiled()).items():
            more = [row[1] for row in self.MARKET if row[0] == kind]
            self.armed[kind] -= times
            self.arm(kind, more[-1], times)

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
        self.left_since = time.monotonic()
        wait_until(self.is_settled, "what was sealed to be settled", 240,
                   alive=self.world.stack.check)

    def is_settled(self):
        """Or else the clock goes on to where the next one is tried again."""
        if self.world.clock.now() < self.newest_s:
            self.move(self.newest_s - self.world.clock.now() + 1)
        left, due_s = self.world.sql(
            "SELECT count(*), min(next_attempt_s) FROM ledger_record WHERE "
            "state IN ('sealed', 'sent')")[0]
        if left != self.left:
            self.left, self.left_since = left, time.monotonic()
        if left and due_s > self.world.clock.now() + 2:
            self.move(due_s - self.world.clock.now())
        elif left and time.monotonic() > self.left_since + PATIENCE_S:
            self.move(120)              # the reporter, or a product, waits
            self.left_since = time.monotonic()
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
        self.over_h2 = sum(load.seen.answered for loads in self.loads.values()
                           for load in loads if isinstance(load, H2Load))
        self.loads = {}

    def journalled(self):
        """Calls in the journal, begun or ended."""
        with self.world.journal.open("rb") as file:
            return struct.unpack_from("<8sQQ", file.read(24))[2]

    def journal_is_quiet(self):
        """Nothing is added to the journal, and the ledger has it all."""
        following, counted = self.journalled(), self.world.counted()
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
        self.settle_waiting()           # before its deadline
        for _ in range(60):  # hours: for what is carried, and for each fault
            self.move(self.newest_s - self.world.clock.now() + 3600)
            wait_until(self.is_sealed, "the hour to be sealed", 60,
                       alive=self.world.stack.check)
            self.settle_waiting()
            if (self.told() == self.world.counted()
                    and not self.armed - self.spoiled()
                    and (self.met()[LATE] or not self.late)):
                break
            if self.late and not self.met()[LATE]:
                self.arm("delay", self.LATER, 1)    # it died meanwhile

    def is_healthy(self):
        done = subprocess.run(
            ["curl", "-sk", "-o", "/dev/null", "-w", "%{response_code}",
             self.health], capture_output=True, text=True)
        return done.stdout == "200"

    def is_sealed(self):
        through = self.world.sql("SELECT value FROM meta WHERE name ="
                                 " 'billing.sealed_through'")
        return int(through[0][0]) >= self.world.clock.hour()

    def told(self):
        """Units of records that are done with."""
        return self.world.sql(
            "SELECT coalesce(sum(quantity), 0) FROM ledger_record WHERE state"
            " IN ('settled', 'expired')")[0][0]

    def in_doubt(self):
        """Records that expired: (account, hour, units)."""
        return self.world.sql(
            "SELECT customer_aws_account_id, hour, quantity FROM"
            " ledger_record WHERE state = 'expired' AND quantity > 0")

    # J1 to J6

    def met(self):
        """How often each fault has struck."""
        world = self.world
        log = (world.stack.log_dir / "serve.log").read_text(errors="replace")
        met = collections.Counter(self.struck)
        met.update({f"disk {mood}": number
                    for mood, number in self.disk.struck().items()})
        met.update({f"market {kind}": number
                    for kind, number in self.spoiled().items()})
        met.update({
            LATE: world.sql(
                "SELECT count(*) FROM audit_event WHERE event_name ="
                " 'BatchMeterUsage' AND record LIKE '%timed out%'")[0][0],
            "clock doubted": log.count("event=clock_doubted"),
            "clock behind": log.count("event=clock_behind"),
            "Marketplace's clock off": log.count("Marketplace's clock differs"),
            "cells used again": world.sql(
                "SELECT count(*) FROM meter_owner WHERE owner > 1")[0][0],
            "HTTP/2 calls": self.over_h2})
        met.update(self.backend.seen())
        return met

    def missed(self, met):
        """What was drawn, and had no effect all the same."""
        drawn = {
            "worker killed": self.done["kill_worker"],
            "master killed": self.done["kill_master"],
            "reload": self.done["reload"],
            "hour without the daemon, with calls": self.done["away"],
            "clock doubted": self.done["back"] + self.done["forward"] > 2,
            "cells used again": self.done["churn"] > 2,
            LATE: self.late,
            "HTTP/2 calls": self.is_tls, "upload": True, "long answer": True,
            **{f"market {kind}": times for kind, times in self.armed.items()}}
        return [what for what, number in drawn.items()
                if number and not met[what]]

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
        has = {(record["customerAWSAccountId"], record["hour"])
               for record in world.market.records()}
        for account, hour, units in self.in_doubt():
            settled[account] += units
            billed[account] += units if (account, hour) not in has else 0
        assert +by_account == +settled, (by_account, settled)
        assert +by_account == +billed, (by_account, billed)
        bad = world.sql("SELECT state, reason, count(*) FROM ledger_record r"
                        " WHERE (state = 'refused' OR (state = 'expired' AND"
                        " NOT EXISTS (SELECT 1 FROM ledger_history h WHERE"
                        " h.record = r.number AND h.from_state = 'sent' AND"
                        " h.to_state = 'expired'))) AND quantity > 0"
                        " GROUP BY 1, 2")
        assert not bad, bad                                     # J4
        limited = {day: calls for (key, day), calls in
                   journal.by_day.items() if key == self.limited_id}
        for day, calls in limited.items():                      # J3
            in_hand = min(QUOTA - limited.get(day - 1, 0),
                          self.in_flight[self.limited_id])
            assert calls <= QUOTA + max(in_hand, 0), (day, limited)
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
        met = self.met()
        assert not self.missed(met), (self.missed(met), met)    # J6
        return {
            "seed": self.seed, "protocols": "HTTP/1.1 and HTTP/2 over TLS"
            if self.is_tls else "HTTP/1.1", "calls": sum(counted.values()),
            "open": sum(journal.begun.values()), "worst": worst,
            "kills": sum(number for what, number in met.items()
                         if what.endswith("killed")),
            "hours": round(self.travelled_s / 3600),
            "carried": world.sql("SELECT count(*) FROM ledger_record WHERE"
                                 " state = 'carried'")[0][0],
            "in doubt": len(self.in_doubt()),
            "drawn": dict(self.done), "met": dict(met),
            "never": [what for what in ALL if not met[what]],
        }
