import asyncio
import random
import uuid
from datetime import timedelta

import msgspec
import pytest

from onward.bus.depths import Depth
from onward.contract import history
from onward.contract.execution import Execution
from onward.contract.fingerprint import fingerprint
from onward.contract.view import view
from onward.process.metrics import Metrics
from onward_execution_state.database import Database
from onward_execution_state.overview import Overview
from onward_execution_state.project import Projector
from onward_execution_state.queries import Queries
from onward_execution_state.workers import Workers
from onward_execution_state.write import Writer
from tests.live.execution_state.conftest import NOW, SOURCE, migrated, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import START, Walk, interleaved, stored, walks
from tests.unit.onward_execution_state.test_workers import beat


@pytest.fixture(scope="module")
def made():
    found = walks(seed=21, count=100, longest=12)
    rng = random.Random(5)
    parent = found[0].state.id
    for place in range(10):
        # Five of each moment: a page ends between two of them.
        walk = Walk(rng, at=START + timedelta(seconds=500 + place // 5))
        found.append(walk.submit(parent_id=parent, environment="prod", agent_id="writer", team_id="press"))
    found.append(Walk(rng, project="other").submit())
    return found


@pytest.fixture
def workers():
    heard = Workers(START)
    heard.hear(beat(), NOW)
    return heard


@pytest.fixture(scope="module")
def filled(postgres, made):
    """The name of a database that holds what was made."""
    url = postgres.new_database()

    async def source():
        return SOURCE

    async def fill():
        database = await migrated(url)
        projector = Projector(Recorded(interleaved(made)), database, source, Metrics(), pace_seconds=0)
        await until_projected(projector)
        await projector.close()
        await database.close()

    asyncio.run(fill())
    return url.rpartition("/")[2]


@pytest.fixture
async def database(postgres, filled):
    opened = Database(postgres.url(filled))
    yield opened
    await opened.close()


@pytest.fixture
async def ask(database, made, workers):
    """Asks a question over a database that holds what was made."""

    async def source():
        return SOURCE

    async def depths(_project):
        return {("default", "normal"): Depth(waiting=3, held=1), ("idle", "low"): Depth(0, 0)}

    async def facts():
        return {"position": 1}

    overview = Overview(database, workers, depths, facts, lambda: NOW)
    answers = Queries(database, source, overview, patience_seconds=0.2)

    async def ask(name, **question):
        reply = await answers.answer(f"onward.ask.state.{name}", msgspec.json.encode(question))
        return msgspec.json.decode(reply)

    return ask


def ids(page):
    return [item["id"] for item in page["items"]]


def newest_first(walks_):
    ordered = sorted(walks_, key=lambda walk: (walk.state.created_at, uuid.UUID(walk.state.id)), reverse=True)
    return [walk.state.id for walk in ordered]


async def all_pages(ask, **question):
    found, cursor = [], None
    while True:
        page = await ask("list", project="default", cursor=cursor, **question)
        found += ids(page)
        cursor = page["next_cursor"]
        if cursor is None:
            return found


BROKE = fingerprint("ValueError", "it broke")
FILTERS = [
    ({}, lambda s: True),
    ({"status": ["running"]}, lambda s: s.status == "running"),
    ({"status": ["pending", "running"]}, lambda s: s.status in {"pending", "running"}),
    ({"status": ["failed"]}, lambda s: s.status == "failed"),
    ({"status": ["failed", "cancelled"]}, lambda s: s.status in {"failed", "cancelled"}),
    ({"status": ["completed", "running"]}, lambda s: s.status in {"completed", "running"}),
    ({"task": "shell"}, lambda s: s.task == "shell"),
    ({"queue": "gpu", "status": ["completed"]}, lambda s: s.queue == "gpu" and s.status == "completed"),
    ({"environment": "prod"}, lambda s: s.environment == "prod"),
    ({"agent_id": "writer"}, lambda s: s.agent_id == "writer"),
    ({"team": "press"}, lambda s: s.team_id == "press"),
    ({"worker": "wk-1"}, lambda s: s.worker_id == "wk-1"),
    ({"label": ["team=a"]}, lambda s: s.labels["team"] == "a"),
    ({"label": ["team=a", "batch=2"]}, lambda s: s.labels == {"team": "a", "batch": "2"}),
    (
        {"since": (START + timedelta(seconds=25)).isoformat()},
        lambda s: s.created_at >= START + timedelta(seconds=25),
    ),
    (
        {"until": (START + timedelta(seconds=25)).isoformat()},
        lambda s: s.created_at < START + timedelta(seconds=25),
    ),
    ({"error": BROKE}, lambda s: s.status == "failed" and s.error.message == "it broke"),
    ({"stalled": False}, lambda s: True),
    (
        {"task": "train", "queue": "gpu", "status": ["completed"]},
        lambda s: (s.task, s.queue, s.status) == ("train", "gpu", "completed"),
    ),
    ({"q": "port", "queue": "mail"}, lambda s: (s.task, s.queue) == ("report", "mail")),
    ({"q": "port"}, lambda s: s.task == "report"),
    ({"q": "019ca945"}, lambda s: s.id.startswith("019ca945")),
]


@pytest.mark.parametrize("asked, fits", FILTERS)
async def test_a_list_shows_exactly_what_fits_newest_first_page_by_page(ask, made, asked, fits):
    expected = newest_first(walk for walk in made if walk.state.project == "default" and fits(walk.state))
    assert expected

    assert await all_pages(ask, limit=7, **asked) == expected
    assert await all_pages(ask, limit=200, **asked) == expected


async def test_children_are_listed_by_their_parent(ask, made):
    assert len(await all_pages(ask, parent=made[0].state.id)) == 10


async def test_an_item_is_what_a_get_shows(ask, made):
    page = await ask("list", project="default", limit=1)

    (walk,) = [walk for walk in made if walk.state.id == page["items"][0]["id"]]
    assert page["items"][0] == msgspec.json.decode(msgspec.json.encode(view(walk.state)))


async def test_j3_a_list_says_up_to_where_it_knows_everything(ask, made):
    page = await ask("list", project="default", limit=1)

    assert page["as_of"]["position"] == sum(len(walk.events) for walk in made)
    assert page["as_of"]["at"] is not None


async def project_one(connection, raw):
    writer = Writer(connection, SOURCE, raw.sequence - 1, set())
    return await writer.write([raw], NOW) == []


async def test_j3_a_list_that_cannot_be_as_fresh_as_asked_says_how_fresh_it_is(ask, made):
    last = sum(len(walk.events) for walk in made)

    page = await ask("list", project="default", limit=1, min_position=last + 1)

    assert page["as_of"]["position"] == last


async def test_an_execution_comes_with_its_state_and_how_far_the_projection_is(ask, made):
    found = await ask("execution", project="default", id=made[3].state.id)

    state = msgspec.json.decode(msgspec.json.encode(found["execution"]), type=Execution)
    assert (state.id, state.n) == (made[3].state.id, len(made[3].events))
    assert found["position"] == sum(len(walk.events) for walk in made)


async def test_an_execution_of_another_project_is_not_there(ask, made):
    assert await ask("execution", project="other", id=made[3].state.id) is None
    assert await ask("events", project="other", id=made[3].state.id) == []


async def test_events_come_raw_and_in_order_and_from_where_one_asks(ask, made):
    walk = max(made, key=lambda walk: len(walk.events))

    everything = await ask("events", project="default", id=walk.state.id)
    later = await ask("events", project="default", id=walk.state.id, after=2)

    assert everything == [msgspec.json.decode(msgspec.json.encode(event)) for event in walk.events]
    assert later == everything[2:]
    assert await ask("events", project="default", id=walk.state.id, after=len(walk.events)) == []


@pytest.mark.parametrize("name", ["attempts", "steps", "checkpoints"])
async def test_history_is_told_from_the_stored_events(ask, made, name):
    walk = max(made, key=lambda walk: len(walk.events))

    told = await ask(name, project="default", id=walk.state.id)

    assert told == msgspec.json.decode(msgspec.json.encode(getattr(history, name)(walk.events)))


async def test_ids_are_found_by_their_beginning(ask, made):
    found = await ask("prefix", project="default", prefix=made[5].state.id[:20])

    assert found == [made[5].state.id]
    assert await ask("prefix", project="other", prefix=made[5].state.id[:20]) == []


async def test_queues_tell_what_waits_what_runs_and_since_when(ask, made):
    found = {queue["queue"]: queue for queue in await ask("queues", project="default")}

    held = [
        w.state for w in made if w.state.project == "default" and w.state.queue == "default" and open_held(w)
    ]
    ready = [
        w.state for w in made if w.state.project == "default" and w.state.queue == "default" and w.state.ready
    ]
    assert (found["default"]["waiting"], found["default"]["workers"]) == (3, 1)
    assert found["default"]["running"] == len(held)
    assert found["default"]["oldest"] is not None
    assert msgspec.convert(found["default"]["oldest"], type(NOW)) == min(s.updated_at for s in ready)
    assert found["idle"]["running"] == 0


def open_held(walk):
    return walk.state.held and not walk.state.ended


async def test_workers_are_listed(ask):
    (worker,) = await ask("workers", project="default")

    assert (worker["worker_id"], worker["status"]) == ("wk-1", "listening")


@pytest.mark.parametrize(
    "name, question, code",
    [
        ("list", {"project": "default", "colour": "red"}, "invalid_body"),
        ("list", {"project": "default", "limit": 0}, "invalid_parameter"),
        ("list", {"project": "default", "cursor": "zzz"}, "invalid_parameter"),
        ("list", {"project": "default", "task": "a\x00b"}, "invalid_parameter"),
        ("list", {}, "invalid_body"),
        ("prefix", {"project": "default", "prefix": "%"}, "invalid_parameter"),
        ("execution", {"project": "default", "id": "no-id"}, "invalid_parameter"),
        ("attempts", {"project": "default", "id": str(uuid.UUID(int=1))}, "not_found"),
    ],
)
async def test_what_cannot_be_answered_says_why(ask, name, question, code):
    assert (await ask(name, **question))["problem"]["code"] == code


async def test_while_postgres_is_away_a_question_is_answered_by_saying_so(ask, database):
    database._url = "postgresql://postgres@127.0.0.1:1/nobody"
    await database.close()
    database._pool = None

    for name in ("list", "execution", "events", "position", "prefix"):
        question = {"project": "default", "id": str(uuid.UUID(int=1)), "prefix": "01"}
        fields = {"list": ["project"], "position": [], "prefix": ["project", "prefix"]}.get(
            name, ["project", "id"]
        )
        assert (await ask(name, **{key: question[key] for key in fields}))["problem"]["code"] == "unavailable"
    queues = await ask("queues", project="default")
    assert [(queue["queue"], queue["waiting"], queue["running"]) for queue in queues] == [
        ("default", 3, None), ("idle", 0, None),
    ]  # fmt: skip


class TestWhileOthersWrite:
    """Each over a copy of what was made."""

    @pytest.fixture
    async def database(self, postgres, filled):
        opened = Database(postgres.new_database(template=filled))
        yield opened
        await opened.close()

    async def test_pages_neither_skip_nor_repeat_while_others_are_submitted(self, ask, made, database):
        first = await ask("list", project="default", limit=10)
        connection = await database.writer(durable=True)
        written = await connection.fetchval(
            "select string_agg(attname, ', ') from pg_attribute"
            " where attrelid = 'executions'::regclass and attnum > 0 and attgenerated = ''"
        )
        await connection.execute(
            f"insert into executions ({written}) select {written} from (select (jsonb_populate_record(e,"
            " jsonb_build_object('id', gen_random_uuid(), 'created_at', now()))).* from executions e limit 20) as made"
        )
        await connection.close()

        second = await ask("list", project="default", limit=10, cursor=first["next_cursor"])

        expected = newest_first(walk for walk in made if walk.state.project == "default")
        assert ids(first) + ids(second) == expected[:20]

    async def test_j3_a_list_waits_for_the_position_it_is_given(self, ask, database, made):
        last = sum(len(walk.events) for walk in made)
        late = Walk(random.Random(77), at=NOW).submit()
        asking = asyncio.create_task(ask("list", project="default", limit=1, min_position=last + 1))
        await asyncio.sleep(0)

        # Another replica's projector would do it; here the position itself is what is waited for.
        connection = await database.writer(durable=True)
        await connection.execute("update positions set sequence = $1", last)
        writer_of = await project_one(connection, stored(late.events[0], last + 1))
        page = await asking

        assert writer_of
        assert ids(page) == [late.state.id]
        assert page["as_of"]["position"] == last + 1
        await connection.close()

    async def test_j3_a_list_holds_all_that_it_says_while_others_write(self, ask, database, made):
        last = sum(len(walk.events) for walk in made)
        late = [Walk(random.Random(place), at=NOW).submit() for place in range(80)]
        connection = await database.writer(durable=False)
        await connection.execute("update positions set sequence = $1", last)

        async def write():
            for sequence, walk in enumerate(late, last + 1):
                assert await project_one(connection, stored(walk.events[0], sequence))

        writing, missing = asyncio.create_task(write()), []
        while not writing.done():
            page = await ask("list", project="default", limit=200)
            known = page["as_of"]["position"] - last
            missing += [walk.state.id for walk in late[:known] if walk.state.id not in ids(page)]
        await writing
        await connection.close()

        assert missing == []

    async def test_events_that_do_not_fit_into_one_message_come_in_several(self, database, ask):
        made = Walk(random.Random(2)).submit().claim()
        for place in range(12):
            made.step(f"step-{place}", b'"%s"' % (b"x" * 200_000))
        connection = await database.writer(durable=True)
        await connection.execute("update positions set sequence = 1000")
        for place, event in enumerate(made.events, 1001):
            assert await project_one(connection, stored(event, place))
        await connection.close()

        found, rounds = [], 0
        while chunk := await ask("events", project="default", id=made.state.id, after=len(found)):
            found, rounds = found + chunk, rounds + 1

        assert (len(found), rounds) == (14, 3)
