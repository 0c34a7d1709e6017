"""Tasks that take down whoever runs them, among others that do not."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from onward.contract.decide import POISON_AFTER
from tests.support.platform import Platform, platform


@pytest.mark.parametrize(
    "poisons, good",
    [(2, 60), (20, 1000)],
)
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_poison_ends_as_one_and_those_beside_it_complete(
    poisons: int, good: int, tmp_path: Path
) -> None:
    async with platform(tmp_path, workers=2, slots=10) as onward:
        tasks = ["deadly"] * poisons + ["five"] * good
        random.Random(3).shuffle(tasks)
        began = time.monotonic()
        async with revived(onward) as deaths:
            given = {"five": {"count": 1, "seconds": 0.2}, "deadly": {}}
            made = [(task, await onward.submit(task, given[task])) for task in tasks]
            ends = Counter([
                (task, (ended := await onward.ended(one, within=300))["status"], ended["reason"])
                for task, one in made
            ])  # fmt: skip
        print(f"{dict(ends)}, {len(deaths)} deaths of workers, {time.monotonic() - began:.0f} s")
        assert ends == {("deadly", "failed", "poison"): poisons, ("five", "completed", None): good}
        ran = Counter(e["execution_id"] for e in onward.effects() if e["what"] == "kills")
        assert set(ran) == {one for task, one in made if task == "deadly"}
        assert max(ran.values()) <= POISON_AFTER


@contextlib.asynccontextmanager
async def revived(onward: Platform):
    """Dead workers are started again, as a supervisor does; who died, in order."""
    deaths: list[str] = []

    async def watch() -> None:
        while True:
            for name, process in list(onward.processes.items()):
                if name.startswith("worker") and process.poll() is not None:
                    deaths.append(name)
                    onward.start(name)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    try:
        yield deaths
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
