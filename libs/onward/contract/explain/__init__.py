"""Why an execution does not run, or why it ended: facts in, causes out. No clock, no I/O."""

from onward.contract.explain.causes import CODES, Cause
from onward.contract.explain.explain import Explanation, explain, in_line
from onward.contract.explain.facts import Facts, LimitFact, QueueFact, Standing, WorkerFact

__all__ = [
    "CODES",
    "Cause",
    "Explanation",
    "Facts",
    "LimitFact",
    "QueueFact",
    "Standing",
    "WorkerFact",
    "explain",
    "in_line",
]
