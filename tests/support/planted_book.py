"""The book of a run with a fault built in: callers of many kinds for a short time, and a rest that is short too."""

import asyncio
import contextlib
import json
import secrets
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec

from onward.bus import config
from onward.bus.bus import open_bus
from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract.schedules import ScheduleSpec
from onward.testing.checker import Report, check
from onward.testing.history import Effect, Fault, History, Line, Record
from tests.support.chaos_book import Book
from tests.support.platform import Platform

NO_ANSWER = (TimeoutError, aiohttp.ClientError, json.JSONDecodeError)


class PlantedBook(Book):
    """What callers of every kind were told."""

    def __init__(self, onward: Platform) -> None:
        super().__init__(onward)
        self.lines: list[Line] = []

    async def asked(
        self, task: str, given: dict[str, Any], key: str | None = None, token: str = ""
    ) -> str | None:
        """One submission, written down; its id where it was accepted."""
        process, token = f"client-{len(self.records)}", token or secrets.token_hex(8)
        body = {"task": task, "input": given, "labels": {"token": token}}
        self.note(process, "invoke", "submit", token=token, key=key)
        with contextlib.suppress(*NO_ANSWER):
            status, answer = await self.onward.call(
                "POST", "/executions", body | ({"idempotency_key": key} if key else {}), timeout=5
            )
            if status in (200, 202):
                self.accepted.append(answer["id"])
                self.note(process, "ok", "submit", token=token, key=key, execution_id=answer["id"])
                return str(answer["id"])
        self.note(process, "info", "submit", token=token, key=key)
        await asyncio.sleep(0.1)
        return None

    async def cancel_on(self, stop: asyncio.Event) -> None:
        """Every execution is cancelled while it runs."""
        while not stop.is_set():
            one = await self.asked("five", {"count": 5, "seconds": 0.2})
            await asyncio.sleep(0.1 + secrets.randbelow(6) / 10)
            with contextlib.suppress(*NO_ANSWER):
                if (
                    one
                    and (await self.onward.call("POST", f"/executions/{one}/cancel", {}, timeout=5))[0] < 300
                ):
                    self.note("canceller", "ok", "cancel", execution_id=one)

    async def repeat_on(self, stop: asyncio.Event) -> None:
        """Every submission is sent again, seconds later, under its key."""
        while not stop.is_set():
            key, token = secrets.token_hex(8), secrets.token_hex(8)
            for _ in range(2):
                await self.asked("noop", {}, key, token)
                await asyncio.sleep(2.5)

    async def schedule(self, seconds: float, schedules: int = 10, every: int = 2) -> None:
        """Schedules that fire for so long."""
        bus, now = await open_bus(self.onward.servers.urls, "planted-book", lambda: None), datetime.now(UTC)
        for number in range(schedules):
            spec = ScheduleSpec(
                name=f"s{number}", uid=f"u{number}", every=every, since=now, end=now + timedelta(seconds=seconds),
                submission={"task": "noop"},
            )  # fmt: skip
            await config.put(bus.connection, "default", "schedule", spec.name, msgspec.json.encode(spec), 0)
        await bus.close()

    async def follow_on(self, stop: asyncio.Event) -> None:
        """Logs are followed over many connections, each from behind the last line that is there."""
        while not stop.is_set():
            if one := await self.asked("chatty", {"lines": 400, "pause_every": 20}):
                reached, over, until = 0, False, time.monotonic() + 20
                while not over and time.monotonic() < until:
                    reached, over = await self._follow(one, reached)

    async def _follow(self, execution_id: str, reached: int) -> tuple[int, bool]:
        url = f"http://127.0.0.1:{self.onward.port('gateway-1')}/api/v1/executions/{execution_id}/logs"
        headers = {"Authorization": f"Bearer {self.onward.key}", "Accept": "application/x-ndjson"}
        query, most = {"follow": "true", "after": str(reached)}, reached + secrets.randbelow(90) + 10
        with contextlib.suppress(*NO_ANSWER):
            async with self.onward.http.get(
                url, params=query, headers=headers, timeout=aiohttp.ClientTimeout(sock_read=5)
            ) as answer:
                if answer.status != 200:
                    await asyncio.sleep(0.2)
                    return reached, False
                async for raw in answer.content:
                    told = json.loads(raw) if raw.strip() else {}
                    if "end" in told and "text" not in told:
                        return reached, True
                    if "line" not in told or "text" not in told:
                        continue
                    reached = told["line"]
                    self.lines.append(
                        Line(
                            t_ns=time.monotonic_ns(), reader="reader", execution_id=execution_id, number=reached,
                            dropped=told.get("dropped") or 0,
                        )
                    )  # fmt: skip
                    if reached >= most:
                        return reached, False
        await asyncio.sleep(0.1)
        return reached, False

    async def fail_on(self, stop: asyncio.Event) -> None:
        """Every first attempt fails."""
        while not stop.is_set():
            await self.asked("unsteady", {"fails": 1})
            await asyncio.sleep(0.3)

    async def answer_on(self, stop: asyncio.Event) -> None:
        """Every question is answered by four at once, until one of them is told that it was, or it has ended."""
        while not stop.is_set():
            one, until = await self.asked("seven", {}), time.monotonic() + 20
            while one and time.monotonic() < until:
                told = await asyncio.gather(*(self._answer(one) for _ in range(4)))
                if 200 in told or 202 in told or await self._has_ended(one):
                    break
                await asyncio.sleep(0.1)

    async def _has_ended(self, execution_id: str) -> bool:
        with contextlib.suppress(*NO_ANSWER):
            status, answer = await self.onward.call("GET", f"/executions/{execution_id}", timeout=5)
            return status == 200 and answer["status"] in ("completed", "failed", "cancelled")
        return False

    async def _answer(self, execution_id: str) -> int:
        with contextlib.suppress(*NO_ANSWER):
            return (
                await self.onward.call(
                    "POST", f"/executions/{execution_id}/answer", {"answer": "yes"}, timeout=5
                )
            )[0]
        return 0

    async def at_rest(self, still: float = 12.0, most: float = 60.0) -> list[Raw]:
        """The log once all that was accepted has ended, or nothing was added to it for so long."""
        ends, began, size, since = (*ev.TERMINAL,), time.monotonic(), -1, time.monotonic()
        while True:
            dump = await self._dump()
            ended = {
                event.execution_id
                for event in map(ev.decode, (raw.data for raw in dump))
                if isinstance(event, ends)
            }
            now = time.monotonic()
            size, since = len(dump), since if len(dump) == size else now
            if now - since > still or now - began > most or (ended >= set(self.accepted) and now - since > 1):
                return dump
            await asyncio.sleep(0.5)

    async def _dump(self) -> list[Raw]:
        bus = await open_bus(self.onward.servers.urls, "planted-book", lambda: None)
        dump, after = list[Raw](), 0
        while page := await bus.events.scan(after, 1000):
            dump += page
            after = page[-1].sequence
        await bus.close()
        return dump

    def report(self, dump: list[Raw], faults: list[Fault]) -> Report:
        """What the checker says of it."""
        self.logs = defaultdict(list)
        for raw in dump:
            event = ev.decode(raw.data)
            self.logs[event.execution_id].append(event)
        saved = self.onward.ledger.with_name(self.onward.ledger.name + ".saved")
        for line in map(json.loads, saved.read_text().splitlines()):
            told = {key: line[key] for key in ("execution_id", "step", "attempt")}
            self.records.append(
                Record(
                    t_ns=self._ns(line), process=f"worker {line['pid']}", type="ok", op="checkpoint", **told
                )
            )
        effects = [
            Effect(
                t_ns=self._ns(line), process=f"worker {line['pid']}", execution_id=line["execution_id"],
                step=f"/step {line['step']}", attempt=line["attempt"], what=line["what"],
            )
            for line in self.onward.effects() if "step" in line
        ]  # fmt: skip
        return check(History(records=self.records, effects=effects, faults=faults, lines=self.lines), dump)

    def _ns(self, line: dict[str, Any]) -> int:
        return int(line["t"] * 1e9) + self._wall_to_ns
