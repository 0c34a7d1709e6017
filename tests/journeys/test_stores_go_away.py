"""Journeys in which Postgres or NATS is away for a while."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from tests.support.platform import platform

AWAY = 30.0


@pytest.mark.parametrize("servers", [1, pytest.param(3, marks=pytest.mark.slow)])
async def test_while_postgres_is_away_submissions_are_accepted_and_complete_and_reads_by_id_answer(
    tmp_path: Path, servers: int
) -> None:
    async with platform(tmp_path, servers=servers) as onward:
        before = await onward.submit("noop")
        await onward.ended(before)
        onward.postgres.kill()
        began, accepted = time.monotonic(), []
        while time.monotonic() - began < AWAY:
            status, answer = await onward.call(
                "POST", "/executions", {"task": "five", "input": {"seconds": 0.01}}
            )
            assert status == 202, answer
            accepted.append(answer["id"])
            status, answer = await onward.call("GET", f"/executions/{answer['id']}", timeout=20)
            assert status == 200, answer
            await asyncio.sleep(0.1)
        for execution in accepted[:-20]:
            assert (await onward.ended(execution))["status"] == "completed"
        onward.postgres.start()
        await onward.ready(within=60)
        for execution in accepted:
            assert (await onward.ended(execution))["status"] == "completed"

        async def all_listed() -> bool:
            listed: set[str] = set()
            cursor = ""
            while cursor is not None:
                query = f"task=five&status=completed&limit=200{cursor and '&cursor=' + cursor}"
                status, page = await onward.call("GET", f"/executions?{query}")
                if status != 200:
                    return False
                listed |= {execution["id"] for execution in page["items"]}
                cursor = page["next_cursor"]
            return listed >= set(accepted)

        await onward.eventually(all_listed, 60, "the projection has not caught up")


@pytest.mark.parametrize("servers", [1, pytest.param(3, marks=pytest.mark.slow)])
async def test_while_nats_is_away_the_gateway_says_so_within_two_seconds_and_recovers_by_itself(
    tmp_path: Path, servers: int
) -> None:
    async with platform(tmp_path, servers=servers) as onward:
        running = await onward.submit("five", {"seconds": 1.0})
        await onward.effect(execution_id=running, step=2, what="begin")
        for server in onward.servers:
            server.kill()
        took = []
        for _ in range(3):
            began = time.monotonic()
            async with onward.http.post(
                f"http://127.0.0.1:{onward.port('gateway-1')}/api/v1/executions",
                json={"task": "noop", "input": {}},
                headers={"Authorization": f"Bearer {onward.key}"},
                timeout=aiohttp.ClientTimeout(30),
            ) as answer:
                assert answer.status == 503
                assert int(answer.headers["Retry-After"]) >= 1
                took.append(time.monotonic() - began)
        # The best of three: this machine may be busy with something else for a second or two.
        assert min(took) <= 2.0, took
        await asyncio.sleep(4)
        for server in onward.servers:
            server.start(wait=False)
        assert (await onward.ended(running))["status"] == "completed"
        assert (await onward.ended(await onward.submit("noop")))["status"] == "completed"
