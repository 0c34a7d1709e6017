"""A gateway on loopback for tests of its clients: the contract's own decisions, views and problems over real HTTP.

It can misbehave on request: lose connections, be busy, cut log streams. What it answers in good times is held to
the real gateway by tests/live/cli.
"""

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from onward.contract import amending, commands, decide, history, ids, repair, subjects, values
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.errors import Conflict, NotFound, Unauthorized, UnknownTask
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.log import Log, Stored
from onward.contract.submission import AmendCommand, RetryCommand, Submission
from onward.contract.view import view
from onward.http.problems import Overloaded
from onward.http.query import read_query
from onward_execution_state.asked import changed_questions
from onward_gateway.executions import Filters
from onward_gateway.questions import QuestionFilters
from tests.unit.client.fake_bulk import FakeBulk
from tests.unit.client.fake_resources import PLURALS, FakeResources
from tests.unit.client.fake_server import Request, served
from tests.unit.client.fake_surroundings import TASKS, explained, queue, task

KEY = "ow_default_abcdefghijkl_" + "s" * 43
TRACE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


class FakeGateway:
    """Executions that a test moves on by hand."""

    def __init__(self) -> None:
        self.logs: dict[str, list[ev.AnyEvent]] = {}
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.bulk = FakeBulk(self)
        self.objects: dict[str, Any] = {}
        """Large values by the name of their object."""
        self.requests: list[Request] = []
        self.broke: list[str] = []
        self.workers: list[dict[str, Any]] = []
        self.losses: list[dict[str, Any]] = []
        self.waiting: int | None = 0
        self.checks: list[dict[str, Any]] = [{"name": "nats", "ok": True, "reason": None}]
        self.lose: deque[str] = deque()
        """For each next connection: `before` the request is carried out, or `after`."""
        self.busy: deque[tuple[int, str]] = deque()
        """For each next request: a status and its Retry-After."""
        self.cut_streams_after: deque[int] = deque()
        """For each next log stream: break it off after so many lines."""
        self.tells_etags = True
        self.framed = True
        """Whether log streams are chunked; as a proxy might undo it, their end is the connection's."""
        self.cut_off_once = False
        self.forget_after_once = False
        self.tells_ends = True
        self.skip_line_once: int | None = None
        self.changed = threading.Condition()
        self.port = 0
        self.resources = FakeResources()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # What a test does

    def submit(self, task: str = "report", execution_id: str | None = None, **fields: Any) -> str:
        event = decide.submit(
            execution_id=execution_id or new_id(), project="default", moment=now(), task=task,
            **{"queue": "default", "priority": 5, "run_at": None, **fields},
        )  # fmt: skip
        return self._begin(event)

    def start(self, execution_id: str) -> None:
        state = self.state(execution_id)
        attempt = state.attempt + (0 if state.resumes else 1)
        self.happen(execution_id, ev.Started, attempt=attempt, worker_id="w1", connection="c1", work_sequence=1,
                    ack_subject="a")  # fmt: skip

    def happen(self, execution_id: str, event: Any, /, *, wake: bool = False, **fields: Any) -> None:
        with self.changed:
            state = self.state(execution_id)
            envelope = decide.envelope(state, now(), wake=state.route if wake else None)
            self.logs[execution_id].append(event(**{**envelope, **fields}))
            self.changed.notify_all()

    def complete(self, execution_id: str, output: Any = None) -> None:
        self.happen(execution_id, ev.Completed, output=raw(output))

    def refer(self, execution_id: str, value: Any) -> msgspec.Raw:
        """What an event holds for a large value."""
        name = subjects.object_name("default", execution_id, f"{len(self.objects):064}")
        self.objects[name] = value
        return values.reference(name, len(bytes(raw(value))))

    def fail(self, execution_id: str, message: str = "it broke") -> None:
        self.happen(
            execution_id, ev.Failed, reason="error", error=ev.Failure(type="ValueError", message=message)
        )

    def ask(
        self, execution_id: str, text: str, choices: tuple[str, ...] = (), *, wait: str = "q1", **more: Any
    ) -> None:
        self.happen(execution_id, ev.QuestionAsked, wait=wait, text=text, choices=choices, **more)
        self.happen(execution_id, ev.Suspended, reason="waiting_for_input")

    def log(self, execution_id: str, *texts: str, level: str = "info", stream: str = "stdout") -> None:
        with self.changed:
            lines = self.lines[execution_id]
            for text in texts:
                lines.append({
                    "line": len(lines) + 1, "time": "2026-01-01T12:00:00Z", "level": level, "stream": stream,
                    "attempt": 1, "step": None, "text": text,
                })  # fmt: skip
            self.changed.notify_all()

    def state(self, execution_id: str) -> Execution:
        return fold(self.logs[execution_id])

    def sent(self, method: str, ending: str = "") -> list[Request]:
        return [one for one in self.requests if one.method == method and one.path.endswith(ending)]

    def until(self, holds: Callable[[], bool], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "what was waited for did not happen"
            time.sleep(0.005)

    # What a client asks

    def answer(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        parts = request.path.strip("/").split("/")
        match request.method, parts:
            case "GET", ["livez"]:
                return 200, {"status": "live", "checks": []}, {}
            case "GET", ["readyz"]:
                return (200 if all(one["ok"] for one in self.checks) else 503), {"checks": self.checks}, {}
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise Unauthorized(
                "this API key is not known", fix="`onward up` wrote a key into the CLI's profile"
            )
        match request.method, parts[2:]:
            case "POST", ["executions"]:
                return self._submitted(request)
            case "GET", ["executions"]:
                return 200, self._listed(request), {}
            case "GET", ["executions", one]:
                return self._got(one, request)
            case "GET", ["executions", _, "objects", name]:
                return 200, self.objects[name], {}
            case "GET", ["executions", one, "children"]:
                return 200, self._listed(request, parent=self.resolve(one)), {}
            case method, ["bulk-operations", *rest]:
                return self.bulk.answer(method, rest, request, now())
            case "GET", ["executions", one, "explain"]:
                return 200, explained(self.logs[self.resolve(one)], self.workers), {}
            case "GET", ["executions", one, part]:
                derive = {"events": _events, "attempts": history.attempts, "steps": history.steps,
                          "checkpoints": history.checkpoints}[part]  # fmt: skip
                return 200, page(derive(self.logs[self.resolve(one)]), request), {}
            case "POST", ["executions", one, "rerun"]:
                return self._rerun(self.state(self.resolve(one)), request.body)
            case "POST", ["executions", one, "events"]:
                return self._sent_event(self.resolve(one), request.body)
            case "GET", ["questions"]:
                return 200, self._questions(request), {}
            case "PATCH", ["executions", one]:
                return self._commanded(self.resolve(one), "amend", request.body)
            case "POST", ["executions", one, verb]:
                return self._commanded(self.resolve(one), verb, request.body)
            case "GET", ["tasks"]:
                return 200, page([task(name) for name in TASKS], request), {}
            case "GET", ["tasks", name] if name in TASKS:
                return 200, task(name), {}
            case "GET", ["workers"]:
                return 200, page(self.workers, request), {}
            case "GET", ["losses"]:
                return 200, page(self.losses, request), {}
            case "GET", ["queues"]:
                return 200, page([queue(len(self.workers), self.waiting)], request), {}
            case _, [plural, *_] if plural in PLURALS:
                return self.resources.answer(request)
        raise NotFound("there is nothing at this address")

    def resolve(self, text: str) -> str:
        found = [one for one in self.logs if one.startswith(text)]
        if len(found) > 1:
            raise Conflict(
                f"2 or more executions begin with {text}: {', '.join(found)}", fix="give more of the id"
            )
        if not found:
            raise NotFound(f"no execution begins with {text}")
        return found[0]

    def _begin(self, event: ev.Submitted) -> str:
        with self.changed:
            self.logs[event.execution_id] = [event]
            self.lines[event.execution_id] = []
            self.changed.notify_all()
        return event.execution_id

    def _submitted(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        asked = msgspec.json.decode(msgspec.json.encode(request.body), type=Submission)
        if asked.task not in TASKS:
            raise UnknownTask(f"no worker ever announced a task {asked.task!r}", fix="did you mean 'report'?")
        key = asked.idempotency_key
        execution_id = ids.keyed_id("default", key) if key else new_id()
        if execution_id not in self.logs:
            self.submit(
                asked.task, execution_id, input=raw(request.body.get("input")), labels=asked.labels,
                priority=asked.priority or 5, queue=asked.queue or "default",
            )  # fmt: skip
        state = self._waited(execution_id, request)
        shown = json.loads(msgspec.json.encode(view(state)))
        return (200 if state.ended else 202), {**shown, "warnings": [] if self.workers else ["no_worker"]}, {}

    def _waited(self, one: str, request: Request) -> Execution:
        wait = float(request.query.get("wait", ["0"])[0])
        with self.changed:
            self.changed.wait_for(lambda: self.state(one).ended, timeout=wait)
        return self.state(one)

    def _rerun(self, old: Execution, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        given = raw(body["input"]) if "input" in body else old.input
        one = self.submit(
            old.task, input=given, queue=body.get("queue", old.queue), priority=body.get("priority", old.priority),
            labels=body.get("labels", old.labels), retried_from=old.id,
        )  # fmt: skip
        shown = json.loads(msgspec.json.encode(view(self.state(one))))
        return 202, {**shown, "warnings": []}, {}

    def _listed(self, request: Request, parent: str | None = None) -> Any:
        filters = read_query(_encoded(request.query), Filters)
        shown = [view(self.state(one)) for one in sorted(self.logs, reverse=True)]
        kept = [
            one for one in shown
            if (not filters.status or one.status in filters.status) and parent in {None, one.parent_id}
            and filters.retried_from in {None, one.retried_from}
            and (filters.task is None or one.task == filters.task)
            and all(one.labels.get(label.split("=", 1)[0]) == label.split("=", 1)[1] for label in filters.label)
        ]  # fmt: skip
        return page(kept, request)

    def _got(self, typed: str, request: Request) -> tuple[int, Any, dict[str, str]]:
        one = self.resolve(typed)
        state = self._waited(one, request)
        etag = f'"{state.n}"'
        headers = {"ETag": etag} if self.tells_etags else {}
        if request.headers.get("if-none-match") == etag:
            return 304, None, headers
        return 200, self._shown(view(state), request.query.get("large") == ["reference"]), headers

    def _shown(self, shown: Any, briefly: bool) -> Any:
        if briefly:
            return shown
        found = {name: values.referred(getattr(shown, name)) for name in ("input", "output")}
        return msgspec.structs.replace(
            shown, **{name: raw(self.objects[one.object]) for name, one in found.items() if one is not None}
        )

    def _sent_event(self, one: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        name, key = body["name"], body.get("key")
        events = commands.receive(self.state(one), now(), name=name, value=raw(body.get("value")), key=key)
        with self.changed:
            self.logs[one] += events
            self.changed.notify_all()
        taken = {"execution_id": one, "name": name, "key": key, "duplicate": not events}
        return (202 if events else 200), taken, {}

    def _questions(self, request: Request) -> Any:
        filters, found = read_query(_encoded(request.query), QuestionFilters), {}
        for log in self.logs.values():
            state = None
            for event in log:
                before, state = state, fold((event,), state)
                found |= {(state.id, row.n): row.shown for row in changed_questions(before, state, event)}
        shown = [
            one for _, one in sorted(found.items(), reverse=True)
            if (not filters.status or one.status in filters.status) and filters.to in (None, one.to)
        ]  # fmt: skip
        return page(shown, request)

    def _commanded(self, one: str, verb: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        state = self.state(one)
        if verb == "cancel":
            events = commands.cancel(state, now(), body.get("reason"))
        elif verb == "pause":
            events = commands.pause(state, now(), body.get("reason"))
        elif verb == "amend":
            change = msgspec.convert(body, AmendCommand)
            at = (
                None
                if not change.run_at
                else now().now
                if change.run_at == "now"
                else msgspec.convert(change.run_at, datetime)
            )
            events = amending.amended(state, now(), change, at)
        elif verb == "resume":
            events = commands.resume(state, now())
        elif verb == "retry":
            log = Log.of(Stored(event.n, event) for event in self.logs[one])
            events = repair.repair(
                log, now(), msgspec.json.decode(msgspec.json.encode(body), type=RetryCommand)
            )
        else:
            events = commands.answer(state, now(), raw(body["answer"]), body.get("question_id"))
        with self.changed:
            self.logs[one] += events
            self.changed.notify_all()
        after = view(self.state(one))
        asked = after.reason == "cancelling" or (verb == "pause" and after.worker_id is not None)
        return (202 if asked else 200), after, {}


@contextlib.contextmanager
def fake_gateway() -> Iterator[FakeGateway]:
    gateway = FakeGateway()
    with served(gateway) as gateway.port:
        yield gateway
    assert not gateway.broke, gateway.broke[0]


def new_id() -> str:
    return ids.new_id(time.time_ns() // 1_000_000, os.urandom(10))


def now() -> Moment:
    return Moment(now=datetime.now(UTC), new_id=new_id, actor="key:test", trace=TRACE)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def page(items: Any, request: Request) -> Any:
    start, size = int(request.query.get("cursor", ["0"])[0]), int(request.query.get("limit", ["50"])[0])
    if size > 200:
        raise Overloaded("a page has at most 200")
    part = list(items)[start : start + size]
    more = start + len(part) < len(items)
    return {"items": part, "next_cursor": str(start + len(part)) if more else None}


def _events(events: Any) -> list[msgspec.Raw]:
    return [msgspec.Raw(ev.encode(event)) for event in events]


def _encoded(query: dict[str, list[str]]) -> bytes:
    return urlencode(query, doseq=True).encode()
