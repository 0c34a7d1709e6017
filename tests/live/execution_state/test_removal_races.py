"""What comes to the projection while a month leaves, or after it has left, is not lost."""

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest

from onward.contract import commands
from onward.contract.carry import carry
from onward.contract.lifecycle import fold
from tests.live.execution_state.months import NOW, Config, World, stopped_before_the_export, whole


@pytest.fixture
async def world(database, projector_of):
    made = World(database, projector_of)
    yield made
    for leader in made.leaders:
        await leader.close()


def brought_back(walk):
    """A person retries one whose log EVENTS has forgotten: what is appended then."""
    walk.at = NOW
    carried = carry(walk.state, walk.events, walk.moment)
    retried = commands.retry(fold(carried), walk.moment, fresh=False)
    walk.state = fold((*carried, *retried))
    return (*carried, *retried)


@pytest.mark.parametrize("export", ["none", "to come"])
async def test_one_retried_while_its_month_is_taken_out_lives_on(world, tmp_path, export):
    await world.fill()
    walk = world.made["failed"]
    appended = brought_back(walk)
    removal = world.removal(Config(), tmp_path / "export" if export == "to come" else None)
    if export == "to come":
        await stopped_before_the_export(removal, tmp_path / "export")
    else:
        await whole(removal)

    await world.arrive(*appended)
    assert await world.database.ask("select status from executions where id = $1", walk.state.id) == [
        ("pending",)
    ]

    end = len(walk.events)
    walk.claim().complete()
    await world.arrive(*walk.events[end:])
    await whole(removal)
    (row,) = await world.database.ask("select status, month from executions where id = $1", walk.state.id)
    assert (row["status"], f"{row['month']:%Y-%m}") == ("completed", "2026-11")
    assert await world.database.ask("select 1 from event_quarantine") == []


async def test_a_late_event_of_a_month_that_has_left_is_not_set_aside(world):
    await world.fill()
    await whole(world.removal(Config()))
    walk = world.made["open"]

    walk.step("late")
    await world.arrive(walk.events[-1])

    assert await world.database.ask("select 1 from event_quarantine") == []
    kept = await world.database.ask("select max(n) as n from events where execution_id = $1", walk.state.id)
    assert kept[0]["n"] == walk.state.n


REMOVES = """
import asyncio, sys
from pathlib import Path
from onward_execution_state.database import Database
from onward_execution_state.leader import Leader
from tests.live.execution_state.months import Config, removal_by, whole

async def main(url, folder):
    database = Database(url)
    await whole(removal_by(Leader(database, "removal"), database, Config(), Path(folder)))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_an_export_whose_process_is_killed_is_written_anew_and_nothing_is_dropped_before(
    world, tmp_path
):
    await world.fill()
    folder = tmp_path / "export"
    await stopped_before_the_export(world.removal(Config(), folder), folder)
    await world.leaders.pop().close()
    (taken_out,) = await world.database.ask("select id, events from removals")
    lock = await world.database.writer(durable=False)
    await lock.execute("begin")
    await lock.execute(f"lock table removed_{taken_out['id']}_ends in access exclusive mode")

    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", REMOVES, world.database._url, str(folder), cwd=Path(__file__).parents[3],
        env={"PYTHONPATH": "libs:services:."},
    )  # fmt: skip
    async with asyncio.timeout(60):
        while not list(folder.glob("*.partial/ends.ndjson.gz")):
            await asyncio.sleep(0.01)
    killed.kill()
    await killed.wait()
    assert [one.suffix for one in folder.iterdir()] == [".partial"]
    await lock.close()
    assert await world.shown(f"removed_{taken_out['id']}_executions")

    removal = world.removal(Config(), folder)
    async with asyncio.timeout(60):
        while (await whole(removal)).waits_for == "another replica":
            await asyncio.sleep(0.01)

    exported = sorted(folder.iterdir())
    assert [one.suffix for one in exported if one.suffix] == []
    manifests = [msgspec.json.decode((one / "manifest.json").read_bytes()) for one in exported]
    rows = {one["removal"]: {file["name"]: file["rows"] for file in one["files"]} for one in manifests}
    assert rows[taken_out["id"]]["events.ndjson.gz"] == taken_out["events"]
    assert {row["state"] for row in await world.database.ask("select state from removals")} == {"dropped"}
