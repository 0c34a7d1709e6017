"""How long the fuzz tests look: `ONWARD_FUZZ=100` gives each a hundred times its examples."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("ONWARD_FUZZ", "1"))


def examples(count: int) -> settings:
    """Settings of a test that tries `count` examples, or more where a long session is asked for."""
    return settings(max_examples=count * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
