"""Virtual time: no waiting, one seed one history, and no silence about what hangs."""

import asyncio
import time

import pytest

from onward.testing.virtual_loop import Deadlock, Livelock, VirtualLoop, simulate


def test_time_jumps_to_the_next_timer():
    async def main(random):
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(86_400)
        return loop.time() - before

    started = time.monotonic()
    assert simulate(1, main) == 86_400
    assert time.monotonic() - started < 1


def test_time_stands_still_while_anybody_can_run():
    async def main(random):
        loop = asyncio.get_running_loop()
        for _ in range(100):
            await asyncio.sleep(0)
        return loop.time()

    assert simulate(1, main) == 0


async def order_of_ten(random) -> list[int]:
    order: list[int] = []

    async def note(i: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            order.append(i)

    await asyncio.gather(*(note(i) for i in range(10)))
    return order


def test_the_same_seed_gives_the_same_order_and_another_one_another():
    assert simulate(7, order_of_ten) == simulate(7, order_of_ten)
    assert len({tuple(simulate(seed, order_of_ten)) for seed in range(20)}) > 15


def test_the_random_of_main_is_the_seed_s_own():
    async def main(random):
        return random.random()

    assert simulate(1, main) == simulate(1, main) != simulate(2, main)


def test_timers_fire_in_the_order_of_their_time():
    async def main(random):
        fired = []
        loop = asyncio.get_running_loop()
        for delay in (3, 1, 2):
            loop.call_later(delay, fired.append, delay)
        loop.call_later(1.5, fired.append, "never").cancel()
        await asyncio.sleep(5)
        return fired

    assert simulate(1, main) == [1, 2, 3]


def test_waiting_for_what_never_comes_is_a_deadlock():
    async def main(random):
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock):
        simulate(1, main)


def test_going_round_in_circles_is_a_livelock():
    async def main(random):
        while True:
            await asyncio.sleep(0)

    loop = VirtualLoop(1, rounds_at_once=1000)
    try:
        with pytest.raises(Livelock):
            loop.run_until_complete(main(None))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop._rounds = 0
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def test_a_timeout_is_one_in_virtual_time():
    async def main(random):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert simulate(1, main) == 3600


def test_what_a_run_leaves_behind_is_cancelled():
    ended = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def main(random):
        left = asyncio.ensure_future(forever())
        await asyncio.sleep(1)
        assert not left.done()

    simulate(1, main)
    assert ended == [True]


def test_an_error_that_nobody_looks_at_fails_the_run():
    async def broken() -> None:
        raise ValueError("nobody looks")

    async def main(random):
        task = asyncio.ensure_future(broken())
        await asyncio.sleep(1)
        del task

    with pytest.raises(ValueError, match="nobody looks"):
        simulate(1, main)


def test_a_small_model_runs_hundreds_of_seeds_a_second():
    """Three writers race a hundred steps; the figure is printed, and the bar is far below it."""

    async def main(random):
        log: list[tuple[int, str]] = []

        async def write(name: str) -> None:
            for _ in range(10):
                expected = len(log)
                await asyncio.sleep(random.random())
                if len(log) == expected:
                    log.append((expected, name))

        await asyncio.gather(*(write(name) for name in "abc"))
        return log

    started = time.perf_counter()
    for seed in range(300):
        log = simulate(seed, main)
        assert [n for n, _ in log] == list(range(len(log)))
    rate = 300 / (time.perf_counter() - started)
    print(f"{rate:.0f} seeds/s")
    assert rate > 100
