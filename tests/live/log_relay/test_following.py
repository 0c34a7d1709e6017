import asyncio
import json

import websockets

from tests.live.log_relay.clients import NDJSON, NdjsonReader, SocketReader, write

LINES = 24_000


async def test_a_reader_that_loses_its_connection_three_times_misses_nothing(execution, served, session):
    """Promise 6: every line in order, no gap, no duplicate; byte for byte what is stored, while it is written."""
    to = execution.writer()
    over_http = NdjsonReader(session, served, execution.id, [3_000, 7_000, 5_000])
    over_socket = SocketReader(served, execution.id, [1_000, 9_000, 4_000])
    async with asyncio.timeout(60):
        async with asyncio.TaskGroup() as group:
            group.create_task(over_http.read())
            group.create_task(over_socket.read())
            for part in range(12):
                await write(to, LINES // 12, first=part * LINES // 12, pause=0.08)
            await execution.finish(to)
    raws = await execution.stored()
    assert len(raws) == LINES
    assert over_http.raws == raws
    assert over_socket.lines == [json.loads(raw) for raw in raws]
    assert [line["text"].split()[0] for line in over_socket.lines] == [str(i) for i in range(LINES)]
    assert (over_http.connections, over_socket.connections) == (4, 4)
    assert over_http.end == {"end": True, "status": "completed", "last_line": LINES}
    assert (over_socket.end["status"], over_socket.end["last_line"]) == ("completed", LINES)


async def test_many_readers_cost_one_upstream(execution, served, session, connection):
    to = execution.writer()
    listeners = len(connection.watchers)
    readers = [NdjsonReader(session, served, execution.id) for _ in range(30)]
    async with asyncio.timeout(30):
        async with asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.read())
            await write(to, 1)
            while not all(reader.last for reader in readers):
                await asyncio.sleep(0.01)
            assert (len(served.relay.watches), served.relay.watches.watchers) == (1, 30)
            assert len(connection.watchers) == listeners + 1
            await write(to, 2_000, first=1)
            await execution.finish(to)
    assert {reader.last for reader in readers} == {2_001}
    async with asyncio.timeout(40):
        while len(connection.watchers) > listeners:
            await asyncio.sleep(0.01)
    assert len(served.relay.watches) == 0


async def test_the_log_is_whole_when_following_ends(execution, served, session):
    """The last lines are written and the execution completed at once: the end must not overtake them."""
    to = execution.writer()
    reader = NdjsonReader(session, served, execution.id)
    reading = asyncio.ensure_future(reader.read())
    async with asyncio.timeout(40):
        while not reader.connections:
            await asyncio.sleep(0.01)
    await write(to, 5_000)
    await execution.finish(to)
    async with asyncio.timeout(40):
        await reading
    assert reader.last == 5_000


async def test_a_new_attempt_goes_on_in_the_same_stream(execution, served, session):
    reader = NdjsonReader(session, served, execution.id)
    reading = asyncio.ensure_future(reader.read())
    for attempt in (1, 2, 3):
        to = execution.writer(attempt=attempt, worker=f"w{attempt}")
        await write(to, 100, first=attempt * 100)
        await to.close()
    await execution.life.completed()
    async with asyncio.timeout(40):
        await reading
    attempts = [json.loads(raw)["attempt"] for raw in reader.raws]
    assert attempts == [1] * 100 + [2] * 100 + [3] * 100


async def test_the_state_comes_over_the_socket_as_it_changes(execution, served):
    async with websockets.connect(served.ws) as socket:
        await socket.send(json.dumps({"type": "authenticate", "key": served.key}))
        await socket.send(
            json.dumps({"type": "subscribe", "channel": "execution", "execution_id": execution.id})
        )
        seen = []
        async with asyncio.timeout(40):
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "execution":
                    seen.append(message["execution"]["status"])
                    if len(seen) == 1:
                        await execution.life.completed()
                    else:
                        break
    assert seen == ["running", "completed"]


async def test_a_page_and_a_search_over_the_real_store(execution, served, session):
    to = execution.writer()
    await write(to, 3_000)
    to.write("error", "stderr", "needle")
    await write(to, 3_000, first=3_000)
    await execution.finish(to)

    async def get(query):
        async with session.get(served.url(execution.id, query), headers=served.auth) as answer:
            return await answer.json()

    assert [item["line"] for item in (await get("?level=error"))["items"]] == [3_001]
    assert [item["text"] for item in (await get("?grep=needle"))["items"]] == ["needle"]
    assert [item["line"] for item in (await get("?tail=3"))["items"]] == [5_999, 6_000, 6_001]
    page = await get("?after=4000&limit=2")
    assert [item["line"] for item in page["items"]] == [4_001, 4_002]
    assert (page["levels"], page["status"]) == ({"info": 6_000, "error": 1}, "completed")
    async with session.get(served.url(execution.id), headers={**served.auth, **NDJSON}) as answer:
        assert len((await answer.read()).splitlines()) == 6_001
