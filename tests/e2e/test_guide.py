"""The commands of docs/guide/seller.md do what the guide says, as written.

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


def test_the_sellers_guide(world):
    text = (TOP / "docs/guide/seller.md").read_text()
    script = commands(text)
    assert len(script.splitlines()) > 30
    # This world has its own folder and ports; nothing else is changed.
    for name, (_, port) in PORTS.items():
        script = script.replace(f"localhost:{port}",
                                f"localhost:{world.stack.ports[name]}")
    script = script.replace("$PWD/var/", f"{world.stack.folder}/")
    script = script.replace("var/tallygate.yaml", str(world.stack.settings))
    script = script.replace("build/tallygate", str(world.stack.program))
    world.secrets.append("existingkeyvalue0123456789abcdef")
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
    assert '"target": "/countries/DE"' in done.stdout, "the call went through"
    assert "settled" in done.stdout and "BatchMeterUsage" in done.stdout
    assert sum(world.market.billed().values()) == 3
    wait_until(lambda: world.counted() == 3, "three calls in the ledger")
