"""What a call can end with besides an answer: a refusal, silence, or doubt."""

import json
from typing import Any

from onward.contract.errors import OnwardError


class ApiProblem(Exception):  # no OnwardError: its code is the server's, and belongs to the instance
    """The gateway refused: `code` is stable, `detail` the cause, `fix` what to do about it."""

    def __init__(
        self, code: str, status: int, detail: str, fix: str = "", *, body: dict[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.detail = detail
        self.fix = fix
        self.body = body or {}

    @classmethod
    def of(cls, status: int, raw: bytes) -> "ApiProblem":
        """Returns the problem in an answer; a body that is no problem+json still makes a sentence."""
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            told = raw[:200].decode("utf-8", "replace").strip()
            return cls(
                f"http_{status}",
                status,
                f"the server answered {status}{': ' + told if told else ''}",
                "check that the URL is the address of an Onward gateway",
            )
        detail = body.get("detail") or body.get("title") or f"the server answered {status}"
        return cls(
            str(body.get("code") or f"http_{status}"),
            status,
            str(detail),
            str(body.get("fix") or body.get("hint") or ""),
            body=body,
        )


class Unreachable(OnwardError):
    """The gateway does not answer."""

    code = "unreachable"
    status = 503


class OutcomeUnknown(Unreachable):
    """The connection was lost before the answer: what was asked may have happened or not."""

    code = "outcome_unknown"
