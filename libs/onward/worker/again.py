"""Whether what has failed is tried again, and when: the policy, the exception, and the time that is left."""

from collections.abc import Callable

from onward.contract.retry import RetryPolicy
from onward.tasks.outcome import Expired, Fatal, RetryAfter


def worth_it(error: BaseException, retry: RetryPolicy) -> bool:
    """Whether another try may help. What is raised may say so itself (RetryAfter, Fatal); else the policy decides."""
    if isinstance(error, Fatal | Expired):
        return False
    return isinstance(error, RetryAfter) or retry.admits(type(error))


def again_after(
    error: Exception, retry: RetryPolicy, tries: int, elapsed: float, random: Callable[[], float]
) -> float | None:
    """Seconds until a step is tried again that has failed so many times, so long after its beginning; None: never."""
    delay = retry.delay(tries, random) if worth_it(error, retry) else None
    if delay is None:
        return None
    if isinstance(error, RetryAfter):
        delay = error.seconds
    return None if retry.max_elapsed is not None and elapsed + delay > retry.max_elapsed else delay
