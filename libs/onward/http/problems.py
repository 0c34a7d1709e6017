"""Refusals as application/problem+json (RFC 9457): a stable code, the cause in words, and what to do about it."""

import logging
import math
import re
from typing import Any

import msgspec

from onward.contract.errors import BadRequest, NotFound, OnwardError, Unauthorized, Unavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = b"application/problem+json"
_POINTER = re.compile(r"(/[\w.-]+)+")
_SHOWN = 200  # characters of an address that are repeated in an answer


class FieldError(msgspec.Struct, frozen=True):
    """One member of a body or a query that is wrong: where (a JSON pointer or a parameter's name), and why."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every refusal."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str | None
    instance: str | None
    trace_id: str | None
    errors: tuple[FieldError, ...]


class UnsupportedMedia(BadRequest):
    """The body has a type or a coding that is not read here."""

    code = "unsupported_media_type"
    status = 415


class MethodNotAllowed(BadRequest):
    """This address does not know this method."""

    code = "method_not_allowed"
    status = 405


class BodyTimeout(BadRequest):
    """The body did not arrive in time."""

    code = "body_timeout"
    status = 408


class Overloaded(Unavailable):
    """More is asked of this service than it can do just now."""

    code = "overloaded"


class TooManyRequests(OnwardError):
    """More waits in the queues of this project than its quota allows."""

    code = "too_many_requests"
    status = 429


class InternalError(OnwardError):
    """Something broke in here."""


def blaming(error: OnwardError, *errors: FieldError) -> OnwardError:
    """`error`, which also names the members that are wrong."""
    vars(error)["errors"] = errors
    return error


def problem_of(error: OnwardError, *, instance: str | None, trace_id: str | None) -> Problem:
    """`error` as it is shown."""
    kind = type(error)
    return Problem(
        type=f"urn:onward:error:{kind.code}",
        title=(kind.__doc__ or kind.code).strip().splitlines()[0].rstrip("."),
        status=kind.status,
        code=kind.code,
        detail=str(error),
        hint=error.fix or None,
        instance=instance[:_SHOWN] if instance else None,
        trace_id=trace_id,
        errors=vars(error).get("errors") or _named(str(error)),
    )


def _named(detail: str) -> tuple[FieldError, ...]:
    """The member that a refusal begins with, as `/cron: bad minute`: what decides purely knows no Problems."""
    pointer, colon, what = detail.partition(": ")
    return (FieldError(pointer, what),) if colon and _POINTER.fullmatch(pointer) else ()


def headers_of(error: OnwardError) -> list[tuple[bytes, bytes]]:
    """The headers that this refusal needs beside its body."""
    headers = [
        (b"content-type", MEDIA_TYPE),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if isinstance(error, Unauthorized):
        headers.append((b"www-authenticate", b'Bearer realm="onward"'))
    if error.status in {429, 503}:
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after or 1))).encode()))
    if isinstance(error, MethodNotAllowed) and (allowed := vars(error).get("allowed")):
        headers.append((b"allow", allowed.encode()))
    return headers


def named(error: Exception) -> OnwardError:
    """`error` as one that has a code: the framework's refusals get theirs, and nothing inside leaks out."""
    if isinstance(error, OnwardError):
        return error
    status = getattr(error, "status_code", 500)
    if status == 404:
        return NotFound(
            "there is nothing at this address", fix="GET /api/v1/openapi.json lists what there is"
        )
    if status == 405:
        refusal = MethodNotAllowed(
            "this address does not know this method", fix="the Allow header names those it knows"
        )
        vars(refusal)["allowed"] = (getattr(error, "headers", None) or {}).get("allow", "")
        return refusal
    if isinstance(status, int) and 400 <= status < 500:
        return BadRequest(str(getattr(error, "detail", "")) or "the request cannot be read")
    log.error("a request broke", exc_info=error)
    return InternalError("something broke in here; it is in this service's log under the trace id")


def to_answer(
    error: Exception, scope: Any, trace_id: str | None
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body with which `error` refuses the request in `scope`."""
    refusal = named(error)
    body = msgspec.json.encode(problem_of(refusal, instance=scope.get("path"), trace_id=trace_id))
    headers = [*headers_of(refusal), (b"content-length", str(len(body)).encode())]
    return refusal.status, headers, body
