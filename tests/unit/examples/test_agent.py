"""The agent example through the real engine, against a small OpenAI-compatible endpoint."""

import json

import msgspec
import pytest

import examples.agent
from onward.contract import commands
from onward.contract import events as ev
from onward.contract.execution import Status
from onward.contract.lines import decode
from tests.support.model_endpoint import model, says, wants
from tests.support.workshop import Workshop

TURNS = (
    wants("list_files", pattern="*.txt"),
    wants("run_command", command="wc -c notes.txt"),
    says("There is one file and it has six bytes"),
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("hello\n")
    return tmp_path


async def begin(endpoint, folder, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    shop = Workshop(examples.agent.registry)
    await shop.worker("one")
    execution = await shop.submit("agent", {"goal": "How large is it?", "folder": str(folder)})
    return shop, execution


async def answered(shop, execution, said):
    await shop.until(execution, lambda s: any(not w.done for w in s.waits.values()))
    raw = msgspec.Raw(json.dumps(said).encode())
    await shop.command(execution, lambda s, m: commands.answer(s, m, raw, None))
    return await shop.ended(execution)


async def test_it_uses_tools_asks_before_the_dangerous_one_and_answers(folder, monkeypatch):
    with model(*TURNS) as endpoint:
        shop, execution = await begin(endpoint, folder, monkeypatch)
        state = await answered(shop, execution, "yes")
    report = json.loads(bytes(state.output))
    assert report["answer"].strip() == "There is one file and it has six bytes"
    assert report["tools"] == ["list_files", "run_command"]
    assert endpoint.asked == [0, 1, 2]
    results = {
        name: point.result for (_, name, _), point in (await shop.log(execution)).checkpoints().items()
    }
    assert json.loads(bytes(results["run_command"])) == "exit code 0\n6 notes.txt\n"


async def test_a_command_that_a_person_forbids_is_not_run(folder, monkeypatch):
    with model(*TURNS) as endpoint:
        shop, execution = await begin(endpoint, folder, monkeypatch)
        state = await answered(shop, execution, "no")
    assert state.status is Status.COMPLETED
    assert "run_command" not in {name for _, name, _ in (await shop.log(execution)).checkpoints()}


async def test_killed_at_its_question_it_repeats_no_paid_call(folder, monkeypatch):
    with model(*TURNS) as endpoint:
        shop, execution = await begin(endpoint, folder, monkeypatch)
        await shop.until(execution, lambda s: any(not w.done for w in s.waits.values()))
        shop.kill("one")
        await shop.worker("two")
        await answered(shop, execution, "yes")
    assert endpoint.asked == [0, 1, 2]


async def test_its_words_are_handed_out_as_they_come(folder, monkeypatch):
    with model(says("one two three")) as endpoint:
        shop, execution = await begin(endpoint, folder, monkeypatch)
        await shop.ended(execution)
    raws = await shop.gateway.lines.read("default", execution)
    lines = [line for raw in raws for line in decode(raw.data).lines]
    assert "".join(line.text for line in lines if line.stream == "output") == "one two three "


async def test_a_busy_endpoint_is_asked_again_after_the_time_it_names(folder, monkeypatch):
    with model(says("here")) as endpoint:
        endpoint.refuse = [(429, {"Retry-After": "0.1"}), (503, {})]
        shop, execution = await begin(endpoint, folder, monkeypatch)
        state = await shop.ended(execution)
    failed = [s.event for s in (await shop.log(execution)).stored if isinstance(s.event, ev.StepFailed)]
    assert state.status is Status.COMPLETED
    assert failed[0].delay_ms == 100
    assert endpoint.asked == [0]


async def test_a_wrong_key_is_no_use_trying_again(folder, monkeypatch):
    with model(says("here")) as endpoint:
        endpoint.refuse = [(401, {})] * 3
        shop, execution = await begin(endpoint, folder, monkeypatch)
        state = await shop.ended(execution)
    assert (state.status, state.attempt) == (Status.FAILED, 1)
    assert "401" in state.error.message


def test_the_model_reads_nothing_outside_the_folder(folder):
    (folder.parent / "secret").write_text("secret")
    assert "no such file" in examples.agent.read_file.fn("../secret", str(folder))
    assert examples.agent.read_file.fn("notes.txt", str(folder)) == "hello\n"
