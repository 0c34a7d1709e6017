"""What comes to the projection while a month leaves, or after it has left, is not lost."""

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
