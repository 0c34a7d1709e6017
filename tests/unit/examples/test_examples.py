"""The examples run through the real engine and do what they say."""

import json

import examples.flaky
import examples.stdlib_report
from onward.contract.execution import Status
from tests.support.workshop import Workshop


async def test_flaky_fails_twice_and_then_succeeds() -> None:
    shop = Workshop(examples.flaky.registry)
    engine = await shop.worker("one")
    state = await shop.ended(await shop.submit("flaky"), within=20)
    assert (state.status, state.attempt, json.loads(bytes(state.output or b""))) == (
        Status.COMPLETED,
        3,
        {"tries": 3},
    )
    await engine.drain(1)


async def test_the_report_counts_what_is_there_and_saves_each_package() -> None:
    shop = Workshop(examples.stdlib_report.registry)
    engine = await shop.worker("one")
    execution = await shop.submit("stdlib_report", {"most": 3})
    state = await shop.ended(execution, within=60)
    report = json.loads(bytes(state.output or b""))
    assert state.status is Status.COMPLETED
    assert report["packages"] == 3
    assert report["lines"] > 10_000
    saved = (await shop.log(execution)).checkpoints()
    assert sum(name.startswith("analyse ") for _, name, _ in saved) == 3
    await engine.drain(1)
