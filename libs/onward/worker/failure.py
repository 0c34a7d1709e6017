"""An exception of a task's code as the log keeps it."""

import hashlib
import traceback

import msgspec

from onward.contract.errors import OnwardError
from onward.contract.events import Failure
from onward.contract.retry import RetryPolicy
from onward.worker.again import worth_it

MAX_MESSAGE, MAX_STACK = 4_000, 16_000


ANY = RetryPolicy()


def describe(error: BaseException, retry: RetryPolicy = ANY) -> Failure:
    """Type, message and stack, with a fingerprint of where it was raised; `retryable` where the policy admits it.

    That is decided here, where the exception and the types it inherits from are known.
    """
    told = getattr(error, "onward_failure", None)  # as the process told that it was raised in
    if isinstance(told, Failure):
        return msgspec.structs.replace(told, retryable=told.retryable and worth_it(error, retry))
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ in ("builtins", "__main__")
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    stack = "".join(traceback.format_exception(error))
    # The place and the type, not the message: the same fault with other data has the same fingerprint.
    frames = [f"{f.filename.rsplit('/', 1)[-1]}:{f.name}" for f in traceback.extract_tb(error.__traceback__)][
        -8:
    ]
    return Failure(
        type=name,
        message=_clean(str(error))[:MAX_MESSAGE],
        stack=_clean(stack)[-MAX_STACK:],
        retryable=not isinstance(error, OnwardError) and worth_it(error, retry),
        fingerprint=hashlib.blake2b("|".join([name, *frames]).encode(), digest_size=8).hexdigest(),
    )


def bad_input(error: msgspec.ValidationError) -> Failure:
    """The input does not fit the task's parameters: trying again is no use."""
    return Failure(type="invalid_input", message=_clean(str(error)), retryable=False)


def timed_out(message: str, retry: RetryPolicy | None) -> Failure:
    """A limit was reached: to the policy that is a TimeoutError; without one, trying again is no use."""
    return Failure(
        type="timed_out", message=message, retryable=retry is not None and retry.admits(TimeoutError)
    )


def _clean(text: str) -> str:
    # Postgres stores neither NUL nor lone surrogates.
    return text.replace("\0", "\\0").encode("utf-8", "replace").decode()
