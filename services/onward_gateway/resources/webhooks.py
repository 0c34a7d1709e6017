"""Webhooks: doors for others, whose secrets nobody sees a second time."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from onward.contract import templates
from onward.contract.ids import check_name
from onward.contract.resource import Resource
from onward.contract.webhooks import EventTemplate, WebhookSpec
from onward.http.call import Principal
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Around, Kind, wrong
from onward_gateway.resources.schedules import check_submission

NAMES = ("body", "webhook", "id", "event", "received_at")
"""What its templates can name."""
WHAT_RUNS = {"task", "agent", "team"}
_MOST_A_MINUTE = 100_000


class WebhookView(Resource, frozen=True, kw_only=True):
    """A door for others; `path` is where they send to. Without a secret it opens to nobody."""

    submission: dict[str, Any] | None
    event: EventTemplate | None
    description: str | None
    per_minute: int
    paused: bool
    path: str
    secrets: int
    """How many are good."""


def check(spec: WebhookSpec, _around: Around) -> None:
    """Raises InvalidBody for what no call could do."""
    if (spec.submission is None) == (spec.event is None):
        raise wrong("/submission", "a webhook has one of submission and event")
    if not 1 <= spec.per_minute <= _MOST_A_MINUTE:
        raise wrong("/per_minute", f"it is 1 to {_MOST_A_MINUTE}")
    if spec.submission is not None:
        _check_template(msgspec.Raw(msgspec.json.encode(spec.submission)), "/submission")
    if spec.event is not None:
        _check_template(msgspec.Raw(msgspec.json.encode(spec.event)), "/event")
        if "{{" not in spec.event.name:
            check_name("event", spec.event.name)


async def before_write(gateway: Gateway, project: str, spec: WebhookSpec) -> None:
    """Raises what each submission would be refused for; what only a call can say is looked at then."""
    if spec.submission is None or spec.paused:
        return
    fixed = _without_places(spec.submission)
    if spec.submission.keys() & WHAT_RUNS <= fixed.keys():
        said = "input" in fixed or "input" not in spec.submission
        check_submission(gateway, project, msgspec.Raw(msgspec.json.encode(fixed)), with_input=said)


def _check_template(template: msgspec.Raw, at: str) -> None:
    try:
        templates.check(template, NAMES)
    except templates.TemplateError as error:
        raise wrong(at, str(error)) from error


def _without_places(value: dict[str, Any]) -> dict[str, Any]:
    """The members that a call changes nothing of."""
    return {name: one for name, one in value.items() if b"{{" not in msgspec.json.encode(one)}


def settle(after: WebhookSpec, before: WebhookSpec | None, around: Around) -> WebhookSpec:
    """Gives it an identity."""
    if before is not None:
        return after
    named = f"{around.project}/{after.name}/{around.now.isoformat()}"
    return msgspec.structs.replace(after, uid=hashlib.sha256(named.encode()).hexdigest()[:16])


async def show(gateway: Gateway, who: Principal, specs: Sequence[WebhookSpec]) -> list[Any]:
    """The webhooks, without their secrets."""
    now = gateway.clock()
    same = set(WebhookView.__struct_fields__) - {"path", "secrets"}
    return [
        WebhookView(
            **{name: getattr(spec, name) for name in same},
            path=path_of(who.project, spec.name),
            secrets=sum(one.until is None or one.until > now for one in spec.secrets),
        )
        for spec in specs
    ]


def path_of(project: str, name: str) -> str:
    """Where callers send to."""
    return f"/api/v1/webhooks/{name if project == 'default' else f'{project}.{name}'}"


KIND = Kind(
    spec=WebhookSpec,
    plural="webhooks",
    a="a webhook",
    scope="admin",
    kept=("uid", "secrets"),
    check=check,
    before_write=before_write,
    settle=settle,
    view=WebhookView,
    show=show,
)
