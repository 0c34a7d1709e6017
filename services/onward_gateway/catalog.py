"""GET /tasks: what can be asked for, and who is there to do it."""

import msgspec
from litestar import get

from onward.contract.errors import NotFound
from onward.contract.submission import Heartbeat, TaskSpec
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway import paging
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import Door, NoQuery, Operation, describe


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """A task; `workers` of them would take it from its own queue now."""

    name: str
    description: str | None
    queue: str
    priority: int
    version: str | None
    max_attempts: int
    input_schema: msgspec.Raw | None
    output_schema: msgspec.Raw | None
    workers: int


@get(
    "/api/v1/tasks",
    opt=describe(
        Operation(
            summary="Every task that was ever announced",
            query=paging.Paging,
            answers={200: paging.page_of(TaskView)},
            refuses=(400,),
        )
    ),
)
async def list_tasks(request: Door) -> Answer:
    """The tasks, by name."""
    gateway, call = gateway_of(request), call_of(request.scope)
    asked = read_query(request.scope["query_string"], paging.Paging)
    project = call.who.project
    workers = gateway.presence.workers(project)
    names = paging.page(gateway.known.tasks(project), asked)
    shown = [_task(gateway, project, name, workers) for name in names.items]
    return json_answer(paging.Page(items=[task for task in shown if task], next_cursor=names.next_cursor))


@get(
    "/api/v1/tasks/{name:str}",
    opt=describe(
        Operation(summary="Get one task", query=NoQuery, answers={200: TaskView}, refuses=(400, 404))
    ),
)
async def get_task(request: Door) -> Answer:
    """One task, with its schemas."""
    gateway, call = gateway_of(request), call_of(request.scope)
    read_query(request.scope["query_string"], NoQuery)
    name, project = request.path_params["name"], call.who.project
    task = _task(gateway, project, name, gateway.presence.workers(project))
    if task is None:
        raise NotFound(f"no worker ever announced a task {name[:80]!r}", fix="GET /api/v1/tasks lists all")
    return json_answer(task)


def _task(gateway: Gateway, project: str, name: str, workers: list[Heartbeat]) -> TaskView | None:
    known = gateway.known.task(project, name)
    if known is None:
        return None
    spec: TaskSpec = known.spec
    return TaskView(
        name=spec.name,
        description=spec.description,
        queue=spec.queue,
        priority=spec.priority,
        version=spec.version,
        max_attempts=spec.retry.attempts,
        input_schema=spec.input_schema,
        output_schema=spec.output_schema,
        workers=sum(
            name in beat.tasks and spec.queue in beat.queues and not beat.draining for beat in workers
        ),
    )
