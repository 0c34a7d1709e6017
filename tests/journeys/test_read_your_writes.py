"""GET right after POST, with the projection at work and with it frozen."""

import time
from pathlib import Path

import pytest

from tests.support.platform import platform


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
async def test_a_thousand_posts_are_each_followed_by_a_get_with_the_projector_paused_half_the_time(
    count: int,
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1) as onward:
        took: dict[bool, list[float]] = {False: [], True: []}
        for number in range(count):
            if number % 200 == 0:
                onward.resume("execution_state-1")
            elif number % 200 == 100:
                onward.pause("execution_state-1")
            status, made = await onward.call("POST", "/executions", {"task": "noop", "input": {}})
            assert status == 202, made
            began = time.perf_counter()
            status, found = await onward.call("GET", f"/executions/{made['id']}")
            took[number % 200 >= 100].append(time.perf_counter() - began)
            assert (status, found["id"]) == (200, made["id"])
        onward.resume("execution_state-1")
        awake, frozen = (sorted(took[paused]) for paused in (False, True))
        for what, times in (("at work", awake), ("frozen", frozen)):
            half, most = times[count // 4] * 1000, times[count * 99 // 200] * 1000
            print(f"GET after POST, projector {what}: p50 {half:.1f}, p99 {most:.1f} ms")
        assert frozen[count // 4] <= 3 * awake[count // 4] + 0.05, "a read by id waits for the projection"
