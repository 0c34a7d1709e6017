"""Tasks for the journeys; their steps write into a ledger that no fault ever hits."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from onward import Registry, Retry, ask, emit, execution, log, sleep, step, wait_event

registry = Registry("journeys")


def effect(**what: Any) -> None:
    """Append one line to the ledger: a single write, whole or not at all."""
    session = execution()
    line = json.dumps({
        "t": time.time(), "execution_id": session.execution_id if session else None,
        "attempt": session.attempt if session else None, "pid": os.getpid(), **what,
    })  # fmt: skip
    with Path(os.environ["JOURNEY_LEDGER"]).open("a", encoding="utf-8") as ledger:
        ledger.write(line + "\n")


async def work(number: int, seconds: float) -> int:
    """One step: begins, takes its time, ends."""
    effect(step=number, what="begin")
    await asyncio.sleep(seconds)
    effect(step=number, what="end")
    return number


async def held(number: int) -> int:
    """One step that ends when the test says so, however slow the machine is: see Platform.let_go."""
    effect(step=number, what="begin")
    while not Path(os.environ["JOURNEY_LEDGER"]).with_name("let go").exists():
        await asyncio.sleep(0.02)
    effect(step=number, what="end")
    return number


@registry.task(retry=Retry(attempts=5, first=0.1, cap=1.0))
async def five(count: int = 5, seconds: float = 0.3, hold: int = 0) -> list[int]:
    """`count` steps, one after the other; the one of number `hold` waits for the test."""
    return [
        await (
            step(f"step {number}", held, number)
            if number == hold
            else step(f"step {number}", work, number, seconds)
        )
        for number in range(1, count + 1)
    ]


@registry.task
async def noop() -> None:
    """Nothing."""


@registry.task
async def unsteady(fails: int) -> int:
    """Fails in its first attempts, so many of them; then tells in which one it ended."""
    session = execution()
    assert session is not None
    effect(what="tries")
    if session.attempt <= fails:
        raise ConnectionError(f"attempt {session.attempt} fails")
    return session.attempt


@registry.task
async def sleeper(seconds: float) -> str:
    """A step, a durable sleep, another step."""
    await step("before", work, 1, 0.0)
    await sleep(seconds)
    await step("after", work, 2, 0.0)
    return "woke"


@registry.task
async def chatty(lines: int, pause_every: int = 500) -> int:
    """Many log lines, with a breath now and then."""
    for number in range(1, lines + 1):
        log(f"line {number}")
        if number % pause_every == 0:
            await asyncio.sleep(0.02)
    return lines


@registry.task(retry=Retry(attempts=1))
async def seven() -> str:
    """The seed page's seven events: fails in its first life, ends well in the second."""
    answer = await ask("Go on?", choices=["yes", "no"])
    await step("once", work, 1, 0.0)
    await emit("part", {"answer": answer})
    session = execution()
    if session is not None and session.attempt == 1:
        raise ConnectionError("fails in its first life")
    return "done"


@registry.task(retry=Retry(attempts=1))
async def blocking(seconds: float) -> str:
    """What nobody should do: it blocks the loop of its worker."""
    effect(what="blocks")
    time.sleep(seconds)
    return "done"


@registry.task
async def poisonous(kind: str) -> Any:
    """A result that some store or other cannot hold."""
    return {
        "nul": "before\0after", "surrogate": "lone \ud800", "nan": float("nan"), "array": [1, [2, []]],
        "bytes": b"\xff\x00", "set": {1, 2}, "deep": _deep(2000), "large": "x" * 5_000_000,
    }[kind]  # fmt: skip


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@registry.task
def flood(megabytes: int) -> int:
    """Prints as fast as it can; returns how many lines."""
    line = "x" * 1000
    count = megabytes * 1000
    for _ in range(count):
        print(line)
    return count


async def _same(text: str) -> str:
    effect(what="copied")
    return text


@registry.task
async def echo(text: str, nap: float = 0.0) -> str:
    """What it was given, through a step and, with `nap`, through a durable sleep."""
    copy = await step("copy", _same, text)
    if nap:
        await sleep(nap)
    return copy


@registry.task
async def grown(size: int) -> str:
    """A result of this many bytes."""
    return "x" * (size - 2)


@registry.task(retry=Retry(attempts=3, first=0.1, cap=0.5))
async def leaf(number: int, seconds: float = 0.0) -> int:
    """One of many children."""
    effect(leaf=number, what="begin")
    await asyncio.sleep(seconds)
    effect(leaf=number, what="end")
    return number


@registry.task(retry=Retry(attempts=100, first=0.05, cap=0.1))
async def fan_out(count: int, seconds: float = 0.0, window: int = 50) -> int:
    """The sum over as many children."""
    effect(what="fans out")
    items = [{"number": number, "seconds": seconds} for number in range(count)]
    return sum(await leaf.map(items, window=window))


@registry.task
async def approval(number: int) -> dict[str, Any]:
    """Ask a person, then wait for what is to be paid; tells what it was told."""
    answer = await ask(f"Order {number}?", choices=[f"racer-{racer}" for racer in range(5)], to="team:orders")
    return {"answer": answer, "paid": await wait_event("paid", int, timeout=600)}


@registry.task
async def deadly() -> None:
    """Takes its worker down with it."""
    effect(what="kills")
    os.kill(os.getpid(), signal.SIGKILL)
