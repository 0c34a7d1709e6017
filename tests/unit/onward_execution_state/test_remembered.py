import random

from onward_execution_state.fold import Known
from onward_execution_state.remembered import Remembered
from tests.unit.onward_execution_state.histories import Walk


def known(made):
    return Known(made.state, 1, 1)


def test_the_least_recently_used_leave_when_it_is_full():
    first, second, third = (Walk(random.Random(seed)).submit() for seed in (1, 2, 3))
    remembered = Remembered(limit=2 * (2048 + 1000))
    remembered.put([known(first), known(second)], [1000, 1000])
    assert remembered.get(first.state.id)

    remembered.put([known(third)], [1000])

    assert remembered.get(second.state.id) is None
    assert remembered.get(first.state.id)
    assert remembered.get(third.state.id)


def test_one_that_ended_is_let_go():
    made = Walk(random.Random(1)).submit().claim()
    remembered = Remembered()
    remembered.put([known(made)], [10])

    remembered.put([known(made.complete())], [10])

    assert len(remembered) == 0


def test_a_changed_one_counts_once():
    made = Walk(random.Random(1)).submit().claim()
    remembered = Remembered(limit=2 * (2048 + 10))

    for _ in range(50):
        remembered.put([known(made.step())], [10])

    assert len(remembered) == 1
