"""An exception of a task's code as the log keeps it."""

import sysconfig
import traceback
from pathlib import Path

import msgspec

from onward.contract.errors import OnwardError
from onward.contract.events import Failure
from onward.contract.fingerprint import fingerprint
from onward.contract.retry import RetryPolicy
from onward.worker.again import worth_it

MAX_MESSAGE, MAX_STACK = 4_000, 16_000


ANY = RetryPolicy()
_FRAMES = 5
_OURS = str(Path(__file__).resolve().parents[1])
_PATHS = sysconfig.get_paths()
_INSTALLED = (_PATHS["purelib"], _PATHS["platlib"])
_STANDARD = _PATHS["stdlib"]


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
    message = _clean(str(error))[:MAX_MESSAGE]
    return Failure(
        type=name,
        message=message,
        stack=_clean(stack)[-MAX_STACK:],
        retryable=not isinstance(error, OnwardError) and worth_it(error, retry),
        fingerprint=fingerprint(name, message, _frames(error)),
    )


def _frames(error: BaseException) -> list[str]:
    """Where it was raised, in the author's code; line numbers move with each release, functions rarely."""
    found = [
        (f.filename, f"{Path(f.filename).name}:{f.name}") for f in traceback.extract_tb(error.__traceback__)
    ]
    code = [(file, place) for file, place in found if not file.startswith((_OURS, "<frozen"))]
    own = [place for file, place in code if not _is_library(file)]
    return (own or [place for _, place in code])[-_FRAMES:]


def _is_library(file: str) -> bool:
    return file.startswith((*_INSTALLED, _STANDARD))


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
