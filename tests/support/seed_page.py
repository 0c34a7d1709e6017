"""Onward as `onward up` starts it, used from the outside alone: the command line and REST."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support.ports import free_port

BIN = Path(sys.executable).parent
TASKS = "tests.support.seed_tasks"


class Refused(Exception):
    """REST said no: its status and its problem."""

    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(f"{status}: {problem}")
        self.status, self.problem = status, problem


class Onward:
    """One installation, and whoever uses it."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self.up: dict[str, Any] = {}

    def run(self, *words: str, code: int | None = 0, within: float = 60.0) -> str:
        """What a command line prints, which must end with this exit code (None: any)."""
        done = subprocess.run(
            [str(BIN / "onward"), *words],
            env={**os.environ, **self.variables}, capture_output=True, text=True, timeout=within, check=False,
        )  # fmt: skip
        said = f"onward {' '.join(words)} → {done.returncode}\n{done.stdout}{done.stderr}"
        assert code is None or done.returncode == code, said
        return done.stdout

    def json(self, *words: str, code: int | None = 0) -> Any:
        """The same with `-o json`."""
        return json.loads(self.run(*words, "-o", "json", code=code))

    def rest(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON that REST answers below /api/v1. Raises Refused."""
        return json.loads(self.text(method, path, body, **headers) or "null")

    def text(self, method: str, path: str, body: Any = None, **headers: str) -> str:
        """The text that it answers."""
        request = urllib.request.Request(
            f"{self.variables['ONWARD_URL']}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.variables['ONWARD_API_KEY']}",
                "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.loads(error.read() or b"null")) from None

    def submit(self, task: str, given: Any = None, **more: Any) -> str:
        """A new execution's id."""
        return str(self.rest("POST", "/executions", {"task": task, "input": given or {}, **more})["id"])

    def get(self, execution_id: str) -> dict[str, Any]:
        """One execution."""
        return dict(self.rest("GET", f"/executions/{execution_id}"))

    def ended(self, execution_id: str, within: float = 60.0) -> dict[str, Any]:
        """One execution, once it has ended."""
        ends = ("completed", "failed", "cancelled")
        return self.until(lambda: self.get(execution_id), lambda now: now["status"] in ends, within)

    def running(self, execution_id: str, within: float = 40.0) -> dict[str, Any]:
        """One execution, once a worker runs it."""
        return self.until(
            lambda: self.get(execution_id),
            lambda now: now["reason"] == "executing" and now["worker_id"],
            within,
        )

    @staticmethod
    def until(look: Callable[[], Any], is_so: Callable[[Any], Any], within: float = 40.0) -> Any:
        """What `look` sees, once it is so."""
        deadline = time.monotonic() + within
        while not is_so(seen := look()):
            assert time.monotonic() < deadline, f"not within {within} s: {seen}"
            time.sleep(0.05)
        return seen


@contextlib.contextmanager
def installation(home: Path) -> Iterator[Onward]:
    """An Onward that `onward up` has started below this folder, and whoever uses it."""
    profile = home / "profile.json"
    it = Onward({"ONWARD_HOME": str(home), "ONWARD_PROFILE": str(profile), "PYTHONDONTWRITEBYTECODE": "1"})
    up = ("up", "--tasks", TASKS, "--port", str(free_port()), "--detach", "-o", "json")
    it.up = json.loads(it.run(*up, within=120).splitlines()[-1])
    try:
        wrote = json.loads(profile.read_text())
        it.variables |= {"ONWARD_URL": wrote["url"], "ONWARD_API_KEY": wrote["api_key"]}
        yield it
    finally:
        it.run("down", within=60)
