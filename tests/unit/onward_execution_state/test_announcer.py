import random

import msgspec
import pytest

from onward.bus.ports import Raw
from onward_execution_state.followers.announcer import Announcer, live_subject
from tests.unit.onward_execution_state.histories import Walk, interleaved, stored, walks


async def test_each_event_is_announced_under_its_type_and_queue_with_its_own_json():
    made = Walk(random.Random(1)).submit(queue="gpu").claim()
    raws = [stored(event, place) for place, event in enumerate(made.events, 1)]
    said = []

    async def publish(subject, data):
        said.append((subject, data))

    await Announcer(publish)(raws)

    assert said == [
        (f"onward.live.default.submitted.gpu.{made.state.id}", raws[0].data),
        (f"onward.live.default.started.gpu.{made.state.id}", raws[1].data),
    ]


def test_every_event_has_an_announcement():
    assert all(live_subject(raw) for raw in interleaved(walks(seed=1, count=50)))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b'{"type":"a"}', b'{"type":"a","routes":[]}', b'{"type":"a.b","routes":["q.n"]}',
     b'{"type":">","routes":["q.n"]}', b'{"type":"a","routes":["*.n"]}'],
)  # fmt: skip
def test_nothing_is_announced_under_a_subject_that_data_could_bend(data):
    assert live_subject(Raw(1, "onward.ev.default.1.x.e", data)) is None


def test_a_message_outside_of_a_log_is_not_announced():
    raw = stored(Walk(random.Random(1)).submit().events[0], 1)

    assert live_subject(msgspec.structs.replace(raw, subject="onward")) is None
