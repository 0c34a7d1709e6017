"""Identities: what names an execution, an event, and the shard its log lives in."""

import re
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from zlib import crc32

from onward.contract.errors import InvalidName

SHARDS = 16
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAMESPACE = uuid.UUID("6f6e7761-7264-5000-8000-000000000001")
_TICKS = uuid.UUID("6f6e7761-7264-5000-8000-000000000002")
_CALLS = uuid.UUID("6f6e7761-7264-5000-8000-000000000003")
"""Of their own, so that nobody's idempotency key stands for a tick."""


def new_id(unix_ms: int, randomness: bytes) -> str:
    """A UUIDv7: 48 bits of Unix milliseconds, then 74 of the 80 random bits given (RFC 9562 §5.7)."""
    rand = int.from_bytes(randomness[:10])
    value = (unix_ms & 0xFFFFFFFFFFFF) << 80 | (rand & 0xFFF_FFFFFFFFFFFFFFFF)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"  # what str(UUID) gives, in a quarter of its time
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def unix_seconds(text: str) -> float | None:
    """When a UUIDv7 was made; None for any other text."""
    if _UUID.fullmatch(text) is None or text[14] != "7":
        return None
    return int(text[:8] + text[9:13], 16) / 1000


def keyed_id(project: str, key: str) -> str:
    """The execution id an idempotency key stands for: the same key always names the same log."""
    return str(uuid.uuid5(_NAMESPACE, f"{project}/{key}"))


def tick_id(project: str, schedule_uid: str, tick: datetime) -> str:
    """The id of what one tick of one schedule starts: any number of replicas fire it once."""
    return str(uuid.uuid5(_TICKS, f"{project}/{schedule_uid}/{tick.astimezone(UTC).isoformat()}"))


def call_id(project: str, webhook_uid: str, message_id: str) -> str:
    """The id of what one message to one webhook starts, however often it comes."""
    return str(uuid.uuid5(_CALLS, f"{project}/{webhook_uid}/{message_id}"))


@lru_cache(maxsize=4096)  # asked for the same queues and tasks with every submission
def limit_id(key: str) -> str:
    """The id a limit's key stands for in subjects and names: the key itself may be any text."""
    return str(uuid.uuid5(_NAMESPACE, f"limit/{key}"))


def child_id(parent_id: str, group: str, born: int, index: int) -> str:
    """The id of a parent's child: whoever creates it, it is the same log (PROTOCOL F1)."""
    return str(uuid.uuid5(uuid.UUID(parent_id), f"{group}/{born}/{index}"))


def draft_id(project: str, name: str, made: str) -> str:
    """The execution that a draft becomes; `made` tells it from a deleted one of the same name."""
    return str(uuid.uuid5(uuid.uuid5(_NAMESPACE, "drafts"), f"{project}/{name}/{made}"))


def follow_up_id(execution_id: str, on: str, life: int) -> str:
    """The id of what follows an execution's end: one for each branch and life."""
    return str(uuid.uuid5(uuid.UUID(execution_id), f"then/{on}/{life}"))


def derived_id(of: str, *what: str) -> str:
    """The id of what is made once for each `what` of something that has an id."""
    return str(uuid.uuid5(uuid.UUID(of), "/".join(what)))


def shard(execution_id: str) -> int:
    """The partition of EVENTS an execution's log lives in, 0..15, stable for ever."""
    return crc32(execution_id.encode()) % SHARDS


def is_execution_id(text: str) -> bool:
    """Whether `text` is a whole execution id in canonical form."""
    return _UUID.fullmatch(text) is not None


def check_name(kind: str, name: str) -> str:
    """`name` itself when it may stand in a subject; raises InvalidName otherwise."""
    if NAME.fullmatch(name) is None:
        raise InvalidName(
            f"{kind} {name[:80]!r} is not a valid name",
            fix="use 1 to 63 of a-z, 0-9, _ and -, starting with a letter or a digit",
        )
    return name
