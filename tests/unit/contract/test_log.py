"""The log of one execution: whole, in order, or not at all."""

from itertools import permutations

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.log import Log, Stored
from tests.support.builders import event, events, execution, log, raw, stored

PAID = (ev.CheckpointReached, {"result": raw(1)})


def carried(n: int, before: int, *points, **fields):
    state = msgspec.structs.replace(execution(ev.Started, *[PAID] * (before - 2)), n=before)
    return event(ev.Carried, n, state=raw(state), checkpoints=points, **fields)


def test_a_log_is_read_in_whatever_order_its_subjects_give_it():
    made = stored(events(ev.Submitted, ev.Started, ev.CheckpointReached))
    for shuffled in permutations(made):
        assert Log.of(shuffled) == Log.of(made)
    assert Log.of(made).sequence == 3


def test_v_2_a_log_that_begins_in_the_middle_is_never_folded_alone():
    with pytest.raises(BrokenLog):
        Log.of(stored(events(ev.Submitted, ev.Started))[1:])


def test_v_2_a_hole_is_reported_and_never_folded_over():
    made = stored(events(ev.Submitted, ev.Started, ev.CheckpointReached))
    with pytest.raises(BrokenLog):
        Log.of((made[0], made[2]))


def test_v_2_no_events_are_no_log():
    with pytest.raises(BrokenLog):
        Log.of(())


def test_t_2_a_log_whose_beginning_is_purged_is_folded_from_what_is_carried():
    point = event(ev.CheckpointReached, 3, result=raw("one"))
    purged = Log.of(
        (Stored(90, carried(5, 4, point)), Stored(91, event(ev.CheckpointReached, 6, name="two")))
    )
    assert (purged.execution.n, purged.execution.attempt, purged.sequence) == (6, 1, 91)
    assert {key[1] for key in purged.checkpoints()} == {"one", "two"}


def test_t_2_events_between_the_purge_and_what_is_carried_are_left_out():
    left = Stored(80, event(ev.CheckpointReached, 4))
    purged = Log.of((left, Stored(90, carried(5, 4, left.event)), Stored(91, event(ev.Completed, 6))))
    assert [item.sequence for item in purged.stored] == [90, 91]
    assert purged.execution.ended


def test_t_2_a_carried_state_in_parts_is_one_state_with_all_checkpoints():
    one, two = event(ev.CheckpointReached, 3, name="one"), event(ev.CheckpointReached, 4, name="two")
    whole = Log.of(
        (Stored(90, carried(5, 4, one, part=1, parts=2)), Stored(91, carried(6, 4, two, part=2, parts=2)))
    )
    assert whole.execution.n == 6
    assert {key[1] for key in whole.checkpoints()} == {"one", "two"}


def test_t_2_a_carried_state_of_which_a_part_is_missing_is_broken():
    with pytest.raises(BrokenLog):
        Log.of((Stored(91, carried(6, 4, part=2, parts=2)),))


def test_carrying_an_open_log_changes_nothing_for_who_reads_all_of_it():
    before = log(ev.Started, PAID)
    state = before.execution
    item = event(ev.Carried, 4, state=raw(state), checkpoints=(before.stored[2].event,))
    after = Log.of((*before.stored, Stored(9, item)))
    assert after.checkpoints() == before.checkpoints()
    assert after.execution == msgspec.structs.replace(state, n=4)


def test_a_log_goes_on_with_its_own_decision():
    before = log()
    made = [event(ev.Started, 2), event(ev.CheckpointReached, 3)]
    after = before.then(made, last_sequence=41)
    assert [item.sequence for item in after.stored] == [1, 40, 41]
    assert after == Log.of(after.stored)


def test_the_latest_checkpoint_of_a_name_is_in_force():
    again = log(
        ev.Started, (ev.CheckpointReached, {"result": raw(1)}), (ev.CheckpointReached, {"result": raw(2)})
    )
    assert [bytes(point.result) for point in again.checkpoints().values()] == [b"2"]


def test_scope_name_and_key_tell_checkpoints_apart():
    several = log(
        ev.Started, PAID, (ev.CheckpointReached, {"key": "#2"}), (ev.CheckpointReached, {"scope": "/outer"})
    )
    assert len(several.checkpoints()) == 3


def test_a_retry_from_the_start_forgets_checkpoints_and_a_plain_one_does_not():
    assert log(ev.Started, PAID, ev.Failed, ev.RetryRequested).checkpoints()
    assert not log(ev.Started, PAID, ev.Failed, (ev.RetryRequested, {"fresh": True})).checkpoints()


def test_a_retry_from_the_start_forgets_what_was_carried_too():
    state = msgspec.structs.replace(execution(ev.Started, ev.Failed), n=4)
    point = event(ev.CheckpointReached, 3)
    kept = Stored(9, event(ev.Carried, 5, state=raw(state), checkpoints=(point,)))
    assert Log.of((kept, Stored(10, event(ev.RetryRequested, 6)))).checkpoints()
    assert not Log.of((kept, Stored(10, event(ev.RetryRequested, 6, fresh=True)))).checkpoints()
