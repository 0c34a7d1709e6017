"""One test file, run in memory and against a real installation, by one flag."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FILE = """
from datetime import timedelta

import pytest

from onward import Registry, Retry, ask, idempotency_key, log, sleep, step
from onward.testing import Ended, effect

registry = Registry("both")


async def pay(cents):
    effect("paid", key=idempotency_key())
    return cents


@registry.task(retry=Retry(attempts=3, first=0.1))
async def order(cents: int) -> str:
    if await ask(f"Pay {cents}?", choices=["yes", "no"]) == "no":
        return "kept"
    await step("pay", pay, cents)
    log("paid")
    return f"{cents} paid"


@registry.task
async def nap(hours: float) -> str:
    await sleep(timedelta(hours=hours))
    return "rested"


async def test_an_order_is_paid_once_it_is_allowed(lab):
    async with lab(registry) as here:
        run = await here.start(order, 5)
        await run.reaches("waiting_for_input")
        assert run.questions == ["Pay 5?"]
        here.answer(run, "yes")
        assert await run.result() == "5 paid"
        assert (run.steps, run.logs) == (["pay"], ["paid"])
        assert [e.name for e in here.effects] == ["paid"]


async def test_a_payment_that_fails_is_tried_again_with_the_same_key(lab):
    async with lab(registry) as here:
        here.fail_step("pay", ConnectionError("no answer"), after=True)
        run = await here.start(order, 5)
        here.answer(run, "yes")
        assert await run.result() == "5 paid"
        assert len(here.effects) == 2 and len({e.key for e in here.effects}) == 1


async def test_a_cancelled_order_is_not_paid(lab):
    async with lab(registry) as here:
        run = await here.start(order, 5)
        await run.reaches("waiting_for_input")
        await here.cancel(run)
        with pytest.raises(Ended, match="cancelled"):
            await run.result()
        assert here.effects == []


@pytest.mark.onward_virtual_clock
async def test_a_day_passes(lab):
    async with lab(registry) as here:
        run = await here.start(nap, 24)
        await here.skip(hours=24)
        assert run.status == "completed"


async def test_a_live_installation_refuses_to_skip_a_day(lab):
    async with lab(registry) as here:
        if lab.live:
            with pytest.raises(Exception, match="needs the virtual clock: mark the test"):
                await here.skip(days=1)
            with pytest.raises(Exception, match="needs the virtual clock"):
                await here.restart()
"""


def run_pytest(folder: Path, *options: str) -> tuple[int, str, float]:
    (folder / "test_orders.py").write_text(FILE)
    (folder / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "onward.testing.plugin", "-p", "no:cacheprovider", *options],
        cwd=folder, capture_output=True, text=True, timeout=110,
        env={name: value for name, value in os.environ.items() if not name.startswith("ONWARD_")},
    )  # fmt: skip
    took = re.search(r"in (\d+\.\d+)s", done.stdout)
    return done.returncode, done.stdout + done.stderr, float(took[1]) if took else 0.0


def test_the_tests_pass_in_memory(tmp_path: Path) -> None:
    code, said, took = run_pytest(tmp_path)
    assert code == 0, said
    assert "5 passed" in said
    print(f"in memory: {took} s")


@pytest.mark.timeout(130)
def test_the_same_tests_pass_on_a_real_installation(tmp_path: Path) -> None:
    code, said, took = run_pytest(tmp_path, "--onward-live")
    assert code == 0, said
    assert "4 passed, 1 skipped" in said
    print(f"live: {took} s")


def test_the_plugin_costs_nothing_at_the_start_of_pytest(tmp_path: Path) -> None:
    code = (
        "import sys, onward.testing.plugin; "
        "print([m for m in ('msgspec', 'nats', 'onward.worker', 'onward.testing.lab') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30).stdout
    assert said.strip() == "[]"
