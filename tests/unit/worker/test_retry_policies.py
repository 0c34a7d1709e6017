"""Which failures are tried again, how often, and for how long: of steps and of whole attempts."""

import asyncio
from itertools import pairwise
from random import Random
from typing import Any

from onward import Fatal, Registry, Retry, RetryAfter
from onward.contract.execution import Execution
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


class Busy(ConnectionError):
    """A kind of ConnectionError."""


def run(registry: Registry) -> tuple[Execution, float]:
    """What becomes of `work`, and after how many seconds."""

    async def main(_: Random) -> tuple[Execution, float]:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("work"), within=100_000)
        return state, asyncio.get_running_loop().time()

    return simulate(1, main)


def failing(error: Exception, **policy: Any) -> tuple[Execution, float]:
    registry = Registry()

    @registry.task(retry=Retry(**{"attempts": 4, "first": 1.0, "factor": 1.0, "jitter": False, **policy}))
    async def work() -> None:
        raise error

    return run(registry)


def test_an_attempt_is_not_tried_again_after_an_exception_named_in_never_or_a_kind_of_it() -> None:
    for named in ((ConnectionError,), ("ConnectionError",), (OSError,), (f"{__name__}.Busy",)):
        state, _ = failing(Busy("no"), never=named)
        assert (state.reason, state.attempt) == ("error", 1)
    state, _ = failing(ValueError("no"), never=(ConnectionError,))
    assert (state.reason, state.attempt) == ("exhausted", 4)


def test_an_attempt_is_tried_again_only_after_the_exceptions_named_in_only() -> None:
    assert failing(ValueError("no"), only=(ConnectionError,))[0].attempt == 1
    assert failing(Busy("no"), only=(ConnectionError,))[0].attempt == 4
    assert failing(Busy("no"), only=(ConnectionError,), never=(Busy,))[0].attempt == 1


def test_an_attempt_that_took_too_long_is_a_timeout_error_to_the_policy() -> None:
    registry = Registry()

    @registry.task(timeout=5.0, retry=Retry(attempts=3, never=(TimeoutError,)))
    async def work() -> None:
        await asyncio.sleep(100)

    state, _ = run(registry)
    assert (state.reason, state.attempt) == ("timed_out", 1)


def test_no_attempt_begins_after_max_elapsed() -> None:
    state, took = failing(ValueError("no"), attempts=100, first=10.0, max_elapsed=35)
    assert (state.reason, state.attempt) == ("exhausted", 4)
    assert 30 <= took < 35


def test_retry_after_is_honoured_by_attempts_whatever_the_backoff_and_only_say() -> None:
    state, took = failing(RetryAfter(500), attempts=3, only=(ConnectionError,))
    assert (state.attempt, took // 1000) == (3, 1)


def stepping(error: Exception, **policy: Any) -> tuple[list[float], Execution]:
    registry, tries = Registry(), []

    @registry.step(retry=Retry(**{"attempts": 4, "first": 1.0, "factor": 1.0, "jitter": False, **policy}))
    async def call() -> None:
        tries.append(asyncio.get_running_loop().time())
        raise error

    @registry.task(retry=Retry(attempts=1))
    async def work() -> None:
        await call()

    state, _ = run(registry)
    return tries, state


def test_steps_follow_never_only_and_fatal() -> None:
    assert len(stepping(Busy("no"), never=(ConnectionError,))[0]) == 1
    assert len(stepping(Busy("no"), only=(ValueError,))[0]) == 1
    assert len(stepping(Busy("no"), only=(ConnectionError,))[0]) == 4
    assert len(stepping(Fatal("no"))[0]) == 1


def test_no_try_of_a_step_begins_after_max_elapsed() -> None:
    tries, _ = stepping(ValueError("no"), attempts=100, first=10.0, max_elapsed=25)
    assert len(tries) == 3


def test_retry_after_is_honoured_by_steps() -> None:
    tries, _ = stepping(RetryAfter(40), attempts=3)
    assert [round(later - before) for before, later in pairwise(tries)] == [40, 40]
