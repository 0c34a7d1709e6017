"""Core messages in memory: whoever listens hears them, and nothing is stored."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from onward.contract.errors import OnwardError
from onward.testing.connection import Connection, Unanswered

Handle = Callable[[str, bytes], Awaitable[bytes | None]]


class Subscription(msgspec.Struct, kw_only=True, eq=False):
    """One listener, the messages it has not handled yet, and the process it lives in."""

    pattern: tuple[str, ...]
    group: str | None
    handle: Handle
    connection: Connection
    inbox: asyncio.Queue[tuple[str, bytes, asyncio.Future[bytes] | None]]


class Wires:
    """All subscriptions."""

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []

    def send(self, subject: str, data: bytes, reply: asyncio.Future[bytes] | None, sender: Connection) -> int:
        """Deliver to each listener and to one of each group; how many heard it."""
        heard: dict[object, list[Subscription]] = {}
        for subscription in self.subscriptions:
            if matches(subscription.pattern, subject) and not subscription.connection.dead:
                heard.setdefault(subscription.group or subscription, []).append(subscription)
        for members in heard.values():
            sender.random.choice(members).inbox.put_nowait((subject, data, reply))
        return len(heard)


def matches(pattern: tuple[str, ...], subject: str) -> bool:
    """Whether a subject fits a subscription's tokens, with `*` for one and `>` for the rest."""
    tokens = subject.split(".")
    for i, wanted in enumerate(pattern):
        if wanted == ">":
            return len(tokens) > i
        if i >= len(tokens) or wanted not in ("*", tokens[i]):
            return False
    return len(tokens) == len(pattern)


class MemoryMessages:
    """Implements onward.bus.ports.Messages."""

    def __init__(self, wires: Wires, connection: Connection) -> None:
        self._wires, self._connection = wires, connection

    async def publish(self, subject: str, data: bytes) -> None:
        """See Messages.publish."""
        with contextlib.suppress(Unanswered):
            await self._connection.call(lambda: self._wires.send(subject, data, None, self._connection))

    async def subscribe(
        self, subject: str, handle: Handle, *, group: str | None = None
    ) -> Callable[[], Awaitable[None]]:
        """See Messages.subscribe."""
        subscription = Subscription(
            pattern=tuple(subject.split(".")), group=group, handle=handle, connection=self._connection,
            inbox=asyncio.Queue(),
        )  # fmt: skip
        self._wires.subscriptions.append(subscription)
        task = self._connection.run(_listen(subscription))

        async def unsubscribe() -> None:
            if subscription in self._wires.subscriptions:
                self._wires.subscriptions.remove(subscription)
            task.cancel()

        return unsubscribe

    async def ask(self, subject: str, data: bytes, *, timeout: float) -> bytes | None:
        """See Messages.ask."""
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                heard = await self._connection.call(
                    lambda: self._wires.send(subject, data, reply, self._connection)
                )
                return await reply if heard else None
        except (TimeoutError, Unanswered):
            return None


async def _listen(subscription: Subscription) -> None:
    while True:
        subject, data, reply = await subscription.inbox.get()
        # A handler that could not do its work loses that message, not those behind it.
        with contextlib.suppress(Unanswered, OnwardError):
            await subscription.connection.call(lambda: None)
            answer = await subscription.handle(subject, data)
            if answer is None or reply is None:
                continue
            await subscription.connection.call(_answering(reply, answer))


def _answering(reply: asyncio.Future[bytes], answer: bytes) -> Callable[[], Any]:
    return lambda: None if reply.done() else reply.set_result(answer)
