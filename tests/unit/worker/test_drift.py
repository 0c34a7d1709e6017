"""Code that changes under running executions: it is told, and follows a policy; it never raises (torture 15)."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from onward import Registry, Retry, sleep, step
from onward.contract import events as ev
from onward.contract import history
from onward.contract.execution import Execution, Status
from onward.contract.log import Log
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop

Code = Callable[[list[str]], Any]


def deployed(old: Code, new: Code, **options: Any) -> tuple[Execution, Log, list[str]]:
    """An execution that began with the old code and sleeps, and wakes with the new code."""
    ran: list[str] = []

    def registry(code: Code) -> Registry:
        made = Registry()

        @made.task(name="work", retry=Retry(attempts=1), **options)
        async def work() -> Any:
            return await code(ran)

        return made

    async def main(_: Random) -> tuple[Execution, Log]:
        shop = Workshop(registry(old))
        await shop.worker("old")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.reason == "sleeping")
        shop.kill("old")
        shop.registry = registry(new)
        await shop.worker("new")
        state = await shop.ended(execution, within=10_000)
        await asyncio.sleep(1)
        return state, await shop.log(execution)

    state, log = simulate(1, main)
    return state, log, ran


def call(ran: list[str], name: str, argument: str = "") -> Any:
    def run(argument: str) -> str:
        ran.append(name + argument)
        return name + argument

    return step(name, run, argument)


async def old_code(ran: list[str]) -> list[str]:
    found = [await call(ran, name) for name in "abc"]
    await sleep(3600)
    return found


def drifts(log: Log) -> list[tuple[str, tuple[str, ...], str]]:
    events = (stored.event for stored in log.stored)
    return [(e.kind, e.steps, e.policy) for e in events if isinstance(e, ev.Drifted)]


def test_torture_15_steps_are_reordered_added_and_removed_under_a_running_execution() -> None:
    async def new_code(ran: list[str]) -> list[str]:
        found = [await call(ran, name) for name in ("c", "x", "a")]
        await sleep(3600)
        return [*found, await call(ran, "y")]

    state, log, ran = deployed(old_code, new_code)
    assert state.status is Status.COMPLETED
    assert msgspec.json.decode(state.output or b"") == ["c", "x", "a", "y"]
    assert ran == ["a", "b", "c", "x", "y"]
    assert drifts(log) == [("unused", ("|b|",), "warn")]
    drifted, completed = log.stored[-2:]
    assert (type(drifted.event), type(completed.event)) == (ev.Drifted, ev.Completed)


def test_code_that_has_not_changed_drifts_in_nothing() -> None:
    async def nested(ran: list[str]) -> str:
        async def outer() -> str:
            return str(await call(ran, "inner"))

        found = await step("outer", outer)
        await sleep(3600)
        return str(found)

    for code in (old_code, nested):
        state, log, _ = deployed(code, code)
        assert (state.status, drifts(log)) == (Status.COMPLETED, [])


async def before(ran: list[str]) -> str:
    found = await call(ran, "a", "1")
    await sleep(3600)
    return str(found)


async def after(ran: list[str]) -> str:
    found = await call(ran, "a", "2")
    await sleep(3600)
    return str(found)


@pytest.mark.parametrize("policy, result, ran", [("warn", "a1", ["a1"]), ("rerun", "a2", ["a1", "a2"])])
def test_a_step_called_with_other_arguments_is_told_and_used_or_run_again(
    policy: Any, result: str, ran: list[str]
) -> None:
    state, log, did = deployed(before, after, on_drift=policy)
    assert (msgspec.json.decode(state.output or b""), did) == (result, ran)
    assert drifts(log) == [("arguments", ("|a|",), policy)]
    (shown,) = history.steps(stored.event for stored in log.stored)
    assert shown.drifted == (policy == "warn")


def test_a_step_called_with_other_arguments_holds_the_execution_where_it_is_told_to() -> None:
    async def greedy(ran: list[str]) -> str:
        try:
            return str(await after(ran))
        except Exception:  # noqa: BLE001 - must not be able to swallow it
            return "swallowed"

    state, log, ran = deployed(before, greedy, on_drift="hold")
    assert (state.status, state.reason, state.final, ran) == (Status.FAILED, "held", False, ["a1"])
    assert state.error is not None
    assert state.error.type == "drifted"
    assert drifts(log) == [("arguments", ("|a|",), "hold")]
