"""What the supervisor promises, tried with tiny programs."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from onward.process.child_spec import ChildEnded, ChildFailed, ChildLoops, ChildReady, ChildSpec, StopStep
from onward.process.identity import identify
from onward.process.supervise import Supervisor


class Reports:
    """Collects what the supervisor says, and lets a test wait for it."""

    def __init__(self) -> None:
        self.all: list[object] = []
        self._changed = asyncio.Event()

    def __call__(self, report: object) -> None:
        self.all.append(report)
        self._changed.set()

    def of(self, kind: type) -> list:
        return [report for report in self.all if isinstance(report, kind)]

    async def until(self, kind: type, count: int = 1) -> list:
        async with asyncio.timeout(20):
            while len(self.of(kind)) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.of(kind)


@pytest.fixture
def reports():
    return Reports()


@pytest.fixture
async def supervisor(reports):
    supervisor = Supervisor(reports)
    yield supervisor
    await supervisor.stop()


def spec(folder: Path, script: str, **more) -> ChildSpec:
    """A shell script that is ready once it has made the file `<name>.ready`."""
    name = more.pop("name", "one")

    async def ready(pid: int) -> bool:
        return (folder / f"{name}.ready").exists()

    return ChildSpec(
        name=name,
        argv=("sh", "-c", script),
        log=folder / f"{name}.log",
        env=dict(os.environ),
        ready=ready,
        cwd=folder,
        **more,
    )


READY = "touch one.ready; exec sleep 600"


async def test_start_returns_when_the_child_is_ready(supervisor, reports, tmp_path):
    await supervisor.start(spec(tmp_path, READY))
    assert (tmp_path / "one.ready").exists()
    assert reports.all == [ChildReady("one", supervisor.pids["one"], reports.all[0].seconds)]


async def test_a_child_that_dies_is_started_again(supervisor, reports, tmp_path):
    await supervisor.start(spec(tmp_path, READY))
    first = supervisor.pids["one"]

    os.kill(first, signal.SIGKILL)
    _, second = await reports.until(ChildReady, 2)

    assert second.pid == supervisor.pids["one"] != first
    ended = reports.of(ChildEnded)[0]
    assert (ended.code, ended.log) == (-signal.SIGKILL, tmp_path / "one.log")
    assert 0 <= ended.again_in <= 0.4


async def test_a_child_that_never_starts_fails_the_start_with_its_last_words(supervisor, reports, tmp_path):
    with pytest.raises(ChildFailed) as caught:
        await supervisor.start(spec(tmp_path, "echo port is taken; exit 3"))
    assert "one ended with code 3" in str(caught.value)
    assert "port is taken" in str(caught.value)
    assert str(tmp_path / "one.log") in caught.value.fix


async def test_old_words_are_not_taken_for_last_ones(supervisor, tmp_path):
    (tmp_path / "one.log").write_text("from yesterday\n")
    with pytest.raises(ChildFailed) as caught:
        await supervisor.start(spec(tmp_path, "exit 3"))
    assert "yesterday" not in str(caught.value)


async def test_a_misconfigured_child_is_not_tried_again(supervisor, reports, tmp_path):
    with pytest.raises(ChildFailed):
        await supervisor.start(spec(tmp_path, "echo tried >> tries; exit 78"))
    assert (tmp_path / "tries").read_text() == "tried\n"
    assert reports.of(ChildEnded)[0].again_in is None


async def test_a_child_that_is_not_ready_in_time_is_killed(supervisor, reports, tmp_path):
    with pytest.raises(ChildFailed, match="was not ready within"):
        await supervisor.start(spec(tmp_path, "echo $$ > pid; exec sleep 600", ready_seconds=0.2))
    assert identify(int((tmp_path / "pid").read_text())) is None


async def test_a_crash_loop_is_told_once_with_its_log(supervisor, reports, tmp_path):
    script = "touch one.ready; while [ ! -e broken ]; do sleep 0.01; done; echo it hurts; exit 1"
    await supervisor.start(spec(tmp_path, script))
    (tmp_path / "broken").touch()
    await reports.until(ChildEnded, 6)
    loops = reports.of(ChildLoops)
    assert [(told.name, told.log, told.last_lines) for told in loops] == [
        ("one", tmp_path / "one.log", ("it hurts",))
    ]


async def test_children_stop_in_the_reverse_order_of_their_stages(supervisor, tmp_path):
    def ending(name: str) -> str:
        return f"trap 'echo {name} >> order; exit 0' TERM; touch {name}.ready; while :; do sleep 0.01; done"

    for stage, name in enumerate(["server", "service", "worker"]):
        await supervisor.start(spec(tmp_path, ending(name), name=name, stage=stage))
    await supervisor.stop()
    assert (tmp_path / "order").read_text().split() == ["worker", "service", "server"]
    assert supervisor.pids == {}


async def test_a_child_that_ignores_its_stop_gets_the_next_signal_and_then_dies(supervisor, tmp_path):
    script = "trap '' TERM; trap 'echo int >> signals' INT; touch one.ready; while :; do sleep 0.01; done"
    steps = (StopStep(signal.SIGTERM, 0.1), StopStep(signal.SIGINT, 0.1))
    await supervisor.start(spec(tmp_path, script, stop=steps))
    known = identify(supervisor.pids["one"])
    await supervisor.stop()
    assert (tmp_path / "signals").read_text() == "int\n"
    assert not known.alive()


async def test_a_stop_ends_a_child_that_waits_for_its_restart(supervisor, reports, tmp_path):
    await supervisor.start(spec(tmp_path, READY))
    (tmp_path / "one.ready").unlink()
    os.kill(supervisor.pids["one"], signal.SIGKILL)
    await reports.until(ChildEnded)
    async with asyncio.timeout(5):
        await supervisor.stop()
    assert supervisor.pids == {}


async def test_a_probe_that_breaks_is_a_no(supervisor, tmp_path):
    asked = []

    async def ready(pid: int) -> bool:
        asked.append(pid)
        if len(asked) == 1:
            raise RuntimeError("not yet")
        return True

    child = spec(tmp_path, READY)
    await supervisor.start(
        ChildSpec(name="one", argv=child.argv, log=child.log, env=child.env, cwd=tmp_path, ready=ready)
    )
    assert len(asked) == 2
