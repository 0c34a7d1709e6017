"""A batch, sorted by where its rows go."""

from collections.abc import Collection, Iterable, Mapping

from onward.contract.execution import Execution
from onward_execution_state.filing import Place, place_at, place_of
from onward_execution_state.fold import Arrived, Known


def by_place(arrived: Iterable[Arrived], states: Mapping[str, Execution]) -> dict[Place, list[Arrived]]:
    """Events by where they lie; nearly all of a batch lie together."""
    filed: dict[Place, list[Arrived]] = {}
    for item in arrived:
        event = item.event
        filed.setdefault(place_at(states.get(event.execution_id), event.at), []).append(item)
    return filed


def places_for(changed: Collection[Known]) -> set[Place]:
    """Where the rows of these go, beside their events."""
    needed = set()
    for known in changed:
        if known.state.completed_at is not None:
            needed.add(place_of(known.state))
        if known.questions:
            needed.update(place_at(known.state, row.shown.asked_at) for row in known.questions.values())
        needed.update(place_at(known.state, end.at) for end in known.ends)
    return needed
