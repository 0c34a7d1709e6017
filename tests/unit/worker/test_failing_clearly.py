"""What an execution tells when its step fails, or when its input cannot be read."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from onward import Registry, step
from onward.contract.execution import Status
from onward.contract.history import steps
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


class Unreadable:
    """No JSON becomes this."""


class Picky(msgspec.Struct):
    """Raises what is neither a TypeError nor a ValueError."""

    name: str

    def __post_init__(self) -> None:
        raise KeyError(self.name)


def test_a_step_that_fails_without_retries_is_among_the_steps_with_its_error() -> None:
    registry = Registry()

    async def charge() -> None:
        raise ConnectionError("card refused")

    @registry.task
    async def order() -> None:
        await step("reserve", _nothing)
        await step("charge", charge)

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("order")
        assert (await shop.ended(execution)).status is Status.FAILED
        found = [
            (one.name, one.status, one.error and one.error.message)
            for one in steps(stored.event for stored in (await shop.log(execution)).stored)
        ]
        assert found == [("reserve", "completed", None), ("charge", "failed", "card refused")]

    simulate(1, main)


def test_a_step_that_succeeds_is_one_event() -> None:
    registry = Registry()

    @registry.task
    async def order() -> None:
        await step("reserve", _nothing)

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("order")
        await shop.ended(execution)
        assert await shop.types(execution) == ["submitted", "started", "checkpoint_reached", "completed"]

    simulate(1, main)


def test_a_parameter_that_is_an_object_takes_any_value() -> None:
    registry = Registry()

    @registry.task
    async def keep(value: object, more: dict[str, object]) -> object:
        return [value, more]

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("keep", {"value": {"a": 1}, "more": {"b": [2]}}))
        assert (state.status, bytes(state.output or b"")) == (Status.COMPLETED, b'[{"a":1},{"b":[2]}]')

    simulate(1, main)


async def required(value: Unreadable) -> None: ...
async def either(value: Unreadable | int = 3) -> None: ...
async def called(value: Callable[[], int]) -> None: ...


@pytest.mark.parametrize("fn", [required, either, called])
def test_a_parameter_that_no_input_can_fill_is_refused_when_the_task_is_registered(fn: Any) -> None:
    with pytest.raises(TypeError, match=f"task {fn.__name__}: parameter value .*annotate it with"):
        Registry().task(fn)


@pytest.mark.parametrize(
    "given, error",
    [
        ({"value": [1]}, ("invalid_input", "Unreadable: annotate it with")),
        ({"picky": {"name": "x"}}, ("KeyError", "'x'")),
    ],
)
def test_an_input_that_cannot_be_read_fails_its_execution_with_the_cause(
    given: dict[str, Any], error: tuple[str, str]
) -> None:
    registry = Registry()

    @registry.task
    async def keep(value: list[Unreadable] | None = None, picky: Picky | None = None) -> None:
        """Both can be left out."""

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("keep", given))
        assert state.status is Status.FAILED
        assert state.error is not None
        assert state.error.type == error[0]
        assert error[1] in state.error.message
        assert (await shop.ended(await shop.submit("keep"))).status is Status.COMPLETED

    simulate(1, main)


async def _nothing() -> None:
    """Done."""
