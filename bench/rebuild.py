"""How fast Postgres is filled from the log: `python -m bench.rebuild [--events 100000]`.

Puts executions of three events each into the EVENTS of a nats-server of its own, has a Postgres of its own catch up
from nothing, then rebuilds and verifies it. Prints seconds and events a second for each.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onward.bus import streams, topology
from onward.bus.bus import Bus, open_bus
from onward.contract import subjects
from onward.contract.log import Decision
from onward.process.metrics import Metrics
from onward_execution_state.database import Database
from onward_execution_state.migrate import migrate
from onward_execution_state.project import Projector
from onward_execution_state.rebuild import Log, rebuild, verify
from onward_execution_state.store import Source
from tests.support.nats_server import one_server
from tests.support.postgres import one_postgres
from tests.unit.onward_execution_state.histories import Walk

EACH = 3
_AT_ONCE = 500


async def fill(bus: Bus, executions: int) -> None:
    """So many executions that were submitted, claimed and completed."""
    began = datetime.now(UTC) - timedelta(hours=1)

    async def one(number: int) -> None:
        walk = Walk(random.Random(number), at=began).submit().claim().complete()
        events = tuple(walk.events)
        await bus.events.append(
            Decision(project="default", execution_id=events[0].execution_id, expected=0, events=events)
        )

    for start in range(0, executions, _AT_ONCE):
        await asyncio.gather(*map(one, range(start, min(start + _AT_ONCE, executions))))


async def catch_up(url: str, log: Log) -> None:
    """What the service does with an empty Postgres."""

    async def source() -> Source:
        return log.source

    database = Database(url)
    projector = Projector(log.events, database, source, Metrics(), pace_seconds=0)
    try:
        while await projector.run_once(datetime.now(UTC)) != 0:
            pass
    finally:
        await projector.close()
        await database.close()


async def timed(what: str, events: int, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of the work; prints how long it took."""
    began = time.monotonic()
    result = await work
    took = time.monotonic() - began
    print(f"{what:<10} {events:>9,} events {took:8.1f} s {events / took:9,.0f} a second", flush=True)
    return result


async def measure(events: int, nats_url: str, database_url: str) -> None:
    """Fills, catches up, rebuilds, verifies."""
    bus = await open_bus(nats_url, "bench", lambda: None)
    await topology.ensure(bus.connection)
    await timed("append", events, fill(bus, events // EACH))
    database = Database(database_url)
    connection = await database.writer(durable=True)
    await migrate(connection, datetime.now(UTC))
    await connection.close()
    state = await streams.state(bus.connection)
    log = Log(
        events=bus.events,
        source=Source(subjects.EVENTS, state.incarnation),
        first_sequence=state.first_sequence,
    )
    await timed("catch up", events, catch_up(database_url, log))
    await timed("rebuild", events, rebuild(database_url, log, datetime.now(UTC)))
    different = await timed("verify", events, verify(database_url, log, datetime.now(UTC)))
    print(f"{len(different)} differences")
    await bus.close()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000)
    events = parser.parse_args().events
    with (
        TemporaryDirectory() as folder,
        one_server(Path(folder)) as server,
        one_postgres(fsync=True) as postgres,
    ):
        asyncio.run(measure(events, server.url, postgres.new_database()))


if __name__ == "__main__":
    main()
