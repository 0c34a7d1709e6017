"""Tasks that follow each other, and an installation in memory to submit them in."""

import asyncio
import json
from random import Random
from typing import Any

from onward import Fatal, Registry, Retry
from onward.contract import decide
from onward.contract import events as ev
from onward.contract.log import Decision
from onward.contract.triggers import shown
from onward.testing.virtual_loop import simulate
from tests.support.builders import raw
from tests.support.workshop import Workshop

registry = Registry()


@registry.task(retry=Retry(attempts=1))
async def build(fail: bool = False, size: int = 1) -> dict[str, str]:
    if fail:
        raise Fatal("does not compile")
    return {"path": "a" * size}


@registry.task
async def publish(path: str, kind: str = "plain") -> str:
    return f"{kind} {path[:10]} {len(path)}"


@registry.task
async def alarm(execution: dict, output: Any, error: dict | None) -> str:
    return f"{execution['task']} {execution['status']}: {error['message'] if error else execution['reason']}"


@registry.task
async def tidy() -> str:
    return "tidy"


def branch(on, task, **fields):
    return ev.Trigger(on=on, task=task, queue="default", **fields)


TIDY = raw(None)
EACH = (branch("success", "publish"), branch("failure", "alarm"), branch("any", "tidy", input=TIDY))


class Shop(Workshop):
    async def begin(self, then, given=None, **fields):
        moment = self.gateway.moment()
        first = decide.submit(
            execution_id=moment.new_id(), project="default", moment=moment, queue="default", priority=5, run_at=None,
            task="build", input=raw(given or {}), then=then, retry=Retry(attempts=1), **fields,
        )  # fmt: skip
        decision = Decision(project="default", execution_id=first.execution_id, expected=0, events=(first,))
        await self.gateway.events.append(decision)
        return first.execution_id

    async def branches(self, execution):
        return {one.on: one for one in shown((await self.log(execution)).execution)}

    async def followed(self, execution, on="success"):
        """The follow-up of a branch, ended."""
        one = (await self.branches(execution))[on]
        async with asyncio.timeout(300):
            while True:
                try:
                    return await self.ended(one.execution_id)
                except KeyError:
                    await asyncio.sleep(0.1)


def played(main):
    async def play(_: Random):
        shop = Shop(registry)
        await shop.worker("one")
        await main(shop)

    simulate(1, play)


def out(state):
    return json.loads(bytes(state.output))
