"""Why an execution does not run, or why it ended: facts in, causes out. No clock, no I/O."""

from onward.contract.explain.causes import CODES, Cause
from onward.contract.explain.explain import Explanation, explain, in_line
from onward.contract.explain.facts import Facts, HolderFact, LimitFact, QueueFact, Standing, WorkerFact

__all__ = [
    "CODES",
    "Cause",
    "Explanation",
    "Facts",
    "HolderFact",
    "LimitFact",
    "QueueFact",
    "Standing",
    "WorkerFact",
    "explain",
    "in_line",
]
