"""Stored messages by batched direct get, in pages."""

import asyncio
from typing import Any

import msgspec

from onward.bus.connection import Connection
from onward.bus.ports import Raw
from onward.bus.wire import END_OF_BATCH, NO_MESSAGES, NO_RESPONDERS, Reply, number
from onward.contract.errors import Unavailable

PAGE = 1000
PAGE_BYTES = 8 * 1024**2


class Page(msgspec.Struct, frozen=True):
    """Messages in order, and whether more are left above them."""

    raws: list[Raw]
    more: bool


class Asked(msgspec.Struct, frozen=True):
    """A page on its way: asking for several at once needs no task for each."""

    stream: str
    found: list[Reply]
    end: "asyncio.Future[Any]"

    async def page(self) -> Page:
        """Wait for it. Raises Unavailable."""
        end: Reply = await self.end
        if end.status == NO_MESSAGES:
            return Page([], more=False)
        if end.status != END_OF_BATCH:
            why = (
                "no responders"
                if end.status == NO_RESPONDERS
                else end.headers[9:80].decode(errors="replace").strip()
            )
            raise Unavailable(f"{self.stream} cannot be read: {why}", retry_after=1)
        raws = [raw_of(reply.headers, reply.data) for reply in self.found]
        return Page(raws, more=number(end.headers, b"Nats-Num-Pending") > 0)


def ask(
    connection: Connection,
    stream: str,
    subject: str | None,
    after: int,
    most: int = PAGE,
    *,
    most_bytes: int = PAGE_BYTES,
) -> Asked:
    """Ask for up to `most` messages above sequence `after`, of one subject or all. Raises NotConnected."""
    body = f'{{"seq":{after + 1},"batch":{most},"max_bytes":{most_bytes}'
    body += f',"next_by_subj":"{subject}"}}' if subject else "}"
    return Asked(stream, *connection.ask_many(f"$JS.API.DIRECT.GET.{stream}", body.encode()))


async def rest(connection: Connection, asked: Asked, subject: str) -> list[Raw]:
    """That page and all that follow it."""
    page = await asked.page()
    raws = page.raws
    while page.more:
        page = await ask(connection, asked.stream, subject, raws[-1].sequence).page()
        raws += page.raws
    return raws


def raw_of(headers: bytes, data: bytes) -> Raw:
    """A stored message, whose subject and sequence the server has put last among its headers."""
    at = headers.rfind(b"\r\nNats-Sequence: ") + 17
    sequence = int(headers[at : headers.find(b"\r\n", at)])
    at = headers.rfind(b"\r\nNats-Subject: ") + 16
    return Raw(sequence=sequence, subject=headers[at : headers.find(b"\r\n", at)].decode(), data=data)
