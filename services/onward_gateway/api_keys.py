"""/api-keys: who may come in, and what they may do. A key itself is shown once, when it is made or rotated."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from litestar import delete, get, post

from onward.contract.errors import AlreadyExists, FenceLost, NotFound, StillUsed, Unavailable
from onward.contract.keys import SCOPES, KeySpec, Scope
from onward.http.answer import Answer, json_answer
from onward.http.auth import new_key
from onward.http.call import Principal, call_of
from onward.http.query import read_query
from onward_gateway import paging
from onward_gateway.control import command_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.resources.kind import wrong
from onward_gateway.routes import Door, NoQuery, Operation, describe

PATH = "/api/v1/api-keys"
ONE_KEY = PATH + "/{key_id:str}"
_YEAR = timedelta(days=366)
_TRIES = 5
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make: its name stands in the history of all it does."""

    name: Name
    scope: Scope = "submit"
    expires_at: datetime | None = None


class RotateKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to replace by another one; the old one opens for `grace` seconds more."""

    grace: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without what opens."""

    id: str
    name: str
    scope: str
    status: Literal["open", "expired", "revoked"]
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    updated_at: datetime | None
    updated_by: str | None
    rotated_from: str | None


class MadeKey(KeyView, frozen=True, kw_only=True):
    """The same right after it was made: `key` is shown this once."""

    key: str


_new = msgspec.json.Decoder(NewKey)
_rotate = msgspec.json.Decoder(RotateKey)


@post(
    PATH,
    opt=describe(
        Operation(
            summary="Make an API key of this project; the answer shows it once",
            query=NoQuery,
            body=NewKey,
            answers={201: MadeKey},
            refuses=(400, 409, 415, 503),
        ),
        scope="admin",
    ),
)
async def create_key(request: Door) -> Answer:
    """Stores the hash of a fresh key."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    asked = await command_of(request, _new)
    now = gateway.clock()
    if asked.expires_at is not None:
        if asked.expires_at.tzinfo is None:
            raise wrong("/expires_at", "it needs an offset, as in 2030-01-31T08:00:00Z")
        if not now < asked.expires_at <= now + 10 * _YEAR:
            raise wrong("/expires_at", "it is not within the next ten years")
    if any(key.name == asked.name and key.open_at(now) for key in _keys(gateway, who.project).values()):
        raise AlreadyExists(
            f"there is an open key named {asked.name!r}", fix="rotate or revoke it, or take another name"
        )
    text, spec = new_key(who.project, now=now, name=asked.name, scope=asked.scope)
    spec = msgspec.structs.replace(spec, expires_at=asked.expires_at, created_by=who.actor)
    await _write(gateway, who, spec, 0)
    return _made(text, spec, now)


@get(
    PATH,
    opt=describe(
        Operation(
            summary="The API keys of this project, the newest first",
            query=paging.Paging,
            answers={200: paging.page_of(KeyView)},
            refuses=(400,),
        ),
        scope="admin",
    ),
)
async def list_keys(request: Door) -> Answer:
    """Every key, those that open nothing any more as well."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    asked = read_query(request.scope["query_string"], paging.Paging)
    found = sorted(
        _keys(gateway, who.project).values(), key=lambda key: (key.created_at, key.id), reverse=True
    )
    part = paging.page(found, asked)
    now = gateway.clock()
    return json_answer(
        paging.Page(items=[_view(key, now) for key in part.items], next_cursor=part.next_cursor)
    )


@get(
    ONE_KEY,
    opt=describe(
        Operation(summary="Get one API key", query=NoQuery, answers={200: KeyView}, refuses=(400, 404)),
        scope="admin",
    ),
)
async def get_key(request: Door) -> Answer:
    """One key, by its id."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    read_query(request.scope["query_string"], NoQuery)
    key, _ = await _find(gateway, who, request.path_params["key_id"])
    return json_answer(_view(key, gateway.clock()))


@post(
    ONE_KEY + "/rotate",
    opt=describe(
        Operation(
            summary="Replace an API key by a new one of its name and scope; the answer shows that once",
            query=NoQuery,
            body=RotateKey,
            answers={201: MadeKey},
            refuses=(400, 404, 409, 415, 503),
        ),
        scope="admin",
    ),
)
async def rotate_key(request: Door) -> Answer:
    """Makes the new one first: whatever fails in between, one of them opens."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    asked = await command_of(request, _rotate)
    now = gateway.clock()
    old, _ = await _find(gateway, who, request.path_params["key_id"])
    if not old.open_at(now):
        raise StillUsed("this key opens nothing any more", fix="make a new one")
    text, spec = new_key(who.project, now=now, name=old.name, scope=_scope(old.scope))
    spec = msgspec.structs.replace(spec, expires_at=old.expires_at, created_by=who.actor, rotated_from=old.id)
    await _write(gateway, who, spec, 0)
    until = now + timedelta(seconds=asked.grace)
    if old.expires_at is not None:
        until = min(until, old.expires_at)
    change: dict[str, object] = {"expires_at": until} if asked.grace else {"revoked": True}
    await _change(gateway, who, old.id, change)
    return _made(text, spec, now)


@delete(
    ONE_KEY,
    status_code=200,
    opt=describe(
        Operation(
            summary="Revoke an API key: within 5 s it opens nothing, and what it holds open is closed",
            query=NoQuery,
            answers={200: KeyView},
            refuses=(400, 404, 409, 503),
        ),
        scope="admin",
    ),
)
async def revoke_key(request: Door) -> Answer:
    """Its hash is kept, so that nobody gets its id again. A second time changes nothing."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    read_query(request.scope["query_string"], NoQuery)
    key, _ = await _find(gateway, who, request.path_params["key_id"])
    if not key.revoked:
        _check_not_last(gateway, who.project, key)
        key = await _change(gateway, who, key.id, {"revoked": True})
    return json_answer(_view(key, gateway.clock()))


def _scope(text: str) -> Scope:
    """The scope of a key that was found open, so that this release knows it."""
    return next((scope for scope in SCOPES if scope == text), "read")


def _check_not_last(gateway: Gateway, project: str, key: KeySpec) -> None:
    now = gateway.clock()
    others = (one for one in _keys(gateway, project).values() if one.id != key.id)
    stays = any(one.scope == "admin" and one.open_at(now) and one.expires_at is None for one in others)
    if key.scope == "admin" and key.open_at(now) and not stays:
        raise StillUsed(
            "this is the last admin key that does not expire", fix="make another one first, or rotate it"
        )


def _keys(gateway: Gateway, project: str) -> dict[str, KeySpec]:
    names = gateway.known.config.items(project, KeySpec.KIND)
    found = {name: gateway.known.key(project, name) for name in names}
    return {name: key for name, key in found.items() if key is not None}


async def _find(gateway: Gateway, who: Principal, key_id: str) -> tuple[KeySpec, int]:
    found = None
    if key_id.isalnum() and key_id.isascii():
        found = await gateway.known.config.newest(who.project, KeySpec.KIND, key_id)
    if found is None:
        raise NotFound(f"there is no API key {key_id[:80]!r}", fix=f"GET {PATH} lists all")
    try:
        return msgspec.json.decode(found[0], type=KeySpec), found[1]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise NotFound(f"API key {key_id} cannot be read; it opens nothing") from None


async def _change(gateway: Gateway, who: Principal, key_id: str, change: dict[str, object]) -> KeySpec:
    for _ in range(_TRIES):
        key, sequence = await _find(gateway, who, key_id)
        key = msgspec.structs.replace(
            key, **change, updated_at=gateway.clock(), updated_by=who.actor, version=key.version + 1
        )
        try:
            await _write(gateway, who, key, sequence)
        except FenceLost:
            continue
        return key
    raise Unavailable("others write this all the time", retry_after=1)


async def _write(gateway: Gateway, who: Principal, key: KeySpec, expected: int) -> None:
    data = msgspec.json.encode(key)
    await gateway.known.config.write(who.project, KeySpec.KIND, key.id, data, expected, who.actor)


def _view(key: KeySpec, now: datetime) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        scope=key.scope,
        status="revoked" if key.revoked else "open" if key.open_at(now) else "expired",
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        updated_at=key.updated_at,
        updated_by=key.updated_by,
        rotated_from=key.rotated_from,
    )


def _made(text: str, key: KeySpec, now: datetime) -> Answer:
    return json_answer(MadeKey(**msgspec.structs.asdict(_view(key, now)), key=text), 201)
