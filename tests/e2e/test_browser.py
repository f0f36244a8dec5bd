"""A person buys with a click, in a real browser.

SPDX-License-Identifier: Apache-2.0
"""
import json
import subprocess

from support.world import TOP


def test_a_click_buys_and_ends_at_a_key_that_works(world):
    shop = world.sell()
    done = subprocess.run(
        ["node", "browser.mjs", "/usr/bin/chromium",
         world.stack.url("sandbox") + "/", "person@example.com"],
        capture_output=True, text=True, timeout=120, cwd=TOP / "tests/e2e")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["errors"] == []
    world.secrets.append(seen["key"])
    portal = world.stack.url("portal")
    assert [page.startswith(portal + "/register")
            for page in seen["pages"]] == [True, True]
    assert "curl" in seen["text"] and seen["key"] in seen["text"]
    assert world.call(shop.api, "/fixed", seen["key"]).status == 200
    assert world.seal().returncode == 0
    assert sum(world.market.billed().values()) == 1
