"""Which policies are asked about what, and what is done about their verdicts."""

from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.decide import Moment, last
from onward.contract.errors import NotFound, PolicyDenied
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.policies import DENIED, PolicySpec, StepAsked, Verdict, applies, denial, failed, redacted
from onward_gateway.known import Known
from onward_gateway.policy_engine import Engine

MOST_INPUT = 1024 * 1024
"""Bytes of an input that a policy can be asked about; a larger one is denied where one applies."""


class Policing:
    """Asks all policies that apply, and no other."""

    def __init__(self, known: Known, engine: Engine) -> None:
        self._known, self.engine = known, engine

    async def about(self, one: ev.Submitted | Execution) -> tuple[Verdict, ...]:
        """The verdicts about what is submitted, or is to run again: of policies for it, and of its agent's."""
        named = self._of_agent(one.project, one.agent_id)
        specs = self._known.specs.all(one.project, PolicySpec)
        if not specs and not named:
            return ()
        who = {"task": one.task, "queue": one.queue, "environment": one.environment, "agent": one.agent_id}
        asked = [spec for spec in specs.values() if applies(spec, "submit", who, named)]
        missing = tuple(_missing(name) for name in named if name not in specs)
        if not asked:
            return missing
        if len(memoryview(one.input)) > MOST_INPUT:
            return tuple(failed(spec, f"the input has more than {MOST_INPUT} bytes") for spec in asked)
        given = _input("submit", one)
        said = [verdict for spec in asked for verdict in await self.engine.ask(spec, given)]
        return (*missing, *said)

    async def check_again(self, state: Execution, queue: str | None = None) -> None:
        """Raises PolicyDenied where what is to run again, or in another queue, would be denied now."""
        if queue is not None:
            state = msgspec.structs.replace(state, queue=queue)
        if (error := denial(await self.about(state))) is not None:
            raise PolicyDenied(error.message, fix="change what the rule forbids, or the policy")

    async def would_say(self, project: str, about: dict[str, Any]) -> tuple[list[str], tuple[Verdict, ...]]:
        """The policies that would be asked about such a submission or step, by name, and their verdicts."""
        given = {**_UNSAID, **about, "project": project}
        agent = given["agent"] if given["where"] == "submit" else None
        named = self._of_agent(project, agent if isinstance(agent, str) else None)
        specs = self._known.specs.all(project, PolicySpec)
        asked = [spec for _, spec in sorted(specs.items()) if applies(spec, given["where"], given, named)]
        missing = tuple(_missing(name) for name in named if name not in specs)
        said = [verdict for spec in asked for verdict in await self.engine.ask(spec, redacted(given))]
        return [spec.name for spec in asked], (*missing, *said)

    def named(self, project: str, name: str) -> PolicySpec:
        """One policy. Raises NotFound."""
        spec = self._known.specs.get(project, PolicySpec, name)
        if spec is None:
            raise NotFound(f"there is no policy {name[:80]!r}", fix="GET /api/v1/policies lists all")
        return spec

    async def of_step(self, state: Execution, asked: StepAsked) -> tuple[Verdict, ...]:
        """The verdicts about a step that names a policy; one that there is not denies."""
        spec = self._known.specs.get(state.project, PolicySpec, asked.policy)
        if spec is None:
            return (_missing(asked.policy),)
        arguments = redacted(msgspec.json.decode(asked.arguments))
        step = {"name": asked.step, "key": asked.key, "arguments": arguments}
        return await self.engine.ask(spec, {**_input("step", state), "step": step})

    def _of_agent(self, project: str, agent: str | None) -> tuple[str, ...]:
        """The policy that an agent names."""
        found = None if agent is None else self._known.config.get(project, "agent", agent)
        if found is None:
            return ()
        try:
            policy = msgspec.json.decode(found[0], type=_Names).policy
        except msgspec.MsgspecError:
            return ()
        return () if policy is None else (policy,)


_UNSAID: dict[str, Any] = {
    "where": "submit", "who": None, "task": None, "queue": None, "environment": None, "priority": 5, "labels": {},
    "agent": None, "source": "api", "parent_id": None, "input": {},
}  # fmt: skip
"""What the rules see of what nobody said."""


class _Names(msgspec.Struct, frozen=True):
    policy: str | None = None


def _missing(name: str) -> Verdict:
    return Verdict(policy=name, rule="", message="there is no such policy", denies=True)


def denied(event: ev.Submitted, moment: Moment, error: ev.Failure) -> tuple[ev.Submitted, ev.Failed]:
    """What stands of a submission that was denied: it never was in a queue."""
    kept = msgspec.structs.replace(event, wake=None, due=None, deadlines={})
    ended = ev.Failed(**last(fold((kept,)), moment, "failed"), reason=DENIED, error=error)
    return kept, ended


def problem(execution: Execution) -> PolicyDenied:
    """The refusal of what stands as denied."""
    why = execution.error.message if execution.error else "a policy forbids it"
    return PolicyDenied(why, fix=f"it is recorded: GET /api/v1/executions/{execution.id}")


def _input(where: str, one: ev.Submitted | Execution) -> dict[str, Any]:
    who = one.actor if isinstance(one, ev.Submitted) else one.submitted_by
    return {
        "where": where, "who": who, "project": one.project, "task": one.task, "queue": one.queue,
        "environment": one.environment, "priority": one.priority, "labels": redacted(one.labels),
        "agent": one.agent_id, "source": one.source, "parent_id": one.parent_id,
        "input": redacted(msgspec.json.decode(one.input)),
    }  # fmt: skip
