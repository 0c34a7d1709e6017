"""Any event on any state: what follows is legal and keeps the rules of a state, or is refused by the one error."""

import contextlib
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution
from onward.contract.lifecycle import BY_OWNER, TRANSITIONS, Refused, advance, fold
from tests.support.fuzz import examples
from tests.unit.onward_execution_state.histories import Walk

KINDS = sorted(ev.KNOWN.__args__, key=lambda kind: kind.__struct_config__.tag)
SEEDS = st.integers(0, 2**32)


def walked(seed, length):
    walk = Walk(random.Random(seed)).submit()
    while len(walk.events) < length and walk.on():
        pass
    return walk


def follows(state, event, **changes):
    """The same event as if it had been decided upon this state."""
    same = {"n": state.n + 1, "execution_id": state.id, "project": state.project}
    known = {"attempt": state.attempt, "worker_id": state.worker_id}
    have = set(type(event).__struct_fields__)
    return msgspec.structs.replace(
        event, **same, **{name: value for name, value in (known | changes).items() if name in have}
    )


def keeps_the_rules(before, event, after):
    assert after.n == before.n + 1
    assert (after.id, after.project, after.created_at) == (before.id, before.project, before.created_at)
    assert after.attempt >= before.attempt or isinstance(event, ev.RetryRequested)
    assert not (after.ended and isinstance(event, BY_OWNER) and before.ended)
    if not isinstance(event, ev.Unknown | ev.Carried):
        assert TRANSITIONS[before.status, type(event)] == after.status
    if isinstance(event, BY_OWNER):
        assert before.held
    kept = msgspec.json.encode(after)
    assert msgspec.json.encode(msgspec.json.decode(kept, type=Execution)) == kept


@examples(40)
@given(SEEDS, SEEDS, st.data())
def test_any_event_on_any_state_is_legal_or_refused(one, other, data):
    state = walked(one, data.draw(st.integers(1, 25))).state
    strange = data.draw(st.sampled_from(walked(other, 40).events))
    event = (
        follows(state, strange)
        if data.draw(st.booleans())
        else follows(state, strange, attempt=7, worker_id="wk-9")
    )

    after = advance(state, event)

    if not isinstance(after, Refused):
        keeps_the_rules(state, event, after)
    else:
        assert after.because


@examples(20)
@given(SEEDS, SEEDS, st.randoms(use_true_random=False))
def test_the_fold_of_any_mix_of_events_is_an_execution_or_a_broken_log(one, other, rng):
    mixed = walked(one, 20).events + walked(other, 20).events
    rng.shuffle(mixed)
    renumbered = [msgspec.structs.replace(event, n=n) for n, event in enumerate(mixed, 1)]

    for log in (mixed, renumbered, [walked(one, 1).events[0], *renumbered[1:]]):
        for length in range(len(log)):
            try:
                fold(log[:length])
            except BrokenLog:
                break


@examples(20)
@given(SEEDS)
def test_any_prefix_of_a_log_folds_and_every_step_keeps_the_rules(seed):
    events = walked(seed, 60).events

    state = None
    for event in events:
        after = advance(state, event)
        assert isinstance(after, Execution), after
        if state is not None:
            keeps_the_rules(state, event, after)
        state = after
    assert state == fold(events)


@st.composite
def bent(draw, event):
    """The event as another release, or a damaged disk, would have it: one member is something else, if that is read."""
    raw = msgspec.json.decode(ev.encode(event))
    member = draw(st.sampled_from(sorted(raw)))
    raw[member] = draw(
        st.none()
        | st.booleans()
        | st.integers(-(2**40), 2**70)
        | st.text(max_size=5)
        | st.lists(st.text(max_size=2))
        | st.dictionaries(st.sampled_from("ab"), st.integers())
        | st.sampled_from(["default.normal", "9999-12-31T23:59:59Z"])
    )
    try:
        return ev.decode(msgspec.json.encode(raw))
    except msgspec.MsgspecError:
        return event


@examples(50)
@given(SEEDS, st.data())
def test_a_log_with_a_bent_event_folds_or_is_a_broken_log(seed, data):
    events = walked(seed, 30).events
    at = data.draw(st.integers(0, len(events) - 1))
    events[at] = data.draw(bent(events[at]))

    with contextlib.suppress(BrokenLog):
        fold(events)


def test_a_carried_state_that_cannot_be_read_is_a_broken_log():
    first = walked(1, 1).events[0]
    fields = {name: getattr(first, name) for name in ("id", "project", "execution_id", "at", "routes")}
    for state in (b"{}", b"[]", b'{"id":3}', b"nonsense", b'"\xff"'):
        carried = ev.Carried(**fields, n=9, part=1, state=msgspec.Raw(state))
        with pytest.raises(BrokenLog, match="carried"):
            fold([carried])
