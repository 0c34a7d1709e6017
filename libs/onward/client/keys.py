"""API keys: made, shown without what opens, rotated and revoked."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from onward.client.resources import Json, checked, pages
from onward.client.wire import Wire

_PATH = "/api/v1/api-keys"


class Keys:
    """The API keys of the project; all of it needs a key of scope admin."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(self, name: str, scope: str = "submit", *, expires_at: str | None = None) -> Json:
        """Makes a key; its member `key` is shown this once."""
        return self._json("POST", _PATH, {"name": name, "scope": scope, "expires_at": expires_at})

    def list(self) -> Iterator[Json]:
        """Yields all keys, the newest first."""
        yield from pages(self._wire, _PATH)

    def get(self, key_id: str) -> Json:
        """Returns one key, without what opens."""
        return self._json("GET", _of(key_id))

    def rotate(self, key_id: str, grace: float = 0.0) -> Json:
        """Replaces a key by another one of its name and scope; the old one opens for `grace` seconds more."""
        return self._json("POST", _of(key_id) + "/rotate", {"grace": grace})

    def revoke(self, key_id: str) -> Json:
        """Revokes a key; a second time changes nothing."""
        return self._json("DELETE", _of(key_id), repeatable=True)

    def _json(self, method: str, path: str, body: Any = None, **how: Any) -> Json:
        found: Json = checked(self._wire.call(method, path, body=body, **how)).json()
        return found


def _of(key_id: str) -> str:
    return f"{_PATH}/{quote(key_id, safe='')}"
