"""Schedules: what they submit is tried at their creation, with their next tick."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from onward.contract import templates
from onward.contract.errors import OnwardError
from onward.contract.schedules import Firing, ScheduleSpec, template_of, variables
from onward.contract.submission import Submission
from onward.http import json_text
from onward.http.call import Principal
from onward.schedules import timing
from onward.schedules.cron import zone_named
from onward_gateway.admission import check_input
from onward_gateway.gateway import Gateway
from onward_gateway.placing import placed
from onward_gateway.resources.kind import Around, Kind, wrong

TIMES = ("cron", "zone", "every", "at", "start")
NAMES = ("tick", "scheduled_at", "local", "date", "schedule", "cause")
"""What its templates can name."""
NOT_HERE = ("idempotency_key", "run_at", "delay", "parent_id")
_submission = msgspec.json.Decoder(Submission)


class ScheduleView(ScheduleSpec, frozen=True, kw_only=True, omit_defaults=False):
    """What submits executions by time; `words` says when, `next_at` when next."""

    words: str
    next_at: datetime | None


def check(spec: ScheduleSpec, around: Around) -> None:
    """Raises InvalidBody for times that cannot be meant, and what a submission would be refused for."""
    timing.check_times(spec)
    tick = timing.following(spec, spec.since or around.now)
    if spec.at is not None and tick is None:
        raise wrong("/at", "it is over", fix="give a time to come")
    try:
        templates.check(template_of(spec), NAMES)
    except templates.TemplateError as error:
        raise wrong("/submission", str(error)) from error


async def before_write(gateway: Gateway, project: str, spec: ScheduleSpec) -> None:
    """Raises what the submission of its next tick would be refused for; a paused one starts nothing."""
    if spec.paused:
        return
    now = gateway.clock()
    tick = timing.following(spec, spec.since or now)
    firing = Firing(tick=tick or now, execution_id="")
    try:
        filled = templates.render(template_of(spec), variables(spec, firing, zone_named(spec.zone)))
    except templates.TemplateError as error:
        raise wrong("/submission", str(error)) from error
    check_submission(gateway, project, filled)


def check_submission(
    gateway: Gateway, project: str, submission: msgspec.Raw, *, with_input: bool = True
) -> None:
    """Raises what a submission of this would be refused for, with the place it has here."""
    try:
        asked = json_text.read(bytes(submission), _submission, depth=json_text.MAX_DEPTH + 1)
        for name in NOT_HERE:
            if getattr(asked, name) is not None:
                raise wrong(f"/submission/{name}", "what submits it says when, and under which id")
        where = placed(gateway, project, asked, gateway.clock())
        if with_input:
            check_input(where.asked.input, where.admitted.task.validator)
    except OnwardError as error:
        if str(error).startswith("/submission"):
            raise
        raise wrong("/submission", str(error), error.fix) from error


def settle(after: ScheduleSpec, before: ScheduleSpec | None, around: Around) -> ScheduleSpec:
    """Gives it an identity, and notes from when on its times are as they are."""
    if before is None:
        named = f"{around.project}/{after.name}/{around.now.isoformat()}"
        uid = hashlib.sha256(named.encode()).hexdigest()[:16]
        return msgspec.structs.replace(after, uid=uid, since=around.now)
    changed = any(getattr(before, name) != getattr(after, name) for name in TIMES)
    resumed = before.paused and not after.paused
    return msgspec.structs.replace(after, since=around.now) if changed or resumed else after


async def show(gateway: Gateway, _who: Principal, specs: Sequence[ScheduleSpec]) -> list[Any]:
    """The schedules, in words, with their next ticks."""
    return [_shown(spec, gateway.clock()) for spec in specs]


def _shown(spec: ScheduleSpec, now: datetime) -> ScheduleView:
    after = max(now, spec.since) if spec.since is not None else now
    return ScheduleView(
        **{name: getattr(spec, name) for name in spec.__struct_fields__},
        words=timing.words(spec),
        next_at=None if spec.paused else timing.following(spec, after),
    )


KIND = Kind(
    spec=ScheduleSpec,
    plural="schedules",
    a="a schedule",
    kept=("uid", "since"),
    check=check,
    before_write=before_write,
    settle=settle,
    view=ScheduleView,
    show=show,
)
