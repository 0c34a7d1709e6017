"""The process that tells of failures is killed with kill -9 while it does: the receiver hears of it all the same."""

import asyncio
import json
import random
from datetime import UTC, datetime

import asyncpg
import msgspec

from onward.bus import config
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.alerts import AlertSpec, ChannelSpec
from tests.live.execution_state.making import append, until
from tests.live.execution_state.receivers import Receiver
from tests.live.execution_state.test_process import made
from tests.unit.onward_execution_state.histories import ERROR, Walk

__all__ = ["made"]


async def asked(bus, question, **members):
    body = json.dumps({"project": "default", **members}).encode()
    reply = await bus.messages.ask(subjects.ask("state", question), body, timeout=5)
    return msgspec.json.decode(reply)


async def test_seed_alerts_a_failure_is_told_though_the_teller_is_killed_while_it_does(bus, made):
    _, service = made
    service.env["ONWARD_WEBHOOK_ALLOW"] = "127.0.0.1"
    async with Receiver().listening() as receiver:
        receiver.hold = asyncio.Event()
        service.start()
        await service.ready()
        for spec in (
            ChannelSpec(name="ops", kind="webhook", url=receiver.url, events=("failed",)),
            AlertSpec(name="failures", when="execution_failed", channels=("ops",)),
        ):
            data = msgspec.json.encode(spec)
            await config.put(bus.connection, "default", spec.KIND, spec.name, data, 0)
        await until(lambda: _known(service.env["ONWARD_DATABASE_URL"]), within=20)
        walk = Walk(random.Random(1), at=datetime.now(UTC)).submit().claim()
        await append(bus, walk.append(ev.Failed, reason="error", error=ERROR))
        await until(lambda: len(receiver.requests) == 2, within=20)
        service.process.kill()
        await asyncio.to_thread(service.process.wait)
        receiver.hold = None
        first = {headers["webhook-id"] for _, headers, _ in receiver.requests}

        service.start()
        await service.ready()
        await until(lambda: len(receiver.requests) == 4, within=30)

        async def settled():
            found = (await asked(bus, "deliveries"))["items"]
            return found if all(one["status"] == "delivered" for one in found) else None

        deliveries = await until(settled)
    assert sorted(one["type"] for one in deliveries) == ["execution.failed", "incident.opened"]
    assert {headers["webhook-id"] for _, headers, _ in receiver.requests} == first
    assert len((await asked(bus, "incidents"))["items"]) == 1


async def _known(url):
    """Whether the rule and the subscription were seen: what fails before is none of their business."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(
            "select exists (select from alert_rules) and exists (select from event_subscriptions)"
        )
    finally:
        await connection.close()
