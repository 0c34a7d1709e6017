import random

import pytest

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract.errors import Unavailable
from onward.process.metrics import Metrics
from onward_execution_state.followers.timekeeper import Timekeeper
from tests.unit.onward_execution_state.histories import Walk, interleaved, stored, walks


class Timers:
    """Timers by execution and sequence."""

    def __init__(self, *, accepts=True):
        self.kept, self.purged, self.accepts = {}, [], accepts

    async def schedule(self, event, sequence):
        if self.accepts:
            self.kept[event.execution_id, sequence] = event.due
        return self.accepts

    async def purge(self, project, execution_id):
        self.purged.append((project, execution_id))
        return 1


async def test_exactly_the_events_with_a_due_time_set_a_timer_named_by_their_sequence():
    raws = interleaved(walks(seed=3, count=60))
    timers = Timers()

    await Timekeeper(timers.schedule, timers.purge, Metrics())(raws)

    decoded = [(raw.sequence, ev.decode(raw.data)) for raw in raws]
    assert timers.kept == {(event.execution_id, at): event.due for at, event in decoded if event.due}
    assert timers.kept


async def test_a_cancelled_execution_loses_its_timers():
    made = Walk(random.Random(1)).submit(delayed=True).append(ev.Cancelled)
    timers = Timers()

    await Timekeeper(timers.schedule, timers.purge, Metrics())([stored(made.events[1], 2)])

    assert timers.purged == [("default", made.state.id)]


async def test_a_timer_that_will_never_be_taken_is_counted_and_skipped():
    made, timers, metrics = Walk(random.Random(1)).submit(delayed=True), Timers(accepts=False), Metrics()

    await Timekeeper(timers.schedule, timers.purge, metrics)([stored(made.events[0], 1)])

    assert "onward_timers_skipped_total 1" in metrics.render()


async def test_what_cannot_be_read_is_left_to_the_quarantine():
    timers = Timers()

    await Timekeeper(timers.schedule, timers.purge, Metrics())(
        [Raw(1, "onward.ev.default.1.x.e", b'{"due":')]
    )

    assert timers.kept == {}


async def test_a_timer_that_is_not_known_to_be_set_brings_the_batch_again():
    made, timers = Walk(random.Random(1)).submit(delayed=True), Timers()

    async def away(_event, _sequence):
        raise Unavailable

    with pytest.raises(Unavailable):
        await Timekeeper(away, timers.purge, Metrics())([stored(made.events[0], 1)])
