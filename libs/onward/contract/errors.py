"""Every error Onward raises on purpose, with its stable code.

OnwardError
├── BadRequest (400)          the caller can mend it
│   ├── InvalidName, InvalidParameter, InvalidBody, InvalidInput (422), UnknownTask (422), UnknownQueue (422),
│   │   UnknownStep (422)
│   └── TooLarge (413)
├── Unauthorized (401)
├── Forbidden (403)           the API key has too small a scope
├── PolicyDenied (403)
├── NotFound (404)
├── Conflict (409)
│   ├── AlreadyEnded, AlreadyExists, NotRetryable, QuestionClosed, StillUsed
│   ├── ChangedMeanwhile (412)
│   └── KeyReused (422)
├── Unavailable (503)         try again after `retry_after`
│   └── StoreFull
├── FenceLost                 somebody appended first: read the log and decide again
├── Behind                    a read that does not reach the floor it was given
├── BrokenLog                 an ordinal is missing: reported, never folded over
├── Unreadable                a resource in CONFIG cannot be decoded
├── ValueLost                 a large value that is kept beside the log is missing or damaged
└── Misconfigured             start-up found a wrong setting
"""

from typing import ClassVar


class OnwardError(Exception):
    """Something went wrong that has a name: `code` is stable, `fix` says what to do."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str = "", *, fix: str = "", retry_after: float | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or self.code).strip())
        self.fix = fix
        self.retry_after = retry_after


class BadRequest(OnwardError):
    """The request cannot be carried out as it stands."""

    code = "bad_request"
    status = 400


class InvalidName(BadRequest):
    """A name holds characters that names may not hold."""

    code = "invalid_name"


class InvalidParameter(BadRequest):
    """A query parameter is unknown or has a value it may not have."""

    code = "invalid_parameter"


class InvalidBody(BadRequest):
    """The body is not JSON of the documented shape."""

    code = "invalid_body"


class InvalidInput(BadRequest):
    """The input does not match the schema of its task."""

    code = "invalid_input"
    status = 422


class UnknownTask(BadRequest):
    """No worker ever announced this task."""

    code = "unknown_task"
    status = 422


class UnknownAgent(BadRequest):
    """There is no such agent."""

    code = "unknown_agent"
    status = 422


class UnknownTeam(BadRequest):
    """There is no such team, or none of its agents exists."""

    code = "unknown_team"
    status = 422


class UnknownQueue(BadRequest):
    """No such queue."""

    code = "unknown_queue"
    status = 422


class UnknownStep(BadRequest):
    """No result of this step is saved."""

    code = "unknown_step"
    status = 422


class TooLarge(BadRequest):
    """The body, the input or the result is larger than allowed."""

    code = "too_large"
    status = 413


class Unauthorized(OnwardError):
    """The request has no valid API key."""

    code = "unauthorized"
    status = 401


class Forbidden(OnwardError):
    """The scope of this API key does not cover this."""

    code = "forbidden"
    status = 403


class PolicyDenied(OnwardError):
    """A policy forbids it."""

    code = "policy_denied"
    status = 403


class NotFound(OnwardError):
    """Nothing with this identity exists."""

    code = "not_found"
    status = 404


class Conflict(OnwardError):
    """What was asked does not fit the state the execution is in."""

    code = "conflict"
    status = 409


class AlreadyEnded(Conflict):
    """The execution has ended; its outcome stands."""

    code = "already_ended"


class NotRetryable(Conflict):
    """Only a failed or cancelled execution can be retried."""

    code = "not_retryable"


class QuestionClosed(Conflict):
    """The question was answered before, or its execution has ended."""

    code = "question_closed"


class AlreadyExists(Conflict):
    """There is a resource of this name already."""

    code = "already_exists"


class StillUsed(Conflict):
    """Something else still needs this resource."""

    code = "still_used"


class ChangedMeanwhile(Conflict):
    """The resource is not as `If-Match` says: somebody else has changed it."""

    code = "changed_meanwhile"
    status = 412


class KeyReused(Conflict):
    """This idempotency key was used before, with another body."""

    code = "idempotency_key_reused"
    status = 422


class Unavailable(OnwardError):
    """A part that this needs does not answer just now."""

    code = "unavailable"
    status = 503


class StoreFull(Unavailable):
    """The event store is at its size limit."""

    code = "store_full"


class FenceLost(OnwardError):
    """Somebody appended to this log first."""

    code = "fence_lost"
    status = 409

    def __init__(self, message: str = "", *, floor: int = 0) -> None:
        super().__init__(message)
        self.floor = floor


class Behind(Unavailable):
    """A read stopped below the position it had to reach."""

    code = "behind"


class BrokenLog(OnwardError):
    """A log has a hole: an ordinal is missing."""

    code = "broken_log"


class Unreadable(OnwardError):
    """What is stored of this resource cannot be read."""

    code = "unreadable"


class ValueLost(OnwardError):
    """A large input, result or saved state is missing from the object store, or damaged there."""

    code = "value_lost"


class Misconfigured(OnwardError):
    """A setting of a server or a service is wrong."""

    code = "misconfigured"
