"""Steps with an `undo`: what is undone, when, in which order, and what a crash in between changes."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from onward import Fatal, Registry, Retry, sleep
from onward.contract import commands
from onward.contract import events as ev
from onward.contract.execution import Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


class Trip:
    """A task of two bookings, each of which can be undone, and what then happens is up to the test."""

    def __init__(self, then: Callable[[], Any], **undo: Any) -> None:
        self.registry, self.done = Registry(), []
        options = {"retry": Retry(attempts=3, first=1.0, jitter=False), **undo}
        self.trouble: list[Exception] = []
        """What the next undos of a hotel raise."""
        self.slow = 0.0

        @self.registry.step(**options)
        async def cancel_booking(booking: dict[str, Any]) -> None:
            await asyncio.sleep(self.slow)
            if booking["what"] == "hotel" and self.trouble:
                raise self.trouble.pop(0)
            self.done.append(f"undo {booking['what']} {booking['number']}")

        @self.registry.step(undo=cancel_booking)
        async def book(what: str) -> dict[str, Any]:
            self.done.append(f"book {what}")
            return {"what": what, "number": len(self.done)}

        @self.registry.task(retry=Retry(attempts=1))
        async def trip() -> str:
            for what in ("flight", "hotel"):
                await book(what)
            await then()
            return "bon voyage"


async def fails() -> None:
    raise ValueError("no visa")


async def waits() -> None:
    await sleep(3600)


async def runs() -> None:
    await asyncio.sleep(3600)


BOOKED = ["book flight", "book hotel"]
UNDONE = ["undo hotel 2", "undo flight 1"]


def test_what_was_done_is_undone_in_reverse_before_the_execution_fails() -> None:
    trip = Trip(fails)

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry)
        await shop.worker("one")
        execution = await shop.submit("trip")
        state = await shop.ended(execution)
        assert (state.status, state.reason, state.error and state.error.message) == (
            Status.FAILED, "error", "no visa",
        )  # fmt: skip
        assert trip.done == BOOKED + UNDONE
        assert (await shop.types(execution))[-4:] == [
            "compensating", "checkpoint_reached", "checkpoint_reached", "failed",
        ]  # fmt: skip
        assert not (await shop.log(execution)).checkpoints()

    simulate(1, main)


def test_nothing_is_undone_of_what_ends_well() -> None:
    async def well() -> None:
        return None

    trip = Trip(well)

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry)
        await shop.worker("one")
        assert (await shop.ended(await shop.submit("trip"))).status is Status.COMPLETED
        assert trip.done == BOOKED

    simulate(1, main)


def test_a_cancel_of_what_is_held_for_repair_undoes_what_was_done() -> None:
    trip = Trip(fails)
    task = trip.registry.tasks["trip"]
    task.spec = replace(task.spec, on_exhausted="hold")

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry)
        await shop.worker("one")
        execution = await shop.submit("trip")
        assert (await shop.ended(execution)).reason == "held"
        await shop.command(execution, lambda s, m: commands.cancel(s, m, "no use"))
        state = await shop.until(execution, lambda state: state.final, within=30)
        assert (state.status, state.reason, trip.done) == (Status.CANCELLED, "no use", BOOKED + UNDONE)

    simulate(2, main)


@pytest.mark.parametrize("then", [runs, waits], ids=["while it runs", "while it sleeps"])
def test_a_cancel_is_finished_once_what_was_done_is_undone(then: Any) -> None:
    trip = Trip(then)

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry)
        await shop.worker("one")
        execution = await shop.submit("trip")
        await asyncio.sleep(60)
        state = await shop.command(execution, lambda s, m: commands.cancel(s, m, "changed my mind"))
        assert (state.status, state.reason) == (Status.RUNNING, "cancelling")
        state = await shop.ended(execution, within=30)
        assert (state.status, state.reason) == (Status.CANCELLED, "changed my mind")
        assert trip.done == BOOKED + UNDONE

    simulate(2, main)


def test_an_undo_is_tried_again_by_its_own_policy_and_its_tries_are_in_the_log() -> None:
    trip = Trip(fails)
    trip.trouble = [ConnectionError("down"), ConnectionError("still down")]

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry)
        await shop.worker("one")
        execution = await shop.submit("trip")
        assert (await shop.ended(execution)).status is Status.FAILED
        assert trip.done == BOOKED + UNDONE
        log = await shop.log(execution)
        tries = [e.tries for e in (s.event for s in log.stored) if isinstance(e, ev.StepFailed)]
        assert tries == [1, 2]

    simulate(3, main)


def test_an_undo_that_fails_for_good_stops_no_other_and_the_error_says_so() -> None:
    trip = Trip(fails)
    trip.trouble = [Fatal("the hotel keeps the money")]

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("trip"))
        assert trip.done == [*BOOKED, "undo flight 1"]
        assert state.error is not None
        assert state.error.message.startswith("no visa; could not be undone: book (")
        assert "the hotel keeps the money" in state.error.message

    simulate(4, main)


def test_a_crash_in_the_middle_leaves_the_rest_to_the_next_worker_and_repeats_nothing() -> None:
    trip = Trip(fails)
    trip.slow = 10.0

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry, ack_wait=5.0)
        await shop.worker("one")
        execution = await shop.submit("trip")
        await shop.until(execution, lambda s: len(s.undoable) == 1 and s.ending is not None)
        await asyncio.sleep(5)
        shop.kill("one")
        await shop.worker("two")
        state = await shop.ended(execution)
        assert (state.status, state.error and state.error.message) == (Status.FAILED, "no visa")
        assert trip.done == BOOKED + UNDONE

    simulate(5, main)


def test_an_undo_that_takes_down_three_workers_is_given_up_and_the_others_still_run() -> None:
    trip = Trip(fails)
    trip.slow = 10.0

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry, ack_wait=5.0)
        await shop.worker("0")
        execution = await shop.submit("trip")
        await shop.until(execution, lambda s: s.ending is not None)
        for worker in range(3):
            await shop.until(execution, lambda s, worker=worker: s.worker_id == str(worker), 60)
            await asyncio.sleep(1)
            shop.kill(str(worker))
            await shop.worker(str(worker + 1))
        state = await shop.ended(execution)
        assert trip.done == [*BOOKED, "undo flight 1"]
        assert "could not be undone: book (poison: 3 workers were lost" in (
            state.error.message if state.error else ""
        )

    simulate(8, main)


def test_steps_of_a_poison_are_undone() -> None:
    trip = Trip(runs)

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry, ack_wait=5.0)
        await shop.worker("0")
        execution = await shop.submit("trip")
        for worker in range(3):
            await shop.until(
                execution, lambda s, worker=worker: s.worker_id == str(worker) and len(s.undoable) == 2
            )
            await asyncio.sleep(1)
            shop.kill(str(worker))
            await shop.worker(str(worker + 1))
        state = await shop.ended(execution)
        assert (state.reason, trip.done) == ("poison", BOOKED + UNDONE)

    simulate(9, main)


def test_a_worker_that_drains_finishes_one_undo_and_hands_on_the_rest() -> None:
    trip = Trip(fails)
    trip.slow = 0.5

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry)
        one = await shop.worker("one")
        execution = await shop.submit("trip")
        await shop.until(execution, lambda s: s.ending is not None)
        await one.drain(0.1)
        assert (await shop.types(execution))[-2:] == ["checkpoint_reached", "released"]
        await shop.worker("two")
        assert (await shop.ended(execution)).status is Status.FAILED
        assert trip.done == BOOKED + UNDONE

    simulate(6, main)


def test_what_was_undone_is_done_again_by_a_retry() -> None:
    trip = Trip(fails)

    async def main(_: Random) -> None:
        shop = Workshop(trip.registry)
        await shop.worker("one")
        execution = await shop.submit("trip")
        await shop.ended(execution)
        await shop.command(execution, commands.retry)
        await shop.ended(execution)
        assert trip.done == [*BOOKED, *UNDONE, *BOOKED, "undo hotel 6", "undo flight 5"]

    simulate(7, main)


def test_two_different_undos_of_one_name_are_refused() -> None:
    one, other = Registry(), Registry()

    def named(registry: Registry) -> None:
        @registry.step
        async def refund(_: int) -> None:
            return None

        @registry.step(undo=refund)
        async def charge() -> int:
            return 1

    named(one)
    named(other)
    with pytest.raises(ValueError, match="refund"):
        one.merge(other)
