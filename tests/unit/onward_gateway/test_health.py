"""Whether the gateway lives and is of use, with reasons."""

from datetime import UTC, datetime

import pytest

from onward.bus.streams import NoStream
from onward_gateway.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def test_a_gateway_that_lives_says_so(house):
    reply = await house.call("GET", "/livez", key=None)

    assert (reply.status, reply.json["status"]) == (200, "live")


async def test_readiness_comes_with_every_reason_against_it(house):
    house.health.add_ready("nats", lambda: "not connected to NATS")
    house.health.add_ready("store", lambda: None)

    reply = await house.call("GET", "/readyz", key=None)

    assert (reply.status, reply.json["status"]) == (503, "not ready")
    assert {check["name"]: check["reason"] for check in reply.json["checks"]} == {
        "nats": "not connected to NATS",
        "store": None,
    }


async def test_a_full_store_is_a_reason(house):
    house.health.add_ready("store", house.gateway.store.trouble)
    house.used = (86, 100)
    await house.gateway.store.look(house.now)

    assert "86%" in (await house.call("GET", "/readyz", key=None)).json["checks"][0]["reason"]


async def test_a_deleted_log_is_a_reason_until_it_is_there_again() -> None:
    gone = [NoStream("there is no stream ONWARD_EVENTS", fix="put back a copy of it")]

    async def usage() -> tuple[int, int]:
        if gone:
            raise gone[0]
        return 0, 100

    store = Store(usage, 0.85)
    with pytest.raises(NoStream):
        await store.look(NOW)
    told = store.trouble()
    gone.clear()
    await store.look(NOW)

    assert told == "there is no stream ONWARD_EVENTS; put back a copy of it"
    assert store.trouble() is None


async def test_requests_are_counted_by_route_and_not_by_path(house):
    execution = await house.submit()
    await house.call("GET", f"/api/v1/executions/{execution['id']}")
    await house.call("GET", "/api/v1/executions/nothing")

    text = (await house.call("GET", "/metrics")).body.decode()

    assert 'route="/api/v1/executions/{execution_id}",method="GET",status="200"} 1' in text
    assert execution["id"] not in text
