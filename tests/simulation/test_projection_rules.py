"""PROTOCOL, J1 and J2: the projection's own fold, fed in every order; and the checker finds a wrong one."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from onward.bus.ports import Raw
from onward.contract.lifecycle import Refused, advance
from onward.process.loop import MORE
from onward.process.metrics import Metrics
from onward.testing.faults import ROUGH
from onward.testing.history import Row
from onward.testing.virtual_loop import simulate
from onward_execution_state import project
from onward_execution_state.fold import Arrived, Bad, Folded, Known, fold, fold_again, read
from onward_execution_state.project import Projector
from onward_execution_state.store import Source
from tests.simulation.installation import Installation, Setup, broken, first_broken, said
from tests.simulation.scenarios import tasks

SEEDS = range(40)
TASKS = ["steps", "sleepy", "asks", "flaky"]

Fold = Callable[[Sequence[Arrived], dict[str, Known | None]], Folded]


class Tables:
    """Events, executions and open gaps, as the projection writes them: one transaction a batch."""

    def __init__(self, here: Installation, fold: Fold) -> None:
        self.here, self.fold = here, fold
        self.events: dict[str, dict[int, Arrived]] = {}
        self.rows: dict[str, Known] = {}
        self.gaps: set[str] = set()
        self.quarantine: list[int] = []

    def write(self, batch: Sequence[Raw]) -> None:
        arrived, bad = read(batch)
        for item in arrived:
            self.events.setdefault(item.event.execution_id, {})[item.event.n] = item
        ids = {item.event.execution_id for item in arrived}
        folded = self.fold(arrived, {name: self.rows.get(name) for name in ids})
        self.quarantine += [one.raw.sequence for one in (*bad, *folded.bad)]
        self.rows.update(folded.changed)
        for name in folded.gaps | (ids & self.gaps):
            self.fold_again(name)
        for name in sorted(ids):
            self.show(name)

    def fold_again(self, name: str) -> None:
        stored = [item for _, item in sorted(self.events[name].items())]
        again, _ = fold_again(stored)
        row = self.rows.get(name)
        if again is not None and (row is None or again.state.n > row.state.n):
            row = self.rows[name] = again
        complete = row is not None and row.state.n >= stored[-1].event.n
        (self.gaps.discard if complete else self.gaps.add)(name)

    def show(self, name: str, *, final: bool = False) -> None:
        if row := self.rows.get(name):
            book, state = self.here.book, row.state
            shown = Row(
                t_ns=book.tick(), execution_id=name, version=state.n, status=state.status.value, final=final
            )
            book.history.rows.append(shown)

    def comparable(self) -> dict[str, bytes]:
        return {key: msgspec.json.encode(known.state) for key, known in sorted(self.rows.items())}


def unguarded(arrived: Sequence[Arrived], known: dict[str, Known | None]) -> Folded:
    """PLANTED: whatever arrives is applied as if it were the next."""
    folded = Folded(changed={}, gaps=set(), bad=[])
    for item in arrived:
        event = item.event
        before = folded.changed.get(event.execution_id) or known[event.execution_id]
        state = None if before is None else msgspec.structs.replace(before.state, n=event.n - 1)
        after = advance(state, event) if state is not None or event.n == 1 else None
        if after is not None and not isinstance(after, Refused):
            folded.changed[event.execution_id] = Known(after, item.raw.sequence, 1)
    return folded


def batches(raws: Sequence[Raw], random, *, shuffled: bool) -> list[Sequence[Raw]]:
    """The stream in portions; some of them again, some late."""
    portions, at = [], 0
    while at < len(raws):
        size = random.randint(1, 9)
        portions.append(raws[at : at + size])
        at += size
    if shuffled:
        portions += random.sample(portions, len(portions) // 2)
        random.shuffle(portions)
        portions = [random.sample(portion, len(portion)) for portion in portions]
    return portions


def projected(fold: Fold, *, shuffled: bool):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        await here.day((random.choice(TASKS) for _ in range(4)), wear=20)
        tables = Tables(here, fold)
        for batch in batches(here.archive, random, shuffled=shuffled):
            tables.write(batch)
        for execution_id in here.logs:
            tables.show(execution_id, final=True)
        return said(here.report())

    return main


def test_j1_the_projection_says_what_the_log_says():
    assert broken(projected(fold, shuffled=False), range(20)) == {}


def test_j1_in_any_order_and_with_repetitions_no_row_falls_back():
    assert broken(projected(fold, shuffled=True), SEEDS) == {}


def test_j1_without_a_guard_by_version_rows_fall_back_and_the_checker_says_so():
    wrong = first_broken(projected(unguarded, shuffled=True), SEEDS)
    assert wrong.startswith(("I5", "I14"))
    assert "row" in wrong


def test_j1_any_permutation_and_repetition_of_events_gives_the_same_tables():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        await here.day((random.choice(TASKS) for _ in range(3)), wear=20)
        straight, crooked = Tables(here, fold), Tables(here, fold)
        straight.write(here.archive)
        for batch in batches(here.archive, random, shuffled=True):
            crooked.write(batch)
        return None if straight.comparable() == crooked.comparable() else "the tables differ"

    assert broken(main, range(20)) == {}


def test_j2_what_cannot_be_read_is_set_aside_and_the_rest_moves_on():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks))
        here.impatient = False
        await here.day(["steps", "flaky"], wear=0)
        subject = here.archive[0].subject
        bad = [
            Raw(10_001, subject, b"\xff{"),
            Raw(10_002, subject, b'{"type":"started","n":1}'),
            Raw(10_003, "x.ev", b"{}"),
        ]
        tables = Tables(here, fold)
        mixed = random.sample([*here.archive, *bad], len(here.archive) + len(bad))
        tables.write(mixed)
        tables.write(here.archive)
        for execution_id in here.logs:
            tables.show(execution_id, final=True)
        return set(tables.quarantine), said(here.report())

    assert simulate(1, main) == ({10_001, 10_002, 10_003}, None)


def test_j2_an_event_of_an_unknown_type_is_stored_and_takes_its_place():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks))
        here.impatient = False
        await here.day(["steps"], wear=0)
        first, *rest = here.archive
        newer = msgspec.json.decode(rest[0].data) | {"type": "of_a_newer_release", "n": 2}
        later = [
            Raw(raw.sequence + 1, raw.subject, msgspec.json.encode(msgspec.json.decode(raw.data) | {"n": n}))
            for n, raw in enumerate(rest, 3)
        ]
        tables = Tables(here, fold)
        tables.write([first, Raw(2, first.subject, msgspec.json.encode(newer)), *later])
        (row,) = tables.rows.values()
        return row.state.n - len(here.archive), row.state.status.value, tables.quarantine

    assert simulate(1, main) == (1, "completed", [])


POISON = b"\\u0000"
"""What Postgres takes in no text: the whole transaction fails, and the error names no event."""


class Transactions:
    """The writer of the projection, over tables in memory."""

    def __init__(self, tables: Tables) -> None:
        self.tables, self.position, self.gaps = tables, 0, set()

    async def write(self, batch: Sequence[Raw], now: datetime) -> list[Bad]:
        if any(POISON in raw.data for raw in batch):
            raise ValueError("unsupported Unicode escape sequence")
        self.tables.write(batch)
        self.position = batch[-1].sequence
        return read(batch)[1]

    async def set_aside(self, bad: Bad, now: datetime) -> None:
        self.tables.quarantine.append(bad.raw.sequence)
        self.position = bad.raw.sequence

    def forget(self) -> None:
        """Nothing is remembered here."""


class Connected:
    """A Postgres whose connections are of no interest here."""

    async def writer(self, *, durable: bool) -> "Connected":
        return self

    async def close(self, timeout: float) -> None:
        return


class Stops(Projector):
    """PLANTED: what fails, fails: the batch is tried again, and again."""

    async def _project(self, writer, batch, now):
        try:
            await writer.write(batch, now)
        except ValueError:
            writer.forget()


class SetsAsideTheBatch(Projector):
    """PLANTED: a batch that fails is set aside as a whole."""

    async def _project(self, writer, batch, now):
        try:
            await writer.write(batch, now)
        except ValueError as error:
            for raw in batch:
                await writer.set_aside(Bad(raw, str(error)), now)


def one_in_a_hundred(kind: type[Projector], monkeypatch):
    """The real projector over a stream in which a few events are such that no batch with them can be written."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks))
        here.impatient = False
        await here.day((random.choice(TASKS) for _ in range(12)), wear=0)
        stream = here.bus.events
        bad = sorted(random.sample(range(len(stream.raws)), 3))
        for place in reversed(bad):
            stream.raws.insert(
                place, Raw(0, stream.raws[0].subject, b'{"type":"progressed","message":"%b"}' % POISON)
            )
        stream.raws[:] = [msgspec.structs.replace(raw, sequence=n) for n, raw in enumerate(stream.raws, 1)]
        written = Transactions(Tables(here, fold))

        async def leading(connection, source, now):
            return written

        async def source():
            return Source("ONWARD_EVENTS", "first")

        monkeypatch.setattr(project.Writer, "leading", leading)
        projector = kind(
            here.client.process.events,
            Connected(),
            source,
            Metrics(),
            most=random.randint(10, 50),
            pace_seconds=0,
        )
        for _ in range(30):
            if await projector.run_once(datetime.now(UTC)) is not MORE:
                break
        for execution_id in here.logs:
            written.tables.show(execution_id, final=True)
        if written.position != len(stream.raws):
            return f"stands still at {written.position} of {len(stream.raws)}"
        aside = len(written.tables.quarantine)
        return said(here.report()) or (
            None if aside == len(bad) else f"{aside} events set aside for {len(bad)}"
        )

    return main


def test_j2_a_batch_that_fails_is_halved_until_the_bad_event_stands_alone(monkeypatch):
    assert broken(one_in_a_hundred(Projector, monkeypatch), range(20)) == {}


def test_j2_without_setting_it_aside_the_projection_stands_still_for_ever(monkeypatch):
    assert "stands still" in first_broken(one_in_a_hundred(Stops, monkeypatch), range(5))


def test_j2_without_halving_good_events_are_set_aside_with_the_bad_one(monkeypatch):
    wrong = first_broken(one_in_a_hundred(SetsAsideTheBatch, monkeypatch), range(5))
    assert "row" in wrong or "set aside" in wrong
