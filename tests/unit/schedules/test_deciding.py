"""What a look at a schedule decides, over outages, overlaps, pauses and past times."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract.schedules import Backfill, ScheduleSpec, ScheduleState
from onward.schedules import deciding
from onward.schedules.deciding import Busy

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def spec(**fields):
    return ScheduleSpec(**{"name": "s", "uid": "u", "cron": "*/10 * * * *", "since": NOON, **fields})


def look(of, state=None, now=NOON, busy=()):
    return deciding.decide(of, deciding.current(of, state, now), Busy(tuple(busy)), "default", now)


def settle(state):
    for firing in state.open:
        state = deciding.settled(state, firing, None, state.at)
    return state


def fired(state):
    return [firing.tick for firing in state.open]


def rows(state):
    return [(row.tick, row.outcome) for row in state.rows]


def after_an_outage_of_three_hours(**fields):
    """A schedule of every ten minutes with a window of one hour, that nobody looked at from noon to three."""
    of = spec(**fields)
    now = NOON + 3 * HOUR + MINUTE
    state = settle(look(of, now=NOON + MINUTE))
    found = [state := look(of, state, now)]
    while (following := look(of, state, now)) != deciding.current(of, state, now):
        found.append(state := following)
    return fired(found[-1]), [row for one in found for row in one.rows]


def test_torture_17_after_three_hours_of_downtime_all_ticks_within_the_window_fire_and_the_others_are_listed():
    ticks, listed = after_an_outage_of_three_hours(missed="all")

    assert ticks == [NOON + 2 * HOUR + minutes * MINUTE for minutes in (10, 20, 30, 40, 50, 60)]
    assert [row.tick for row in listed] == [NOON + minutes * MINUTE for minutes in range(10, 121, 10)]
    assert {row.outcome for row in listed} == {"missed"}
    assert {row.reason for row in listed} == {"nobody was there to fire it within 1 h"}


def test_torture_17_after_three_hours_of_downtime_the_last_tick_alone_fires_and_each_other_is_listed():
    ticks, listed = after_an_outage_of_three_hours(missed="last")

    assert ticks == [NOON + 3 * HOUR]
    assert [row.tick for row in listed] == [NOON + minutes * MINUTE for minutes in range(10, 180, 10)]
    assert "nobody was there to fire it, and of missed ones the last alone fires" in {
        row.reason for row in listed
    }


def test_torture_17_after_three_hours_of_downtime_none_fires_where_missed_ones_are_skipped_and_each_is_listed():
    ticks, listed = after_an_outage_of_three_hours(missed="skip")

    assert ticks == []
    assert [row.tick for row in listed] == [NOON + minutes * MINUTE for minutes in range(10, 181, 10)]


def test_torture_11_a_clock_that_jumps_an_hour_ahead_and_back_fires_no_tick_twice_and_leaves_none_out():
    of, state, seen = spec(), None, []
    for minutes in (1, 11, 71, 72, 12, 13, 31, 71, 81):
        state = look(of, state, NOON + minutes * MINUTE)
        seen += fired(state)
        state = settle(state)

    assert seen == [NOON + minutes * MINUTE for minutes in range(10, 81, 10)]


@given(
    st.sampled_from(["skip", "last", "all"]),
    st.lists(st.integers(1, 4000), min_size=1, max_size=12),
    st.integers(0, 50),
    st.sampled_from([60.0, 600.0, 3600.0]),
)
def test_each_tick_is_decided_once_however_often_and_late_somebody_looks(missed, pauses, jitter, window):
    of = spec(cron=None, every=5.0, missed=missed, window=window, jitter=float(jitter))
    now, state = NOON, None
    seen = []
    for pause in pauses:
        now += timedelta(seconds=pause)
        for _ in range(100):
            before = deciding.current(of, state, now)
            state = look(of, state, now)
            if state == before:
                break
            seen += fired(state)
            for row in state.rows:
                seen += [row.tick + place * timedelta(seconds=5) for place in range(row.count)]
            state = msgspec.structs.replace(state, open=(), active=())

    expected = [NOON + place * timedelta(seconds=5) for place in range(1, len(seen) + 1)]
    assert sorted(seen) == expected
    assert not seen or state.position == expected[-1]
    assert state.position >= now - timedelta(seconds=5 + jitter)


def test_with_room_for_a_hundred_at_once_the_rest_follows():
    of = spec(cron=None, every=5.0, window=3600.0)

    first = look(of, now=NOON + HOUR)
    second = look(of, settle(first), NOON + HOUR)

    assert len(first.open) == deciding.MOST_OPEN
    assert second.open[0].tick - first.open[-1].tick == timedelta(seconds=5)


def test_with_overlap_skip_a_tick_is_skipped_while_an_execution_has_not_ended():
    of = spec(overlap="skip")
    state = settle(look(of, now=NOON + 10 * MINUTE))

    skipped = look(of, state, NOON + 20 * MINUTE, busy=state.active)
    later = look(of, skipped, NOON + 30 * MINUTE)

    assert fired(skipped) == []
    assert [row.reason for row in skipped.rows] == [f"execution {state.active[0]} has not ended"]
    assert fired(later) == [NOON + 30 * MINUTE]


def test_with_overlap_queue_as_many_wait_as_may_and_run_one_after_the_other():
    of = spec(overlap="queue", most_waiting=1)
    state = settle(look(of, now=NOON + 10 * MINUTE))
    running = state.active

    waits = look(of, state, NOON + 20 * MINUTE, busy=running)
    full = look(of, waits, NOON + 30 * MINUTE, busy=running)
    ended = look(of, full, NOON + 31 * MINUTE)

    assert (fired(waits), waits.waiting) == ([], (NOON + 20 * MINUTE,))
    assert rows(full) == [(NOON + 30 * MINUTE, "skipped")]
    assert (fired(ended), ended.waiting) == ([NOON + 20 * MINUTE], ())


def test_with_overlap_replace_what_runs_is_to_be_cancelled_before_the_next_one_is_submitted():
    of = spec(overlap="replace")
    state = settle(look(of, now=NOON + 10 * MINUTE))
    running = state.active

    replaces = look(of, state, NOON + 20 * MINUTE, busy=running)

    assert fired(replaces) == [NOON + 20 * MINUTE]
    assert replaces.replaced == running
    assert replaces.active == (replaces.open[0].execution_id,)
    assert settle(replaces).replaced == ()


def test_a_refused_tick_keeps_nobody_waiting():
    of = spec(overlap="skip")
    state = look(of, now=NOON + 10 * MINUTE)

    refused = deciding.settled(state, state.open[0], "unknown_task: no such task", NOON)

    assert (refused.open, refused.active) == ((), ())
    assert refused.rows[0].reason == "unknown_task: no such task"


def test_ticks_of_a_paused_schedule_are_listed_as_that_and_those_before_it_was_resumed_do_not_fire():
    paused = spec(paused=True, paused_because="the database moves")
    now = NOON + 25 * MINUTE

    state = look(paused, now=now)
    resumed = look(spec(since=now), state, NOON + 30 * MINUTE)

    assert rows(state) == [(NOON + 10 * MINUTE, "skipped"), (NOON + 20 * MINUTE, "skipped")]
    assert state.rows[0].reason == "it was paused: the database moves"
    assert fired(resumed) == [NOON + 30 * MINUTE]


def test_a_schedule_ends_after_as_many_runs_as_it_may_have():
    of = spec(max_runs=2)
    state = settle(look(of, now=NOON + 50 * MINUTE))

    assert state.runs == 2
    assert deciding.look_at(of, state) is None
    assert look(of, state, NOON + 80 * MINUTE).open == ()


def test_another_schedule_of_the_same_name_begins_anew_with_other_ids():
    state = look(spec(), now=NOON + 10 * MINUTE)

    other = look(spec(uid="other"), state, NOON + 10 * MINUTE)

    assert fired(other) == fired(state)
    assert other.open[0].execution_id != state.open[0].execution_id


def test_a_backfill_fires_past_ticks_no_faster_than_it_may():
    of = spec(since=NOON + 2 * HOUR)
    now = NOON + 2 * HOUR
    asked = Backfill(id="b", position=NOON, until=NOON + HOUR, rate=120.0, started=now)
    state = ScheduleState(uid="u", position=now, at=now, backfills=(asked,))

    seen = []
    for second in range(6):
        state = look(of, state, now + timedelta(seconds=second))
        seen += fired(state)
        assert len(seen) <= 2 * second + 1
        state = settle(state)

    assert seen == [NOON + minutes * MINUTE for minutes in range(10, 61, 10)]
    assert state.backfills == ()


@pytest.mark.parametrize("minutes, most, count", [(60, 100, 6), (60, 3, 3), (5, 100, 0)])
def test_a_backfill_is_counted_before_it_begins(minutes, most, count):
    assert deciding.preview(spec(), NOON, NOON + minutes * MINUTE, most) == count
