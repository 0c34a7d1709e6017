"""Functions for processes of their own: tests of `process=True` import them, and so do their processes."""

import ctypes
import dataclasses
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from onward import Fatal, Registry, Retry, RetryAfter, execution, idempotency_key, log, progress, step, sync

registry = Registry("processes")


@dataclasses.dataclass
class Order:
    """An argument and a result with a type."""

    id: str
    cents: int


class Refused(Exception):
    """An exception of an author's own."""


@registry.step(process=True)
def double(order: Order, *more: int, times: int = 2) -> Order:
    """Doubles."""
    assert isinstance(order, Order)
    return Order(order.id, order.cents * times + sum(more))


@registry.task
async def doubled(cents: int) -> Order:
    """A step in a process of its own."""
    found = await double(Order("o-1", cents), 1, 2, times=3)
    assert isinstance(found, Order)
    return found


@registry.task(process=True)
def facts(numbers: list[int]) -> dict[str, Any]:
    """A whole task in a process of its own: what it knows, and what it says."""
    print("printed")
    print("no end of line", end="", file=sys.stderr)
    logging.getLogger("shop").warning("logged %d", 7)
    log("said", level="error")
    sync(progress(0.5, "half"))
    found = execution()
    return {
        "pid": os.getpid(), "execution_id": found and found.execution_id, "attempt": found and found.attempt,
        "key": idempotency_key(), "sum": sum(numbers),
    }  # fmt: skip


@registry.task(process=True, retry=Retry(attempts=1))
def asks_for_a_step() -> None:
    """What does not work there."""
    sync(step("inner", time.time))


@registry.step(process=True)
def raises(how: str) -> None:
    """Ends in many ways."""
    match how:
        case "refused":
            raise Refused("not today", 42)
        case "fatal":
            raise Fatal("never")
        case "later":
            raise RetryAfter(7.0)
        case "local":

            class OnlyThere(Exception):
                """Known to this process alone."""

            raise OnlyThere("of its own")
        case "exit":
            os._exit(3)
        case "segfault":
            ctypes.string_at(0)
        case "killed":
            os.kill(os.getpid(), 9)
        case _:
            sys.exit("left")


@registry.task(retry=Retry(attempts=1))
async def ends(how: str) -> str:
    """What a task sees of a step that ends badly in its process."""
    try:
        await raises(how)
    except Refused as error:
        return f"refused {error.args}"
    return "went on"


@registry.step(process=True, timeout=0.5)
def over_its_limit(folder: str) -> None:
    """Takes too long."""
    stubborn.__wrapped__(folder)


@registry.task(retry=Retry(attempts=1))
async def limited(folder: str) -> str:
    """Catches that its step took too long."""
    try:
        await over_its_limit(folder)
    except TimeoutError:
        return "timed out"
    return "went on"


@registry.task(process=True)
def stubborn(folder: str) -> None:
    """Ignores what it is asked, with a program of its own beside it."""
    beside = subprocess.Popen(["sleep", "600"])
    Path(folder, "pids").write_text(f"{os.getpid()} {beside.pid}")
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:  # noqa: BLE001 - on purpose
            continue


@registry.task(process=True)
def polite(folder: str) -> None:
    """Puts its things in order when it is asked to stop."""
    try:
        Path(folder, "pids").write_text(f"{os.getpid()}")
        time.sleep(600)
    finally:
        Path(folder, "order").touch()


@registry.step(process=True)
def stubborn_step(folder: str) -> None:
    """The same, as a step."""
    stubborn.fn(folder)


@registry.task
def waits_for_it(folder: str) -> int:
    """A task on a thread that waits for two steps in processes of their own."""
    cents = double.sync(Order("o-1", 5)).cents
    stubborn_step.sync(folder)
    return cents
