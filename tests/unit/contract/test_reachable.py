"""No state strands an execution: whatever a few decisions lead to, something or somebody moves it on."""

from collections.abc import Iterator

import msgspec

from onward.contract import commands, decide, family, moving
from onward.contract import events as ev
from onward.contract.decide import Claim, Finish, Moment, Owner, envelope, meet
from onward.contract.errors import Conflict
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.retry import Retry
from tests.support.builders import ERROR, FATAL, T0, hint, moment, numbered_ids, raw, submitted

OWNER = Owner(worker_id="w1", connection="c1")
NEW_ID = numbered_ids()
DEPTH = 9


def at(state: Execution) -> Moment:
    return moment(state.n * 10.0, new_id=NEW_ID)


def by_hints(state: Execution, work: int) -> Iterator[tuple[ev.AnyEvent, ...]]:
    """What a worker decides about a new hint, about the one it was claimed from, and about a timer's."""
    for given in (
        hint(work, n=state.ready_by or 1, route=state.route),
        hint(work, fired=state.asked_due, route=state.route),
        hint(state.work_sequence or work, n=state.n, route=state.route),
    ):
        match meet(state, given, OWNER, at(state)):
            case Claim(events) | Finish(events):
                yield events
            case decide.AskOwner():
                yield decide.owner_silent(state, at(state))


def by_owner(state: Execution) -> Iterator[tuple[ev.AnyEvent, ...]]:
    """What the worker that holds it may append."""
    if not state.held or state.ended:
        return
    base = envelope(state, at(state))
    wake = envelope(state, at(state), wake=state.route)
    if state.undoing:
        yield (decide.undone(state, at(state)),)
        yield (ev.Released(**wake, attempt=state.attempt, worker_id="w1"),)
        for key in state.undoable:
            scope, name, place = key.split("|")
            step = {"kind": "undo", "scope": scope, "name": name, "key": place}
            yield (ev.CheckpointReached(**base, attempt=state.attempt, **step),)
        return
    if state.cancelling:
        yield (ev.Cancelled(**base),)
        return
    yield (ev.CheckpointReached(**base, attempt=state.attempt, kind="step", name="one"),)
    if not state.undoable:
        charge = {"kind": "step", "name": "charge", "undo": "refund"}
        yield (ev.CheckpointReached(**base, attempt=state.attempt, **charge),)
    if not state.groups:
        inputs = {"inputs": (raw(1),), "task": "report", "queue": "default"}
        yield (ev.ChildrenSpawned(**base, group="map", first=0, **inputs),)
    elif not state.groups["map"].done:
        yield (ev.Suspended(**base, reason="waiting", children={"map": 1}),)
    if state.paused:
        yield (ev.Suspended(**base, reason="paused"),)
    yield (ev.Completed(**base),)
    yield (ev.Released(**wake, attempt=state.attempt, worker_id="w1"),)
    for error in (ERROR, FATAL):
        yield decide.attempt_ended_badly(state, at(state), error, lambda: 0.5)
    still = [key for key, wait in state.waits.items() if not wait.done]
    if not still and len(state.waits) < 2:
        yield (ev.Slept(**base, wait=f"s{state.n}", until=T0),)
        yield (ev.QuestionAsked(**base, wait=f"q{state.n}", text="?"),)
        yield (ev.EventAwaited(**base, wait=f"e{state.n}", name="paid"),)
    if still:
        due = min((state.waits[key].until for key in still if state.waits[key].until), default=None)
        yield (ev.Suspended(**{**base, "due": due}, reason="waiting"),)


def awaits(state: Execution) -> bool:
    return any(wait.event == "paid" and not wait.done for wait in state.waits.values())


def ends(state: Execution) -> list[ev.ChildEnd]:
    return [
        ev.ChildEnd(group=name, born=group.born, index=0, outcome="completed")
        for name, group in state.groups.items()
    ]


def by_people(state: Execution) -> Iterator[tuple[ev.AnyEvent, ...]]:
    for ask in (
        lambda: commands.cancel(state, at(state), "enough"),
        lambda: commands.answer(state, at(state), raw("yes"), None),
        lambda: commands.pause(state, at(state), None),
        lambda: commands.resume(state, at(state)),
        lambda: moving.move(state, at(state), queue="gpu") if state.queue != "gpu" else (),
        lambda: moving.move(state, at(state), run_at=T0) if state.due is not None else (),
        lambda: (
            commands.receive(state, at(state), name="paid", value=raw(1), key=None) if awaits(state) else ()
        ),
        lambda: family.children_done(state, ends(state), at(state)),
    ):
        try:
            if events := ask():
                yield events
        except Conflict:
            continue


def shape(state: Execution) -> tuple:
    """The state without what only counts on."""
    waits = tuple(sorted((wait.kind, wait.done) for wait in state.waits.values()))
    return (
        state.status, state.reason, state.ready, state.held, state.cancelling, state.resumes, waits,
        state.asked_due is not None, state.failures, min(state.recoveries, 3), state.paused, bool(state.undoable),
        state.ending is not None, tuple(group.done for group in state.groups.values()), bool(state.wants),
    )  # fmt: skip


def reachable() -> dict[tuple, tuple[Execution, list[str]]]:
    retry = Retry(attempts=2, first=1.0)
    first = [submitted(retry=retry), submitted(retry=retry, run_at=T0.replace(year=2027))]
    frontier = [(fold([event]), [ev.event_type(event)]) for event in first]
    seen = {shape(state): (state, path) for state, path in frontier}
    for work in range(100, 100 + DEPTH):
        grown = []
        for state, path in frontier:
            for events in (*by_hints(state, work), *by_owner(state), *by_people(state)):
                after = fold(events, state)
                if shape(after) not in seen:
                    seen[shape(after)] = after, [*path, *map(ev.event_type, events)]
                    grown.append(seen[shape(after)])
        frontier = grown
    return seen


STATES = reachable()


def movers(state: Execution) -> set[str]:
    """Who or what moves a state on: an owner, a stored wake, a timer, a person who was asked."""
    found = set()
    if state.held:
        found.add("owner")
    given = hint(999, n=state.ready_by, route=state.route)
    if state.ready and isinstance(meet(state, given, OWNER, at(state)), Claim | Finish):
        found.add("hint")
    if state.asked_due is not None and state.due is not None:
        fired = hint(999, fired=state.asked_due, route=state.route)
        assert isinstance(meet(state, fired, OWNER, at(state)), Claim | Finish)
        found.add("timer")
    if any(wait.kind == "question" and not wait.done for wait in state.waits.values()):
        found.add("person")
    if awaits(state):
        found.add("sender")
    if any(group.done < state.wants.get(name, 0) for name, group in state.groups.items()):
        found.add("children")
    return found


def test_enough_states_were_reached():
    assert len(STATES) > 80
    reasons = {state.reason for state, _ in STATES.values()}
    assert reasons >= {
        "queued",
        "delayed",
        "executing",
        "cancelling",
        "retrying",
        "recovering",
        "exhausted",
        "poison",
    }


def after_any_pause(state: Execution) -> Execution:
    return fold(commands.resume(state, at(state)), state) if state.paused else state


def test_from_every_state_that_has_not_ended_something_moves_on():
    stranded = [
        (path, state.reason)
        for state, path in STATES.values()
        if not state.ended and not movers(after_any_pause(state))
    ]
    assert stranded == []


def test_what_is_stopped_or_undone_is_not_held_up_by_a_pause():
    held_up = [path for state, path in STATES.values() if state.paused and (state.cancelling or state.ending)]
    assert held_up == []


WAKES = {
    "compensating",
    "submitted", "answered", "recovered", "released", "event_received", "children_done", "cancel_requested", "resumed",
    "paused", "suspended", "queued", "moved",
}  # fmt: skip
"""Paused, an execution may be ready and wait, moved meanwhile; the resume is the wake."""


def test_a_state_that_is_ready_was_made_so_by_an_event_that_wakes():
    for state, path in STATES.values():
        if state.ready:
            assert path[-1] in WAKES, path


def test_a_dead_owner_s_execution_is_handed_on_or_its_cancel_finished():
    for state, _ in STATES.values():
        if state.held and not state.ended:
            same = meet(state, hint(state.work_sequence), OWNER, at(state))
            assert isinstance(same, decide.AskOwner)
            after = fold(decide.owner_silent(state, at(state)), state)
            assert after.ended if state.cancelling and not state.undoing else after.ready


def test_every_state_can_be_cancelled_until_it_has_ended():
    for state, _ in STATES.values():
        if state.ended or state.cancelling or state.ending is not None:
            continue
        after = fold(commands.cancel(state, at(state), None), state)
        assert after.cancelling if state.held or state.undoable else after.ended


def test_no_hint_runs_what_has_ended_or_is_cancelling():
    for state, _ in STATES.values():
        if state.ended or (state.cancelling and not state.undoing):
            for given in (
                hint(999, n=state.n, route=state.route),
                hint(state.work_sequence or 1, n=state.n, route=state.route),
                hint(999, fired=state.asked_due, route=state.route),
            ):
                assert not isinstance(meet(state, given, OWNER, at(state)), Claim)


def test_every_decision_of_the_contract_is_legal_to_its_own_fold():
    for state, _ in STATES.values():
        for events in (*by_hints(state, 999), *by_owner(state), *by_people(state)):
            fold(events, state)


def test_every_state_survives_being_carried():
    for state, _ in STATES.values():
        carried = ev.Carried(**envelope(state, at(state)), state=raw(state))
        expected = msgspec.structs.replace(state, n=state.n + 1)
        assert msgspec.json.encode(fold([carried])) == msgspec.json.encode(expected)
