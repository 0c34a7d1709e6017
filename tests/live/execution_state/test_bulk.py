"""Operations on many executions: kept in Postgres, carried out by whichever gateway comes, each item once."""

import asyncio
from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import OnwardError, Unavailable
from onward.process.loop import MORE
from onward.process.metrics import Metrics
from onward_execution_state.bulk import LEASE, BulkAnswers
from onward_execution_state.project import Projector
from onward_gateway.bulk_runner import BulkRunner
from tests.live.execution_state.conftest import NOW, SOURCE, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_gateway.door import House
from tests.unit.onward_gateway.test_executions import PATH, append, failed, started

BULK = "/api/v1/bulk-operations"


class Everything:
    """A gateway in memory, and Postgres behind it."""

    def __init__(self, database) -> None:
        self.house = House()
        self.now = NOW
        self.database = database
        self.answers = BulkAnswers(database, lambda: self.now, self.project)
        self.lost: list[str] = []
        """Questions whose answer gets lost."""
        self.recorded = Recorded()

        async def source():
            return SOURCE

        self.projector = Projector(self.recorded, database, source, Metrics(), pace_seconds=0)

    async def start(self):
        await self.house.state.start()
        for name, answer in self.answers.all().items():
            await self.house.state.process.messages.subscribe(subjects.ask("state", name), self._of(answer))

    def _of(self, answer):
        async def reply(subject, data):
            if subject.rpartition(".")[2] in self.lost:
                return msgspec.json.encode({"problem": {"code": "unavailable"}})
            try:
                return msgspec.json.encode(await answer(data))
            except OnwardError as error:
                return msgspec.json.encode({"problem": {"code": error.code, "message": str(error)}})

        return reply

    async def project(self):
        raws = self.house.bus.events.raws
        self.recorded.raws = [Raw(raw.sequence, raw.subject, raw.data) for raw in raws]
        await until_projected(self.projector)

    async def begin(self, **command):
        reply = await self.house.call("POST", BULK, command)
        assert reply.status == 202, reply.body
        return reply.json["id"]

    async def get(self, operation, part=""):
        reply = await self.house.call("GET", f"{BULK}/{operation}{part}")
        assert reply.status == 200, reply.body
        return reply.json

    def runner(self):
        return BulkRunner(self.house.gateway, per_second=100_000)

    async def finish(self, runner=None):
        runner = runner or self.runner()
        while await runner.run_once(NOW) is MORE:
            pass

    async def close(self):
        await self.answers.close()
        await self.projector.close()


@pytest.fixture
async def all_of(database):
    made = Everything(database)
    await made.start()
    yield made
    await made.close()


async def status(all_of, execution):
    return (await all_of.house.call("GET", f"{PATH}/{execution['id']}")).json["status"]


async def test_seed_bulk_cancels_what_matches_and_nothing_else(all_of):
    house = all_of.house
    wanted = [await house.submit(queue="fast") for _ in range(5)]
    other = await house.submit()
    preview = await house.call(
        "POST", BULK, {"action": "cancel", "filter": {"queue": "fast"}, "dry_run": True}
    )

    operation = await all_of.begin(
        action="cancel", filter={"status": "pending", "queue": "fast"}, reason="moved"
    )
    await all_of.finish()

    assert preview.json["matched"] == 5
    assert {await status(all_of, one) for one in wanted} == {"cancelled"}
    assert await status(all_of, other) == "pending"
    found = await all_of.get(operation)
    assert (found["status"], found["total"], found["done"]) == ("completed", 5, 5)
    log = await house.process.events.read("default", wanted[0]["id"])
    assert log.stored[-1].event.actor.endswith(f"(bulk {operation})")
    assert log.stored[-1].event.because == "moved"


async def test_each_item_says_what_became_of_it(all_of):
    house = all_of.house
    first, second, third = [await house.submit() for _ in range(3)]
    operation = await all_of.begin(action="cancel", filter={"status": ["pending"]})
    await append(house, second["id"], started)
    await append(house, third["id"], started)
    await append(house, third["id"], failed)

    await all_of.finish()

    items = {item["execution_id"]: item for item in (await all_of.get(operation, "/items"))["items"]}
    assert items[first["id"]]["outcome"] == "done"
    assert (items[second["id"]]["outcome"], items[second["id"]]["detail"]) == ("skipped", "it is running now")
    assert items[third["id"]]["detail"] == "it is failed now"
    skipped = await all_of.get(operation, "/items?outcome=skipped")
    assert len(skipped["items"]) == 2
    assert await status(all_of, second) == "running"


async def test_a_gateway_lost_on_the_way_is_followed_by_another_and_no_item_is_done_twice(all_of):
    house = all_of.house
    many = [await house.submit() for _ in range(20)]
    operation = await all_of.begin(action="pause", filter={"status": "pending"})
    all_of.lost = ["bulk_report"]
    await all_of.runner().run_once(NOW)
    assert (await all_of.get(operation))["done"] == 0
    all_of.lost = []

    assert await all_of.runner().run_once(NOW) is None, "another one works on it"
    all_of.now += LEASE + timedelta(seconds=1)
    await all_of.finish()

    assert (await all_of.get(operation))["done"] == 20
    events = Counter(type(ev.decode(raw.data)).__name__ for raw in house.bus.events.raws)
    assert events == {"Submitted": 20, "Paused": len(many)}


async def test_an_aborted_operation_begins_no_further_item(all_of):
    for _ in range(3):
        await all_of.house.submit()
    operation = await all_of.begin(action="cancel", filter={"status": "pending"})

    reply = await all_of.house.call("POST", f"{BULK}/{operation}/abort")
    await all_of.finish()

    assert reply.json["status"] == "aborting"
    found = await all_of.get(operation)
    assert (found["status"], found["done"]) == ("aborted", 0)
    assert [item["outcome"] for item in (await all_of.get(operation, "/items?outcome=open"))["items"]] == [
        None
    ] * 3


async def test_while_postgres_is_away_an_operation_waits(all_of):
    await all_of.house.submit()
    all_of.lost = ["bulk_take"]

    assert await all_of.runner().run_once(NOW) is None


async def test_the_same_key_begins_one_operation(all_of):
    await all_of.house.submit()
    once = {"action": "cancel", "filter": {"status": "pending"}, "idempotency_key": "friday"}

    assert await all_of.begin(**once) == await all_of.begin(**once)
    other = await all_of.house.call("POST", BULK, {**once, "action": "pause"})

    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert len((await all_of.house.call("GET", BULK)).json["items"]) == 1


async def test_seed_bulk_moves_and_reprioritises_what_waits(all_of):
    execution = await all_of.house.submit()

    await all_of.begin(action="move", queue="fast", filter={"status": "pending"})
    await all_of.begin(action="reprioritise", priority=9, filter={"status": "pending"})
    await all_of.finish()

    found = (await all_of.house.call("GET", f"{PATH}/{execution['id']}")).json
    assert (found["queue"], found["priority"], found["status"]) == ("fast", 9, "pending")


async def test_seed_review_failures_all_of_one_error_are_retried(all_of):
    house = all_of.house
    same, other = [await house.submit() for _ in range(2)], await house.submit()
    for one, fingerprint in ((same[0], "aa"), (same[1], "aa"), (other, "bb")):
        await append(house, one["id"], started)
        error = ev.Failure(type="ValueError", message="no", fingerprint=fingerprint)
        await append(
            house, one["id"], lambda fields, error=error: ev.Failed(**fields, reason="error", error=error)
        )

    await all_of.begin(action="retry", filter={"status": "failed", "error": "aa"})
    await all_of.finish()

    assert [await status(all_of, one) for one in (*same, other)] == ["pending", "pending", "failed"]


async def test_what_was_purged_is_retried_too(all_of):
    house = all_of.house
    one = await house.submit()
    await append(house, one["id"], started)
    await append(house, one["id"], failed)
    await all_of.project()
    house.purge()

    operation = await all_of.begin(action="retry", filter={"status": "failed"})
    await all_of.finish()

    assert (await all_of.get(operation))["done"] == 1
    assert await status(all_of, one) == "pending"


REFUSED = [
    ({"action": "cancel"}, 400, "an empty filter finds every execution"),
    ({"action": "cancel", "filter": {}}, 400, "an empty filter"),
    ({"action": "cancel", "filter": {"statsu": "pending"}}, 400, "there is no parameter 'statsu'"),
    ({"action": "cancel", "filter": {"status": "nope"}}, 400, "status"),
    ({"action": "cancel", "filter": {"limit": 5}}, 400, "an operation has no pages"),
    ({"action": "cancel", "filter": {"task": {"x": 1}}}, 400, "a text, a number, or a list"),
    ({"action": "move", "filter": {"status": "pending"}}, 400, "move needs it"),
    ({"action": "cancel", "queue": "fast", "filter": {"status": "pending"}}, 400, "it belongs to move"),
    ({"action": "move", "queue": "nope", "filter": {"status": "pending"}}, 422, "there is no queue"),
    ({"action": "explode", "filter": {"status": "pending"}}, 400, "action"),
]


@pytest.mark.parametrize("command, code, why", REFUSED)
async def test_what_cannot_be_meant_is_refused(all_of, command, code, why):
    reply = await all_of.house.call("POST", BULK, command)

    assert (reply.status, why in reply.body.decode()) == (code, True), reply.body


async def test_with_all_an_empty_filter_means_every_execution(all_of):
    await all_of.house.submit()

    await all_of.begin(action="pause", all=True)
    await all_of.finish()


async def test_an_operation_of_another_project_is_not_there(all_of):
    await all_of.house.submit()
    operation = await all_of.begin(action="cancel", filter={"status": "pending"})
    stranger = all_of.house.add_key("other")

    for method, part in (("GET", ""), ("GET", "/items"), ("POST", "/abort")):
        assert (await all_of.house.call(method, f"{BULK}/{operation}{part}", key=stranger)).status == 404


async def test_nothing_begins_before_the_projection_knows_what_was_accepted(all_of):
    async def behind():
        raise Unavailable("the projection is behind")

    all_of.answers._caught_up = behind

    reply = await all_of.house.call("POST", BULK, {"action": "cancel", "filter": {"status": "pending"}})

    assert reply.status == 503
    await asyncio.sleep(0)
