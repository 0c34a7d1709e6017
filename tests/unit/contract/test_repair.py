"""A repair forgets what it was told to forget, keeps what a person gave, and says who did it."""

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract import history
from onward.contract.carry import carry
from onward.contract.errors import NotRetryable, UnknownStep
from onward.contract.execution import Status
from onward.contract.log import Log
from onward.contract.repair import forget_from, repair
from onward.contract.submission import RetryCommand, StepPlace, StepResult
from tests.support.builders import log, moment, raw, stored


def failed_after(*steps):
    points = ((ev.CheckpointReached, {"result": raw(step["name"]), **step}) for step in steps)
    return log(ev.Started, *points, ev.Failed)


def events_of(whole):
    return [item.event for item in whole.stored]


def carried_from(whole):
    return Log.of(stored(carry(whole.execution, events_of(whole), moment(50)), first=90))


def named(*names):
    return failed_after(*({"name": name} for name in names))


def after(whole, **asked):
    events = repair(whole, moment(60, actor="key:ann"), RetryCommand(**asked))
    return whole.then(events, whole.sequence + len(events))


def saved(whole):
    points = whole.checkpoints().values()
    return {f"{point.scope}/{point.name}{point.key}": msgspec.json.decode(point.result) for point in points}


def test_from_a_step_that_step_and_what_was_saved_after_it_is_forgotten():
    mended = after(named("a", "b", "c"), from_step=StepPlace(name="b"))

    assert saved(mended) == {"/a": "a"}
    assert (mended.execution.status, mended.execution.ready, mended.execution.lives) == (
        Status.PENDING,
        True,
        2,
    )


def test_a_step_is_forgotten_with_the_steps_inside_it():
    whole = failed_after(
        {"name": "a"}, {"name": "in", "scope": "/out"}, {"name": "deep", "scope": "/out/in"}, {"name": "out"}
    )

    assert saved(after(whole, from_step=StepPlace(name="out"))) == {"/a": "a"}


def test_a_result_that_a_person_gives_is_read_whatever_is_forgotten():
    edit = StepResult(name="b", result=raw("mended"))

    for asked in ({}, {"from_start": True}, {"from_step": StepPlace(name="a")}):
        assert saved(after(named("a", "b"), steps=(edit,), **asked))["/b"] == "mended"


def test_a_new_input_replaces_the_old_one():
    assert after(named("a"), input=raw({"n": 2})).execution.input == raw({"n": 2})
    assert after(named("a")).execution.input == named("a").execution.input


def test_a_step_that_is_not_saved_is_refused_with_those_that_are():
    with pytest.raises(UnknownStep, match="saved are: a, b"):
        after(named("a", "b"), from_step=StepPlace(name="c"))


def test_of_several_of_a_name_the_first_is_meant_or_the_one_that_is_named():
    whole = failed_after(
        {"name": "a"}, {"name": "a", "key": "#2"}, {"name": "x", "key": "1"}, {"name": "x", "key": "2"}
    )

    assert forget_from(whole, StepPlace(name="a")) == 3
    assert forget_from(whole, StepPlace(name="a", key="#2")) == 4
    with pytest.raises(UnknownStep, match=r"x\[1\], x\[2\]"):
        forget_from(whole, StepPlace(name="x"))


def test_what_runs_or_is_completed_is_not_repaired():
    for whole in (log(ev.Started), log(ev.Started, ev.Completed)):
        with pytest.raises(NotRetryable):
            after(whole)


def test_a_held_execution_is_repaired_like_any_other():
    held = log(ev.Started, (ev.Failed, {"reason": "held"}))

    state = after(held, steps=(StepResult(name="a", result=raw(1)),)).execution

    assert (state.status, state.reason) == (Status.PENDING, "queued")


def test_a_purged_log_is_repaired_from_what_was_carried():
    mended = after(
        carried_from(named("a", "b", "c")), from_step=StepPlace(name="b"),
        steps=(StepResult(name="c", result=raw("mended")),),
    )  # fmt: skip

    assert saved(mended) == {"/a": "a", "/c": "mended"}


def test_history_shows_what_was_forgotten_what_was_edited_and_by_whom():
    edit = StepResult(name="a", result=raw("mended"))
    events = events_of(after(named("a", "b"), from_step=StepPlace(name="b"), steps=(edit,)))

    steps = {(step.name, step.forgotten): step for step in history.steps(events)}
    assert {key: (step.edited, step.edited_by) for key, step in steps.items()} == {
        ("b", True): (False, None),
        ("a", False): (True, "key:ann"),
    }
    assert [(point.name, point.current, point.edited) for point in history.checkpoints(events)] == [
        ("a", False, False), ("b", False, False), ("a", True, True),
    ]  # fmt: skip
    assert [event.actor for event in events[-2:]] == ["key:ann", "key:ann"]
    assert ev.event_type(events[-1]) == "step_edited"


def test_what_is_carried_holds_the_ends_of_children_too():
    end = ev.ChildEnd(group="map", born=3, index=1, outcome="completed", output=raw("two"))
    whole = log(ev.Started, ev.ChildrenSpawned, (ev.ChildrenDone, {"ends": (end,)}), ev.Failed)

    carried = carried_from(whole)

    assert carried.children("map") == {1: end}
    assert after(carried).children("map") == {1: end}
