"""One command for many executions, as a client gives it: `client.bulk.begin("cancel", {"queue": "mail"})`."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]
PATH = "/api/v1/bulk-operations"


class Bulk:
    """Operations on everything that a filter finds; the filter takes what `client.list` takes."""

    def __init__(self, ask: Callable[..., Json], items: Callable[..., Iterator[Json]]) -> None:
        self._ask, self._items = ask, items

    def preview(self, action: str, filter: Mapping[str, Any], *, all: bool = False, **more: Any) -> Json:
        """Returns how many executions it would find now."""
        body = {"action": action, "filter": dict(filter), "all": all, "dry_run": True, **more}
        return self._ask("POST", PATH, body=body, repeatable=True)

    def begin(
        self,
        action: str,
        filter: Mapping[str, Any],
        *,
        all: bool = False,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> Json:
        """Begins an operation and returns it; it goes on whoever dies. An empty filter needs `all`."""
        key = idempotency_key or secrets.token_hex(16)
        body = {"action": action, "filter": dict(filter), "all": all, "idempotency_key": key, **more}
        return self._ask("POST", PATH, body=body, repeatable=True)

    def get(self, operation_id: str) -> Json:
        """Returns how far an operation is."""
        return self._ask("GET", _of(operation_id))

    def list(self, *, limit: int | None = None) -> Iterator[Json]:
        """Yields operations, newest first."""
        yield from self._items(PATH, None, limit)

    def items(
        self, operation_id: str, *, outcome: str | None = None, limit: int | None = None
    ) -> Iterator[Json]:
        """Yields what became of each execution; `outcome` is done, skipped, failed, or open."""
        query = {} if outcome is None else {"outcome": outcome}
        yield from self._items(_of(operation_id, "/items"), query, limit)

    def abort(self, operation_id: str) -> Json:
        """Ends an operation before it is through; what it has done stays done."""
        return self._ask("POST", _of(operation_id, "/abort"), repeatable=True)


def _of(operation_id: str, part: str = "") -> str:
    return f"{PATH}/{quote(operation_id, safe='')}{part}"
