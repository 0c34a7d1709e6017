"""Incidents of alerts, and deliveries to channels."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from onward.client.problem import ApiProblem
from onward.client.wire import Wire

Json = dict[str, Any]
_PAGE = 200


class Alerting:
    """What is read of alerts, and done to deliveries."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def incidents(self, alert: str | None = None, *, open: bool = False) -> Iterator[Json]:
        """Yields incidents, newest first, of one alert or of all."""
        path = "/api/v1/incidents" if alert is None else f"/api/v1/alerts/{quote(alert, safe='')}/incidents"
        yield from self._items(path, {"open": open or None})

    def deliveries(self, channel: str, *, status: str | None = None) -> Iterator[Json]:
        """Yields what was sent to a channel, newest first."""
        yield from self._items(f"/api/v1/channels/{quote(channel, safe='')}/deliveries", {"status": status})

    def delivery(self, delivery_id: str) -> Json:
        """Returns one, with its body and each try."""
        return self._told("GET", f"/api/v1/deliveries/{quote(delivery_id, safe='')}")

    def redeliver(self, delivery_id: str) -> Json:
        """Sends it again now, under the same webhook-id."""
        return self._told("POST", f"/api/v1/deliveries/{quote(delivery_id, safe='')}/redeliver")

    def _items(self, path: str, query: dict[str, Any]) -> Iterator[Json]:
        cursor: str | None = None
        while True:
            page = self._told("GET", path, {**query, "limit": _PAGE, "cursor": cursor})
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _told(self, method: str, path: str, query: dict[str, Any] | None = None) -> Json:
        answer = self._wire.call(method, path, query=query or {}, body={} if method == "POST" else None)
        if answer.status >= 400:
            raise ApiProblem.of(answer.status, answer.body)
        found: Json = answer.json()
        return found
