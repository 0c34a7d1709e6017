"""Lab: tasks in a test, on a virtual clock, through the worker's own engine."""

import asyncio
import time
from datetime import timedelta

import pytest

from onward import Registry, Retry, ask, idempotency_key, log, now, sleep, step, sync, uuid
from onward.testing import Ended, Lab, Stuck, crash_everywhere, effect

registry = Registry("lab")


async def add(a: int, b: int) -> int:
    effect("added", key=idempotency_key())
    return a + b


@registry.task
async def sums(numbers: list[int]) -> int:
    total = 0
    for number in numbers:
        total = await step("add", add, total, number)
    log(f"total {total}")
    print("printed")
    return total


@registry.task
async def naps(hours: float = 1.0) -> float:
    began = await now()
    await sleep(timedelta(hours=hours))
    return ((await step("look", _now)) - began.timestamp()) / 3600


async def _now() -> float:
    return (await now()).timestamp()


@registry.task(retry=Retry(attempts=3, first=60))
async def charges(cents: int) -> str:
    await step("charge", add, cents, 0)
    return "paid"


@registry.task
async def asks(text: str = "Go on?") -> str:
    return f"said {await ask(text, choices=['yes', 'no'])}"


@registry.task
def blocking(number: int) -> int:
    total: int = sync(step("slow", _slow, number))
    sync(sleep(3600))
    return total


def _slow(number: int) -> int:
    time.sleep(0.05)
    return number * 2


async def test_a_task_runs_through_the_engine_and_its_steps_and_lines_are_seen() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(sums, [1, 2, 3])
        assert await run.result() == 6
        assert run.steps == ["add", "add", "add"]
        assert run.logs == ["total 6", "printed"]
        assert [e.name for e in lab.effects] == ["added"] * 3


async def test_an_hour_of_sleep_takes_no_time_and_ends_on_time() -> None:
    began = time.monotonic()
    async with Lab(registry) as lab:
        run = await lab.start(naps, hours=1000)
        await lab.skip(hours=999)
        assert run.reason == "sleeping"
        await lab.skip(hours=1)
        assert run.status == "completed"
        assert await run.result() == pytest.approx(1000, abs=0.001)
    assert time.monotonic() - began < 5


async def test_waiting_for_the_result_moves_time() -> None:
    async with Lab(registry) as lab:
        began = lab.now
        assert await lab.run(naps) == pytest.approx(1, abs=0.001)
        assert timedelta(hours=1) <= lab.now - began < timedelta(hours=1, seconds=1)


async def test_a_failed_step_fails_as_often_as_asked_and_the_retry_policy_acts() -> None:
    async with Lab(registry) as lab:
        lab.fail_step("charge", ConnectionError("the bank is away"), times=2)
        run = await lab.start(charges, 5)
        assert await run.result() == "paid"
        assert (run.state.attempt, len(lab.tried), len(lab.effects)) == (3, 3, 1)


async def test_a_step_may_fail_after_its_effect() -> None:
    async with Lab(registry) as lab:
        lab.fail_step("charge", ConnectionError("no answer"), after=True)
        assert await lab.run(charges, 5) == "paid"
        assert len(lab.effects) == 2
        assert len({e.key for e in lab.effects}) == 1


async def test_a_run_that_fails_says_how() -> None:
    async with Lab(registry) as lab:
        lab.fail_step("charge", ConnectionError("the bank is away"), times=99)
        with pytest.raises(Ended, match=r"failed \(exhausted\): ConnectionError: the bank is away"):
            await lab.run(charges, 5)


async def test_an_answer_reaches_the_question_whenever_it_is_asked() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(asks)
        lab.answer(run, "yes")
        assert await run.result() == "said yes"


async def test_two_questions_may_be_answered_at_once() -> None:
    both = Registry("both")

    @both.task
    async def asks_twice() -> list[object]:
        return list(await asyncio.gather(ask("one?"), ask("two?")))

    async with Lab(both) as lab:
        run = await lab.start(asks_twice)
        open_now = await lab.until(run.id, lambda state: len(state.waits) == 2)
        first, second = open_now.waits
        given = [lab.answer(run, text, question=key) for text, key in (("a", first), ("b", second))]
        await asyncio.gather(*(answer.giving for answer in given))
        assert await run.result() == ["a", "b"]


async def test_an_answer_that_is_none_of_the_choices_is_refused() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(asks)
        with pytest.raises(ValueError, match="none of the choices"):
            await lab.answer(run, "perhaps")
        await lab.answer(run, "no")
        assert await run.result() == "said no"


async def test_a_run_that_waits_for_the_test_says_for_what() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(asks)
        with pytest.raises(Stuck, match=r"asks 'Go on\?': lab\.answer"):
            await run.result()


async def test_a_killed_workers_execution_goes_on_with_another_and_repeats_no_finished_step() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(naps)
        await run.reaches("sleeping")
        await lab.restart()
        assert await run.result() == pytest.approx(1, abs=0.001)
        assert not any(tried.saved for tried in lab.tried)


async def test_blocking_tasks_run_on_threads_and_their_sleep_takes_no_time() -> None:
    async with Lab(registry) as lab:
        assert await lab.run(blocking, 4) == 8


async def test_chance_and_ids_are_the_same_in_every_run() -> None:
    chance = Registry()

    @chance.task
    async def draws() -> str:
        return await uuid()

    seen = set()
    for _ in range(2):
        async with Lab(chance) as lab:
            seen.add(await lab.run(draws))
    assert len(seen) == 1


async def test_an_input_that_does_not_fit_is_refused_at_once() -> None:
    async with Lab(registry) as lab:
        with pytest.raises(ValueError, match="numbers"):
            await lab.submit("sums", {"numbers": "three"})


def test_a_lab_works_in_a_plain_asyncio_run() -> None:
    async def main() -> float:
        async with Lab(registry) as lab:
            return await lab.run(naps)

    assert asyncio.run(main()) == pytest.approx(1, abs=0.001)


FLIPS: list[int] = []
honest = Registry("honest")


@honest.task
async def flips() -> str:
    FLIPS.append(1)
    return await step(f"flip {len(FLIPS)}", _text, "done")


@honest.task
async def steady(hours: float) -> str:
    await sleep(timedelta(hours=hours))
    await step("first", _text, "a")
    return f"{await step('second', _text, 'b')} {await uuid()}"


@honest.task
async def other_arguments() -> str:
    FLIPS.append(1)
    return await step("add", _text, f"{len(FLIPS)}")


async def _text(text: str) -> str:
    return text


@pytest.mark.parametrize(
    "task,what",
    [
        ("flips", "called the step flip"),
        ("other_arguments", "other arguments"),
    ],
)
async def test_a_replay_that_takes_another_way_fails(task: str, what: str) -> None:
    with pytest.raises(AssertionError, match=what):
        async with Lab(honest, check_replay=True) as lab:
            await (await lab.submit(task)).result()


async def test_a_replay_that_takes_the_same_way_passes() -> None:
    async with Lab(honest, check_replay=True) as lab:
        assert (await lab.run(steady, 5)).startswith("b ")


@registry.task
async def doubled(number: int) -> int:
    await sleep(timedelta(hours=1))
    return 2 * await step("add", add, number, 0)


@registry.task
async def all_doubled(numbers: list[int]) -> list[int]:
    return await doubled.map(numbers, window=3)


async def test_children_run_and_survive_a_restart_of_all_workers() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(all_doubled, list(range(10)))
        await run.reaches("waiting_for_children")
        await lab.restart()
        assert await run.result() == [2 * n for n in range(10)]
        assert len(lab.executions) == 11
        assert not any(tried.saved for tried in lab.tried)


async def test_a_parent_killed_everywhere_has_each_child_once() -> None:
    report = await crash_everywhere("all_doubled", {"numbers": [1, 2, 3, 4]}, registry=registry)
    assert report.ok, str(report)
    assert any("children_spawned" in point.where for point in report.points)


async def test_children_are_replayed_from_what_their_parent_knows() -> None:
    async with Lab(registry, check_replay=True) as lab:
        assert await lab.run(all_doubled, [1, 2, 3]) == [2, 4, 6]


@registry.task
async def tidy() -> str:
    try:
        return await step("wait", _wait)
    finally:
        effect("tidied")


async def _wait() -> str:
    await asyncio.sleep(60)
    return "waited"


async def test_a_killed_worker_has_no_effects_any_more_not_even_in_its_finally() -> None:
    async with Lab(registry) as lab:
        run = await lab.start(tidy)
        await lab.skip(seconds=10)
        await lab.restart()
        assert lab.effects == []
        assert await run.result() == "waited"
        assert [e.name for e in lab.effects] == ["tidied"]
        assert [tried.name for tried in lab.tried] == ["wait", "wait"]
