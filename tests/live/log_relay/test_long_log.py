"""A log of a million lines opens at its end, its beginning and its middle without being read."""

import asyncio
import statistics
import time

import pytest

LINES = 1_000_000

pytestmark = pytest.mark.slow


@pytest.fixture
async def long(execution):
    to = execution.writer()

    def write():
        for i in range(LINES):
            level = "error" if i % 100_000 == 77 else "info"
            to.write(
                level,
                "stdout",
                f"{i} an ordinary line of a program that talks a lot, and needle {i % 250_000 == 9}",
            )

    await asyncio.to_thread(write)
    await execution.finish(to)
    return execution


@pytest.mark.timeout(180)
async def test_any_place_of_a_million_lines_is_shown_within_100_ms(long, served, session):
    async def get(query):
        started = time.perf_counter()
        async with session.get(served.url(long.id, query), headers=served.auth) as answer:
            page = await answer.json()
        return page, (time.perf_counter() - started) * 1000

    page, _ = await get("?tail=1")
    assert (page["last_line"], page["dropped"]) == (LINES, 0)
    shown = {}
    for query, first in {
        "": 1,
        "?tail=200": LINES - 199,
        "?after=500000": 500_001,
        "?level=error": 78,
        "?level=error&tail=3": LINES - 299_922,
        "?level=error&after=500000&limit=1": 500_078,
        "?level=critical": None,
    }.items():
        took = []
        for _ in range(15):
            page, ms = await get(query)
            assert (page["items"][0]["line"] if page["items"] else None) == first
            took.append(ms)
        shown[query] = statistics.median(took)
    print({query: f"{ms:.1f} ms" for query, ms in shown.items()})
    assert max(shown.values()) <= 100


@pytest.mark.timeout(180)
async def test_the_whole_of_a_million_lines_is_searched_and_downloaded(long, served, session):
    started, after, hits, pages = time.perf_counter(), 0, [], 0
    while after is not None:
        query = f"?grep=needle%20True&after={after}"
        async with session.get(served.url(long.id, query), headers=served.auth) as answer:
            page = await answer.json()
        hits += [item["line"] for item in page["items"]]
        after, pages = page["next_after"], pages + 1
    searched = time.perf_counter() - started
    assert hits == [10, 250_010, 500_010, 750_010]
    started, size, count = time.perf_counter(), 0, 0
    async with session.get(
        served.url(long.id), headers={**served.auth, "Accept": "application/x-ndjson"}
    ) as answer:
        async for part in answer.content.iter_any():
            size += len(part)
            count += part.count(b"\n")
    downloaded = time.perf_counter() - started
    assert count == LINES
    print(
        f"searched in {searched:.1f} s over {pages} pages; {size / 2**20:.0f} MiB downloaded in {downloaded:.1f} s"
    )
