"""Tasks, workers and queues are shown, with or without execution_state."""

import msgspec

from onward.contract import subjects


async def neighbour(house, query, answer):
    async def reply(_subject, _data):
        return msgspec.json.encode(answer)

    return await house.state.process.messages.subscribe(subjects.ask("state", query), reply)


async def test_every_task_is_listed_with_who_would_take_it(house):
    await house.hear_worker(task="typed")

    items = (await house.call("GET", "/api/v1/tasks")).json["items"]

    assert [task["name"] for task in items] == ["http", "noop", "shell", "typed"]
    assert {task["name"]: task["workers"] for task in items}["typed"] == 1
    assert next(task for task in items if task["name"] == "typed")["input_schema"]["type"] == "object"


async def test_tasks_come_page_by_page(house):
    first = (await house.call("GET", "/api/v1/tasks?limit=3")).json
    second = (await house.call("GET", f"/api/v1/tasks?limit=3&cursor={first['next_cursor']}")).json

    assert [task["name"] for task in first["items"] + second["items"]] == ["http", "noop", "shell", "typed"]
    assert second["next_cursor"] is None


async def test_one_task_is_found_by_its_name(house):
    assert (await house.call("GET", "/api/v1/tasks/typed")).json["priority"] == 8
    assert (await house.call("GET", "/api/v1/tasks/nope")).code == "not_found"
    assert (await house.call("GET", "/api/v1/tasks/" + "x" * 5000)).code == "not_found"


async def test_a_worker_is_shown_by_its_own_signs_while_nobody_else_knows(house):
    await house.hear_worker()

    items = (await house.call("GET", "/api/v1/workers")).json["items"]

    assert [(worker["worker_id"], worker["status"], worker["slots"]) for worker in items] == [
        ("w1", "listening", 4)
    ]


async def test_execution_state_knows_of_workers_that_are_gone(house):
    worker = {
        "worker_id": "w0", "status": "gone", "host": "h", "pid": 1, "version": "1", "queues": ["default"],
        "tasks": ["noop"], "slots": 4, "busy": 0, "started_at": "2026-01-01T00:00:00Z",
        "last_seen": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    await neighbour(house, "workers", [worker])

    assert [w["status"] for w in (await house.call("GET", "/api/v1/workers")).json["items"]] == ["gone"]


async def test_a_worker_that_fell_silent_is_gone(house):
    await house.hear_worker()
    house.seconds += 10.1

    assert (await house.call("GET", "/api/v1/workers")).json["items"] == []


async def test_a_heartbeat_that_speaks_for_another_worker_is_not_believed(house):
    beat = {
        "worker_id": "w1", "project": "default", "connection": "c", "host": "h", "pid": 1, "version": "1",
        "queues": ["default"], "tasks": ["noop"], "slots": 4, "started_at": "2026-01-01T00:00:00Z",
        "at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    presence = house.gateway.presence

    await presence.heard("onward.beat.other.w1", msgspec.json.encode(beat))
    await presence.heard("onward.beat.default.w2", msgspec.json.encode(beat))
    await presence.heard("onward.beat.default.w1", b"{}")
    await presence.heard("onward.beat.default.w1", b"\xff")
    assert presence.workers("default") == []

    await presence.heard("onward.beat.default.w1", msgspec.json.encode(beat))
    assert len(presence.workers("default")) == 1


async def test_a_worker_of_another_project_is_not_shown(house):
    await house.hear_worker(project="other")

    assert (await house.call("GET", "/api/v1/workers")).json["items"] == []


async def test_queues_are_shown_without_numbers_while_nobody_knows_them(house):
    await house.hear_worker(queue="fast")

    items = (await house.call("GET", "/api/v1/queues")).json["items"]

    assert [(q["name"], q["environment"], q["workers"], q["waiting"]) for q in items] == [
        ("default", None, 0, None),
        ("fast", "prod", 1, None),
    ]


async def test_queues_are_shown_with_what_waits_in_them(house):
    await neighbour(
        house,
        "queues",
        [{"queue": "fast", "waiting": 3, "running": 1, "oldest": None, "workers": 1, "classes": {}}],
    )

    items = (await house.call("GET", "/api/v1/queues")).json["items"]

    assert [(q["name"], q["waiting"], q["running"]) for q in items] == [
        ("default", None, None),
        ("fast", 3, 1),
    ]
