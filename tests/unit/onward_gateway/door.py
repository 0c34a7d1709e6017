"""A gateway in memory, its neighbours, and a caller: no socket, no server."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import FenceLost
from onward.contract.log import Log, Stored
from onward.contract.quota import QuotaSpec
from onward.contract.submission import Heartbeat, KeySpec, QueueSpec, TaskSpec
from onward.http.auth import new_key
from onward.http.load import Load
from onward.process.health import Health
from onward.process.metrics import Metrics
from onward.testing.bus import MemoryBus
from onward_gateway.app import create_app
from onward_gateway.forward import Relay
from onward_gateway.gateway import Gateway
from onward_gateway.known import FLOOR, Known
from onward_gateway.presence import Presence
from onward_gateway.quota import Quotas
from onward_gateway.store import Store
from tests.support.ticks import MemoryTicks

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "texts": {"type": "array", "items": {"type": "string"}}},
    "additionalProperties": False,
}


class MemoryConfig:
    """A copy of CONFIG, as a dict."""

    def __init__(self) -> None:
        self.ready = True
        self.last = 0
        self.actors: list[str] = []
        self._known: dict[tuple[str, str, str], tuple[bytes, int]] = {}

    def put(self, project: str, kind: str, name: str, value: Any) -> None:
        self.last += 1
        self._known[project, kind, name] = (msgspec.json.encode(value), self.last)

    def put_bytes(self, project: str, kind: str, name: str, data: bytes) -> None:
        self.last += 1
        self._known[project, kind, name] = (data, self.last)

    def get(self, project, kind, name):
        found = self._known.get((project, kind, name))
        return found if found and found[0] else None

    def items(self, project, kind):
        return {
            key[2]: found for key, found in self._known.items() if key[:2] == (project, kind) and found[0]
        }

    async def newest(self, project, kind, name):
        return self.get(project, kind, name)

    async def write(self, project, kind, name, data, expected, actor):  # noqa: PLR0917 - as the real one
        await asyncio.sleep(0)
        found = self._known.get((project, kind, name), (b"", 0))
        if expected is not None and found[1] != expected and (expected or found[0]):
            raise FenceLost("somebody wrote first", floor=self.last)
        self.actors.append(actor)
        self.put_bytes(project, kind, name, data)
        return self.last


class StateDouble:
    """execution_state's answers about what the log held when it last looked; it can fall silent."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.process = bus.process("execution_state")
        self.logs: dict[tuple[str, str], list[Stored]] = {}
        self.problem: dict[str, Any] | None = None
        self.position = 0
        self.asked: list[dict[str, Any]] = []
        self._stops: list[Any] = []

    async def start(self) -> None:
        for query in ("execution", "events", "prefix", "list"):
            stop = await self.process.messages.subscribe(subjects.ask("state", query), self.answer)
            self._stops.append(stop)

    async def stop(self) -> None:
        for stop in self._stops:
            await stop()

    def project(self) -> None:
        """Take in what the log holds now."""
        for raw in self.bus.events.raws:
            if raw.sequence > self.position:
                stored = Stored(raw.sequence, ev.decode(raw.data))
                self.logs.setdefault((stored.event.project, stored.event.execution_id), []).append(stored)
                self.position = raw.sequence

    async def answer(self, subject: str, data: bytes) -> bytes:
        if self.problem is not None:
            return msgspec.json.encode({"problem": self.problem})
        asked = msgspec.json.decode(data)
        return msgspec.json.encode(getattr(self, "_" + subject.rpartition(".")[2])(asked))

    def _execution(self, asked):
        stored = self.logs.get((asked["project"], asked["id"]))
        if stored is None:
            return None
        return {
            "execution": Log.of(stored).execution,
            "sequence": stored[-1].sequence,
            "position": self.position,
        }

    def _events(self, asked):
        stored = self.logs.get((asked["project"], asked["id"]), [])
        return [msgspec.Raw(ev.encode(s.event)) for s in stored if s.event.n > asked["after"]][:3]

    def _prefix(self, asked):
        return [i for p, i in self.logs if p == asked["project"] and i.startswith(asked["prefix"])][:10]

    def _list(self, asked):
        self.asked.append(asked)
        return {"items": [], "next_cursor": None, "as_of": {"position": self.position, "at": None}}


class Reply:
    """What a caller got back."""

    def __init__(self, messages: list[Any]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {k.decode(): v.decode("latin-1") for k, v in messages[0]["headers"]}
        self.body = b"".join(m.get("body", b"") for m in messages[1:])

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        return self.json["code"]


class House:
    """A gateway with everything around it."""

    def __init__(self, before: "House | None" = None) -> None:
        self.bus = before.bus if before else MemoryBus()
        self.process = self.bus.process("gateway")
        self.config = before.config if before else MemoryConfig()
        self.state = before.state if before else StateDouble(self.bus)
        self.now = datetime.now(UTC)
        self.seconds = 0.0
        self.ticks = MemoryTicks()
        self.used = (0, 100)
        self.waiting = (0, 0)
        self.health = Health()
        known = Known(self.config)
        self.quotas = Quotas(self._backlog, known.quota, lambda: self.seconds)
        self.gateway = Gateway(
            events=self.process.events,
            messages=self.process.messages,
            objects=self.process.objects,
            ticks=self.ticks,
            known=known,
            presence=Presence(lambda: self.seconds),
            store=Store(self._usage, 0.85),
            quotas=self.quotas,
            relay=Relay("http://127.0.0.1:9"),
            load=Load(),
            health=self.health,
            metrics=Metrics(),
            clock=lambda: self.now,
            new_id=self.bus.new_id,
        )
        self.app = create_app(self.gateway)
        if before:
            self.key = before.key
            return
        self.bus.events.listeners.append(self._echo)
        self.key = self.add_key("default")
        self.config.put("default", "task", "noop", TaskSpec(name="noop"))
        schema = msgspec.Raw(msgspec.json.encode(SCHEMA))
        self.config.put("default", "task", "typed", TaskSpec(name="typed", input_schema=schema, priority=8))
        self.config.put("default", "queue", "fast", QueueSpec(name="fast", environment="prod"))

    def another(self) -> "House":
        """A gateway beside this one, or after it: with the same neighbours, and a process of its own."""
        return House(self)

    def add_key(self, project: str, **changes: Any) -> str:
        key, spec = new_key(project, now=self.now)
        self.config.put(project, "key", spec.id, msgspec.structs.replace(spec, **changes))
        return key

    def spec(self, kind: Any, name: str) -> Any:
        """A resource of the project default, as it is stored."""
        return msgspec.json.decode(self.config.get("default", kind.KIND, name)[0], type=kind)

    def revoke(self, key: str) -> None:
        _, project, public_id, _ = key.split("_", 3)
        data, _ = self.config.get(project, "key", public_id)
        spec = msgspec.json.decode(data, type=KeySpec)
        self.config.put(project, "key", public_id, msgspec.structs.replace(spec, revoked=True))

    async def _backlog(self, _project: str, _quota: QuotaSpec) -> tuple[int, int]:
        return self.waiting

    def purge(self) -> None:
        """What retention does once everything is projected."""
        self.state.project()
        self.bus.events.purge(self.bus.events.last)
        self.config.put(*FLOOR, {"purged_to": self.bus.events.last})
        self.gateway.finder._known.clear()

    async def hear_worker(
        self, *, queue: str = "default", task: str = "noop", project: str = "default", **more
    ) -> None:
        beat = Heartbeat(
            worker_id="w1", project=project, connection="c", host="h", pid=1, version="1", queues=(queue,),
            tasks=(task,), slots=4, started_at=self.now, at=self.now, **more,
        )  # fmt: skip
        await self.gateway.presence.heard(subjects.heartbeat(project, "w1"), msgspec.json.encode(beat))

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        headers: Any = (),
        hang_up: Any = None,
    ) -> Reply:
        """One request; `body` is JSON, or bytes as they are."""
        path, _, query = path.partition("?")
        text = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        given = [(b"host", b"here"), *headers]
        if key is not None:
            given.append((b"authorization", b"Bearer " + (key or self.key).encode()))
        if body is not None:
            given += [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(path), "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
            "headers": given, "client": ("10.0.0.9", 1), "server": ("here", 80), "state": {},
        }  # fmt: skip
        sent: list[Any] = []
        parts = [{"type": "http.request", "body": text, "more_body": False}]

        async def receive():
            if parts:
                return parts.pop()
            await (hang_up or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        return Reply(sent)

    async def submit(self, task: str = "noop", **fields: Any) -> Any:
        reply = await self.call("POST", "/api/v1/executions", {"task": task, **fields})
        assert reply.status == 202, reply.body
        return reply.json

    def _echo(self, stored: Stored) -> None:
        event = stored.event
        subject = subjects.echo(subjects.event(event.project, event.execution_id, event.wake))
        self.bus.wires.send(subject, ev.encode(event), None, self.state.process)

    async def _usage(self) -> tuple[int, int]:
        return self.used

    def stored(self) -> int:
        """How many events the log has ever held."""
        return self.bus.events.last
