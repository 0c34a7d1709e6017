"""What is to follow an execution, checked and fixed when that is submitted: whoever submits it later asks nobody."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from onward.contract import templates, values
from onward.contract.errors import InvalidBody, OnwardError
from onward.contract.events import Trigger
from onward.contract.follow_ups import NAMES
from onward.contract.submission import Submission
from onward.contract.templates import TemplateError
from onward.contract.then import FollowUp, Then
from onward.contract.triggers import DEEPEST, LARGEST
from onward.http.problems import FieldError, blaming
from onward_gateway.admission import Admitted, check_input
from onward_gateway.known import KnownTask

_NULL = msgspec.Raw(b"null")


class Found(Protocol):
    """A submission, admitted: see placing.Placed."""

    @property
    def asked(self) -> Submission:
        """Of a task, with all that its agent says."""
        ...

    @property
    def admitted(self) -> Admitted:
        """Where it waits."""
        ...

    @property
    def fields(self) -> dict[str, Any]:
        """What its first event holds."""
        ...


Admit = Callable[[Submission], Found]


def planned(asked: Then, admit: Admit) -> tuple[Trigger, ...]:
    """The branches of a submission. Raises what a submission of each would, naming the member under `/then`."""
    made = _branches(asked, "/then", 1, admit)
    size = len(msgspec.json.encode(made))
    if size > LARGEST:
        raise _wrong("/then", f"it comes to {size} bytes; the limit is {LARGEST}")
    return made


def _branches(asked: Then, at: str, depth: int, admit: Admit) -> tuple[Trigger, ...]:
    if depth > DEEPEST:
        raise _wrong(at, f"more than {DEEPEST} follow each other")
    return tuple(_branch(on, one, f"{at}/on_{on}", depth, admit) for on, one in asked.branches())


def _branch(on: str, one: FollowUp, at: str, depth: int, admit: Admit) -> Trigger:
    submission = Submission(
        task=one.task, agent=one.agent or msgspec.UNSET, team=one.team or msgspec.UNSET, queue=one.queue,
        environment=one.environment, priority=one.priority, delay=one.delay, labels=one.labels, retry=one.retry,
        timeouts=one.timeouts, then=one.then or msgspec.UNSET,
    )  # fmt: skip
    try:
        found = admit(submission)
    except OnwardError as error:
        raise _below(at, error) from None
    admitted, fields, then = found.admitted, found.fields, found.asked.then
    return Trigger(
        on=on, task=admitted.task.spec.name, queue=admitted.queue, input=_template(one.input, admitted.task, at),
        environment=fields["environment"], priority=admitted.priority, labels=fields["labels"], delay=one.delay,
        retry=fields["retry"], timeouts=fields["timeouts"], on_exhausted=fields["on_exhausted"],
        agent=fields.get("agent"), team_id=fields.get("team_id"),
        then=_branches(then, f"{at}/then", depth + 1, admit) if isinstance(then, Then) else (),
        retention=fields["retention"],
    )  # fmt: skip


def _template(given: msgspec.Raw | None, task: KnownTask, at: str) -> msgspec.Raw | None:
    if given is None:
        # A task without parameters takes nothing, whatever came before.
        return _NULL if _takes_nothing(task) else None
    try:
        names = templates.names_in(given)
        templates.check(given, NAMES)
    except TemplateError as error:
        raise _wrong(f"{at}/input", str(error)) from None
    if values.looks_reserved(bytes(given)):
        raise _wrong(f"{at}/input", f"{values.RESERVED} is no name for a member of it")
    if not names:
        try:
            check_input(templates.render(given, {}), task.validator)
        except OnwardError as error:
            raise _below(at, error) from None
    return given


def _takes_nothing(task: KnownTask) -> bool:
    schema = task.spec.input_schema
    if schema is None:
        return False
    told = msgspec.json.decode(schema)
    if isinstance(told, dict) and "$ref" in told:
        told = told.get("$defs", {}).get(str(told["$ref"]).removeprefix("#/$defs/"))
    return isinstance(told, dict) and told.get("additionalProperties") is False and not told.get("properties")


def _below(at: str, error: OnwardError) -> OnwardError:
    """A refusal that names its members from the beginning of the body."""
    found = [FieldError(at + one.pointer, one.detail) for one in vars(error).get("errors", ())]
    told = str(error).removeprefix(found[0].pointer.removeprefix(at) + ": ") if found else str(error)
    where = found[0].pointer if found else at
    return blaming(type(error)(f"{where}: {told}", fix=error.fix), *found)


def _wrong(pointer: str, what: str) -> OnwardError:
    return blaming(InvalidBody(f"{pointer}: {what}"), FieldError(pointer, what))
