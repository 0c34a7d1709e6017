"""How long to wait before the next try."""

import random


def full_jitter(failures: int, *, first: float = 0.1, cap: float = 5.0) -> float:
    """Returns a random delay in seconds whose upper bound doubles with each failure, up to the cap."""
    return random.uniform(0.0, min(cap, first * 2.0 ** min(max(failures, 1) - 1, 32)))
