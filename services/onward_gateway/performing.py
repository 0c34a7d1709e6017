"""A submission for an agent or a team, made into one of a task: who performs it, and with which configuration."""

import difflib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from onward.contract.agents import AgentSpec, TeamSpec
from onward.contract.errors import InvalidBody, OnwardError, UnknownAgent, UnknownTeam
from onward.contract.events import AgentSnapshot, Timeouts
from onward.contract.retry import Retry
from onward.contract.submission import Submission
from onward.contract.then import Then
from onward.http.problems import FieldError, blaming
from onward_gateway.known import Known
from onward_gateway.teams import Teams

_NULL = b"null"


class Performed(NamedTuple):
    """What is asked of which task, and what the execution keeps of who performs it."""

    asked: Submission
    fields: dict[str, Any]


def performed(asked: Submission, project: str, known: Known, teams: Teams) -> Performed:
    """The submission with all that its agent says where it says nothing itself. Raises UnknownAgent, UnknownTeam."""
    if asked.task is not None and asked.agent is msgspec.UNSET and asked.team is msgspec.UNSET:
        return Performed(asked, {})
    named = [
        member for member in ("task", "agent", "team") if getattr(asked, member) not in (None, msgspec.UNSET)
    ]
    if len(named) != 1:
        what = "one of task, agent and team says what runs" + (
            f", not {' and '.join(named)}" if named else ""
        )
        raise blaming(InvalidBody(f"/task: {what}"), FieldError("/task", what))
    if isinstance(asked.team, str):
        agent = teams.pick(project, _team(asked.team, project, known), known)
        if agent is None:
            raise _unknown(
                UnknownTeam,
                "/team",
                f"no agent of team {asked.team!r} exists",
                known.specs.all(project, TeamSpec),
            )
    elif isinstance(asked.agent, str):
        agent = known.specs.get(project, AgentSpec, asked.agent)
        if agent is None:
            what = f"there is no agent {asked.agent[:80]!r}"
            raise _unknown(UnknownAgent, "/agent", what, known.specs.all(project, AgentSpec), asked.agent)
    else:
        return Performed(asked, {})
    snapshot = AgentSnapshot(name=agent.name, version=agent.version, config=agent.config, policy=agent.policy)
    team = asked.team if isinstance(asked.team, str) else None
    return Performed(
        with_defaults(asked, agent), {"agent": snapshot, "agent_id": agent.name, "team_id": team}
    )


def with_defaults(asked: Submission, agent: AgentSpec) -> Submission:
    """The submission of the agent's task."""
    retry = None if agent.retry is None else msgspec.convert(msgspec.to_builtins(agent.retry), Retry)
    timeouts = (
        None if agent.timeouts is None else msgspec.convert(msgspec.to_builtins(agent.timeouts), Timeouts)
    )
    return msgspec.structs.replace(
        asked,
        task=agent.task,
        input=asked.input if bytes(asked.input) != _NULL or agent.input is None else agent.input,
        queue=asked.queue or agent.queue,
        environment=asked.environment or agent.environment,
        priority=agent.priority if asked.priority is None else asked.priority,
        labels={**agent.labels, **asked.labels},
        retry=asked.retry or retry,
        timeouts=asked.timeouts or timeouts,
        then=_then(agent) if isinstance(asked.then, msgspec.UnsetType) else asked.then,
    )


def _then(agent: AgentSpec) -> Then | msgspec.UnsetType:
    try:
        return msgspec.UNSET if agent.then is None else msgspec.json.decode(agent.then, type=Then)
    except msgspec.ValidationError as error:
        what = f"what follows agent {agent.name} cannot be read by this release: {error}"
        raise blaming(InvalidBody(what), FieldError("/agent", what)) from None


def _team(name: str, project: str, known: Known) -> TeamSpec:
    team = known.specs.get(project, TeamSpec, name)
    if team is None:
        raise _unknown(
            UnknownTeam, "/team", f"there is no team {name[:80]!r}", known.specs.all(project, TeamSpec), name
        )
    return team


def _unknown(
    kind: type[OnwardError], pointer: str, what: str, names: Iterable[str], name: str = ""
) -> OnwardError:
    close = difflib.get_close_matches(name, list(names), n=1)
    noun = pointer.removeprefix("/")
    fix = f"did you mean {close[0]!r}?" if close else f"`onward {noun} list` shows all"
    return blaming(kind(what, fix=fix), FieldError(pointer, "unknown"))
