"""Alert rules and channels of all projects, as CONFIG has them now."""

import logging
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from onward.contract.alerts import ALERT, CHANNEL, AlertSpec, ChannelSpec

log = logging.getLogger(__name__)

T = TypeVar("T")
Key = tuple[str, str]


class KnownAlerts:
    """Follows CONFIG: `hear` is called for each change."""

    def __init__(self) -> None:
        self.alerts: dict[Key, AlertSpec] = {}
        self.channels: dict[Key, ChannelSpec] = {}

    def hear(self, project: str, kind: str, name: str, data: bytes | None, sequence: int) -> None:
        """A resource was made, changed or deleted; one that cannot be read counts as deleted."""
        del sequence
        if kind == ALERT:
            self.alerts.pop((project, name), None)
            if (rule := _read(data, AlertSpec)) is not None:
                self.alerts[project, name] = rule
        elif kind == CHANNEL:
            self.channels.pop((project, name), None)
            if (channel := _read(data, ChannelSpec)) is not None:
                self.channels[project, name] = channel

    def subscribers(self) -> Iterator[tuple[str, ChannelSpec]]:
        """The channels that want events, with their projects."""
        for (project, _), channel in self.channels.items():
            if channel.events and not channel.paused:
                yield project, channel


def _read(data: bytes | None, kind: type[T]) -> T | None:
    if not data:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        log.warning("a resource of CONFIG cannot be read: %s", error)
        return None
