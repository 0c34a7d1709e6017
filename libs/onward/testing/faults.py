"""What may go wrong between a process and the bus, and how often."""

import msgspec


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Chances (0 to 1) and the longest delays in seconds; what really happens is drawn from the bus' own random."""

    delay: float = 0.0
    """A request, and again its reply, travels up to so long."""
    unanswered: float = 0.0
    """No reply: the request got lost, or its reply did, or it is carried out after the caller gave up."""
    stale: float = 0.0
    """A read answers as of an earlier moment (PROTOCOL V1)."""
    lag: float = 0.0
    """A wake event becomes a hint, a due date a timer, up to so much later."""
    redelivery: float = 0.0
    """A hint is handed out a second time though its worker renews it, as after a restart of the server."""


CALM = Faults()
"""Nothing goes wrong."""

ROUGH = Faults(delay=0.05, unanswered=0.05, stale=0.2, lag=0.3, redelivery=0.15)
"""A bad day: still a fraction of the time, so that work gets done."""
