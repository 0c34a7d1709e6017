"""The torture list, 9 and 10: a worker whose loop is blocked, and one that has to end while all its slots are busy."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

from tests.support.hostile import set_leases
from tests.support.platform import Platform, platform


async def lines_of(onward: Platform, execution: str) -> list[str]:
    _, found = await onward.call("GET", f"/executions/{execution}/logs?limit=200")
    return [line["text"] for line in found["items"]]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("ack_wait", [2.0, pytest.param(20.0, marks=pytest.mark.slow)])
async def test_torture_09_a_loop_blocked_for_three_lease_times_is_reported_and_not_taken_for_a_death(
    tmp_path: Path, ack_wait: float
) -> None:
    # The long one outlasts the server's patience too: it closes the connection of the loop that answers no ping.
    seconds = 3 * ack_wait
    async with platform(tmp_path, workers=2, slots=3, ONWARD_ACK_WAIT=str(ack_wait)) as onward:
        await set_leases(onward.servers.urls, ack_wait)
        beside = await onward.submit("five", {"count": 2, "seconds": 3.0})
        begun = await onward.effect(execution_id=beside, what="begin")
        worker = next(name for name, p in onward.processes.items() if p.pid == begun["pid"])
        for name in ("worker-1", "worker-2"):
            if name != worker:
                onward.kill(name, signal.SIGTERM)
        blocking = await onward.submit("blocking", {"seconds": seconds})
        await onward.effect(execution_id=blocking, what="blocks")
        onward.start("worker-9")  # somebody who would take over whatever is given up
        await onward.ready("worker-9")
        ended = [await onward.ended(execution, seconds + 30) for execution in (blocking, beside)]

        assert [(e["status"], e["attempt"]) for e in ended] == [("completed", 1), ("completed", 1)]
        for execution in (blocking, beside):
            types = [event["type"] for event in await onward.events(execution)]
            assert (types.count("started"), types.count("recovered")) == (1, 0)
        told = [line for line in await lines_of(onward, blocking) if "event loop was blocked" in line]
        by = re.search(r"blocked for ([\d.]+) s by tests/support/journey_tasks.py:\d+ blocking ", told[-1])
        assert by is not None, told
        assert seconds - 0.5 < float(by[1]) < 2 * seconds, told
        assert "event loop was blocked" in onward.log(worker)
        async with onward.http.get(f"http://127.0.0.1:{onward.port(worker)}/metrics") as answer:
            metrics = dict(
                line.rsplit(" ", 1) for line in (await answer.text()).splitlines() if line[0] != "#"
            )
        assert seconds - 0.5 < float(metrics["onward_worker_loop_blocked_seconds_total"]) < 2 * seconds


@pytest.mark.timeout(120)
async def test_torture_10_a_worker_that_ends_while_all_its_slots_are_busy_hands_everything_over(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1, slots=4, ONWARD_DRAIN_SECONDS="1") as onward:
        busy = [await onward.submit("five", {"count": 3, "seconds": 2.0}) for _ in range(4)]
        waiting = await onward.submit("noop")
        for execution in busy:
            await onward.effect(execution_id=execution, step=2, what="begin")
        onward.start("worker-2")
        await onward.ready("worker-2")
        onward.processes["worker-1"].send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(onward.processes["worker-1"].wait, 60)
        ended = [await onward.ended(execution) for execution in (*busy, waiting)]

        assert code == 0
        assert [e["status"] for e in ended] == ["completed"] * 5
        assert [e["attempt"] for e in ended] == [1] * 5  # handed back, not lost
        for execution in busy:
            finished = [
                e["step"] for e in onward.effects() if e["execution_id"] == execution and e["what"] == "end"
            ]
            assert sorted(finished) == [1, 2, 3]  # no step that was paid for ran again
