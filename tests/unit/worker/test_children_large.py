"""Children with large inputs: kept as their parent's, since they have no log yet."""

import json
from random import Random

from onward import Registry
from onward.bus import values
from onward.contract import events as ev
from onward.contract.errors import TooLarge
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


def out(state):
    return json.loads(bytes(state.output))


def test_a_large_input_of_a_child_comes_back_whole_and_stands_in_no_event():
    registry = Registry()

    @registry.task
    async def size(text: str) -> int:
        return len(text)

    @registry.task
    async def parent() -> int:
        return await size.run("x" * 300_000)

    async def main(_: Random):
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("parent")
        assert out(await shop.ended(execution)) == 300_000
        log = await shop.log(execution)
        assert sum(len(ev.encode(item.event)) for item in log.stored) < 10_000

    simulate(1, main)


def test_an_input_above_every_limit_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(values, "MOST", 400_000)
    registry = Registry()

    @registry.task
    async def size(text: str) -> int:
        return len(text)

    @registry.task
    async def parent() -> str:
        try:
            return str(await size.run("x" * 500_000))
        except TooLarge as error:
            return str(error)

    async def main(_: Random):
        shop = Workshop(registry)
        await shop.worker("one")
        said = out(await shop.ended(await shop.submit("parent")))
        assert "the input of a child of size is 500011 bytes" in said

    simulate(1, main)
