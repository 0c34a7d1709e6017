import pytest

from onward.contract import events as ev
from onward.contract import subjects
from onward.testing.bus import MemoryBus


@pytest.fixture
async def bus():
    """The bus in memory, with the echo of events that a stream's republish gives."""
    bus = MemoryBus()
    server = bus.process("server")

    def echo(stored):
        event = stored.event
        subject = subjects.event(event.project, event.execution_id, event.wake)
        bus.wires.send(subjects.echo(subject), ev.encode(event), None, server)

    bus.events.listeners.append(echo)
    return bus


@pytest.fixture
async def process(bus):
    return bus.process("relay")
