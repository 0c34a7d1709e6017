"""Thousands are cancelled with one command, while the gateway that does it is killed, and live traffic goes on."""

import asyncio
import json
import time
from pathlib import Path

import aiohttp
import pytest

from tests.support.platform import Platform, platform

MANY = 3000
BULK = {"action": "cancel", "filter": {"status": "pending", "label": "batch=bulk"}}


@pytest.mark.timeout(180)
async def test_seed_bulk_an_operation_survives_kill_9_of_the_gateway_and_cancels_each_once(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1, slots=5) as onward:
        await submit(onward, MANY)
        # An operation takes down what the lists show, which follow what is stored.
        await onward.eventually(lambda: all_matched(onward), 60, "not all of them are listed")
        status, begun = await onward.call("POST", "/bulk-operations", BULK)
        assert (status, begun.get("total")) == (202, MANY), begun
        await progress(onward, begun["id"], at_least=1)
        onward.kill("gateway-1")
        onward.start("gateway-1")
        await onward.ready("gateway-1")
        live = asyncio.create_task(submit_one_after_the_other(onward))
        found = await progress(onward, begun["id"], at_least=MANY, status="completed")
        took = await live

        assert found["done"] == MANY, found
        events = await onward.events((await items(onward, begun["id"]))[0]["execution_id"])
        assert [event["type"] for event in events] == ["submitted", "cancelled"]
        assert f"(bulk {begun['id']})" in events[1]["actor"]
        took = [seconds * 1000 for seconds in took]
        print(
            f"submit beside it: p50 {took[len(took) // 2]:.1f} ms, p99 {took[-1 - len(took) // 100]:.1f} ms"
        )


async def submit(onward: Platform, many: int) -> None:
    one = {"task": "noop", "input": {}, "delay": 3600, "labels": {"batch": "bulk"}}
    for _ in range(0, many, 1000):
        status, answer = await onward.call("POST", "/executions/batch", {"items": [one] * 1000})
        assert status == 202, answer


async def all_matched(onward: Platform) -> bool:
    _, told = await onward.call("POST", "/bulk-operations", {**BULK, "dry_run": True})
    return bool(told.get("matched") == MANY)


async def progress(onward: Platform, operation: str, *, at_least: int, status: str = "") -> dict:
    found: dict = {}

    async def far_enough() -> bool:
        try:
            code, answer = await onward.call("GET", f"/bulk-operations/{operation}", timeout=5)
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError):
            return False
        if code == 200:
            found.update(answer)
        far = found.get("done", 0) + found.get("skipped", 0) >= at_least
        return far and status in ("", found["status"])

    await onward.eventually(far_enough, 60, f"{operation} gets no further than {found}")
    return found


async def items(onward: Platform, operation: str) -> list[dict]:
    status, answer = await onward.call("GET", f"/bulk-operations/{operation}/items?outcome=done")
    assert status == 200, answer
    return list(answer["items"])


async def submit_one_after_the_other(onward: Platform) -> list[float]:
    took = []
    for _ in range(100):
        began = time.perf_counter()
        status, answer = await onward.call("POST", "/executions", {"task": "noop", "input": {}})
        assert status == 202, answer
        took.append(time.perf_counter() - began)
    return sorted(took)
