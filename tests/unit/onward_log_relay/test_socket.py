import asyncio

import pytest

from onward.http.auth import new_key
from onward_log_relay import socket
from onward_log_relay.app import create_app
from tests.support.asgi import Request, WebSocket
from tests.support.log_relay import ID, KEY, NOON, Life, MemoryLog, relay_over

WITH_KEY = {"authorization": f"Bearer {KEY}"}
OTHER = ID.replace("1", "2")


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
async def connect(app):
    sockets = []

    async def connect(headers=None):
        socket = WebSocket(app, "/api/v1/ws", WITH_KEY if headers is None else headers)
        sockets.append(socket)
        await socket.next("ready")
        return socket

    yield connect
    for one in sockets:
        one.leave()
        await one.ended()


def lines_of(socket, name=f"log:{ID}"):
    return [line for m in socket.said if m["type"] == "lines" and m["id"] == name for line in m["lines"]]


# Coming in


@pytest.mark.parametrize("path", ["/ws", "/api/v1/ws"])
async def test_the_key_may_come_with_the_upgrade(app, path):
    socket = WebSocket(app, path, WITH_KEY)
    assert await socket.next("ready") == {"type": "ready", "project": "default"}
    socket.leave()
    await socket.ended()


async def test_the_key_may_come_with_the_first_message(app):
    socket = WebSocket(app, "/ws")
    socket.say(type="authenticate", key=KEY)
    await socket.next("ready")
    socket.leave()
    await socket.ended()


async def test_a_wrong_key_with_the_upgrade_is_refused_before_the_socket_is_open(app):
    wrong, _ = new_key("default", now=NOON)
    socket = await WebSocket(app, "/ws", {"authorization": f"Bearer {wrong}"}).ended()
    assert (socket.accepted, socket.code) == (False, 401)


@pytest.mark.parametrize(
    "first",
    [
        '{"type": "authenticate", "key": "ow_default_aaaaaaaaaaaa_' + "A" * 43 + '"}',
        '{"type": "authenticate", "key": "\\ud800"}',
        '{"type": "subscribe", "channel": "log", "execution_id": "' + ID + '"}',
        "nonsense",
        "[" * 5000,
    ],
)
async def test_without_a_key_in_the_first_message_the_socket_closes(app, log, first):
    socket = WebSocket(app, "/ws")
    socket.say_text(first)
    await socket.ended()
    assert (socket.code, socket.said) == (4401, [])


async def test_a_socket_that_says_nothing_closes(app, monkeypatch):
    monkeypatch.setattr(socket, "FIRST_MESSAGE_SECONDS", 0.02)
    assert (await WebSocket(app, "/ws").ended()).code == 4401


async def test_a_key_in_the_query_opens_nothing(app):
    socket = WebSocket(app, f"/ws?key={KEY}&authorization={KEY}")
    socket.say(type="ping")
    assert (await socket.ended()).code == 4401


@pytest.mark.parametrize(
    "headers, code",
    [
        ({"origin": "https://evil.example", "host": "onward.example"}, 403),
        ({"origin": "null", "host": "onward.example"}, 403),
        ({"origin": "https://onward.example", "host": "onward.example"}, None),
        (
            {"origin": "https://onward.example", "host": "relay:7072", "x-forwarded-host": "onward.example"},
            None,
        ),
        ({"origin": "https://ui.example", "host": "onward.example"}, None),
    ],
)
async def test_only_pages_of_this_origin_may_come_in(process, headers, code):
    app = create_app(relay_over(process, origins=("https://ui.example",)))
    socket = WebSocket(app, "/ws", {**WITH_KEY, **headers})
    if code is None:
        await socket.next("ready")
        socket.leave()
    await socket.ended()
    assert socket.code == code


async def test_the_address_speaks_only_websocket(app):
    assert (await Request(app, "/ws", WITH_KEY).done()).status == 400


# Logs


async def test_a_log_comes_stored_then_live_and_ends(connect, log, life):
    log.add("stored", "stored too")
    socket = await connect()
    socket.say(type="subscribe", channel="log", execution_id=ID)
    assert (await socket.next("subscribed"))["id"] == f"log:{ID}"
    await socket.until(lambda s: len(lines_of(s)) == 2)
    log.add("live")
    await socket.until(lambda s: len(lines_of(s)) == 3)
    log.add("last words", end=True)
    await life.completed()
    await socket.until(lambda s: any(m["type"] == "end" for m in s.said))
    assert [line["text"] for line in lines_of(socket)] == log.texts
    assert set(lines_of(socket)[0]) == {"line", "time", "level", "stream", "attempt", "step", "text"}
    assert socket.said[-1] == {"type": "end", "id": f"log:{ID}", "status": "completed", "last_line": 4}


async def test_a_log_goes_on_behind_the_last_line_a_client_has(connect, log):
    log.add(*[f"{i}" for i in range(100)])
    socket = await connect()
    socket.say(type="subscribe", channel="log", execution_id=ID, after=97, id="mine")
    await socket.until(lambda s: lines_of(s, "mine"))
    assert [line["line"] for line in lines_of(socket, "mine")] == [98, 99, 100]


async def test_a_log_is_selected_as_over_http(connect, log):
    for i in range(30):
        log.add(f"{i} x", level="error" if i % 3 else "info")
    socket = await connect()
    socket.say(type="subscribe", channel="log", execution_id=ID, tail=2, level="error", grep="1")
    await socket.until(lambda s: len(lines_of(s)) == 2)
    assert [line["text"] for line in lines_of(socket)] == ["17 x", "19 x"]


async def test_one_socket_carries_several_channels(connect, process, bus, log):
    await (await Life(process, OTHER).submitted()).started()
    log.add("mine")
    MemoryLog(bus, OTHER).add("theirs")
    socket = await connect()
    for execution_id in (ID, OTHER):
        for channel in ("log", "execution"):
            socket.say(type="subscribe", channel=channel, execution_id=execution_id)
    await socket.until(lambda s: len([m for m in s.said if m["type"] in {"lines", "execution"}]) == 4)
    assert lines_of(socket)[0]["text"] == "mine"
    assert lines_of(socket, f"log:{OTHER}")[0]["text"] == "theirs"


async def test_unsubscribing_ends_a_channel_and_frees_its_upstream(connect, relay, log):
    log.add("one")
    socket = await connect()
    socket.say(type="subscribe", channel="log", execution_id=ID, id="a")
    await socket.until(lambda s: lines_of(s, "a"))
    socket.say(type="unsubscribe", id="a")
    await socket.next("unsubscribed")
    assert len(relay.watches) == 0
    log.add("two")
    socket.say(type="ping")
    await socket.next("pong")
    assert not lines_of(socket, "a")
    socket.say(type="subscribe", channel="log", execution_id=ID, id="a")
    await socket.next("subscribed")


async def test_two_sockets_share_one_upstream(connect, relay, log):
    log.add("x")
    for _ in range(2):
        one = await connect()
        one.say(type="subscribe", channel="log", execution_id=ID)
        await one.next("lines")
    assert (len(relay.watches), relay.watches.watchers) == (1, 2)


# Executions


async def test_the_state_is_shown_at_once_and_on_each_event(connect, life):
    socket = await connect()
    socket.say(type="subscribe", channel="execution", execution_id=ID)
    shown = await socket.next("execution")
    assert shown["execution"]["status"] == "running"
    assert shown["execution"]["id"] == ID
    await life.completed()
    assert (await socket.next("execution"))["execution"]["status"] == "completed"


# What cannot be done


@pytest.mark.parametrize(
    "message, code",
    [
        ({"type": "subscribe", "channel": "log", "execution_id": "x"}, "not_found"),
        ({"type": "subscribe", "channel": "log", "execution_id": "*.>"}, "not_found"),
        ({"type": "subscribe", "channel": "log", "execution_id": OTHER}, "unavailable"),
        (
            {"type": "subscribe", "channel": "log", "execution_id": ID, "after": 1, "tail": 1},
            "invalid_parameter",
        ),
        ({"type": "subscribe", "channel": "boards", "execution_id": ID}, "invalid_body"),
        ({"type": "subscribe", "channel": "log", "execution_id": ID, "after": -1}, "invalid_body"),
        ({"type": "subscribe", "channel": "log", "execution_id": ID, "what": 1}, "invalid_body"),
        ({"type": "authenticate", "key": "x"}, "invalid_body"),
        ({"type": "nonsense"}, "invalid_body"),
        ({}, "invalid_body"),
    ],
)
async def test_what_makes_no_sense_is_told_and_the_socket_stays(connect, life, message, code, monkeypatch):
    monkeypatch.setattr("onward_log_relay.states._SECONDS", 0.05)
    socket = await connect()
    socket.say(**message)
    assert (await socket.next("error"))["code"] == code
    socket.say(type="ping")
    await socket.next("pong")


async def test_a_channel_is_open_once(connect, life):
    socket = await connect()
    for _ in range(2):
        socket.say(type="subscribe", channel="execution", execution_id=ID, id="a")
    assert (await socket.next("error"))["code"] == "invalid_parameter"


async def test_channels_are_limited(connect, life):
    opened = await connect()
    for i in range(socket.MOST_CHANNELS + 1):
        opened.say(type="subscribe", channel="execution", execution_id=ID, id=f"{i}")
    error = await opened.next("error")
    assert error["id"] == str(socket.MOST_CHANNELS)


# Leaving


async def test_a_client_that_does_not_read_is_cut_off_with_a_code(process, log):
    relay = relay_over(process, stall_seconds=0.05)
    app = create_app(relay)
    slow = WebSocket(app, "/ws", WITH_KEY)
    slow.on_last_word(slow.reading.set)
    await slow.next("ready")
    slow.say(type="subscribe", channel="log", execution_id=ID)
    await slow.next("subscribed")
    slow.reading.clear()
    log.add("x")
    await slow.ended()
    assert slow.code == 4008
    assert (len(relay.watches), relay.load.parked, relay.load.in_flight) == (0, 0, 0)
    assert relay.slow.value(via="socket") == 1


async def test_sockets_are_told_to_come_back_when_the_relay_stops(connect, relay):
    socket = await connect()
    relay.closing.set()
    assert (await socket.ended()).code == 1012


async def test_a_revoked_key_closes_its_sockets(connect, relay, monkeypatch):
    monkeypatch.setattr("onward.http.auth.CHECK_KEY_SECONDS", 0.01)
    socket = await connect()
    relay.keys._find = lambda project, public_id: None
    assert (await socket.ended()).code == 4401


async def test_who_leaves_frees_everything(connect, relay, log):
    socket = await connect()
    socket.say(type="subscribe", channel="log", execution_id=ID)
    await socket.next("subscribed")
    socket.leave()
    await socket.ended()
    assert (len(relay.watches), relay.load.parked) == (0, 0)
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if "_channel" in repr(task)]
