"""What a supervised child is, and what is told about it."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from onward.contract.errors import OnwardError
from onward.process.spawn import Owner


class StopStep(msgspec.Struct, frozen=True):
    """One signal of an orderly stop, and how long it gets before the next one."""

    signal: signal.Signals
    grace_seconds: float


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one child; after the last of its stop steps comes SIGKILL."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str]
    ready: Callable[[int], Awaitable[bool]]  # asked with the pid until it says yes
    ready_seconds: float = 30.0
    stage: int = 0
    stop: tuple[StopStep, ...] = (StopStep(signal.SIGTERM, 10.0),)
    death: signal.Signals = signal.SIGTERM  # what it gets when we are killed
    owner: Owner | None = None
    cwd: Path | None = None
    keep: tuple[int, ...] = ()


class ChildReady(msgspec.Struct, frozen=True):
    """A child answered that it is ready."""

    name: str
    pid: int
    seconds: float


class ChildEnded(msgspec.Struct, frozen=True):
    """A child ended, or never became ready, and is started again unless `again_in` is null."""

    name: str
    code: int | None
    why: str
    log: Path
    again_in: float | None


class ChildLoops(msgspec.Struct, frozen=True):
    """A child keeps ending soon after its start."""

    name: str
    times: int
    log: Path
    last_lines: tuple[str, ...]


Report = ChildReady | ChildEnded | ChildLoops


class ChildFailed(OnwardError):
    """A child process could not be started."""

    code = "child_failed"
