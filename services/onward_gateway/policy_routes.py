"""POST /policies/dry-run, and what workers ask before a step that names a policy."""

import logging
from typing import Any

import msgspec
from litestar import post

from onward.contract import inside, subjects
from onward.contract.errors import InvalidBody, OnwardError
from onward.contract.policies import SERVICE_QUERY as QUERY
from onward.contract.policies import Answered, PolicySpec, StepAsked, Verdict, denial
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.entrance import body_of
from onward.http.query import read_query
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.inside import GROUP
from onward_gateway.routes import Door, NoQuery, Operation, describe

log = logging.getLogger(__name__)


class DryRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is asked: the policy of a `name`, or the text of a `module`; without either, all that apply."""

    name: str | None = None
    module: str | None = None
    input: dict[str, Any] = {}
    """What the rules see: task, queue, environment, labels, input, who and so on."""


class DryRunView(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts, and whether they would deny."""

    denied: bool
    verdicts: list[Verdict]
    asked: list[str]
    """The policies that were asked; of none, nothing is denied."""


_asked = msgspec.json.Decoder(DryRun)


@post(
    "/api/v1/policies/dry-run",
    opt=describe(
        Operation(
            summary="What a policy, or all that apply, would say about a submission; nothing is stored",
            query=NoQuery,
            body=DryRun,
            answers={200: DryRunView},
            refuses=(400, 404, 415, 503),
        ),
        scope="operate",
    ),
)
async def dry_run(request: Door) -> Answer:
    """Compiles what is given, and asks it."""
    gateway, call = gateway_of(request), call_of(request.scope)
    read_query(request.scope["query_string"], NoQuery)
    asked = json_text.read(await body_of(call, request.receive), _asked)
    if asked.name is not None and asked.module is not None:
        raise InvalidBody("/name: give the name of a policy, or a module, or neither")
    if asked.name is None and asked.module is None:
        names, said = await gateway.policing.would_say(
            call.who.project, {"who": call.who.actor, **asked.input}
        )
        return json_answer(DryRunView(denied=denial(said) is not None, verdicts=list(said), asked=names))
    if asked.module is not None:
        spec = PolicySpec(name="dry-run", module=asked.module)
        await gateway.policing.engine.check(spec)
    else:
        spec = gateway.policing.named(call.who.project, asked.name or "")
    verdicts = await gateway.policing.engine.ask(spec, asked.input)
    return json_answer(
        DryRunView(denied=denial(verdicts) is not None, verdicts=list(verdicts), asked=[spec.name])
    )


class StepPolicies:
    """Answers workers; any number of gateways do."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def serve(self) -> None:
        """Answers from now on."""
        await self._gateway.messages.subscribe(subjects.ask(inside.SERVICE, QUERY), self.answer, group=GROUP)

    async def answer(self, _subject: str, data: bytes) -> bytes:
        """The verdicts about one step, or why there are none."""
        try:
            self._gateway.known.check_ready()
            asked = msgspec.json.decode(data, type=StepAsked)
            state = await self._gateway.finder.execution(asked.project, asked.execution_id)
            answered = Answered(verdicts=await self._gateway.policing.of_step(state, asked))
        except OnwardError as error:
            answered = Answered(problem=str(error))
        except Exception:
            log.exception("a worker could not be answered")
            answered = Answered(problem="see the gateway's log")
        return msgspec.json.encode(answered)
