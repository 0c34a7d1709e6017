"""API keys are made, shown once, rotated and revoked, and at no time is there nobody who could make another one."""

from datetime import timedelta

KEYS = "/api/v1/api-keys"


async def made(house, **asked):
    reply = await house.call("POST", KEYS, {"name": "ci", **asked})
    assert reply.status == 201, reply.body
    return reply.json


async def test_a_key_is_shown_once_and_opens_what_its_scope_says(house):
    one = await made(house, scope="read")

    assert (await house.call("GET", "/api/v1/tasks", key=one["key"])).status == 200
    assert (
        await house.call("POST", "/api/v1/executions", {"task": "noop"}, key=one["key"])
    ).code == "forbidden"
    listed = await house.call("GET", KEYS)
    secret = one["key"].rpartition("_")[2]
    assert secret.encode() not in listed.body
    assert secret.encode() not in (await house.call("GET", f"{KEYS}/{one['id']}")).body
    shown = next(key for key in listed.json["items"] if key["id"] == one["id"])
    assert (shown["name"], shown["scope"], shown["status"]) == ("ci", "read", "open")
    assert "sha256" not in shown


async def test_what_a_key_does_is_done_in_its_name(house):
    key = (await made(house, name="nightly build", scope="submit"))["key"]

    reply = await house.call("POST", "/api/v1/executions", {"task": "noop"}, key=key)

    assert reply.json["submitted_by"] == "key:nightly build"


async def test_two_open_keys_do_not_share_a_name(house):
    await made(house)

    assert (await house.call("POST", KEYS, {"name": "ci"})).code == "already_exists"


async def test_a_revoked_key_opens_nothing_and_its_name_is_free_again(house):
    one = await made(house)

    revoked = (await house.call("DELETE", f"{KEYS}/{one['id']}")).json
    again = (await house.call("DELETE", f"{KEYS}/{one['id']}")).json

    assert (revoked["status"], again) == ("revoked", revoked)
    assert (await house.call("GET", "/api/v1/tasks", key=one["key"])).code == "unauthorized"
    await made(house)


async def test_a_rotated_key_gives_way_to_one_of_its_name_and_scope(house):
    old = await made(house, scope="operate")

    new = (await house.call("POST", f"{KEYS}/{old['id']}/rotate", {})).json

    assert (new["name"], new["scope"], new["rotated_from"]) == ("ci", "operate", old["id"])
    assert (await house.call("GET", "/api/v1/tasks", key=new["key"])).status == 200
    assert (await house.call("GET", "/api/v1/tasks", key=old["key"])).code == "unauthorized"
    assert (await house.call("POST", f"{KEYS}/{old['id']}/rotate", {})).status == 409


async def test_a_rotated_key_may_open_for_a_while_beside_the_new_one(house):
    house.gateway.keys._now = lambda: house.now
    old = await made(house)

    await house.call("POST", f"{KEYS}/{old['id']}/rotate", {"grace": 60})
    meanwhile = await house.call("GET", "/api/v1/tasks", key=old["key"])
    house.now += timedelta(seconds=61)
    after = await house.call("GET", "/api/v1/tasks", key=old["key"])

    assert (meanwhile.status, after.status) == (200, 401)


async def test_a_key_that_expires_opens_until_then(house):
    house.gateway.keys._now = lambda: house.now
    one = await made(house, expires_at=(house.now + timedelta(hours=1)).isoformat())

    assert (await house.call("GET", "/api/v1/tasks", key=one["key"])).status == 200
    house.now += timedelta(hours=1)
    assert "expired" in (await house.call("GET", "/api/v1/tasks", key=one["key"])).json["detail"]
    assert (await house.call("GET", f"{KEYS}/{one['id']}")).json["status"] == "expired"


async def test_the_last_admin_key_cannot_be_revoked(house):
    first = house.key.split("_")[2]

    refused = await house.call("DELETE", f"{KEYS}/{first}")
    await made(house, name="second", scope="admin")
    revoked = await house.call("DELETE", f"{KEYS}/{first}")

    assert (refused.code, revoked.json["status"]) == ("still_used", "revoked")


async def test_a_project_sees_only_its_own_keys_and_makes_keys_only_for_itself(house):
    stranger = house.add_key("other")
    one = await made(house)

    assert (await house.call("GET", f"{KEYS}/{one['id']}", key=stranger)).status == 404
    assert (await house.call("DELETE", f"{KEYS}/{one['id']}", key=stranger)).status == 404
    assert len((await house.call("GET", KEYS, key=stranger)).json["items"]) == 1
    refused = await house.call("POST", KEYS, {"name": "x", "project": "default"}, key=stranger)
    assert refused.json["errors"][0]["pointer"] == "/project"


async def test_a_key_with_an_expiry_in_the_past_or_without_an_offset_is_refused(house):
    for at in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2030-01-01T00:00:00"):
        refused = await house.call("POST", KEYS, {"name": "x", "expires_at": at})
        assert refused.json["errors"][0]["pointer"] == "/expires_at", at
