"""What the gateway promises, on a real server: one execution for a key, no 404 for what was accepted, short waits."""

import asyncio
import time

import msgspec
import pytest

from onward.bus import config
from onward.contract import events as ev
from onward.contract.decide import Moment, envelope
from onward.contract.errors import FenceLost
from onward.contract.log import Decision
from onward.contract.submission import KeySpec
from tests.live.gateway.process import EXECUTIONS


class Hand:
    """Appends what a worker would."""

    def __init__(self, bus, project):
        self.bus, self.project, self.ids = bus, project, 0

    def _id(self):
        self.ids += 1
        return f"e{self.ids}"

    async def append(self, execution_id, *make, log=None):
        log = log or await self.bus.events.read(self.project, execution_id)
        moment = Moment(now=log.execution.updated_at, new_id=self._id)
        events = tuple(build(envelope(log.execution, moment, ahead=k)) for k, build in enumerate(make, 1))
        decision = Decision(
            project=self.project, execution_id=execution_id, expected=log.sequence, events=events
        )
        return await self.bus.events.append(decision)


@pytest.fixture
def hand(bus, project):
    return Hand(bus, project)


def started(fields):
    return ev.Started(**fields, attempt=1, worker_id="w", connection="c", work_sequence=1, ack_subject="a")


def completed(fields):
    return ev.Completed(**fields)


def p(values, share):
    return sorted(values)[int(len(values) * share)]


@pytest.mark.parametrize("keys", [5, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
async def test_twenty_equal_keys_at_once_make_one_execution(caller, bus, keys):
    body = {"task": "noop", "input": {"n": 1}}
    for turn in range(keys):
        key = f"order-{turn}"
        replies = await asyncio.gather(
            *(caller.call("POST", EXECUTIONS, body, Idempotency_Key=key) for _ in range(20))
        )

        assert sorted(reply.status for reply in replies) == [200] * 19 + [202]
        assert len({reply.json["id"] for reply in replies}) == 1
        assert sum("Idempotent-Replayed" not in reply.headers for reply in replies) == 1
        log = await bus.events.read(caller.project, replies[0].json["id"])
        assert len(log.stored) == 1
        other = await caller.call("POST", EXECUTIONS, {**body, "input": {"n": 2}}, Idempotency_Key=key)
        assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_a_post_is_followed_by_a_get_a_thousand_times(caller):
    took = []
    for _ in range(1000):
        execution = await caller.submit()
        before = time.perf_counter()
        reply = await caller.call("GET", f"{EXECUTIONS}/{execution['id']}")
        took.append(time.perf_counter() - before)
        assert reply.status == 200

    print(f"\nGET after POST: p50 {1000 * p(took, 0.5):.1f} ms, p99 {1000 * p(took, 0.99):.1f} ms")
    assert p(took, 0.5) <= 0.5, "a read waits for something"


async def test_a_get_finds_what_another_gateway_accepted(caller, nats_server, tmp_path, bus, session):
    from tests.live.gateway.process import Caller, gateway_on

    async with gateway_on(nats_server, tmp_path) as second:
        await second.ready()
        other = Caller(second, session, caller.project, caller.key)
        for _ in range(50):
            execution = await caller.submit()
            assert (await other.call("GET", f"{EXECUTIONS}/{execution['id']}")).status == 200


async def test_a_wait_ends_as_soon_as_the_outcome_is_stored(caller, hand):
    took = []
    for _ in range(30):
        execution = await caller.submit()
        waiting = asyncio.ensure_future(caller.call("GET", f"{EXECUTIONS}/{execution['id']}?wait=20"))
        await hand.append(execution["id"], started)
        await asyncio.sleep(0.02)
        before = time.perf_counter()
        await hand.append(execution["id"], completed)
        reply = await waiting
        took.append(time.perf_counter() - before)
        assert reply.json["status"] == "completed"

    print(f"\noutcome appended → answer of ?wait: p50 {1000 * p(took, 0.5):.2f} ms")
    assert p(took, 0.5) < 0.5


async def test_a_hundred_waits_leave_nothing_behind(caller, hand, nats_server):
    def subscriptions():
        found = nats_server.monitoring("connz")["connections"]
        return next(one["subscriptions"] for one in found if one["name"] == "gateway")

    executions = [await caller.submit() for _ in range(100)]
    before = subscriptions()
    waits = [
        asyncio.ensure_future(caller.call("GET", f"{EXECUTIONS}/{e['id']}?wait=0.3")) for e in executions
    ]

    assert {reply.status for reply in await asyncio.gather(*waits)} == {200}

    async with asyncio.timeout(40):
        while subscriptions() > before:
            await asyncio.sleep(0.05)


async def test_a_cancel_that_races_the_end_tells_both_the_truth(caller, hand, bus):
    outcomes = set()
    for turn in range(60):
        execution = await caller.submit()
        await hand.append(execution["id"], started)
        seen = await bus.events.read(caller.project, execution["id"])

        async def end(log=seen, head_start=turn % 6):
            await asyncio.sleep(head_start / 1000)
            try:
                await hand.append(log.execution.id, completed, log=log)
            except FenceLost:
                return "too late"
            return "stored"

        cancel, ended = await asyncio.gather(
            caller.call("POST", f"{EXECUTIONS}/{execution['id']}/cancel"), end()
        )

        log = await bus.events.read(caller.project, execution["id"])
        outcomes.add(log.execution.status.value)
        if cancel.status == 409:
            assert (log.execution.status, ended) == ("completed", "stored")
        else:
            assert (cancel.status, log.execution.cancelling, ended) == (202, True, "too late")
    assert outcomes == {"completed", "running"}


async def test_a_revoked_key_opens_nothing_within_five_seconds(caller, bus):
    public_id = caller.key.split("_")[2]
    await bus.config.start()
    data, sequence = bus.config.get(caller.project, "key", public_id)
    spec = msgspec.structs.replace(msgspec.json.decode(data, type=KeySpec), revoked=True)
    await config.put(bus.connection, caller.project, "key", public_id, msgspec.json.encode(spec), sequence)

    async with asyncio.timeout(40):
        while (await caller.call("GET", "/api/v1/tasks")).status != 401:
            await asyncio.sleep(0.01)


async def test_submissions_cost_little(caller, gateway):
    """64 in flight from one client; wall time is the machine's, so only the gateway's own work is held to a bound."""
    import aiohttp

    body = msgspec.json.encode({"task": "typed", "input": {"a": 1}})
    headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
    left = 0

    async def client(session):
        nonlocal left
        while left > 0:
            left -= 1
            async with session.post(gateway.url + EXECUTIONS, data=body, headers=headers) as answer:
                await answer.read()
                assert answer.status == 202

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        for count in (300, 3000):
            left, cpu, before = count, gateway.cpu_seconds(), time.perf_counter()
            await asyncio.gather(*(client(session) for _ in range(64)))
    seconds, each = time.perf_counter() - before, (gateway.cpu_seconds() - cpu) / 3000

    print(
        f"\nPOST /executions, 64 in flight: {3000 / seconds:.0f}/s, {1e6 * each:.0f} µs of CPU each in the gateway"
    )
    assert each < 600e-6
