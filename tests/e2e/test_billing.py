"""The ledger when something is in the way: the Marketplace, the store, a name.

SPDX-License-Identifier: Apache-2.0
"""
import sqlite3
import struct

from support.world import CELLS, LANES, wait_until


def units(world, state):
    return sum(record["quantity"] for record in world.status()["records"]
               if record["state"] == state)


def audited(world, event):
    return world.sql("SELECT COUNT(*) FROM audit_event WHERE event_name = ?",
                     event)[0][0]


def test_a_marketplace_that_is_away_is_told_when_it_is_back(world):
    shop = world.sell()
    buyer = shop.buyer()
    for _ in range(3):
        assert buyer.call("/fixed").status == 200
    world.wait_counted(3)
    world.statuses.append(("sandbox", world.stack.sandbox.stop()))
    with world.begin_seal() as sealing:
        wait_until(lambda: units(world, "sealed") == 3,
                   "the hour to be sealed")
        wait_until(lambda: "not sent" in world.stack.tallygate(
            "status").stdout, "the reason to be visible")
        assert buyer.call("/fixed").status == 200, "no traffic stops"
        world.stack.start_sandbox()
        assert sealing.wait(60) == 0
    assert sum(world.market.billed().values()) == 3
    assert units(world, "settled") == 3
    wait_until(lambda: units(world, "open") == 1, "the call since then")


def count_unmarked(world, slot, units):
    """As a worker that is killed between adding and marking."""
    lane = world.clock.hour() // 3600 % LANES
    path = world.stack.folder / "meters.0"
    at = path.stat().st_size - 4 * CELLS * (LANES - lane) + 4 * slot
    with path.open("r+b") as file:
        file.seek(at)
        [counted] = struct.unpack("<I", file.read(4))
        file.seek(at)
        file.write(struct.pack("<I", counted + units))


def test_what_no_worker_marked_is_counted_before_a_seal(traveller):
    """The hour's and the operator's: each looks at every cell."""
    world, clock = traveller, traveller.clock
    shop = world.sell()
    buyer = shop.buyer()
    clock.move_to(clock.hour() + 3600 + 10)
    assert buyer.call("/fixed").status == 200
    world.wait_counted(1)
    [(slot,)] = world.sql("SELECT slot FROM meter_owner WHERE agreement_id"
                          " IS NOT NULL")
    count_unmarked(world, slot, 6)
    clock.move_to(clock.hour() + 3600 - 1)      # goes on by itself
    account = buyer.purchase["customerAWSAccountId"]
    wait_until(lambda: world.market.billed().get(account) == 7,
               "the hour to be billed")
    assert buyer.call("/fixed").status == 200
    world.wait_counted(8)
    count_unmarked(world, slot, 4)
    done = world.seal()
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.market.billed() == {account: 12}


def test_an_old_store_put_back_seals_nothing_until_confirmed(world):
    shop = world.sell()
    buyer = shop.buyer()
    assert buyer.call("/fixed").status == 200
    world.wait_counted(1)
    path = world.stack.folder / "private/tallygate.db"
    copy = world.folder / "copy.db"
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    for _ in range(4):
        assert buyer.call("/fixed").status == 200
    world.wait_counted(5)
    world.kill_daemon()
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(copy.read_bytes())
    world.start_daemon()
    world.wait_counted(5)
    done = world.seal()
    assert done.returncode == 1
    assert "old copy" in done.stdout + done.stderr
    assert world.market.billed() == {}
    assert any(alarm["name"] == "sealing_held"
               and "old copy" in alarm["message"]
               for alarm in world.status()["alarms"])
    assert world.stack.tallygate("confirm", "store").returncode == 0
    assert audited(world, "HoldSealing") == 1
    assert audited(world, "ConfirmStore") == 1
    assert world.status()["alarms"] == []
    assert world.seal().returncode == 0
    assert sum(world.market.billed().values()) == 5


def test_planes_made_anew_count_on_and_nothing_twice(world):
    shop = world.sell()
    buyer = shop.buyer()
    for _ in range(3):
        assert buyer.call("/fixed").status == 200
    world.wait_counted(3)
    world.stop_daemon()
    world.stack.stop_nginx()
    state = world.stack.folder
    gone = [path for name in ("board", "keys.*", "meters.*", "routes.*")
            for path in state.glob(name)]
    assert len(gone) >= 4
    world.lost_meters = world.metered()
    assert world.lost_meters == 3
    for path in gone:
        path.unlink()
    world.start_daemon()
    assert units(world, "open") == 3, "what was folded stays"
    wait_until(lambda: buyer.call("/fixed").status == 200,
               "the key to work again")
    world.wait_counted(4)
    assert audited(world, "ReplaceMeters") == 1
    world.stop_daemon()
    world.start_daemon()
    assert audited(world, "ReplaceMeters") == 1, "it is said once"
    assert world.seal().returncode == 0
    assert sum(world.market.billed().values()) == 4


def test_one_buyers_hour_is_sealed_by_any_of_his_names(world):
    shop = world.sell()
    leaver, other = shop.buyer(), shop.buyer()
    for buyer in (leaver, other):
        assert buyer.call("/fixed").status == 200
    world.wait_counted(2)
    arn = leaver.purchase["licenseArn"]
    done = world.seal("--agreement", arn.rpartition(":")[2])
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.market.billed() == {
        leaver.purchase["customerAWSAccountId"]: 1}
    done = world.seal("--agreement", arn)
    assert done.returncode == 0 and "already" in done.stdout
    done = world.seal("--agreement", "nobody")
    assert done.returncode == 1 and "nobody" in done.stderr
    assert world.seal().returncode == 0
    assert sum(world.market.billed().values()) == 2
