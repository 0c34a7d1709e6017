"""What one round of the limit keeper comes to: who is admitted, who is stopped, what is looked at again. No I/O."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain

import msgspec

from onward.bus.limit_line import Lines, Waiter
from onward.contract.limit import LimitPolicy
from onward.contract.limit_round import Key, Round

Rules = Callable[[str, LimitPolicy], LimitPolicy | None]
"""A limit of a project with the numbers of this moment; None: it limits nothing any more."""
Granted = dict[str, tuple[Waiter, tuple[LimitPolicy, ...]]]


class Asked(msgspec.Struct, eq=False, kw_only=True):
    """An execution lets go of a key with its event `n`; or, with `at`, replaces those that wait for it."""

    execution_id: str
    n: int = 0
    at: datetime | None = None
    done: "asyncio.Future[None]"


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """An execution to be cancelled because of a limit; with `waiting`, only while it still waits."""

    key: Key
    execution_id: str
    because: str
    waiting: bool = True


class Decided(msgspec.Struct, kw_only=True):
    """Valid once the keys are stored."""

    granted: Granted
    newcomers: list[Waiter]
    stops: list[Stop]
    some: list[Waiter]
    """Those that have some of their keys and cannot get the others now."""
    budgets: dict[Key, datetime]


def decide(
    round_: Round, lines: Lines, dirty: Iterable[Key], asked: Mapping[Key, list[Asked]], rules: Rules
) -> Decided:
    """Take back, replace, admit in the order of the lines, and do with the rest what their limits say."""
    dirty = tuple(dirty)
    made = Decided(
        granted={}, stops=[], some=[], budgets={},
        newcomers=[waiter for waiter in lines.new.values() if round_.knows(waiter.keys)],
    )  # fmt: skip
    for key, requests in asked.items():
        for what in requests:
            if what.at is None:
                round_.release(key, what.execution_id, what.n)
            else:
                made.stops += _replace(round_, key, what.execution_id, what.at)
    for waiter in made.newcomers:
        for limit in waiter.who.limits:
            if limit.full == "replace" and waiter.who.fresh:
                key = (waiter.project, limit.key)
                made.stops += _replace(round_, key, waiter.id, waiter.log.execution.created_at)
    for key in dirty:
        _admit(round_, lines, key, rules, made)
    for waiter in made.newcomers:
        if waiter.id not in made.granted and waiter.who.fresh:
            made.stops += _full(round_, waiter, rules)
    return made


def _replace(round_: Round, key: Key, execution_id: str, at: datetime) -> list[Stop]:
    outdated = round_.replace(key, execution_id, at)
    if outdated is None:
        return []
    return [Stop(key=key, execution_id=outdated, because=f"replaced by a newer one for {key[1]}")]


def _admit(round_: Round, lines: Lines, key: Key, rules: Rules, made: Decided) -> None:
    # Who has it already only lacks the others; and might wait behind somebody who waits for this very key.
    for waiter in chain(lines.these(round_.holders(key)), lines.of(key)):
        if waiter.id in made.granted or not round_.knows(waiter.keys):
            continue
        limits = as_now(waiter, rules)
        waiter.blocked = round_.admit(waiter.project, waiter.who, limits)
        if not waiter.blocked:
            made.granted[waiter.id] = waiter, limits
            continue
        if not waiter.gives_back and round_.got(waiter.project, waiter.who):
            waiter.gives_back = True
            made.some.append(waiter)
        mine = next((why for why in waiter.blocked if why.limit.key == key[1]), None)
        if mine is not None:
            if mine.until is not None:
                made.budgets[key] = mine.until
            return  # who comes later waits behind


def _full(round_: Round, waiter: Waiter, rules: Rules) -> list[Stop]:
    limits = as_now(waiter, rules)
    waiter.blocked = round_.blocked(waiter.project, waiter.who, limits)
    for why in waiter.blocked:
        key = (waiter.project, why.limit.key)
        if why.limit.full == "drop_newest":
            return [Stop(key=key, execution_id=waiter.id, because=f"limit {why.limit.key} is full")]
        if why.limit.full == "cancel_oldest" and why.because == "max":
            victim = round_.make_way(key, waiter.who)
            if victim is not None:
                because = f"limit {why.limit.key} is full: it makes way for {waiter.id}"
                return [Stop(key=key, execution_id=victim, because=because, waiting=False)]
    return []


def as_now(waiter: Waiter, rules: Rules) -> tuple[LimitPolicy, ...]:
    """Its limits with the numbers of this moment."""
    ruled = (rules(waiter.project, limit) for limit in waiter.who.limits)
    return tuple(limit for limit in ruled if limit is not None)
