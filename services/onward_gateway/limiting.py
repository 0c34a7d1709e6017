"""The limits of a submission: what it asks for, its task's, its queue's. With any, it waits until they admit it."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.bus.limit_rules import filled
from onward.contract import limits
from onward.contract.errors import InvalidInput
from onward.contract.execution import Execution
from onward.contract.limit import DEBOUNCE, QUEUE, TASK, Limit, LimitPolicy
from onward.contract.submission import Submission
from onward.http.problems import FieldError, blaming
from onward_gateway.known import Known, KnownTask

_generic = msgspec.json.Decoder()


def limits_of(
    asked: Submission, task: KnownTask, queue: str, project: str, known: Known
) -> tuple[LimitPolicy, ...]:
    """Every limit that has to admit it, one a key: what it asks for itself goes before what its task says.

    Raises InvalidInput where a key names a member that the input does not have.
    """
    own = () if asked.limits is msgspec.UNSET else asked.limits
    debounced = () if asked.debounce is msgspec.UNSET else (asked.debounce,)
    places = known.limits.of_places(project, queue, task.spec.name)
    templates = (
        *own,
        *task.spec.limits,
        *(LimitPolicy(f"{DEBOUNCE}{d.key}", full="replace") for d in debounced),
    )
    if not templates:
        return places
    given: Any = _generic.decode(asked.input) if limits.has_places(templates) else None
    try:
        own_and_theirs = limits.fill(templates, given)
    except InvalidInput as error:
        raise blaming(error, FieldError("/limits", str(error))) from None
    by_key: dict[str, LimitPolicy] = {}
    for limit in (*own_and_theirs, *places):
        by_key.setdefault(limit.key, _plain(limit))
    return tuple(by_key.values())


def own_limits(old: Execution, given: msgspec.Raw, known: Known) -> tuple[Limit, ...]:
    """What an execution was submitted with, its keys as its input has filled them: not what its task or queue say."""
    task = known.task(old.project, old.task)
    of_task = () if task is None else filled(task.spec.limits, given)
    theirs = {_plain(limit) for limit in of_task}
    return tuple(
        msgspec.convert(msgspec.structs.asdict(limit), Limit)
        for limit in old.limits
        if limit not in theirs and not limit.key.startswith((QUEUE, TASK, DEBOUNCE))
    )


def debounced_until(asked: Submission, run_at: datetime | None, now: datetime) -> datetime | None:
    """When it starts, unless a newer one comes until then."""
    if asked.debounce is msgspec.UNSET or run_at is not None:
        return run_at
    return now + timedelta(seconds=asked.debounce.wait)


def _plain(limit: LimitPolicy) -> LimitPolicy:
    return LimitPolicy(limit.key, limit.max, limit.rate, limit.per, limit.full)
