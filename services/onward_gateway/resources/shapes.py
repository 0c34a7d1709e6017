"""The types of a kind's bodies and answers, made from its spec: nobody writes a member twice."""

from collections.abc import Sequence
from typing import Any

import msgspec

from onward.contract.resource import Resource
from onward.http.call import Principal
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Kind
from onward_gateway.routes import documented


class Shapes:
    """What a kind takes and gives."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        title = kind.spec.__name__.removesuffix("Spec")
        members = [_member(field, kind.asked.get(field.name)) for field in kind.settable()]
        self.new = _strict(f"New{title}", f"What makes {kind.a}.", [("name", str), *members])
        self.other = _strict(
            f"Other{title}",
            f"What becomes of {kind.a}: PUT gives all of it, PATCH what changes, with null for a default.",
            [("name", str | None, None), *members],
        )
        self.shown_new, self.shown_other = documented(self.new), documented(self.other)
        """The same for OpenAPI."""
        self.view = kind.view or _view(title, kind)

    async def shown(self, gateway: Gateway, who: Principal, specs: Sequence[Resource]) -> list[Any]:
        """The views of these resources."""
        show, names = self.kind.show, self.view.__struct_fields__
        found = list(specs) if show is None else await show(gateway, who, specs)
        return [
            one if isinstance(one, self.view) else self.view(**{name: getattr(one, name) for name in names})
            for one in found
        ]


def _strict(name: str, doc: str, members: list[Any]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        name, members, namespace={"__doc__": doc}, kw_only=True, frozen=True, forbid_unknown_fields=True
    )


def _view(title: str, kind: Kind) -> type[msgspec.Struct]:
    members: list[Any] = [(field.name, field.type) for field in msgspec.structs.fields(kind.spec)]
    return msgspec.defstruct(
        title, members, namespace={"__doc__": kind.spec.__doc__}, kw_only=True, frozen=True
    )


def _member(field: msgspec.structs.FieldInfo, kind: Any) -> Any:
    kind = field.type if kind is None else kind
    if field.required:
        return (field.name, kind)
    if field.default_factory is not msgspec.NODEFAULT:
        return (field.name, kind, msgspec.field(default_factory=field.default_factory))
    return (field.name, kind, field.default)


_known: dict[str, Shapes] = {}


def shapes_of(kind: Kind) -> Shapes:
    """The same for all routes of a kind."""
    if kind.plural not in _known:
        _known[kind.plural] = Shapes(kind)
    return _known[kind.plural]
