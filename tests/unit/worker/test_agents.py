"""What a task's code sees of the agent it performs for."""

import dataclasses
import json
from random import Random

from onward import Registry, agent
from onward.contract import decide
from onward.contract.events import AgentSnapshot
from onward.contract.log import Decision
from onward.testing.virtual_loop import simulate
from tests.support.builders import raw
from tests.support.workshop import Workshop


@dataclasses.dataclass
class Prompting:
    model: str
    tools: list[str]


registry = Registry()


@registry.task
async def review() -> list:
    mine = agent()
    if mine is None:
        return [None]
    return [mine.name, mine.version, mine.config["model"], mine.config_as(Prompting).tools]


def performed(snapshot):
    async def main(_: Random):
        shop = Workshop(registry)
        await shop.worker("one")
        moment = shop.gateway.moment()
        first = decide.submit(
            execution_id=moment.new_id(), project="default", moment=moment, queue="default", priority=5, run_at=None,
            task="review", input=raw({}), agent=snapshot,
        )  # fmt: skip
        decision = Decision(project="default", execution_id=first.execution_id, expected=0, events=(first,))
        await shop.gateway.events.append(decision)
        return json.loads(bytes((await shop.ended(first.execution_id)).output))

    return simulate(1, main)


def test_the_code_reads_the_configuration_it_was_submitted_with():
    config = raw({"model": "large", "tools": ["search"]})
    assert performed(AgentSnapshot(name="reviewer", version=3, config=config)) == [
        "reviewer",
        3,
        "large",
        ["search"],
    ]


def test_without_an_agent_there_is_none_inside_an_execution_or_outside():
    assert performed(None) == [None]
    assert agent() is None
