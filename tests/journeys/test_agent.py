"""The agent example on the whole platform: killed in the middle of its loop, it pays for nothing twice."""

from pathlib import Path

from tests.support.model_endpoint import model, says, wants
from tests.support.platform import platform


async def test_an_agent_killed_while_a_tool_runs_repeats_no_paid_call(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    # The tool says whose child it is and never ends; run once more, it is done at once.
    command = f"test -s {begun} || {{ echo $PPID > {begun}; sleep 60; }}; echo done"
    turns = (wants("list_files", pattern="*"), wants("run_command", command=command), says("it is done"))
    with model(*turns, word_seconds=0.01) as endpoint:
        settings = {"ONWARD_TASKS": "examples.agent", "OPENAI_BASE_URL": endpoint.url}
        async with platform(tmp_path, workers=2, **settings) as onward:
            execution = await onward.submit("agent", {"goal": "do it", "folder": str(tmp_path)})
            await onward.reaches(execution, "waiting_for_input")
            status, _ = await onward.call("POST", f"/executions/{execution}/answer", {"answer": "yes"})
            assert status == 200

            async def tool_runs() -> bool:
                return begun.exists() and begun.read_text().endswith("\n")

            await onward.eventually(tool_runs, 40, "the tool never began")
            pid = int(begun.read_text())
            onward.kill(next(name for name, process in onward.processes.items() if process.pid == pid))
            ended = await onward.ended(execution)
            _, log = await onward.call("GET", f"/executions/{execution}/logs")
    assert ended["output"]["answer"].strip() == "it is done"
    assert endpoint.asked == [0, 1, 2], "each turn of the model is paid for once"
    assert "".join(line["text"] for line in log["items"] if line["stream"] == "output") == "it is done "
