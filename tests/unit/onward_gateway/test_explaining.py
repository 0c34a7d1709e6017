"""Explain gathers what there is to know; what does not answer is named, and the rest is told."""

from datetime import timedelta

import msgspec

from onward.bus.limit_asking import QUERY, BlockedBy, Line, Waiting
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.limits import Holder
from tests.unit.onward_gateway.test_executions import NOBODY, PATH, append, failed, started


async def explained(house, execution):
    reply = await house.call("GET", f"{PATH}/{execution['id']}/explain")
    assert reply.status == 200, reply.body
    return reply.json


async def answer(house, question, told):
    """Has execution_state answer one more question."""

    async def reply(_subject, _data):
        return msgspec.json.encode(told)

    await house.state.process.messages.subscribe(subjects.ask("state", question), reply)


async def test_seed_stuck_pending_says_that_no_worker_listens_and_where_the_task_is_known(house):
    execution = await house.submit()
    await house.hear_worker(queue="fast")

    told = await explained(house, execution)

    assert [cause["code"] for cause in told["causes"]] == ["no_worker"]
    assert "take from: fast" in told["causes"][0]["fix"]


async def test_seed_stuck_pending_says_that_the_workers_are_full(house):
    execution = await house.submit()
    await house.hear_worker(holds={str(number): "ack" for number in range(4)})
    await answer(house, "standing", {"ahead": 13, "per_second": 2.0})

    told = await explained(house, execution)

    assert [cause["code"] for cause in told["causes"]] == ["workers_full", "ahead"]
    assert "4/4" in told["causes"][0]["text"]
    assert (told["ahead"], told["not_asked"]) == (13, [])
    assert told["estimated_start"] is not None


async def test_while_postgres_is_away_it_says_what_could_not_be_asked(house):
    execution = await house.submit()
    await house.state.stop()
    await house.hear_worker(holds={str(number): "ack" for number in range(4)})

    told = await explained(house, execution)

    assert [cause["code"] for cause in told["causes"]] == ["workers_full"]
    assert told["not_asked"] == ["how many come before it: execution_state does not answer"]


async def test_seed_stuck_pending_says_that_its_queue_is_not_configured(house):
    execution = await house.submit(queue="fast")
    house.config._known.pop(("default", "queue", "fast"))

    told = await explained(house, execution)

    assert told["causes"][0]["code"] == "queue_unknown"


async def test_who_paused_it_is_named(house):
    execution = await house.submit()
    await house.call("POST", f"{PATH}/{execution['id']}/pause", {"reason": "we move"})

    [cause] = (await explained(house, execution))["causes"]

    assert cause["code"] == "paused"
    assert cause["who"].startswith("key:")
    assert '("we move")' in cause["text"]


async def test_what_was_purged_is_explained_from_the_memory(house):
    execution = await house.submit()
    await append(house, execution["id"], started)
    await append(house, execution["id"], failed)
    house.purge()

    told = await explained(house, execution)

    assert [cause["code"] for cause in told["causes"]] == ["failed_error"]


async def test_the_failed_children_are_named(house):
    execution = await house.submit()
    await append(house, execution["id"], started)
    spawned = {
        "group": "map",
        "first": 0,
        "task": "noop",
        "queue": "default",
        "inputs": (msgspec.Raw(b"1"),) * 2,
    }
    await append(house, execution["id"], lambda fields: ev.ChildrenSpawned(**fields, **spawned))
    ends = (ev.ChildEnd(group="map", born=3, index=1, outcome="failed"),)
    await append(house, execution["id"], lambda fields: ev.ChildrenDone(**fields, ends=ends))
    wants = {"reason": "waiting_for_children", "children": {"map": 2}}
    await append(house, execution["id"], lambda fields: ev.Suspended(**fields, **wants))

    [cause] = (await explained(house, execution))["causes"]

    assert cause["code"] == "waiting_for_children"
    assert len([name for name in cause["links"] if name.startswith("failed_")]) == 1


async def test_what_there_is_not_is_not_explained(house):
    assert (await house.call("GET", f"{PATH}/{NOBODY}/explain")).status == 404


async def test_seed_stuck_pending_says_that_its_queue_is_paused_and_by_whom(house):
    execution = await house.submit()
    await house.hear_worker()
    assert (
        await house.call("PATCH", "/api/v1/queues/default", {"paused": True, "paused_because": "we move"})
    ).status == 200

    cause = (await explained(house, execution))["causes"][0]

    assert cause["code"] == "queue_paused"
    assert cause["who"].startswith("key:")
    assert cause["since"] is not None
    assert '("we move")' in cause["text"]
    assert cause["fix"] == "onward queue resume default"


async def test_seed_stuck_pending_says_that_its_workers_are_paused(house):
    execution = await house.submit()
    await house.hear_worker(paused=True)

    cause = (await explained(house, execution))["causes"][0]

    assert (cause["code"], cause["fix"]) == ("workers_paused", "onward worker resume w1")


async def test_seed_pending_says_which_limit_it_waits_for_and_its_place_in_line(house):
    holder = await house.submit()
    await append(house, holder["id"], started)
    holds = Holder(execution_id=holder["id"], n=1, since=house.now - timedelta(seconds=12))
    execution = await house.submit(
        limits=[{"key": "customer:7", "max": 1}, {"key": "mails", "rate": 5, "per": 60}]
    )
    await house.hear_worker()

    async def keeper(_subject, _data):
        blocked = (
            BlockedBy(key="customer:7", because="max", max=1, ahead=2, holders=(holds,), held=1),
            BlockedBy(key="mails", because="rate", rate=5, per=60, until=house.now + timedelta(seconds=12)),
        )
        waiting = Waiting(execution_id=execution["id"], since=house.now, blocked_by=blocked)
        return msgspec.json.encode(Line(waiting=(waiting,), total=1))

    unheard = await explained(house, execution)
    await house.state.process.messages.subscribe(QUERY, keeper)
    told = await explained(house, execution)

    assert unheard["causes"][0]["text"] == "it waits to be admitted by customer:7, mails"
    assert [cause["code"] for cause in told["causes"]] == ["limited", "rate_limited"]
    assert told["causes"][0]["text"] == (
        "key customer:7 lets 1 run at the same time, "
        f"held by {holder['id']} (on worker w1, for 12 s); it is number 3 in line"
    )
    assert told["causes"][0]["links"] == {"holder_1": f"{PATH}/{holder['id']}"}
    assert "the next may start in" in told["causes"][1]["text"]
