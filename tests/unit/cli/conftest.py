"""The command line, driven in three ways: in this process, as a process, and as a process on a terminal."""

import io
import os
import pty
import select
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import pytest

from onward.cli.__main__ import main
from tests.unit.client.fake_gateway import KEY, fake_gateway


class Result(NamedTuple):
    code: int
    out: str
    err: str = ""


@pytest.fixture
def gateway():
    with fake_gateway() as running:
        yield running


@pytest.fixture
def env(gateway, tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("ONWARD_") or name == "PYTHONUNBUFFERED":
            monkeypatch.delenv(name)
    settings = {
        "ONWARD_URL": gateway.url, "ONWARD_API_KEY": KEY, "ONWARD_PROFILE": str(tmp_path / "profile.json"),
        "ONWARD_HOME": str(tmp_path / "home"), "PYTHONPATH": "libs:services", "TZ": "UTC",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def onward(env, capsys, monkeypatch):
    """Runs a command line in this process."""

    def run(*arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(arguments)
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def process(env):
    """Runs a command line as a process."""

    def run(*arguments, **options):
        done = subprocess.run(
            [sys.executable, "-m", "onward.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            **options,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


# What runs in a shell's background is deaf to Ctrl-C, and so would be its children.
_HEARS_CTRL_C = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from onward.cli.__main__ import main; sys.exit(main())"
)


class Terminal:
    """A process whose output and errors are one terminal."""

    def __init__(self, *arguments, **env):
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HEARS_CTRL_C, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **env}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""

    def until(self, text, seconds=10.0):
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.shown!r}"
            assert self._read(), f"it ended without {text!r}: {self.shown!r}"
        return self

    def type(self, text):
        os.write(self._ours, text.encode())
        return self

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self

    def finish(self):
        while self._read():
            pass
        os.close(self._ours)
        return Result(self.process.wait(10), self.shown)

    def _read(self):
        ready, _, _ = select.select([self._ours], [], [], 10.0)
        try:
            piece = os.read(self._ours, 65536) if ready else b""
        except OSError:  # the other side is closed
            return False
        self.shown += piece.decode().replace("\r\n", "\n")
        return bool(piece)


@pytest.fixture
def terminal(env):
    started = []

    def run(*arguments, **more):
        started.append(Terminal(*arguments, **more))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(10)
