"""What a project may add to what waits."""

import pytest

from onward.contract.quota import BACKLOG, QuotaSpec

SUBMISSION = {"task": "noop"}


async def look(house, waiting, size=0, after=1.0):
    house.seconds += after
    house.waiting = (waiting, size)
    await house.quotas.look(house.now)


@pytest.fixture
async def limited(house):
    """A project of which ten may wait, and one that has submitted before, so that its queues are looked at."""
    house.config.put("default", "quota", "backlog", QuotaSpec(name=BACKLOG, waiting=10, bytes=1000))
    await house.call("POST", "/api/v1/executions", SUBMISSION)
    return house


async def test_a_full_backlog_is_429_with_a_time_and_changes_nothing(limited):
    await look(limited, 10)
    before = limited.bus.events.last

    refused = await limited.call("POST", "/api/v1/executions", SUBMISSION)

    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert "10 executions wait" in refused.json["detail"]
    assert int(refused.headers["retry-after"]) >= 1
    assert limited.bus.events.last == before


async def test_what_came_in_since_the_last_look_counts(limited):
    await look(limited, 8)

    statuses = [(await limited.call("POST", "/api/v1/executions", SUBMISSION)).status for _ in range(4)]

    assert statuses == [202, 202, 429, 429]


async def test_there_is_room_again_when_workers_have_taken_some(limited):
    await look(limited, 12)
    await look(limited, 9)

    assert (await limited.call("POST", "/api/v1/executions", SUBMISSION)).status == 202


async def test_retry_after_follows_from_how_fast_the_backlog_goes_down(limited):
    await look(limited, 40)
    await look(limited, 30, after=5.0)

    refused = await limited.call("POST", "/api/v1/executions", SUBMISSION)

    # 21 too many, 2 a second.
    assert int(refused.headers["retry-after"]) == 11


async def test_bytes_are_limited_too(limited):
    await look(limited, 5, size=1000)

    refused = await limited.call("POST", "/api/v1/executions", SUBMISSION)

    assert (refused.status, "1000 bytes" in refused.json["detail"]) == (429, True)


async def test_each_item_of_a_batch_is_counted(limited):
    await look(limited, 8)

    done = await limited.call("POST", "/api/v1/executions/batch", {"items": [SUBMISSION] * 4})

    assert sorted(item["status"] for item in done.json["items"]) == [202, 202, 429, 429]


async def test_other_projects_are_not_held_up(limited):
    await look(limited, 10)
    other = limited.add_key("other")
    limited.config.put("other", "task", "noop", {"name": "noop"})

    assert (await limited.call("POST", "/api/v1/executions", SUBMISSION, key=other)).status == 202


async def test_without_a_quota_nobody_looks(house):
    house.waiting = (10**9, 0)
    await house.call("POST", "/api/v1/executions", SUBMISSION)
    await house.quotas.look(house.now)

    assert (await house.call("POST", "/api/v1/executions", SUBMISSION)).status == 202


async def test_a_quota_is_set_and_held_to_what_makes_sense(house):
    none = await house.call("POST", "/api/v1/quotas", {"name": "backlog", "waiting": 0})
    other = await house.call("POST", "/api/v1/quotas", {"name": "other", "waiting": 5})

    assert (none.status, none.json["errors"][0]["pointer"]) == (400, "/waiting")
    assert (other.status, other.json["errors"][0]["pointer"]) == (400, "/name")
