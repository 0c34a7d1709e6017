"""GET /audit: who did, or was refused, what; GET /audit/verify: whether all of it is still there, as it was."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get

from onward.contract import audit
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import Door, NoQuery, Operation, describe

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class Narrowed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which entries are meant."""

    source: Literal["resource", "execution", "refusal"] | None = None
    actor: Text | None = None
    action: Text | None = None
    """As `queue.updated`, `execution.cancel_requested`, `refused.forbidden`."""
    kind: Text | None = None
    name: Text | None = None
    """Of a resource, or the id of an execution."""
    since: datetime | None = None
    until: datetime | None = None


class AuditFilters(Narrowed, frozen=True, kw_only=True, omit_defaults=True):
    """Which entries are shown, newest first."""

    cursor: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The `n`-th entry of a chain; `hash` is over all of it and the hash of the one before."""

    source: str
    n: int
    sequence: int
    project: str
    at: datetime
    actor: str | None
    action: str
    kind: str
    name: str
    before: Any
    after: Any
    hash: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of entries."""

    items: list[AuditEntry]
    next_cursor: str | None


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """One chain: how many entries were found sound, and the first that is not."""

    source: str
    entries: int
    hash: str
    wrong: int | None
    why: str | None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the audit is complete and as it was written."""

    sound: bool
    chains: list[Chain]


@get(
    "/api/v1/audit",
    opt=describe(
        Operation(
            summary="Who did, or was refused, what: changes of resources, what was asked of executions, refusals",
            query=AuditFilters,
            answers={200: AuditPage},
            refuses=(400, 503),
        ),
        scope="admin",
    ),
)
async def list_audit(request: Door) -> Answer:
    """The entries of this project, newest first."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    asked = read_query(request.scope["query_string"], AuditFilters)
    question = {"project": who.project, **msgspec.to_builtins(asked), "limit": asked.limit}
    return json_answer(await gateway.state.audit("audit", question, AuditPage))


@get(
    "/api/v1/audit/verify",
    opt=describe(
        Operation(
            summary="Hold every entry of the audit to its hash, and each chain to its end",
            query=NoQuery,
            answers={200: Verification},
            refuses=(400, 503),
        ),
        scope="admin",
    ),
)
async def verify_audit(request: Door) -> Answer:
    """Reads all three chains, those of every project: a chain is that of the installation."""
    gateway = gateway_of(request)
    read_query(request.scope["query_string"], NoQuery)
    chains = []
    for source in audit.SOURCES:
        reached = Reached(n=0, hash=audit.FIRST)
        while not reached.done:
            question = {"source": source, "n": reached.n, "hash": reached.hash}
            reached = await gateway.state.audit("audit_verify", question, Reached)
        chains.append(
            Chain(source=source, entries=reached.n, hash=reached.hash, wrong=reached.wrong, why=reached.why)
        )
    return json_answer(Verification(sound=all(chain.wrong is None for chain in chains), chains=chains))


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far execution_state has verified a chain."""

    n: int
    hash: str
    done: bool = False
    wrong: int | None = None
    why: str | None = None
