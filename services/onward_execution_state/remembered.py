"""The open executions the projection touched last, so that most batches read nothing back."""

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from onward_execution_state.filing import OPEN
from onward_execution_state.fold import Known

LIMIT_BYTES = 64 * 1024 * 1024
_EACH = 2048  # what a folded state takes beside its JSON


class Remembered:
    """Folded states by execution id, the least recently used leave first."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._known: OrderedDict[str, tuple[Known, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, execution_id: str) -> Known | None:
        """The state of an execution, if it is remembered."""
        found = self._known.get(execution_id)
        if found is None:
            return None
        self._known.move_to_end(execution_id)
        return found[0]

    def put(self, changed: Iterable[Known], sizes: Iterable[int]) -> None:
        """Remembers these; an execution that ended is let go, since little follows an end."""
        for known, size in zip(changed, sizes, strict=True):
            self._drop(known.state.id)
            if not known.state.ended:
                lies = known if known.place is OPEN else msgspec.structs.replace(known, place=OPEN)
                self._known[known.state.id] = (lies, size + _EACH)
                self._bytes += size + _EACH
        while self._bytes > self._limit:
            self._drop(next(iter(self._known)))

    def forget(self) -> None:
        """Forgets everything: what Postgres holds may differ."""
        self._known.clear()
        self._bytes = 0

    def _drop(self, execution_id: str) -> None:
        if (found := self._known.pop(execution_id, None)) is not None:
            self._bytes -= found[1]
