"""Any event on any state: the state after it, a refusal with its reason, or a log that is called broken."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance, fold
from tests.support.fuzz import examples
from tests.unit.onward_execution_state.histories import walks

SEEDS = st.integers(0, 400)


@given(SEEDS, SEEDS, st.integers(0, 30), st.integers(0, 30))
@examples(600)
def test_an_event_of_another_history_is_folded_or_refused_and_changes_nothing_else(one, other, place, taken):
    events = walks(one, 1)[0].events
    states = prefixes(events)
    state = states[place % len(states)]
    foreign = walks(other, 1)[0].events[::-1]
    event = msgspec.structs.replace(
        foreign[taken % len(foreign)], execution_id=state.id, project=state.project, n=state.n + 1
    )
    before = msgspec.json.encode(state)

    try:
        after = advance(state, event)
    except BrokenLog:
        after = None

    assert msgspec.json.encode(state) == before
    if isinstance(after, Refused):
        assert after.because
    elif after is not None:
        assert after.n == event.n
        written = msgspec.json.encode(after)
        assert msgspec.json.encode(msgspec.json.decode(written, type=Execution)) == written


@given(SEEDS, st.data())
@examples(300)
def test_a_log_with_a_hole_or_out_of_order_is_never_folded_over(seed, data):
    events = walks(seed, 1)[0].events
    order = data.draw(st.permutations(events))
    kept = order[: data.draw(st.integers(1, len(order)))]

    if kept == events[: len(kept)]:
        assert fold(kept).n == len(kept)
    else:
        with pytest.raises(BrokenLog):
            fold(kept)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@examples(500)
def test_any_bytes_are_an_event_or_a_value_error(data):
    try:
        ev.decode(data)
    except ValueError:
        return


def prefixes(events):
    states, state = [], None
    for event in events:
        state = advance(state, event)
        states.append(state)
    return states
