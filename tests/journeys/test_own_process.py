"""`process=True` in a real worker: killed with it, and killed by a cancel."""

import signal
from pathlib import Path

import pytest

from onward.process.identity import identify
from tests.support.platform import Platform, platform

TASKS = "tests.support.journey_tasks,tests.support.process_tasks"


def alive(pids: list[str]) -> list[str]:
    return [pid for pid in pids if identify(int(pid)) is not None]


async def pids_of(onward: Platform, folder: Path) -> list[str]:
    async def written() -> bool:
        return (folder / "pids").exists() and " " in (folder / "pids").read_text()

    await onward.eventually(written, 40, "the process has not begun")
    return (folder / "pids").read_text().split()


@pytest.mark.timeout(120)
async def test_a_killed_worker_leaves_no_process_behind_and_the_task_goes_on_elsewhere(
    tmp_path: Path,
) -> None:
    async with platform(
        tmp_path / "onward", workers=1, ONWARD_TASKS=TASKS, ONWARD_CANCEL_GRACE="1"
    ) as onward:
        execution = await onward.submit("stubborn", {"folder": str(tmp_path)})
        first = await pids_of(onward, tmp_path)
        assert alive(first) == first
        (tmp_path / "pids").unlink()

        onward.kill("worker-1", signal.SIGKILL)

        async def gone() -> bool:
            return not alive(first)

        await onward.eventually(gone, 30, "processes outlived their worker")
        onward.start("worker-2")
        second = await pids_of(onward, tmp_path)
        status, _ = await onward.call("POST", f"/executions/{execution}/cancel")
        ended = await onward.ended(execution)

        assert (status, ended["status"], ended["attempt"]) == (202, "cancelled", 2)
        assert alive(second) == []


@pytest.mark.timeout(120)
async def test_a_killed_worker_leaves_nothing_of_a_command_behind(tmp_path: Path) -> None:
    command = f"sleep 300 & echo $$ $! > {tmp_path}/pids; wait"
    async with platform(tmp_path / "onward", workers=1) as onward:
        await onward.submit("shell", {"command": command})
        started = await pids_of(onward, tmp_path)
        assert alive(started) == started

        onward.kill("worker-1", signal.SIGKILL)

        async def gone() -> bool:
            return not alive(started)

        await onward.eventually(gone, 30, "the command outlived its worker")
