"""How a task's code says how it ends, other than by returning: what it raises."""


class Fatal(Exception):
    """The task failed and trying again is no use."""


class ChildFailed(Fatal):
    """A child did not complete. Another attempt is no use; a retry by hand gives the child another life, too."""

    def __init__(self, child_id: str, outcome: str, type: str, message: str) -> None:
        super().__init__(
            f"child {child_id} {outcome}: {type}: {message}" if type else f"child {child_id} {outcome}"
        )
        self.child_id, self.outcome, self.type, self.message = child_id, outcome, type, message


class RetryAfter(Exception):
    """The attempt failed; try again after `seconds`, whatever the policy's backoff says."""

    def __init__(self, seconds: float, message: str = "") -> None:
        super().__init__(message or f"try again after {seconds} s")
        self.seconds = seconds


class InDoubt(Exception):
    """A step that runs at most once does not know whether it happened."""


class NotDone(Exception):
    """Raised by the `verify` of a step that is in doubt: it did not happen."""


class ProcessDied(Exception):
    """The process of a function with `process=True` ended before the function did."""


class Expired(TimeoutError):
    """Nobody answered, or no event came, in time. Another attempt would find the same, so there is none."""


class Interrupted(BaseException):
    """The attempt ends here: suspended, cancelled, or its log was taken over. Never caught by `except Exception`."""
