"""Browsers: the key of a session comes in a cookie, and whatever changes something proves that our own page asks.

The cookie is HttpOnly and SameSite=Strict. The proof is a hash of it that only a page that was told it can send
(double submit): https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import hashlib
import hmac
from typing import Any

from onward.contract.errors import Forbidden
from onward.http.call import Call

COOKIE = "onward_session"
CSRF = b"x-onward-csrf"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def authorization(scope: Any, call: Call) -> bytes | None:
    """The Authorization of a request: its header, or its session's. Raises Forbidden for a change from elsewhere."""
    given = call.headers.get(b"authorization")
    if given is not None or (text := session_key(call)) is None:
        return given
    if scope["type"] == "http" and scope["method"] not in _SAFE:
        proof = call.headers.get(CSRF, b"").decode("latin-1")
        if not hmac.compare_digest(proof, csrf_of(text)):
            raise Forbidden(
                "a change with a session's cookie needs the session's token",
                fix=f"send what GET /api/v1/session says as `csrf` in the header {CSRF.decode()}",
            )
    return b"Bearer " + text.encode()


def session_key(call: Call) -> str | None:
    """The key in the session's cookie."""
    for part in call.headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE and value:
            return value
    return None


def csrf_of(text: str) -> str:
    """What a page must send beside the cookie that holds this key."""
    return hmac.new(text.encode(), b"onward csrf", hashlib.sha256).hexdigest()


def cookie(text: str, seconds: int, *, secure: bool) -> bytes:
    """The header that sets the cookie; no seconds take it away."""
    parts = [f"{COOKIE}={text}", "Path=/", f"Max-Age={seconds}", "HttpOnly", "SameSite=Strict"]
    return "; ".join([*parts, *(["Secure"] if secure else [])]).encode()
