"""Questions and events from outside, with everything real in between."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.platform import Platform, platform

RACERS = 5


async def all_asked(onward: Platform, count: int) -> list[dict[str, Any]]:
    """The open questions, once there are so many, read page by page."""
    found: dict[str, dict[str, Any]] = {}

    async def enough() -> bool:
        found.clear()
        cursor = ""
        while True:
            status, page = await onward.call(
                "GET", f"/questions?status=open&to=team:orders&limit=200{cursor}"
            )
            assert status == 200, page
            found.update({item["execution_id"]: item for item in page["items"]})
            if page["next_cursor"] is None:
                return len(found) == count
            cursor = f"&cursor={page['next_cursor']}"

    await onward.eventually(enough, 120, f"{count} questions are not open")
    return list(found.values())


async def listed_as_answered(onward: Platform, execution_id: str) -> dict[str, Any]:
    """Its question, once the list shows what its log says."""
    found: dict[str, Any] = {}

    async def so() -> bool:
        status, page = await onward.call("GET", f"/questions?execution_id={execution_id}")
        found.update(page["items"][0] if status == 200 and page["items"] else {})
        return found.get("status") == "answered"

    await onward.eventually(so, 40, f"the question of {execution_id} is listed as {found}")
    return found


async def insisting(
    onward: Platform, path: str, body: dict[str, Any], gateway: int
) -> tuple[int, dict[str, Any]]:
    """A request, tried again while a busy machine says 503: what was given up may be stored all the same."""
    insisted = False
    while True:
        status, told = await onward.call("POST", path, body, gateway=gateway)
        if status != 503:
            return status, {**told, "insisted": insisted}
        insisted = True
        await asyncio.sleep(0.5)


async def answered(onward: Platform, execution_id: str) -> list[str]:
    """Every answer in its log."""
    return [event["answer"] for event in await onward.events(execution_id) if event["type"] == "answered"]


@pytest.mark.parametrize(
    "count", [200, pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
async def test_of_racing_answers_one_is_accepted_and_used_and_the_others_are_refused(
    count: int, tmp_path: Path
) -> None:
    async with platform(tmp_path, each=2, workers=2, slots=20) as onward:
        gate = asyncio.Semaphore(40)

        async def limited(request: Any) -> Any:
            async with gate:
                return await request

        ids = await asyncio.gather(
            *(limited(onward.submit("approval", {"number": number})) for number in range(count))
        )
        asked = await all_asked(onward, count)
        assert {question["execution_id"] for question in asked} == set(ids)

        told_to_wait: set[tuple[str, int]] = set()

        async def race(execution_id: str, racer: int) -> tuple[str, int, int, str]:
            path, body = f"/executions/{execution_id}/answer", {"answer": f"racer-{racer}"}
            status, told = await insisting(onward, path, body, 1 + racer % 2)
            if told.get("insisted"):
                told_to_wait.add((execution_id, racer))
            return execution_id, racer, status, told.get("code", "")

        began = time.monotonic()
        raced = await asyncio.gather(*(limited(race(one, racer)) for one in ids for racer in range(RACERS)))
        took = time.monotonic() - began
        print(f"{len(raced)} answers to {count} questions in {took:.1f} s, {len(told_to_wait)} told to wait")
        answers = {one: await answered(onward, one) for one in ids}
        assert {len(given) for given in answers.values()} == {1}
        won = {one: given[0] for one, given in answers.items()}
        taken, refused = (200, ""), (409, "question_closed")
        for execution_id, racer, status, code in raced:
            mine = won[execution_id] == f"racer-{racer}"
            unsure = mine and (execution_id, racer) in told_to_wait
            assert (status, code) in ({taken, refused} if unsure else {taken} if mine else {refused})
        accepted = Counter(status for _, _, status, _ in raced)
        if not told_to_wait:
            assert accepted == {200: count, 409: count * (RACERS - 1)}

        async def pay(place: int, execution_id: str) -> bool:
            body = {"name": "paid", "value": place, "key": f"pay-{place}"}
            path = f"/executions/{execution_id}/events"
            told = await asyncio.gather(*(insisting(onward, path, body, gateway) for gateway in (1, 2)))
            assert {status for status, _ in told} <= {200, 202}, told
            return True

        await asyncio.gather(*(limited(pay(place, one)) for place, one in enumerate(ids)))
        ended = await asyncio.gather(*(limited(onward.ended(one, within=120)) for one in ids))
        assert {one["id"]: one["output"] for one in ended} == {
            one: {"answer": won[one], "paid": place} for place, one in enumerate(ids)
        }
        assert (await listed_as_answered(onward, ids[0]))["answered_by"].startswith("key:")
