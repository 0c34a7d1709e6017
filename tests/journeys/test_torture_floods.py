"""The torture list, 6 and 13: values that no store can hold, and a log that nobody can keep up with."""

import asyncio
import re
import time
from pathlib import Path

from tests.support.memory import resident
from tests.support.platform import platform

UNSAVEABLE = ("nul", "surrogate", "deep")
"""Results that have no form in JSON as the stores take it: they fail their execution, and say why."""
SAVED = {"nan": None, "array": [1, [2, []]], "bytes": "/wA=", "set": [1, 2], "large": "x" * 5_000_000}
"""What others become: JSON knows no NaN, no bytes and no sets."""


async def test_torture_06_a_poisonous_value_fails_its_own_execution_and_no_other(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        saved = {kind: await onward.submit("poisonous", {"kind": kind}) for kind in SAVED}
        failed = {
            kind: await onward.submit("poisonous", {"kind": kind}, retry={"attempts": 1})
            for kind in UNSAVEABLE
        }
        after = await onward.submit("five", {"seconds": 0.0})
        outputs = {kind: (await onward.ended(id))["output"] for kind, id in saved.items()}
        ends = {kind: await onward.ended(id) for kind, id in failed.items()}
        assert outputs == SAVED
        for kind, end in ends.items():
            assert end["status"] == "failed", kind
            assert "the result cannot be saved" in end["error"]["message"], kind
        assert (await onward.ended(after))["status"] == "completed"

        async def all_projected() -> bool:
            status, page = await onward.call("GET", "/executions?limit=200")
            ended = {one["id"] for one in page["items"] if one["completed_at"]} if status == 200 else set()
            return ended >= {*saved.values(), *failed.values(), after}

        await onward.eventually(all_projected, 60, "the projection stands still")


POISONED = (
    b'{"task": "noop", "input": {"text": "a\\u0000b"}}',
    b'{"task": "noop", "input": {"text": "\\ud800"}}',
    b'{"task": "noop", "input": {"number": NaN}}',
    b'{"task": "noop", "input": [1, 2]}',
)


async def test_torture_06_a_poisonous_input_is_refused_at_the_door(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        url = f"http://127.0.0.1:{onward.port('gateway-1')}/api/v1/executions"
        headers = {"Authorization": f"Bearer {onward.key}", "Content-Type": "application/json"}
        for body in POISONED:
            async with onward.http.post(url, data=body, headers=headers) as answer:
                assert 400 <= answer.status < 500, body
                assert (await answer.json())["code"], body


async def test_torture_13_a_log_flood_is_bounded_counted_and_slows_nobody_else(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        pid = onward.processes["worker-1"].pid
        await onward.ended(await onward.submit("noop"))
        before = resident(pid)
        flooding = await onward.submit("flood", {"megabytes": 100})
        await onward.reaches(flooding, "executing")
        slowest = 0.0
        while (await onward.get(flooding))["status"] == "running":
            began = time.monotonic()
            assert (await onward.ended(await onward.submit("noop")))["status"] == "completed"
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.05)
        written = (await onward.ended(flooding))["output"]
        grown = resident(pid, "VmHWM") - before
        kept, dropped = await lines_of(onward, flooding)
        print(
            f"{written} lines, {dropped} dropped, worker grew by {grown >> 20} MiB, others took {slowest:.2f} s at most"
        )
        assert kept + dropped == written
        assert grown < 100 << 20
        assert slowest < 20.0


async def lines_of(onward, execution: str) -> tuple[int, int]:
    """(printed lines that were kept, lines that marker lines say were dropped)."""
    kept, dropped, after = 0, 0, 0
    while True:
        status, page = await onward.call("GET", f"/executions/{execution}/logs?after={after}&limit=200")
        assert status == 200, page
        if not page["items"]:
            return kept, dropped
        for line in page["items"]:
            after = line["line"]
            kept += line["stream"] == "stdout"
            marker = re.match(r"(\d+) lines were dropped here", line["text"])
            dropped += int(marker[1]) if marker and line["stream"] == "system" else 0
