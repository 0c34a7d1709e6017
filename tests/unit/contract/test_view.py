"""The JSON that people read: every member there, null and never omitted."""

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.lifecycle import fold
from onward.contract.view import view
from tests.support.builders import T0, event, execution, raw

MEMBERS = set(
    """id task task_id parent_id root_id retried_from agent_id team_id environment queue priority labels source
    submitted_by status reason waiting_on attempt max_attempts worker_id progress created_at started_at completed_at
    queue_wait_ms duration_ms input output error trace_id version links""".split()  # noqa: SIM905 - one line of DESIGN
)


def shown(*kinds):
    return msgspec.json.decode(msgspec.json.encode(view(execution(*kinds))))


@pytest.mark.parametrize("kinds", [(), (ev.Started,), (ev.Started, ev.Failed), (ev.Started, ev.Completed)])
def test_every_member_is_there_even_when_there_is_nothing_to_say(kinds):
    assert set(shown(*kinds)) >= MEMBERS


def test_a_queued_execution_shows_nothing_it_does_not_know():
    first = shown()
    assert (first["status"], first["reason"], first["attempt"], first["version"]) == (
        "pending",
        "queued",
        0,
        1,
    )
    assert [
        first[name] for name in ("started_at", "completed_at", "queue_wait_ms", "duration_ms", "error")
    ] == [None] * 5
    assert first["created_at"] == "2026-01-01T12:00:01Z"


def test_times_are_told_in_milliseconds():
    done = shown((ev.Started, {"at": T0.replace(second=3)}), (ev.Completed, {"at": T0.replace(second=9)}))
    assert (done["queue_wait_ms"], done["duration_ms"]) == (2000, 6000)


def test_the_deadline_of_an_answered_question_is_not_when_it_goes_on():
    until = T0.replace(hour=20)
    asked = (ev.Started, (ev.QuestionAsked, {"until": until}), (ev.Suspended, {"due": until}))

    assert shown(*asked)["due_at"] == "2026-01-01T20:00:00Z"
    answered = shown(*asked, ev.Answered)
    assert (answered["reason"], answered["due_at"]) == ("waiting_for_worker", None)


def test_only_open_questions_are_waited_on():
    asked = (ev.QuestionAsked, {"choices": ("yes", "no")})
    both = shown(ev.Started, asked, (ev.QuestionAsked, {"wait": "other"}), ev.Answered)
    assert [question["question_id"] for question in both["waiting_on"]] == ["other"]
    (question,) = shown(ev.Started, asked)["waiting_on"]
    assert (question["text"], question["choices"], question["schema"]) == ("Go on?", ["yes", "no"], None)
    assert shown(ev.Started, asked, ev.Failed)["waiting_on"] == []


def test_an_error_is_shown_with_all_it_has():
    failed = shown(
        ev.Started, (ev.Failed, {"error": ev.Failure(type="E", message="m", stack="s", fingerprint="f")})
    )
    expected = {"type": "E", "message": "m", "stack": "s", "retryable": True, "fingerprint": "f"}
    assert failed["error"] == expected


def test_input_and_output_are_passed_on_as_they_are():
    state = fold([event(ev.Submitted, input=raw({"a": [1, None]}))])
    assert bytes(view(state).input) == b'{"a":[1,null]}'
    assert shown(ev.Started, (ev.Completed, {"output": raw([1, 2])}))["output"] == [1, 2]


@pytest.mark.parametrize(
    "trace, expected",
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        (None, None),
    ],
)
def test_the_trace_is_named_by_its_id(trace, expected):
    assert view(fold([event(ev.Submitted, trace=trace)])).trace_id == expected


def test_a_trace_that_is_none_hides_nothing_else():
    assert view(fold([event(ev.Submitted, trace="nonsense")])).trace_id is None


def test_a_parent_shows_how_its_children_stand():
    spawned = (ev.ChildrenSpawned, {"group": "map", "first": 0, "inputs": (raw(1), raw(2), raw(3))})
    ends = tuple(
        ev.ChildEnd(group="map", born=3, index=index, outcome=outcome)
        for index, outcome in enumerate(("completed", "failed"))
    )
    both = shown(ev.Started, spawned, (ev.ChildrenDone, {"ends": ends}))
    assert both["children"] == {"total": 3, "completed": 1, "failed": 1, "open": 1}
    assert shown(ev.Started)["children"] is None
