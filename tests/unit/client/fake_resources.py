"""The resources of the fake gateway: the routes of the real one, over a CONFIG in memory."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from onward_gateway.resources.table import KINDS
from tests.unit.client.fake_server import Request
from tests.unit.onward_gateway.door import House

PLURALS = frozenset(kind.plural for kind in KINDS) | {"api-keys", "audit"}


class FakeResources:
    """A gateway in memory, asked by threads, one request at a time."""

    def __init__(self) -> None:
        self.house = House()
        self.audited: list[dict[str, Any]] = []
        self.wrong: int | None = None
        """The first entry that is not as it was written."""

    def answer(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        if request.path.endswith("/audit"):
            kept = [
                one for one in self.audited if request.query.get("actor", [one["actor"]]) == [one["actor"]]
            ]
            return 200, {"items": kept, "next_cursor": None}, {}
        if request.path.endswith("/audit/verify"):
            chain = {
                "source": "resource",
                "entries": len(self.audited),
                "hash": "a" * 64,
                "wrong": self.wrong,
            }
            told = {**chain, "why": "it was altered" if self.wrong else None}
            return 200, {"sound": self.wrong is None, "chains": [told]}, {}
        given = [
            (name.encode(), request.headers[name].encode())
            for name in ("if-match",)
            if name in request.headers
        ]
        query = urlencode(request.query, doseq=True)
        path = request.path + ("?" + query if query else "")
        reply = asyncio.run(self._asked(request, path, given))
        etag = {"ETag": reply.headers["etag"]} if "etag" in reply.headers else {}
        return reply.status, reply.json if reply.body else None, etag

    async def _asked(self, request: Request, path: str, given: Any) -> Any:
        try:
            return await self.house.call(request.method, path, request.body, headers=given)
        finally:
            # Each request has a loop of its own, and so has the process that rules run in.
            await self.house.gateway.policing.engine.close()
