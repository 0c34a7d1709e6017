"""Limits: how many executions may hold a key, and how often one may start. Pure (PROTOCOL L1).

A key's state is decided here; who appends it is the limit keeper (bus/limit_keeper.py).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from onward.contract.errors import InvalidInput
from onward.contract.execution import Execution, Status
from onward.contract.limit import LimitPolicy

MAX_KEY = 256

Full = Literal["max", "rate"]


class Holder(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """An execution that holds a key, and the n at which it was seen when it got it."""

    execution_id: str
    n: int
    since: datetime
    way_for: str | None = None
    """Who waits for its place, where it is cancelled for that."""


class KeyState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All there is to know of a key: one message of its log."""

    project: str
    key: str
    holders: tuple[Holder, ...] = ()
    max: int | None = None
    """As it was when the key was granted last."""
    tokens: float | None = None
    """What a rate had left at `counted_at`; None: all."""
    counted_at: datetime | None = None
    full_at: datetime | None = None
    """When all tokens are back."""
    newest: str | None = None
    """The execution that waits, where a newer one replaces it."""
    newest_at: datetime | None = None

    def holds(self, execution_id: str) -> bool:
        """Whether this execution holds it."""
        return any(holder.execution_id == execution_id for holder in self.holders)

    def empty(self, now: datetime) -> bool:
        """Whether nothing would be lost with it."""
        return not self.holders and self.newest is None and (self.full_at is None or self.full_at <= now)


class Wanting(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that waits to be admitted, as far as limits are concerned."""

    execution_id: str
    n: int
    priority: int
    since: datetime
    limits: tuple[LimitPolicy, ...]
    held: frozenset[str] = frozenset()
    """Keys that its own log says it holds."""
    starts: bool = True
    """Whether it begins: a rate counts that, and not that it goes on after a wait."""
    fresh: bool = True
    """Whether nothing of this life has run: only then may it be dropped because a limit is full."""

    @property
    def place(self) -> tuple[int, datetime, str]:
        """Its place in a line: by priority, then by age."""
        return (-self.priority, self.since, self.execution_id)


class Blocked(msgspec.Struct, frozen=True):
    """What keeps it from a key; `until` is when a rate has the next token."""

    limit: LimitPolicy
    because: Full
    until: datetime | None = None


def wanting(state: Execution) -> Wanting:
    """What an execution at the gate wants."""
    return Wanting(
        execution_id=state.id, n=state.n, priority=state.priority, since=state.life_from or state.created_at,
        limits=tuple(sorted(state.limits, key=lambda limit: limit.key)), held=frozenset(state.grants),
        starts=not state.resumes, fresh=state.status is Status.PENDING,
    )  # fmt: skip


def blocked(state: KeyState, limit: LimitPolicy, who: Wanting, now: datetime) -> Blocked | None:
    """What keeps `who` from this key; None: it fits, or it holds it already."""
    if state.holds(who.execution_id):
        return None
    if limit.max is not None and len(state.holders) >= limit.max:
        return Blocked(limit, "max")
    if limit.rate is not None and who.starts:
        left = tokens(state, limit, now)
        if left < 1:
            wait = (1 - left) * limit.per / limit.rate
            return Blocked(limit, "rate", now + timedelta(seconds=wait))
    return None


def tokens(state: KeyState, limit: LimitPolicy, now: datetime) -> float:
    """What a rate has left: a bucket of `rate` tokens that fills up again within `per` seconds."""
    rate = float(limit.rate or 0)
    if state.tokens is None or state.counted_at is None:
        return rate
    gone = max(0.0, (now - state.counted_at).total_seconds())
    # The hair is for the clock's microseconds: who waits until a token is back shall find a whole one.
    return min(rate, state.tokens + gone * rate / limit.per + 1e-6)


def granted(state: KeyState, limit: LimitPolicy, who: Wanting, now: datetime) -> KeyState:
    """The key held by `who` too."""
    before = next((h for h in state.holders if h.execution_id == who.execution_id), None)
    if before is not None:
        if before.n >= who.n or limit.key in who.held:
            return state
        # It was granted to an older log, and may be taken back for that: written anew, the fence tells.
        renewed = msgspec.structs.replace(before, n=who.n)
        holders = tuple(renewed if holder is before else holder for holder in state.holders)
        return msgspec.structs.replace(state, holders=holders)
    changes: dict[str, Any] = {"max": limit.max}
    if limit.max is not None:
        holder = Holder(execution_id=who.execution_id, n=who.n, since=now)
        changes["holders"] = (*state.holders, holder)
    if limit.rate is not None and who.starts:
        left = tokens(state, limit, now) - 1
        back = now + timedelta(seconds=(limit.rate - left) * limit.per / limit.rate)
        changes |= {"tokens": left, "counted_at": now, "full_at": back}
    if state.newest == who.execution_id:
        changes |= {"newest": None, "newest_at": None}
    return msgspec.structs.replace(state, **changes)


def released(state: KeyState, execution_id: str, n: int) -> KeyState:
    """The key without `execution_id`, which let go of it with its event `n`; what it got after that stays."""
    kept = tuple(h for h in state.holders if h.execution_id != execution_id or h.n >= n)
    changes: dict[str, Any] = {} if len(kept) == len(state.holders) else {"holders": kept}
    if state.newest == execution_id:
        changes |= {"newest": None, "newest_at": None}
    return msgspec.structs.replace(state, **changes) if changes else state


def makes_way(state: KeyState, who: str) -> tuple[KeyState, str | None]:
    """The key with its oldest holder marked to make way for `who`, and that holder; None: there is nobody left to."""
    marked = next((h for h in state.holders if h.way_for == who), None)
    if marked is not None:
        return state, marked.execution_id
    oldest = next((h for h in state.holders if h.way_for is None), None)
    if oldest is None:
        return state, None
    holders = tuple(msgspec.structs.replace(h, way_for=who) if h is oldest else h for h in state.holders)
    return msgspec.structs.replace(state, holders=holders), oldest.execution_id


def replaced(state: KeyState, execution_id: str, at: datetime) -> tuple[KeyState, str | None]:
    """The key with its newest waiting execution, and the one that is out of date by that: perhaps this one itself."""
    if state.newest is None or state.newest_at is None or state.newest == execution_id:
        return msgspec.structs.replace(state, newest=execution_id, newest_at=at), None
    if (state.newest_at, state.newest) > (at, execution_id):
        return state, execution_id
    return msgspec.structs.replace(state, newest=execution_id, newest_at=at), state.newest


# The mark of a stream of keys that is complete

MARK = ("_", "complete")
"""Project and key under which it is kept; no project has this name."""
COMPLETE = "complete"


def mark(text: str, at: datetime) -> KeyState:
    """The state of MARK; `text` is COMPLETE, or how far it has come."""
    return KeyState(project=MARK[0], key=MARK[1], newest=text, newest_at=at)


# Which limits an execution has


def fill(limits: Iterable[LimitPolicy], given: Any) -> tuple[LimitPolicy, ...]:
    """The limits with the members of an input in place of `{member}`. Raises InvalidInput."""
    return tuple(msgspec.structs.replace(limit, key=_filled(limit.key, given)) for limit in limits)


def has_places(limits: Iterable[LimitPolicy]) -> bool:
    """Whether the input has to be looked at."""
    return any("{" in limit.key for limit in limits)


def _filled(template: str, given: Any) -> str:
    if "{" not in template:
        return template
    parts = template.split("{")
    filled = parts[0]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        value: Any = given
        for member in name.split("."):
            value = value.get(member) if isinstance(value, Mapping) else None
        if not closed or not isinstance(value, str | int | float):
            raise InvalidInput(
                f"/input: the limit {template!r} needs a text or a number in {name!r}",
                fix="give the input that member, or the submission limits of its own",
            )
        filled += ("true" if value is True else "false" if value is False else str(value)) + rest
    return check_key(filled)


def check_key(key: str) -> str:
    """`key` itself, where it may be one. Raises InvalidInput."""
    if 1 <= len(key) <= MAX_KEY and key.isprintable():
        return key
    raise InvalidInput(f"a limit's key has 1 to {MAX_KEY} printable characters", fix="shorten it, or hash it")
