"""Every route and socket of the relay against every scope, and how soon a revoked key is noticed."""

import asyncio

import msgspec
import pytest

from onward.bus.config import LOOK_AGAIN
from onward.contract.keys import SCOPES
from onward.http.auth import CHECK_KEY_SECONDS, PUBLIC, needed, new_key, unruled
from onward_log_relay.app import ROUTES, create_app
from tests.support.asgi import Request, WebSocket
from tests.support.log_relay import ID, NOON, SPEC, relay_over

SOCKETS = [
    path for handler in ROUTES if not getattr(handler, "http_methods", ()) for path in sorted(handler.paths)
]


@pytest.fixture
async def relay(process):
    return relay_over(process)


@pytest.fixture
async def app(relay):
    return create_app(relay)


def key_of(relay, scope):
    key, spec = new_key("default", now=NOON, scope="read")
    spec = msgspec.structs.replace(spec, scope=scope)
    find = relay.keys._find
    relay.keys._find = lambda project, public_id: spec if public_id == spec.id else find(project, public_id)
    return key


def test_no_route_is_without_a_rule_and_all_of_them_only_read():
    assert unruled(ROUTES) == []
    assert {needed(handler) for handler in ROUTES if not handler.opt.get(PUBLIC)} <= {"read"}


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("scope", [*SCOPES, "everything"])
async def test_each_scope_opens_each_socket_and_an_unknown_one_opens_none(app, relay, path, scope):
    socket = WebSocket(app, path, {"authorization": f"Bearer {key_of(relay, scope)}"})
    if scope == "everything":
        assert ((await socket.ended()).accepted, socket.code) == (False, 403)
        return
    assert (await socket.next("ready"))["project"] == SPEC.project
    socket.leave()
    await socket.ended()


@pytest.mark.parametrize("scope", [*SCOPES, "everything"])
async def test_each_scope_reads_each_route_and_an_unknown_one_reads_none(app, relay, scope):
    key = key_of(relay, scope)
    for handler in ROUTES:
        if handler.opt.get(PUBLIC) or not getattr(handler, "http_methods", ()):
            continue
        for path in handler.paths:
            asked = Request(app, path.replace("{execution_id:str}", ID), {"authorization": f"Bearer {key}"})
            async with asyncio.timeout(5):
                await asked.until(lambda asked=asked: asked.status)
            assert (asked.status == 403) == (scope == "everything"), path
            asked.leave()
            await asked.done()


def test_a_revoked_key_is_noticed_within_five_seconds_even_when_a_message_is_lost():
    assert CHECK_KEY_SECONDS + LOOK_AGAIN < 5
