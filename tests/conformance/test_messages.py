"""Messages: what core messages promise, in memory and on NATS."""

import asyncio

import pytest

from tests.conformance.conftest import within

pytestmark = pytest.mark.timeout(60)


class Ear:
    """Listens, and remembers."""

    def __init__(self, reply: bytes | None = None) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.reply, self._more = reply, asyncio.Event()

    async def __call__(self, subject: str, data: bytes) -> bytes | None:
        self.heard.append((subject, data))
        self._more.set()
        return self.reply

    async def until(self, count: int) -> None:
        async with asyncio.timeout(40):
            while len(self.heard) < count:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
def subject(world):
    return f"onward.ctl.{world.project}"


async def hears(world, port, ear, subject) -> None:
    """Wait until what is published is heard: a subscription takes a moment to be known everywhere."""
    async with asyncio.timeout(40):
        while not ear.heard:
            await port.messages.publish(subject, b"probe")
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    ear.heard.clear()


async def test_who_listens_hears_in_order(world, port, other, subject):
    ear = Ear()
    await other.messages.subscribe(subject, ear)
    await hears(world, port, ear, subject)
    for i in range(20):
        await port.messages.publish(subject, b"%d" % i)
    await ear.until(20)
    assert ear.heard == [(subject, b"%d" % i) for i in range(20)]


async def test_a_star_stands_for_one_token(world, port, other, subject):
    ear = Ear()
    await other.messages.subscribe(f"{subject}.*", ear)
    await hears(world, port, ear, f"{subject}.x")
    for one in (subject, f"{subject}.a.b", f"{subject}.a"):
        await port.messages.publish(one, b"")
    await ear.until(1)
    assert [name for name, _ in ear.heard] == [f"{subject}.a"]


async def test_everybody_hears_but_of_a_group_only_one(world, port, other, subject):
    alone, also, first, second = Ear(), Ear(), Ear(), Ear()
    for ear, group in ((alone, None), (also, None), (first, "g"), (second, "g")):
        await other.messages.subscribe(subject, ear, group=group)
    await hears(world, port, alone, subject)
    also.heard.clear(), first.heard.clear(), second.heard.clear()
    for _ in range(10):
        await port.messages.publish(subject, b"x")
    await alone.until(10)
    await also.until(10)
    async with asyncio.timeout(40):
        while len(first.heard) + len(second.heard) < 10:
            await asyncio.sleep(0.01)
    assert (len(alone.heard), len(also.heard), len(first.heard) + len(second.heard)) == (10, 10, 10)


async def test_after_unsubscribing_nothing_is_heard(world, port, other, subject):
    gone, stays = Ear(), Ear()
    unsubscribe = await other.messages.subscribe(subject, gone)
    await other.messages.subscribe(subject, stays)
    await hears(world, port, stays, subject)
    gone.heard.clear()
    await unsubscribe()
    await asyncio.sleep(0.1)
    await port.messages.publish(subject, b"x")
    await stays.until(1)
    assert gone.heard == []


async def test_an_ask_gets_the_answer(world, port, other, subject):
    ear = Ear(reply=b"pong")
    await other.messages.subscribe(subject, ear)
    await hears(world, port, ear, subject)
    assert await port.messages.ask(subject, b"ping", timeout=2) == b"pong"
    assert ear.heard == [(subject, b"ping")]


async def test_an_ask_that_nobody_hears_is_none_at_once(port, subject):
    assert await within(1, port.messages.ask(f"{subject}.nobody", b"", timeout=5)) is None


async def test_an_ask_that_nobody_answers_is_none_in_time(world, port, other, subject):
    ear = Ear(reply=None)
    await other.messages.subscribe(subject, ear)
    await hears(world, port, ear, subject)
    assert await within(2, port.messages.ask(subject, b"", timeout=0.2)) is None


async def test_the_first_of_several_answers_counts(world, port, other, subject):
    ears = [Ear(reply=b"%d" % i) for i in range(3)]
    for ear in ears:
        await other.messages.subscribe(subject, ear)
    await hears(world, port, ears[-1], subject)
    assert await port.messages.ask(subject, b"", timeout=2) in {b"0", b"1", b"2"}


async def test_a_handler_that_fails_does_not_silence_those_that_follow(world, port, other, subject):
    from onward.contract.errors import Unavailable

    ear = Ear()

    async def handle(heard: str, data: bytes) -> None:
        await ear(heard, data)
        if data == b"bad":
            raise Unavailable

    await other.messages.subscribe(subject, handle)
    await hears(world, port, ear, subject)
    await port.messages.publish(subject, b"bad")
    await port.messages.publish(subject, b"good")
    await ear.until(2)
