"""Large values on their way out: spliced into the execution they belong to, or one by one; never whole in memory."""

from collections.abc import AsyncIterator, Sequence

import msgspec
from litestar import get

from onward.contract import subjects, values
from onward.contract.errors import NotFound
from onward.contract.values import Reference
from onward.contract.view import ExecutionView
from onward.http.answer import Answer, Headers, LongAnswer, json_answer
from onward.http.call import call_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe

_Piece = bytes | Reference


async def whole(gateway: Gateway, project: str, shown: ExecutionView, headers: Headers) -> Answer:
    """`shown` with its input and output whole. Raises ValueLost, Unavailable."""
    found = {
        name: reference
        for name in ("input", "output")
        if (reference := values.referred(getattr(shown, name))) is not None
    }
    if not found:
        return json_answer(shown, 200, headers)
    # Spelled as we spell it, whatever a store has made of it, so that it is found in the text.
    standing = {name: values.reference(one.object, one.bytes) for name, one in found.items()}
    pieces: list[_Piece] = [msgspec.json.encode(msgspec.structs.replace(shown, **standing))]
    for name, reference in found.items():
        pieces = _split(pieces, bytes(standing[name]), reference)
    length = sum(piece.bytes if isinstance(piece, Reference) else len(piece) for piece in pieces)
    parts = [_parts(gateway, project, shown, piece) for piece in pieces]
    # The first part of each is there before the answer begins: what is missing is still told by its status.
    begun = [(await anext(part), part) for part in parts]
    return LongAnswer(length, _one_by_one(begun), headers)


def _split(pieces: Sequence[_Piece], text: bytes, reference: Reference) -> list[_Piece]:
    """`pieces` with the reference itself wherever they hold its text; no string of JSON can hold that."""
    parted: list[_Piece] = []
    for piece in pieces:
        if isinstance(piece, Reference):
            parted.append(piece)
            continue
        for i, between in enumerate(piece.split(text)):
            parted += [reference, between] if i else [between]
    return parted


async def _parts(gateway: Gateway, project: str, shown: ExecutionView, piece: _Piece) -> AsyncIterator[bytes]:
    if isinstance(piece, bytes):
        yield piece
        return
    async for part in gateway.values.parts(project, shown.id, piece, shown.parent_id):
        yield part


async def _one_by_one(begun: Sequence[tuple[bytes, AsyncIterator[bytes]]]) -> AsyncIterator[bytes]:
    for first, rest in begun:
        yield first
        async for part in rest:
            yield part


@get(
    ONE + "/objects/{name:str}",
    opt=describe(
        Operation(
            summary="One large value of an execution, by the name that its reference gives",
            query=NoQuery,
            answers={200: "application/json"},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def get_value(request: Door) -> Answer:
    """The JSON of an input, a result, a saved state or an output above 256 KiB."""
    gateway, project = gateway_of(request), call_of(request.scope).who.project
    if request.scope["query_string"]:
        gateway.no_query(request.scope["query_string"])
    execution_id = await gateway.finder.resolve(project, request.path_params["execution_id"])
    name = request.path_params["name"]
    owner = subjects.object_owner(name)
    # Whose it is stands in its name, and is looked at before anything is asked for.
    its = (
        owner is not None
        and owner[0] == project
        and await _may_read(gateway, project, execution_id, owner[1])
    )
    size = await gateway.objects.size(name) if its else None
    if size is None:
        raise NotFound(f"execution {execution_id} has no large value of this name")
    parts = gateway.values.parts(
        project, execution_id, Reference(object=name, bytes=size), owner[1] if owner else None
    )
    return LongAnswer(size, _one_by_one([(await anext(parts), parts)]))


async def _may_read(gateway: Gateway, project: str, execution_id: str, owner: str) -> bool:
    """A child's input is kept as its parent's."""
    if owner == execution_id:
        return True
    return (await gateway.finder.execution(project, execution_id)).parent_id == owner
