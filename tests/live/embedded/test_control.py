"""`onward up --detach`, `down` and `reset`, with the real streams and tiny programs in the services' place."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import msgspec
import pytest

from onward.bus import config, topology
from onward.bus.bus import open_bus
from onward.cli.embedded.control import reset, start, status, stop
from onward.cli.embedded.data_dir import find_data_dir
from onward.cli.embedded.errors import AlreadyRunning, NotOurs, NotRunning, StartFailed
from onward.cli.embedded.options import UpOptions
from onward.cli.embedded.state import write_state
from onward.contract import subjects
from onward.contract.errors import Misconfigured
from onward.http.auth import new_key
from onward.process.identity import identify


@pytest.fixture
def data(folder, fakes):
    path = folder / "data"
    yield path
    if status(path):
        stop(path)


@contextlib.asynccontextmanager
async def bus_of(running):
    bus = await open_bus(running.nats_url, "test", lambda: None)
    try:
        await bus.config.start()
        yield bus
    finally:
        await bus.close()


def key_id(running) -> str:
    return running.api_key.split("_")[2]


def options(data, **more) -> UpOptions:
    return UpOptions(data_dir=data, ready_seconds=15, **more)


def test_start_returns_when_everything_is_ready_and_down_leaves_nothing(data):
    running = start(options(data))
    everyone = [running.up, *running.children.values()]
    assert running.ready
    assert all(each.alive() for each in everyone)
    assert status(data).summary() == running.summary()
    assert os.getsid(running.up.pid) != os.getsid(0)

    stopped = stop(data)

    assert stopped.summary() == running.summary()
    assert not any(each.alive() for each in everyone)
    assert status(data) is None


async def test_the_streams_and_the_key_are_there(data):
    running = start(options(data))
    async with bus_of(running) as bus:
        assert await topology.info(bus.connection, subjects.EVENTS) is not None
        stored, _ = bus.config.get("default", "key", key_id(running))
    assert json.loads(stored)["id"] == key_id(running)
    assert running.api_key not in stored.decode()


async def test_a_key_that_was_revoked_stays_so(data):
    running = start(options(data))
    async with bus_of(running) as bus:
        stored, sequence = bus.config.get("default", "key", key_id(running))
        revoked = json.dumps({**json.loads(stored), "revoked": True}).encode()
        await config.put(bus.connection, "default", "key", key_id(running), revoked, sequence)
    stop(data)
    async with bus_of(start(options(data))) as bus:
        assert bus.config.get("default", "key", key_id(running))[0] == revoked


def test_start_names_the_one_that_runs_already(data):
    running = start(options(data))
    with pytest.raises(AlreadyRunning, match=f"process {running.up.pid}"):
        start(options(data))


def test_a_start_that_fails_says_why_and_leaves_nothing(data, fakes):
    (fakes / "break.onward_log_relay").touch()
    with pytest.raises(StartFailed, match="it hurts"):
        start(options(data))
    assert status(data) is None
    with pytest.raises(NotRunning):
        stop(data)


def test_a_start_with_a_wrong_option_touches_nothing(data):
    with pytest.raises(Misconfigured, match="workers"):
        start(options(data, workers=-1))
    assert not data.exists()


def test_down_ends_an_up_that_hangs(data):
    running = start(options(data))
    everyone = [running.up, *running.children.values()]
    os.kill(running.up.pid, signal.SIGSTOP)
    stop(data, timeout=0.2)
    assert not any(each.alive() for each in everyone)


def test_down_never_touches_a_process_that_only_has_the_same_pid(data):
    running = start(options(data))
    stop(data)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        theirs = msgspec.structs.replace(running.up, pid=stranger.pid)
        write_state(find_data_dir(data), msgspec.structs.replace(running, up=theirs))
        with pytest.raises(NotRunning):
            stop(data)
        assert stranger.poll() is None
        stranger.stdin.close()


def test_reset_refuses_while_it_runs_and_then_removes_everything(data):
    running = start(options(data))
    with pytest.raises(AlreadyRunning, match=f"process {running.up.pid}"):
        reset(data)
    assert identify(running.up.pid) == running.up
    stop(data)
    reset(data)
    assert not data.exists()
    assert start(options(data)).api_key != running.api_key


def test_reset_leaves_what_is_not_ours(data):
    start(options(data))
    stop(data)
    (data / "notes.txt").write_text("mine")
    reset(data)
    assert [path.name for path in data.iterdir()] == ["notes.txt"]
    with pytest.raises(NotOurs):
        reset(data)
    (data / "notes.txt").unlink()


def test_a_killed_up_is_not_running_and_can_be_reset(data):
    running = start(options(data))
    os.kill(running.up.pid, signal.SIGKILL)
    deadline = time.monotonic() + 6
    while any(each.alive() for each in (running.up, *running.children.values())):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(NotRunning):
        stop(data)
    reset(data)
    assert not data.exists()


def test_the_key_has_the_form_that_the_gateway_reads(data):
    text, _ = new_key("default", now=datetime.now(UTC))
    running = start(options(data))
    assert [len(part) for part in running.api_key.split("_", 3)] == [len(part) for part in text.split("_", 3)]
