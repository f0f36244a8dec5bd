"""Access keys of the admin API, their roles, and a new master key.

SPDX-License-Identifier: Apache-2.0
"""
import configparser
import json
import os
import re
import subprocess

import boto3
import botocore.config
import botocore.exceptions
import pytest

from stack import wait_until


def profile(world, *words):
    """What `credentials create` printed, as a profile."""
    done = world.stack.tallygate("credentials", "create", *words)
    assert done.returncode == 0, done.stderr
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(done.stdout)
    (name,) = parser.sections()
    world.secrets.append(parser[name]["aws_secret_access_key"])
    return parser[name]


def client(world, keys, service="apigateway"):
    return boto3.session.Session().client(
        service, endpoint_url=world.stack.url("admin"),
        region_name=keys["region"],
        aws_access_key_id=keys["aws_access_key_id"],
        aws_secret_access_key=keys["aws_secret_access_key"],
        aws_session_token=keys.get("aws_session_token"),
        config=botocore.config.Config(retries={"total_max_attempts": 1},
                                      proxies={}))


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]


def test_an_onboarding_key_registers_buyers_and_nothing_else(shared):
    keys = profile(shared, "--role", "onboarding", "portal")
    portal = client(shared, keys)
    plan = shared.apigateway.create_usage_plan(name="p")["id"]
    key = portal.create_api_key(name="buyer", enabled=True, customerId="c-7")
    shared.secrets.append(key["value"])
    portal.create_usage_plan_key(usagePlanId=plan, keyId=key["id"],
                                 keyType="API_KEY")
    found = portal.get_api_keys(customerId="c-7", includeValues=True)
    assert [k["value"] for k in found["items"]] == [key["value"]]
    error = refusal(portal.create_rest_api, name="mine")
    assert error["Code"] == "AccessDeniedException"
    assert ("user/portal is not authorized to perform: apigateway:POST"
            in error["Message"])
    events = client(shared, {
        "region": shared.credentials.region,
        "aws_access_key_id": shared.credentials.key_id,
        "aws_secret_access_key": shared.credentials.secret,
    }, "cloudtrail").lookup_events(LookupAttributes=[
        {"AttributeKey": "Username", "AttributeValue": "portal"}])["Events"]
    codes = {event["EventName"]: json.loads(
        event["CloudTrailEvent"]).get("errorCode") for event in events}
    assert codes["CreateRestApi"] == "AccessDeniedException"
    assert codes["CreateApiKey"] is None


def test_temporary_credentials_with_the_aws_cli(shared):
    keys = profile(shared, "--role", "read-only", "--duration", "15m", "aud")
    env = {**os.environ, "PATH": "/usr/bin:/bin",
           "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
           "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
           "AWS_DEFAULT_REGION": keys["region"], "AWS_MAX_ATTEMPTS": "1"}
    words = ["/usr/bin/aws", "--endpoint-url", shared.stack.url("admin"),
             "apigateway", "get-usage-plans"]
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    assert done.returncode != 0          # without its session token
    env["AWS_SESSION_TOKEN"] = keys["aws_session_token"]
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*words[:-1], "get-api-keys", "--include-values"],
                          env=env, capture_output=True, text=True)
    assert "AccessDeniedException" in done.stderr


def test_a_revoked_key_is_unknown_at_once(shared):
    keys = profile(shared, "--role=admin", "gone")
    mine = client(shared, keys)
    mine.get_rest_apis()
    listed = shared.stack.tallygate("credentials", "list", "--json")
    assert keys["aws_access_key_id"] in [
        key["accessKeyId"] for key in json.loads(listed.stdout)["accessKeys"]]
    assert keys["aws_secret_access_key"] not in listed.stdout
    done = shared.stack.tallygate("credentials", "revoke",
                                  keys["aws_access_key_id"])
    assert done.returncode == 0, done.stderr
    assert refusal(mine.get_rest_apis)["Code"] == "UnrecognizedClientException"
    done = shared.stack.tallygate("credentials", "revoke",
                                  keys["aws_access_key_id"])
    assert done.returncode == 1 and "there is no access key" in done.stderr


@pytest.mark.parametrize("words, complaint", [
    (["create"], "say whose key it is"),
    (["create", "a"], "--role admin, onboarding or read-only is missing"),
    (["create", "--role", "root", "a"], 'found "root"'),
    (["create", "--role", "admin", "--duration", "1x", "a"], "expected a time"),
    (["create", "--role", "admin", "--duration", "1m", "a"], "found 60"),
    (["create", "--role", "admin", "a b"], "userName: expected"),
    (["revoke"], "say which access key"),
    (["revoke", "../x"], "say which access key"),
    (["list", "--role", "x"], "unknown option --role"),
    (["rotate"], "did you mean credentials rotate-master-key"),
])
def test_wrong_words_are_explained(shared, words, complaint):
    done = shared.stack.tallygate("credentials", *words)
    assert done.returncode in (1, 2)
    assert complaint in done.stderr and done.stdout == ""


def master_keys(world):
    return (world.stack.folder / "private/master.key").read_text().split()


def import_keys(world, count):
    made = world.apigateway.import_api_keys(
        body="name,key,enabled\n".encode()
        + "".join(f"k{n},{n:032x},true\n" for n in range(count)).encode(),
        format="csv")
    assert len(made["ids"]) == count


def values(world):
    seen, position = set(), {}
    while True:
        page = world.apigateway.get_api_keys(includeValues=True, limit=500,
                                             **position)
        seen |= {key["value"] for key in page["items"]}
        if "position" not in page:
            return seen
        position = {"position": page["position"]}


def test_a_new_master_key_while_calls_go_on(world):
    shop = world.sell()
    value = world.key(shop.plan)[1]
    kept = profile(world, "--role", "admin", "kept")
    old = master_keys(world)
    done = world.stack.tallygate("credentials", "rotate-master-key")
    assert done.returncode == 0, done.stderr
    new = master_keys(world)
    assert len(new) == 1 and new != old
    assert re.search(r"the master key is now [0-9a-f]{16};", done.stdout)
    assert new[0] not in done.stdout + done.stderr
    for path in world.stack.folder.rglob("*"):
        if path.is_file() and path.name != "master.key":
            assert not any(key.encode() in path.read_bytes()
                           for key in old + new), path
    assert world.call(shop.api, "/fixed", value).status == 200
    world.stop_daemon()
    world.start_daemon()
    assert value in values(world)
    client(world, kept).get_rest_apis()


def test_a_rotation_that_was_killed_goes_on(world):
    import_keys(world, 3000)
    before = values(world)
    old = master_keys(world)
    rotation = subprocess.Popen(
        [world.stack.program, "credentials", "rotate-master-key", "--config",
         world.stack.settings], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=world.stack.env)
    wait_until(lambda: master_keys(world)[0] != old[0], "a new master key")
    world.kill_daemon()
    rotation.wait()
    world.start_daemon()
    wait_until(lambda: len(master_keys(world)) == 1, "the old key to go", 20)
    assert values(world) == before and len(before) == 3000
