import asyncio
import random
import uuid

import msgspec
from msgspec.json import encode

from onward.bus.ports import Raw
from onward.contract.lifecycle import fold
from onward.process.metrics import Metrics
from onward_execution_state.store import Source
from tests.live.execution_state.conftest import NOW, migrated, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.live.execution_state.tables import contents, digest
from tests.support.postgres import one_postgres
from tests.unit.onward_execution_state.histories import Walk, interleaved, stored, walks

NOTHING_WRONG = {"gaps": [], "event_quarantine": []}


async def rows(database):
    return {str(row["id"]): row for row in await database.ask("select * from executions")}


async def position(database, source="first"):
    return (await database.ask("select sequence from positions where incarnation = $1", source))[0][
        "sequence"
    ]


async def test_every_row_is_the_fold_of_its_events(database, projector_of):
    made = walks(seed=1, count=200)

    await until_projected(projector_of(Recorded(interleaved(made)), most=100))

    found = await rows(database)
    assert len(found) == 200
    for walk in made:
        row = found[walk.state.id]
        assert row["state"] == encode(walk.state) == encode(fold(walk.events))
        assert (row["status"], row["version"]) == (walk.state.status, len(walk.events))


class Chunks:
    """Hands out these batches one after another, whatever position is asked for."""

    def __init__(self, batches):
        self.batches = list(batches)

    async def scan(self, after, most):
        return self.batches.pop(0) if self.batches else []


async def test_j1_shuffled_doubled_events_give_equal_tables(postgres, database, projector_of):
    made = walks(seed=2, count=900)
    in_order = interleaved(made, seed=3)
    assert len(in_order) > 9_000
    other = await migrated(postgres.new_database())
    await until_projected(projector_of(Recorded(in_order)))

    doubled = in_order * 2
    random.Random(4).shuffle(doubled)
    batches = Chunks(doubled[at : at + 500] for at in range(0, len(doubled), 500))
    await until_projected(projector_of(batches, into=other))

    assert await digest(database) == await digest(other)
    assert await contents(other, *NOTHING_WRONG) == NOTHING_WRONG
    await other.close()


async def test_j1_an_event_that_comes_before_its_predecessor_waits_for_it(database, projector_of):
    made = Walk(random.Random(1)).submit().claim().step().complete()
    one, two, three, four = (stored(event, place) for place, event in enumerate(made.events, 1))
    events = Recorded([one, three, four])
    projector = projector_of(events)

    await until_projected(projector)
    assert (await rows(database))[made.state.id]["status"] == "pending"
    assert await contents(database, "gaps") == {"gaps": [(uuid.UUID(made.state.id),)]}

    events.raws.append(msgspec.structs.replace(two, sequence=5))
    await until_projected(projector)
    assert (await rows(database))[made.state.id]["status"] == "completed"
    assert await contents(database, *NOTHING_WRONG) == NOTHING_WRONG


async def test_j1_position_and_rows_move_together(database, projector_of):
    raws = interleaved(walks(seed=5, count=20))
    projector = projector_of(Recorded(raws), most=50)
    await projector.run_once(NOW)
    assert (await database.ask("select count(*) as n from events"))[0]["n"] == await position(database) == 50
    connection = await database.writer(durable=True)
    await connection.execute("update positions set sequence = 20")
    await connection.close()

    await projector.run_once(NOW)
    # It found another position than its own: nothing was written, and it reads on from there.
    assert (await database.ask("select count(*) as n from events"))[0]["n"] == 50
    await until_projected(projector)

    assert await position(database) == len(raws)
    assert (await database.ask("select count(*) as n from events"))[0]["n"] == len(raws)


async def test_j1_a_new_life_of_the_stream_is_read_from_its_own_beginning(database, projector_of):
    old, new = walks(seed=6, count=3), walks(seed=7, count=2)
    first = projector_of(Recorded(interleaved(old)))
    await until_projected(first)
    await first.close()

    await until_projected(projector_of(Recorded(interleaved(new)), source=Source("ONWARD_EVENTS", "second")))

    assert len(await rows(database)) == 5
    assert await position(database, "second") == sum(len(walk.events) for walk in new)


async def test_j2_a_bad_event_is_set_aside_raw_and_the_others_are_projected(database, projector_of):
    metrics = Metrics()
    made = walks(seed=8, count=30)
    raws = interleaved(made)
    unreadable = Raw(len(raws) + 1, "onward.ev.default.1.x.e", b'{"type":"comp')
    refused = stored(Walk(random.Random(1)).submit(queue="de\x00fault").events[0], len(raws) + 2)
    after = stored(Walk(random.Random(2)).submit().events[0], len(raws) + 3)
    events = Recorded([*raws, unreadable, refused, after])

    await until_projected(projector_of(events, metrics=metrics))

    kept = await database.ask("select sequence, subject, body, why from event_quarantine order by sequence")
    assert [(row["sequence"], row["body"]) for row in kept] == [
        (unreadable.sequence, unreadable.data),
        (refused.sequence, refused.data),
    ]
    assert "unreadable" in kept[0]["why"]
    assert "0x00" in kept[1]["why"]
    assert await position(database) == after.sequence
    assert len(await rows(database)) == 31
    assert "onward_quarantined_events_total 2" in metrics.render()


async def test_j2_an_event_that_may_not_follow_is_set_aside_and_stops_its_execution_only(
    database, projector_of
):
    made, other = walks(seed=9, count=2)
    illegal = msgspec.structs.replace(made.events[0], n=len(made.events) + 1)
    events = Recorded([*interleaved([made, other]), stored(illegal, 1000), stored(illegal, 1001)])

    await until_projected(projector_of(events))

    kept = await database.ask("select sequence from event_quarantine")
    assert [row["sequence"] for row in kept] == [1000]
    assert (await rows(database))[made.state.id]["version"] == len(made.events)
    assert await contents(database, "gaps") == {"gaps": []}


async def test_j2_a_type_of_a_newer_release_is_stored_and_not_folded(database, projector_of):
    made = Walk(random.Random(1)).submit().claim()
    body = (
        f'{{"type":"danced","id":"d","project":"default","execution_id":"{made.state.id}","n":3,'
        '"at":"2026-03-01T12:00:00Z","routes":["default.normal"],"steps":[1,2]}'
    ).encode()
    raws = [stored(event, place) for place, event in enumerate(made.events, 1)]
    danced = Raw(3, raws[1].subject, body)
    ended = stored(msgspec.structs.replace(made.complete().events[-1], n=4), 4)

    await until_projected(projector_of(Recorded([*raws, danced, ended])))

    (row,) = (await rows(database)).values()
    assert (row["version"], row["status"]) == (4, "completed")
    kept = await database.ask("select type, body from events where n = 3")
    assert (kept[0]["type"], kept[0]["body"]) == ("danced", body)


async def test_another_history_of_an_execution_is_set_aside(database, projector_of):
    made = Walk(random.Random(1)).submit().claim()
    events = Recorded(interleaved([made]))
    projector = projector_of(events)
    await until_projected(projector)

    events.raws.append(stored(msgspec.structs.replace(made.events[1], worker_id="another"), 3))
    await until_projected(projector)

    kept = await database.ask("select sequence, why from event_quarantine")
    assert [row["sequence"] for row in kept] == [3]
    assert (await rows(database))[made.state.id]["worker_id"] == "wk-1"


async def test_two_projectors_at_once_leave_what_one_would(postgres, database, projector_of):
    raws = interleaved(walks(seed=10, count=300))
    alone = await migrated(postgres.new_database())
    await until_projected(projector_of(Recorded(raws), into=alone))

    first, second = (projector_of(Recorded(raws), most=40) for _ in range(2))
    await asyncio.gather(until_led(database, first, len(raws)), until_led(database, second, len(raws)))

    assert await digest(database) == await digest(alone)
    assert sorted([first.position is None, second.position is None]) == [False, True]
    await alone.close()


async def test_two_that_both_believe_to_lead_write_nothing_twice(
    postgres, database, projector_of, monkeypatch
):
    raws = interleaved(walks(seed=11, count=200))
    alone = await migrated(postgres.new_database())
    await until_projected(projector_of(Recorded(raws), into=alone))

    projectors = [projector_of(Recorded(raws), most=30) for _ in range(2)]
    for projector in projectors:
        await projector.run_once(NOW)
        await projector._connection.execute("select pg_advisory_unlock_all()")
    assert None not in [projector.position for projector in projectors]
    await asyncio.gather(*(until_led(database, projector, len(raws)) for projector in projectors))

    assert await digest(database) == await digest(alone)
    await alone.close()


async def until_led(database, projector, last):
    """Runs a replica's rounds until somebody has projected everything."""
    while (await database.ask("select coalesce(max(sequence), 0) as at from positions"))[0]["at"] < last:
        await projector.run_once(NOW)


async def test_the_projection_goes_on_after_postgres_was_stopped_and_killed(projector_of):
    raws = interleaved(walks(seed=12, count=300))
    with one_postgres() as server:
        database = await migrated(server.new_database())
        projector = projector_of(Recorded(raws), into=database, most=200)
        for end in (server.stop, server.kill):
            await projector.run_once(NOW)
            end()
            assert await projector.run_once(NOW) == 0
            assert "Postgres does not answer" in projector.trouble
            server.start()
        await until_projected(projector)

        assert projector.trouble is None
        assert await position(database) == len(raws)
        assert (await database.ask("select count(*) as n from events"))[0]["n"] == len(raws)
        await projector.close()
        await database.close()


async def test_a_replica_takes_over_when_the_leader_is_gone(database, projector_of):
    events = Recorded(interleaved(walks(seed=13, count=20)))
    leader, standby = projector_of(events), projector_of(events)
    await until_projected(leader)
    assert await standby.run_once(NOW) == 0
    assert standby.position is None
    assert standby.trouble is None

    await leader.close()
    await standby.run_once(NOW)

    assert standby.position == len(events.raws)
