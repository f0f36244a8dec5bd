"""The commands of the guides do what the guides say, as written.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import subprocess

from support.world import TOP, PORTS, wait_until

import seller


def commands(text):
    """The guide's shell blocks, one script."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text,
                                re.MULTILINE | re.DOTALL))


def run(world, name):
    """Runs a guide's commands; what they printed."""
    script = commands((TOP / "docs/guide" / name).read_text())
    assert len(script.splitlines()) > 30
    # This world has its own folder and ports; nothing else is changed.
    for port_name, (_, port) in PORTS.items():
        script = script.replace(f"localhost:{port}",
                                f"localhost:{world.stack.ports[port_name]}")
    script = script.replace("$PWD/var/", f"{world.stack.folder}/")
    script = script.replace("var/tallygate.yaml", str(world.stack.settings))
    script = script.replace("build/tallygate", str(world.stack.program))
    document = TOP / "examples/iso-codes/openapi.yaml"
    here = world.folder / "openapi.yaml"
    here.write_text(document.read_text().replace(
        seller.BACKEND_IN_DOCUMENT,
        f"http://127.0.0.1:{world.stack.ports['example']}/"))
    script = script.replace(str(document.relative_to(TOP)), str(here))
    done = subprocess.run(
        ["bash", "-euxo", "pipefail"], input=script, text=True,
        capture_output=True, timeout=180, cwd=TOP,
        env={**os.environ, "AWS_CONFIG_FILE": "/dev/null"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_sellers_guide(world):
    world.secrets.append("existingkeyvalue0123456789abcdef")
    printed = run(world, "seller.md")
    assert '"target": "/countries/DE"' in printed, "the call went through"
    assert "settled" in printed and "BatchMeterUsage" in printed
    assert sum(world.market.billed().values()) == 3
    wait_until(lambda: world.counted() == 3, "three calls in the ledger")


def test_the_guide_to_moving(shared):
    shared.secrets += ["movedkeyvalue0123456789abcdef",
                       "movedkeyvalue0123456789ghijkl"]
    printed = run(shared, "moving.md")
    assert '"target": "/countries/DE"' in printed, "by a base path"
    assert '"target": "/currencies/EUR"' in printed, "by one of three"
    assert printed.count('{"status": "up"}') == 3
    wait_until(lambda: shared.counted() == 2, "two calls in the ledger")
