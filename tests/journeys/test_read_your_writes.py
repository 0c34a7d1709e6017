"""GET right after POST, with the projection at work and with it frozen."""

import time
from pathlib import Path

import pytest

from tests.support.platform import platform


@pytest.mark.timeout(180)
async def test_a_thousand_posts_are_each_followed_by_a_get_with_the_projector_paused_half_the_time(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1) as onward:
        took: dict[bool, list[float]] = {False: [], True: []}
        for number in range(1000):
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
            print(
                f"GET after POST, projector {what}: p50 {times[250] * 1000:.1f}, p99 {times[495] * 1000:.1f} ms"
            )
        assert frozen[250] <= 3 * awake[250] + 0.05, "a read by id waits for the projection"
