"""Each test here has a database of its own, and a nats-server of its own: retention purges all of EVENTS."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onward.process.metrics import Metrics
from onward_execution_state.database import Database
from onward_execution_state.migrate import migrate
from onward_execution_state.project import Projector
from onward_execution_state.rebuild import FRESH
from onward_execution_state.store import Source
from tests.support.nats_server import one_server
from tests.support.postgres import database_url, postgres

__all__ = ["database_url", "postgres"]

NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
SOURCE = Source("ONWARD_EVENTS", "first")
TABLES = (
    "events", "executions", "questions", "ends", "facets", "kinds", "counted", "rollups", "error_groups", "error_hours",
    "step_hours", "stalls", "gaps", "positions", "event_quarantine", "repairs", "purges", "bulk_operations",
    "bulk_items",
    "alert_rules", "incidents", "deliveries", "delivery_tries", "channel_health", "event_subscriptions",
    "audit_entries", "audit_positions", "removals", "losses",
    "onward_outlived.kinds", "onward_outlived.rollups",
    "onward_outlived.error_groups", "onward_outlived.error_hours", "onward_outlived.step_hours",
    "onward_outlived.counted",
)  # fmt: skip


@pytest.fixture
def nats_server():
    with tempfile.TemporaryDirectory(prefix="onward-nats-") as folder, one_server(Path(folder)) as server:
        yield server


async def migrated(url, **how):
    """The database at this address, with all its tables."""
    opened = Database(url, **how)
    connection = await opened.writer(durable=True)
    await migrate(connection, NOW)
    await connection.close()
    return opened


@pytest.fixture(scope="session")
def migrated_url(postgres):
    """A database with all tables, for all tests in turn: a copy for each takes longer than most of them."""
    url = postgres.new_database()

    async def make():
        await (await migrated(url)).close()

    asyncio.run(make())
    return url


@pytest.fixture
async def database(migrated_url):
    """All tables, and nothing in them."""
    opened = Database(migrated_url)
    connection = await opened.writer(durable=True)
    await connection.execute(f"truncate {', '.join(TABLES)}; drop schema if exists {FRESH} cascade")
    await connection.close()
    yield opened
    await opened.close()


@pytest.fixture
async def projector_of(database):
    """Makes projectors over events, and ends them."""
    made = []

    def make(events, *, source=SOURCE, into=None, metrics=None, **how):
        async def now():
            return source

        made.append(Projector(events, into or database, now, metrics or Metrics(), pace_seconds=0, **how))
        return made[-1]

    yield make
    for projector in made:
        await projector.close()


async def until_projected(projector):
    """Runs rounds until there is nothing more."""
    while await projector.run_once(NOW) != 0:
        pass
    assert projector.position is not None, projector.trouble or "another projector leads"
