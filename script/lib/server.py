"""server.py - a running gateway that sells a real API, until Ctrl-C

    server.py FOLDER [fresh]      run until stopped
    server.py FOLDER tour         run the story of tour.py and stop

script/server calls this once python3 is there.

SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import shlex
import shutil
import sys

from botocore.exceptions import BotoCoreError, ClientError

import stack as stacks
import seller
import tour
from stack import TOP, Stack, StackError, Stopped

QUOTA = 10000
TOUR_QUOTA = 20


def build():
    """Builds in the real time: a faked clock would confuse ninja."""
    env = {name: value for name, value in os.environ.items()
           if name != "LD_PRELOAD" and not name.startswith("FAKETIME")}
    steps = [["ninja", "-C", "build"]]
    if not (TOP / "build/build.ninja").exists():
        steps.insert(0, ["meson", "setup", "build"])
    print("building (into build/)", flush=True)
    for step in steps:
        done = stacks.run(step, 1200, cwd=TOP, env=env)
        if done.returncode != 0:
            lines = (done.stdout + done.stderr).splitlines()
            raise StackError("the build failed:\n" + "\n".join(lines[-40:]))


def forget(folder):
    """Removes what earlier runs have left, but for other stacks in there."""
    if not folder.exists():
        return
    for entry in folder.iterdir():
        if entry.name == "tour":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def start(stack, quota):
    """Everything up, the example set up; returns what endpoints.json says."""
    (stack.folder / "endpoints.json").unlink(missing_ok=True)
    stack.write_settings()
    print("starting the sandbox Marketplace, the example's backend and the "
          "gateway", flush=True)
    stack.start_sandbox()
    stack.start_backend()
    stack.start_daemon()
    endpoints = seller.publish(stack, quota)
    stacks.wait_until(
        lambda: stack.wire.get(stack.url("admin") + "/healthz").status == 200,
        "/healthz to answer 200", alive=stack.check)
    return endpoints


def tell(stack, endpoints):
    folder = os.path.relpath(stack.folder)
    settings = os.path.relpath(stack.settings)
    print(f"""
The gateway sells the ISO codes of countries, currencies, languages, scripts.

Buy it        open {endpoints['sandbox']}/ and click: you land on the portal,
              which asks for an e-mail address and shows your API key.
Call it       curl -H 'x-api-key: KEY' \\
                {endpoints['exampleUrl']}
Bill it       build/tallygate seal --config {settings}
              build/tallygate status --config {settings}
              curl {endpoints['sandbox']}/_sandbox/records
Steer it      AWS_SHARED_CREDENTIALS_FILE={folder}/admin-credentials \\
                /usr/bin/aws --endpoint-url {endpoints['admin']} \\
                apigateway get-usage-plans
See it        AWS_SHARED_CREDENTIALS_FILE={folder}/admin-credentials \\
                /usr/bin/aws --endpoint-url {endpoints['admin']} \\
                cloudtrail lookup-events --lookup-attributes \\
                AttributeKey=EventName,AttributeValue=BatchMeterUsage
Everything    {folder}/endpoints.json (addresses), {folder}/logs/ (logs)
Stop it       Ctrl-C
""")
    print("ready", flush=True)


def stay(stack):
    """Until Ctrl-C.  A process that ends is named and left alone: what is
    left goes on without it, which is what a visitor may want to see."""
    ended = []
    while True:
        stacks.check_stop()
        for process in stack.processes:
            if process.ending() and process not in ended:
                ended.append(process)
                print(f"{process.ending()}; the others go on. Start it "
                      f"again with\n    {shlex.join(process.argv)}",
                      flush=True)
        stacks.pause(0.5)


def prepare(folder, mode):
    """The stack, its ports free; with nothing in its folder but what is
    meant to be kept."""
    stack = Stack(folder, stacks.ports_of_environment(),
                  more={"products": [seller.PRODUCT]})
    if stack.settings.exists():
        stack.ports = stack.ports_in_force()
    stacks.check_ports_are_free(stack.ports)
    if mode in ("fresh", "tour"):
        forget(folder)
        stack.ports = stacks.ports_of_environment()
        stacks.check_ports_are_free(stack.ports)
    return stack


def run(folder, mode):
    stacks.ports_of_environment()
    build()
    stack = prepare(folder, mode)
    try:
        endpoints = start(stack, TOUR_QUOTA if mode == "tour" else QUOTA)
        if mode == "tour":
            return 0 if tour.Tour(stack, endpoints, TOUR_QUOTA).run() else 1
        tell(stack, endpoints)
        stay(stack)
    finally:
        stack.stop()
        (folder / "endpoints.json").unlink(missing_ok=True)


def main():
    folder = pathlib.Path(sys.argv[1]).absolute()
    mode = sys.argv[2] if len(sys.argv) > 2 else ""
    stacks.listen_for_stop()
    try:
        return run(folder, mode)
    except Stopped as stopped:
        print(f"\nstopped by {stopped}", flush=True)
        return 0
    except (StackError, OSError, BotoCoreError, ClientError) as error:
        print(f"script/server: {error}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
