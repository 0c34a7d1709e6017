"""Everything at once against real processes: killed, stopped, cut off, held up and slowed down; the checker judges.

A run prints its seed, and what it did. One whose faults did not hit work under way proves nothing, and fails as such.
"""

import asyncio
import json
import secrets
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from onward.bus.bus import open_bus
from onward.contract import events as ev
from onward.testing.checker import Demand, Report, check
from onward.testing.history import Effect, History, Record, Row
from tests.support.chaos import storm
from tests.support.platform import Platform, platform

SEED = 20261123


@pytest.mark.timeout(400)
async def test_kills_pauses_and_broken_wires_break_no_promise(tmp_path: Path) -> None:
    await chaos(tmp_path, seconds=20.0, every=0.4, clients=4, landed=2)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_two_minutes_of_chaos_break_no_promise(tmp_path: Path) -> None:
    await chaos(tmp_path, seconds=120.0, every=0.8, clients=8, landed=5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_ten_minutes_of_chaos_break_no_promise(tmp_path: Path) -> None:
    await chaos(tmp_path, seconds=600.0, every=2.0, clients=8, landed=10)


async def chaos(folder: Path, *, seconds: float, every: float, clients: int, landed: int) -> None:
    async with platform(folder, workers=2, slots=20) as onward, storm(onward, SEED) as faults:
        book, stop = Book(onward), asyncio.Event()
        work = [asyncio.create_task(book.submit_on(number, stop)) for number in range(clients)]
        work.append(asyncio.create_task(book.read_on(stop)))
        await book.until(20)
        await faults.blow(seconds, every, least=landed)
        stop.set()
        await asyncio.gather(*work)
        began = time.monotonic()
        ends = Counter([(await onward.ended(one, within=90))["status"] for one in book.accepted])
        drained = time.monotonic() - began
        await book.projected()
        report = await book.judged(faults.faults, landed)
        print(
            f"seed {SEED}: {len(book.accepted)} accepted, {dict(ends)}, {len(faults.faults)} faults, on work under way "
            f"{dict(faults.landed)}, {report.steps_begun} steps begun, {report.steps_repeated} again, "
            f"drained in {drained:.0f} s"
        )
        assert report.violations == []
        assert report.vacuous == []
        assert ends == {"completed": len(book.accepted)}


class Book:
    """What callers were told, what steps did, and what lies in the stores in the end."""

    def __init__(self, onward: Platform) -> None:
        self.onward = onward
        self.records: list[Record] = []
        self.accepted: list[str] = []
        self._wall_to_ns = time.monotonic_ns() - time.time_ns()

    def note(self, process: str, kind: str, op: str, **fields: object) -> None:
        self.records.append(
            Record(t_ns=time.monotonic_ns(), process=process, type=kind, op=op, **fields)  # type: ignore[arg-type]
        )

    async def submit_on(self, number: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            # Whoever was told nothing is somebody else from then on.
            process, token = f"client-{number}-{len(self.records)}", secrets.token_hex(8)
            body = {"task": "five", "input": {"count": 4, "seconds": 0.15}, "labels": {"token": token}}
            self.note(process, "invoke", "submit", token=token)
            try:
                status, answer = await self.onward.call("POST", "/executions", body, timeout=5)
            except (TimeoutError, aiohttp.ClientError, json.JSONDecodeError):
                self.note(process, "info", "submit", token=token)
                await asyncio.sleep(0.1)
                continue
            if status == 202:
                self.accepted.append(answer["id"])
                self.note(process, "ok", "submit", token=token, execution_id=answer["id"])
            else:
                self.note(process, "fail" if status < 500 else "info", "submit", token=token)
            await asyncio.sleep(0.15)

    async def read_on(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for one in self.accepted[-5:]:
                try:
                    status, answer = await self.onward.call("GET", f"/executions/{one}", timeout=5)
                except (TimeoutError, aiohttp.ClientError, json.JSONDecodeError):
                    self.note("reader", "info", "read", execution_id=one)
                    continue
                if status == 200:
                    told = {"version": answer["version"], "status": answer["status"]}
                    self.note("reader", "ok", "read", execution_id=one, **told)
                else:
                    kind = "fail" if status == 404 else "info"
                    self.note("reader", kind, "read", execution_id=one, error=str(status))
            await asyncio.sleep(0.05)

    async def until(self, accepted: int) -> None:
        async def enough() -> bool:
            return len(self.accepted) >= accepted

        await self.onward.eventually(enough, 30, f"{accepted} were not accepted while all was well")

    async def projected(self) -> None:
        """Postgres has caught up, however slowly: an event a transaction may take its time, but never stands still."""
        while not self._all_there(rows := self._rows()):
            so_far = sum(row.version for row in rows)

            async def is_further(so_far: int = so_far) -> bool:
                return sum(row.version for row in self._rows()) > so_far

            await self.onward.eventually(is_further, 60, "the projection stands still")

    def _all_there(self, rows: list[Row]) -> bool:
        return len(rows) >= len(self.accepted) and all(row.final for row in rows)

    def _rows(self) -> list[Row]:
        said = self.onward.postgres.sql("select id, version, status from executions", "onward")
        found = [line.split("|") for line in said.splitlines()]
        ended = ("completed", "failed", "cancelled")
        return [
            Row(
                t_ns=time.monotonic_ns(),
                execution_id=id_,
                version=int(n),
                status=status,
                final=status in ended,
            )
            for id_, n, status in found
        ]

    async def judged(self, faults, landed: int) -> Report:
        bus = await open_bus(self.onward.servers.urls, "chaos-book", lambda: None)
        dump, after = [], 0
        while page := await bus.events.scan(after, 1000):
            dump += page
            after = page[-1].sequence
        await bus.close()
        events = [ev.decode(raw.data) for raw in dump]
        saved = [event for event in events if isinstance(event, ev.CheckpointReached)]
        steps = {point.name: f"{point.scope}/{point.name}{point.key}" for point in saved}
        for point in saved:
            # What is in the log was decided then, and nobody who could not see it may have begun that step since.
            at = int(point.at.timestamp() * 1e9) + self._wall_to_ns
            told = {"execution_id": point.execution_id, "step": steps[point.name], "attempt": point.attempt}
            self.records.append(
                Record(t_ns=at, process="log", type="ok", op="checkpoint", **told)  # type: ignore[arg-type]
            )
        effects = [
            Effect(
                t_ns=int(line["t"] * 1e9) + self._wall_to_ns,
                process=f"worker {line['pid']}",
                execution_id=line["execution_id"],
                step=steps[f"step {line['step']}"],
                attempt=line["attempt"],
                what=line["what"],
            )
            for line in self.onward.effects()
        ]
        history = History(records=self.records, effects=effects, faults=faults, rows=self._rows())
        demand = Demand(ok_while_healthy=0.8, ok_while_faulty=0.3, landed=landed, refused=0)
        return check(history, dump, demand=demand)
