"""The shipped task `shell`: a real command, its lines, its end."""

import asyncio
import json

import pytest

from onward.bus.specs import Specs
from onward.contract import commands
from onward.contract.execution import Status
from onward.contract.lines import decode
from onward.contract.places import EnvironmentSpec
from onward.process.identity import identify
from onward.worker.scrub import NOTHING_SECRET
from onward.worker.surroundings import Places
from onward_worker.shipped.shell import registry
from tests.support.copy_of import CopyOf
from tests.support.workshop import Workshop


@pytest.fixture
async def run():
    """Runs a command to its end: the execution, and its log lines by stream."""

    async def run(command, **more):
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("shell", {"command": command, **more})
        state = await shop.ended(execution)
        raws = await shop.gateway.lines.read("default", execution)
        lines = [line for raw in raws for line in decode(raw.data).lines]
        said = {
            stream: [line.text for line in lines if line.stream == stream] for stream in ("stdout", "stderr")
        }
        return state, said

    return run


async def gone(pid):
    """A killed process lives for as long as the kernel takes to end it."""
    async with asyncio.timeout(10):
        while identify(pid) is not None:
            await asyncio.sleep(0.01)


async def test_what_a_command_prints_becomes_lines_and_its_exit_code_the_result(run):
    state, said = await run("echo one; echo two >&2; printf three")
    output = json.loads(bytes(state.output))
    assert output["exit_code"] == 0
    assert sorted(output["tail"]) == ["one", "three", "two"]
    assert said == {"stdout": ["one", "three"], "stderr": ["two"]}


async def test_another_exit_code_is_a_failure_that_shows_the_last_line(run):
    state, _ = await run("echo no such thing; exit 7")
    assert (state.status, state.attempt) == (Status.FAILED, 1)
    assert "exit code 7: no such thing" in state.error.message


async def test_a_folder_and_an_environment_may_be_given_and_credentials_are_not_seen(
    run, tmp_path, monkeypatch
):
    monkeypatch.setenv("ONWARD_API_KEY", "secret")
    _, said = await run(
        'pwd; echo "$COLOUR"; env | grep -c ^ONWARD_', cwd=str(tmp_path), env={"COLOUR": "blue"}
    )
    assert said["stdout"] == [str(tmp_path), "blue", "0"]


class InTheLab(Places):
    """Every execution is in the environment `lab`."""

    def variables(self, project, environment):
        return super().variables(project, "lab")

    def scrubber(self, project, environment):
        return super().scrubber(project, "lab")


@pytest.mark.parametrize("ending", ["exit 0", "exit 7"])
async def test_variables_of_the_environment_reach_the_command_and_stand_neither_in_its_log_nor_its_outcome(
    ending,
):
    shop = Workshop(registry)
    await shop.worker("one")
    lab = EnvironmentSpec(name="lab", variables={"TOKEN": "s3cret-value", "REGION": "eu"})
    shop.engines["one"].env.places = InTheLab(Specs(CopyOf(lab)), NOTHING_SECRET)
    command = f"echo $REGION ${{#TOKEN}} $TOKEN; printf %s $TOKEN; {ending}"

    execution = await shop.submit("shell", {"command": command})
    state = await shop.ended(execution)

    raws = await shop.gateway.lines.read("default", execution)
    told = [line.text for raw in raws for line in decode(raw.data).lines]
    assert told == ["eu 12 ***", "***"]
    outcome = str(state.error) if ending == "exit 7" else bytes(state.output).decode()
    assert ("s3cret" in outcome, "***" in outcome) == (False, True)


async def test_a_folder_that_is_not_there_is_told(run):
    state, _ = await run("true", cwd="/no/such/folder")
    assert state.status is Status.FAILED
    assert "/no/such/folder" in state.error.message


async def test_what_a_command_leaves_in_the_background_is_ended_with_it(run):
    state, said = await run("sleep 300 & echo $!")
    assert state.status is Status.COMPLETED
    await gone(int(said["stdout"][0]))


async def test_a_cancel_ends_the_command_and_all_that_it_started(tmp_path):
    shop = Workshop(registry)
    await shop.worker("one")
    command = f"sleep 300 & echo $! > {tmp_path}/pid; wait"
    execution = await shop.submit("shell", {"command": command})
    async with asyncio.timeout(20):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().endswith("\n"):
            await asyncio.sleep(0.02)
    await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
    assert (await shop.ended(execution)).status is Status.CANCELLED
    await gone(int((tmp_path / "pid").read_text()))
