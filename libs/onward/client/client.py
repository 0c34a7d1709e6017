"""What a gateway can be asked, one method each; executions, lines and the rest are the JSON of the API as dicts."""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

from onward.client.alerting import Alerting
from onward.client.bulk import Bulk
from onward.client.events import EventReader
from onward.client.keys import Keys
from onward.client.logs import ENDURANCE, Following, LogReader
from onward.client.outcome import has_ended
from onward.client.problem import ApiProblem
from onward.client.profile import resolve
from onward.client.resources import Resources
from onward.client.schedules import Schedules
from onward.client.wire import Answer, Wire
from onward.client.workers import Workers

Json = dict[str, Any]
PAGE = 200
HOLD = 30.0
"""Seconds the gateway may hold one `?wait=` request."""
LOOK_AGAIN = 0.3
REFERENCE = "$onward_object"
"""The member of what stands in place of a value above 256 KiB."""
_BRIEFLY = {"large": "reference"}
_HELD: Json = {"query": {"wait": int(HOLD)}, "timeout": HOLD + 15.0, "patience": ENDURANCE}
_EXECUTIONS = "/api/v1/executions"
_AUDIT = "/api/v1/audit"


def connect(**options: Any) -> "Client":
    """Returns a client for ONWARD_URL and ONWARD_API_KEY, or else for what `onward up` wrote."""
    profile = resolve(os.environ)
    return Client(profile.url, profile.api_key, **options)


class Client:
    """A gateway, asked over one keep-alive connection; reads are repeated when that is lost. For one thread."""

    def __init__(self, url: str, api_key: str | None = None, **options: Any) -> None:
        self.wire = Wire(url, api_key, **options)
        self.bulk = Bulk(self._json, self._items)

    @property
    def url(self) -> str:
        """The address of the gateway."""
        return self.wire.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self.wire.close()

    @contextlib.contextmanager
    def bind(self) -> Iterator[None]:
        """Lets `task.run`, `start` and `map` submit executions from code that runs outside of one: `with c.bind():`."""
        from onward.client.family import Bound  # noqa: PLC0415 - the command line never binds: it starts without
        from onward.tasks.family import maker  # noqa: PLC0415 - the same

        token = maker.set(Bound(self))
        try:
            yield
        finally:
            maker.reset(token)

    def submit(
        self, task: str | None = None, input: Any = None, *, idempotency_key: str | None = None, **fields: Any
    ) -> Json:
        """Submits an execution and returns it; the other members of a submission go by their names.

        In place of a task, `agent=` or `team=` says who performs it; `then=` says what follows.

        With an idempotency key it is repeated when the connection is lost; without, OutcomeUnknown says so.
        """
        body = _given(task=task, input=input, idempotency_key=idempotency_key, **fields)
        return self._json("POST", _EXECUTIONS, body=body, repeatable=idempotency_key is not None)

    def call(
        self, task: str | None = None, input: Any = None, *, idempotency_key: str | None = None, **fields: Any
    ) -> Json:
        """Submits an execution, once whatever connections are lost, and returns it once its outcome stands."""
        body = _given(task=task, input=input, idempotency_key=idempotency_key or str(uuid4()), **fields)
        execution = self._json("POST", _EXECUTIONS, body=body, repeatable=True, **_HELD)
        return execution if has_ended(execution) else self.wait(execution["id"])

    def route(self, task: str | None = None, input: Any = None, **fields: Any) -> Json:
        """Returns where such a submission would go, who would take it, and what is in its way; stores nothing."""
        body = _given(task=task, input=input, **fields)
        return self._json("POST", _EXECUTIONS + "/route", body=body, repeatable=True)

    def get(self, execution_id: str, *, whole: bool = True) -> Json:
        """Returns one execution as it is now; not `whole`, a large input and output are references."""
        return self._json("GET", _of(execution_id), query={} if whole else _BRIEFLY)

    def value(self, execution_id: str, shown: Any) -> Any:
        """Returns what a step, a checkpoint or an event of an execution shows, whole where that is a reference."""
        name = shown.get(REFERENCE) if isinstance(shown, dict) else None
        if name is None:
            return shown
        path = _of(execution_id, f"objects/{quote(str(name), safe='')}")
        return self._checked(self.wire.call("GET", path)).json()

    def list(self, *, limit: int | None = None, **filters: Any) -> Iterator[Json]:
        """Yields executions, newest first, page by page; a filter may be a list of values."""
        yield from self._items(_EXECUTIONS, filters, limit)

    def events(self, execution_id: str) -> Iterator[Json]:
        """Yields what happened to an execution, oldest first."""
        yield from self._items(_of(execution_id, "events"))

    def happenings(self, *, after: int | None = None, follow: bool = True, **filters: Any) -> EventReader:
        """Returns an iterable of the events of all executions behind a position; without one, of those to come.

        A filter (`type`, `status`, `task`, `queue`, `agent_id`, `label` …) may be a list of values.
        """
        return EventReader(self.wire, after=after, follow=follow, only=filters)

    @property
    def alerting(self) -> Alerting:
        """What alerts found, and what was sent because of it; `resources("alerts")` and `("channels")` set them."""
        return Alerting(self.wire)

    def attempts(self, execution_id: str) -> Iterator[Json]:
        """Yields every try of an execution by a worker."""
        yield from self._items(_of(execution_id, "attempts"))

    def steps(self, execution_id: str) -> Iterator[Json]:
        """Yields the steps of an execution as they stand."""
        yield from self._items(_of(execution_id, "steps"))

    def checkpoints(self, execution_id: str) -> Iterator[Json]:
        """Yields the saved results of an execution."""
        yield from self._items(_of(execution_id, "checkpoints"))

    def children(self, execution_id: str, *, limit: int | None = None, **filters: Any) -> Iterator[Json]:
        """Yields the children of an execution, newest first."""
        yield from self._items(_of(execution_id, "children"), filters, limit)

    def explain(self, execution_id: str) -> Json:
        """Returns why an execution does not run, what its worker does, or why it ended."""
        return self._json("GET", _of(execution_id, "explain"))

    def agent_of(self, execution_id: str) -> Json:
        """Returns the agent of an execution as it was at the submission, and what has been changed since."""
        return self._json("GET", _of(execution_id, "agent"))

    def sign_in_link(self) -> Json:
        """Returns the path of a page that signs in whoever opens it first, as whom this client is."""
        return self._json("POST", "/api/v1/sign-in-links", body={})

    def cancel(self, execution_id: str, reason: str | None = None) -> Json:
        """Asks to stop an execution; a second time changes nothing."""
        body = {} if reason is None else {"reason": reason}
        return self._json("POST", _of(execution_id, "cancel"), body=body, repeatable=True)

    def amend(self, execution_id: str, timeouts: dict[str, float | None] | None = None, **to: Any) -> Json:
        """Changes an execution that lives: `timeouts` in seconds, `queue`, `priority`, `run_at` (or "now"), `labels`.

        A limit or a label that is None is taken away.
        """
        body = to if timeouts is None else {"timeouts": timeouts, **to}
        return self._json("PATCH", _of(execution_id), body=body, repeatable=True)

    def pause(self, execution_id: str, reason: str | None = None) -> Json:
        """Asks to pause an execution; a worker that holds it ends the steps that run first."""
        body = {} if reason is None else {"reason": reason}
        return self._json("POST", _of(execution_id, "pause"), body=body, repeatable=True)

    def resume(self, execution_id: str) -> Json:
        """Lets a paused execution go on; one that is not paused is left as it is."""
        return self._json("POST", _of(execution_id, "resume"), body={}, repeatable=True)

    def retry(
        self,
        execution_id: str,
        *,
        from_start: bool = False,
        from_step: Mapping[str, str] | None = None,
        input: Any = None,
        steps: Sequence[Mapping[str, Any]] = (),
    ) -> Json:
        """Gives a failed or cancelled execution another life, from its checkpoints, its start, or a step.

        `from_step` has a `name`, and `scope` and `key` where several have it; `steps` have a `result` as well.
        """
        body: Json = {"from_start": from_start}
        if from_step is not None:
            body["from_step"] = dict(from_step)
        if input is not None:
            body["input"] = input
        if steps:
            body["steps"] = [dict(step) for step in steps]
        return self._json("POST", _of(execution_id, "retry"), body=body)

    def rerun(
        self, execution_id: str, input: Any = None, *, idempotency_key: str | None = None, **fields: Any
    ) -> Json:
        """Submits a new execution like this one, whose id it keeps as `retried_from`; what is given is changed."""
        body = {"input": input, "idempotency_key": idempotency_key, **fields}
        return self._json(
            "POST",
            _of(execution_id, "rerun"),
            body={name: value for name, value in body.items() if value is not None},
            repeatable=idempotency_key is not None,
        )

    def answer(self, execution_id: str, answer: Any, *, question_id: str | None = None) -> Json:
        """Answers an open question; `question_id` is needed when several are open."""
        body = {"answer": answer} if question_id is None else {"answer": answer, "question_id": question_id}
        return self._json("POST", _of(execution_id, "answer"), body=body)

    def send_event(self, execution_id: str, name: str, value: Any = None, *, key: str | None = None) -> Json:
        """Sends an event to an execution; with a key it is repeated when the connection is lost, and taken once."""
        body = {"name": name, "value": value} if key is None else {"name": name, "value": value, "key": key}
        return self._json("POST", _of(execution_id, "events"), body=body, repeatable=key is not None)

    def questions(self, *, limit: int | None = None, **filters: Any) -> Iterator[Json]:
        """Yields questions, newest first, page by page; a filter may be a list of values."""
        yield from self._items("/api/v1/questions", filters, limit)

    def tasks(self) -> Iterator[Json]:
        """Yields every task that was ever announced."""
        yield from self._items("/api/v1/tasks")

    def task(self, name: str) -> Json:
        """Returns one task with its schemas."""
        return self._json("GET", f"/api/v1/tasks/{quote(name, safe='')}")

    @property
    def workers(self) -> Workers:
        """The workers of the project."""
        return Workers(self.wire)

    def queues(self) -> Iterator[Json]:
        """Yields the queues."""
        yield from self._items("/api/v1/queues")

    def losses(self) -> Iterator[Json]:
        """Yields what was found lost, in the log or in Postgres; nothing is good."""
        yield from self._items("/api/v1/losses")

    def resources(self, plural: str) -> Resources:
        """Returns the handle of a kind of resource: `environments`, `queues`, `saved-views` and so on."""
        return Resources(self.wire, plural)

    def analytics(self, what: str, **asked: Any) -> Json:
        """Returns figures of executions that have ended: `summary`, `trend`, `breakdown` or `slow-steps`."""
        return self._json("GET", f"/api/v1/analytics/{what}", query=asked)

    def analytics_csv(self, what: str, **asked: Any) -> str:
        """Returns the same as CSV."""
        answer = self.wire.call("GET", f"/api/v1/analytics/{what}", query={**asked, "format": "csv"})
        return self._checked(answer).body.decode()

    def error_groups(self, **asked: Any) -> Iterator[Json]:
        """Yields the groups of failures of a time, the most frequent first."""
        yield from self._json("GET", "/api/v1/error-groups", query=asked)["items"]

    def error_group(self, fingerprint: str, **asked: Any) -> Json:
        """Returns one group of failures, and how it went."""
        return self._json("GET", f"/api/v1/error-groups/{quote(fingerprint, safe='')}", query=asked)

    def audit(self, *, limit: int | None = None, **filters: Any) -> Iterator[Json]:
        """Yields who did, or was refused, what, newest first, page by page."""
        yield from self._items(_AUDIT, filters, limit)

    def audit_csv(self, **filters: Any) -> Iterator[str]:
        """Yields the same as CSV for spreadsheets, line by line."""
        query = {**filters, "format": "csv"}
        with self.wire.stream(_AUDIT + "/export", query=query, accept="text/csv", timeout=120.0) as response:
            if response.status >= 400:
                raise ApiProblem.of(response.status, response.read())
            yield from io.TextIOWrapper(response, "utf-8", newline="\n")

    def verify_audit(self) -> Json:
        """Returns whether the audit is complete and as it was written."""
        return self._json("GET", _AUDIT + "/verify", timeout=120.0)

    @property
    def schedules(self) -> Schedules:
        """What schedules can beside what every resource can: their ticks, and firing them."""
        return Schedules(self.wire)

    @property
    def keys(self) -> Keys:
        """The API keys of the project."""
        return Keys(self.wire)

    def wait(self, execution_id: str) -> Json:
        """Returns the execution once its outcome stands, through restarts of the gateway."""
        while True:
            asked = self.wire.clock()
            held = {**_HELD, "query": {**_HELD["query"], **_BRIEFLY}}
            execution = self._json("GET", _of(execution_id), **held)
            if has_ended(execution):
                return self._in_full(execution)
            if self.wire.clock() - asked < LOOK_AGAIN:
                self.wire.pause(LOOK_AGAIN)

    def watch(self, execution_id: str, *, every: float = LOOK_AGAIN) -> Iterator[Json]:
        """Yields the execution now and after each change, until its outcome stands."""
        etag, version = "", None
        while True:
            headers = {"If-None-Match": etag} if etag else {}
            answer = self._checked(
                self.wire.call("GET", _of(execution_id), query=_BRIEFLY, headers=headers, patience=ENDURANCE)
            )
            if answer.status != 304:
                etag, execution = answer.headers.get("etag", ""), answer.json()
                if execution["version"] != version:
                    version = execution["version"]
                    yield self._in_full(execution) if has_ended(execution) else execution
                if has_ended(execution):
                    return
            self.wire.pause(every)

    def logs(
        self,
        execution_id: str,
        *,
        after: int = 0,
        tail: int | None = None,
        level: str | None = None,
        grep: str | None = None,
    ) -> LogReader:
        """Returns an iterable of the lines stored by now."""
        only = {"tail": tail, "level": level, "grep": grep}
        return LogReader(self.wire, _of(execution_id, "logs"), after=after, only=only)

    def follow(
        self,
        execution_id: str,
        *,
        after: int = 0,
        tail: int | None = None,
        level: str | None = None,
        grep: str | None = None,
    ) -> Following:
        """Returns an iterable of the lines stored by now and of all to come, until the execution has ended."""
        look = partial(self._json, "GET", _of(execution_id), query=_BRIEFLY, patience=ENDURANCE)
        only = {"tail": tail, "level": level, "grep": grep}
        return Following(self.wire, _of(execution_id, "logs"), look, after=after, only=only)

    def ready(self) -> tuple[bool, Json]:
        """Returns whether the gateway says it is ready, and what it says."""
        answer = self.wire.call("GET", "/readyz")
        told = answer.json()
        return answer.status == 200, told if isinstance(told, dict) else {"said": told}

    def _in_full(self, execution: Json) -> Json:
        """An execution that was asked for briefly, with its input and output whole."""
        shown = (execution["input"], execution["output"])
        large = any(isinstance(value, dict) and REFERENCE in value for value in shown)
        return self.get(execution["id"]) if large else execution

    def _items(
        self, path: str, query: Mapping[str, Any] | None = None, limit: int | None = None
    ) -> Iterator[Json]:
        cursor, left = None, limit
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            page = self._json("GET", path, query={**(query or {}), "limit": size, "cursor": cursor})
            items = page["items"][:left]
            yield from items
            left = None if left is None else left - len(items)
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _json(self, method: str, path: str, **how: Any) -> Json:
        answer = self._checked(self.wire.call(method, path, **how))
        told: Json = answer.json()
        return told

    def _checked(self, answer: Answer) -> Answer:
        if answer.status >= 400:
            raise ApiProblem.of(answer.status, answer.body)
        return answer


def _of(execution_id: str, part: str = "") -> str:
    return f"{_EXECUTIONS}/{quote(execution_id, safe='')}" + (f"/{part}" if part else "")


def _given(**members: Any) -> Json:
    return {name: value for name, value in members.items() if value is not None}
