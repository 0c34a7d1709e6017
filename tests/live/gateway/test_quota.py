"""A quota against real queues."""

import asyncio

import msgspec

from onward.bus import config, topology
from onward.contract.quota import BACKLOG, QuotaSpec
from tests.live.gateway.process import EXECUTIONS

WITHIN = 20.0


async def until_refused(caller, most):
    """Submit now and then until it is refused; how many were accepted, and the refusal."""
    accepted = 0
    async with asyncio.timeout(WITHIN):
        while (reply := await caller.call("POST", EXECUTIONS, {"task": "noop"})).status == 202:
            accepted += 1
            await asyncio.sleep(0.05)
            assert accepted < most
    return accepted, reply


async def test_a_project_fills_its_queues_to_its_quota_and_not_further(caller, bus):
    quota = msgspec.json.encode(QuotaSpec(name=BACKLOG, waiting=30))
    await config.put(bus.connection, caller.project, "quota", "backlog", quota, 0)
    await topology.ensure_queue(bus.connection, caller.project, "default")

    accepted, refused = await until_refused(caller, most=200)

    # What came before the first look may be too much; what is on its way during a look counts twice until the next.
    assert 25 <= accepted <= 60
    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
