"""API keys, from this process' copy of CONFIG."""

import msgspec

from onward.bus.config import Mirror
from onward.contract.errors import Unavailable
from onward.contract.keys import SESSION, KeySpec


class KnownKeys:
    """Looks keys up for the key ring; what was decoded once is kept until it changes."""

    def __init__(self, config: Mirror) -> None:
        self._config = config
        self._decoded: dict[tuple[str, str], tuple[int, KeySpec | None]] = {}

    def __call__(self, project: str, public_id: str) -> KeySpec | None:
        """What is stored of a key. Raises Unavailable before CONFIG was read: nobody is refused for that."""
        if not self._config.ready:
            raise Unavailable("the relay is starting", retry_after=1)
        found = self._config.get(project, KeySpec.KIND, public_id) or self._config.get(
            project, SESSION, public_id
        )
        if found is None:
            return None
        data, sequence = found
        held = self._decoded.get((project, public_id))
        if held is None or held[0] != sequence:
            held = self._decoded[project, public_id] = (sequence, _spec(data))
        return held[1]


def _spec(data: bytes) -> KeySpec | None:
    try:
        return msgspec.json.decode(data, type=KeySpec)
    except msgspec.MsgspecError:
        return None  # an unreadable key opens nothing
