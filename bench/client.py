"""One client process that speaks HTTP with an Onward of a benchmark, and looks into its Postgres."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import asyncpg

from bench.installation import Platform
from onward.contract import ids

_PATIENCE = 300.0
_COMPLETED = "select count(*) from executions where id >= $1 and status = 'completed'"
_LOOK = 0.1
"""Seconds between two counts of what is completed, at least: counting shall cost the store next to nothing."""


class Client:
    """Submits, and waits."""

    def __init__(self, session: aiohttp.ClientSession, platform: Platform, store: asyncpg.Connection) -> None:
        self.session, self.platform, self.store = session, platform, store
        self.url = f"{platform.up['url']}/api/v1/executions"

    async def submit(self, task: str, given: dict[str, Any] | None = None, **fields: Any) -> str:
        """POSTs one execution; its id. Raises RuntimeError."""
        async with self.session.post(self.url, json={"task": task, "input": given or {}, **fields}) as answer:
            body = await answer.json()
            if answer.status != 202:
                raise RuntimeError(f"{answer.status}: {body}")
            return str(body["id"])

    async def submit_batch(self, task: str, count: int) -> None:
        """POSTs so many at once. Raises RuntimeError."""
        body = {"items": [{"task": task, "input": {}} for _ in range(count)]}
        async with self.session.post(f"{self.url}/batch", json=body) as answer:
            if answer.status != 202:
                raise RuntimeError(f"{answer.status}: {await answer.text()}")
            await answer.read()

    async def result(self, execution_id: str) -> dict[str, Any]:
        """The execution once it is completed. Raises RuntimeError."""
        async with self.session.get(f"{self.url}/{execution_id}", params={"wait": "30"}) as answer:
            body: dict[str, Any] = await answer.json()
            if body.get("status") != "completed":
                raise RuntimeError(str(body))
            return body

    async def call(self, task: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """Submits one, and waits for its result, by one request."""
        body = {"task": task, "input": given or {}}
        async with self.session.post(self.url, json=body, params={"wait": "30"}) as answer:
            shown: dict[str, Any] = await answer.json()
            if shown.get("status") != "completed":
                raise RuntimeError(str(shown))
            return shown

    async def until_completed(self, count: int, *, since: str) -> None:
        """Waits until the store has so many of those made since an id. Raises RuntimeError."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            begun = time.monotonic()
            have = await self.store.fetchval(_COMPLETED, since)
            if have >= count:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{have} of {count} are completed after {_PATIENCE:.0f} s")
            await asyncio.sleep(max(_LOOK, 5 * (time.monotonic() - begun)))


def earliest_id() -> str:
    """The least id that may be made from now on."""
    return ids.new_id(int(time.time() * 1000), bytes(10))


@asynccontextmanager
async def connected(platform: Platform) -> AsyncIterator[Client]:
    """A client of this installation."""
    headers = {"Authorization": f"Bearer {platform.up['api_key']}"}
    store = await asyncpg.connect(platform.up["database_url"])
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=200), headers=headers
        ) as session:
            yield Client(session, platform, store)
    finally:
        await store.close()


async def many(count: int, at_once: int, one: Callable[[], Awaitable[Any]]) -> list[Any]:
    """What `one` returned, called `count` times, `at_once` in flight."""
    left, found = iter(range(count)), []

    async def lane() -> None:
        found.extend([await one() for _ in left])

    await asyncio.gather(*(lane() for _ in range(at_once)))
    return found
