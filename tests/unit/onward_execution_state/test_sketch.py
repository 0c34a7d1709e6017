import random

import pytest

from onward_execution_state.analytics.sketch import (
    ACCURACY,
    added,
    packed,
    quantile,
    slot_of,
    total,
    unpacked,
    value_of,
)

SHAPES = {
    "flat": lambda rng: rng.uniform(1, 1000),
    "long tail": lambda rng: rng.lognormvariate(5, 2),
    "two humps": lambda rng: rng.gauss(50, 5) if rng.random() < 0.7 else rng.gauss(20_000, 900),
    "days": lambda rng: rng.expovariate(1 / 86_400_000),
    "tiny": lambda rng: rng.uniform(0.011, 0.5),
}


def sketch_of(values):
    slots = {}
    for value in values:
        added(slots, {slot_of(value): 1})
    return slots


@pytest.mark.parametrize("shape", SHAPES)
def test_percentiles_are_right_to_two_percent(shape):
    rng = random.Random(4)
    values = sorted(abs(SHAPES[shape](rng)) for _ in range(5_000))
    slots = sketch_of(values)

    for share in (0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0):
        exact = values[max(0, -int(-share * len(values) // 1) - 1)]
        told = quantile(slots.items(), share)
        assert abs(told - exact) <= ACCURACY * exact + 1e-9, share


def test_sketches_of_parts_add_up_to_that_of_the_whole():
    rng = random.Random(5)
    values = [rng.lognormvariate(3, 2) for _ in range(2_000)]
    together = {}
    for start in range(0, 2_000, 100):
        added(together, sketch_of(values[start : start + 100]))

    assert together == sketch_of(values)


def test_every_value_is_within_two_percent_of_its_slot():
    value = 0.0101
    while value < 3.2e11:  # ten years
        assert abs(value_of(slot_of(value)) - value) <= ACCURACY * value * (1 + 1e-9)
        value *= 1.0007
    assert slot_of(3.2e11) < 800


def test_nothing_has_no_percentile_and_no_time_is_none():
    assert quantile([], 0.5) is None
    assert quantile(sketch_of([0.0, 0.0, 5.0]).items(), 0.5) == 0.0


def test_a_stored_sketch_is_read_as_it_was_and_many_in_a_row_add_up():
    rng = random.Random(6)
    parts = [sketch_of([rng.lognormvariate(3, 2) for _ in range(number)]) for number in (0, 1, 300)]
    stored = [packed(part) for part in parts]

    assert [unpacked(*one) for one in stored] == parts
    together = {}
    for part in parts:
        added(together, part)
    assert total(*(b"".join(column) for column in zip(*stored, strict=True))) == together
    assert total(b"", b"") == {}
