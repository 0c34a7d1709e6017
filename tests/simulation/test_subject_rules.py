"""PROTOCOL, V3: a log is read by the literal subjects that its own events name, however large the stream is."""

from fnmatch import fnmatchcase
from random import Random

from onward.bus import read
from onward.bus.ports import Raw
from onward.contract import decide, subjects
from onward.contract import events as ev
from onward.contract.log import Stored
from tests.simulation.installation import broken, first_broken
from tests.unit.onward_execution_state.histories import Walk, interleaved

SEEDS = range(20)
ROUTES = [f"{queue}.{cls}" for queue in ("default", "gpu") for cls in subjects.CLASSES]


class Subjects:
    """EVENTS by subject, and what a read costs: a literal one what it finds, a wildcard all there is (tried)."""

    def __init__(self, raws: list[Raw]) -> None:
        self.raws = raws
        self.touched = 0

    def find(self, subject: str, after: int) -> list[Raw]:
        found = [
            raw
            for raw in self.raws
            if raw.sequence > after and fnmatchcase(raw.subject, subject.replace(">", "*"))
        ]
        self.touched += len(self.raws) if subject.endswith((">", "*")) else len(found)
        return found


class Literal(read.Reader):
    """The reader of the bus, over subjects in memory."""

    async def read_all(self, execution_id: str, route: str | None) -> tuple[Stored, ...]:
        log = await self.read("default", execution_id, route=route)
        return log.stored if log else ()


class ByWildcard(Literal):
    """PLANTED: asks for all subjects of the log at once."""

    async def _literal(self, project, execution_id, routes, after):
        return await self._wildcard(project, execution_id, after)


class WhereItWasTold(Literal):
    """PLANTED: looks on the subjects it was told of, and not on those that the events name."""

    async def _literal(self, project, execution_id, routes, after):
        known = {subjects.event(project, execution_id, route) for route in (None, *routes)}
        found = [raw for subject in known for raw in self._connection.find(subject, after)]
        return [read._stored(raw) for raw in sorted(found, key=lambda raw: raw.sequence)]


def restless(random: Random) -> Walk:
    """An execution that is handed back and waits in another queue or class each time."""
    walk = Walk(random).submit(delayed=random.random() < 0.3)
    for _ in range(random.randint(0, 4)):
        walk.claim().step(f"step-{len(walk.events)}", b"1")
        fields = decide.envelope(walk.state, walk.moment, wake=random.choice(ROUTES))
        walk._add(ev.Released(**fields, attempt=walk.state.attempt, worker_id=walk.state.worker_id))
    return walk.claim() if random.random() < 0.5 else walk


def told(walk: Walk, random: Random) -> str | None:
    """The route of the hint that brings somebody to this log; none may be known where `.e` holds its newest event."""
    woken = walk.events[-1].wake
    return woken or random.choice([None, *walk.state.routes])


def reads(reader: type[Literal], monkeypatch):
    """Each of many logs is read, by whoever was brought to it."""

    async def rest(connection, after, subject):
        return connection.find(subject, after)

    monkeypatch.setattr(read, "ask", lambda _connection, _stream, _subject, after: after)
    monkeypatch.setattr(read, "rest", rest)

    async def main(random):
        made = [restless(random) for _ in range(40)]
        stream = Subjects(interleaved(made, random.randrange(10**6)))
        for walk in made:
            stream.touched = 0
            found = await reader(stream).read_all(walk.state.id, told(walk, random))
            if [item.event.id for item in found] != [event.id for event in walk.events]:
                return f"read {len(found)} of {len(walk.events)} events"
            if stream.touched > len(walk.events):
                return f"touched {stream.touched} messages for a log of {len(walk.events)}"
        return None

    return main


def test_v3_a_read_finds_the_whole_log_and_touches_nothing_else(monkeypatch):
    assert broken(reads(Literal, monkeypatch), SEEDS) == {}


def test_v3_a_read_by_wildcard_touches_the_whole_stream(monkeypatch):
    assert "touched" in first_broken(reads(ByWildcard, monkeypatch), SEEDS)


def test_v3_a_read_that_does_not_follow_the_named_routes_ends_in_a_wildcard(monkeypatch):
    assert "touched" in first_broken(reads(WhereItWasTold, monkeypatch), SEEDS)


def test_v3_an_event_that_does_not_name_its_routes_hides_its_log(monkeypatch):
    """PLANTED: an event names the route it wakes, and none of those before."""
    plain = decide.envelope
    monkeypatch.setattr(
        decide,
        "envelope",
        lambda *a, wake=None, **k: {**plain(*a, wake=wake, **k), "routes": (wake,) if wake else ()},
    )
    assert "touched" in first_broken(reads(Literal, monkeypatch), SEEDS)
