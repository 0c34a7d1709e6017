"""One batch of events, one transaction: the events, what they fold to, and the position (PROTOCOL J1)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from onward.bus.ports import Raw
from onward.contract.retention import DEFAULT
from onward_execution_state import store
from onward_execution_state.database import Connection
from onward_execution_state.facets import Facet, Facets
from onward_execution_state.filing import Place, place_at
from onward_execution_state.fold import Arrived, Bad, Known, fold, fold_again, read
from onward_execution_state.placing import by_place, places_for
from onward_execution_state.remembered import Remembered
from onward_execution_state.store import Source


class PositionMoved(Exception):
    """Another projector has written what this one was about to write."""


class _Change(msgspec.Struct, frozen=True):
    """What a batch does to executions, once nothing but the rows is to be written."""

    known: list[Known]
    bad: list[Bad]
    opened: set[str]
    closed: set[str]


class Writer:
    """Writes batches of one stream through one connection, after another."""

    def __init__(self, connection: Connection, source: Source, position: int, gaps: set[str]) -> None:
        self.position = position
        self.gaps = gaps
        self._connection = connection
        self._source = source
        self._remembered = Remembered()
        self._facets = Facets()
        self._places: set[Place] = set()

    @classmethod
    async def leading(cls, connection: Connection, source: Source, now: datetime) -> "Writer | None":
        """The writer at the stored position, or None while another replica leads."""
        if not await store.lead(connection, source):
            return None
        return cls(
            connection, source, await store.position(connection, source, now), await store.gaps(connection)
        )

    async def write(self, batch: Sequence[Raw], now: datetime) -> list[Bad]:
        """Writes the batch and returns what had to be set aside. Raises PositionMoved, or what Postgres says."""
        arrived, bad = read(batch)
        sizes: list[int] = []
        change = _Change([], [], set(), set())
        facets: set[Facet] = set()
        async with self._connection.transaction():
            if arrived:
                change = await self._fold(arrived)
                bad += change.bad
            if change.known:
                await self._make_places(places_for(change.known))
                if not await store.leave_places(self._connection, change.known):
                    raise PositionMoved
                sizes = await store.save_executions(self._connection, change.known)
                await store.save_questions(self._connection, change.known)
                await store.save_ends(self._connection, change.known)
                facets = await self._facets.save(self._connection, change.known)
            await self._note_gaps(change, now)
            await self._move(batch[-1].sequence, bad, now)
        self._remembered.put(change.known, sizes)
        self._facets.put(facets)
        self.gaps = (self.gaps | change.opened) - change.closed
        self.position = batch[-1].sequence
        return bad

    async def go_back(self, position: int, now: datetime) -> None:
        """Reads on from an earlier place: nothing is done twice by it. Raises PositionMoved."""
        await self._move(position, [], now)
        self.position = position

    async def set_aside(self, bad: Bad, now: datetime) -> None:
        """Keeps one message raw and moves on (PROTOCOL J2)."""
        async with self._connection.transaction():
            await self._move(bad.raw.sequence, [bad], now)
        self.position = bad.raw.sequence

    def forget(self) -> None:
        """Reads the executions back from Postgres, after a transaction that failed."""
        self._remembered.forget()
        self._places.clear()
        self._facets.forget()

    async def _fold(self, arrived: list[Arrived]) -> _Change:
        ids = {item.event.execution_id for item in arrived}
        known = {execution_id: self._remembered.get(execution_id) for execution_id in ids}
        # Also those whose log begins in here: the row may lie anywhere, and only one of them may be.
        if missing := [execution_id for execution_id in ids if known[execution_id] is None]:
            known |= await store.known(self._connection, missing)
        folded = fold(arrived, known)
        reached = {**known, **folded.changed}
        states = {execution_id: found.state for execution_id, found in reached.items() if found is not None}
        filed = by_place(arrived, states)
        await self._make_places(filed)
        contradicting = await store.insert_events(self._connection, filed, known)
        suspect = folded.gaps | (ids & self.gaps)
        return await self._fold_gaps(folded.changed, folded.bad + contradicting, suspect, known)

    async def _make_places(self, needed: Iterable[Place]) -> None:
        for place in sorted({*needed} - self._places):
            await store.make_place(self._connection, place)
            self._places.add(place)

    async def _fold_gaps(
        self, changed: dict[str, Known], bad: list[Bad], suspect: set[str], known: dict[str, Known | None]
    ) -> _Change:
        change = _Change([], bad, set(), set())
        stored = await store.stored_events(self._connection, suspect) if suspect else {}
        for execution_id, events in stored.items():
            again, refused = fold_again(events)
            change.bad.extend([refused] if refused else [])
            before = known.get(execution_id)
            best = _furthest(again, changed.get(execution_id), before)
            if best is not None:
                changed[execution_id] = msgspec.structs.replace(best, place=before.place if before else None)
            complete = best is not None and (best.stopped or best.state.n >= events[-1].event.n)
            (change.closed if complete or refused else change.opened).add(execution_id)
        told = [changed[one] for one in stored if one in changed]
        await self._make_places(
            place_at(one.state, item.event.at) for one in told for item in stored[one.state.id]
        )
        await store.file_events(self._connection, [one for one in told if one.state.retention != DEFAULT])
        change.known.extend(changed.values())
        return change

    async def _note_gaps(self, change: _Change, now: datetime) -> None:
        if opened := change.opened - self.gaps:
            await store.note_gaps(self._connection, opened, now)
        if closed := change.closed & self.gaps:
            await store.close_gaps(self._connection, closed)

    async def _move(self, to: int, bad: Iterable[Bad], now: datetime) -> None:
        if set_aside := list(bad):
            await store.quarantine(self._connection, self._source, set_aside, now)
        if not await store.move_position(self._connection, self._source, self.position, to, now):
            raise PositionMoved


def _furthest(*folds: Known | None) -> Known | None:
    """The fold that went furthest; of two equal ones the one that knows it was stopped."""
    reached = [known for known in folds if known is not None]
    return max(reached, key=lambda known: (known.state.n, known.stopped), default=None)
