"""Executions of several classes and months, and what removes those that were kept long enough."""

import random
from datetime import UTC, datetime

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.retention import HoldSpec, RetentionSpec
from onward.process.loop import MORE
from onward.process.metrics import Metrics
from onward_execution_state.analytics.counting import MINUTES_KEPT, count
from onward_execution_state.leader import Leader
from onward_execution_state.maintenance.exporting import ExportFailed
from onward_execution_state.maintenance.removal import Removal
from tests.live.execution_state.conftest import SOURCE, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import Walk, interleaved, stored

SEPTEMBER, OCTOBER = datetime(2026, 9, 30, 12, tzinfo=UTC), datetime(2026, 10, 2, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 15, tzinfo=UTC)
"""In September ended what is over by now, but for the class long; what ended in October is not, but for short."""


class Config:
    """CONFIG with these holds, and these times."""

    def __init__(self, *held, **days):
        self.ready, self.held = True, set(held)
        self.times = RetentionSpec(**days)

    def get(self, _project, kind, _name):
        return (msgspec.json.encode(self.times), 1) if kind == RetentionSpec.KIND else None

    def items(self, _project, kind):
        return dict.fromkeys(self.held, (b"{}", 1)) if kind == HoldSpec.KIND else {}


class World:
    """Executions of each kind there is, and what removes them."""

    def __init__(self, database, projector_of):
        self.database, self.projector_of, self.leaders = database, projector_of, []
        self.recorded, self.projector = Recorded(), None
        self.made = {
            **{name: self.life(seed, name) for seed, name in enumerate(("short", "default", "long", "hold"))},
            "held": self.life(10),
            "open": self.begun(11),
            "over the month": self.begun(12),
            "october": self.life(13, at=OCTOBER),
            "failed": self.failed(14),
        }
        late = self.made["over the month"]
        late.at = OCTOBER
        late.complete()

    def begun(self, seed, retention="default", at=SEPTEMBER):
        return Walk(random.Random(seed), at=at).submit(retention=retention).claim().step()

    def life(self, seed, retention="default", at=SEPTEMBER):
        return self.begun(seed, retention, at).complete()

    def failed(self, seed):
        error = ev.Failure(type="ValueError", message="no")
        return self.begun(seed).append(ev.Failed, reason="error", error=error)

    @property
    def events(self):
        return sum(len(walk.events) for walk in self.made.values())

    def ids(self, *names):
        return {self.made[name].state.id for name in names}

    def removal(self, config, folder=None):
        self.leaders.append(Leader(self.database, "removal"))
        return removal_by(self.leaders[-1], self.database, config, folder)

    async def fill(self, *, purged=10_000):
        self.recorded.raws += interleaved(list(self.made.values()))
        self.projector = self.projector_of(self.recorded, most=7)
        await until_projected(self.projector)
        connection = await self.database.writer(durable=True)
        await connection.execute(
            "insert into purges values ($1, $2, $3, $4)", SOURCE.stream, SOURCE.incarnation, purged, NOW
        )
        while await count(connection, 100, NOW - MINUTES_KEPT):
            pass
        await connection.close()

    async def arrive(self, *events):
        """These are appended to EVENTS, and projected."""
        first = self.recorded.raws[-1].sequence + 1
        self.recorded.raws += [stored(event, first + place) for place, event in enumerate(events)]
        await until_projected(self.projector)

    async def shown(self, table="executions", key="id"):
        return {str(row[0]) for row in await self.database.ask(f"select {key} from {table}")}

    async def sums(self):
        return [
            [tuple(row) for row in await self.database.ask(text)]
            for text in (
                "select kind, at, outcome, count, duration_sum from rollups where grain > 60 order by 1, 2, 3",
                "select project, fingerprint, count, first_seen, last_seen from error_groups order by 1, 2",
                "select project, task, step, at, count, sum from step_hours order by 1, 2, 3, 4",
                "select * from error_hours order by 1, 2, 3, 4",
            )
        ]


def removal_by(leader, database, config, folder):
    async def source():
        return SOURCE

    return Removal(leader, database, source=source, config=config, folder=folder, metrics=Metrics())


async def whole(removal, at=NOW):
    while (told := await removal.run_once(at)) is MORE:
        pass
    return told


async def stopped_before_the_export(removal, folder):
    folder.write_text("a file where the folder should be")
    with pytest.raises(ExportFailed):
        await whole(removal)
    folder.unlink()
