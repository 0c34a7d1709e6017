"""What an operator runs once: `check`, `migrate`, `rebuild`, `verify`, `mend`. Each says on stdout how it went."""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine

from onward.bus import streams
from onward.bus.bus import open_bus
from onward.contract.errors import Misconfigured, OnwardError
from onward.process.fresh import new_id
from onward.process.loop import utc_now
from onward.process.run import FAILED
from onward.process.settings import MISCONFIGURED
from onward.telemetry.setup import level_of
from onward_execution_state.database import UNREACHABLE, Connection, Database, why_unreachable
from onward_execution_state.life import life_of_events
from onward_execution_state.losses import losses, told
from onward_execution_state.mending import mend, read_again
from onward_execution_state.migrate import migrate
from onward_execution_state.missed import note_found, take_note, without_end
from onward_execution_state.rebuild import Log, rebuild, verify
from onward_execution_state.settings import Settings

OK, DIFFERENT = 0, 1


def run_verb(name: str, settings: Settings) -> int:
    """Runs one of VERBS; its exit code."""
    try:
        logging.basicConfig(level=level_of(os.environ), stream=sys.stderr, format="%(message)s")
        return asyncio.run(VERBS[name](settings))
    except OnwardError as error:
        sys.stderr.write(f"{error.code}: {error}\n" + (f"fix: {error.fix}\n" if error.fix else ""))
        return MISCONFIGURED if isinstance(error, Misconfigured) else FAILED
    except UNREACHABLE as error:
        sys.stderr.write(
            f"unavailable: {why_unreachable(error)}\nfix: start Postgres, or mend ONWARD_DATABASE_URL\n"
        )
        return FAILED


async def _check(settings: Settings) -> int:
    del settings
    return _say("the settings are fine")


async def _migrate(settings: Settings) -> int:
    connection = await Database(settings.database_url).writer(durable=True)
    try:
        applied = await migrate(connection, utc_now())
    finally:
        await connection.close()
    return _say(f"applied {len(applied)} migrations" if applied else "the schema is as it must be")


async def _rebuild(settings: Settings) -> int:
    async with _log(settings) as log:
        position = await rebuild(settings.database_url, log, utc_now())
    return _say(f"the tables are rebuilt, up to sequence {position} of the log")


async def _verify(settings: Settings) -> int:
    async with _log(settings) as log, _connected(settings) as connection:
        lost = told(await losses(connection, log.events, log.source, log.first_sequence))
        ends = [] if lost else await without_end(connection, log.events, log.first_sequence)
        differences = [] if lost else await verify(settings.database_url, log, utc_now())
    for execution_id, what in lost:
        _say(f"{execution_id}: {what} in the log")
    if lost:
        _say("fix: onward admin mend")
        return DIFFERENT
    for difference in differences:
        _say(f"{difference.execution_id}: {difference.what}")
    for _, execution_id in ends:
        _say(_without_end(execution_id))
    if not differences and ends:
        return DIFFERENT
    if not differences:
        return _say("the tables are what the log makes of them")
    _say("fix: onward admin rebuild")
    return DIFFERENT


async def _mend(settings: Settings) -> int:
    async with _log(settings) as log, _connected(settings) as connection:
        lost = await losses(connection, log.events, log.source, log.first_sequence)
        mended = await mend(connection, log.events, lost, new_id, utc_now())
        if lost:
            await read_again(connection, log.source, utc_now())
        named = {loss.execution_id for loss in lost}
        ends = await without_end(connection, log.events, log.first_sequence)
        ends = [one for one in ends if one[1] not in named]
        bad = {one.execution_id: one.what for one in mended if not one.whole}
        left = [
            (loss.execution_id, loss.project, bad[loss.execution_id])
            for loss in lost
            if loss.execution_id in bad
        ]
        await note_found(connection, left, ends, utc_now())
        missed = await take_note(connection)
    for one in mended:
        _say(f"{one.execution_id}: {one.what}")
    for range_told in missed:
        _say(f"{range_told}; what ended in them is nowhere else, and this is the last time it is told")
    for _, execution_id in ends:
        _say(_without_end(execution_id))
    if ends or not all(one.whole for one in mended):
        return DIFFERENT
    if not mended:
        return _say("the log has lost nothing")
    return _say(
        f"{len(mended)} executions are mended; `onward admin rebuild` tells the tables where they stand now"
    )


VERBS: dict[str, Callable[[Settings], Coroutine[None, None, int]]] = {
    "check": _check,
    "migrate": _migrate,
    "rebuild": _rebuild,
    "verify": _verify,
    "mend": _mend,
}


@contextlib.asynccontextmanager
async def _log(settings: Settings) -> AsyncIterator[Log]:
    bus = await open_bus(settings.nats_url, "execution-state-admin", lambda: None)
    try:
        state = await streams.state(bus.connection)
        source = await life_of_events(bus.connection, time.monotonic)()
        yield Log(events=bus.events, source=source, first_sequence=state.first_sequence)
    finally:
        await bus.close()


@contextlib.asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Connection]:
    connection = await Database(settings.database_url).writer(durable=True)
    try:
        yield connection
    finally:
        await connection.close()


def _without_end(execution_id: str) -> str:
    return f"{execution_id}: how it ended is lost; fix: onward execution cancel {execution_id}"


def _say(line: str) -> int:
    sys.stdout.write(line + "\n")
    return OK
