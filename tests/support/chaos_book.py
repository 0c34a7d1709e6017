"""The book of a run of chaos: what callers were told, what steps did, what the stores hold; the checker judges it."""

import asyncio
import json
import secrets
import time
from collections import defaultdict

import aiohttp
import msgspec

from onward.bus.bus import open_bus
from onward.contract import events as ev
from onward.testing.checker import Demand, Report, check
from onward.testing.history import Effect, Fault, History, Record, Row
from tests.support.platform import Platform


class Book:
    """What callers were told, what steps did, and what lies in the stores in the end."""

    def __init__(self, onward: Platform) -> None:
        self.onward = onward
        self.logs: dict[str, list[ev.AnyEvent]] = defaultdict(list)
        """Every event that the log held in the end, by execution."""
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

    async def judged(self, faults: list[Fault], landed: int) -> Report:
        bus = await open_bus(self.onward.servers.urls, "chaos-book", lambda: None)
        dump, after = [], 0
        while page := await bus.events.scan(after, 1000):
            dump += page
            after = page[-1].sequence
        await bus.close()
        events = [ev.decode(raw.data) for raw in dump]
        self.logs.clear()
        for event in events:
            self.logs[event.execution_id].append(event)
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

    def story(self, execution_id: str) -> str:
        """What is known of one execution: its events, with their errors, and what its steps did."""
        told = [f"--- execution {execution_id}"]
        told += [msgspec.json.encode(event).decode() for event in self.logs.get(execution_id, ())]
        told += [json.dumps(line) for line in self.onward.effects() if line["execution_id"] == execution_id]
        return "\n".join(told)
