import json
import re

import msgspec
import pytest
import yaml

from onward.contract import events as ev
from onward.contract.view import view
from tests.unit.client.fake_gateway import raw


def columns(out):
    return [line.split("\t") for line in out.splitlines()]


def test_the_list_is_a_table_with_tabs_in_a_pipe_and_cuts_nothing(onward, gateway):
    one = gateway.submit(labels={"note": "x" * 300})

    heading, row = columns(onward("execution", "list").out)

    assert heading[:3] == ["ID", "TASK", "STATUS"]
    assert row[:3] == [one, "report", "○ pending"]
    assert "x" * 300 in row[-1]


def test_the_list_filters_by_status_and_more(onward, gateway):
    running = gateway.submit()
    gateway.submit()
    gateway.start(running)

    listed = onward("execution", "list", "--status", "running", "--task", "report", "-o", "ndjson")

    assert [json.loads(line)["id"] for line in listed.out.splitlines()] == [running]


def test_every_filter_reaches_the_gateway(onward, gateway):
    onward(
        "execution", "list", "--status", "failed", "--status", "running", "--queue", "q", "--label", "a=b",
        "--worker", "w", "--since", "2026-01-01", "--until", "2026-01-02T03:00:00+01:00", "--search", "x",
    )  # fmt: skip

    assert gateway.sent("GET", "/executions")[0].query == {
        "status": ["failed", "running"], "queue": ["q"], "label": ["a=b"], "worker": ["w"],
        "since": ["2026-01-01T00:00:00Z"], "until": ["2026-01-02T02:00:00Z"], "q": ["x"], "limit": ["51"],
    }  # fmt: skip


def test_a_list_that_goes_on_says_so_and_all_shows_everything(onward, gateway):
    for _ in range(450):
        gateway.submit()

    some = onward("execution", "list", "-o", "ndjson", "--limit", "10")
    everything = onward("execution", "list", "-o", "ndjson", "--all")

    assert len(some.out.splitlines()) == 10
    assert "more than these 10" in some.err
    assert len({json.loads(line)["id"] for line in everything.out.splitlines()}) == 450


@pytest.mark.parametrize("form, read", [("json", json.loads), ("yaml", yaml.safe_load)])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_of_any_length_is_one_document(onward, gateway, form, read, count):
    made = [gateway.submit() for _ in range(count)]

    assert [one["id"] for one in read(onward("execution", "list", "-o", form).out)] == sorted(
        made, reverse=True
    )


def test_an_empty_list_is_told_aside(onward):
    empty = onward("execution", "list")

    assert (empty.code, empty.out) == (0, "")
    assert "no executions yet" in empty.err
    assert "no executions match" in onward("execution", "list", "--status", "failed").err


def test_a_terminal_gets_aligned_columns_colours_and_ids_that_fit(terminal, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.fail(one)

    shown = terminal("execution", "list").finish().out

    heading, row = [line for line in shown.splitlines() if line.strip()][:2]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", row)
    assert plain.startswith(one[:13] + "  report  ✕ failed")
    assert "\x1b[31m" in row
    assert re.sub(r"\x1b\[[0-9;]*m", "", heading).index("TASK") == plain.index("report")


def test_no_color_is_respected(terminal, gateway):
    gateway.submit()

    assert "\x1b" not in terminal("execution", "list", NO_COLOR="1").finish().out


def test_one_execution_is_told_with_all_that_matters(onward, gateway):
    one = gateway.submit(input=raw({"path": "/"}), labels={"a": "b"})
    gateway.start(one)
    gateway.fail(one, "no such file")

    told = onward("execution", "get", one).out

    for part in (
        one,
        "✕ failed",
        "report",
        "1 of 3",
        "a=b",
        '{"path": "/"}',
        "ValueError: no such file",
        "w1",
    ):
        assert part in told


@pytest.mark.parametrize(
    "form, read", [("json", json.loads), ("ndjson", json.loads), ("yaml", yaml.safe_load)]
)
def test_programs_get_the_execution_as_the_api_gives_it(onward, gateway, client_view, form, read):
    one = gateway.submit()

    assert read(onward("execution", "get", one, "-o", form).out) == client_view(one)


@pytest.fixture
def client_view(gateway):
    return lambda one: json.loads(msgspec.json.encode(view(gateway.state(one))))


def test_the_beginning_of_an_id_is_enough(onward, gateway):
    one = gateway.submit(execution_id="018f0000-0000-7000-8000-000000000001")
    gateway.submit(execution_id="028f0000-0000-7000-8000-000000000001")

    assert json.loads(onward("execution", "get", "018F", "-o", "json").out)["id"] == one
    assert onward("execution", "cancel", "018f0000").code == 0
    assert gateway.state(one).status == "cancelled"


def test_a_beginning_that_fits_several_lists_them(onward, gateway):
    both = [gateway.submit(execution_id=f"018f0000-0000-7000-8000-00000000000{n}") for n in (1, 2)]

    refused = onward("execution", "get", "018f")

    assert refused.code == 2
    assert all(one in refused.err for one in both)
    assert "give more of the id" in refused.err


@pytest.mark.parametrize("typed", ["018f", "nope", "../etc", "0"])
def test_an_id_that_fits_nothing_is_refused_in_words(onward, typed):
    refused = onward("execution", "get", typed)

    assert refused.code == 2
    assert typed in refused.err


def test_events_steps_attempts_and_checkpoints_are_listed(onward, gateway):
    one = gateway.submit()
    gateway.start(one)
    point = {"attempt": 1, "kind": "step", "duration_ms": 12.0}
    gateway.happen(one, ev.CheckpointReached, name="fetch", key="a", result=raw([1]), **point)
    gateway.fail(one)

    assert [row[2] for row in columns(onward("execution", "events", one).out)[1:]] == [
        "submitted", "started", "checkpoint_reached", "failed",
    ]  # fmt: skip
    assert columns(onward("execution", "steps", one).out)[1] == [
        "fetch[a]",
        "✓ completed",
        "1",
        "1",
        "12ms",
        "[1]",
    ]
    assert columns(onward("execution", "attempts", one).out)[1][:3] == ["1", "✕ failed", "w1"]
    assert columns(onward("execution", "checkpoints", one).out)[1][2:] == ["step", "fetch[a]", "yes", "[1]"]


def test_executions_are_paused_and_resumed(onward, gateway):
    free, held, ended = (gateway.submit() for _ in range(3))
    gateway.start(held)
    gateway.start(ended)
    gateway.complete(ended)

    paused = onward("execution", "pause", free, held, ended, "--reason", "later")

    assert paused.code == 2
    assert paused.out.splitlines()[0].endswith("pending (paused)")
    assert f"{held}: its worker ends the steps that run first" in paused.err
    assert "is completed" in paused.err
    assert gateway.state(free).paused
    assert gateway.state(held).paused
    assert onward("execution", "resume", free).code == 0
    assert not gateway.state(free).paused


def test_the_children_of_an_execution_are_listed_and_counted(onward, gateway):
    parent = gateway.submit()
    gateway.start(parent)
    spawn = {"group": "map", "first": 0, "inputs": (raw(1), raw(2)), "task": "report", "queue": "default"}
    gateway.happen(parent, ev.ChildrenSpawned, **spawn)
    done, child = (gateway.submit(parent_id=parent, root_id=parent) for _ in range(2))
    gateway.start(done)
    gateway.complete(done)
    end = ev.ChildEnd(group="map", born=3, index=0, outcome="completed")
    gateway.happen(parent, ev.ChildrenDone, ends=(end,))

    assert {row[0] for row in columns(onward("execution", "children", parent).out)[1:]} == {done, child}
    assert [
        row[0] for row in columns(onward("execution", "children", parent, "--status", "completed").out)[1:]
    ] == [done]
    assert "it has no children" in onward("execution", "children", child).err
    assert "2 (1 completed, 1 open)" in onward("execution", "get", parent).out
    assert parent in onward("execution", "get", child).out


def test_the_limits_of_an_execution_are_changed_while_it_lives(onward, gateway):
    running = gateway.submit()
    gateway.start(running)

    changed = onward("execution", "extend", running, "--execution", "48h", "--heartbeat", "90s")

    assert changed.code == 0
    limits = gateway.state(running).timeouts
    assert (limits.execution, limits.heartbeat) == (172_800, 90)
    assert onward("execution", "extend", running).code == 2


def test_what_has_ended_has_no_limits_to_change(onward, gateway):
    ended = gateway.submit()
    gateway.start(ended)
    gateway.complete(ended)

    refused = onward("execution", "extend", ended, "--attempt", "1h")

    assert refused.code != 0
    assert "is already completed" in refused.err or "is completed" in refused.err


def test_what_waits_is_moved_prioritized_delayed_and_labelled(onward, gateway):
    one = gateway.submit()

    assert onward("execution", "move", one, "--queue", "urgent").code == 0
    assert onward("execution", "prioritize", "9", one).code == 0
    assert gateway.state(one).route == "urgent.high"
    assert onward("execution", "delay", "2h", one).code == 0
    assert gateway.state(one).reason == "delayed"
    assert onward("execution", "delay", "now", one).code == 0
    assert gateway.state(one).reason == "queued"
    assert onward("execution", "label", one, "--set", "team=b").code == 0
    assert gateway.state(one).labels == {"team": "b"}
    assert onward("execution", "delay", "soon", one).code == 2
