import asyncio
from datetime import UTC, datetime, timedelta

from onward.process.loop import MORE, Loop
from onward.process.stop import Stop

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OFTEN = timedelta(milliseconds=1)
RARELY = timedelta(hours=1)


class Rounds:
    """Counts rounds, and lets a test wait for one."""

    def __init__(self, *results: object) -> None:
        self.results = list(results)
        self.count = 0
        self.changed = asyncio.Event()

    async def run_once(self, now: datetime) -> object:
        self.count += 1
        self.changed.set()
        result = self.results.pop(0) if self.results else None
        if isinstance(result, Exception):
            raise result
        return result

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(5):
            while self.count < count:
                self.changed.clear()
                await self.changed.wait()


async def finished(running: asyncio.Task[None], stop: Stop) -> None:
    stop.request("test over")
    async with asyncio.timeout(5):
        await running


async def test_rounds_follow_each_other_until_the_stop():
    stop, rounds = Stop(), Rounds()
    running = asyncio.create_task(Loop("x", OFTEN, rounds.run_once, clock=lambda: NOON).run(stop))
    await rounds.reach(5)
    await finished(running, stop)
    after = rounds.count
    await asyncio.sleep(0)
    assert rounds.count == after


async def test_a_failing_round_does_not_end_the_loop():
    stop, rounds = Stop(), Rounds(ValueError("bad item"))
    loop = Loop("x", OFTEN, rounds.run_once, clock=lambda: NOON)
    running = asyncio.create_task(loop.run(stop))
    await rounds.reach(3)
    await finished(running, stop)
    assert loop.last_success == NOON
    assert loop.failures == 0


async def test_failures_are_counted_and_kept_for_health():
    stop, rounds = Stop(), Rounds(ValueError("bad item"))
    loop = Loop("x", RARELY, rounds.run_once, clock=lambda: NOON)
    running = asyncio.create_task(loop.run(stop))
    await rounds.reach(1)
    await finished(running, stop)
    assert (loop.failures, loop.last_error, loop.last_success) == (1, "ValueError: bad item", None)


async def test_a_poke_starts_the_next_round_at_once():
    stop, rounds = Stop(), Rounds()
    loop = Loop("x", RARELY, rounds.run_once, clock=lambda: NOON)
    running = asyncio.create_task(loop.run(stop))
    await rounds.reach(1)
    loop.poke()
    await rounds.reach(2)
    await finished(running, stop)


async def test_a_poke_does_not_hurry_a_loop_that_fails():
    stop, rounds = Stop(), Rounds(ValueError("bad item"))
    loop = Loop("x", RARELY, rounds.run_once, clock=lambda: NOON)
    running = asyncio.create_task(loop.run(stop))
    await rounds.reach(1)
    loop.poke()
    for _ in range(50):
        await asyncio.sleep(0)
    await finished(running, stop)
    assert rounds.count == 1


async def test_a_round_that_found_more_to_do_is_followed_at_once():
    stop, rounds = Stop(), Rounds(MORE, MORE)
    running = asyncio.create_task(Loop("x", RARELY, rounds.run_once, clock=lambda: NOON).run(stop))
    await rounds.reach(3)
    await finished(running, stop)
    assert rounds.count == 3


async def test_a_stop_lets_the_round_in_progress_finish():
    stop, entered, leave, done = Stop(), asyncio.Event(), asyncio.Event(), []

    async def run_once(now: datetime) -> None:
        entered.set()
        await leave.wait()
        done.append(now)

    running = asyncio.create_task(Loop("x", OFTEN, run_once, clock=lambda: NOON).run(stop))
    await entered.wait()
    stop.request("test over")
    asyncio.get_running_loop().call_later(0.02, leave.set)
    async with asyncio.timeout(5):
        await running
    assert done == [NOON]


async def test_a_round_that_does_not_finish_in_time_is_cancelled():
    stop, entered = Stop(), asyncio.Event()

    async def run_once(now: datetime) -> None:
        entered.set()
        await asyncio.Event().wait()

    loop = Loop("x", OFTEN, run_once, clock=lambda: NOON, finish_within=timedelta(milliseconds=10))
    running = asyncio.create_task(loop.run(stop))
    await entered.wait()
    await finished(running, stop)


async def test_a_loop_without_a_good_round_for_long_says_so():
    now, stop, rounds = NOON, Stop(), Rounds(ValueError("bad item"))
    loop = Loop("sweep", RARELY, rounds.run_once, clock=lambda: now)
    assert loop.overdue(NOON) == "sweep has not been started"
    running = asyncio.create_task(loop.run(stop))
    await rounds.reach(1)
    await finished(running, stop)
    assert loop.overdue(NOON + 3 * RARELY) is None
    assert "bad item" in loop.overdue(NOON + 3.1 * RARELY)
