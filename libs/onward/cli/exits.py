"""Exit codes, and how an error is told: its cause in one line, what to do in another, its code in brackets."""

from collections.abc import Mapping
from typing import Any, TextIO

from onward.cli import clean

COMPLETED = 0
FAILED = 1
REFUSED = 2
CANCELLED = 3
UNREACHABLE = 4
BROKEN = 70
INTERRUPTED = 130
PIPE_CLOSED = 141

EXPLAINED = """\b
Exit codes:
  0    done; when waiting: the execution completed
  1    when waiting: the execution failed; of doctor: something is wrong
  2    refused, or used wrongly
  3    when waiting: the execution was cancelled
  4    the platform cannot be reached, or cannot serve just now
  130  interrupted by Ctrl-C; the execution goes on"""

_OUTCOMES = {"completed": COMPLETED, "failed": FAILED, "cancelled": CANCELLED}


class Told(Exception):
    """Ends a command with an exit code, a cause and a fix."""

    def __init__(self, message: str, *, fix: str = "", code: str = "refused", status: int = REFUSED) -> None:
        super().__init__(message)
        self.fix = fix
        self.code = code
        self.exit_code = status


def outcome(execution: Mapping[str, Any]) -> int:
    """Returns the exit code for how an execution ended."""
    return _OUTCOMES[execution["status"]]


def report(error: BaseException, to: TextIO) -> int:
    """Tells what went wrong, and returns the exit code for it."""
    message, code, fix, status = _facts(error)
    lines = [one for one in clean.text(message).splitlines() if one.strip()] or [type(error).__name__]
    to.write(f"error: {lines[0]} [{code}]\n")
    to.writelines(f"  {line}\n" for line in lines[1:])
    if fix:
        to.write(f"  fix: {clean.cell(fix)}\n")
    return status


def _facts(error: BaseException) -> tuple[str, str, str, int]:
    from onward.client.problem import ApiProblem, Unreachable
    from onward.contract.errors import OnwardError

    if isinstance(error, Told):
        return str(error), error.code, error.fix, error.exit_code
    if isinstance(error, ApiProblem):
        wrong = error.body.get("errors") or []
        each = [f"{one.get('pointer')}: {one.get('detail')}" for one in wrong if isinstance(one, dict)]
        told = "\n".join([error.detail, *each]) if len(each) > 1 else error.detail
        if error.status >= 500 and (trace := error.body.get("trace_id")):
            told += f"\ntrace {trace}"
        return (
            told,
            error.code,
            error.fix or _usual_fix(error),
            UNREACHABLE if error.status >= 500 else REFUSED,
        )
    if isinstance(error, OnwardError):
        return str(error), error.code, error.fix, UNREACHABLE if isinstance(error, Unreachable) else REFUSED
    told = f"{type(error).__name__}: {error}"
    return told, "internal_error", "this should not happen: --debug shows where it did", BROKEN


def _usual_fix(problem: Any) -> str:
    if problem.status == 401:
        return "set ONWARD_API_KEY, or use the profile that `onward up` writes"
    if problem.status in {429, 503}:
        return "try again in a moment; `onward doctor` says what is missing"
    return ""
