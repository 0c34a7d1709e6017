import pytest

from onward.contract import lines as li
from onward.http.auth import new_key
from onward_log_relay.app import create_app
from tests.support.asgi import Request
from tests.support.log_relay import ID, KEY, NOON, Life, MemoryLog, relay_over

URL = f"/api/v1/executions/{ID}/logs"
NDJSON, SSE, TEXT = "application/x-ndjson", "text/event-stream", "text/plain"
OTHER = "01939e5c-0000-7000-8000-000000000099"


@pytest.fixture
async def relay(process):
    return relay_over(process)


@pytest.fixture
async def app(relay):
    return create_app(relay)


@pytest.fixture
async def life(process):
    return await (await Life(process).submitted()).started()


@pytest.fixture
async def log(bus, life):
    return MemoryLog(bus)


@pytest.fixture
def get(app):
    def get(query="", accept="*/*", **headers):
        headers = {"authorization": f"Bearer {KEY}", "accept": accept, **headers}
        return Request(app, URL + query, headers)

    return get


def stored(log):
    return [li.encode_line(line) for line in log.lines]


def some(log, count=10, size=7):
    for i in range(count):
        log.add(*[f"{i} {j}" for j in range(size)])


# Pages


async def test_a_page_is_lines_and_where_the_log_stands(get, log):
    log.add("one", "two", levels=["info", "error"], dropped=3)
    page = (await get().done()).json
    assert [item["text"] for item in page["items"]] == ["one", "two"]
    assert set(page["items"][0]) == {"line", "time", "level", "stream", "attempt", "step", "text"}
    assert {**page, "items": None} == {
        "items": None, "next_after": None, "last_line": 2, "levels": {"info": 1, "error": 1}, "dropped": 3,
        "status": "running",
    }  # fmt: skip


async def test_pages_lead_through_the_whole_log(get, log):
    some(log, 100)
    lines, after = [], 0
    while after is not None:
        page = (await get(f"?after={after}&limit=99").done()).json
        lines += page["items"]
        after = page["next_after"]
    assert [line["line"] for line in lines] == list(range(1, 701))


async def test_a_page_holds_200_lines_unless_fewer_are_asked_for(get, log):
    some(log, 100)
    page = (await get().done()).json
    assert len(page["items"]) == 200
    assert page["next_after"] == 200
    assert page["last_line"] == 700


async def test_pages_of_a_search_end(get, log):
    some(log, 100)
    first = (await get("?grep=3%206&limit=5").done()).json
    assert [item["text"] for item in first["items"]] == ["3 6", "13 6", "23 6", "33 6", "43 6"]
    second = (await get(f"?grep=3%206&limit=200&after={first['next_after']}").done()).json
    assert len(second["items"]) == 5
    assert second["next_after"] is None


async def test_a_search_that_takes_long_gives_what_it_has_and_goes_on(get, log, monkeypatch):
    monkeypatch.setattr("onward_log_relay.logs.SEARCH_SECONDS", -1)
    for _ in range(3):
        log.add("hit", *["x"] * 5)
    page = (await get("?grep=hit").done()).json
    assert len(page["items"]) == 1
    assert page["next_after"] == 6


async def test_the_tail_of_a_level(get, log):
    for i in range(50):
        log.add(f"{i}", level="error" if i % 10 == 0 else "info")
    page = (await get("?tail=2&level=error").done()).json
    assert [item["text"] for item in page["items"]] == ["30", "40"]


async def test_an_execution_without_a_log_has_an_empty_page(get, log):
    page = (await get().done()).json
    assert (page["items"], page["next_after"], page["last_line"]) == ([], None, 0)


# Streams of what is stored


async def test_ndjson_is_byte_for_byte_what_is_stored(get, log):
    some(log, 300)
    answer = await get(accept=NDJSON).done()
    assert answer.body.splitlines() == stored(log)
    assert answer.headers["content-type"] == NDJSON


async def test_text_is_the_text(get, log):
    log.add("one", "tw\u00f6\ttabs", '"three"')
    assert (await get(accept=TEXT).done()).body.decode() == 'one\ntw\u00f6\ttabs\n"three"\n'


async def test_server_sent_events_have_the_line_number_as_their_id(get, log):
    log.add("one", "two")
    events = (await get(accept=SSE).done()).body.decode().split("\n\n")
    assert events[0].startswith('id: 1\ndata: {"line":1,')
    assert events[2] == 'event: end\ndata: {"status":"running","last_line":2}'


async def test_a_browser_that_comes_back_gets_what_it_has_not_seen(get, log):
    some(log, 10)
    body = (await get("?tail=1", accept=SSE, **{"last-event-id": "68"}).done()).body.decode()
    assert body.startswith("id: 69\n")


async def test_a_stream_is_as_long_as_asked_for(get, log):
    some(log, 100)
    assert len((await get("?limit=33&after=10", accept=NDJSON).done()).ndjson) == 33


# Following


async def test_following_ends_by_itself_with_the_status(get, log, life):
    some(log, 5)
    following = get("?follow=true", accept=NDJSON)
    await following.until(lambda: following.body.count(b"\n") == 35)
    log.add("live")
    await following.until(lambda: b"live" in following.body)
    log.add("last words", end=True)
    await life.completed()
    await following.done()
    assert following.body.splitlines()[:-1] == stored(log)
    assert following.ndjson[-1] == {"end": True, "status": "completed", "last_line": 37}


async def test_following_is_ndjson_unless_something_else_is_accepted(get, log, life):
    await life.completed()
    assert (await get("?follow=1").done()).headers["content-type"] == NDJSON
    assert (await get("?follow=1", accept=SSE).done()).headers["content-type"].startswith(SSE)


async def test_following_the_tail_shows_only_that_and_what_comes(get, log, life):
    some(log, 5)
    following = get("?follow=true&tail=2", accept=TEXT)
    await following.until(lambda: b"4 6" in following.body)
    log.add("new", end=True)
    await life.completed()
    assert (await following.done()).body == b"4 5\n4 6\nnew\n"


async def test_who_leaves_frees_the_upstream(get, log, relay):
    log.add("x")
    following = get("?follow=true")
    await following.until(lambda: following.body)
    assert len(relay.watches) == 1
    following.leave()
    await following.done()
    assert len(relay.watches) == 0
    assert relay.load.parked == 0


async def test_a_quiet_event_stream_shows_signs_of_life(get, log, monkeypatch):
    monkeypatch.setattr("onward_log_relay.stream.IDLE_SECONDS", 0.01)
    following = get("?follow=true", accept=SSE)
    await following.until(lambda: following.body.count(b": still here\n\n") > 1)
    following.leave()
    await following.done()


async def test_a_client_that_does_not_read_is_cut_off_and_told_where_to_go_on(process, log):
    app = create_app(relay_over(process, stall_seconds=0.05))
    following = Request(app, URL + "?follow=true", {"authorization": f"Bearer {KEY}", "accept": NDJSON})
    following.on_last_word(following.reading.set)
    log.add("one", "two")
    await following.until(lambda: b"two" in following.body)
    following.reading.clear()
    log.add("three")
    await following.done()
    assert following.complete
    cut = following.ndjson[-1]
    assert (cut["end"], cut["error"]["code"], cut["last_line"]) == (False, "slow_client", 2)
    assert b"three" not in following.body


async def test_followers_are_told_to_come_back_when_the_relay_stops(get, log, relay):
    log.add("x")
    following = get("?follow=true")
    await following.until(lambda: following.body)
    relay.closing.set()
    assert (await following.done()).ndjson[-1]["error"]["code"] == "restarting"


async def test_a_revoked_key_ends_a_stream(get, log, relay, monkeypatch):
    monkeypatch.setattr("onward.http.auth.CHECK_KEY_SECONDS", 0.01)
    log.add("x")
    following = get("?follow=true")
    await following.until(lambda: following.body)
    relay.keys._find = lambda project, public_id: None
    assert (await following.done()).ndjson[-1]["error"]["code"] == "unauthorized"


# Refusals


@pytest.mark.parametrize(
    "query, named",
    [
        ("?nonsense=1", "nonsense"),
        ("?after=-1", "after"),
        ("?after=x", "after"),
        ("?after=1&after=2", "after"),
        ("?level=loud", "level"),
        ("?grep=", "grep"),
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?after=1&tail=1", "after"),
        ("?follow=maybe", "follow"),
    ],
)
async def test_what_makes_no_sense_is_refused(get, log, query, named):
    answer = await get(query).done()
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert named in answer.json["detail"]


async def test_a_log_cannot_be_followed_as_one_json_value(get, log):
    answer = await get("?follow=true", accept="application/json").done()
    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")


async def test_a_type_that_logs_do_not_have_is_refused(get, log):
    assert (await get(accept="image/png").done()).status == 406


@pytest.mark.parametrize(
    "accept, wanted",
    [
        ("text/html, application/json;q=0.9, */*;q=0.1", "application/json"),
        ("text/plain;q=0.5, application/x-ndjson", NDJSON),
        ("image/png, */*;q=0.1", "application/json"),
        ("application/json;q=0, text/plain", "text/plain; charset=utf-8"),
    ],
)
async def test_the_best_accepted_type_is_answered(get, log, accept, wanted):
    assert (await get(accept=accept).done()).headers["content-type"] == wanted


async def test_an_execution_that_does_not_exist_is_not_found(app, process):
    async def nothing(subject, data):
        return b"null"

    await process.messages.subscribe("onward.ask.state.execution", nothing)
    for query in ("", "?follow=true"):
        url = f"/api/v1/executions/{OTHER}/logs{query}"
        answer = await Request(app, url, {"authorization": f"Bearer {KEY}"}).done()
        assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_a_log_of_another_project_is_not_found(app, process, bus):
    await Life(process, OTHER, "other").submitted()
    MemoryLog(bus, OTHER, "other").add("secret")

    async def nothing(subject, data):
        return b"null"

    await process.messages.subscribe("onward.ask.state.execution", nothing)
    answer = await Request(app, f"/api/v1/executions/{OTHER}/logs", {"authorization": f"Bearer {KEY}"}).done()
    assert answer.status == 404
    assert b"secret" not in answer.body


async def test_a_purged_execution_shows_its_log_while_nobody_knows_its_state(app, bus):
    MemoryLog(bus, OTHER).add("old")
    page = (
        await Request(app, f"/api/v1/executions/{OTHER}/logs", {"authorization": f"Bearer {KEY}"}).done()
    ).json
    assert ([item["text"] for item in page["items"]], page["status"]) == (["old"], None)


async def test_without_a_key_nothing_is_shown(app, log):
    foreign, _ = new_key("default", now=NOON)
    for headers in ({}, {"authorization": f"Bearer {foreign}"}):
        answer = await Request(app, URL, headers).done()
        assert (answer.status, answer.json["code"]) == (401, "unauthorized")


async def test_a_key_in_the_query_opens_nothing(app, log):
    assert (await Request(app, f"{URL}?key={KEY}").done()).status == 401


async def test_health_needs_no_key(app):
    assert (await Request(app, "/livez").done()).json["status"] == "live"
    assert (await Request(app, "/readyz").done()).status == 200
    assert b"onward_relay_watched" in (await Request(app, "/metrics").done()).body
