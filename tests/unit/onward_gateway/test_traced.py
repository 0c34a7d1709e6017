"""Each request that changes something is one span, under the caller's; its context goes into what is stored."""

import json
import logging

import pytest

from onward.contract import events as ev
from onward.telemetry.json_lines import JsonLines
from tests.support.spans import exported, id_of, parent_of
from tests.unit.onward_gateway.test_control import asked, suspended
from tests.unit.onward_gateway.test_executions import PATH, append, failed, started

ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{ID}-b7ad6b7169203331-01"
FROM_CALLER = [(b"traceparent", PARENT.encode())]


@pytest.fixture
def spans():
    with exported() as spans:
        yield spans


async def events_of(house, execution_id):
    log = await house.process.events.read("default", execution_id)
    return [item.event for item in log.stored]


async def test_a_submission_is_a_span_under_the_callers(house, spans):
    reply = await house.call("POST", PATH, {"task": "noop"}, headers=FROM_CALLER)

    span = spans.one("onward.submit")
    (event,) = await events_of(house, reply.json["id"])
    assert (parent_of(span), span.kind.name) == (PARENT, "SERVER")
    assert (event.trace, reply.json["trace_id"]) == (id_of(span), ID)
    assert (span.attributes or {})["http.response.status_code"] == 202


@pytest.mark.parametrize("headers", [[], [(b"traceparent", b"nonsense")]])
async def test_without_a_context_that_can_be_read_a_trace_begins(house, spans, headers):
    reply = await house.call("POST", PATH, {"task": "noop"}, headers=headers)

    span = spans.one("onward.submit")
    assert parent_of(span) is None
    assert reply.json["trace_id"] == id_of(span)[3:35]


async def test_while_nothing_is_exported_the_callers_context_is_passed_on_as_it_is(house):
    reply = await house.call("POST", PATH, {"task": "noop"}, headers=FROM_CALLER)

    (event,) = await events_of(house, reply.json["id"])
    assert event.trace == PARENT


async def test_each_event_of_a_batch_carries_the_one_span_of_its_request(house, spans):
    items = {"items": [{"task": "noop"}, {"task": "noop"}, {"task": "unheard"}]}
    reply = await house.call("POST", PATH + "/batch", items)

    span = spans.one("onward.submit")
    made = [item["execution"]["id"] for item in reply.json["items"] if item["execution"]]
    assert [(await events_of(house, one))[0].trace for one in made] == [id_of(span)] * 2
    assert reply.json["items"][2]["error"]["trace_id"] == id_of(span)[3:35]


@pytest.mark.parametrize(
    "verb, history, stored",
    [
        ("cancel", [], ev.Cancelled),
        ("retry", [started, failed], ev.RetryRequested),
        ("answer", [started, asked(), suspended], ev.Answered),
    ],
)
async def test_each_change_is_a_span_of_its_own_whose_context_is_stored(house, spans, verb, history, stored):
    execution = await house.submit()
    for event in history:
        await append(house, execution["id"], event)

    body = {"answer": "yes"} if verb == "answer" else {}
    await house.call("POST", f"{PATH}/{execution['id']}/{verb}", body, headers=FROM_CALLER)

    span = spans.one(f"onward.{verb}")
    last = (await events_of(house, execution["id"]))[-1]
    assert (type(last), last.trace, parent_of(span)) == (stored, id_of(span), PARENT)


async def test_a_refusal_names_the_trace_and_is_no_failure_of_ours(house, spans):
    reply = await house.call("POST", PATH, {"task": "unheard"})

    span = spans.one("onward.submit")
    assert reply.json["trace_id"] == id_of(span)[3:35]
    assert dict(span.attributes or {}) == {"http.response.status_code": 422, "error.type": "unknown_task"}
    assert span.status.is_unset


async def test_reading_makes_no_span(house, spans):
    execution = await house.submit()
    await house.call("GET", f"{PATH}/{execution['id']}")

    assert len(spans.named("onward.submit")) == len(spans.all())


@pytest.mark.parametrize("exporting", [False, True])
async def test_what_broke_is_in_the_log_under_the_trace_that_the_answer_names(
    house, monkeypatch, caplog, exporting, request
):
    if exporting:
        request.getfixturevalue("spans")

    async def append(_decision):
        raise RuntimeError("broken")

    monkeypatch.setattr(house.gateway.events, "append", append)
    lines = []
    formatter = JsonLines("onward-gateway")
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(json.loads(formatter.format(record)))
    logging.getLogger("onward.http").addHandler(handler)
    try:
        reply = await house.call("POST", PATH, {"task": "noop"})
    finally:
        logging.getLogger("onward.http").removeHandler(handler)

    assert reply.status == 500
    assert [line["trace_id"] for line in lines] == [reply.json["trace_id"]]
