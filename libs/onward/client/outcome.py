"""When an execution is over for whoever waits for it."""

from collections.abc import Mapping
from typing import Any

ENDED = frozenset({"completed", "failed", "cancelled"})


def has_ended(execution: Mapping[str, Any]) -> bool:
    """Says whether the outcome stands; a failure that is held for a person ends no life."""
    return execution["status"] in ENDED and execution.get("reason") != "held"
