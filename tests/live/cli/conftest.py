"""The whole platform as `onward up` starts it, once for all tests here, and command lines that talk to it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from onward.process.parent import PARENT_VARIABLE

ROOT = Path(__file__).parents[3]


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Installation(NamedTuple):
    """What `onward up -o json` said, and the environment in which other commands find it."""

    said: dict[str, Any]
    env: dict[str, str]

    def onward(self, *arguments: str, seconds: float = 60.0) -> Result:
        return run(self.env, *arguments, seconds=seconds)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "onward.cli", *arguments]


def run(env: dict[str, str], *arguments: str, seconds: float = 60.0) -> Result:
    # Files and not pipes: what stays up in the background may hold on to its output.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        code = subprocess.run(
            command(*arguments),
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            timeout=seconds,
        ).returncode
        out.seek(0)
        err.seek(0)
        return Result(code, out.read(), err.read())


@pytest.fixture(scope="session")
def installation():
    # Not pytest's own folder: Postgres runs as another user where we are root, and must reach it.
    with (
        tempfile.TemporaryDirectory(prefix="onward-cli-") as folder,
        Path(folder, "up.txt").open("w") as told,
    ):
        env = environment(folder)
        up = subprocess.Popen(
            command("up", "--tasks", "tests.live.cli.story", "-o", "json"), cwd=ROOT, stdout=subprocess.PIPE,
            stderr=told, text=True, env={**env, PARENT_VARIABLE: str(os.getpid())},
        )  # fmt: skip
        said = up.stdout.readline()
        assert said, Path(folder, "up.txt").read_text()
        yield Installation(json.loads(said), env)
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
        up.stdout.close()


def environment(folder: str) -> dict[str, str]:
    """Where commands find an installation below a folder, and nothing of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONWARD_")}
    return {
        **kept, "ONWARD_PROFILE": f"{folder}/profile.json", "ONWARD_HOME": f"{folder}/data",
        "PYTHONPATH": "libs:services",
    }  # fmt: skip


@pytest.fixture
def begin(installation):
    """Starts a command that goes on; what a test leaves behind is killed."""
    begun = []

    def start(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
        process = subprocess.Popen(command(*arguments), env=installation.env, cwd=ROOT, text=True, **options)
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def onward(installation):
    return installation.onward
