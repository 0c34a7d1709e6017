"""When decisions travel together: as soon as that is faster than one by one, by what both took lately."""

from onward.bus.worth import AGAIN_AFTER, LEAST, MOST, Worth


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def measured(single, batch, times=30):
    clock = Clock()
    worth = Worth(clock)
    for _ in range(times):
        worth.took(single, 1)
        worth.took(batch, 4)
    return clock, worth


def test_batches_are_tried_before_anything_is_known():
    assert Worth(Clock()).few == LEAST


def test_where_a_batch_costs_little_more_than_a_message_two_are_enough_for_one():
    assert measured(0.0004, 0.0007)[1].few == LEAST


def test_where_a_batch_costs_much_few_decisions_go_one_by_one():
    assert measured(0.0003, 0.0015)[1].few == 5
    assert measured(0.0003, 0.1)[1].few == MOST


def test_a_slow_moment_does_not_change_its_mind():
    _, worth = measured(0.0004, 0.0007)
    worth.took(0.05, 4)
    worth.took(0.05, 1)

    assert worth.few == LEAST


def test_a_server_that_has_become_slower_is_found_out():
    _, worth = measured(0.0004, 0.0007)
    for _ in range(200):
        worth.took(0.0030, 4)

    assert worth.few == MOST


def test_what_is_dear_is_tried_again_after_a_while():
    clock, worth = measured(0.0003, 0.0030)
    clock.now += AGAIN_AFTER + 1

    assert worth.few == LEAST
    worth.took(0.0030, 4)
    assert worth.few == MOST


def test_large_batches_say_nothing_about_small_ones():
    _, worth = measured(0.0004, 0.0007)
    worth.took(0.1, 400)

    assert worth.few == LEAST
