"""EVENTS is deleted while executions are open: it is told, brought back from Postgres, and they go on."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from onward.bus.api import call
from onward.bus.bus import open_bus
from onward.contract import subjects
from tests.support.platform import Platform, platform


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_what_was_open_when_events_was_deleted_is_brought_back_and_goes_on(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1, slots=2) as onward:
        opened = [await onward.submit("five", {"count": 3, "seconds": 0.0, "hold": 2}) for _ in range(4)]
        await onward.eventually(
            lambda: rows_are(onward, "checkpoint_reached", 2), 60, "no two steps are saved"
        )
        await onward.eventually(lambda: rows_are(onward, "submitted", 4), 60, "not all are in Postgres")

        await delete_events(onward)
        await onward.eventually(lambda: told(onward, "there is no stream ONWARD_EVENTS"), 60, "nobody tells")
        onward.kill("execution_state-1")
        onward.start("execution_state-1")
        await onward.ready("execution_state-1", "gateway-1", within=60)
        await onward.eventually(
            lambda: told(onward, "EVENTS has lost events of 4 executions", "onward admin mend"),
            90,
            "no loss is told",
        )
        onward.let_go()
        await onward.ended(await onward.submit("noop"), within=60)
        mended = await asyncio.to_thread(admin, onward, "mend")
        ends = [(await onward.ended(one, within=120))["status"] for one in opened]
        rebuilt = await asyncio.to_thread(admin, onward, "rebuild")
        whole = await asyncio.to_thread(admin, onward, "verify")

        assert "4 executions are mended" in mended
        assert set(ends) == {"completed"}
        begun = Counter(
            (one["execution_id"], one["step"]) for one in onward.effects() if one["what"] == "begin"
        )
        assert {begun[one, 1] for one in opened} == {1}, "a step that was saved has run again"
        assert "the tables are rebuilt" in rebuilt
        assert "the tables are what the log makes of them" in whole
        assert not await told(onward, "EVENTS has lost")


async def rows_are(onward: Platform, kind: str, count: int) -> bool:
    """Whether Postgres has so many events of this type."""
    there = onward.postgres.sql("select to_regclass('public.events')", "onward")
    counted = f"select count(*) from events where type = '{kind}'"
    return bool(there) and int(onward.postgres.sql(counted, "onward")) == count


async def delete_events(onward: Platform) -> None:
    """As a mistaken command does."""
    bus = await open_bus(onward.servers.urls, "journey-damage", lambda: None)
    await call(bus.connection, f"STREAM.DELETE.{subjects.EVENTS}")
    await bus.close()


async def told(onward: Platform, *words: str) -> bool:
    """Whether `onward doctor` says all this."""
    said = await asyncio.to_thread(cli, onward, "doctor")
    return all(word in said for word in words)


def admin(onward: Platform, verb: str) -> str:
    """What `onward admin` says."""
    return cli(onward, "admin", verb)


def cli(onward: Platform, *words: str) -> str:
    """One command line, as a user gives it."""
    variables = {
        **os.environ,
        "ONWARD_NATS_URL": onward.servers.urls,
        "ONWARD_DATABASE_URL": onward.postgres.url("onward"),
        "ONWARD_URL": f"http://127.0.0.1:{onward.port('gateway-1')}",
        "ONWARD_API_KEY": onward.key,
        "ONWARD_HOME": str(onward.folder / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "onward.cli", *words],
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout + done.stderr
