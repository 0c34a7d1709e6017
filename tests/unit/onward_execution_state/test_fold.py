import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.log import Log, Stored
from onward_execution_state.fold import fold, fold_again, read
from tests.support.fuzz import examples
from tests.unit.onward_execution_state.histories import Walk, interleaved, stored, walks


def arrived(events, first=1):
    found, bad = read(stored(event, sequence) for sequence, event in enumerate(events, first))
    assert not bad
    return found


def walk():
    return Walk(random.Random(3)).submit()


def folded(events):
    known, bad = fold_again(arrived(events))
    return known, bad


class Tables:
    """The projection's rules over dictionaries: what Postgres keeps, without Postgres."""

    def __init__(self):
        self.events, self.rows, self.gaps, self.bad = {}, {}, set(), set()

    def write(self, batch):
        items, unreadable = read(batch)
        self.bad |= {bad.raw.sequence for bad in unreadable}
        for item in items:
            self.events.setdefault((item.event.execution_id, item.event.n), item)
        ids = {item.event.execution_id for item in items}
        result = fold(items, {key: self.rows.get(key) for key in ids})
        for key in result.gaps | (ids & self.gaps):
            mine = [
                item
                for (owner, _), item in sorted(self.events.items(), key=lambda kept: kept[0])
                if owner == key
            ]
            again, refused = fold_again(mine)
            self.bad |= {refused.raw.sequence} if refused else set()
            if again:
                result.changed[key] = again
            complete = again and (again.stopped or again.state.n >= mine[-1].event.n)
            (self.gaps.discard if complete or refused else self.gaps.add)(key)
        self.bad |= {bad.raw.sequence for bad in result.bad}
        for key, known in result.changed.items():
            if key not in self.rows or self.rows[key].state.n <= known.state.n:
                self.rows[key] = known

    def value(self):
        rows = {
            key: (msgspec.json.encode(known.state), known.sequence, known.base)
            for key, known in self.rows.items()
        }
        return rows, self.gaps, self.bad


@examples(60)
@given(st.randoms(use_true_random=False), st.integers(1, 40), st.integers(0, 1000))
def test_any_permutation_and_repetition_of_events_gives_the_same_rows(rng, size, seed):
    made = walks(seed, 4)
    made[0].events.extend(carry(made[0].state, log(made[0]).checkpoints().values(), made[0].moment))
    illegal = msgspec.structs.replace(made[1].events[0], n=len(made[1].events) + 1)
    made[1].events.append(illegal)
    in_order = interleaved(made)
    straight, shuffled = Tables(), Tables()
    straight.write(in_order)

    several = in_order * 2
    rng.shuffle(several)
    for start in range(0, len(several), size):
        shuffled.write(several[start : start + size])

    assert shuffled.value() == straight.value()
    assert straight.gaps == set()
    assert len(straight.bad) == 1


def log(made):
    return Log.of(Stored(event.n, event) for event in made.events)


def test_what_was_seen_before_changes_nothing():
    events = walk().claim().step().events
    known = fold(arrived(events), {events[0].execution_id: None}).changed

    assert fold(arrived(events, first=50), known).changed == {}


def test_an_event_before_its_predecessor_is_a_gap_and_not_folded():
    events = walk().claim().step().events

    result = fold(arrived([events[0], events[2]]), {events[0].execution_id: None})

    assert result.changed[events[0].execution_id].state.n == 1
    assert result.gaps == {events[0].execution_id}


def test_an_illegal_event_is_set_aside_and_stops_its_execution_only():
    other = Walk(random.Random(4)).submit()
    events = walk().claim().complete().events
    illegal = msgspec.structs.replace(events[1], n=4)
    after = msgspec.structs.replace(events[1], n=5)

    ids = {events[0].execution_id: None, other.state.id: None}
    result = fold(arrived([*events, illegal, after, *other.events]), ids)

    assert [bad.raw.sequence for bad in result.bad] == [4]
    assert result.changed[events[0].execution_id].state.n == 3
    assert result.changed[events[0].execution_id].stopped
    assert result.changed[other.state.id].state.n == 1


def test_an_unknown_type_is_passed_over_but_counted_as_seen():
    made = walk().claim()
    unknown = b'{"type":"danced","id":"x","project":"default","execution_id":"%s","n":3,"at":"2026-03-01T12:00:00Z"}'
    danced = ev.decode(unknown % made.state.id.encode())

    known, bad = folded([*made.events, danced])

    assert (known.state.n, known.state.status, bad) == (3, "running", None)


def test_folding_again_stops_at_a_hole():
    events = walk().claim().step("one").step("two").events

    known, bad = folded([*events[:2], *events[3:]])

    assert (known.state.n, bad) == (2, None)


def test_folding_again_goes_on_behind_a_hole_from_a_carried_event():
    made = walk().claim().step("one").step("two")
    carried = carry(made.state, [], made.moment)

    known, _ = folded([made.events[0], *carried])

    assert (known.state.n, known.base, known.sequence) == (5, 2, 2)


def test_a_log_whose_beginning_is_purged_folds_from_what_is_carried():
    made = walk().claim().suspend()
    carried = carry(made.state, [], made.moment)

    known, _ = folded(carried)

    at_its_end = msgspec.structs.replace(made.state, n=known.state.n)
    assert msgspec.json.encode(known.state) == msgspec.json.encode(at_its_end)


def test_a_later_part_of_what_is_carried_is_no_beginning():
    made = walk().claim()
    for place in range(6):
        made.step(str(place), b'"%s"' % (b"x" * 90_000))
    parts = carry(made.state, log(made).checkpoints().values(), made.moment)
    assert len(parts) > 1

    assert folded(parts[1:]) == (None, None)


def test_the_beginning_moves_to_the_last_carried_event():
    made = walk().claim().suspend()
    carried = carry(made.state, [], made.moment)

    known, _ = folded([*made.events, *carried])

    assert known.base == len(made.events) + 1


@pytest.mark.parametrize(
    "data, subject",
    [
        (b"", "onward.ev.default.3.x.e"),
        (b"not json", "onward.ev.default.3.x.e"),
        (b'{"type":"completed"}', "onward.ev.default.3.x.e"),
        (b"[]", "onward.nothing"),
    ],
)
def test_what_cannot_be_read_is_bad(data, subject):
    raw = msgspec.structs.replace(stored(walk().events[0], 1), data=data, subject=subject)

    found, bad = read([raw])

    assert (found, [item.raw for item in bad]) == ([], [raw])


def test_an_event_under_another_subject_is_bad():
    one, other = walk(), Walk(random.Random(9)).submit()
    raw = msgspec.structs.replace(stored(one.events[0], 1), subject=stored(other.events[0], 1).subject)

    found, bad = read([raw])

    assert not found
    assert "speaks for" in bad[0].why
