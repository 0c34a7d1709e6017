"""Questions as rows: what lists of them show, and the reminders that people get."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.contract import commands
from onward.contract import events as ev
from onward.process.metrics import Metrics
from onward_execution_state.leader import Leader
from onward_execution_state.life import life_of_events
from onward_execution_state.maintenance.reminding import Reminder, RemindSettings
from onward_execution_state.moments import new_id
from onward_execution_state.overview import Overview
from onward_execution_state.queries import Queries
from onward_execution_state.workers import Workers
from tests.live.execution_state.conftest import SOURCE, until_projected
from tests.live.execution_state.making import append
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import START, Walk, interleaved


def asking(seed, **fields):
    walk = Walk(random.Random(seed), at=START + timedelta(seconds=seed)).submit(task="report").claim()
    walk.append(ev.QuestionAsked, wait="question", text=f"Go on {seed}?", **fields)
    return walk.append(ev.Suspended, reason="waiting_for_input", due=fields.get("until"))


def answer(walk):
    walk._add(*commands.answer(walk.state, walk.moment, msgspec.Raw(b'"yes"'), None))
    return walk


@pytest.fixture
def ask(database):
    async def source():
        return SOURCE

    queries = Queries(
        database, source, Overview(database, Workers(START), None, None, None), patience_seconds=0.0
    )

    async def asked(**question):
        reply = await queries.answer(
            "onward.ask.state.questions", msgspec.json.encode({"project": "default"} | question)
        )
        return msgspec.json.decode(reply)

    return asked


async def project(projector_of, *made):
    await until_projected(projector_of(Recorded(interleaved(list(made)))))


async def test_a_question_is_listed_with_all_there_is_to_know_of_it(projector_of, ask):
    until = START + timedelta(hours=1)
    walk = asking(1, choices=("yes", "no"), to="Ada", until=until, default=msgspec.Raw(b'"no"'))
    await project(projector_of, walk)

    (shown,) = (await ask())["items"]

    names = ("execution_id", "question_id", "task", "text", "choices", "to", "status", "default")
    assert tuple(shown[name] for name in names) == (
        walk.state.id, "question", "report", "Go on 1?", ["yes", "no"], "Ada", "open", "no",
    )  # fmt: skip
    assert datetime.fromisoformat(shown["deadline"]) == until
    assert (shown["answer"], shown["answered_by"], shown["ended_at"]) == (None, None, None)


async def test_each_end_of_a_question_is_told(projector_of, ask):
    until = START + timedelta(hours=1)
    answered, expired = answer(asking(1)), asking(2, until=until).claim()
    withdrawn, still_open = asking(3), asking(4)
    withdrawn._add(*commands.cancel(withdrawn.state, withdrawn.moment, None))
    await project(projector_of, answered, expired, withdrawn, still_open)

    found = {item["execution_id"]: item for item in (await ask())["items"]}

    states = [found[walk.state.id]["status"] for walk in (answered, expired, withdrawn, still_open)]
    assert states == ["answered", "expired", "withdrawn", "open"]
    told = found[answered.state.id]
    assert (told["answer"], told["answered_by"]) == ("yes", "key:test")
    assert told["ended_at"] is not None


async def test_a_question_of_a_later_life_is_another_one(projector_of, ask):
    walk = answer(asking(1)).claim()
    walk.append(ev.Failed, reason="error", error=ev.Failure(type="E", message="m"))
    walk._add(*commands.retry(walk.state, walk.moment, fresh=True))
    walk.claim().append(ev.QuestionAsked, wait="question", text="Again?")
    await project(projector_of, walk)

    shown = [(item["text"], item["status"]) for item in (await ask())["items"]]

    assert shown == [("Again?", "open"), ("Go on 1?", "answered")]


async def test_a_list_shows_what_was_asked_for_page_by_page(projector_of, ask):
    made = [asking(seed, to="team:ops" if seed % 2 else "Ada") for seed in range(1, 8)]
    answer(made[0])
    await project(projector_of, *made)

    found, cursor = [], None
    while True:
        page = await ask(status=["open"], limit=2, cursor=cursor)
        found += [item["text"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert found == [f"Go on {seed}?" for seed in (7, 6, 5, 4, 3, 2)]
    assert [item["text"] for item in (await ask(to="Ada"))["items"]] == ["Go on 6?", "Go on 4?", "Go on 2?"]
    assert len((await ask(execution_id=made[3].state.id))["items"]) == 1
    assert (await ask(task="other"))["items"] == []
    assert (await ask(project="other"))["items"] == []


@pytest.mark.parametrize("wrong", [{"cursor": "nonsense"}, {"limit": 0}, {"execution_id": "x"}])
async def test_a_list_that_cannot_be_is_refused(ask, wrong):
    assert (await ask(**wrong))["problem"]["code"] == "invalid_parameter"


@pytest.fixture
async def reminder(bus, database, projector_of):
    leader = Leader(database, "reminding")
    projector = projector_of(bus.events, source=await life_of_events(bus.connection, lambda: 0.0)())
    made = Reminder(RemindSettings(), leader=leader, events=bus.events, new_id=new_id, metrics=Metrics())

    async def at(moment):
        await until_projected(projector)
        return (await made.run_once(moment)).reminded

    yield at
    await leader.close()


async def test_an_open_question_is_brought_to_mind_as_often_as_asked_for_and_no_more(bus, reminder):
    now = datetime.now(UTC)
    walk = Walk(random.Random(1), at=now).submit().claim()
    walk.append(ev.QuestionAsked, wait="question", text="Go on?", remind_every=60.0)
    await append(bus, walk)

    assert await reminder(now + timedelta(seconds=50)) == 0
    assert await reminder(now + timedelta(seconds=70)) == 1
    assert await reminder(now + timedelta(seconds=80)) == 0
    assert await reminder(now + timedelta(hours=10)) == 1
    assert await reminder(now + timedelta(hours=10, seconds=1)) == 0
    log = await bus.events.read("default", walk.state.id)
    assert [s.event.count for s in log.stored if isinstance(s.event, ev.QuestionReminded)] == [1, 2]


async def test_what_is_answered_is_not_brought_to_mind(bus, reminder):
    now = datetime.now(UTC)
    walk = Walk(random.Random(1), at=now).submit().claim()
    walk.append(ev.QuestionAsked, wait="question", text="Go on?", remind_every=60.0)
    answered = answer(walk)
    await append(bus, answered)

    assert await reminder(now + timedelta(hours=1)) == 0


async def test_a_projection_that_is_behind_reminds_nobody_twice(bus, database, projector_of):
    now = datetime.now(UTC)
    walk = Walk(random.Random(1), at=now).submit().claim()
    walk.append(ev.QuestionAsked, wait="question", text="Go on?", remind_every=60.0)
    await append(bus, walk)
    await until_projected(
        projector_of(bus.events, source=await life_of_events(bus.connection, lambda: 0.0)())
    )
    leader = Leader(database, "reminding")
    frozen = Reminder(RemindSettings(), leader=leader, events=bus.events, new_id=new_id, metrics=Metrics())

    rounds = [await frozen.run_once(now + timedelta(hours=1)) for _ in range(3)]

    assert [(found.due, found.reminded) for found in rounds] == [(1, 1), (1, 0), (1, 0)]
    await leader.close()
