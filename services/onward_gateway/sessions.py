"""/session: a browser signs in with a code or a key, and gets a key of its own in a cookie that no script can read."""

from datetime import datetime, timedelta

import msgspec
from litestar import delete, get, post

from onward.contract.errors import FenceLost, Forbidden, InvalidBody, Unauthorized
from onward.contract.keys import SCOPES, SESSION, SIGN_IN, KeySpec
from onward.http import browser
from onward.http.answer import Answer, json_answer
from onward.http.auth import new_key
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.control import command_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import Door, NoQuery, Operation, describe

PATH = "/api/v1/session"
LINKS = "/api/v1/sign-in-links"
_ACTOR = "gateway"
LIFE = timedelta(hours=12)
CODE_LIFE = timedelta(minutes=5)


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proof of who signs in: the code of a link, once, or an API key."""

    code: str | None = None
    key: str | None = None


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in; `csrf` goes with every change, in the header X-Onward-Csrf."""

    project: str
    actor: str
    scope: str
    csrf: str | None
    expires_at: datetime | None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An address that signs in whoever opens it first. The code stands behind the #, so it reaches no log."""

    path: str
    expires_at: datetime


_sign_in = msgspec.json.Decoder(SignIn)


@post(
    LINKS,
    opt=describe(
        Operation(
            summary="Make a link that signs a browser in, once",
            query=NoQuery,
            answers={201: Link},
            refuses=(503,),
        ),
        scope="read",
    ),
)
async def make_link(request: Door) -> Answer:
    """The code is as good as the key that asks, for five minutes and one use."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    read_query(request.scope["query_string"], NoQuery)
    text, spec = _fresh(gateway, who.project, who.key_id, "read", CODE_LIFE)
    await _write(gateway, msgspec.structs.replace(spec, scope=SIGN_IN), 0)
    return json_answer(Link(path=f"/sign-in#code={text}", expires_at=gateway.clock() + CODE_LIFE), 201)


@post(
    PATH,
    opt=describe(
        Operation(
            summary="Sign a browser in",
            query=NoQuery,
            body=SignIn,
            answers={200: SessionView},
            refuses=(400, 401, 415, 503),
        ),
        public=True,
    ),
)
async def sign_in(request: Door) -> Answer:
    """Gives the browser a key of its own: with the scope of the one behind it, for twelve hours."""
    gateway = gateway_of(request)
    asked = await command_of(request, _sign_in)
    if (asked.code is None) == (asked.key is None):
        raise InvalidBody("give either a code or a key", fix="`onward open` makes a link with a code")
    behind = (
        await _redeemed(gateway, asked.code) if asked.code is not None else gateway.keys.spec(asked.key or "")
    )
    if behind.session_of is not None:
        raise Unauthorized("a session signs nobody else in", fix="use an API key")
    if behind.scope not in SCOPES:
        raise Unauthorized("this signs nobody in", fix="`onward open` makes a link that does")
    text, spec = _fresh(gateway, behind.project, behind.id, behind.scope, LIFE)
    spec = msgspec.structs.replace(spec, name=behind.name or behind.id)
    await _write(gateway, spec, 0)
    gateway.later(_forget_expired(gateway, behind.project))
    secure = (
        call_of(request.scope).headers.get(b"x-forwarded-proto") == b"https"
        or request.scope["scheme"] == "https"
    )
    headers = ((b"set-cookie", browser.cookie(text, int(LIFE.total_seconds()), secure=secure)),)
    return json_answer(_view(spec, text), 200, headers)


@get(
    PATH,
    opt=describe(
        Operation(
            summary="Who is signed in; null for nobody",
            query=NoQuery,
            answers={200: SessionView},
            refuses=(400,),
        ),
        public=True,
    ),
)
async def get_session(request: Door) -> Answer:
    """A page asks this first, and nobody is refused for not being signed in. A key in a header has no token."""
    gateway, call = gateway_of(request), call_of(request.scope)
    read_query(request.scope["query_string"], NoQuery)
    try:
        who = gateway.keys.verify(browser.authorization(request.scope, call))
    except (Unauthorized, Forbidden):
        return json_answer(None)
    text = browser.session_key(call) if b"authorization" not in call.headers else None
    spec = gateway.known.key(who.project, who.key_id)
    return json_answer(None if spec is None else _view(spec, text))


@delete(
    PATH,
    status_code=200,
    opt=describe(
        Operation(summary="Sign out", query=NoQuery, answers={200: SessionView}, refuses=(400, 503)),
        scope="read",
    ),
)
async def sign_out(request: Door) -> Answer:
    """The key in the cookie opens nothing any more; an API key stays what it is."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    read_query(request.scope["query_string"], NoQuery)
    spec = gateway.known.key(who.project, who.key_id)
    if spec is None:
        raise Unauthorized("this session is over", fix="sign in again")
    if spec.session_of is not None:
        await _forget(gateway, spec)
    return json_answer(_view(spec, None), 200, ((b"set-cookie", browser.cookie("", 0, secure=False)),))


def _view(spec: KeySpec, text: str | None) -> SessionView:
    return SessionView(
        project=spec.project,
        actor=f"key:{spec.name or spec.id}",
        scope=spec.scope,
        csrf=None if text is None else browser.csrf_of(text),
        expires_at=spec.expires_at,
    )


def _fresh(gateway: Gateway, project: str, behind: str, scope: str, life: timedelta) -> tuple[str, KeySpec]:
    now = gateway.clock()
    text, spec = new_key(project, now=now)
    return text, msgspec.structs.replace(spec, scope=scope, session_of=behind, expires_at=now + life)


async def _redeemed(gateway: Gateway, code: str) -> KeySpec:
    """The key behind a code, which is used up with that. Raises Unauthorized."""
    spec = gateway.keys.spec(code)
    behind = gateway.known.key(spec.project, spec.session_of or "")
    newest = await gateway.known.config.newest(spec.project, SESSION, spec.id)
    if spec.scope != SIGN_IN or behind is None or newest is None:
        raise Unauthorized("this link was used before", fix="`onward open` makes a new one")
    try:
        await gateway.known.config.write(spec.project, SESSION, spec.id, b"", newest[1], _ACTOR)
    except FenceLost:
        raise Unauthorized("this link was used before", fix="`onward open` makes a new one") from None
    return behind


async def _write(gateway: Gateway, spec: KeySpec, expected: int) -> None:
    data = msgspec.json.encode(spec)
    await gateway.known.config.write(spec.project, SESSION, spec.id, data, expected, f"key:{spec.session_of}")


async def _forget(gateway: Gateway, spec: KeySpec) -> None:
    await gateway.known.config.write(spec.project, SESSION, spec.id, b"", None, f"key:{spec.session_of}")


async def _forget_expired(gateway: Gateway, project: str) -> None:
    now = gateway.clock()
    for name in list(gateway.known.config.items(project, SESSION)):
        spec = gateway.known.key(project, name)
        if spec is None or not spec.open_at(now):
            await gateway.known.config.write(project, SESSION, name, b"", None, _ACTOR)


ROUTES = (make_link, sign_in, get_session, sign_out)
