"""What the gateway does while its neighbours are away: it says so, quickly, and goes on by itself afterwards."""

import asyncio
import time

from onward.bus.api import call
from onward.bus.append import DEADLINE
from onward.bus.bus import Bus
from onward.bus.connection import connect
from onward.bus.topology import Limits, ensure
from onward.contract import subjects
from tests.live.gateway.process import EXECUTIONS, gateway_on, new_caller
from tests.live.gateway.test_promises import Hand, completed, started

MIB = 1024**2


async def test_without_nats_every_answer_is_a_quick_503_and_it_recovers_by_itself(
    own_server, own_bus, session, tmp_path
):
    async with gateway_on(own_server, tmp_path) as gateway:
        await gateway.ready()
        caller = await new_caller(own_bus, gateway, session, "default")
        execution = await caller.submit()
        own_server.kill()

        for method, path, body in (
            ("POST", EXECUTIONS, {"task": "noop"}),
            ("POST", EXECUTIONS + "/batch", {"items": [{"task": "noop"}]}),
            ("GET", f"{EXECUTIONS}/{execution['id']}", None),
            ("GET", f"{EXECUTIONS}/{execution['id']}?wait=5", None),
            ("POST", f"{EXECUTIONS}/{execution['id']}/cancel", {}),
            ("GET", EXECUTIONS, None),
        ):
            before = time.monotonic()
            reply = await caller.call(method, path, body)
            took = time.monotonic() - before
            assert (reply.status, int(reply.headers["retry-after"]) >= 1) == (503, True), (path, reply.body)
            assert took < DEADLINE - 0.5, (path, took)
        assert (await gateway.ready(status=503))["status"] == "not ready"
        assert (await caller.call("GET", "/livez")).status == 200

        own_server.start()
        await gateway.ready()
        assert (await caller.submit())["status"] == "pending"
        assert (await caller.call("GET", f"{EXECUTIONS}/{execution['id']}")).status == 200


async def test_a_frozen_nats_is_a_quick_503_as_well(own_server, own_bus, session, tmp_path):
    async with gateway_on(own_server, tmp_path) as gateway:
        await gateway.ready()
        caller = await new_caller(own_bus, gateway, session, "default")
        execution = await caller.submit()
        own_server.pause()
        try:
            before = time.monotonic()
            replies = await asyncio.gather(
                *(caller.call("POST", EXECUTIONS, {"task": "noop"}) for _ in range(20)),
                caller.call("GET", f"{EXECUTIONS}/{execution['id']}"),
                caller.call("POST", f"{EXECUTIONS}/{execution['id']}/cancel"),
            )
            took = time.monotonic() - before
        finally:
            own_server.resume()

        assert {reply.status for reply in replies} == {503}
        assert took < DEADLINE - 0.5
        await gateway.ready()
        assert (await caller.submit())["status"] == "pending"


async def test_what_is_accepted_around_a_crash_of_nats_is_there_afterwards(
    own_server, own_bus, session, tmp_path
):
    async with gateway_on(own_server, tmp_path) as gateway:
        await gateway.ready()
        caller = await new_caller(own_bus, gateway, session, "default")
        accepted, refused, stop = [], 0, False

        async def client():
            nonlocal refused
            while not stop:
                reply = await caller.call("POST", EXECUTIONS, {"task": "noop"})
                if reply.status == 202:
                    accepted.append(reply.json["id"])
                else:
                    assert reply.status == 503, reply.body
                    refused += 1
                    await asyncio.sleep(0.05)

        clients = [asyncio.ensure_future(client()) for _ in range(8)]
        for _ in range(2):
            await asyncio.sleep(0.4)
            own_server.restart()
        await gateway.ready()
        await asyncio.sleep(0.4)
        stop = True
        await asyncio.gather(*clients)

        print(f"\n{len(accepted)} accepted around two kills of nats-server, {refused} refused with 503")
        for one in accepted:
            assert (await caller.call("GET", f"{EXECUTIONS}/{one}")).status == 200


async def test_before_the_streams_are_there_it_waits_and_says_so(own_server, session, tmp_path):
    async with gateway_on(own_server, tmp_path) as gateway:
        told = await gateway.ready(status=503)
        assert "no stream" in str(told)
        reply = await session.get(
            gateway.url + "/api/v1/tasks",
            headers={"Authorization": "Bearer ow_default_" + "a" * 12 + "_" + "a" * 43},
        )
        assert reply.status == 503

        connection = await connect(own_server.url, "setup", on_closed=lambda: None)
        await ensure(connection)
        await connection.close()

        await gateway.ready()
        reply = await session.get(
            gateway.url + "/api/v1/tasks",
            headers={"Authorization": "Bearer ow_default_" + "a" * 12 + "_" + "a" * 43},
        )
        assert reply.status == 401


async def test_A6_a_store_that_fills_up_takes_nothing_new_and_lets_running_work_end(  # noqa: N802
    own_server, session, tmp_path
):
    connection = await connect(own_server.url, "setup", on_closed=lambda: None)
    await ensure(connection, limits=Limits(events_bytes=4 * MIB))
    bus = Bus(connection)
    async with gateway_on(own_server, tmp_path) as gateway:
        await gateway.ready()
        caller = await new_caller(bus, gateway, session, "default")
        running = await caller.submit()
        await Hand(bus, "default").append(running["id"], started)
        for _ in range(17):
            await caller.submit(input="x" * 220_000)

        async with asyncio.timeout(40):
            while (reply := await caller.call("POST", EXECUTIONS, {"task": "noop"})).status == 202:
                await asyncio.sleep(0.1)

        assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "store_full", "30")
        await gateway.ready(status=503)
        await Hand(bus, "default").append(running["id"], completed)
        assert (await caller.call("GET", f"{EXECUTIONS}/{running['id']}")).json["status"] == "completed"
    await bus.close()


async def test_a_gateway_that_is_asked_to_stop_finishes_what_is_in_flight(
    own_server, own_bus, session, tmp_path
):
    async with gateway_on(own_server, tmp_path) as gateway:
        await gateway.ready()
        caller = await new_caller(own_bus, gateway, session, "default")
        execution = await caller.submit()
        waiting = asyncio.ensure_future(caller.call("GET", f"{EXECUTIONS}/{execution['id']}?wait=60"))
        await asyncio.sleep(0.2)
        before = time.monotonic()

        stopped = asyncio.get_running_loop().run_in_executor(None, gateway.stop)

        assert (await waiting).json["status"] == "pending"
        assert await stopped == 0, gateway.log()
        assert time.monotonic() - before < 30


async def test_a_wrong_broker_ends_it_with_a_word(own_server, tmp_path):
    async with gateway_on(
        own_server, tmp_path, ONWARD_NATS_URL=own_server.url.replace("app-secret", "wrong")
    ) as gateway:
        assert await asyncio.get_running_loop().run_in_executor(None, gateway.process.wait, 20) == 78
        assert "credential" in gateway.log()


async def test_a_gateway_newer_than_the_streams_waits_until_what_is_new_is_made(
    own_server, own_bus, tmp_path
):
    """An upgrade starts all services at once; which one is ready first is nobody's choice."""
    newest = subjects.VALUES
    await call(own_bus.connection, f"STREAM.DELETE.{newest}")

    async with gateway_on(own_server, tmp_path) as gateway:
        await gateway.ready(status=503, saying=newest)
        await ensure(own_bus.connection)
        await gateway.ready()
