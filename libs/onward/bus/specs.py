"""A copy of CONFIG, decoded: resources as their types."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from onward.contract.resource import Resource

log = logging.getLogger("onward.bus")

R = TypeVar("R", bound=Resource)


class Copy(Protocol):
    """What a Mirror is for who only reads it."""

    def get(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        """One resource and its sequence, or None."""
        ...

    def items(self, project: str, kind: str) -> Mapping[str, tuple[bytes, int]]:
        """All resources of a kind, by name."""
        ...


class Specs:
    """What was decoded once is kept until it changes; what cannot be decoded is as if it were not there."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self._decoded: dict[tuple[str, str, str], tuple[int, Any]] = {}

    def get(self, project: str, kind: type[R], name: str) -> R | None:
        """A resource, by its type and name."""
        found = self._copy.get(project, kind.KIND, name)
        if found is None:
            return None
        known: R | None = self.decoded(project, kind.KIND, name, found, lambda data: decode(data, kind))
        return known

    def all(self, project: str, kind: type[R]) -> dict[str, R]:
        """Every resource of a kind, by name."""
        found = {name: self.get(project, kind, name) for name in sorted(self._copy.items(project, kind.KIND))}
        return {name: spec for name, spec in found.items() if spec is not None}

    def decoded(
        self, project: str, kind: str, name: str, found: tuple[bytes, int], how: Callable[[bytes], Any]
    ) -> Any:
        """What `how` makes of this message, once; None where it cannot."""
        data, sequence = found
        held = self._decoded.get((project, kind, name))
        if held is None or held[0] != sequence:
            try:
                made = how(data)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                log.warning("CONFIG holds a %s %r that cannot be read: %s", kind, name, error)
                made = None
            held = self._decoded[project, kind, name] = (sequence, made)
        return held[1]


def decode(data: bytes, kind: type[R]) -> R:
    """A resource from its message. Raises msgspec.MsgspecError, UnicodeDecodeError, RecursionError."""
    return msgspec.json.decode(data, type=kind)
