"""What can be done to a resource: a look at CONFIG, a pure decision, a fenced write; again until it holds."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from onward.bus.specs import decode
from onward.contract.errors import (
    AlreadyExists,
    ChangedMeanwhile,
    FenceLost,
    InvalidParameter,
    NotFound,
    Unavailable,
    Unreadable,
)
from onward.contract.ids import NAME
from onward.contract.resource import Resource, written
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Around, Kind

_SECONDS = 5.0
_STALE_SECONDS = 1.0
Choose = Callable[[Resource | None], Resource]


class Found(NamedTuple):
    """A resource as CONFIG has it; `spec` is None where that cannot be read."""

    spec: Any
    sequence: int


class Desk:
    """Acts on resources of one kind, for one caller."""

    def __init__(self, gateway: Gateway, kind: Kind, project: str, actor: str) -> None:
        self._gateway, self._kind, self._project, self._actor = gateway, kind, project, actor
        self._config = gateway.known.config
        self.around = Around(project=project, known=gateway.known, now=gateway.clock(), actor=actor)

    async def get(self, name: str, wanted: int | None = None) -> Found:
        """The resource of this name. Raises NotFound, ChangedMeanwhile where it is not at `wanted`."""
        found = await self._look(name, wanted)
        if found is None:
            raise self._missing(name)
        return found

    async def readable(self, name: str) -> Found:
        """The same. Raises Unreadable as well."""
        found = await self.get(name)
        if found.spec is None:
            raise unreadable(self._kind, name)
        return found

    async def tried(self, spec: Resource) -> Any:
        """What would be stored of a new one. Raises what would refuse it."""
        stored = self._stored(spec, None)
        await self._kind.before_write(self._gateway, self._project, stored)
        return stored

    async def create(self, spec: Resource) -> Found:
        """Stores a new one. Raises AlreadyExists."""
        stored = await self.tried(spec)
        try:
            sequence = await self._write(stored.name, msgspec.json.encode(stored), 0)
        except FenceLost:
            raise AlreadyExists(
                f"{self._kind.a} named {stored.name} exists", fix="change it with PUT or PATCH"
            ) from None
        return Found(stored, sequence)

    async def change(self, name: str, wanted: int | None, choose: Choose, *, kept_too: bool = False) -> Found:
        """Stores what `choose` makes of it; without `wanted` of whatever is there. Raises its refusals.

        With `kept_too` it may change what no body of a request can.
        """
        end = asyncio.get_running_loop().time() + _SECONDS
        while True:
            found = await self.get(name, wanted)
            stored = self._stored(choose(found.spec), found.spec, kept_too=kept_too)
            if not kept_too:
                await self._kind.before_write(self._gateway, self._project, stored)
            try:
                sequence = await self._write(name, msgspec.json.encode(stored), found.sequence)
            except FenceLost:
                await self._again(name, wanted, end)
            else:
                return Found(stored, sequence)

    async def delete(self, name: str, wanted: int | None) -> None:
        """Removes it. Raises NotFound, ChangedMeanwhile, and what the kind refuses with."""
        end = asyncio.get_running_loop().time() + _SECONDS
        while True:
            found = await self.get(name, wanted)
            if found.spec is not None:
                await self._kind.before_delete(self._gateway, self._project, found.spec)
            if not found.sequence:
                raise self._missing(name)
            try:
                await self._write(name, b"", found.sequence)
            except FenceLost:
                await self._again(name, wanted, end)
            else:
                return

    def _stored(self, spec: Resource, before: Resource | None, *, kept_too: bool = False) -> Resource:
        if before is not None and self._kind.kept and not kept_too:
            kept = {member: getattr(before, member) for member in self._kind.kept}
            spec = msgspec.structs.replace(spec, **kept)
        spec = self._kind.settle(spec, before, self.around)
        self._kind.check(spec, self.around)
        return written(spec, before, now=self.around.now, actor=self._actor)

    async def _write(self, name: str, data: bytes, expected: int) -> int:
        return await self._config.write(self._project, self._kind.kind, name, data, expected, self._actor)

    async def _look(self, name: str, wanted: int | None) -> Found | None:
        if NAME.fullmatch(name) is None:
            return None
        where = (self._project, self._kind.kind, name)
        found = self._config.get(*where)
        if found is None or (wanted is not None and found[1] != wanted):
            # Another gateway may have written it a moment ago, and a replica answer with what was before that.
            found = await self._config.newest(*where)
            for _ in range(10):
                if wanted is None or (found and found[1] >= wanted):
                    break
                await asyncio.sleep(_STALE_SECONDS / 10)
                found = await self._config.newest(*where)
        if found is None and self._kind.implied(self.around, name):
            found_spec = Found(self._kind.spec(name=name), 0)
        elif found is None:
            return None
        else:
            found_spec = Found(self._decoded(found[0]), found[1])
        if wanted is not None and found_spec.sequence != wanted:
            raise self._changed(name)
        return found_spec

    def _decoded(self, data: bytes) -> Resource | None:
        try:
            return decode(data, self._kind.spec)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    async def _again(self, name: str, wanted: int | None, end: float) -> None:
        """Returns where it may be tried once more."""
        if wanted is not None:
            raise self._changed(name)
        if asyncio.get_running_loop().time() > end:
            raise Unavailable("others write this all the time", retry_after=1)
        await asyncio.sleep(random.uniform(0, 0.01))
        await self._config.newest(self._project, self._kind.kind, name)

    def _changed(self, name: str) -> ChangedMeanwhile:
        return ChangedMeanwhile(
            f"{self._kind.kind} {name} is not as If-Match says", fix="get it again, and decide again"
        )

    def _missing(self, name: str) -> NotFound:
        return NotFound(
            f"there is no {self._kind.kind} {name[:80]!r}", fix=f"GET {self._kind.path} lists all"
        )


def unreadable(kind: Kind, name: str) -> Unreadable:
    """The refusal of what cannot be decoded."""
    return Unreadable(
        f"what is stored of {kind.kind} {name} cannot be read", fix="write it anew with PUT, or delete it"
    )


def etag(sequence: int) -> bytes:
    """The ETag of what stands at this sequence of CONFIG."""
    return f'"{sequence}"'.encode()


def if_match(header: bytes | None) -> int | None:
    """The sequence that a caller expects. Raises InvalidParameter for what is no ETag of ours."""
    if header is None or header.strip() == b"*":
        return None
    text = header.strip().removeprefix(b"W/").strip(b'"')
    if not (text.isdigit() and len(text) < 20):
        raise InvalidParameter("If-Match: this is no ETag of ours", fix="give back the ETag header of a GET")
    return int(text)
