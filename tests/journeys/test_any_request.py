"""Whatever is asked of a real gateway, its answer is one that the document names, and it goes on answering."""

import json
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from tests.support.any_request import Requests
from tests.support.platform import Platform, platform

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
STREAMS = {"/api/v1/events", "/api/v1/executions/{execution_id}/logs"}
"""Answers that may have no end."""
ANYTHING = frozenset({400, 401, 403, 404, 405, 413, 414, 415, 422, 429})
"""Refusals that every route may give."""
SEED = 7


@pytest.mark.timeout(120)
async def test_any_request_gets_an_answer_that_the_document_names(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        await ask(onward, 400)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_thirty_thousand_requests_get_answers_that_the_document_names(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        await ask(onward, 30_000)


async def ask(onward: Platform, count: int) -> None:
    ended = await onward.submit("noop")
    await onward.ended(ended)
    known = [ended, "default", "noop", "five", "shell", "a", "b"]
    wrong, seen = [], Counter[int]()
    requests = iter(Requests(DOCUMENT, SEED, known, leave_out=STREAMS))
    for number in range(count):
        asked = next(requests)
        status, kind, text = await answer(onward, asked)
        seen[status] += 1
        if problem := what_is_wrong(asked, status, kind, text):
            wrong.append(
                f"{number}: {asked.method} {asked.path[:80]} {str(asked)[:600]} → {status}: {problem}"
            )
        if status in (200, 201, 202) and asked.template == "/api/v1/executions" and asked.method == "POST":
            known[-1] = json.loads(text)["id"]
    print(f"seed {SEED}: {count} requests, answers {dict(seen)}, wrong {len(wrong)}")
    assert wrong == []
    assert len(seen) > 5
    assert (await onward.ended(await onward.submit("noop")))["status"] == "completed"


async def answer(onward, asked) -> tuple[int, str, str]:
    url = URL.build(
        scheme="http", host="127.0.0.1", port=onward.port("gateway-1"), path=asked.path, query=asked.query
    )
    headers = {"Authorization": f"Bearer {onward.key}", "Content-Type": "application/json"}
    data = None if asked.body is None and asked.method == "GET" else json.dumps(asked.body).encode()
    try:
        async with onward.http.request(
            asked.method, url, data=data, headers=headers, timeout=aiohttp.ClientTimeout(20)
        ) as reply:
            return reply.status, reply.content_type, (await reply.read()).decode("utf-8", "replace")
    except (TimeoutError, aiohttp.ClientError) as error:
        return 0, "", repr(error)


def what_is_wrong(asked, status: int, kind: str, text: str) -> str | None:
    if status == 0:
        return f"no answer: {text}"
    if status >= 500 and status not in asked.answers:
        return f"not declared: {text[:300]}"
    if status not in asked.answers | ANYTHING:
        return f"not declared: {text[:300]}"
    if status >= 400:
        if kind != "application/problem+json":
            return f"a refusal as {kind}"
        problem = json.loads(text)
        if not problem.get("code") or problem.get("status") != status:
            return f"a problem without its code: {text[:300]}"
    if "Traceback (most recent" in text:
        return "shows a traceback"
    return None
