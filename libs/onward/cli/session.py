"""What one command line has in hand: whom it talks to, where it writes, and what time it is."""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from onward.client.client import Client
    from onward.client.profile import Profile

PATIENCE = 5.0
"""Seconds in which a short command goes on trying to reach a gateway that has answered before."""
FIRST = 1.0
"""The same for one that never has: most likely there is none."""


class ReaderGone(Exception):
    """Whoever read our output has seen enough; click would make a plain failure of a broken pipe."""


class Session:
    """Made once per command line; `main` fills it from the options before any command runs."""

    def __init__(
        self, *, now: Callable[[], datetime], env: Mapping[str, str], out: TextIO, err: TextIO
    ) -> None:
        self.now = now
        self.env = dict(env)
        self.out = out
        self.err = err
        self.url: str | None = None
        self.api_key: str | None = None
        self.debug = False

    @cached_property
    def profile(self) -> "Profile":
        """Whom the options, the environment or the profile name."""
        from onward.client.profile import resolve

        return resolve(self.env, self.url, self.api_key)

    @cached_property
    def client(self) -> "Client":
        """The gateway; no connection is made before it is asked something."""
        from onward.client.client import Client

        return Client(self.profile.url, self.profile.api_key, patience=PATIENCE, first_contact=FIRST)

    @cached_property
    def live(self) -> bool:
        """Says whether a person watches the output."""
        return self.out.isatty()

    @cached_property
    def coloured(self) -> bool:
        """Says whether colours are wanted (NO_COLOR, FORCE_COLOR)."""
        if self.env.get("NO_COLOR"):
            return False
        return bool(self.env.get("FORCE_COLOR")) or (self.live and self.env.get("TERM") != "dumb")

    @cached_property
    def width(self) -> int:
        """Columns of the terminal."""
        try:
            return os.get_terminal_size(self.out.fileno()).columns or 80
        except (OSError, ValueError):
            return int(self.env["COLUMNS"]) if self.env.get("COLUMNS", "").isdigit() else 80

    def print(self, text: str) -> None:
        """Writes a line of what was asked for."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Writes a part of what was asked for. Raises ReaderGone."""
        try:
            self.out.write(text)
        except BrokenPipeError:
            raise ReaderGone from None

    def flush(self) -> None:
        """Sends what was written on its way. Raises ReaderGone."""
        try:
            self.out.flush()
        except BrokenPipeError:
            raise ReaderGone from None

    def note(self, text: str) -> None:
        """Writes a line about it, aside from what a pipe reads."""
        self.flush()
        try:
            self.err.write(text + "\n")
            self.err.flush()
        except BrokenPipeError:
            raise ReaderGone from None

    def close(self) -> None:
        """Ends the connection to the gateway, if there is one."""
        if "client" in vars(self):
            self.client.close()

    def hint(self, command: str, why: str = "") -> None:
        """Names the next command to a person, and to nobody else."""
        if self.err.isatty():
            self.note(f"hint: {command}{'   ' + why if why else ''}")


def session() -> Session:
    """Returns the session of the command that runs now."""
    found = click.get_current_context().find_root().obj
    assert isinstance(found, Session), "commands run below `onward`"  # noqa: S101 -- a programming error
    return found


def standard(now: Callable[[], datetime]) -> Session:
    """Returns the session of this process."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal without this character still gets the rest of the line
    return Session(now=now, env=os.environ, out=sys.stdout, err=sys.stderr)
