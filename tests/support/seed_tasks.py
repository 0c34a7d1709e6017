"""Tasks for the tests of docs/seed.md: what a user's first tasks look like."""

import asyncio
import json
import logging
from typing import Literal

import msgspec

from onward import Registry, Retry, ask, checkpoint, emit, log, progress, step

registry = Registry("seed")
_log = logging.getLogger("seed")


@registry.task
async def greet(name: str = "you") -> str:
    """Greets."""
    log(f"greeting {name}")
    await emit("greeting", name)
    return f"hello {name}"


@registry.task
def talk(lines: int = 1000, error_at: int = 0) -> int:
    """Prints many lines; one may be an error."""
    for number in range(1, lines + 1):
        if number == error_at:
            log(f"line {number} went wrong", level="error")
        else:
            print(f"{number} an ordinary line of a program that talks a lot, needle {number % 250_000}")
    if error_at:
        raise ValueError("it talked too much")
    return lines


@registry.task
async def says(text: str) -> None:
    """Writes a line as it is given, once as it is and once inside JSON."""
    log(text)
    log(json.dumps({"said": text}))


@registry.task
async def work(seconds: float = 30.0, steps: int = 3) -> int:
    """Steps that take their time, with progress and state."""
    for number in range(1, steps + 1):
        await progress(number / steps, f"part {number} of {steps}")
        log(f"part {number}")
        await step(f"part {number}", asyncio.sleep, seconds / steps)
        await checkpoint("at", number)
    return steps


@registry.task(retry=Retry(attempts=3, first=0.2, factor=2.0, cap=5.0, jitter=False))
async def fragile(fails: int = 99) -> str:
    """Fails as if the network did."""
    await step("reach", asyncio.sleep, 0)
    raise ConnectionError(f"cannot reach server {fails}")


@registry.task
async def broken(order: int = 7) -> str:
    """Has a mistake in it."""
    _log.info("order %d", order)
    _log.error("order %d has no price", order)
    return await step("price", _price, order)


def _price(order: int) -> str:
    raise KeyError(f"order {order}")


@registry.task
async def deploy(version: str = "1") -> str:
    """Asks before it acts."""
    answer = await ask(f"Deploy {version}?", choices=["yes", "no"])
    return f"{version}: {answer}"


@registry.task
async def both(names: list[str]) -> list[str]:
    """Two children at once."""
    return list(await asyncio.gather(*(greet.run(name) for name in names)))


@registry.task
async def seed_done() -> str:
    """Takes nothing."""
    return "done"


@registry.task(version="2.1", retry=Retry(attempts=1))
async def tally(seconds: float = 0.0) -> float:
    """Takes its time, or refuses to."""
    if seconds < 0:
        raise ValueError(f"cannot sleep {seconds} s")
    await step("add up", asyncio.sleep, seconds)
    return seconds


@registry.task
async def fails_with(text: str) -> None:
    """Fails with these words."""
    raise ValueError(text)


@registry.task
async def priced(prices: list[int]) -> int:
    """Each price is a step; none may be below zero."""
    return sum([await step(f"price {place}", _checked, price) for place, price in enumerate(prices, 1)])


def _checked(price: int) -> int:
    if price < 0:
        raise ValueError("no price is below zero")
    return price


@registry.task
async def anything(value: dict[str, object]) -> None:
    """Takes whatever it is given."""


class Address(msgspec.Struct):
    city: str
    street: str | None = None


class Order(msgspec.Struct):
    """An answer with members of several kinds."""

    amount: int
    how: Literal["slow", "express"]
    address: Address
    note: str | None = None


@registry.task
async def ordered(deadline: float) -> dict[str, object]:
    """Asks Ann for an order."""
    usual = Order(amount=1, how="slow", address=Address("Bonn"))
    order = await ask("What do you need?", Order, to="ann", wait=deadline, default=usual)
    return {"amount": order.amount, "how": order.how, "address": {"city": order.address.city}}


@registry.task
async def fails_to_count(text: str) -> None:
    """The same, for the one test that counts all of its kind."""
    raise ValueError(text)
