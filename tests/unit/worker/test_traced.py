"""An attempt is a span under what caused its execution, linked to the attempt before; its steps are spans below."""

import asyncio
import json
import logging
from random import Random

import pytest
from opentelemetry.trace import StatusCode

from onward import Fatal, Registry, Retry, step
from onward.contract import events as ev
from onward.contract.errors import FenceLost
from onward.telemetry.json_lines import JsonLines
from onward.telemetry.trace import render
from onward.testing.virtual_loop import simulate
from tests.support.spans import exported, id_of, parent_of
from tests.support.workshop import Workshop

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
QUICK = Retry(attempts=3, first=1.0, factor=2.0, jitter=False)


@pytest.fixture
def spans():
    with exported() as spans:
        yield spans


def traces(log, kind):
    return [stored.event.trace for stored in log.stored if isinstance(stored.event, kind)]


async def nothing() -> None: ...


def twice() -> Registry:
    """A task whose first attempt fails after its step."""
    registry, ran = Registry(), []

    @registry.task(retry=QUICK)
    async def work() -> None:
        await step("first", nothing)
        ran.append(1)
        if len(ran) == 1:
            raise ConnectionError("password=hunter2")
        await step("second", nothing)

    return registry


async def ended(shop: Workshop, task: str, trace: str | None = PARENT):
    await shop.worker("one")
    execution_id = await shop.submit(task, trace=trace)
    await shop.ended(execution_id)
    return await shop.log(execution_id)


def test_an_attempt_stands_under_its_cause_and_links_to_the_one_before(spans):
    async def main(_: Random):
        return await ended(Workshop(twice()), "work")

    log = simulate(1, main)
    first, second = spans.named("onward.attempt")
    assert [parent_of(first), parent_of(second)] == [PARENT, PARENT]
    assert [render(link.context) for link in first.links] == []
    assert [render(link.context) for link in second.links] == [id_of(first)]
    assert traces(log, ev.Started) == [id_of(first), id_of(second)]
    assert traces(log, ev.CheckpointReached) == [id_of(first), id_of(second)]
    assert traces(log, ev.Completed) == [id_of(second)]
    steps = [(span.attributes["step.name"], parent_of(span)) for span in spans.named("onward.step")]
    assert steps == [("first", id_of(first)), ("second", id_of(second))]


def test_an_attempt_says_how_it_ended_and_nothing_of_what_was_said(spans):
    async def main(_: Random):
        return await ended(Workshop(twice()), "work")

    log = simulate(1, main)
    first, second = spans.named("onward.attempt")
    shown = {"execution.id": log.execution.id, "execution.task": "work"}
    assert dict(first.attributes) == {
        **shown,
        "execution.attempt": 1,
        "execution.outcome": "raised",
        "error.type": "ConnectionError",
    }
    assert dict(second.attributes) == {**shown, "execution.attempt": 2, "execution.outcome": "returned"}
    assert (first.status.status_code, second.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert not any("hunter2" in span.to_json() for span in spans.all())


def test_a_claim_that_is_lost_is_no_attempt(spans):
    async def main(_: Random):
        shop = Workshop(twice())
        engine = await shop.worker("one")
        append, refused = engine.env.events.append, []

        async def late(decision):
            if not refused:
                refused.append(decision)
                raise FenceLost(floor=decision.expected)
            return await append(decision)

        engine.env.events.append = late
        execution_id = await shop.submit("work", trace=PARENT)
        await shop.ended(execution_id)
        return await shop.log(execution_id)

    log = simulate(1, main)
    assert len(traces(log, ev.Started)) == len(spans.named("onward.attempt")) == 2


def test_while_nothing_is_exported_a_worker_adds_nothing():
    async def main(_: Random):
        return await ended(Workshop(twice()), "work")

    log = simulate(1, main)
    assert [stored.event.trace for stored in log.stored] == [PARENT] + [None] * (len(log.stored) - 1)


@pytest.mark.parametrize("exporting", [False, True])
def test_what_the_engine_logs_in_an_attempt_names_its_execution_and_trace(exporting, request):
    if exporting:
        request.getfixturevalue("spans")
    registry, lines = Registry(), []

    @registry.task
    async def work() -> None:
        logging.getLogger("onward.worker").warning("inside")
        await asyncio.to_thread(logging.getLogger("onward.worker").warning, "in a thread")
        await step("first", later)

    async def later() -> None:
        logging.getLogger("onward.worker").warning("in a step")
        raise Fatal

    formatter, handler = JsonLines("onward-worker"), logging.Handler()
    handler.emit = lambda record: lines.append(json.loads(formatter.format(record)))
    logging.getLogger("onward.worker").addHandler(handler)

    async def main():
        shop = Workshop(registry)
        return await ended(shop, "work")

    try:
        log = asyncio.run(main())
        logging.getLogger("onward.worker").warning("outside")
    finally:
        logging.getLogger("onward.worker").removeHandler(handler)

    said = [(line["message"], line.get("execution_id"), line.get("trace_id")) for line in lines]
    mine = (log.execution.id, PARENT[3:35])
    assert said == [("inside", *mine), ("in a thread", *mine), ("in a step", *mine), ("outside", None, None)]


def test_an_attempt_that_broke_is_logged_with_its_execution(caplog):
    async def main(_: Random):
        shop = Workshop(twice())
        engine = await shop.worker("one")
        broken = asyncio.Event()

        async def give_up(_hint):
            broken.set()
            raise RuntimeError("broken")

        engine._hints.ack = give_up
        execution_id = await shop.submit("work")
        await broken.wait()
        await asyncio.sleep(0)
        return execution_id

    lines, formatter, handler = [], JsonLines("onward-worker"), logging.Handler()
    handler.emit = lambda record: lines.append(json.loads(formatter.format(record)))
    logging.getLogger("onward.worker").addHandler(handler)
    try:
        execution_id = simulate(1, main)
    finally:
        logging.getLogger("onward.worker").removeHandler(handler)

    assert [line["execution_id"] for line in lines if line["message"] == "attempt broke"] == [execution_id]
