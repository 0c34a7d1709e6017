"""What `onward up` was asked for."""

from pathlib import Path
from typing import Any

import msgspec

from onward.contract.errors import Misconfigured
from onward.contract.ids import check_name

DEFAULT_PORT = 8900
_MOST_WORKERS = 64


class UpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one `onward up`; a path in `data_dir` may begin with `~`."""

    data_dir: Path
    port: int | None = None  # of the gateway; none: 8900, or the next free one
    workers: int = 1
    slots: int | None = None  # of each worker; none: the worker's own default
    tasks: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    nats_url: str | None = None  # given: that server is used and none is started
    nats_sys_url: str | None = None
    database_url: str | None = None
    ready_seconds: float = 60.0

    def check(self) -> None:
        """Refuses what cannot work, before anything is touched."""
        if not 0 <= self.workers <= _MOST_WORKERS:
            raise Misconfigured(f"{self.workers} workers", fix=f"give --workers 0 to {_MOST_WORKERS}")
        if self.port is not None and not 0 < self.port < 65536:
            raise Misconfigured(f"{self.port} is no port", fix="give --port 1 to 65535")
        if self.slots is not None and self.slots < 1:
            raise Misconfigured(f"{self.slots} slots", fix="give --slots 1 or more")
        for queue in self.queues:
            check_name("queue", queue)


def encode(options: UpOptions) -> bytes:
    """Writes options for the process that carries them out."""
    return msgspec.json.encode(options, enc_hook=str)


def decode(written: bytes) -> UpOptions:
    """Reads what `encode` wrote."""
    return msgspec.json.decode(written, type=UpOptions, dec_hook=_path)


def _path(kind: type[Any], value: Any) -> Any:
    return kind(value)
