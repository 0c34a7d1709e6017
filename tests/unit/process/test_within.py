"""One timer for many bounds: what is late is told so, and nothing else is touched."""

import asyncio
import time

import pytest

from onward.process.within import Within


async def test_what_takes_too_long_ends_with_a_timeout():
    bounds = Within()

    with pytest.raises(TimeoutError), bounds.within(0.01):
        await asyncio.sleep(20)

    await asyncio.sleep(0)  # the task goes on as if nothing had happened
    assert asyncio.current_task().cancelling() == 0


async def test_what_is_in_time_is_left_alone():
    bounds = Within()

    with bounds.within(0.01):
        pass
    await asyncio.sleep(0.3)

    with bounds.within(20):
        assert await asyncio.sleep(0, "done") == "done"


async def test_each_of_many_has_its_own_end():
    bounds = Within()

    async def wait(seconds):
        try:
            with bounds.within(seconds):
                await asyncio.sleep(0.5)
        except TimeoutError:
            return "late"
        return "in time"

    assert await asyncio.gather(wait(0.05), wait(30), wait(0.05)) == ["late", "in time", "late"]


async def test_a_cancel_from_outside_stays_a_cancel():
    bounds = Within()

    async def wait():
        with bounds.within(30):
            await asyncio.sleep(30)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_what_is_bounded_comes_through():
    with pytest.raises(KeyError), Within().within(30):
        raise KeyError("x")


def test_it_goes_on_in_another_loop():
    bounds = []

    async def late():
        bounds.append(bounds[0] if bounds else Within())
        with bounds[0].within(0.01):
            await asyncio.sleep(20)

    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(late())
        assert time.monotonic() - started < 15
