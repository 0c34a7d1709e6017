"""Tells the audit what was refused, without delaying the refusal."""

import math
from collections.abc import Callable
from typing import Any

from onward.contract.audit import Refusal
from onward.contract.errors import OnwardError
from onward.http.auth import named_project
from onward.http.call import Principal, call_of

BURST = 200.0
A_SECOND = 20.0
_SHOWN = 200
_READS = {"GET", "HEAD", "OPTIONS"}
Tell = Callable[[Refusal], None]


class Refusals:
    """Of more than `BURST` at once, or `A_SECOND` for long, only the number is told: nobody fills a disk so."""

    def __init__(self, tell: Tell, clock: Callable[[], Any], monotonic: Callable[[], float]) -> None:
        self._tell, self._clock, self._monotonic = tell, clock, monotonic
        self._left, self._at, self._left_out = BURST, monotonic(), 0

    def hear(self, scope: Any, error: OnwardError) -> None:
        """A request was refused with this."""
        if not _worth_telling(str(scope.get("method", "")), error.status):
            return
        now = self._monotonic()
        self._left, self._at = min(BURST, self._left + (now - self._at) * A_SECOND), now
        if self._left < 1:
            self._left_out += 1
            return
        self._left -= 1
        call = call_of(scope)
        left_out, self._left_out = self._left_out, 0
        self._tell(
            Refusal(
                at=self._clock(),
                project=_project(call.principal, call.headers.get(b"authorization")),
                method=scope["method"],
                path=scope["path"][:_SHOWN],
                status=error.status,
                code=error.code,
                detail=str(error)[:_SHOWN],
                actor=call.principal.actor if call.principal else None,
                address=(scope.get("client") or (None,))[0],
                trace_id=call.trace_id,
                left_out=left_out,
            )
        )


def _worth_telling(method: str, status: int) -> bool:
    if status in {401, 403}:
        return True
    return method not in _READS and math.floor(status / 100) == 4 and status != 429


def _project(who: Principal | None, authorization: bytes | None) -> str:
    """That of the key; of a key that opened nothing, the project it names: its admins see who tries."""
    return who.project if who is not None else named_project(authorization) or "default"
