"""Limits of keys: what an operator sets in place of what executions say, and who holds and wants a key now."""

from collections.abc import Sequence
from typing import Any

from onward.bus.limit_asking import Line, Question, Waiting, line
from onward.contract import ids
from onward.contract.errors import Unavailable
from onward.contract.limit import MOST_HOLDERS, LimitSpec
from onward.contract.limits import MAX_KEY, Holder
from onward.http.call import Principal
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Around, Kind, wrong

_MOST = 1_000_000
_DAY = 86_400.0


class LimitView(LimitSpec, frozen=True, kw_only=True, omit_defaults=False):
    """A key: its numbers, who holds it, and the first of those that wait for it."""

    holders: tuple[str, ...]
    waiting: tuple[str, ...]
    waiting_total: int


def check(spec: LimitSpec, _around: Around) -> None:
    """Raises InvalidBody for numbers that make no sense, and for a name that does not follow from the key."""
    if not (1 <= len(spec.key) <= MAX_KEY and spec.key.isprintable()):
        raise wrong("/key", f"it has 1 to {MAX_KEY} printable characters")
    if spec.name != (name := ids.limit_id(spec.key)):
        raise wrong("/name", "the name of a limit follows from its key", f"call it {name}")
    if spec.max is not None and not 1 <= spec.max <= MOST_HOLDERS:
        raise wrong("/max", f"it is 1 to {MOST_HOLDERS}")
    if spec.rate is not None and not 1 <= spec.rate <= _MOST:
        raise wrong("/rate", f"it is 1 to {_MOST}")
    if spec.per is not None and not 0.001 <= spec.per <= _DAY:
        raise wrong("/per", f"it is 0.001 to {_DAY:.0f} seconds")


async def show(gateway: Gateway, who: Principal, specs: Sequence[LimitSpec]) -> list[Any]:
    """The limits, with what the keeper says of their keys."""
    return [_shown(spec, await _line(gateway, who.project, spec.key)) for spec in specs]


async def _line(gateway: Gateway, project: str, key: str) -> Line:
    try:
        return await line(gateway.messages, Question(project=project, key=key))
    except Unavailable:
        return Line()


def _shown(spec: LimitSpec, found: Line) -> LimitView:
    holders: tuple[Holder, ...] = found.holders
    waiting: tuple[Waiting, ...] = found.waiting
    return LimitView(
        **{name: getattr(spec, name) for name in spec.__struct_fields__},
        holders=tuple(holder.execution_id for holder in holders),
        waiting=tuple(one.execution_id for one in waiting),
        waiting_total=found.total,
    )


KIND = Kind(
    spec=LimitSpec, plural="limits", a="a limit", known_as="key", check=check, view=LimitView, show=show
)
