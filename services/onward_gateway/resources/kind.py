"""What makes a resource a kind of its own: what people may set, what is refused, and how it is shown."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from onward.bus.specs import Specs
from onward.contract.errors import InvalidBody, OnwardError
from onward.contract.keys import Scope
from onward.contract.resource import KEPT, Resource
from onward.http.call import Principal
from onward.http.problems import FieldError, blaming
from onward_gateway.gateway import Gateway
from onward_gateway.known import Known


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What a check may look at, beside the resource itself: nothing that has to be waited for."""

    project: str
    known: Known
    now: datetime
    actor: str

    @property
    def specs(self) -> Specs:
        """All other resources."""
        return self.known.specs


def _fits(_spec: Any, _around: Around) -> None:
    return


def _as_given(after: Any, _before: Any, _around: Around) -> Any:
    return after


def _nobody_asks(_around: Around, _name: str) -> bool:
    return False


def _none(_gateway: Gateway, _project: str) -> Iterable[str]:
    return ()


async def _gladly(_gateway: Gateway, _project: str, _spec: Any) -> None:
    return


async def _freely(_gateway: Gateway, _project: str, _spec: Any) -> None:
    return


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of resource. Only `spec`, `plural` and `a` are needed."""

    spec: type[Resource]
    plural: str
    """The last part of its address, as `queues`."""
    a: str
    """As `a queue`, in sentences."""
    known_as: str = "name"
    """The member by which people know it, and look for it."""
    scope: Scope = "operate"
    """What a key needs to change one; to see them it needs `read`."""
    kept: tuple[str, ...] = ()
    """Members that nobody can set, beside those of every resource."""
    asked: dict[str, Any] = {}
    """Types of members where what is asked for is held to more than what is stored."""
    check: Callable[[Any, Around], None] = _fits
    """Raises for a resource that may not be stored: `raise wrong("/member", "why")`. Pure."""
    settle: Callable[[Any, Any, Around], Any] = _as_given
    """(after, before or None, around) → what is stored, with the kept members. Pure."""
    implied: Callable[[Around, str], bool] = _nobody_asks
    """Whether a resource of this name is there though nobody wrote it; then it has its defaults."""
    more_names: Callable[[Gateway, str], Iterable[str]] = _none
    """Names that a list shows beside those in CONFIG: implied ones."""
    before_write: Callable[[Gateway, str, Any], Awaitable[None]] = _gladly
    """Raises for what only a longer look shows to be wrong."""
    before_delete: Callable[[Gateway, str, Any], Awaitable[None]] = _freely
    """Raises StillUsed where something needs it yet."""
    view: type[msgspec.Struct] | None = None
    """How it is shown, where that differs from its members."""
    show: Callable[[Gateway, Principal, Sequence[Any]], Awaitable[list[Any]]] | None = None
    """(gateway, who asks, resources) → views, or resources as they may be shown."""

    @property
    def kind(self) -> str:
        """The word in its CONFIG subject."""
        return self.spec.KIND

    @property
    def path(self) -> str:
        """The address of all of them."""
        return f"/api/v1/{self.plural}"

    def settable(self) -> tuple[msgspec.structs.FieldInfo, ...]:
        """The members that people may set, beside the name."""
        kept = {*KEPT, *self.kept, "name"}
        return tuple(field for field in msgspec.structs.fields(self.spec) if field.name not in kept)


def wrong(pointer: str, what: str, fix: str = "") -> OnwardError:
    """The refusal of one member."""
    return blaming(InvalidBody(f"{pointer}: {what}", fix=fix), FieldError(pointer, what))
