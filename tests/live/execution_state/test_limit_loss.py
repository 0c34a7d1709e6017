"""The stream of keys deleted while executions hold them and wait for them: rebuilt, and nobody too many."""

import pytest

from onward.bus import limit_ground
from onward.bus.api import call
from onward.bus.topology import ensure
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.limit import LimitPolicy
from tests.live.execution_state.test_limits import admitted, all_pass, nobody_holds, submit, until
from tests.support.without_postgres import without_postgres

TWO = LimitPolicy("a", max=2)


@pytest.fixture
async def following(bus, nats_server, monkeypatch):
    """The half that needs no Postgres, at work; nothing else is on its way here that it had to wait for."""
    monkeypatch.setattr(limit_ground, "SETTLE", 0.5)
    async with without_postgres(bus, nats_server) as half:
        yield half


async def delete(bus):
    await call(bus.connection, f"STREAM.DELETE.{subjects.LIMITS}")


async def epochs(bus, made):
    """Of each admission, in the order of EVENTS."""
    logs = [await bus.events.read("default", execution_id) for execution_id in made]
    stored = sorted((item for log in logs for item in log.stored), key=lambda item: item.sequence)
    return [item.event.grants["a"] for item in stored if isinstance(item.event, ev.Admitted)]


async def test_l1_keys_whose_stream_was_deleted_are_rebuilt_and_never_given_twice(bus, following):
    made = [await submit(bus, TWO) for _ in range(8)]

    async def two():
        found = await admitted(bus, made)
        return found if len(found) == 2 else None

    await until(two)
    await delete(bus)

    assert await all_pass(bus, made) == {"a": 2}  # the keeper makes the stream again
    await until(lambda: nobody_holds(bus))
    assert await epochs(bus, made) == sorted(await epochs(bus, made))


async def test_l1_keys_whose_stream_another_service_made_anew_are_rebuilt_too(bus, following):
    made = [await submit(bus, TWO) for _ in range(8)]
    await until(lambda: admitted(bus, made))
    await delete(bus)
    await ensure(bus.connection)

    assert await all_pass(bus, made) == {"a": 2}
    await until(lambda: nobody_holds(bus))
