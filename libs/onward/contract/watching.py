"""Which events a reader of the live stream wants; pure: log_relay streams by it, the gateway documents it."""

from typing import Annotated, Protocol

import msgspec

from onward.contract.errors import InvalidParameter
from onward.contract.events import AnyEvent, event_type
from onward.contract.execution import Execution, Status

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Label = Annotated[str, msgspec.Meta(min_length=2, max_length=400, pattern=r"^[^=]+=")]


class Where(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Filters that all must hold; of several values of one, any."""

    type: tuple[Text, ...] = ()
    """Of the event: `failed`, `question_asked` and so on."""
    status: tuple[Status, ...] = ()
    """Of the execution, once the event has happened."""
    task: tuple[Text, ...] = ()
    queue: tuple[Text, ...] = ()
    environment: tuple[Text, ...] = ()
    agent_id: tuple[Text, ...] = ()
    team: tuple[Text, ...] = ()
    execution_id: tuple[Text, ...] = ()
    parent: tuple[Text, ...] = ()
    label: tuple[Label, ...] = ()
    """`name=value` each; of several, all."""


class EventQuery(Where, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The parameters of `GET /api/v1/events`."""

    follow: bool = False
    after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Only events behind this position; 0 is the oldest there is. Without it, following begins now."""
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None


def where_of(query: EventQuery) -> Where:
    """Its filters alone."""
    return Where(**{name: getattr(query, name) for name in Where.__struct_fields__})


class Described(Protocol):
    """Of an execution, what filters look at."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def task(self) -> str: ...  # noqa: D102
    @property
    def queue(self) -> str: ...  # noqa: D102
    @property
    def environment(self) -> str | None: ...  # noqa: D102
    @property
    def agent_id(self) -> str | None: ...  # noqa: D102
    @property
    def team_id(self) -> str | None: ...  # noqa: D102
    @property
    def parent_id(self) -> str | None: ...  # noqa: D102
    @property
    def labels(self) -> dict[str, str]: ...  # noqa: D102


def fits(where: Where, state: Described | None) -> bool:
    """Whether an execution is one of those; of one that nobody can tell, only where nothing is asked of it."""
    if state is None:
        return not _asks_for_state(where)
    return (
        _among(where.status, state.status)
        and _among(where.task, state.task)
        and _among(where.queue, state.queue)
        and _among(where.environment, state.environment)
        and _among(where.agent_id, state.agent_id)
        and _among(where.team, state.team_id)
        and _among(where.execution_id, state.id)
        and _among(where.parent, state.parent_id)
        and all(labelled(state.labels, label) for label in where.label)
    )


def wants(where: Where, event: AnyEvent, after: Execution | None) -> bool:
    """Whether an event is wanted that has left its execution in the state `after`."""
    if where.type and event_type(event) not in where.type:
        return False
    if after is None:
        return _among(where.execution_id, event.execution_id) and not _asks_for_state(where)
    return fits(where, after)


def labelled(labels: dict[str, str], wanted: str) -> bool:
    """Whether `name=value` stands among the labels."""
    name, _, value = wanted.partition("=")
    return labels.get(name) == value


def check_where(where: Where) -> None:
    """Raises InvalidParameter for a label that is none."""
    for label in where.label:
        if "=" not in label[1:]:
            raise InvalidParameter(f"{label[:80]!r} is no label", fix="write name=value")


def _among(wanted: tuple[str, ...], found: str | None) -> bool:
    return not wanted or found in wanted


def _asks_for_state(where: Where) -> bool:
    return bool(
        where.status or where.task or where.queue or where.environment or where.agent_id
        or where.team or where.parent or where.label
    )  # fmt: skip
