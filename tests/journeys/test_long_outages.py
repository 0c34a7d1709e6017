"""Postgres away for ten minutes, NATS for one, under load all the time: what callers are told, and how it recovers."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.platform import Platform, platform

EVENTS_EACH = 5
"""Of `five` with two steps: submitted, started, two checkpoints, completed."""


@pytest.mark.slow
@pytest.mark.timeout(2400)
async def test_60_000_events_while_postgres_is_away_for_ten_minutes(tmp_path: Path) -> None:
    """G11: each submission is accepted, each read by id answers, all complete, and the tables have all within 30 s."""
    await postgres_away(tmp_path, executions=12_000, per_second=20.0)


async def postgres_away(folder: Path, *, executions: int, per_second: float) -> None:
    async with platform(folder, workers=2, slots=20) as onward:
        await onward.ended(await onward.submit("noop"))
        onward.postgres.kill()
        told, accepted = Counter[str](), list[str]()

        async def one(_: int) -> None:
            body = {"task": "five", "input": {"count": 2, "seconds": 0.01}}
            status, answer = await onward.call("POST", "/executions", body)
            told[f"submit {status}"] += 1
            if status == 202:
                accepted.append(answer["id"])
                status, _ = await onward.call("GET", f"/executions/{answer['id']}")
                told[f"read {status}"] += 1

        began = time.monotonic()
        await at_a_rate(one, executions, per_second)
        lasted = time.monotonic() - began
        ends = Counter(await each(accepted, lambda id_: ended_without_a_list(onward, id_)))
        away = time.monotonic() - began

        onward.postgres.start()
        back = time.monotonic()

        async def all_in_the_tables() -> bool:
            found = await asyncio.to_thread(
                onward.postgres.sql, "select count(*) from executions where status = 'completed'", "onward"
            )
            return int(found) >= executions + 1

        await onward.eventually(all_in_the_tables, 120, "the projection has not caught up")
        caught_up = time.monotonic() - back
        print(
            f"Postgres away {away:.0f} s, {executions * EVENTS_EACH / lasted:.0f} events/s for {lasted:.0f} s: "
            f"{dict(told)}, {dict(ends)} meanwhile; caught up in {caught_up:.1f} s"
        )
        assert told == {"submit 202": executions, "read 200": executions}
        assert ends == {"completed": executions}
        assert caught_up <= 30.0


async def ended_without_a_list(onward: Platform, execution: str) -> str:
    return str((await onward.ended(execution, within=120))["status"])


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_1000_submissions_while_nats_is_away_for_a_minute(tmp_path: Path) -> None:
    """G13: each is a quick 503 with Retry-After, or kept; workers go on within 10 s; no step runs twice."""
    await nats_away(tmp_path, submissions=1000, seconds=60.0)


async def nats_away(folder: Path, *, submissions: int, seconds: float) -> None:
    async with platform(folder, workers=2, slots=20) as onward:
        asleep = [await onward.submit("sleeper", {"seconds": seconds / 2}) for _ in range(20)]
        for one in asleep:
            await onward.reaches(one, "sleeping")
        running = [await onward.submit("five", {"seconds": 1.0}) for _ in range(20)]
        for one in running:
            await onward.effect(execution_id=one, step=2, what="begin")
        bodies = [
            {"task": "five", "input": {"seconds": 0.01}, "idempotency_key": secrets.token_hex(8)}
            for _ in range(submissions)
        ]
        told, took, kept = Counter[str](), list[float](), dict[str, str]()

        async def one(number: int) -> None:
            began = time.monotonic()
            status, patience, answer = await submitted(onward, bodies[number])
            took.append(time.monotonic() - began)
            told[f"{status}{' with Retry-After' if patience else ''}"] += 1
            if status == 202:
                kept[bodies[number]["idempotency_key"]] = answer["id"]

        for server in onward.servers:
            server.kill()
        await at_a_rate(one, submissions, submissions / seconds)
        for server in onward.servers:
            server.start()
        back = time.time()

        async def goes_on() -> bool:
            return any(effect["what"] == "begin" and effect["t"] > back for effect in onward.effects())

        await onward.eventually(goes_on, 60, "no worker went on")
        resumed = time.time() - back
        again = [await onward.submit(**_as_arguments(body)) for body in bodies]
        ends = Counter([(await onward.ended(id_))["status"] for id_ in {*running, *asleep, *again}])
        woke = (
            max([(await onward.effect(execution_id=one, step=2, what="begin"))["t"] for one in asleep]) - back
        )
        begun = Counter((e["execution_id"], e["step"]) for e in onward.effects() if e["what"] == "begin")
        took.sort()
        print(
            f"NATS away {seconds:.0f} s: {dict(told)}, half within {took[len(took) // 2]:.2f} s, "
            f"p99 {took[len(took) * 99 // 100]:.2f} s, all within {took[-1]:.2f} s; "
            f"workers went on {resumed:.1f} s after its return, the last sleeper {woke:.1f} s; {dict(ends)}"
        )
        assert set(told) <= {"503 with Retry-After", "202"}
        assert took[len(took) * 99 // 100] <= 2.0
        assert max(resumed, woke) <= 10.0
        assert all(again[n] == kept.get(body["idempotency_key"], again[n]) for n, body in enumerate(bodies))
        assert len(set(again)) == submissions
        assert ends == {"completed": submissions + len(running) + len(asleep)}
        assert set(begun.values()) == {1}


def _as_arguments(body: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in body.items() if key != "input"}, "given": body["input"]}


async def submitted(onward: Platform, body: dict[str, Any]) -> tuple[int, bool, Any]:
    """(status, whether it says when to come again, answer)."""
    async with onward.http.post(
        f"http://127.0.0.1:{onward.port('gateway-1')}/api/v1/executions",
        json=body,
        headers={"Authorization": f"Bearer {onward.key}"},
        timeout=aiohttp.ClientTimeout(30),
    ) as answer:
        return answer.status, int(answer.headers.get("Retry-After", 0)) >= 1, await answer.json()


async def at_a_rate(act: Callable[[int], Awaitable[None]], times: int, per_second: float) -> None:
    """Begin one after the other at their times, whether or not those before have ended."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(times):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            group.create_task(act(number))  # type: ignore[arg-type]


async def each(ids: list[str], ask: Callable[[str], Awaitable[str]]) -> list[str]:
    """The answers for all, fifty at a time."""
    few = asyncio.Semaphore(50)

    async def one(id_: str) -> str:
        async with few:
            return await ask(id_)

    return await asyncio.gather(*map(one, ids))
