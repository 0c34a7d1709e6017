import random

import msgspec

from onward.contract import carry as carrying
from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.log import Log, Stored
from tests.unit.onward_execution_state.histories import Walk, walks


def log_of(events, first=1):
    return Log.of(Stored(place, event) for place, event in enumerate(events, first))


def test_what_is_carried_reads_like_the_log_it_stands_for():
    for made in walks(seed=5, count=200):
        whole = log_of(made.events)

        left = log_of(carry(whole.execution, whole.checkpoints().values(), made.moment), whole.sequence + 1)

        at_its_end = msgspec.structs.replace(whole.execution, n=left.execution.n)
        assert msgspec.json.encode(left.execution) == msgspec.json.encode(at_its_end)
        assert {key: bytes(point.result) for key, point in left.checkpoints().items()} == {
            key: bytes(point.result) for key, point in whole.checkpoints().items()
        }


def test_many_checkpoints_travel_in_several_events_with_ordinals_of_their_own():
    made = Walk(random.Random(1)).submit().claim()
    for place in range(9):
        made.step(f"step-{place}", b'"%s"' % (b"x" * 100_000))
    whole = log_of(made.events)

    parts = carry(whole.execution, whole.checkpoints().values(), made.moment)

    assert len(parts) == 5
    assert [part.n for part in parts] == [whole.execution.n + k for k in range(1, 6)]
    assert max(len(ev.encode(part)) for part in parts) < 2 * carrying.PART_BYTES
    assert len(log_of(parts).checkpoints()) == 9


def test_a_carried_event_names_every_route():
    made = Walk(random.Random(1)).submit(queue="gpu").claim()

    (only,) = carry(made.state, [], made.moment)

    assert only.routes == made.state.routes
    assert only.wake is None
