"""Loopback ports: the same ones as last time where possible, and nobody else's in between."""

import socket
import sys
from types import TracebackType
from typing import Self

import msgspec

from onward.cli.embedded.data_dir import DataDir
from onward.cli.embedded.private_file import write_private
from onward.contract.errors import Misconfigured

HOST = "127.0.0.1"
_LINUX = sys.platform.startswith("linux")


class Ports:
    """Holds ports from before their servers start until `up` ends, through all their restarts.

    A held port is bound and not listened on: Linux lets a server listen there, and gives it to nobody else.
    The abstract socket beside it tells two `up`s apart, to which such a port would look free.
    """

    def __init__(self, directory: DataDir) -> None:
        self._file = directory.ports
        self._held: list[socket.socket] = []
        self._last: dict[str, int] = {}
        self._chosen: dict[str, int] = {}
        if self._file.exists():
            self._last = msgspec.json.decode(self._file.read_bytes(), type=dict[str, int])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for held in self._held:
            held.close()

    def again(self, name: str) -> int:
        """Returns the port of the last run, or any free one."""
        last = self._last.get(name)
        return self._keep(name, last if last and self._claim(last) else self._any())

    def exactly(self, name: str, port: int) -> int:
        """Returns this port, or refuses when it is taken."""
        if not self._claim(port):
            raise Misconfigured(f"port {port} is taken", fix="give another --port, or leave it out")
        return self._keep(name, port)

    def first_from(self, name: str, port: int, *, tries: int = 100) -> int:
        """Returns the first free port from here upward."""
        free = next((each for each in range(port, port + tries) if self._claim(each)), None)
        return self._keep(name, self._any() if free is None else free)

    def save(self) -> None:
        """Remembers the ports for the next run."""
        write_private(self._file, msgspec.json.encode(self._chosen))

    def _keep(self, name: str, port: int) -> int:
        self._chosen[name] = port
        return port

    def _any(self) -> int:
        while True:
            with socket.socket() as free:
                free.bind((HOST, 0))
                port = int(free.getsockname()[1])
            if self._claim(port):
                return port

    def _claim(self, port: int) -> bool:
        held = [_bound(port), *([_named(port)] if _LINUX else [])]
        taken = [one for one in held if one is not None]
        if len(taken) < len(held) or not _LINUX:
            for one in taken:
                one.close()
            return len(taken) == len(held)
        self._held += taken
        return True


def _bound(port: int) -> socket.socket | None:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return _or_nothing(held, (HOST, port))


def _named(port: int) -> socket.socket | None:
    return _or_nothing(socket.socket(socket.AF_UNIX), f"\0onward-port-{port}")


def _or_nothing(held: socket.socket, address: tuple[str, int] | str) -> socket.socket | None:
    try:
        held.bind(address)
    except OSError:
        held.close()
        return None
    return held
