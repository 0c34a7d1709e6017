"""API keys: who may come in, and as whom. A route needs a key unless it says `public` itself."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import ipaddress
import os
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from onward.contract.errors import Forbidden, OnwardError, Unauthorized, Unavailable
from onward.contract.ids import check_name
from onward.contract.keys import SCOPES, KeySpec, Scope
from onward.http import browser
from onward.http.answer import refuse_socket
from onward.http.call import Principal, call_of
from onward.http.load import Load
from onward.process.loop import utc_now

Receive = Callable[[], Any]
Send = Callable[[Any], Any]
App = Callable[[Any, Any, Any], Any]
FindKey = Callable[[str, str], KeySpec | None]

PUBLIC = "public"
"""The member of a route's `opt` that opens it: True, or "loopback" for callers on this machine. Absent: a key."""
SCOPE = "scope"
"""The member that says which scope a key needs; without it, routes that only read need `read`."""
CHECK_KEY_SECONDS = 1.5
"""How often the key of who stays connected is looked at again."""

# The tail has a fixed length, so a project whose name holds underscores is still read in one way only.
_KEY = re.compile(r"ow_(?P<project>[a-z0-9][a-z0-9_-]{0,62})_(?P<id>[a-z0-9]{12})_[A-Za-z0-9_-]{43}")
_LONGEST = 4 + 63 + 1 + 12 + 1 + 43
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_NEEDED = "send the header `Authorization: Bearer ow_…`"


def new_key(
    project: str,
    *,
    now: datetime,
    name: str = "",
    scope: Scope = "admin",
    random: Callable[[int], bytes] = os.urandom,
) -> tuple[str, KeySpec]:
    """A fresh key and what is stored of it; the text is shown once and kept nowhere."""
    check_name("project", project)
    public_id = "".join(_LETTERS[byte % len(_LETTERS)] for byte in random(12))
    secret = base64.urlsafe_b64encode(random(32)).rstrip(b"=").decode()
    text = f"ow_{project}_{public_id}_{secret}"
    spec = KeySpec(
        id=public_id, project=project, sha256=_digest(text), created_at=now, name=name, scope=scope
    )
    return text, spec


class KeyRing:
    """Tells from an Authorization header who calls; `find(project, public id)` looks a key up."""

    def __init__(self, find: FindKey, now: Callable[[], datetime] = utc_now) -> None:
        self._find = find
        self._now = now

    def verify(self, authorization: bytes | None) -> Principal:
        """Who calls. Raises Unauthorized for whatever is not a known, unrevoked key."""
        if authorization is None:
            raise Unauthorized("this needs an API key", fix=_NEEDED)
        scheme, _, given = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            raise Unauthorized("this is not an API key", fix=_NEEDED)
        spec = self.spec(given.strip(b" ").decode("latin-1"))
        if spec.scope not in SCOPES:
            raise Forbidden(f"this release does not know the scope {spec.scope[:40]!r} of this API key")
        return Principal(spec.project, spec.id, f"key:{spec.name or spec.id}", spec.scope)

    def spec(self, text: str) -> KeySpec:
        """What is stored of a key that is open now. Raises Unauthorized for any other."""
        parts = _KEY.fullmatch(text) if len(text) <= _LONGEST else None
        if parts is None:
            raise Unauthorized("this is not an API key", fix=_NEEDED)
        spec = self._find(parts["project"], parts["id"])
        # Hashed and compared whether it is known or not: the time tells nobody which ids exist.
        known = hmac.compare_digest(_digest(text), spec.sha256 if spec else _digest(""))
        if spec is None or not known or spec.project != parts["project"] or spec.id != parts["id"]:
            raise Unauthorized(
                "this API key is not known", fix="`onward up` wrote a key into the CLI's profile"
            )
        if spec.revoked:
            raise Unauthorized("this API key was revoked", fix="ask for a new one")
        if not spec.open_at(self._now()):
            raise Unauthorized("this API key has expired", fix="ask for a new one")
        if spec.session_of is not None:
            behind = self._find(spec.project, spec.session_of)
            if behind is None or not behind.open_at(self._now()):
                raise Unauthorized("the API key behind this session was revoked", fix="sign in again")
        return spec


def named_project(authorization: bytes | None) -> str | None:
    """The project that a key names which may open nothing."""
    text = (authorization or b"").decode("latin-1").rpartition(" ")[2]
    parts = _KEY.fullmatch(text) if len(text) <= _LONGEST else None
    return parts["project"] if parts else None


async def until_revoked(ring: KeyRing, authorization: bytes | None) -> None:
    """Never ends, but raises Unauthorized once the key is not valid any more."""
    while True:
        await asyncio.sleep(CHECK_KEY_SECONDS)
        may_still(ring, authorization)


def may_still(ring: KeyRing, authorization: bytes | None) -> None:
    """Raises Unauthorized where the key is not valid any more; where nobody can tell, it is."""
    with contextlib.suppress(Unavailable):
        ring.verify(authorization)


def authenticated(app: App, ring: KeyRing, load: Load) -> App:
    """`app` behind the key ring: who calls is in the call, or the request is refused before its body is read.

    Made a middleware of the framework, so that it runs once the route is known. Overload spares public routes.
    """

    async def guarded(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await app(scope, receive, send)
            return
        call = call_of(scope)
        if not _open(scope):
            try:
                load.check()
                call.principal = ring.verify(browser.authorization(scope, call))
                check(call.principal, needed(scope["route_handler"]))
            except OnwardError as error:
                if scope["type"] == "http":
                    raise
                await refuse_socket(scope, send, error)
                return
        await app(scope, receive, send)

    return guarded


def needed(handler: Any) -> Scope | None:
    """The scope that a key needs for a route; None where that says nothing, so that it opens to nobody."""
    found: Scope | None = handler.opt.get(SCOPE)
    methods = {str(getattr(method, "value", method)) for method in getattr(handler, "http_methods", ())}
    return "read" if found is None and methods and methods <= {"GET", "HEAD"} else found


def check(who: Principal, scope: Scope | None) -> None:
    """Raises Forbidden where the key does not cover it."""
    if scope is None:
        raise Forbidden("this route names no scope, so that it opens to nobody")
    if not who.may(scope):
        raise Forbidden(
            f"this needs an API key of scope {scope}; this one has {who.scope}",
            fix=f"`onward key create NAME --scope {scope}` makes one",
        )


def unruled(handlers: Iterable[Any]) -> list[str]:
    """The routes that say neither which scope they need nor that they are public."""
    return sorted(
        path
        for handler in handlers
        if not handler.opt.get(PUBLIC) and needed(handler) is None
        for path in handler.paths
    )


def _open(scope: Any) -> bool:
    public = scope["route_handler"].opt.get(PUBLIC, False)
    return public is True or (public == "loopback" and _from_this_machine(scope))


def _from_this_machine(scope: Any) -> bool:
    """Whether the caller is on loopback, and nobody forwarded the request."""
    headers = call_of(scope).headers
    if b"forwarded" in headers or b"x-forwarded-for" in headers:
        return False
    try:
        return ipaddress.ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
