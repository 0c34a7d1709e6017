"""GET /audit/export: every entry that fits, as NDJSON or as CSV for spreadsheets, streamed as it is read."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, NamedTuple

import msgspec
from litestar import get

from onward.http.answer import Answer, StreamedAnswer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway import csv_text
from onward_gateway.auditing import AuditEntry, AuditPage, Narrowed
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import Door, Operation, describe

_NDJSON = "application/x-ndjson"
_AT_ONCE = 200


class Exported(Narrowed, frozen=True, kw_only=True, omit_defaults=True):
    """Which entries are written, and how."""

    format: Literal["ndjson", "csv"] = "ndjson"


@get(
    "/api/v1/audit/export",
    opt=describe(
        Operation(
            summary="Every entry of the audit that fits, newest first: NDJSON, or CSV that runs no formula",
            query=Exported,
            answers={200: _NDJSON},
            refuses=(400, 503),
        ),
        scope="admin",
    ),
)
async def export_audit(request: Door) -> Answer:
    """A file; one that breaks off has no end, so nobody takes it for the whole."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    asked = msgspec.to_builtins(read_query(request.scope["query_string"], Exported))
    form = asked.pop("format", "ndjson")
    question = {"project": who.project, **asked, "limit": _AT_ONCE}
    # Before the answer begins: what is refused is refused, and not cut off.
    first = await _page(gateway, question)
    shape = _CSV if form == "csv" else _LINES
    attached = (b"content-disposition", f'attachment; filename="audit.{form}"'.encode())
    return StreamedAnswer(_parts(gateway, question, first, shape), shape.media_type, (attached,))


async def _parts(
    gateway: Gateway, question: dict[str, Any], page: AuditPage, shape: "_Shape"
) -> AsyncIterator[str]:
    with gateway.load.parking():
        yield shape.head + "".join(map(shape.line, page.items))
        while page.next_cursor is not None:
            page = await _page(gateway, {**question, "cursor": page.next_cursor})
            yield "".join(map(shape.line, page.items))


async def _page(gateway: Gateway, question: dict[str, Any]) -> AuditPage:
    page: AuditPage = await gateway.state.audit("audit", question, AuditPage)
    return page


class _Shape(NamedTuple):
    media_type: str
    head: str
    line: Callable[[AuditEntry], str]


def _json_line(entry: AuditEntry) -> str:
    return msgspec.json.encode(entry).decode() + "\n"


def _csv_line(entry: AuditEntry) -> str:
    return csv_text.csv_line(msgspec.to_builtins(entry).values())


_LINES = _Shape(_NDJSON, "", _json_line)
_CSV = _Shape(csv_text.MEDIA_TYPE, csv_text.csv_line(AuditEntry.__struct_fields__), _csv_line)
