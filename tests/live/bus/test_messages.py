"""Core messages: order, requests, groups."""

import asyncio

import pytest

from onward.contract.errors import Unavailable
from tests.live.bus.making import creation, outcomes, until


async def test_messages_are_heard_in_order(bus, other, project):
    heard = []

    async def handle(subject, data):
        await asyncio.sleep(0)
        heard.append((subject, data))

    await other.messages.subscribe(f"test.{project}.>", handle)
    for i in range(200):
        await bus.messages.publish(f"test.{project}.a", str(i).encode())

    await until(lambda: len(heard) == 200)
    assert heard == [(f"test.{project}.a", str(i).encode()) for i in range(200)]


async def test_a_question_gets_the_reply(bus, other, project):
    async def handle(subject, data):
        return subject.encode() + b" " + data

    await other.messages.subscribe(f"ask.{project}", handle)

    assert await bus.messages.ask(f"ask.{project}", b"x", timeout=2) == f"ask.{project} x".encode()


async def test_questions_are_answered_beside_each_other(bus, other, project):
    all_here, count = asyncio.Event(), 0

    async def handle(_subject, data):
        nonlocal count
        count += 1
        if count == 10:
            all_here.set()
        await all_here.wait()
        return data

    await other.messages.subscribe(f"ask.{project}", handle, group="g")

    answers = await asyncio.gather(
        *(bus.messages.ask(f"ask.{project}", str(i).encode(), timeout=5) for i in range(10))
    )
    assert answers == [str(i).encode() for i in range(10)]


async def test_where_nobody_listens_the_answer_is_none_at_once(bus, project):
    async with asyncio.timeout(20):
        assert await bus.messages.ask(f"ask.{project}", b"", timeout=30) is None


async def test_where_nobody_answers_it_is_none_after_the_timeout(bus, other, project):
    async def handle(_subject, _data):
        return None

    await other.messages.subscribe(f"ask.{project}", handle)

    assert await bus.messages.ask(f"ask.{project}", b"", timeout=0.2) is None


async def test_silence_of_our_own_connection_is_no_answer(far, wire, project):
    wire.refuse = True
    wire.cut()
    await until(lambda: not far.connection.connected)

    with pytest.raises(Unavailable):
        await far.messages.ask(f"ask.{project}", b"", timeout=0.2)


async def test_a_connection_lost_while_waiting_is_no_answer_either(other, far, wire, project):
    async def handle(_subject, _data):
        return None

    await other.messages.subscribe(f"ask.{project}", handle)
    asking = asyncio.create_task(far.messages.ask(f"ask.{project}", b"", timeout=5))
    await far.connection.flush()

    wire.cut()

    with pytest.raises(Unavailable):
        await asking


async def test_one_of_a_group_hears_each_message(bus, other, project):
    heard = []

    async def handle(_subject, data):
        heard.append(data)

    for process in (bus, other):
        await process.messages.subscribe(f"test.{project}", handle, group="g")
    for i in range(50):
        await bus.messages.publish(f"test.{project}", str(i).encode())
    await bus.connection.flush()

    await until(lambda: len(heard) >= 50)
    assert sorted(heard, key=int) == [str(i).encode() for i in range(50)]


async def test_a_handler_that_fails_hears_the_next_message(bus, other, project):
    heard = []

    async def handle(_subject, data):
        if data == b"bad":
            raise ValueError("bad")
        heard.append(data)

    await other.messages.subscribe(f"test.{project}", handle)
    await bus.messages.publish(f"test.{project}", b"bad")
    await bus.messages.publish(f"test.{project}", b"good")

    await until(lambda: heard == [b"good"])


async def test_after_unsubscribing_nothing_is_heard(bus, other, project):
    heard = []

    async def handle(_subject, data):
        heard.append(data)

    unsubscribe = await other.messages.subscribe(f"test.{project}", handle)
    await unsubscribe()
    await bus.messages.publish(f"test.{project}", b"x")
    await bus.connection.flush()
    await other.connection.flush()

    assert heard == []


async def test_subscriptions_outlive_the_connection(bus, far, wire, project):
    heard = []

    async def handle(_subject, data):
        heard.append(data)

    await far.messages.subscribe(f"test.{project}", handle)
    told = []
    far.connection.watchers.append(told.append)
    wire.cut()
    await until(lambda: told == [False, True])
    await far.connection.flush()

    await bus.messages.publish(f"test.{project}", b"x")

    await until(lambda: heard == [b"x"])


async def test_every_stored_event_is_echoed(bus, other, project):
    heard = []

    async def handle(_subject, data):
        heard.append(data)

    await other.messages.subscribe(f"onward.echo.ev.{project}.>", handle)
    await outcomes(bus.events, *(creation(project) for _ in range(50)))

    await until(lambda: len(heard) == 50)
