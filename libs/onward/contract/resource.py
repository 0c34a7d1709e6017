"""A long-lived resource: what CONFIG holds under one subject, and what stands in it beside its own members."""

from datetime import datetime
from typing import ClassVar, TypeVar

import msgspec

R = TypeVar("R", bound="Resource")


class Resource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What each kind has; only the name is given by people. `version` counts the changes, from 1 on."""

    KIND: ClassVar[str] = ""
    """The word in its CONFIG subject, and in the message of a refusal."""

    name: str
    created_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    version: int = 0
    """0: nobody has written it, it came about by itself."""


KEPT = frozenset(Resource.__struct_fields__) - {"name"}
"""Members that nobody can set: they are kept by whoever writes the resource."""


def written(after: R, before: R | None, *, now: datetime, actor: str | None) -> R:
    """`after` as it is stored: with who wrote it, when, and which version of it this is."""
    made = None if before is None or not before.version else before
    return msgspec.structs.replace(
        after,
        created_at=made.created_at if made else now,
        created_by=made.created_by if made else actor,
        updated_at=now,
        updated_by=actor,
        version=(made.version if made else 0) + 1,
    )
