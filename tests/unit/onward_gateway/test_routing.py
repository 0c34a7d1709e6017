"""Where a submission would go, and what it is warned of."""

import pytest

from onward.contract.places import EnvironmentSpec, QueueSpec
from tests.unit.onward_gateway.test_submit import PATH


@pytest.fixture
def prod(house):
    house.config.put("default", "environment", "prod", EnvironmentSpec(name="prod"))
    house.config.put(
        "default", "queue", "urgent", QueueSpec(name="urgent", environment="prod", max_running=7)
    )
    return house


async def warned(house, **fields):
    return (await house.submit("noop", **fields))["warnings"]


async def test_seed_routing_a_dry_run_says_where_it_would_go_and_who_listens_and_stores_nothing(prod):
    await prod.hear_worker(queue="urgent", holds={"e": "ack"})

    reply = await prod.call("POST", f"{PATH}/route", {"task": "noop", "queue": "urgent", "priority": 9})

    assert reply.status == 200
    route = reply.json
    assert (route["queue"], route["priority_class"], route["environment"]) == ("urgent", "high", "prod")
    assert [(one["worker_id"], one["takes"]) for one in route["workers"]] == [("w1", True)]
    assert (route["free_slots"], route["warnings"], route["denied"]) == (3, [], None)
    assert [(one["name"], one["max"]) for one in route["limits"]] == [("queue:urgent", 7)]
    assert prod.bus.events.last == 0, "nothing was stored"


async def test_a_dry_run_refuses_what_a_submission_would(prod):
    assert (await prod.call("POST", f"{PATH}/route", {"task": "unheard"})).status == 422
    assert (await prod.call("POST", f"{PATH}/route", {"task": "noop", "priority": 10})).status == 400


async def test_seed_routing_a_submission_is_warned_when_nobody_listens_or_its_queue_is_paused(prod):
    assert await warned(prod, queue="urgent") == ["no_worker", "no_worker_in_environment"]

    await prod.hear_worker(queue="urgent")
    assert await warned(prod, queue="urgent") == []
    assert await warned(prod, queue="urgent", environment="test") == [
        "other_environment",
        "no_worker_in_environment",
    ]

    prod.config.put("default", "queue", "urgent", QueueSpec(name="urgent", environment="prod", paused=True))
    assert await warned(prod, queue="urgent") == ["queue_paused"]


async def test_a_worker_that_rests_would_not_take_it(prod):
    await prod.hear_worker(queue="urgent", paused=True)

    route = (await prod.call("POST", f"{PATH}/route", {"task": "noop", "queue": "urgent"})).json

    assert ([one["takes"] for one in route["workers"]], route["warnings"]) == ([False], ["no_worker"])


async def test_seed_routing_an_environment_shows_its_queues_and_the_workers_attached(prod):
    path = "/api/v1/environments/prod"
    bare = (await prod.call("GET", path)).json
    assert (bare["queues"], bare["workers"]) == (["fast", "urgent"], [])

    await prod.hear_worker(queue="urgent")

    assert (await prod.call("GET", path)).json["workers"] == ["w1"]
