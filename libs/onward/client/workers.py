"""Workers: who is there, and what they are told while they run."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from onward.client.resources import Json, checked, pages
from onward.client.wire import Wire

_PATH = "/api/v1/workers"


class Workers:
    """The workers of the project. An id may be cut short, as long as only one worker begins with it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list(self) -> Iterator[Json]:
        """Yields the workers that give signs of life."""
        yield from pages(self._wire, _PATH)

    def get(self, worker_id: str) -> Json:
        """Returns one worker, with what it runs."""
        return self._json("GET", worker_id)

    def drain(self, worker_id: str, *, exit: bool = False) -> Json:
        """Lets it finish what it runs, and take nothing new; with `exit` its process ends then."""
        return self._json("POST", worker_id, "/drain", {"exit": exit})

    def pause(self, worker_id: str) -> Json:
        """Lets it take nothing new until it is resumed; what it runs goes on."""
        return self._json("POST", worker_id, "/pause", {})

    def resume(self, worker_id: str) -> Json:
        """Lets it take again."""
        return self._json("POST", worker_id, "/resume", {})

    def slots(self, worker_id: str, slots: int) -> Json:
        """Sets how many executions it runs at once."""
        return self._json("POST", worker_id, "/slots", {"slots": slots})

    def _json(self, method: str, worker_id: str, act: str = "", body: Any = None) -> Json:
        path = f"{_PATH}/{quote(worker_id, safe='')}{act}"
        found: Json = checked(self._wire.call(method, path, body=body, repeatable=True)).json()
        return found
