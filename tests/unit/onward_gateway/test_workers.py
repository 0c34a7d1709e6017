"""One worker over REST: looked at, and told what to do; it answers itself."""

import msgspec
import pytest

from onward.contract import subjects
from onward.contract.workers import Order, Standing

PATH = "/api/v1/workers"


@pytest.fixture
async def told(house):
    """A worker that does as it is told; the orders that it got."""
    orders: list[Order] = []

    async def take(_subject, data):
        order = msgspec.json.decode(data, type=Order)
        orders.append(order)
        status = {"drain": "draining", "pause": "paused"}.get(order.act, "listening")
        return msgspec.json.encode(Standing(status=status, slots=order.slots or 4, busy=1))

    await house.hear_worker(holds={"e1": "ack"})
    await house.process.messages.subscribe(subjects.worker("w1"), take)
    return orders


async def test_seed_worker_list_shows_state_slots_queues_version_host_and_what_it_runs(house):
    await house.hear_worker(holds={"e1": "ack"}, paused=True, weights={"default": 4.0})

    (one,) = (await house.call("GET", PATH)).json["items"]

    shown = {name: one[name] for name in ("status", "slots", "busy", "queues", "version", "host", "weights")}
    assert shown == {
        "status": "paused", "slots": 4, "busy": 1, "queues": ["default"], "version": "1", "host": "h",
        "weights": {"default": 4.0},
    }  # fmt: skip
    assert one["executions"] == ["e1"]
    assert (await house.call("GET", f"{PATH}/w1")).json == one


@pytest.mark.parametrize(
    "act, body, stands",
    [
        ("drain", {"exit": True}, ("draining", 4)), ("pause", None, ("paused", 4)),
        ("resume", None, ("listening", 4)), ("slots", {"slots": 9}, ("listening", 9)),
    ],
)  # fmt: skip
async def test_a_worker_is_told_and_answers_how_it_stands(house, told, act, body, stands):
    reply = await house.call("POST", f"{PATH}/w1/{act}", body)

    assert (reply.status, reply.json["status"], reply.json["slots"]) == (200, *stands)
    (order,) = told
    assert (order.act, order.exit, order.actor) == (act, act == "drain", reply_actor(house))


def reply_actor(house) -> str:
    return f"key:{house.key.split('_')[2]}"


async def test_a_worker_that_does_not_answer_was_not_told(house):
    await house.hear_worker()

    assert (await house.call("POST", f"{PATH}/w1/pause")).status == 503


@pytest.mark.parametrize(
    "path, body, status",
    [("nobody/pause", None, 404), ("w1/slots", {"slots": 0}, 400), ("w1/slots", {}, 400)],
)
async def test_what_cannot_be_told_is_refused(house, told, path, body, status):
    assert (await house.call("POST", f"{PATH}/{path}", body)).status == status
    assert told == []


async def test_a_worker_of_another_project_is_not_told(house, told):
    await house.hear_worker(project="other")

    assert (await house.call("POST", f"{PATH}/w1/pause")).status == 404
