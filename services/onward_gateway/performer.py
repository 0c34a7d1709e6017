"""GET /executions/{id}/agent: the agent as an execution runs it, and what has been changed since."""

import msgspec
from litestar import get

from onward.contract.agents import AgentSpec, Difference, as_it_runs, differences
from onward.contract.errors import NotFound
from onward.contract.events import AgentSnapshot
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe


class PerformerView(msgspec.Struct, frozen=True, kw_only=True):
    """The agent of an execution: `current_version` is null where the agent is deleted by now."""

    name: str
    team: str | None
    version: int
    config: msgspec.Raw
    policy: str | None
    current_version: int | None
    changed: bool
    """Whether what reaches the code or the policies is not as it was."""
    differences: list[Difference]
    """Member by member: as this execution has it, and as a new one would."""


@get(
    ONE + "/agent",
    opt=describe(
        Operation(
            summary="The agent that performs an execution, as it was at the submission, and what has changed since",
            query=NoQuery,
            answers={200: PerformerView},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def get_performer(request: Door) -> Answer:
    """Its snapshot, held against the agent of today."""
    gateway, project = gateway_of(request), call_of(request.scope).who.project
    read_query(request.scope["query_string"], NoQuery)
    execution_id = await gateway.finder.resolve(project, request.path_params["execution_id"])
    execution = await gateway.finder.execution(project, execution_id)
    snapshot = execution.agent
    if snapshot is None:
        raise NotFound(f"execution {execution_id} was submitted for a task, and no agent")
    current = gateway.known.specs.get(project, AgentSpec, snapshot.name)
    return json_answer(_view(snapshot, execution.team_id, current))


def _view(snapshot: AgentSnapshot, team: str | None, current: AgentSpec | None) -> PerformerView:
    config = msgspec.Raw(b"null") if snapshot.config is None else snapshot.config
    then = {"config": msgspec.json.decode(config), "policy": snapshot.policy}
    found = [] if current is None else differences(then, as_it_runs(current))
    return PerformerView(
        name=snapshot.name, team=team, version=snapshot.version, config=config, policy=snapshot.policy,
        current_version=None if current is None else current.version, changed=bool(found), differences=found,
    )  # fmt: skip
