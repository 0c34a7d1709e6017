"""G3 for the gateway: it is gone at its k-th request to the log, the object store or others, for all k.

What it had answered holds; what it had not may have happened or not, and asking the next gateway brings it about once.
"""

import asyncio
from collections import Counter

import pytest

from onward.contract import events as ev
from tests.unit.onward_gateway.test_control import asked, suspended
from tests.unit.onward_gateway.test_executions import PATH, append, started

LARGE = "x" * 300_000


async def nothing(_house):
    return ""


async def running(house):
    execution = (await house.submit())["id"]
    await append(house, execution, started)
    return execution


async def asking(house):
    execution = await running(house)
    await append(house, execution, asked(), suspended)
    return execution


async def failed(house):
    execution = await running(house)
    await append(house, execution, ended_badly)
    return execution


def submit(house, _, key):
    return house.call(
        "POST", PATH, {"task": "noop", "input": {}}, headers=[(b"idempotency-key", key.encode())]
    )


def submit_large(house, _, key):
    return house.call(
        "POST", PATH, {"task": "noop", "input": {"text": LARGE}}, headers=[(b"idempotency-key", key.encode())]
    )


def submit_batch(house, _, key):
    items = [{"task": "noop", "idempotency_key": f"{key} {i}"} for i in range(3)]
    return house.call("POST", f"{PATH}/batch", {"items": items})


def cancel(house, execution, _key):
    return house.call("POST", f"{PATH}/{execution}/cancel")


def pause(house, execution, _key):
    return house.call("POST", f"{PATH}/{execution}/pause")


def answer(house, execution, _key):
    return house.call("POST", f"{PATH}/{execution}/answer", {"answer": "yes"})


def retry(house, execution, _key):
    return house.call("POST", f"{PATH}/{execution}/retry")


def rerun(house, execution, key):
    return house.call("POST", f"{PATH}/{execution}/rerun", {}, headers=[(b"idempotency-key", key.encode())])


def tell(house, execution, key):
    return house.call(
        "POST", f"{PATH}/{execution}/events", {"name": "paid", "key": key.replace(" ", "-"), "value": 1}
    )


OPERATIONS = {
    "submit": (nothing, submit, {"submitted": 1}),
    "submit something large": (nothing, submit_large, {"submitted": 1}),
    "submit a batch": (nothing, submit_batch, {"submitted": 3}),
    "cancel": (running, cancel, {"cancel_requested": 1}),
    "pause": (running, pause, {"paused": 1}),
    "answer": (asking, answer, {"answered": 1}),
    "retry": (failed, retry, {"retry_requested": 1}),
    "rerun": (failed, rerun, {"submitted": 1}),
    "send an event": (running, tell, {"event_received": 1}),
}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
async def test_a_gateway_that_dies_at_any_request_leaves_the_operation_done_once_or_not_at_all(
    house, operation
):
    prepare, ask, once = OPERATIONS[operation]
    dying = house.another()
    hit = 0
    for after in (False, True):
        k, died = 0, True
        while died:
            k += 1
            execution = await prepare(house)
            before, key = told(house), f"{k} {after}"
            dying.process.dead, dying.process.calls = False, 0
            dying.process.kill_at(k, after=after)
            asking = dying.process.run(ask(dying, execution, key))
            await asyncio.wait({asking}, timeout=20)
            died = dying.process.dead
            hit += died

            # Each of a batch is for itself.
            assert told(house) - before in (Counter(), Counter(once)) or operation == "submit a batch"
            reply = await ask(house, execution, key)
            assert reply.status in {200, 202, 409}, reply.body
            assert told(house) - before == Counter(once), f"request {k}, {after}"
        assert asking.result().status in {200, 202}
    assert hit >= 2, "nothing was asked of anybody"
    print(f"G3: {operation}: the gateway killed before and after each of {hit // 2} requests: 0 bad")


def told(house):
    """How many events of each type the log holds."""
    return Counter(ev.event_type(ev.decode(raw.data)) for raw in house.bus.events.raws)


def ended_badly(fields):
    return ev.Failed(**fields, reason="error", error=ev.Failure(type="ValueError", message="no"))
