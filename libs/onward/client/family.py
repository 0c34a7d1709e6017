"""Children of code that is no execution: submitted over a bound client, and looked at until they have ended."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from onward.client.outcome import has_ended
from onward.contract.events import ChildEnd, Failure
from onward.tasks.children import Order

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two looks."""

Json = dict[str, Any]


class Asks(Protocol):
    """What this needs of a client."""

    def submit(
        self, task: str, input: Any = None, *, idempotency_key: str | None = None, **fields: Any
    ) -> Json:
        """Submit an execution."""
        ...

    def get(self, execution_id: str) -> Json:
        """One execution."""
        ...

    def cancel(self, execution_id: str, reason: str | None = None) -> Json:
        """Stop an execution."""
        ...


class Bound:
    """A client that tasks are run with. Implements onward.tasks.children.Maker."""

    def __init__(self, client: Asks) -> None:
        self._client = client
        self._lock = asyncio.Lock()

    def children(self, order: Order, key: str | None) -> "Submitted":
        """The executions of a call that is made now."""
        return Submitted(self, order, key or uuid.uuid4().hex)

    async def ask(self, method: str, *args: Any, **fields: Any) -> Json:
        """What the client answers, on a thread: it is for one call at a time."""
        async with self._lock:
            answer: Json = await asyncio.to_thread(getattr(self._client, method), *args, **fields)
            return answer


class Submitted:
    """The executions of one call. Implements onward.tasks.children.Children."""

    def __init__(self, bound: Bound, order: Order, key: str) -> None:
        self._bound, self._order, self._key = bound, order, key
        self._ids: list[str] = []
        self._ended: dict[int, ChildEnd] = {}

    @property
    def spawned(self) -> int:
        """See Children."""
        return len(self._ids)

    @property
    def ended(self) -> Mapping[int, ChildEnd]:
        """See Children."""
        return self._ended

    def id_of(self, index: int) -> str:
        """See Children."""
        return self._ids[index]

    async def spawn(self, inputs: Sequence[msgspec.Raw]) -> None:
        """See Children."""
        order = self._order
        for given in inputs:
            found = await self._bound.ask(
                "submit", order.task, msgspec.json.decode(given), idempotency_key=f"{self._key}/{len(self._ids)}",
                queue=order.queue, priority=order.priority, labels=order.labels, retry=msgspec.to_builtins(order.retry),
                timeouts=msgspec.to_builtins(order.timeouts),
            )  # fmt: skip
            self._ids.append(found["id"])

    async def news(self, *, want: int, wake: int, tolerates: int) -> None:
        """See Children."""
        del wake  # nobody sleeps here
        pause = FIRST_PAUSE
        while len(self._ended) < want:
            known = len(self._ended)
            for index, execution_id in enumerate(self._ids):
                if index not in self._ended:
                    self._note(index, await self._bound.ask("get", execution_id))
            if sum(end.outcome != "completed" for end in self._ended.values()) > tolerates:
                return
            pause = FIRST_PAUSE if len(self._ended) > known else min(LONGEST_PAUSE, 1.5 * pause)
            if len(self._ended) < want:
                await asyncio.sleep(pause)

    def _note(self, index: int, found: Json) -> None:
        if has_ended(found):
            error = found["error"]
            self._ended[index] = ChildEnd(
                group=self._key, born=1, index=index, outcome=found["status"],
                output=msgspec.Raw(msgspec.json.encode(found["output"])),
                error=None if error is None else Failure(type=error["type"], message=error["message"]),
            )  # fmt: skip

    async def output(self, index: int) -> msgspec.Raw:
        """See Children."""
        found = await self._bound.ask("get", self._ids[index])
        return msgspec.Raw(msgspec.json.encode(found["output"]))

    async def stop(self, places: Iterable[int]) -> None:
        """See Children."""
        for index in places:
            if index not in self._ended:
                await self._bound.ask("cancel", self._ids[index], "not_wanted")
