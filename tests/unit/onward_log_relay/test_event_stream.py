import asyncio

import pytest

from onward_log_relay import event_stream, feed
from onward_log_relay.app import create_app
from tests.support.asgi import Request
from tests.support.log_relay import ID, KEY, Life, relay_over

WITH_KEY = {"authorization": f"Bearer {KEY}"}
URL = "/api/v1/events"


def other(number):
    return ID[:-4] + f"{number:04}"


@pytest.fixture
async def relay(process):
    return relay_over(process)


@pytest.fixture
async def app(relay):
    return create_app(relay)


@pytest.fixture
async def follow(app):
    """Follows; once it is open."""
    requests = []

    async def follow(query="", accept="application/x-ndjson", **headers):
        request = Request(app, f"{URL}?follow=true{query}", {**WITH_KEY, "accept": accept, **headers})
        requests.append(request)
        await request.until(lambda: request.status or request.task.done())
        return request

    yield follow
    for request in requests:
        request.leave()
        await request.done()


def shown(request):
    return [(one["type"], one["execution_id"], one["status"]) for one in request.ndjson if "type" in one]


async def life(process, number):
    return await (await Life(process, other(number)).submitted()).started()


async def test_seed_events_are_followed_each_with_what_it_made_of_its_execution(process, follow):
    request = await follow()
    await (await life(process, 1)).completed()
    await request.until(lambda: len(shown(request)) == 3)
    assert shown(request) == [
        ("submitted", other(1), "pending"),
        ("started", other(1), "running"),
        ("completed", other(1), "completed"),
    ]
    first = request.ndjson[0]
    assert (first["task"], first["queue"], first["labels"], first["event"]["n"]) == ("talk", "default", {}, 1)
    assert [one["position"] for one in request.ndjson] == [1, 2, 3]


@pytest.mark.parametrize(
    "query, told",
    [
        ("&type=completed", ["completed"]),
        ("&type=started&type=completed", ["started", "completed"]),
        ("&status=running", ["started"]),
        ("&task=talk&queue=default", ["submitted", "started", "completed"]),
        ("&task=walk", []),
        (f"&execution_id={other(2)}", []),
        ("&label=team%3Dred", []),
        ("&agent_id=ann", []),
    ],
)
async def test_events_are_filtered(process, app, query, told):
    await (await life(process, 1)).completed()
    page = await Request(app, f"{URL}?after=0{query}", WITH_KEY).done()
    assert [one["type"] for one in page.json["items"]] == told
    assert (page.json["next_after"], page.json["position"]) == (None, 3)


async def test_who_comes_back_with_its_position_loses_nothing(process, follow, monkeypatch):
    monkeypatch.setattr(feed, "REPLAY", 2)
    request = await follow()
    await life(process, 1)
    await request.until(lambda: len(shown(request)) == 2)
    request.leave()
    await request.done()
    for number in range(2, 6):
        await life(process, number)
    again = await follow(f"&after={request.ndjson[-1]['position']}")
    await life(process, 6)
    await again.until(lambda: len(shown(again)) == 10)
    assert [one["position"] for one in again.ndjson] == list(range(3, 13))


async def test_a_reader_behind_the_ring_reads_the_store(process, follow, monkeypatch):
    monkeypatch.setattr(feed, "RING_EVENTS", 2)
    monkeypatch.setattr(feed, "REPLAY", 3)
    request = await follow()
    request.reading.clear()
    for number in range(1, 11):
        await life(process, number)
    request.reading.set()
    await request.until(lambda: len(shown(request)) == 20)
    assert [one["position"] for one in request.ndjson] == list(range(1, 21))


async def test_an_event_source_resumes_by_its_last_event_id(process, follow):
    await (await life(process, 1)).completed()
    request = await follow(accept="text/event-stream", **{"last-event-id": "2"})
    await request.until(lambda: b"data:" in request.body)
    assert request.body.startswith(b'id: 3\ndata: {"position":3,"type":"completed"')


async def test_a_filter_asks_what_was_known_before_the_stream_began(process, follow):
    running = await life(process, 1)
    request = await follow("&task=talk&type=completed")
    await running.completed()
    await request.until(lambda: shown(request))
    assert shown(request) == [("completed", other(1), "completed")]


async def test_a_position_that_was_purged_is_refused_and_said_so(bus, process, app):
    await (await life(process, 1)).completed()
    bus.events.purge(2)
    for query in ("after=1", "after=77"):
        refused = await Request(app, f"{URL}?{query}", WITH_KEY).done()
        assert (refused.status, refused.json["code"]) == (410, "position_gone")
    assert (await Request(app, f"{URL}?after=2", WITH_KEY).done()).json["position"] == 3


async def test_a_quiet_stream_moves_the_position_on(process, follow, monkeypatch):
    monkeypatch.setattr(event_stream, "IDLE_SECONDS", 0.05)
    ndjson = await follow("&type=failed")
    sse = await follow("&type=failed", accept="text/event-stream")
    await life(process, 1)
    await ndjson.until(lambda: b'{"position":2}\n' in ndjson.body)
    await sse.until(lambda: b"id: 2\n\n: still here" in sse.body)


async def test_another_projects_events_are_not_told(process, follow):
    request = await follow()
    await Life(process, other(1), project="secret").submitted()
    await Life(process, other(2)).submitted()
    await request.until(lambda: shown(request))
    assert shown(request) == [("submitted", other(2), "pending")]


async def test_a_reader_that_stalls_is_cut_off_with_a_code_and_its_position(process):
    relay = relay_over(process, stall_seconds=0.05)
    request = Request(create_app(relay), f"{URL}?follow=true", {**WITH_KEY, "accept": "application/x-ndjson"})
    await request.until(lambda: request.status)
    request.reading.clear()
    request.on_last_word(request.reading.set)
    await life(process, 1)
    await request.done()
    assert request.ndjson[-1]["error"]["code"] == "slow_client"
    assert request.ndjson[-1]["position"] == 0


async def test_thirty_readers_cost_one_upstream_and_none_when_they_left(process, follow, relay):
    requests = [await follow() for _ in range(30)]
    assert relay.feed.watchers == 30
    await life(process, 1)
    for request in requests:
        await request.until(lambda request=request: len(shown(request)) == 2)
        request.leave()
        await request.done()
    assert (relay.feed.watchers, relay.feed.above(0)) == (0, [])


async def test_pages_go_on_where_the_last_one_ended(process, app):
    for number in range(1, 4):
        await life(process, number)
    found, after = [], 0
    while after is not None:
        page = (await Request(app, f"{URL}?after={after}&limit=2", WITH_KEY).done()).json
        found += [one["position"] for one in page["items"]]
        after = page["next_after"]
        await asyncio.sleep(0)
    assert found == [1, 2, 3, 4, 5, 6]
