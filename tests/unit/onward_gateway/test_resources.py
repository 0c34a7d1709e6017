"""Every kind of resource is created, shown, changed under its ETag, listed and deleted."""

import asyncio

import pytest

from onward.contract import ids

ENVIRONMENTS = "/api/v1/environments"
LAB = {"name": "lab", "description": "what customers see", "variables": {"TOKEN": "s3cret-value"}}


async def created(house, body=LAB, path=ENVIRONMENTS):
    reply = await house.call("POST", path, body)
    assert reply.status == 201, reply.body
    return reply


def matching(reply):
    return [(b"if-match", reply.headers["etag"].encode())]


async def test_a_resource_is_created_shown_changed_listed_and_deleted(house):
    made = await created(house)
    assert made.headers["location"] == f"{ENVIRONMENTS}/lab"
    assert made.json["version"] == 1
    assert made.json["updated_by"].startswith("key:")

    changed = await house.call(
        "PUT", f"{ENVIRONMENTS}/lab", {"variables": {"A": "1"}}, headers=matching(made)
    )
    assert (changed.status, changed.json["variables"], changed.json["description"]) == (200, {"A": "1"}, None)
    assert (changed.json["version"], changed.json["created_at"]) == (2, made.json["created_at"])
    shown = await house.call("GET", f"{ENVIRONMENTS}/lab")
    assert (shown.json, shown.headers["etag"]) == (changed.json, changed.headers["etag"])
    assert (await house.call("GET", ENVIRONMENTS)).json["items"] == [changed.json]

    assert (await house.call("DELETE", f"{ENVIRONMENTS}/lab")).status == 204
    assert (await house.call("GET", f"{ENVIRONMENTS}/lab")).code == "not_found"
    assert (await house.call("GET", ENVIRONMENTS)).json["items"] == []
    assert (await created(house)).json["version"] == 1


async def test_a_patch_changes_what_it_names_and_null_gives_the_default_back(house):
    await created(house, {**LAB, "labels": {"team": "a", "tier": "1"}})

    patch = {"description": None, "labels": {"tier": None, "zone": "x"}}
    changed = (await house.call("PATCH", f"{ENVIRONMENTS}/lab", patch)).json

    assert (changed["description"], changed["labels"]) == (None, {"team": "a", "zone": "x"})
    assert changed["variables"] == LAB["variables"]


async def test_a_name_that_is_taken_is_refused_until_it_was_deleted(house):
    await created(house)

    assert (await house.call("POST", ENVIRONMENTS, LAB)).code == "already_exists"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(house, method):
    made = await created(house)
    await house.call("PUT", f"{ENVIRONMENTS}/lab", {})

    body = None if method == "DELETE" else {}
    refused = await house.call(method, f"{ENVIRONMENTS}/lab", body, headers=matching(made))

    assert (refused.status, refused.code) == (412, "changed_meanwhile")


async def test_of_writers_with_the_same_etag_exactly_one_wins(house):
    made = await created(house)

    replies = await asyncio.gather(*(
        house.call("PUT", f"{ENVIRONMENTS}/lab", {"description": str(i)}, headers=matching(made)) for i in range(10)
    ))  # fmt: skip

    assert sorted(reply.status for reply in replies) == [200, *[412] * 9]
    winner = next(reply for reply in replies if reply.status == 200)
    assert (await house.call("GET", f"{ENVIRONMENTS}/lab")).json == winner.json


async def test_without_an_etag_no_change_of_many_writers_is_lost(house):
    await created(house)

    replies = await asyncio.gather(*(
        house.call("PATCH", f"{ENVIRONMENTS}/lab", {"labels": {f"l{i}": "x"}}) for i in range(10)
    ))  # fmt: skip

    assert {reply.status for reply in replies} == {200}
    shown = (await house.call("GET", f"{ENVIRONMENTS}/lab")).json
    assert (set(shown["labels"]), shown["version"]) == ({f"l{i}" for i in range(10)}, 11)


@pytest.mark.parametrize(
    "path, body, pointer",
    [
        (ENVIRONMENTS, {"name": "lab", "colour": "red"}, "/colour"),
        (ENVIRONMENTS, {"name": "lab", "version": 7}, "/version"),
        (ENVIRONMENTS, {"name": "lab", "variables": {"1A": "x"}}, "/variables/1A"),
        (ENVIRONMENTS, {"name": "lab", "variables": {"ONWARD_X": "x"}}, "/variables/ONWARD_X"),
        ("/api/v1/queues", {"name": "q", "environment": "nowhere"}, "/environment"),
        ("/api/v1/queues", {"name": "q", "priority": 10}, "/priority"),
        ("/api/v1/queues", {"name": "q", "max_running": 0}, "/max_running"),
        ("/api/v1/queues", {"name": "q", "retry": {"attempts": 0}}, "/retry"),
        ("/api/v1/saved-views", {"name": "v", "filters": {"colour": "red"}}, "/filters/colour"),
        ("/api/v1/saved-views", {"name": "v", "filters": {"status": ["lost"]}}, "/filters/status"),
        ("/api/v1/saved-views", {"name": "v", "filters": {"cursor": "x"}}, "/filters/cursor"),
    ],
)
async def test_what_does_not_fit_is_refused_by_the_member_that_is_wrong(house, path, body, pointer):
    refused = await house.call("POST", path, body)

    assert (refused.status, refused.code) == (400, "invalid_body")
    assert pointer in [error["pointer"] for error in refused.json["errors"]]
    assert (await house.call("GET", f"{path}/{body['name']}")).status == 404


async def test_an_unknown_member_of_a_patch_is_refused_even_to_remove_it(house):
    await created(house)

    refused = await house.call("PATCH", f"{ENVIRONMENTS}/lab", {"colour": None})

    assert refused.json["errors"][0]["pointer"] == "/colour"


@pytest.mark.parametrize("name", ["", "A", "a.b", "a" * 64, "x y"])
async def test_a_name_that_cannot_stand_in_a_subject_is_refused(house, name):
    assert (await house.call("POST", ENVIRONMENTS, {"name": name})).code == "invalid_name"


async def test_a_resource_that_cannot_be_read_is_said_to_be_so_and_can_be_mended_or_deleted(house):
    await created(house)
    house.config.put_bytes("default", "environment", "bad", b'{"name": 7')
    house.config.put_bytes("default", "environment", "worse", b"\xff")

    assert [one["name"] for one in (await house.call("GET", ENVIRONMENTS)).json["items"]] == ["lab"]
    assert (await house.call("GET", f"{ENVIRONMENTS}/bad")).code == "unreadable"
    assert (await house.call("PATCH", f"{ENVIRONMENTS}/bad", {})).code == "unreadable"
    assert (await house.call("PUT", f"{ENVIRONMENTS}/bad", {"description": "mended"})).json["version"] == 1
    assert (await house.call("DELETE", f"{ENVIRONMENTS}/worse")).status == 204


async def test_a_thousand_resources_are_listed_page_by_page_each_once(house):
    names = [f"e{i:04}" for i in range(1000)]
    for name in reversed(names):
        house.config.put("default", "environment", name, {"name": name})

    found, cursor = [], ""
    while cursor is not None:
        page = (await house.call("GET", f"{ENVIRONMENTS}?limit=200{cursor and f'&cursor={cursor}'}")).json
        found += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]

    assert found == names


async def test_a_list_is_narrowed_down_by_a_part_of_the_name(house):
    for name in ("eu-lab", "eu-prod", "us-lab"):
        house.config.put("default", "environment", name, {"name": name})

    found = (await house.call("GET", f"{ENVIRONMENTS}?q=LAB")).json
    part = (await house.call("GET", f"{ENVIRONMENTS}?q=lab&limit=1")).json

    assert [one["name"] for one in found["items"]] == ["eu-lab", "us-lab"]
    assert ([one["name"] for one in part["items"]], part["next_cursor"]) == (["eu-lab"], "1")


async def test_limits_are_found_by_their_keys(house):
    made = [
        (await house.call("POST", "/api/v1/limits", {"name": ids.limit_id(key), "key": key, "max": 1})).json
        for key in ("customer:42", "printer")
    ]

    found = (await house.call("GET", "/api/v1/limits?q=customer")).json["items"]

    assert [one["name"] for one in found] == [made[0]["name"]]


async def test_another_project_sees_none_of_it(house):
    await created(house)
    stranger = house.add_key("other")

    assert (await house.call("GET", f"{ENVIRONMENTS}/lab", key=stranger)).status == 404
    assert (await house.call("GET", ENVIRONMENTS, key=stranger)).json["items"] == []


async def test_what_a_newer_release_stored_is_read_by_this_one(house):
    house.config.put("default", "environment", "lab", {"name": "lab", "added_later": {"a": 1}})

    assert (await house.call("GET", f"{ENVIRONMENTS}/lab")).json["name"] == "lab"
