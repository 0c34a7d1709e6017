"""API keys, and what a scope lets their holders do."""

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

Scope = Literal["read", "submit", "operate", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "submit", "operate", "admin")
"""Each includes those before it."""


SESSION = "session"
"""CONFIG kind of the keys that browsers hold in a cookie, and of the codes that sign one in."""
SIGN_IN = "sign-in"
"""The scope of such a code: it opens nothing, and is exchanged once."""


def covers(scope: str, needed: str) -> bool:
    """Whether a key of this scope may do what needs that one; a scope of a newer release opens nothing."""
    return scope in SCOPES and needed in SCOPES and SCOPES.index(scope) >= SCOPES.index(needed)


class KeySpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An API key, by the SHA-256 of its secret: CONFIG kind `key`."""

    KIND: ClassVar[str] = "key"

    id: str
    project: str
    sha256: str
    created_at: datetime
    name: str = ""
    revoked: bool = False
    scope: str = "admin"
    """What older releases stored had no scope, and could do everything."""
    expires_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    version: int = 1
    rotated_from: str | None = None
    """The key whose place it took."""

    session_of: str | None = None
    """Of a signed-in browser (CONFIG kind `session`): the key it signed in with, and falls with."""

    def open_at(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return not self.revoked and (self.expires_at is None or now < self.expires_at)
