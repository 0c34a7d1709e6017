"""Whatever comes in: a refusal by name, nothing stored, and the broker never so much as hangs up."""

import asyncio
import contextlib
import gzip
from urllib.parse import quote

import msgspec
import pytest

from onward.bus import config, streams
from onward.contract.submission import TaskSpec
from tests.live.gateway.process import EXECUTIONS

NAMES = [
    ".", "*", ">", "a.b", "a.*", "a.>", " ", "a b", "\t", "a\r\nPUB onward.x 2\r\nhi", "\n", "$SYS", "$JS.API",
    "_INBOX.x", "\u00e4", "\U0001f600", "a/b", "..", "../x", "A", "-a", "_a", "a" * 64, "x" * 5000, "", "\x7f",
    "\ufeff", "\u202e",
]  # fmt: skip


async def connection_of(server):
    """The number the server gave the gateway's connection: another one would mean that it had been hung up on."""
    connections = server.monitoring("connz")["connections"]
    return [(one["cid"], one["start"]) for one in connections if one["name"] == "gateway"]


@pytest.fixture
async def untouched(nats_server, bus, caller):
    """Afterwards nothing is stored, and the connection of the gateway is the one from before."""
    before = await connection_of(nats_server), (await streams.state(bus.connection)).last_sequence
    yield caller
    after = await connection_of(nats_server), (await streams.state(bus.connection)).last_sequence
    assert len(before[0]) == 1
    assert after == before
    assert (await caller.submit())["status"] == "pending"


async def test_no_name_gets_into_a_subject(untouched):
    for name in NAMES:
        for member in ("task", "queue", "environment"):
            reply = await untouched.call("POST", EXECUTIONS, {"task": "noop", member: name})
            assert (reply.status, reply.code) == (400, "invalid_name"), (member, name)
            assert reply.json["hint"]


async def test_no_id_gets_into_a_subject(untouched):
    for name in NAMES:
        if name in {"", ".", "..", "../x", "a/b"}:
            continue
        there = f"{EXECUTIONS}/{quote(name, safe='')}"
        for method, path in (
            ("GET", there),
            ("GET", there + "?wait=1"),
            ("GET", there + "/events"),
            ("POST", there + "/cancel"),
        ):
            reply = await untouched.call(method, path)
            assert (reply.status, reply.code) == (404, "not_found"), (method, name)


async def test_no_name_of_a_draft_or_key_gets_into_a_subject(untouched):
    for name in NAMES:
        if name in {"", ".", "..", "../x", "a/b"}:
            continue
        there = quote(name, safe="")
        for path in (f"drafts/{there}/approve", f"drafts/{there}/reject", f"api-keys/{there}/rotate"):
            reply = await untouched.call("POST", f"/api/v1/{path}", {})
            assert (reply.status, reply.code) == (404, "not_found"), (path, reply.body)


async def test_no_key_gets_into_a_subject(untouched):
    for name in NAMES:
        reply = await untouched.call("POST", EXECUTIONS, {"task": "noop", "parent_id": name})
        assert reply.code == "invalid_body", name


@pytest.mark.parametrize(
    "body, status, code",
    [
        (b'{"task":"nope"}', 422, "unknown_task"),
        (b'{"task":"typed","input":{"a":"x"}}', 422, "invalid_input"),
        (b'{"task":"noop","inptu":{}}', 400, "invalid_body"),
        (b'{"task":"noop","input":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "invalid_body"),
        (b'{"task":"noop","input":' + b'{"a":' * 100_000, 400, "invalid_body"),
        (b'{"task":"noop",', 400, "invalid_body"),
        (b'{"task":"noop","input":"\\u0000"}', 400, "invalid_body"),
        (b'{"task":"noop","input":"\x00"}', 400, "invalid_body"),
        (b'{"task":"noop","input":"\xff"}', 400, "invalid_body"),
        (b'{"task":"noop","input":"\\udfff"}', 400, "invalid_body"),
        (b'{"task":"noop","input":NaN}', 400, "invalid_body"),
        (b'{"task":"noop","input":1e999}', 400, "invalid_body"),
        (b'{"task":"noop","labels":{"a":"' + b"x" * 300_000 + b'"}}', 400, "invalid_body"),
        (b" " * 1_048_577, 400, "invalid_body"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else str(value),
)
async def test_a_bad_body_is_refused_by_name(untouched, body, status, code):
    reply = await untouched.call("POST", EXECUTIONS, body)

    assert (reply.status, reply.code) == (status, code)
    assert reply.json["detail"]


async def in_parts(size: int, part: int = 65_536):
    for start in range(0, size, part):
        yield b" " * min(part, size - start)


@pytest.mark.parametrize(
    "key", ["", None, "ow_default_aaaaaaaaaaaa_" + "a" * 43], ids=["key", "no_key", "wrong_key"]
)
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_too_large_is_refused_before_the_key_is_looked_at(untouched, key, announced):
    # One submission may be larger than a batch of them, but then it has to say so before it comes.
    body = b" " * 9_000_000 if announced else in_parts(3_000_000)

    reply = await untouched.call("POST", f"{EXECUTIONS}/batch" if announced else EXECUTIONS, body, key=key)

    assert (reply.status, reply.code) == (413, "too_large")


async def test_an_endless_body_is_not_listened_to_for_ever(untouched):
    async def endless():
        while True:
            yield b" " * 65_536

    async with asyncio.timeout(40):
        try:
            reply = await untouched.call("POST", EXECUTIONS, endless())
        except OSError:
            return
    assert reply.status == 413


async def test_a_body_without_a_size_is_read_where_it_is_small_enough(caller):
    async def parts():
        yield b'{"task":'
        yield b'"noop"}'

    assert (await caller.call("POST", EXECUTIONS, parts())).status == 202


@pytest.mark.parametrize(
    "headers", [{"Content_Type": "text/plain"}, {"Content_Encoding": "gzip"}, {"Content_Type": "text/json"}]
)
async def test_what_is_no_plain_json_is_refused(untouched, headers):
    body = gzip.compress(b'{"task":"noop"}') if "Content_Encoding" in headers else b'{"task":"noop"}'

    reply = await untouched.call("POST", EXECUTIONS, body, **headers)

    assert (reply.status, reply.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "path",
    [EXECUTIONS + "?stauts=running", "/api/v1/tasks?x=1", EXECUTIONS + "?label=%00", EXECUTIONS + "?q=%ff"],
)
async def test_an_unknown_or_unreadable_parameter_is_refused(untouched, path):
    assert (await untouched.call("GET", path)).code == "invalid_parameter"


async def test_a_schema_makes_the_gateway_call_nobody(caller, bus):
    called = []

    async def hear(_reader, writer):
        called.append(1)
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        schema = msgspec.Raw(msgspec.json.encode({"$ref": address}))
        spec = TaskSpec(name="curious", input_schema=schema)
        await config.keep(bus.connection, caller.project, "task", "curious", msgspec.json.encode(spec))
        async with asyncio.timeout(40):
            while (await caller.call("POST", EXECUTIONS, {"task": "curious", "input": {}})).status != 202:
                await asyncio.sleep(0.01)

    assert called == []


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /api/v1/executions/a%0d%0aPUB%20x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v1/executions/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v1/tasks HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"POST /api/v1/executions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /api/v1/executions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/executions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /api" + b"/" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:50]),
)
async def test_no_bytes_on_the_wire_get_more_than_a_refusal(untouched, raw):
    reader, writer = await asyncio.open_connection("127.0.0.1", untouched.gateway.port)
    writer.write(raw)
    async with asyncio.timeout(40):
        line = await reader.readline()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()

    assert line.split()[1][:1] == b"4", line
