"""What a worker is told to take from, and how much of each."""

import pytest

from onward_worker.settings import Settings, weighted


def test_queues_have_the_weights_that_are_said_and_otherwise_one():
    assert weighted("urgent=4, default") == {"urgent": 4.0, "default": 1.0}


@pytest.mark.parametrize("wrong", ["urgent=0", "urgent=1000", "urgent=much"])
def test_a_weight_that_is_none_ends_the_worker_before_it_begins(wrong):
    with pytest.raises(ValueError, match=r"weight|float"):
        Settings(nats_url="nats://nowhere", queues=wrong)
