"""Large inputs, step results and outputs: through every process and back whole, and the limit is told by name."""

import time
from pathlib import Path

import pytest

from onward.contract.values import INLINE, MOST
from tests.support.platform import Platform, platform

GATEWAY_MIB = 400
"""What the gateway may take in all for one value of 64 MiB: its body, the copy that is parsed, and some air."""


def peak_mib(onward: Platform, name: str) -> float:
    status = Path(f"/proc/{onward.processes[name].pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def timed(onward: Platform, text: str, **more) -> tuple[dict, dict[str, float]]:
    """The end of an echo, and the seconds to its acceptance, to its end, and to the last byte of its output."""
    began = time.monotonic()
    status, accepted = await onward.call(
        "POST", "/executions", {"task": "echo", "input": {"text": text, **more}}
    )
    assert status == 202, accepted
    took = {"accepted": time.monotonic() - began}
    while (await onward.get(accepted["id"], wait="10", large="reference"))["status"] != "completed":
        assert time.monotonic() - began < 60
    took["completed"] = time.monotonic() - began
    ended = await onward.get(accepted["id"])
    took["read"] = time.monotonic() - began
    return ended, took


@pytest.mark.parametrize("size", [5_000_000, MOST - 12])
async def test_a_large_value_goes_through_input_step_and_output_and_comes_back_whole(
    tmp_path: Path, size: int
) -> None:
    async with platform(tmp_path, workers=1) as onward:
        before = peak_mib(onward, "gateway-1")
        text = "0123456789" * (size // 10) + "x" * (size % 10 - 1)
        ended, took = await timed(onward, text)
        assert ended["input"] == {"text": text}
        assert ended["output"] == text
        peak = peak_mib(onward, "gateway-1")
        told = ", ".join(f"{what} {seconds:.2f} s" for what, seconds in took.items())
        print(f"{size} bytes: {told}; gateway {before:.0f} MiB before, {peak:.0f} MiB at most")
        assert peak < GATEWAY_MIB
        for event in await onward.events(ended["id"]):
            assert len(str(event)) < INLINE


async def test_a_saved_result_is_read_back_whole_after_a_sleep_without_its_worker(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=2, slots=1) as onward:
        text = "z" * 5_000_000
        execution = await onward.submit("echo", {"text": text, "nap": 4.0})
        asleep = await onward.reaches(execution, "sleeping")
        assert asleep["input"] == {"text": text, "nap": 4.0}
        for worker in ("worker-1", "worker-2"):
            onward.kill(worker)
        onward.start("worker-3")
        ended = await onward.ended(execution)
        assert (ended["status"], ended["output"]) == ("completed", text)
        assert [effect["what"] for effect in onward.effects()] == ["copied"]


async def test_a_result_above_the_limit_fails_its_execution_and_no_other(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        too_large = await onward.submit("grown", {"size": MOST + 1})
        other = await onward.submit("five", {"count": 5, "seconds": 0.2})
        failed = await onward.ended(too_large)
        assert (failed["status"], failed["attempt"]) == ("failed", 1)
        assert failed["error"]["message"] == f"the result is {MOST + 1} bytes; the limit is {MOST}"
        assert (await onward.ended(other))["status"] == "completed"
