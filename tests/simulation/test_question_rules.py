"""Answers and events that race while workers die and stores fail: one answer counts, and every event counts once."""

import asyncio

import msgspec
from msgspec.structs import replace

from onward.contract import commands
from onward.contract import events as ev
from onward.contract.execution import Status
from onward.tasks import asking, context
from onward.tasks.registry import Registry
from onward.testing.faults import ROUGH
from tests.simulation.installation import Client, Installation, Setup, broken, said, until
from tests.support.builders import raw

SEEDS = range(25)
RACERS = 5
LINES = 4


def tasks(worker):
    registry = Registry()

    async def step(name):
        session = context.execution()
        worker.effect(session.execution_id, f"/{name}", session.attempt, "begin")
        await asyncio.sleep(worker.process.random.random())
        worker.effect(session.execution_id, f"/{name}", session.attempt, "end")
        return name

    @registry.task
    async def order():
        await context.step("before", step, "before")
        answer = await asking.ask("Who?")
        lines = [await asking.wait_event("line", int) for _ in range(LINES)]
        await context.step("after", step, "after")
        return [answer, *lines]

    return registry


async def sends(here, client, execution_id, number):
    """One event, sent by somebody who is never sure that it got through."""

    def event(state):
        return commands.receive(
            state, client.process.moment(), name="line", value=raw(number), key=f"line-{number}"
        )

    for _ in range(3):
        await client.change(execution_id, "event", event)
        await asyncio.sleep(here.random.uniform(0, 2))


async def answers(here, client, execution_id):
    await until(lambda: here.asks(execution_id))
    await asyncio.sleep(here.random.uniform(0, 0.05))
    return client.name if await client.answer(execution_id, client.name) else None


async def race(random):
    here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
    clients = [Client(here.bus, here.book, f"person-{number}") for number in range(RACERS)]
    execution_id = await here.client.submit("order")
    worn = asyncio.ensure_future(here.wear(30))
    sent = [asyncio.ensure_future(sends(here, here.client, execution_id, number)) for number in range(LINES)]
    accepted = await asyncio.gather(*(answers(here, client, execution_id) for client in clients))
    await asyncio.gather(*sent)
    await worn
    await here.settled()
    state = here.state(execution_id)
    assert state.status is Status.COMPLETED, state.error
    answer, *lines = msgspec.json.decode(state.output)
    told = [name for name in accepted if name]
    stored = [item.event for item in here.logs[execution_id] if isinstance(item.event, ev.Answered)]
    assert len(stored) == 1
    assert len(told) <= 1, f"accepted twice: {told}"
    assert not told or told == [answer], f"{told} accepted, {answer} used"
    assert sorted(lines) == list(range(LINES)), lines
    return said(here.report())


def test_of_racing_answers_one_counts_and_every_event_counts_once_whoever_dies():
    assert broken(race, SEEDS) == {}


def test_without_keys_an_event_that_is_sent_again_counts_again(monkeypatch):
    plain = commands.receive

    def forgetful(state, moment, **given):
        """PLANTED: the sender's key is not remembered."""
        return plain(replace(state, received=()), moment, **given)

    monkeypatch.setattr(commands, "receive", forgetful)
    assert broken(race, range(10))


def test_a_second_answer_that_were_taken_would_be_noticed(monkeypatch):
    plain = commands.answer

    def generous(state, moment, given, question_id):
        """PLANTED: an answered question is open again."""
        waits = {key: replace(wait, done=False) for key, wait in state.waits.items()}
        return plain(replace(state, waits=waits), moment, given, question_id)

    monkeypatch.setattr(commands, "answer", generous)
    assert broken(race, range(10))
