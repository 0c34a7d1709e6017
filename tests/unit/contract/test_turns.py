"""Lanes share a worker by weight; nothing starves, and nothing is saved up."""

from collections import Counter

from onward.contract.turns import AGED_SECONDS, CLASS_WEIGHTS, Turns

HIGH, NORMAL, LOW = range(3)


def run(turns: Turns, lanes, count: int, ages=None) -> list[int]:
    taken = []
    for _ in range(count):
        lane = turns.first(lanes)
        turns.took(lane, (ages or {}).get(lane, 0.0))
        taken.append(lane)
    return taken


def test_at_first_the_highest_class_goes_first():
    assert run(Turns(CLASS_WEIGHTS), [HIGH, NORMAL, LOW], 3) == [HIGH, NORMAL, LOW]


def test_seed_priorities_under_a_flood_of_high_ones_a_low_one_starts_within_a_bounded_number_of_starts():
    taken = run(Turns(CLASS_WEIGHTS), [HIGH, LOW], 1300)

    gaps = "".join("L" if lane == LOW else "." for lane in taken).split("L")
    assert max(map(len, gaps)) <= CLASS_WEIGHTS[HIGH] / CLASS_WEIGHTS[LOW] + 1
    assert 98 <= Counter(taken)[LOW] <= 101


def test_high_ones_get_more_than_half_even_when_all_others_have_aged():
    aged = {NORMAL: 10 * AGED_SECONDS, LOW: 10 * AGED_SECONDS}

    taken = Counter(run(Turns(CLASS_WEIGHTS), [HIGH, NORMAL, LOW], 1100, aged))

    assert taken[HIGH] > 550
    assert 90 <= taken[LOW] <= 110, "aged, it has twice its share"


def test_a_lane_that_was_empty_has_saved_nothing_up():
    turns = Turns(CLASS_WEIGHTS)
    run(turns, [HIGH], 1000)

    taken = Counter(run(turns, [HIGH, LOW], 130))

    assert taken[LOW] <= 11


def test_queues_have_weights_too():
    assert Counter(run(Turns([4.0, 1.0]), [0, 1], 500)) == {0: 400, 1: 100}


def test_what_is_asked_for_at_once_is_shared_the_same_way():
    turns = Turns(CLASS_WEIGHTS)

    assert turns.shares(17, [HIGH, NORMAL, LOW]) == {HIGH: 12, NORMAL: 4, LOW: 1}
    assert turns.shares(200, [LOW]) == {LOW: 200}
    assert turns.first([HIGH, NORMAL, LOW]) == HIGH, "asking takes no turn"
