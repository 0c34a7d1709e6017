"""A queue is paused with who did it, keeps what people set, and is not deleted while something needs it."""

import msgspec

from onward.contract import subjects
from onward.contract.places import QueueSpec

QUEUES = "/api/v1/queues"


async def holding(house, queue, waiting):
    async def reply(_subject, _data):
        return msgspec.json.encode([{"queue": queue, "waiting": waiting}])

    return await house.state.process.messages.subscribe(subjects.ask("state", "queues"), reply)


async def test_a_queue_says_who_paused_it_since_when_and_forgets_it_when_it_goes_on(house):
    await house.call("POST", "/api/v1/environments", {"name": "prod"})
    paused = (await house.call("PATCH", f"{QUEUES}/fast", {"paused": True, "paused_because": "deploy"})).json
    again = (await house.call("PATCH", f"{QUEUES}/fast", {"priority": 8})).json
    resumed = (await house.call("PATCH", f"{QUEUES}/fast", {"paused": False, "paused_because": None})).json

    assert paused["paused_by"].startswith("key:")
    assert paused["paused_since"] is not None
    assert [again[member] for member in ("paused", "paused_by", "paused_since", "paused_because")] == [
        paused[member] for member in ("paused", "paused_by", "paused_since", "paused_because")
    ]
    assert (resumed["paused"], resumed["paused_by"], resumed["paused_since"]) == (False, None, None)


async def test_nobody_can_say_that_somebody_else_paused_it(house):
    refused = await house.call("PATCH", f"{QUEUES}/fast", {"paused": True, "paused_by": "ann"})

    assert refused.json["errors"][0]["pointer"] == "/paused_by"


async def test_the_default_queue_is_there_before_anybody_writes_it_and_can_be_changed(house):
    shown = await house.call("GET", f"{QUEUES}/default")
    changed = await house.call("PATCH", f"{QUEUES}/default", {"priority": 7}, headers=[(b"if-match", b'"0"')])

    assert (shown.status, shown.json["version"], shown.headers["etag"]) == (200, 0, '"0"')
    assert (changed.json["priority"], changed.json["version"]) == (7, 1)
    assert (await house.call("DELETE", f"{QUEUES}/default")).code == "still_used"


async def test_a_queue_is_deleted_only_when_it_is_empty_and_nobody_listens(house):
    stop = await holding(house, "fast", 3)
    full = await house.call("DELETE", f"{QUEUES}/fast")
    await stop()
    await holding(house, "fast", 0)
    await house.hear_worker(queue="fast")
    served = await house.call("DELETE", f"{QUEUES}/fast")
    house.seconds += 10.1
    free = await house.call("DELETE", f"{QUEUES}/fast")

    assert (full.code, "3 waiting" in full.json["detail"]) == ("still_used", True)
    assert (served.code, "workers" in served.json["detail"]) == ("still_used", True)
    assert free.status == 204


async def test_a_queue_is_not_deleted_while_nobody_can_say_whether_it_is_empty(house):
    assert (await house.call("DELETE", f"{QUEUES}/fast")).status == 503
    assert (await house.call("GET", f"{QUEUES}/fast")).status == 200


async def test_resources_are_written_and_read_while_nobody_but_nats_is_there(house):
    await house.state.stop()

    made = await house.call("POST", QUEUES, {"name": "gpu", "max_running": 2})
    changed = await house.call("PATCH", f"{QUEUES}/gpu", {"paused": True})
    listed = (await house.call("GET", QUEUES)).json["items"]

    assert (made.status, changed.status) == (201, 200)
    assert [(one["name"], one["waiting"]) for one in listed if one["paused"]] == [("gpu", None)]


async def test_an_environment_is_not_deleted_while_a_queue_is_in_it(house):
    await house.call("POST", "/api/v1/environments", {"name": "prod"})

    refused = await house.call("DELETE", "/api/v1/environments/prod")

    assert (refused.code, "fast" in refused.json["detail"]) == ("still_used", True)


async def test_seed_queue_capacity_is_listed_with_depth_workers_and_what_people_set(house):
    await holding(house, "fast", 3)
    house.config.put("default", "queue", "fast", QueueSpec(name="fast", max_running=2, paused=True))

    (default, fast) = (await house.call("GET", QUEUES)).json["items"]

    assert (default["name"], default["waiting"], default["max_running"]) == ("default", None, None)
    assert (fast["waiting"], fast["max_running"], fast["paused"]) == (3, 2, True)
