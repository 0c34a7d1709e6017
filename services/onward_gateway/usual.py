"""What an execution gets where it says nothing itself: what its task says, then its queue, then the defaults."""

from typing import NamedTuple

from onward.contract.events import TimeoutPolicy
from onward.contract.places import QueueSpec
from onward.contract.retry import RetryPolicy
from onward.contract.submission import TaskSpec

_SAYS_NOTHING = TaskSpec(name="")


class Usual(NamedTuple):
    """What goes without saying."""

    priority: int
    retry: RetryPolicy
    timeouts: TimeoutPolicy


def usual_for(task: TaskSpec, queue: QueueSpec | None) -> Usual:
    """What a task and a queue make of it. A task that announces a default says nothing."""
    found = Usual(task.priority, task.retry, task.timeouts)
    if queue is None:
        return found
    nothing = _SAYS_NOTHING
    return Usual(
        queue.priority if queue.priority and task.priority == nothing.priority else found.priority,
        queue.retry if queue.retry and task.retry == nothing.retry else found.retry,
        queue.timeouts if queue.timeouts and task.timeouts == nothing.timeouts else found.timeouts,
    )
