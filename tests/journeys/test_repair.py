"""Pause, mend, repeat: over the command line and REST, with everything real in between, and workers that die."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.support import page_code
from tests.support.platform import Platform, platform

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "repair.md"


def shell(onward: Platform, folder: Path, script: str) -> str:
    """What a script of `onward` commands says; the first one that fails ends it."""
    settings = {
        "ONWARD_URL": f"http://127.0.0.1:{onward.port('gateway-1')}", "ONWARD_API_KEY": onward.key,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


async def test_the_commands_on_the_page_about_repair_do_what_it_says(tmp_path: Path) -> None:
    page = PAGE.read_text()
    (tmp_path / "orders.py").write_text(page_code.files(page)["orders.py"])
    scripts = re.findall(r"^```sh\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    async with platform(tmp_path / "p", workers=0) as onward:
        onward.start(
            "worker-1", ONWARD_TASKS="orders", PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path])
        )
        await onward.ready("worker-1")
        said = shell(onward, tmp_path, "set -x\n" + "\n".join(scripts) + "\necho old $id new $again")
        assert "pending (paused)" in said
        assert said.count("shipped: lamp on shelf 7") >= 3
        assert "40 is over the budget of 20" in said
        assert "completed (edited)" in said
        assert "completed (forgotten)" not in said.split("retry")[0]
        old, new = re.findall(r"^old (\S+) new (\S+)$", said, flags=re.MULTILINE)[-1]

        async def listed() -> bool:
            _, found = await onward.call("GET", f"/executions?retried_from={old}")
            return [one["id"] for one in found["items"]] == [new]

        await onward.eventually(listed, 20, "the rerun is not listed")
        assert re.search(r"step_edited\s+key:", said), "who edited it is shown"


async def test_a_worker_killed_while_it_winds_down_leaves_its_execution_paused(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=2) as onward:
        execution = await onward.submit("five", {"seconds": 1.5})
        begun = await onward.effect(execution_id=execution, step=2, what="begin")
        status, answer = await onward.call("POST", f"/executions/{execution}/pause", {"reason": "look"})
        assert (status, answer["status"], answer["reason"]) == (202, "running", "executing")
        onward.kill(next(name for name, p in onward.processes.items() if p.pid == begun["pid"]))
        await onward.reaches(execution, "paused")
        # What waits behind it in the same queue runs: the paused one takes no slot, and nobody takes it up.
        other = await onward.submit("five", {"seconds": 0.01})
        await onward.ended(other)
        begins = [e for e in onward.effects() if e["execution_id"] == execution and e["what"] == "begin"]
        assert [e["step"] for e in begins] == [1, 2]
        status, answer = await onward.call("POST", f"/executions/{execution}/resume", {})
        assert (status, answer["reason"]) == (200, "recovering")
        ended = await onward.ended(execution)
        assert (ended["status"], ended["output"], ended["attempt"]) == ("completed", [1, 2, 3, 4, 5], 2)
        begins = [e for e in onward.effects() if e["execution_id"] == execution and e["what"] == "begin"]
        assert Counter(e["step"] for e in begins) == {1: 1, 2: 2, 3: 1, 4: 1, 5: 1}


async def test_a_paused_worker_s_step_is_saved_and_the_slot_is_free(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1, slots=1) as onward:
        execution = await onward.submit("five", {"seconds": 1.0})
        await onward.effect(execution_id=execution, step=1, what="begin")
        assert (await onward.call("POST", f"/executions/{execution}/pause", {}))[0] == 202
        paused = await onward.reaches(execution, "paused")
        assert paused["worker_id"] is None
        assert (await onward.call("POST", f"/executions/{execution}/pause", {}))[0] == 200
        assert (await onward.ended(await onward.submit("five", {"seconds": 0.01})))["status"] == "completed"
        _, steps = await onward.call("GET", f"/executions/{execution}/steps")
        assert [step["name"] for step in steps["items"]] == ["step 1"]
        await onward.call("POST", f"/executions/{execution}/resume", {})
        ended = await onward.ended(execution)
        assert (ended["output"], ended["attempt"]) == ([1, 2, 3, 4, 5], 1)
        ran = Counter(e["step"] for e in onward.effects() if e["execution_id"] == execution)
        assert set(ran.values()) == {2}, "each step began once and ended once"
        _, listed = await onward.call("GET", f"/executions?retried_from={execution}")
        assert listed["items"] == []
