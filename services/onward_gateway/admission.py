"""Whether a submission may become an execution, and what exactly is asked for: pure, and before anything is stored."""

import difflib
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from onward.contract import decide, ids
from onward.contract.errors import (
    BadRequest,
    InvalidBody,
    InvalidInput,
    OnwardError,
    UnknownQueue,
    UnknownTask,
)
from onward.contract.places import QueueSpec
from onward.contract.retention import class_of
from onward.contract.submission import LABEL, MAX_LABELS, Submission
from onward.contract.values import MOST, RESERVED
from onward.http import json_text
from onward.http.problems import FieldError, blaming
from onward_gateway import schemas
from onward_gateway.known import Known, KnownTask
from onward_gateway.limiting import debounced_until, limits_of
from onward_gateway.usual import usual_for

YEAR = timedelta(days=366)
_TEXT = 256
_generic = msgspec.json.Decoder()
_canonical = msgspec.json.Encoder(order="sorted")


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """A submission that was found good: what `decide.submit` needs of it."""

    queue: str
    priority: int
    run_at: datetime | None
    task: KnownTask
    fields: dict[str, Any]


def admit(asked: Submission, *, project: str, known: Known, now: datetime, limited: bool = True) -> Admitted:
    """What to store for `asked`, whose input is still to be checked. Raises a BadRequest that names the member.

    Not `limited`, its input is not known yet: its limits are asked for when a worker claims it.
    """
    task = _task(asked.task, project, known)
    queue = queue_of(task.spec.queue if asked.queue is None else asked.queue, project, known)
    usual = usual_for(task.spec, known.specs.get(project, QueueSpec, queue))
    priority = usual.priority if asked.priority is None else asked.priority
    if not 1 <= priority <= 9:
        raise _wrong("/priority", f"{priority} is not 1 (lowest) to 9")
    if asked.environment is not None:
        ids.check_name("environment", asked.environment)
    if asked.parent_id is not None and not ids.is_execution_id(asked.parent_id):
        raise _wrong("/parent_id", "this is not an execution id")
    if asked.task_id is not None and not 1 <= len(asked.task_id) <= _TEXT:
        raise _wrong("/task_id", f"it has 1 to {_TEXT} characters")
    check_labels(asked.labels)
    return Admitted(
        queue=queue,
        priority=priority,
        task=task,
        run_at=debounced_until(asked, _run_at(asked, now), now),
        fields={
            "task": task.spec.name,
            "input": asked.input,
            "task_id": asked.task_id,
            "environment": asked.environment or known.environment(project, queue),
            "labels": asked.labels,
            "retry": decide.retry_policy(asked.retry, usual.retry),
            "timeouts": asked.timeouts or usual.timeouts,
            "on_exhausted": asked.on_exhausted or task.spec.on_exhausted,
            "parent_id": asked.parent_id,
            "retention": class_of(asked.retention or None, task.spec.retention),
            "limits": limits_of(asked, task, queue, project, known) if limited else (),
        },
    )


def idempotency_key(asked: Submission, header: bytes | None) -> str | None:
    """The key of this submission, from its header or its body."""
    key = asked.idempotency_key
    if header is not None:
        told = header.decode("utf-8", "replace")
        if key is not None and key != told:
            raise _wrong("/idempotency_key", "the header Idempotency-Key says something else")
        key = told
    if key is not None and not (1 <= len(key) <= _TEXT and key.isprintable()):
        raise _wrong("/idempotency_key", f"it has 1 to {_TEXT} printable characters")
    return key


def fingerprint(asked: Submission) -> str:
    """What tells two requests with one key apart: a hash of all they ask for, whatever its spelling in JSON."""
    asdict = msgspec.structs.asdict(asked)
    members = {name: value for name, value in asdict.items() if value is not msgspec.UNSET}
    del members["idempotency_key"]
    members["input"] = _generic.decode(asked.input)
    if "then" in members:
        members["then"] = _generic.decode(msgspec.json.encode(asked.then))
    return hashlib.sha256(_canonical.encode(members)).hexdigest()


def _task(name: str | None, project: str, known: Known) -> KnownTask:
    if name is None:
        raise _wrong("/task", "it is missing")
    task = known.task(project, name)
    if task is None:
        ids.check_name("task", name)
        names = known.tasks(project)
        close = difflib.get_close_matches(name, names, n=1)
        hint = (
            f"did you mean {close[0]!r}?"
            if close
            else "start a worker that has it; `onward task list` shows all"
        )
        error = UnknownTask(f"no worker ever announced a task {name!r}", fix=hint)
        raise blaming(error, FieldError("/task", "unknown"))
    return task


def queue_of(name: str, project: str, known: Known) -> str:
    """The queue of this name. Raises UnknownQueue."""
    if known.queue(project, name):
        return name
    ids.check_name("queue", name)
    close = difflib.get_close_matches(name, known.queues(project), n=1)
    hint = f"did you mean {close[0]!r}?" if close else "start a worker on it: `onward worker start --queue …`"
    raise blaming(UnknownQueue(f"there is no queue {name!r}", fix=hint), FieldError("/queue", "unknown"))


def check_labels(labels: dict[str, str]) -> None:
    """Raises InvalidBody for labels that are too many or too long."""
    if len(labels) > MAX_LABELS:
        raise _wrong("/labels", f"{len(labels)} labels are more than {MAX_LABELS}")
    for key, value in labels.items():
        if not key or len(key) > LABEL or len(value) > LABEL:
            raise _wrong("/labels", f"a label's name has 1 to {LABEL} characters, its value at most {LABEL}")


def check_input(given: msgspec.Raw, validator: Any) -> None:
    """Raises TooLarge, InvalidBody, InvalidInput that point at what is wrong with an input."""
    value = json_text.value_of(given, "/input", MOST)
    check_not_reserved(value, "/input")
    if validator is not None:
        # A worker takes no input for an empty object, so that is what must fit.
        schemas.hold(
            validator,
            {} if value is None else value,
            at="/input",
            what="the input does not fit the task",
        )


def check_not_reserved(value: Any, at: str) -> None:
    """Raises InvalidInput for a value that would pass for a reference to a large one."""
    if isinstance(value, dict) and RESERVED in value:
        raise _wrong(at, f"{RESERVED} is no name for a member of it", InvalidInput)


def _run_at(asked: Submission, now: datetime) -> datetime | None:
    if asked.delay is None and asked.run_at is None:
        return None
    if asked.delay is not None and asked.run_at is not None:
        raise _wrong("/delay", "delay and run_at exclude each other")
    if asked.delay is not None:
        if not 0 <= asked.delay <= YEAR.total_seconds():
            raise _wrong("/delay", f"{asked.delay} is not 0 to {YEAR.total_seconds():.0f} seconds (a year)")
        return now + timedelta(seconds=asked.delay) if asked.delay else None
    assert asked.run_at is not None  # noqa: S101 - by the two tests above
    at = time_of(asked.run_at, now)
    return at if at > now else None


def time_of(at: datetime, now: datetime) -> datetime:
    """A time to run at, in UTC. Raises InvalidBody for one without an offset, or too far away."""
    if at.tzinfo is None:
        raise _wrong("/run_at", "it needs an offset, as in 2030-01-31T08:00:00Z")
    if at > now + YEAR:
        raise _wrong("/run_at", "it is more than a year away")
    return at.astimezone(UTC)


def _wrong(pointer: str, what: str, error: type[BadRequest] = InvalidBody) -> OnwardError:
    return blaming(error(f"{pointer}: {what}"), FieldError(pointer, what))
