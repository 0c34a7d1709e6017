"""PROTOCOL, J3: a list says up to where it knows everything, and is as fresh as its caller asks."""

import asyncio

import msgspec

from onward.bus.ports import Raw
from onward_execution_state.fold import fold
from onward_execution_state.overview import Overview
from onward_execution_state.queries import _SQL, AsOf, Queries
from onward_execution_state.store import Source
from onward_execution_state.workers import Workers
from tests.simulation.installation import PROJECT, Installation, Setup, broken, first_broken
from tests.simulation.scenarios import tasks
from tests.simulation.test_projection_rules import Tables

SEEDS = range(20)
SLOWEST = 0.5
"""Seconds between two transactions of the projection, at most: less than an answer waits."""


class Postgres:
    """The tables in memory, for reading: a question takes a moment, and sees what is committed when it is answered."""

    def __init__(self, here: Installation) -> None:
        self.here, self.tables, self.position = here, Tables(here, fold), 0

    async def project(self) -> None:
        while True:
            await asyncio.sleep(self.here.random.uniform(0, SLOWEST))
            waiting = [raw for raw in self.here.archive if raw.sequence > self.position]
            if batch := waiting[: self.here.random.randint(20, 60)]:
                self.write(batch)

    def write(self, batch: list[Raw]) -> None:
        self.tables.write(batch)
        self.position = batch[-1].sequence

    async def ask(self, statement: str, *arguments: object) -> list[dict[str, object]]:
        await asyncio.sleep(self.here.random.uniform(0, 0.05))
        if statement == _SQL["as_of"]:
            return [{"sequence": self.position, "at": self.here.bus.now()}]
        assert statement in (_SQL["list_executions"], _SQL["list_in_facets"])
        return [
            {
                "id": key,
                "created_at": row.state.created_at,
                "state": msgspec.json.encode(row.state),
                "because": None,
                "since": None,
            }
            for key, row in self.tables.rows.items()
        ]


class SaysAfterwards(Queries):
    """PLANTED: reads the page first, and then how far the projection is."""

    async def _list(self, data):
        page = await super()._list(data)
        return msgspec.structs.replace(page, as_of=await self._as_of(None))


class AsItIs(Queries):
    """PLANTED: answers with what is there, whatever position was asked for."""

    async def _as_of(self, at_least: int | None) -> AsOf:
        return await super()._as_of(None)


def lists(queries: type[Queries]):
    """Somebody submits, and asks for a list that holds what was accepted; and any list holds what it says."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks))
        postgres = Postgres(here)
        here.client.process.run(postgres.project())

        async def others() -> None:
            while True:
                await here.client.submit("steps")
                await asyncio.sleep(random.uniform(0, 0.2))

        here.client.process.run(others())

        async def source() -> Source:
            return Source("ONWARD_EVENTS", "first")

        answers = queries(postgres, source, Overview(postgres, Workers(here.bus.now()), None, None, None))
        for _ in range(20):
            await here.client.submit("steps")
            heard = here.bus.events.last
            question = {"project": PROJECT, "limit": 200, "min_position": heard}
            reply = await answers.answer("onward.ask.state.list", msgspec.json.encode(question))
            page = msgspec.json.decode(reply)
            listed, position = {item["id"] for item in page["items"]}, page["as_of"]["position"]
            if position < heard:
                return f"as of {position}, asked for {heard}"
            accepted = {i for i, log in here.logs.items() if log[0].sequence <= position}
            if missing := accepted - listed:
                return f"as of {position}, and {len(missing)} are missing"
        return None

    return main


def test_j3_a_list_holds_what_its_caller_has_heard_of_and_all_that_it_says():
    assert broken(lists(Queries), SEEDS) == {}


def test_j3_a_position_read_after_the_page_promises_what_the_page_does_not_hold():
    assert "missing" in first_broken(lists(SaysAfterwards), SEEDS)


def test_j3_a_list_that_waits_for_no_position_is_older_than_its_caller():
    assert "asked for" in first_broken(lists(AsItIs), SEEDS)
