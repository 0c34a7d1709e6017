"""crash_everywhere: what a task does whose worker dies at every moment that counts."""

from datetime import timedelta

import pytest

from onward import Registry, Retry, ask, idempotency_key, sleep, step
from onward.testing import Lab, crash_everywhere, effect

registry = Registry("crash")


def charge(cents: int) -> int:
    effect("charged", key=idempotency_key())
    return cents


async def mail(text: str) -> str:
    effect("mailed")
    return text


@registry.task
async def careful(cents: int) -> int:
    paid = await step("charge", charge, cents)
    await sleep(timedelta(hours=1))
    return await step("book", charge, paid)


@registry.task
async def careless() -> str:
    return await step("mail", mail, "hello")


@registry.task
async def outside() -> str:
    effect("shouted")
    return await step("mail", mail, "hello")


@registry.task
async def released() -> str:
    if await ask("Release?", choices=["yes", "no"]) == "no":
        return "kept"
    await step("ship", charge, 1)
    return "shipped"


async def say_yes(lab: Lab, run: object) -> None:
    lab.answer(run, "yes")


@registry.task(retry=Retry(attempts=3, first=1))
async def forgets() -> int:
    return len(COUNTED.append(1) or COUNTED)


COUNTED: list[int] = []


async def test_keyed_effects_survive_a_crash_at_every_append() -> None:
    report = await crash_everywhere(careful, {"cents": 5}, registry=registry)
    assert report.ok, str(report)
    assert [point.where for point in report.points[::2]] == [
        f"before {appended}"
        for appended in (
            "started", "checkpoint_reached", "slept", "suspended", "started", "checkpoint_reached", "completed",
        )
    ]  # fmt: skip
    assert report.ran_again == {"charge", "book"}
    assert report.outcome == "completed (None)"


async def test_an_effect_without_a_key_doubles_where_its_checkpoint_was_not_stored() -> None:
    report = await crash_everywhere(careless, registry=registry)
    assert not report.ok
    assert report.doubled == {"mailed": 2}
    assert [p.where for p in report.points if not p.ok] == ["before checkpoint_reached"]
    with pytest.raises(AssertionError, match="1 of them went wrong"):
        report.check()
    assert "mailed ×2" in str(report)


async def test_an_effect_outside_of_steps_doubles_at_every_crash_behind_it() -> None:
    report = await crash_everywhere(outside, registry=registry)
    assert {p.where for p in report.points if "shouted" in p.doubled} >= {
        "before checkpoint_reached", "after checkpoint_reached", "before completed",
    }  # fmt: skip


async def test_questions_are_answered_by_the_play_in_every_run() -> None:
    async with Lab(registry) as lab:
        report = await lab.crash_everywhere(released, play=say_yes)
    report.check()
    assert len(report.points) >= 8


async def test_an_outcome_that_depends_on_the_crash_is_wrong() -> None:
    report = await crash_everywhere(forgets, registry=registry)
    assert not report.ok
    assert any("another output" in wrong for point in report.points for wrong in point.wrong)
