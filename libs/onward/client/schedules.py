"""Schedules, beyond what every resource can: their ticks, and firing them."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from onward.client.problem import ApiProblem
from onward.client.wire import Wire

Json = dict[str, Any]
_PAGE = 200


class Schedules:
    """What can be asked of a schedule; `client.resources("schedules")` makes and changes them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def next(self, name: str, *, count: int = 10) -> list[Json]:
        """Returns the ticks to come."""
        found: list[Json] = self._json("GET", name, "next", query={"count": count})
        return found

    def preview(self, name: str, *, count: int = 10, **members: Any) -> Json:
        """Returns when a schedule of these members would fire: `words`, `zone` and `next`; nothing is stored."""
        found: Json = self._told("POST", "preview", query={"count": count}, body={"name": name, **members})
        return found

    def history(self, name: str, *, limit: int | None = None, outcome: Iterable[str] = ()) -> Iterator[Json]:
        """Yields what became of its ticks, newest first; also of a schedule that was deleted."""
        cursor, left = None, limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            query = {"limit": size, "cursor": cursor, "outcome": list(outcome)}
            page = self._json("GET", name, "runs", query=query)
            yield from page["items"]
            cursor = page["next_cursor"]
            left = None if left is None else left - len(page["items"])
            if cursor is None:
                return

    def trigger(self, name: str) -> Json:
        """Starts its execution now, and returns that."""
        return self._act(name, "trigger")

    def pause(self, name: str, reason: str | None = None) -> Json:
        """Lets no tick fire."""
        return self._act(name, "pause", reason=reason)

    def resume(self, name: str) -> Json:
        """Lets its ticks fire again."""
        return self._act(name, "resume")

    def backfill(
        self, name: str, *, since: str, until: str, rate: float = 60.0, preview: bool = False
    ) -> Json:
        """Starts what ticks of a past time would have started, `rate` a minute; with `preview` only counts them."""
        return self._act(name, "backfill", since=since, until=until, rate=rate, preview=preview)

    def _act(self, name: str, verb: str, **members: Any) -> Json:
        body = {member: value for member, value in members.items() if value is not None}
        found: Json = self._json("POST", name, verb, body=body)
        return found

    def _json(self, method: str, name: str, verb: str, **how: Any) -> Any:
        return self._told(method, f"{quote(name, safe='')}/{verb}", **how)

    def _told(self, method: str, path: str, **how: Any) -> Any:
        answer = self._wire.call(method, f"/api/v1/schedules/{path}", **how)
        if answer.status >= 400:
            raise ApiProblem.of(answer.status, answer.body)
        return answer.json()
