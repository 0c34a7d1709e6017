"""POST /executions/batch: many submissions, each with a result of its own."""

import asyncio

import msgspec
from litestar import post

from onward.contract.errors import InvalidBody, OnwardError, Unavailable
from onward.contract.submission import MAX_BATCH, Submission
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import Call, call_of
from onward.http.entrance import body_of
from onward.http.problems import Problem, named, problem_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import Door, NoQuery, Operation, describe
from onward_gateway.submit import SubmissionBody, SubmittedView, accept, shown
from onward_gateway.traced import traced

PATH = "/api/v1/executions/batch"
MAX_BODY = 8 * 1024 * 1024
_TOGETHER = 100  # checked in one turn of the loop, and stored by one group commit
_DEPTH = 2 * json_text.MAX_DEPTH  # each submission is held to its own limit below


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 1,000 submissions; their order is the order of the results, and no order of execution."""

    items: list[msgspec.Raw]


class BatchBody(msgspec.Struct, frozen=True):
    """What a batch looks like, for its description."""

    items: list[SubmissionBody]  # type: ignore[valid-type]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one submission: an execution, or why not."""

    status: int
    execution: SubmittedView | None
    error: Problem | None


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """A result for each item, in their order."""

    items: list[Result]


_batch = msgspec.json.Decoder(Batch)
_submission = msgspec.json.Decoder(Submission)


@post(
    PATH,
    opt=describe(
        Operation(
            summary="Submit up to 1,000 executions: 202 when all were accepted, 207 when some were not",
            query=NoQuery,
            body=BatchBody,
            answers={202: BatchResult, 207: BatchResult},
            refuses=(400, 413, 415, 503),
        ),
        scope="submit",
    ),
)
@traced("onward.submit")
async def submit_batch(request: Door) -> Answer:
    """Stores what can be stored, and says for each item what became of it."""
    gateway, call = gateway_of(request), call_of(request.scope)
    if request.scope["query_string"]:
        gateway.no_query(request.scope["query_string"])
    asked = json_text.read(await body_of(call, request.receive), _batch, depth=_DEPTH)
    if not 1 <= len(asked.items) <= MAX_BATCH:
        raise InvalidBody(f"/items: it holds {len(asked.items)} submissions, not 1 to {MAX_BATCH}")
    gateway.store.check()
    results: list[Result] = []
    for start in range(0, len(asked.items), _TOGETHER):
        part = asked.items[start : start + _TOGETHER]
        results += await asyncio.gather(*(_one(gateway, call, bytes(raw)) for raw in part))
    if all(result.status == Unavailable.status for result in results):
        raise Unavailable("nothing of this batch could be stored", retry_after=1)
    good = all(result.error is None for result in results)
    return json_answer(BatchResult(items=results), 202 if good else 207)


async def _one(gateway: Gateway, call: Call, text: bytes) -> Result:
    try:
        submission = json_text.read(text, _submission, depth=json_text.MAX_DEPTH + 1)
        accepted = await accept(gateway, call, submission)
    except OnwardError as error:
        problem = problem_of(named(error), instance=None, trace_id=call.trace_id)
        return Result(status=problem.status, execution=None, error=problem)
    return Result(status=200 if accepted.replayed else 202, execution=shown(accepted), error=None)
