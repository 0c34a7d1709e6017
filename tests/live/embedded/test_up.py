"""`onward up` as a process: what it starts, what it says, and that nothing outlives it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onward.cli.embedded.control import status
from onward.cli.embedded.data_dir import find_data_dir
from onward.process.identity import Identity, identify

# What `onward up` runs, without the streams: those belong to another test.
PROGRAM = """
import sys
from onward.cli.embedded.options import decode
from onward.cli.embedded.report import line
from onward.cli.embedded.up import up
from onward.process.run import run

async def nothing(url, key, *, alone):
    pass

options = decode(sys.argv[1].encode())
say = lambda report: print(line(report), flush=True)
run(lambda stop: up(options, stop, say, prepare=nothing), grace_seconds=60)
"""


class Up:
    """One `up` in a process of its own, and the lines that it said."""

    def __init__(self, data: Path, python: tuple[str, ...] = (sys.executable,), **options) -> None:
        self.data = data
        self.lines: list[str] = []
        written = json.dumps({"data_dir": str(data), "workers": 2, "ready_seconds": 15, **options})
        self.process = subprocess.Popen(
            [*python, "-c", PROGRAM, written], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def hear(self, word: str) -> str:
        """Reads on until a line holds this word."""
        for text in self.process.stdout:
            self.lines.append(text.rstrip("\n"))
            if word in text:
                return self.lines[-1]
        raise AssertionError(f"up ended without {word!r}: {self.lines}")

    def end(self) -> int:
        self.lines += self.process.communicate(timeout=60)[0].splitlines()
        return self.process.returncode

    def everyone(self) -> dict[str, Identity]:
        """Every process there is because of this `up`, backends and grandchildren too."""
        return {
            **status(self.data).children,
            **{f"pid {each.pid}": each for each in family(self.process.pid)},
        }


def family(pid: int) -> list[Identity]:
    shown = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, row.split())) for row in shown.splitlines()]
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        children = [child for child, its_parent in pairs if its_parent == parent]
        found += [identity for child in children if (identity := identify(child))]
        todo += children
    return found


def left_of(everyone: dict[str, Identity], seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while (left := [name for name, each in everyone.items() if each.alive()]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


@pytest.fixture
def start(folder, fakes):
    made: list[Up] = []

    def start(data: Path = folder / "data", **options) -> Up:
        made.append(Up(data, **options))
        return made[-1]

    yield start
    for up in made:
        if up.process.poll() is None:
            up.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                up.end()
            up.process.kill()
        up.process.stdout.close()
        up.process.wait()


@pytest.fixture
def data(folder):
    return folder / "data"


ALL = {"nats", "postgres", "execution_state", "log_relay", "gateway", "worker-1", "worker-2"}


def test_it_starts_everything_says_so_and_stops_in_the_reverse_order(start, data, folder):
    up = start()
    up.hear("the key is in")
    running = status(data)
    everyone = up.everyone()
    assert set(running.children) == ALL
    assert {line.split()[0] for line in up.lines if "pid" in line} == ALL
    summary = running.summary()
    assert set(summary) == {"url", "api_key", "nats_url", "database_url", "data_dir", "pids"}
    profile = json.loads((folder / "profile.json").read_text())
    assert profile == {"url": summary["url"], "api_key": summary["api_key"]}
    assert (folder / "profile.json").stat().st_mode & 0o777 == 0o600

    up.process.send_signal(signal.SIGINT)

    assert up.end() == 0
    assert left_of(everyone, 0) == []
    assert status(data) is None
    assert not find_data_dir(data).state.exists()


def test_each_process_gets_the_addresses_it_needs_and_no_other(start, data, fakes, monkeypatch):
    monkeypatch.setenv("ONWARD_DATABASE_URL", "postgresql://somewhere/else")
    monkeypatch.setenv("ONWARD_API_KEY", "ow_of_another_installation")
    monkeypatch.setenv("ONWARD_GATEWAY_PORT", "1")
    monkeypatch.setenv("ONWARD_HORIZON_SECONDS", "60")
    start(tasks=["my.tasks", "other"], slots=3, queues=["fast"]).hear("the key is in")

    seen = {path.name.split(".")[0]: json.loads(path.read_text()) for path in fakes.iterdir()}
    mine = {"ONWARD_HOST", "ONWARD_PORT", "ONWARD_HORIZON_SECONDS", "ONWARD_NATS_URL"}
    names = {module: set(env) - mine for module, env in seen.items()}
    assert names == {
        "onward_gateway": {"ONWARD_RELAY_URL"},
        "onward_log_relay": set(),
        "onward_execution_state": {"ONWARD_DATABASE_URL", "ONWARD_NATS_SYS_URL"},
        "onward_worker": {"ONWARD_TASKS", "ONWARD_SLOTS", "ONWARD_QUEUES"},
    }
    assert seen["onward_worker"]["ONWARD_TASKS"] == "my.tasks,other"
    assert seen["onward_worker"]["ONWARD_NATS_URL"].startswith("nats://worker:")
    assert seen["onward_gateway"]["ONWARD_NATS_URL"].startswith("nats://services:")
    assert "somewhere" not in seen["onward_execution_state"]["ONWARD_DATABASE_URL"]


def test_a_kill_of_up_leaves_nobody_and_the_data_can_be_used_at_once(start, data, fakes):
    (fakes / "hang.onward_worker").touch()  # a service that would not stop by itself
    up = start()
    up.hear("the key is in")
    (fakes / "hang.onward_worker").unlink()
    everyone = up.everyone()
    assert len(everyone) > len(ALL) + 4  # postgres' backends are among them

    up.process.kill()
    up.process.wait()

    assert left_of(everyone, 5.0) == []
    again = start()
    again.hear("the key is in")
    assert set(status(data).children) == ALL


def test_a_new_up_right_after_a_kill_waits_for_the_old_servers_to_go(start, data):
    up = start()
    up.hear("the key is in")
    everyone = up.everyone()
    up.process.kill()
    again = start()
    again.hear("the key is in")
    assert left_of(everyone, 5.0) == []


def test_a_server_that_outlived_its_up_is_ended_before_a_new_one_starts(start, data):
    up = start()
    up.hear("the key is in")
    frozen = status(data).children["nats"]
    os.kill(frozen.pid, signal.SIGSTOP)  # it hears no signal but SIGKILL
    up.process.kill()
    up.process.wait()
    assert frozen.alive()

    try:
        start().hear("the key is in")
        assert not frozen.alive()
    finally:
        if frozen.alive():
            os.kill(frozen.pid, signal.SIGKILL)


def test_two_ups_cannot_share_a_data_directory(start, data):
    first = start()
    first.hear("the key is in")
    second = start()
    assert second.end() == 1
    assert f"as process {first.process.pid}" in "\n".join(second.lines)
    assert set(status(data).children) == ALL


def test_a_taken_port_is_told_and_another_one_used(start, data, folder):
    first = start()
    first.hear("the key is in")
    port = int(status(data).url.rpartition(":")[2])

    second = start(folder / "second")
    second.hear("the key is in")
    other = int(status(folder / "second").url.rpartition(":")[2])

    assert other != port
    assert any(f"so it listens on {other}" in line for line in second.lines)


def test_a_port_that_was_asked_for_is_used_or_refused(start, data):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start(port=port)
        assert up.end() == 78
        assert f"port {port} is taken" in "\n".join(up.lines)
    up = start(port=port)
    up.hear("the key is in")
    assert status(data).url == f"http://127.0.0.1:{port}"


def test_the_next_start_has_the_same_addresses_and_key(start, data):
    up = start()
    up.hear("the key is in")
    before = status(data)
    up.process.terminate()
    assert up.end() == 0
    start().hear("the key is in")
    after = status(data)
    assert (after.nats_url, after.database_url, after.api_key) == (
        before.nats_url,
        before.database_url,
        before.api_key,
    )


def test_a_child_that_cannot_start_stops_the_start_and_says_where_to_look(start, data, fakes):
    (fakes / "break.onward_gateway").touch()
    up = start()
    assert up.end() == 1
    said = "\n".join(up.lines)
    assert "gateway ended with code 1" in said
    assert "it hurts" in said
    assert str(data / "logs" / "gateway.log") in said
    assert status(data) is None


def test_a_child_that_keeps_crashing_is_told_with_its_log_and_the_others_go_on(start, data, fakes):
    up = start()
    up.hear("the key is in")
    (fakes / "break.onward_worker").touch()
    os.kill(status(data).children["worker-2"].pid, signal.SIGKILL)
    assert "see " + str(data / "logs" / "worker-2.log") in up.hear("times in a row")
    assert "it hurts" in up.hear("|")
    (fakes / "break.onward_worker").unlink()
    up.hear("worker-2         ready")
    assert set(status(data).children) == ALL


def test_a_stop_during_the_start_stops_what_has_started(start, data):
    up = start()
    up.hear("nats             ready")
    everyone = {str(each.pid): each for each in family(up.process.pid)}
    up.process.send_signal(signal.SIGTERM)
    assert up.end() == 0
    assert left_of(everyone, 0) == []
    assert not find_data_dir(data).state.exists()


def test_given_servers_are_used_and_none_is_started(start, data, fakes):
    up = start(nats_url="nats://given:4222", database_url="postgresql://given/onward")
    up.hear("the key is in")
    assert set(status(data).children) == ALL - {"nats", "postgres"}
    assert status(data).summary()["nats_url"] == "nats://given:4222"


def test_somebody_elses_folder_is_refused(start, data):
    data.mkdir()
    (data / "thesis.txt").write_text("years of work")
    up = start()
    assert up.end() == 78
    assert "not empty and not Onward's" in "\n".join(up.lines)
    assert [path.name for path in data.iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root can")
def test_a_normal_user_needs_nothing_of_root(start, folder, monkeypatch):
    # The shell in between: setpriv itself still has root's rights when it starts a program.
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", 'exec "$@"', "sh")
    packages = [path for path in sys.path if path.endswith("site-packages")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], *packages]))
    python = python_for(as_nobody)
    if python is None:
        pytest.skip("no Python with our packages that another user may run")
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, 65534, 65534)
    monkeypatch.setenv("ONWARD_PROFILE", str(home / "profile.json"))

    up = start(home / "data", python=(*as_nobody, *python))
    up.hear("the key is in")

    everyone = up.everyone()
    assert {Path(f"/proc/{each.pid}").stat().st_uid for each in everyone.values()} == {65534}
    assert (home / "data").stat().st_mode & 0o777 == 0o700
    assert not (home / "data" / "postgres").is_symlink()
    up.process.kill()
    up.process.wait()
    assert left_of(everyone, 5.0) == []


def python_for(as_user: tuple[str, ...]) -> tuple[str, ...] | None:
    """This Python if that user may run it, else the system's with our packages, if it is of the same version."""
    same = f"assert __import__('sys').version_info[:2] == {sys.version_info[:2]}; import msgspec"
    for candidate in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([*as_user, candidate, "-c", same], capture_output=True).returncode == 0:
            return (candidate,)
    return None
