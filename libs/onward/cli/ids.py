"""Execution ids as people type them: whole, or so much of the beginning that only one fits."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from onward.cli.exits import Told
from onward.cli.session import Session

if TYPE_CHECKING:
    from onward.client.client import Client

Command = TypeVar("Command", bound=Callable[..., Any])
_WHOLE = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_PREFIX = re.compile(r"[0-9a-f][0-9a-f-]{3,34}")
_SHORTEST = 13
"""Ids begin with their time: with fewer characters even neighbours in a list would look the same."""


def argument(*, many: bool = False) -> Callable[[Command], Command]:
    """Adds the argument ID (or several)."""
    return click.argument(
        "ids_given" if many else "id",
        metavar="ID..." if many else "ID",
        nargs=-1 if many else 1,
        required=True,
        shell_complete=complete,
    )


def whole(here: Session, typed: str) -> str:
    """Returns the id that was typed or begun; the gateway refuses a beginning that fits none or several."""
    text = typed.strip().lower()
    if _WHOLE.fullmatch(text):
        return text
    if not _PREFIX.fullmatch(text):
        raise Told(
            f"{typed!r} is no execution id",
            fix="an id is a UUID, or its first 4 or more characters; `onward execution list` shows ids",
            code="invalid_id",
        )
    return str(here.client.get(text, whole=False)["id"])


def shortened(ids: Iterable[str]) -> dict[str, str]:
    """Returns for each id so much of its beginning that it differs from the others."""
    listed = sorted(set(ids))
    short = {}
    for place, one in enumerate(listed):
        neighbours = [listed[other] for other in (place - 1, place + 1) if 0 <= other < len(listed)]
        needed = 1 + max((_common(one, other) for other in neighbours), default=0)
        short[one] = one[: max(needed, _SHORTEST)].rstrip("-")
    return short


def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns ids for the shell, with what each is."""
    return [
        CompletionItem(one["id"], help=f"{one['task']} {one['status']}")
        for one in quickly(ctx, lambda client: client.list(limit=100))
        if one["id"].startswith(incomplete)
    ]


def quickly(ctx: click.Context, ask: "Callable[[Client], Iterable[dict[str, Any]]]") -> list[dict[str, Any]]:
    """Returns what the gateway answers at once, and nothing where it is slow or away: a shell waits for this."""
    from onward.client.client import Client

    here = ctx.find_root().obj
    try:
        with Client(here.profile.url, here.profile.api_key, timeout=0.5, patience=0.0) as client:
            return list(ask(client))
    except Exception:  # noqa: BLE001 -- a completion that fails is one that has nothing to offer
        return []


def _common(one: str, other: str) -> int:
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
