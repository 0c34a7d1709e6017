"""Every route of the gateway against every scope: generated from the table of routes, so that none can be forgotten."""

import asyncio
import re

import pytest
from litestar import get, post

from onward.contract.keys import SCOPES, covers
from onward.http.auth import PUBLIC, needed, unruled
from onward_gateway.app import ROUTES

CHANGES = {
    "submit": {
        "POST /api/v1/executions", "POST /api/v1/executions/batch", "POST /api/v1/executions/{}/rerun",
        "POST /api/v1/executions/{}/answer", "POST /api/v1/executions/{}/events",
        "POST /api/v1/drafts", "PUT /api/v1/drafts/{}", "PATCH /api/v1/drafts/{}", "DELETE /api/v1/drafts/{}",
        "POST /api/v1/drafts/{}/approve", "POST /api/v1/drafts/{}/reject",
    },
    "admin": {
        "POST /api/v1/api-keys", "POST /api/v1/api-keys/{}/rotate", "DELETE /api/v1/api-keys/{}",
        "POST /api/v1/policies", "PUT /api/v1/policies/{}", "PATCH /api/v1/policies/{}", "DELETE /api/v1/policies/{}",
        "POST /api/v1/webhooks", "PUT /api/v1/webhooks/{}", "PATCH /api/v1/webhooks/{}", "DELETE /api/v1/webhooks/{}",
        "POST /api/v1/webhooks/{}/secret",
        "POST /api/v1/channels", "PUT /api/v1/channels/{}", "PATCH /api/v1/channels/{}", "DELETE /api/v1/channels/{}",
        "POST /api/v1/channels/{}/rotate-secret",
        "POST /api/v1/retention", "PUT /api/v1/retention/{}", "PATCH /api/v1/retention/{}",
        "DELETE /api/v1/retention/{}",
    },
    "read": {"POST /api/v1/executions/route", "POST /api/v1/sign-in-links", "DELETE /api/v1/session"},
}  # fmt: skip
"""What changes something and needs another scope than `operate`: a table that tests itself proves nothing."""
SEEN_BY_ADMINS = {
    "GET /api/v1/api-keys", "GET /api/v1/api-keys/{}", "GET /api/v1/audit", "GET /api/v1/audit/verify",
    "GET /api/v1/audit/export",
}  # fmt: skip


def rules():
    for handler in ROUTES:
        for path in handler.paths:
            for method in getattr(handler, "http_methods", ()):
                yield str(getattr(method, "value", method)), path, handler


RULES = sorted(rules(), key=lambda rule: rule[:2])
KEYED = [(method, path, needed(handler)) for method, path, handler in RULES if not handler.opt.get(PUBLIC)]


def test_no_route_is_without_a_rule():
    assert unruled(ROUTES) == []


def test_a_route_that_changes_something_and_names_no_scope_is_found():
    @post("/api/v1/new")
    async def new() -> None: ...

    @get("/api/v1/seen")
    async def seen() -> None: ...

    assert unruled([new, seen]) == ["/api/v1/new"]


def test_each_change_needs_the_scope_that_is_written_here():
    wanted = {f"{method} {re.sub('{.*?}', '{}', path)}": rule for method, path, rule in KEYED}

    for change, rule in wanted.items():
        method = change.partition(" ")[0]
        usual = "read" if method == "GET" else "operate"
        expected = "admin" if change in SEEN_BY_ADMINS else usual
        expected = next((scope for scope, changes in CHANGES.items() if change in changes), expected)
        assert rule == expected, change


@pytest.mark.parametrize("scope", SCOPES)
async def test_seed_manage_a_key_comes_through_where_its_scope_allows_and_nowhere_else(house, scope):
    key = house.add_key("default", scope=scope)

    for method, path, rule in KEYED:
        address = re.sub(r"{.*?}", "018f0000-0000-7000-8000-000000000001", path)
        try:
            async with asyncio.timeout(0.3):
                reply = await house.call(
                    method, address, None if method in {"GET", "DELETE"} else {}, key=key
                )
        except TimeoutError:  # it was let in, and waits for a neighbour
            assert covers(scope, rule), (method, path)
            continue
        if covers(scope, rule):
            assert reply.status not in {401, 403}, (method, path)
        else:
            assert (reply.status, reply.code) == (403, "forbidden"), (method, path)
            assert rule in reply.json["detail"]


async def test_nothing_is_shown_without_a_key_but_what_is_public(house):
    for method, path, _ in KEYED:
        address = path.replace("{execution_id:str}", "x")
        assert (await house.call(method, address, key=None)).status == 401, (method, path)


async def test_a_scope_of_a_newer_release_opens_nothing(house):
    key = house.add_key("default", scope="everything")

    assert (await house.call("GET", "/api/v1/tasks", key=key)).code == "forbidden"


async def test_variables_of_an_environment_are_hidden_from_who_may_not_operate(house):
    await house.call("POST", "/api/v1/environments", {"name": "lab", "variables": {"TOKEN": "s3cret"}})
    reader, operator = house.add_key("default", scope="submit"), house.add_key("default", scope="operate")

    for path in ("/api/v1/environments", "/api/v1/environments/lab"):
        assert b"s3cret" not in (await house.call("GET", path, key=reader)).body
        assert b"s3cret" in (await house.call("GET", path, key=operator)).body
