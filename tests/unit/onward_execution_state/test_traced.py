"""What begins or ends a life is one more span once it is in Postgres; where nothing is exported, nothing is."""

import time

import pytest

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward_execution_state.traced import tell
from tests.support.builders import event
from tests.support.spans import exported, parent_of

SUBMIT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ATTEMPT = "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01"
LIFE = [
    event(ev.Submitted, 1, trace=SUBMIT),
    event(ev.Started, 2, trace=ATTEMPT),
    event(ev.CheckpointReached, 3, trace=ATTEMPT),
    event(ev.Completed, 4, trace=ATTEMPT),
]


@pytest.fixture
def spans():
    with exported() as spans:
        yield spans


def raws(*data):
    return [Raw(sequence, "x", one) for sequence, one in enumerate(data, 1)]


def test_the_beginning_and_the_end_of_a_life_are_spans_below_what_caused_them(spans):
    now = time.time_ns()

    tell(raws(*(ev.encode(one) for one in LIFE)), 0.5)

    made = spans.named("onward.project")
    assert [(span.attributes["event.type"], parent_of(span)) for span in made] == [
        ("submitted", SUBMIT),
        ("completed", ATTEMPT),
    ]
    assert {span.attributes["execution.id"] for span in made} == {LIFE[0].execution_id}
    assert {span.kind.name for span in made} == {"CONSUMER"}
    for span in made:
        assert span.end_time - span.start_time == 500_000_000
        assert 0 <= span.end_time - now < 5_000_000_000


def test_what_has_no_trace_or_is_no_event_makes_no_span(spans):
    tell(raws(ev.encode(event(ev.Submitted)), b"{", b'{"type":1}'), 0.0)

    assert spans.all() == []


def test_nothing_is_read_while_nothing_is_exported():
    tell([None], 0.0)  # would raise if it were looked at
