"""The size of a body is judged before anything is read, known or allowed."""

import asyncio

import msgspec
import pytest

from onward.contract.errors import TooLarge
from onward.http import entrance as module
from onward.http.answer import json_answer
from onward.http.call import call_of
from onward.http.entrance import Larger, body_of, entrance
from onward.http.load import Load
from onward.http.problems import BodyTimeout, Overloaded, UnsupportedMedia, to_answer
from onward.process.metrics import Metrics

JSON = (b"content-type", b"application/json")


class Caller:
    """One request, in the parts it is sent in."""

    def __init__(self, *parts: bytes, headers=(), path="/x", ends=True):
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [JSON, *headers],
            "query_string": b"",
        }
        self.parts = list(parts)
        self.ends = ends
        self.read = 0
        self.sent = []

    async def receive(self):
        if self.parts:
            self.read += 1
            part = self.parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self.parts) or not self.ends}
        await asyncio.Event().wait()
        return None

    async def send(self, message):
        self.sent.append(message)

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def headers(self):
        return dict(self.sent[0]["headers"])

    @property
    def body(self):
        return msgspec.json.decode(b"".join(m.get("body", b"") for m in self.sent[1:]))


async def echo(scope, receive, send):
    try:
        text = await body_of(call_of(scope), receive)
    except UnsupportedMedia as error:
        status, headers, body = to_answer(error, scope, None)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await json_answer(len(text))(scope, receive, send)


async def call(caller: Caller, app=echo, load=None, metrics=None):
    door = entrance(
        app, load=load or Load(), metrics=metrics or Metrics(), larger={"/large": Larger(4 * 1024 * 1024)}
    )
    await door(caller.scope, caller.receive, caller.send)
    return caller


def length(n: int) -> tuple[bytes, bytes]:
    return (b"content-length", str(n).encode())


CHUNKED = (b"transfer-encoding", b"chunked")


async def test_a_body_of_announced_size_is_read_whole():
    caller = await call(Caller(b"ab", b"cd", headers=[length(4)]))

    assert (caller.status, caller.body) == (200, 4)


async def test_a_body_that_is_announced_too_large_is_refused_unread(monkeypatch):
    monkeypatch.setattr(module, "_DRAIN_SECONDS", 0.01)

    caller = await call(Caller(ends=False, headers=[length(1024 * 1024 + 1)]))

    assert (caller.status, caller.body["code"], caller.read) == (413, "too_large", 0)
    assert caller.headers[b"connection"] == b"close"


async def test_who_is_still_writing_is_heard_out_before_the_connection_ends():
    parts = [b"x" * 65536] * 20

    caller = await call(Caller(*parts, headers=[length(20 * 65536)]))

    assert caller.status == 413
    assert caller.read == 20
    assert caller.sent[-1]["more_body"] is False


async def test_a_body_of_unknown_size_is_refused_where_it_becomes_too_large(monkeypatch):
    monkeypatch.setattr(module, "_DRAIN_SECONDS", 0.01)
    reached = []

    async def app(scope, receive, send):
        reached.append(scope)

    caller = await call(Caller(*[b"x" * 65536] * 17, headers=[CHUNKED], ends=False), app)

    assert caller.status == 413
    assert reached == []


async def test_a_last_part_that_is_too_large_is_refused_as_well(monkeypatch):
    monkeypatch.setattr(module, "_DRAIN_SECONDS", 0.01)

    assert (await call(Caller(b"x" * (1024 * 1024 + 1), headers=[CHUNKED]))).status == 413


async def test_a_body_of_unknown_size_within_the_limit_arrives():
    caller = await call(Caller(b"ab", b"c", headers=[CHUNKED]))

    assert (caller.status, caller.body) == (200, 3)


@pytest.mark.parametrize("value", [b"-1", b"1e3", b"", b"0x10", b"99999999999999999999"])
async def test_a_size_that_is_none_is_refused(value):
    assert (await call(Caller(b"x", headers=[(b"content-length", value)]))).status == 413


async def test_a_path_may_have_more():
    assert (
        await call(Caller(b"x" * (2 * 1024 * 1024), headers=[length(2 * 1024 * 1024)], path="/large"))
    ).status == 200
    assert (await call(Caller(b"x", headers=[length(4 * 1024 * 1024 + 1)], path="/large"))).status == 413


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/json; charset=latin-1")],
        [(b"content-type", b"application/jsonp")],
        [(b"content-encoding", b"gzip")],
        [(b"content-encoding", b"identity, gzip")],
    ],
)
async def test_what_is_no_plain_json_is_refused(headers):
    caller = await call(Caller(b"{}", headers=[*headers, length(2)]))

    assert (caller.status, caller.body["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", [b"application/json", b"Application/JSON;charset=UTF-8", b'application/json; charset="utf-8"']
)
async def test_json_by_any_spelling_is_taken(kind):
    assert (await call(Caller(b"{}", headers=[(b"content-type", kind), length(2)]))).status == 200


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(module, "BODY_SECONDS", 0.02)
    caller = Caller(b"half", headers=[length(8)], ends=False)

    with pytest.raises(BodyTimeout):
        await body_of(call_of(caller.scope), caller.receive)


async def test_every_answer_is_counted_by_its_route():
    metrics = Metrics()

    await call(Caller(b"{}", headers=[length(2)]), metrics=metrics)

    assert 'onward_http_requests_total{route="none",method="POST",status="200"} 1' in metrics.render()


async def test_a_request_takes_its_place_only_while_it_runs():
    load = Load()
    seen = []

    async def app(scope, receive, send):
        with load.parking():
            seen.append((load.in_flight, load.parked))
        seen.append((load.in_flight, load.parked))

    await call(Caller(), app, load=load)

    assert [*seen, (load.in_flight, load.parked)] == [(0, 1), (1, 0), (0, 0)]


def test_more_waits_than_allowed_are_refused():
    load = Load(most_parked=1)

    with load.parking(), pytest.raises(Overloaded), load.parking():
        pass


def test_a_loop_that_is_late_takes_nothing_new():
    load = Load()
    load.lag = 3.0

    with pytest.raises(Overloaded):
        load.check()


async def test_the_lag_of_a_blocked_loop_is_seen_and_forgotten_again():
    import time

    load = Load()
    watching = asyncio.ensure_future(load.watch())
    await asyncio.sleep(0)
    time.sleep(0.4)
    async with asyncio.timeout(5):
        while load.lag < 0.1:
            await asyncio.sleep(0.01)
        while load.lag > 0.1:
            await asyncio.sleep(0.01)
    watching.cancel()


def test_too_large_says_what_to_do():
    error = TooLarge("x", fix="y")
    assert to_answer(error, {"path": "/p"}, "t")[0] == 413
