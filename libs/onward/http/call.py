"""What every layer needs to know of one request, read from its headers once."""

from typing import Any

import msgspec

from onward.contract.keys import Scope, covers
from onward.process.fresh import randomness
from onward.process.within import Within
from onward.telemetry import trace


class Principal(msgspec.Struct, frozen=True):
    """Who calls: the project and the actor come from the credential, and from nothing else."""

    project: str
    key_id: str
    actor: str
    scope: Scope = "read"

    def may(self, needed: str) -> bool:
        """Whether this is within its scope."""
        return covers(self.scope, needed)


class Call:
    """One request: its headers, its trace, and who makes it once that is known."""

    __slots__ = ("_bounds", "headers", "parent", "principal", "traceparent")

    def __init__(self, headers: dict[bytes, bytes], bounds: Within | None = None) -> None:
        self.headers = headers
        self._bounds = bounds
        given = headers.get(b"traceparent")
        self.parent = None if given is None else trace.accepted(given.decode("latin-1"))
        """The caller's trace context, where it brought one that can be read."""
        self.traceparent = self.parent or _fresh()
        """What goes on with everything that this request causes: its own span, once there is one."""
        self.principal: Principal | None = None

    @property
    def bounds(self) -> Within:
        """Bounds what this request waits for; one for all requests of a door."""
        if self._bounds is None:
            self._bounds = Within()
        return self._bounds

    @property
    def trace_id(self) -> str:
        """The W3C trace id, 32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def who(self) -> Principal:
        """Who makes this call; only for routes that need a key."""
        if self.principal is None:
            raise RuntimeError("a route without a key asks who calls")
        return self.principal


def call_of(scope: Any, bounds: Within | None = None) -> Call:
    """The call of an ASGI scope, made on first use."""
    state = scope.setdefault("state", {})
    call: Call | None = state.get("call")
    if call is None:
        call = state["call"] = Call(dict(scope.get("headers", ())), bounds)
    return call


def _fresh() -> str:
    """The beginning of a new trace."""
    made = randomness(24).hex()
    return f"00-{made[:32]}-{made[32:]}-01"
