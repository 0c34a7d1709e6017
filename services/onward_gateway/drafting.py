"""What becomes of an approved draft: it waits for what it depends on, is submitted once, or cancelled.

Each step is a fenced change of the draft, and the execution's id follows from it: whoever comes first, and however
often, it is one execution. A gateway that dies in between is made up for by any other one.
"""

import logging
from datetime import datetime

import msgspec

from onward.bus.specs import decode
from onward.contract import drafts, ids
from onward.contract.drafts import DraftSpec, Standing
from onward.contract.errors import BadRequest, FenceLost, NotFound, OnwardError, PolicyDenied
from onward.contract.execution import Execution, Status
from onward_gateway.gateway import Gateway
from onward_gateway.inside import call_as
from onward_gateway.submit import accept

log = logging.getLogger(__name__)

_TRIES = 20


async def standing_of(gateway: Gateway, project: str, draft: DraftSpec) -> dict[str, Standing]:
    """How each of its dependencies stands."""
    return {name: await _standing(gateway, project, name) for name in draft.depends_on}


async def _standing(gateway: Gateway, project: str, name: str) -> Standing:
    execution_id = name
    if not ids.is_execution_id(name):
        other = gateway.known.specs.get(project, DraftSpec, name)
        if other is None or other.state in {"rejected", "cancelled"}:
            return "failed"
        if other.execution_id is None:
            return "open"
        execution_id = other.execution_id
    try:
        return _of(await gateway.finder.execution(project, execution_id))
    except NotFound:
        return "failed"


def _of(execution: Execution) -> Standing:
    if execution.status is Status.COMPLETED:
        return "completed"
    return "failed" if execution.final else "open"


async def go_on(gateway: Gateway, project: str, name: str) -> DraftSpec | None:
    """The draft after what can be done for it now; None where it is gone."""
    config = gateway.known.config
    draft: DraftSpec | None = None
    for _ in range(_TRIES):
        found = await config.newest(project, DraftSpec.KIND, name)
        if found is None or not found[0]:
            return None
        draft = decode(found[0], DraftSpec)
        after = await _next(gateway, project, draft)
        if after is None:
            return draft
        try:
            await config.write(
                project,
                DraftSpec.KIND,
                name,
                msgspec.json.encode(after),
                found[1],
                after.decided_by or "draft",
            )
        except FenceLost:
            continue
        return after
    return draft


async def _next(gateway: Gateway, project: str, draft: DraftSpec) -> DraftSpec | None:
    """What an approved draft becomes; None: nothing yet."""
    if draft.state != "approved":
        return None
    standing = await standing_of(gateway, project, draft)
    if (failed := drafts.hindered_by(draft, standing)) is not None:
        return _cancelled(draft, f"{failed}, which it depends on, has not completed")
    if drafts.waits_for(draft, standing):
        return None
    call = call_as(project, draft.decided_by or "draft")
    try:
        accepted = await accept(
            gateway, call, drafts.submission(draft), lineage={"source": "draft", "origin": draft.name},
            identity=drafts.execution_of(project, draft),
        )  # fmt: skip
    except PolicyDenied:
        # It stands as failed, with the reason: once the policy allows it, it can be retried.
        return _submitted(draft, drafts.execution_of(project, draft))
    except BadRequest as error:
        return _cancelled(draft, f"it cannot be submitted: {error}")
    return _submitted(draft, accepted.execution.id)


def _submitted(draft: DraftSpec, execution_id: str) -> DraftSpec:
    return msgspec.structs.replace(draft, state="submitted", execution_id=execution_id)


def _cancelled(draft: DraftSpec, because: str) -> DraftSpec:
    return msgspec.structs.replace(draft, state="cancelled", because=because[:1000])


class DraftKeeper:
    """Looks after approved drafts that wait; every gateway has one."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._approved: set[tuple[str, str]] = set()

    def hear(self, project: str, kind: str, name: str, data: bytes | None, _sequence: int) -> None:
        """A change of CONFIG."""
        if kind != DraftSpec.KIND:
            return
        self._approved.discard((project, name))
        if data and b'"state":"approved"' in data:
            self._approved.add((project, name))

    async def run_once(self, _now: datetime) -> int:
        """Look at each once; how many there are."""
        for project, name in sorted(self._approved):
            try:
                await go_on(self._gateway, project, name)
            except (OnwardError, msgspec.MsgspecError) as error:
                log.warning("draft %s waits: %s", name, error)
        return len(self._approved)
