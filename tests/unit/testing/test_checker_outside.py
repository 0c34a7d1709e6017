"""What callers, readers, clocks and other tenants would notice is called by the name of its invariant."""

from datetime import timedelta

import pytest

from onward.contract import events as ev
from onward.contract.limit import LimitPolicy
from onward.testing.checker import digest
from onward.testing.history import Line, Tick
from tests.support.builders import EXECUTION, T0, fold, raw
from tests.unit.testing.test_checker import STEPS, broken, dump, effect, record, row

OTHER = "018f0000-0000-7000-8000-000000000002"


def line(t: int, number: int, *, reader: str = "anna", dropped: int = 0, of: int = 0) -> Line:
    return Line(t_ns=t, reader=reader, execution_id=EXECUTION, number=number, dropped=dropped, of=of)


def test_i6_lines_that_came_in_order_with_what_was_dropped_counted():
    read = [line(1, 1), line(2, 2), line(3, 6, dropped=3, of=6), line(1, 1, reader="bert")]
    assert broken(dump(*STEPS), lines=read) == set()


@pytest.mark.parametrize(
    "read",
    [
        [line(1, 1), line(2, 3)],
        [line(1, 1), line(2, 1)],
        [line(1, 1), line(2, 4, dropped=1)],
        [line(1, 1), line(2, 2, of=3)],
    ],
    ids=["gap", "twice", "miscounted", "cut short"],
)
def test_planted_10_i6_a_relay_that_goes_on_at_another_line_is_found(read):
    assert broken(dump(*STEPS), lines=read) == {"I6"}


def limited(execution_id: str, first: int, *ends) -> list:
    kinds = ((ev.Admitted, {"grants": {"a": first}}), ev.Started, *ends)
    return dump(*kinds, execution_id=execution_id, first=first, limits=(LimitPolicy("a", max=1),), wake=None)


def test_i7_a_key_that_is_held_by_more_than_it_takes():
    back = (ev.Completed, {"gives_back": ("a",)})
    assert "I7" in broken([*limited(EXECUTION, 1), *limited(OTHER, 10)], at_rest=False)
    assert "I7" not in broken([*limited(EXECUTION, 1, back), *limited(OTHER, 10, back)])


def test_i7_a_key_that_is_still_held_by_who_has_ended():
    assert "I7" in broken(limited(EXECUTION, 1, ev.Completed))


def test_planted_07_i8_a_tick_that_starts_two_executions_is_found():
    tick = {"source": "schedule", "origin": "nightly", "scheduled_at": T0}
    twice = [*dump(*STEPS, **tick), *dump(*STEPS, execution_id=OTHER, first=50, **tick)]
    assert broken(twice) == {"I8"}
    assert broken(dump(*STEPS, **tick), ticks=[Tick(schedule="nightly", at=T0)]) == set()


def test_i8_a_tick_that_starts_nothing():
    assert broken(dump(*STEPS), ticks=[Tick(schedule="nightly", at=T0)]) == {"I8"}


def late(what: str, t: int, step: str):
    begun = effect(t, step)
    return type(begun)(**{f: getattr(begun, f) for f in begun.__struct_fields__} | {"what": what})


def test_planted_06_i9_a_step_that_begins_behind_another_one_after_the_cancel_is_found():
    cancelled = dump(ev.Started, ev.CancelRequested, ev.Cancelled)
    one = [late("begin", 5, "/one"), late("end", 6, "/one")]
    cancel = [record(3, "cancel")]
    assert broken(cancelled, records=cancel, effects=one) == set()
    assert broken(cancelled, records=cancel, effects=[*one, late("begin", 7, "/two")]) == {"I9"}


def test_i10_who_was_told_of_an_execution_is_told_that_it_is_not_there():
    missing = record(2, "read", "fail", error="404")
    assert broken(dump(*STEPS), records=[record(1, "submit"), missing]) == {"I10"}
    assert broken(dump(*STEPS), records=[missing, record(3, "submit")]) == set()


@pytest.mark.parametrize("seconds, found", [(-2.0, {"I13"}), (0.0, set())])
def test_planted_09_i13_an_attempt_that_begins_before_its_time_is_found(seconds, found):
    due = T0 + timedelta(seconds=60)
    again = (
        ev.Started,
        {"attempt": 2, "work_sequence": 8, "fired": 3, "at": due + timedelta(seconds=seconds)},
    )
    assert broken(dump(ev.Started, ev.AttemptFailed, again, ev.Completed)) == found


def test_i14_a_row_that_is_another_in_any_of_its_columns():
    logs = dump(*STEPS)
    state = fold(ev.decode(one.data) for one in logs)
    whole, other = digest(state), digest(type(state)(**{
        f: getattr(state, f) for f in state.__struct_fields__
    } | {"output": raw("other")}))  # fmt: skip
    for said, found in ((whole, set()), (other, {"I14"})):
        shown = row(9, 4, "completed", final=True)
        shown = type(shown)(**{f: getattr(shown, f) for f in shown.__struct_fields__} | {"digest": said})
        assert broken(logs, rows=[shown]) == found


def test_i15_an_execution_that_is_shown_to_another_project():
    assert broken(dump(*STEPS), records=[record(1, "list", project="other")]) == {"I15"}
    assert broken(dump(*STEPS), records=[record(1, "list", project="default")]) == set()


def test_i16_an_execution_that_nobody_submitted():
    assert broken(dump(*STEPS), records=[record(1, "submit", token="t2", execution_id=OTHER)]) == {
        "I1",
        "I16",
    }


def test_planted_03_i3_a_checkpoint_that_is_stored_before_its_step_has_ended_is_found():
    saved = [record(5, "checkpoint", process="w1", step="/one", attempt=1)]
    assert broken(dump(*STEPS), records=saved, effects=[effect(3, "/one"), late("end", 4, "/one")]) == set()
    assert broken(dump(*STEPS), records=saved, effects=[effect(3, "/one"), late("end", 6, "/one")]) == {"I3"}
