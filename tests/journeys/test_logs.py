"""Log lines of a real execution, followed across forced disconnects."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from tests.support.platform import Platform, platform

LINES = 20_000


@pytest.mark.timeout(180)
async def test_torture_14_following_across_three_forced_disconnects_equals_the_stored_log_byte_for_byte(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1) as onward:
        execution = await onward.submit("chatty", {"lines": LINES})
        followed: list[str] = []
        cuts = [2_000, 7_000, 12_000]
        while True:
            after = json.loads(followed[-1])["line"] if followed else 0
            ended = await follow(onward, execution, after, followed, cuts)
            if ended:
                break
        stored: list[str] = []
        await follow(onward, execution, 0, stored, [])
        assert followed == stored
        mine = [json.loads(line) for line in stored]
        assert [line["line"] for line in mine] == list(range(1, len(mine) + 1))
        texts = [line["text"] for line in mine if line["stream"] == "log"]
        assert texts == [f"line {number}" for number in range(1, LINES + 1)]


async def follow(onward: Platform, execution: str, after: int, lines: list[str], cuts: list[int]) -> bool:
    """Add followed lines; False where the relay was killed in between."""
    url = f"http://127.0.0.1:{onward.port('gateway-1')}/api/v1/executions/{execution}/logs?follow=true&after={after}"
    headers = {"Authorization": f"Bearer {onward.key}", "Accept": "application/x-ndjson"}
    timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
    try:
        async with onward.http.get(url, headers=headers, timeout=timeout) as answer:
            if answer.status != 200:
                await asyncio.sleep(0.2)
                return False
            async for raw in answer.content:
                line = raw.decode().rstrip("\n")
                if '"end":' in line and "text" not in line:
                    return True
                if line:
                    lines.append(line)
                if cuts and len(lines) >= cuts[0]:
                    cuts.pop(0)
                    onward.kill("log_relay-1")
                    onward.start("log_relay-1")
                    return False
    except aiohttp.ClientError:
        await asyncio.sleep(0.2)
    return False
