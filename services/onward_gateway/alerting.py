"""What alerts found, whom they told, and how that went; muting, testing, sending again."""

import os
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post

from onward.contract.alerts import AlertSpec, ChannelSpec
from onward.contract.errors import InvalidBody
from onward.contract.keys import Scope
from onward.contract.signing import SECRET_BYTES, new_secret
from onward.contract.submission import PAGE
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.entrance import body_of
from onward.http.query import read_query
from onward_gateway.gateway import gateway_of
from onward_gateway.resources import alerts, channels
from onward_gateway.resources.acts import Desk
from onward_gateway.routes import Door, NoQuery, Operation, describe

_ALERT, _CHANNEL = "/api/v1/alerts/{name:str}", "/api/v1/channels/{name:str}"
_DELIVERY = "/api/v1/deliveries/{delivery_id:str}"
_YEAR = 31_536_000.0


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which the condition of an alert held; open while `resolved_at` is null."""

    id: str
    project: str
    alert: str
    key: str
    severity: str
    opened_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    value: float
    count: int
    detail: str
    execution_id: str | None
    muted: bool
    """Whether nobody was told."""


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was, or is to be, sent to a channel; `webhook-id` is `msg_` and its id."""

    id: str
    channel: str
    type: str
    status: str
    """`waiting`, `delivered`, `failed` (given up), or `dropped`: the channel is disabled."""
    created_at: datetime
    next_at: datetime | None
    tries: int
    delivered_at: datetime | None


class TryView(msgspec.Struct, frozen=True, kw_only=True):
    """One try to deliver: what was answered, and the first bytes of it."""

    attempt: int = msgspec.field(name="try")
    at: datetime
    code: int | None
    duration_ms: float
    answer: str | None
    error: str | None


class DeliveryDetails(DeliveryView, frozen=True, kw_only=True):
    """A delivery with its body and each try."""

    body: str
    log: list[TryView]


class IncidentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: list[IncidentView]
    next_cursor: str | None


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: list[DeliveryView]
    next_cursor: str | None


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """Where a test went."""

    id: str
    channel: str


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """The deliveries of a test."""

    deliveries: list[Queued]


class Muting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when nobody is told: a time, or seconds from now."""

    until: datetime | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0, le=_YEAR)] | None = None


class Muted(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, and until when it is muted."""

    name: str
    muted_until: datetime | None


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A new secret: this is the only time it is shown."""

    name: str
    secret: str


class Enabled(msgspec.Struct, frozen=True, kw_only=True):
    """The channel that is open again."""

    name: str


class IncidentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents."""

    open: bool = False
    cursor: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = 50


class DeliveryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries."""

    status: Literal["waiting", "delivered", "failed", "dropped"] | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = 50


def _reading(summary: str, answer: Any, query: type[msgspec.Struct] = NoQuery) -> dict[str, Any]:
    operation = Operation(summary=summary, query=query, answers={200: answer}, refuses=(400, 404, 503))
    return describe(operation)


def _acting(
    summary: str, answer: Any, body: type[msgspec.Struct] | None = None, *, scope: Scope = "operate"
) -> dict[str, Any]:
    refuses = (400, 404, 409, 503) if body is None else (400, 404, 409, 415, 503)
    return describe(
        Operation(summary=summary, query=NoQuery, body=body, answers={200: answer}, refuses=refuses),
        scope=scope,
    )


@get(
    "/api/v1/incidents",
    opt=_reading("List the incidents of all alerts, newest first", IncidentPage, IncidentQuery),
)
async def list_incidents(request: Door) -> Answer:
    """A page of incidents."""
    return await _incidents(request, None)


@get(
    _ALERT + "/incidents",
    opt=_reading("List the incidents of an alert, newest first", IncidentPage, IncidentQuery),
)
async def alert_incidents(request: Door) -> Answer:
    """A page of its incidents; those of a deleted alert, or of `_channels`, are listed too."""
    return await _incidents(request, request.path_params["name"])


@post(_ALERT + "/mute", status_code=200, opt=_acting("Tell nobody of an alert for a while", Muted, Muting))
async def mute(request: Door) -> Answer:
    """Incidents go on to be kept."""
    call = call_of(request.scope)
    asked = json_text.read(await body_of(call, request.receive), msgspec.json.Decoder(Muting))
    until = asked.until or gateway_of(request).clock() + timedelta(seconds=asked.seconds or 0)
    if (asked.until is None) == (asked.seconds is None):
        raise InvalidBody("say until when, or for how many seconds")
    if until.tzinfo is None:
        raise InvalidBody("/until: a time needs a zone", fix="write 2026-01-31T12:00:00Z")
    return await _mute(request, until)


@post(_ALERT + "/unmute", status_code=200, opt=_acting("Tell of an alert again", Muted))
async def unmute(request: Door) -> Answer:
    """From now on."""
    return await _mute(request, None)


@post(_ALERT + "/test", status_code=200, opt=_acting("Send a test to the channels of an alert", Tested))
async def try_alert(request: Door) -> Answer:
    """Its deliveries, which are on their way."""
    return await _test(request, "alert")


@post(_CHANNEL + "/test", status_code=200, opt=_acting("Send a test to a channel", Tested))
async def try_channel(request: Door) -> Answer:
    """Its delivery, which is on its way."""
    return await _test(request, "channel")


@post(_CHANNEL + "/enable", status_code=200, opt=_acting("Open a channel again that was disabled", Enabled))
async def enable(request: Door) -> Answer:
    """What was dropped meanwhile stays so, unless it is sent again by hand."""
    name = request.path_params["name"]
    await _desk(request, channels.KIND).get(name)
    return json_answer(await _ask(request, "enable_channel", {"name": name}, Enabled))


@post(
    _CHANNEL + "/rotate-secret",
    status_code=200,
    opt=_acting("Make a new secret for a webhook", Secret, scope="admin"),
)
async def rotate_secret(request: Door) -> Answer:
    """Shown this once; the one before signs as well, until the next change."""
    name, secret = request.path_params["name"], new_secret(os.urandom(SECRET_BYTES))

    def rotated(spec: Any) -> ChannelSpec:
        if spec is None or spec.kind != "webhook":
            raise InvalidBody("only a webhook has a secret")
        changed: ChannelSpec = msgspec.structs.replace(spec, secret=secret)
        return changed

    await _desk(request, channels.KIND).change(name, None, rotated)
    return json_answer(Secret(name=name, secret=secret))


@get(
    _CHANNEL + "/deliveries",
    opt=_reading("List what was sent to a channel, newest first", DeliveryPage, DeliveryQuery),
)
async def list_deliveries(request: Door) -> Answer:
    """A page of deliveries."""
    asked = msgspec.to_builtins(read_query(request.scope["query_string"], DeliveryQuery))
    return json_answer(
        await _ask(request, "deliveries", {"of": request.path_params["name"], **asked}, DeliveryPage)
    )


@get(_DELIVERY, opt=_reading("Get a delivery, with its body and each try", DeliveryDetails))
async def get_delivery(request: Door) -> Answer:
    """When it was tried, what was answered, and how long that took."""
    asked = {"name": request.path_params["delivery_id"]}
    return json_answer(await _ask(request, "delivery", asked, DeliveryDetails))


@post(_DELIVERY + "/redeliver", status_code=200, opt=_acting("Send something again, now", DeliveryDetails))
async def redeliver(request: Door) -> Answer:
    """The same body, under the same webhook-id."""
    asked = {"name": request.path_params["delivery_id"]}
    return json_answer(await _ask(request, "redeliver", asked, DeliveryDetails))


ROUTES = [
    list_incidents,
    alert_incidents,
    mute,
    unmute,
    try_alert,
    try_channel,
    enable,
    rotate_secret,
    list_deliveries,
    get_delivery,
    redeliver,
]


async def _incidents(request: Door, of: str | None) -> Answer:
    asked = msgspec.to_builtins(read_query(request.scope["query_string"], IncidentQuery))
    return json_answer(await _ask(request, "incidents", {"of": of, **asked}, IncidentPage))


async def _mute(request: Door, until: datetime | None) -> Answer:
    name = request.path_params["name"]

    def muted(spec: Any) -> AlertSpec:
        if spec is None:
            raise InvalidBody(f"alert {name} cannot be read", fix="replace it with PUT")
        changed: AlertSpec = msgspec.structs.replace(spec, muted_until=until)
        return changed

    found = await _desk(request, alerts.KIND).change(name, None, muted)
    return json_answer(Muted(name=name, muted_until=found.spec.muted_until))


async def _test(request: Door, kind: str) -> Answer:
    asked = {"name": f"{kind}/{request.path_params['name']}"}
    return json_answer(await _ask(request, "test_alert", asked, Tested))


def _desk(request: Door, kind: Any) -> Desk:
    who = call_of(request.scope).who
    return Desk(gateway_of(request), kind, who.project, who.actor)


async def _ask(request: Door, query: str, asked: dict[str, Any], kind: Any) -> Any:
    project = call_of(request.scope).who.project
    return await gateway_of(request).state.alerting(query, {"project": project, **asked}, kind)
