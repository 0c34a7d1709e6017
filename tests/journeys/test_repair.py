"""Pause with everything real in between, and workers that die."""

from collections import Counter
from pathlib import Path

from tests.support.platform import platform


async def test_a_worker_killed_while_it_winds_down_leaves_its_execution_paused(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=2) as onward:
        execution = await onward.submit("five", {"seconds": 0.1, "hold": 2})
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
        onward.let_go()
        status, answer = await onward.call("POST", f"/executions/{execution}/resume", {})
        assert (status, answer["reason"]) == (200, "recovering")
        ended = await onward.ended(execution)
        assert (ended["status"], ended["output"], ended["attempt"]) == ("completed", [1, 2, 3, 4, 5], 2)
        begins = [e for e in onward.effects() if e["execution_id"] == execution and e["what"] == "begin"]
        assert Counter(e["step"] for e in begins) == {1: 1, 2: 2, 3: 1, 4: 1, 5: 1}


async def test_a_paused_worker_s_step_is_saved_and_the_slot_is_free(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1, slots=1) as onward:
        execution = await onward.submit("five", {"seconds": 0.1, "hold": 1})
        await onward.effect(execution_id=execution, step=1, what="begin")
        assert (await onward.call("POST", f"/executions/{execution}/pause", {}))[0] == 202
        onward.let_go()
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
