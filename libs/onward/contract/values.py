"""Values that are too large for an event: what stands in their place, and what nobody's own value may look like."""

import msgspec

from onward.contract import subjects

INLINE = 256 * 1024
"""Bytes of JSON up to which an input, a result or a saved state stands in its event."""
MOST = 64 * 1024 * 1024
"""Bytes of JSON that any value may have."""
RESERVED = "$onward_object"

_LONGEST_REFERENCE = 512


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Stands where a large value would: the object that holds its JSON, and how long that is."""

    object: str = msgspec.field(name=RESERVED)
    bytes: int

    def belongs_to(self, project: str, execution_id: str, parent_id: str | None = None) -> bool:
        """Whether it names an object of this execution, or of its parent; one of another's is never read.

        A parent keeps a child's input before the child has a log.
        """
        owner = subjects.object_owner(self.object)
        return owner is not None and owner[0] == project and owner[1] in {execution_id, parent_id}


class _Claim(msgspec.Struct):
    claim: msgspec.Raw | msgspec.UnsetType = msgspec.field(name=RESERVED, default=msgspec.UNSET)


_references = msgspec.json.Decoder(Reference)
_claims = msgspec.json.Decoder(_Claim)


def reference(name: str, size: int) -> msgspec.Raw:
    """What an event holds instead of the value in object `name`."""
    return msgspec.Raw(msgspec.json.encode(Reference(object=name, bytes=size)))


def referred(raw: msgspec.Raw | None) -> Reference | None:
    """The reference that `raw` is, or None for a value that stands here itself."""
    if raw is None or len(memoryview(raw)) > _LONGEST_REFERENCE:
        return None
    text = bytes(raw)
    if RESERVED.encode() not in text:
        return None
    try:
        return _references.decode(text)
    except msgspec.MsgspecError:
        return None


def looks_reserved(text: bytes | memoryview) -> bool:
    """Whether this JSON is an object with the reserved member: such a value would pass for a reference."""
    if bytes(text[:64]).lstrip()[:1] != b"{":
        return False
    try:
        return _claims.decode(text).claim is not msgspec.UNSET
    except msgspec.MsgspecError:
        return False
