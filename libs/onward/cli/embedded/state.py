"""What runs now: written by `up` for `down`, and for whoever asks."""

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from onward.cli.embedded.data_dir import DataDir
from onward.cli.embedded.private_file import write_private
from onward.process.identity import Identity, identify


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """An installation that runs: its addresses and its processes."""

    url: str
    api_key: str
    nats_url: str
    database_url: str
    data_dir: str
    up: Identity
    children: dict[str, Identity]
    ready: bool = False

    def summary(self) -> dict[str, Any]:
        """Returns what `onward up -o json` prints."""
        return {
            "url": self.url,
            "api_key": self.api_key,
            "nats_url": self.nats_url,
            "database_url": self.database_url,
            "data_dir": self.data_dir,
            "pids": {"up": self.up.pid, **{name: child.pid for name, child in self.children.items()}},
        }


def write_state(directory: DataDir, running: Running) -> None:
    """Stores what runs now; holds passwords, so only its owner may read it."""
    write_private(directory.state, msgspec.json.encode(running))


def read_state(directory: DataDir) -> Running | None:
    """Returns what the last `up` wrote, if it has not ended in order."""
    try:
        return msgspec.json.decode(directory.state.read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError):
        return None


def ourselves() -> Identity:
    """Returns the identity of this process."""
    return identify(os.getpid()) or Identity(os.getpid(), "unknown")


def identities(pids: Mapping[str, int]) -> dict[str, Identity]:
    """Returns who these pids are; one that just ended is left out."""
    known = {name: identify(pid) for name, pid in pids.items()}
    return {name: identity for name, identity in known.items() if identity is not None}
