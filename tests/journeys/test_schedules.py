"""Fifty schedules of five seconds, three replicas that fire them, and a kill every five seconds."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.bus import config
from onward.bus.bus import open_bus
from onward.bus.topology import ensure
from onward.contract import events as ev
from onward.contract.schedules import ScheduleSpec
from onward.contract.submission import TaskSpec
from tests.support.nats_server import one_server
from tests.support.ports import free_port

SCHEDULES, EVERY, KILL_EVERY = 50, 5, 5.0
REPLICAS = ("execution_state-1", "execution_state-2", "execution_state-3", "gateway-1", "gateway-2")
NO_POSTGRES = "postgresql://127.0.0.1:1/none"

pytestmark = [pytest.mark.journey, pytest.mark.live]


class Replicas:
    """The processes that fire schedules, by name; each is killed by its own pid."""

    def __init__(self, server, folder):
        self._server, self._folder = server, folder
        self.processes = {}

    def start(self, name):
        port = str(free_port())
        given = {
            "ONWARD_NATS_URL": self._server.url, "ONWARD_NATS_SYS_URL": self._server.sys_url,
            "ONWARD_DATABASE_URL": NO_POSTGRES, "ONWARD_PORT": port, "ONWARD_RELAY_URL": "http://127.0.0.1:9",
        }  # fmt: skip
        with (self._folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "onward_" + name.rpartition("-")[0]],
                env={**os.environ, **given},
                stdout=log,
                stderr=log,
            )

    def kill(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()


async def fired(bus):
    """When each tick of each schedule was fired, as often as that was."""
    found, after = [], 0
    while page := await bus.events.scan(after, 1000):
        after = page[-1].sequence
        for raw in page:
            event = ev.decode(raw.data)
            if isinstance(event, ev.Submitted):
                found.append((event.origin, event.scheduled_at, event.at))
    return found


async def fire(folder, seconds):
    """What was fired, and what had to be, with kills for so many seconds."""
    chance = random.Random(17)
    with one_server(folder / "nats") as server:
        replicas = Replicas(server, folder)
        bus = await open_bus(server.url, "test", lambda: None)
        try:
            await ensure(bus.connection)
            task = msgspec.json.encode(TaskSpec(name="noop"))
            await config.put(bus.connection, "default", "task", "noop", task, 0)
            for name in REPLICAS:
                replicas.start(name)
            # Far enough ahead for all of them to be stored before it, on a slow machine too.
            begin = datetime.fromtimestamp(int(time.time()) // EVERY * EVERY + 4 * EVERY, UTC)
            end = begin + timedelta(seconds=seconds)
            expected = Counter()
            for number in range(SCHEDULES):
                spec = ScheduleSpec(
                    name=f"s{number}", uid=f"u{number}", every=EVERY, since=begin, end=end,
                    submission={"task": "noop", "input": {"at": "{{tick}}"}},
                )  # fmt: skip
                await config.put(
                    bus.connection, "default", "schedule", spec.name, msgspec.json.encode(spec), 0
                )
                ticks = range(EVERY, seconds, EVERY)
                expected.update((spec.name, begin + timedelta(seconds=place)) for place in ticks)
            while datetime.now(UTC) < end:
                await asyncio.sleep(KILL_EVERY)
                name = chance.choice(REPLICAS)
                replicas.kill(name)
                replicas.start(name)
            deadline = time.monotonic() + 60
            while len(found := await fired(bus)) < expected.total() and time.monotonic() < deadline:
                await asyncio.sleep(0.5)
            return found, expected
        finally:
            for name in list(replicas.processes):
                replicas.kill(name)
            await bus.close()


def judge(found, expected):
    late = sorted((at - tick).total_seconds() for _, tick, at in found)
    print(
        f"{len(found)} ticks, late p50 {late[len(late) // 2]:.2f} s, p99 {late[len(late) * 99 // 100]:.2f} s"
    )
    assert Counter((name, tick) for name, tick, _ in found) == expected


async def test_each_tick_starts_one_execution_while_replicas_are_killed_for_a_minute(tmp_path):
    judge(*await fire(tmp_path, 60))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_each_tick_starts_one_execution_while_replicas_are_killed_for_ten_minutes(tmp_path):
    judge(*await fire(tmp_path, 600))
