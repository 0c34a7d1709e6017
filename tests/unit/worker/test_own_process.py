"""`process=True`: what goes in and comes out, how it ends, and that nothing is left of it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from onward import Registry
from onward.contract import commands
from onward.contract import lines as li
from onward.contract.execution import Status
from onward.process.identity import identify
from onward.tasks.own_process import OwnProcess
from onward.testing.clock import VirtualClock
from onward.worker import child_frames as frames
from onward.worker.child_call import rebuilt
from tests.support import process_tasks
from tests.support.workshop import Workshop


async def ended(task: str, given: Any = None, *, grace: float = 0.3) -> tuple[Any, list[li.Line], str]:
    shop = Workshop(process_tasks.registry)
    engine = await shop.worker("one", grace=grace)
    execution = await shop.submit(task, given)
    state = await shop.ended(execution, within=30)
    await engine.drain(1)
    return state, await lines(shop, execution), execution


async def lines(shop: Workshop, execution: str) -> list[li.Line]:
    chunks = await shop.gateway.lines.read("default", execution)
    return [
        line for raw in chunks for line in msgspec.json.decode(li.head(raw.data).lines, type=list[li.Line])
    ]


def alive(pid: str) -> bool:
    return identify(int(pid)) is not None


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_arguments_and_result_go_as_json_and_come_back_with_their_types() -> None:
    state, _, _ = await ended("doubled", {"cents": 5})
    assert msgspec.json.decode(state.output) == {"id": "o-1", "cents": 18}


async def test_a_task_in_its_process_knows_its_execution_and_what_it_says_are_log_lines() -> None:
    state, found, execution = await ended("facts", {"numbers": [1, 2]})
    output = msgspec.json.decode(state.output)
    assert output.pop("pid") != os.getpid()
    assert output == {"execution_id": execution, "attempt": 1, "key": execution, "sum": 3}
    assert {(line.stream, line.level, line.text) for line in found} == {
        ("stdout", "info", "printed"), ("stderr", "warning", "no end of line"), ("log", "warning", "logged 7"),
        ("log", "error", "said"), ("system", "info", "progress 50%: half"),
    }  # fmt: skip


async def test_what_does_not_work_in_a_process_of_its_own_says_so() -> None:
    state, _, _ = await ended("asks_for_a_step")
    assert "step does not work in a process of its own (process=True)" in state.error.message


async def test_an_exception_of_a_process_is_caught_by_its_type() -> None:
    state, _, _ = await ended("ends", {"how": "refused"})
    assert msgspec.json.decode(state.output) == "refused ('not today', 42)"


async def test_an_exception_of_a_process_keeps_its_message_its_stack_and_whether_to_try_again() -> None:
    state, _, _ = await ended("ends", {"how": "fatal"})
    assert (state.error.type, state.error.message) == ("onward.tasks.outcome.Fatal", "never")
    assert state.error.retryable is False
    assert "process_tasks.py" in state.error.stack


async def test_an_exception_whose_type_only_its_process_knows_keeps_its_name_here() -> None:
    state, _, _ = await ended("ends", {"how": "local"})
    assert state.error.type.endswith("OnlyThere")
    assert state.error.message == "of its own"
    with pytest.raises(RuntimeError, match="of its own") as raised:
        raise rebuilt(
            frames.Raised(error=state.error, module="gone", qualname="a.OnlyThere", args=msgspec.Raw(b"[]"))
        )
    assert type(raised.value).__name__ == "OnlyThere"


@pytest.mark.parametrize(
    "how, because",
    [
        ("exit", "exit code 3"),
        ("sys.exit", "exit code 1"),
        ("segfault", "ended by SIGSEGV"),
        ("killed", "ended by SIGKILL: perhaps it used up the memory"),
    ],
)
async def test_a_process_that_dies_fails_its_step_and_nothing_else(how: str, because: str) -> None:
    state, _, _ = await ended("ends", {"how": how})
    assert (state.status, state.error.type) == (Status.FAILED, "onward.tasks.outcome.ProcessDied")
    assert "the process of raises" in state.error.message and because in state.error.message  # noqa: PT018


@pytest.mark.parametrize("task", ["stubborn", "waits_for_it"])
async def test_a_cancelled_process_is_killed_with_all_that_it_started(tmp_path: Path, task: str) -> None:
    shop = Workshop(process_tasks.registry)
    engine = await shop.worker("one", grace=0.3)
    execution = await shop.submit(task, {"folder": str(tmp_path)})
    await until(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().count(" "))
    pids = (tmp_path / "pids").read_text().split()
    assert all(map(alive, pids))
    await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
    assert (await shop.ended(execution, within=10)).status is Status.CANCELLED
    await until(lambda: not any(map(alive, pids)))
    told = [line.text for line in await lines(shop, execution) if line.stream == "system"]
    assert any("its process was killed (SIGKILL)" in text for text in told) is (task == "stubborn")
    await engine.drain(1)


async def test_a_cancelled_process_may_put_its_things_in_order(tmp_path: Path) -> None:
    shop = Workshop(process_tasks.registry)
    engine = await shop.worker("one", grace=5.0)
    execution = await shop.submit("polite", {"folder": str(tmp_path)})
    await until((tmp_path / "pids").exists)
    await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
    assert (await shop.ended(execution, within=4)).status is Status.CANCELLED
    assert (tmp_path / "order").exists()
    told = [line for line in await lines(shop, execution) if line.stream == "system"]
    assert "its process ended when it was asked to" in told[-1].text
    await engine.drain(1)


async def test_a_step_over_its_limit_is_killed_and_its_task_may_go_on(tmp_path: Path) -> None:
    state, _, _ = await ended("limited", {"folder": str(tmp_path)})
    assert msgspec.json.decode(state.output) == "timed out"
    if (tmp_path / "pids").exists():  # else it was killed before it began
        assert not any(map(alive, (tmp_path / "pids").read_text().split()))


def test_what_a_process_cannot_import_is_refused_when_it_is_registered() -> None:
    registry = Registry()
    with pytest.raises(TypeError, match="made inside of another function"):
        registry.step(process=True)(lambda: None)
    with pytest.raises(TypeError, match="made inside of another function"):

        @registry.task(process=True)
        def inner() -> None: ...

    with pytest.raises(TypeError, match="plain def"):

        @registry.step(process=True)
        async def waits() -> None: ...

    assert registry.tasks == {}


async def test_outside_of_an_execution_it_just_runs() -> None:
    assert await process_tasks.double(process_tasks.Order("x", 1)) == process_tasks.Order("x", 2)


def test_a_function_that_is_hidden_behind_another_one_of_its_name_is_found_out() -> None:
    hidden = OwnProcess(process_tasks.double.fn, "step hidden")
    hidden.qualname = "stubborn"
    with pytest.raises(ImportError, match="another function"):
        hidden.check()


async def test_a_virtual_clock_waits_for_a_process_that_is_at_work() -> None:
    with VirtualClock():
        began = asyncio.get_running_loop().time()
        state, _, _ = await ended("doubled", {"cents": 5})
        assert state.status is Status.COMPLETED
        assert asyncio.get_running_loop().time() - began < 20


@pytest.mark.parametrize("how", ["-c", "file"])
def test_a_program_that_was_started_is_imported_by_its_name_and_what_was_typed_in_is_refused(
    how: str, tmp_path: Path
) -> None:
    code = (
        "from onward import Registry\n"
        "@Registry().step(process=True)\n"
        "def made(): ...\n"
        "print(made.call.module, made.call.qualname)\n"
    )
    (tmp_path / "shop.py").write_text(code)
    command = ["-c", code] if how == "-c" else ["shop.py"]
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ("was typed in" in done.stderr) if how == "-c" else (done.stdout == "shop made\n"), done
