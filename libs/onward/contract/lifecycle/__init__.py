"""The state machine of an execution: `advance` is the one fold of its log."""

from onward.contract.lifecycle.advance import TRANSITIONS, Refused, advance, fold
from onward.contract.lifecycle.guards import BY_OWNER

__all__ = ["BY_OWNER", "TRANSITIONS", "Refused", "advance", "fold"]
