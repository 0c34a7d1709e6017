"""Large values in a worker: beside the log, whole for the task's code, and refused by their name."""

from random import Random
from typing import Any

import msgspec
import pytest

from onward import Registry, Retry, checkpoint, emit, load_checkpoint, step
from onward.contract import events as ev
from onward.contract import values
from onward.contract.execution import Execution, Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop

LARGE = "x" * 300_000
QUICK = Retry(attempts=2, first=1.0, jitter=False)


def run(
    registry: Registry, given: Any = None, worker_of: Any = None
) -> tuple[Execution, list[Any], Workshop]:
    """The end of one execution of `work`, its events, and the place where it ran."""
    found: list[Any] = []

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution_id = await shop.submit("work", given)
        if worker_of is not None:
            worker_of(shop)
        state = await shop.ended(execution_id, within=2000)
        log = await shop.log(execution_id)
        found.extend((state, [stored.event for stored in log.stored], shop))

    simulate(1, main)
    return found[0], found[1], found[2]


def whole(shop: Workshop, raw: msgspec.Raw | None) -> Any:
    found = values.referred(raw)
    assert found is not None, "it stands in the event itself"
    assert found.bytes == len(shop.bus.objects[found.object])
    return msgspec.json.decode(shop.bus.objects[found.object])


def test_input_results_states_and_output_are_whole_in_every_attempt_and_small_in_every_event() -> None:
    registry, seen, ran = Registry(), [], []

    async def grown(text: str) -> str:
        ran.append(1)
        return text + "b"

    @registry.task(retry=QUICK)
    async def work(text: str) -> str:
        got = await step("grow", grown, text)
        state = load_checkpoint("place", str)
        seen.append((text == LARGE, got == LARGE + "b", state))
        if state is None:
            await checkpoint("place", LARGE + "c")
            assert load_checkpoint("place", str) == LARGE + "c"
            await emit("part", LARGE + "d")
            raise ConnectionError("not yet")
        return LARGE + "e"

    state, events, shop = run(registry, {"text": LARGE})
    assert state.status == Status.COMPLETED
    assert seen == [(True, True, None), (True, True, LARGE + "c")]
    assert len(ran) == 1
    assert max(len(ev.encode(event)) for event in events) < 20_000
    assert whole(shop, state.input) == {"text": LARGE}
    assert whole(shop, state.output) == LARGE + "e"
    parts = [event for event in events if isinstance(event, ev.OutputGenerated)]
    assert whole(shop, parts[0].value) == LARGE + "d"


@pytest.mark.parametrize(
    "where,named",
    [
        ("step", "the result of step grow"),
        ("checkpoint", "checkpoint place"),
        ("emit", "output part"),
        ("", "the result"),
    ],
)
def test_a_value_above_the_limit_fails_this_execution_only_and_is_named(monkeypatch, where, named) -> None:
    monkeypatch.setattr("onward.tasks.codec.MOST", 1_000_000)
    registry = Registry()
    huge = "x" * 1_000_000

    async def grow() -> str:
        return huge

    @registry.task(retry=QUICK)
    async def work() -> Any:
        if where == "step":
            await step("grow", grow)
        elif where == "checkpoint":
            await checkpoint("place", huge)
        elif where == "emit":
            await emit("part", huge)
        return huge

    state, _, shop = run(registry)
    assert (state.status, state.attempt) == (Status.FAILED, 1)
    assert state.error is not None
    assert state.error.message == f"{named} is 1000002 bytes; the limit is 1000000"
    assert shop.engines["one"].running == 0


@pytest.mark.parametrize("raw", [False, True])
def test_a_result_that_would_pass_for_a_reference_is_refused(raw) -> None:
    registry = Registry()
    forged = {"$onward_object": "default.0190a0b0-0000-7000-8000-000000000001." + "ab" * 32, "bytes": 3}

    @registry.task
    async def work() -> Any:
        return msgspec.Raw(msgspec.json.encode(forged)) if raw else forged

    state, _, _ = run(registry)
    assert state.status == Status.FAILED
    assert state.error is not None
    assert (state.error.type, state.error.message) == (
        "TypeError",
        "the result cannot be saved: '$onward_object' is no name for a member of it",
    )


def test_an_input_that_is_lost_fails_its_execution_before_the_code_runs() -> None:
    registry, ran = Registry(), []

    @registry.task
    async def work(text: str) -> None:
        ran.append(text)

    state, _, _ = run(registry, {"text": LARGE}, worker_of=lambda shop: shop.bus.objects.clear())
    assert (state.status, ran) == (Status.FAILED, [])
    assert state.error is not None
    assert "is not in the object store" in state.error.message
