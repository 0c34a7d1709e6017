import random
from datetime import UTC, datetime, timedelta

import pytest

from onward.bus.ports import Raw
from onward.contract.carry import carry
from onward.contract.errors import Conflict, Unavailable
from onward.contract.log import Log as Whole
from onward.contract.log import Stored
from onward_execution_state.rebuild import Difference, Log, rebuild, verify
from onward_execution_state.statements import load
from onward_execution_state.store import Source
from onward_execution_state.write import Writer
from tests.live.execution_state.conftest import NOW, SOURCE, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.live.execution_state.tables import digest
from tests.unit.onward_execution_state.histories import Walk, interleaved, stored, walks


@pytest.fixture
async def connection(database):
    opened = await database.writer(durable=True)
    yield opened
    await opened.close()


@pytest.fixture
def recorded():
    raws = interleaved(walks(seed=41, count=150))
    return Recorded([*raws, Raw(len(raws) + 1, "onward.ev.default.1.x.e", b"nonsense")])


def log(recorded, first=1):
    return Log(events=recorded, source=SOURCE, first_sequence=first)


async def test_a_rebuild_from_the_log_gives_an_equal_hash(database, projector_of, recorded):
    await until_projected(projector_of(recorded))
    before = await digest(database)

    position = await rebuild(database._url, log(recorded), NOW)

    assert position == recorded.raws[-1].sequence
    assert await digest(database) == before


class Unsteady(Recorded):
    """Every other answer comes too late."""

    asked = 0

    async def scan(self, after, most):
        self.asked += 1
        if self.asked % 2:
            raise Unavailable("NATS did not answer in time")
        return await super().scan(after, most)


async def test_a_rebuild_bears_answers_that_are_late(database, projector_of, recorded):
    await until_projected(projector_of(recorded))
    before = await digest(database)

    await rebuild(database._url, log(Unsteady(recorded.raws)), NOW)

    assert await digest(database) == before


async def test_a_rebuild_mends_what_was_damaged(database, connection, projector_of, recorded):
    await until_projected(projector_of(recorded))
    before = await digest(database)
    await connection.execute(
        "update executions set reason = 'damaged', version = version + 5 where status = 'running'"
    )
    await connection.execute("delete from executions where status = 'completed'")
    await connection.execute("delete from events where n = 2")
    await connection.execute("update events set body = '{}' where n = 3")
    assert await digest(database) != before

    await rebuild(database._url, log(recorded), NOW)

    assert await digest(database) == before


async def test_history_that_was_purged_from_the_log_outlives_a_rebuild(database, projector_of):
    """Some lost all events, some their first ones, and what is open was carried."""
    made = walks(seed=42, count=120)
    raws = interleaved(made)
    floor = len(raws) // 2
    for walk in made:
        if not walk.state.ended:
            raws += [stored(event, len(raws) + 1) for event in carry(walk.state, in_force(walk), walk.moment)]
    recorded = Recorded(raws)
    await until_projected(projector_of(recorded))
    before = await digest(database)

    left = Recorded([raw for raw in raws if raw.sequence > floor])
    await rebuild(database._url, log(left, first=floor + 1), NOW)

    assert await digest(database) == before


def in_force(walk):
    return Whole.of(Stored(event.n, event) for event in walk.events).checkpoints().values()


async def test_the_projection_goes_on_through_a_rebuild(database, projector_of, recorded):
    projector = projector_of(recorded)
    await until_projected(projector)

    await rebuild(database._url, log(recorded), NOW)
    late = Walk(random.Random(99), at=datetime.now(UTC)).submit()
    recorded.raws.append(stored(late.events[0], recorded.raws[-1].sequence + 1))
    while not await database.ask("select 1 from executions where id = $1", late.state.id):
        await projector.run_once(NOW)

    assert await verify(database._url, log(recorded), NOW) == []


async def test_verify_finds_nothing_in_tables_that_are_right(database, projector_of, recorded):
    await until_projected(projector_of(recorded))

    assert await verify(database._url, log(recorded), NOW) == []


async def test_verify_forgives_what_is_not_projected_yet(database, projector_of, recorded):
    await projector_of(recorded, most=300).run_once(NOW)

    assert await verify(database._url, log(recorded), NOW) == []


@pytest.mark.parametrize(
    "damage_told",
    [
        ("update executions set reason = 'damaged' where version = 7", "the log makes 7"),
        ("delete from executions where version = 7", "the row has version None"),
        ("delete from events where n = 2", "event 2 is missing"),
        ("update events set body = '{}' where n = 2", "event 2 is not as in the log"),
    ],
)
async def test_verify_names_what_differs(database, connection, projector_of, recorded, damage_told):
    damage, told = damage_told
    await until_projected(projector_of(recorded))
    await connection.execute(damage)

    found = await verify(database._url, log(recorded), NOW)

    assert found
    assert all(isinstance(difference, Difference) and told in difference.what for difference in found)


async def test_a_verify_leaves_nothing_behind(database, connection, projector_of, recorded):
    await until_projected(projector_of(recorded))

    await verify(database._url, log(recorded), NOW)

    assert await connection.fetchval("select to_regnamespace('onward_fresh')") is None


async def test_one_rebuild_at_a_time(database, connection, recorded):
    assert await connection.fetchval(load("rebuild.sql")["lock"])

    with pytest.raises(Conflict):
        await rebuild(database._url, log(recorded), NOW)


async def test_other_lives_of_the_stream_are_kept(database, connection, projector_of, recorded):
    await connection.execute(
        "insert into positions values ('ONWARD_EVENTS', 'older', 7, $1)", NOW - timedelta(days=1)
    )
    old = Walk(random.Random(5)).submit().claim().complete()
    writer = Writer(connection, Source("ONWARD_EVENTS", "older"), 7, set())
    await writer.write([stored(event, place) for place, event in enumerate(old.events, 100_008)], NOW)
    await until_projected(projector_of(recorded))
    before = await digest(database)

    await rebuild(database._url, log(recorded), NOW)

    assert await digest(database) == before
    assert await connection.fetchval("select sequence from positions where incarnation = 'older'") == 100_010


async def test_what_was_moved_to_another_month_is_kept_once_over_several_lives(
    database, connection, projector_of, recorded
):
    await connection.execute(
        "insert into positions values ('ONWARD_EVENTS', 'older', 7, $1)", NOW - timedelta(days=1)
    )
    await until_projected(projector_of(recorded))
    before = await digest(database)
    # As the removal of a month does it with what belongs to open executions.
    await connection.execute("select make_place('default', '2031-05-01')")
    await connection.execute(
        """update events set month = '2031-05-01' where retention = 'default'
            and execution_id in (select id from executions where retention = 'open')"""
    )

    await rebuild(database._url, log(recorded), NOW)

    doubles = "select execution_id, n from events group by execution_id, n having count(*) > 1"
    assert await connection.fetch(doubles) == []
    assert await digest(database) == before
