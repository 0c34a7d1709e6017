"""Values of a task's code to JSON and back: plain types, dataclasses, structs, pydantic models; never pickle."""

import dataclasses
import functools
import hashlib
import sys
from typing import Any, cast, get_origin

import msgspec

from onward.contract.errors import TooLarge
from onward.contract.values import MOST, RESERVED, looks_reserved

READABLE = "annotate it with JSON types, a dataclass, a msgspec Struct or a pydantic model, or with Any"


def _pydantic() -> Any:
    return sys.modules.get("pydantic")


def is_model(annotation: Any) -> bool:
    """Whether a single parameter of this type takes the whole input object."""
    if not isinstance(annotation, type) or get_origin(annotation) is not None:
        return False
    pydantic = _pydantic()
    if pydantic is not None and issubclass(annotation, pydantic.BaseModel):
        return True
    return issubclass(annotation, msgspec.Struct) or dataclasses.is_dataclass(annotation)


def _enc_hook(value: Any) -> Any:
    pydantic = _pydantic()
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    raise NotImplementedError(f"{type(value).__qualname__} cannot be written as JSON")


def _dec_hook(wanted: type, value: Any) -> Any:
    pydantic = _pydantic()
    if pydantic is not None and issubclass(wanted, pydantic.BaseModel):
        return cast(Any, wanted).model_validate(value)
    if wanted is object:
        return value
    # A TypeError becomes a ValidationError that names the place.
    raise TypeError(f"JSON cannot be read as {_named(wanted)}: {READABLE}")


def _named(wanted: Any) -> str:
    return wanted.__qualname__ if isinstance(wanted, type) else str(wanted)


_encoder = msgspec.json.Encoder(enc_hook=_enc_hook)


def encode(value: Any, what: str) -> msgspec.Raw:
    """`value` as JSON; raises TypeError naming `what` where it has no JSON form, TooLarge above 64 MiB."""
    try:
        raw = _encoder.encode(value)
    except (NotImplementedError, TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{what} cannot be saved: {error}") from error
    if len(raw) > MOST:
        raise TooLarge(
            f"{what} is {len(raw)} bytes; the limit is {MOST}",
            fix="save it elsewhere and return a reference",
        )
    if looks_reserved(raw):
        raise TypeError(f"{what} cannot be saved: {RESERVED!r} is no name for a member of it")
    if b"\\u0000" in raw:
        raise TypeError(f"{what} cannot be saved: its text holds a NUL character")
    return msgspec.Raw(raw)


def carried(value: Any, what: str) -> msgspec.Raw:
    """`value` as JSON of any size, for another process of this machine; raises TypeError naming `what`."""
    try:
        return msgspec.Raw(_encoder.encode(value))
    except (NotImplementedError, TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{what} cannot go to a process of its own: {error}") from error


def decode(raw: bytes | msgspec.Raw, wanted: Any) -> Any:
    """The value in `raw` as `wanted` says; as plain JSON types where `wanted` says nothing usable."""
    return _decoder(wanted).decode(raw)


def _decoder(wanted: Any) -> "msgspec.json.Decoder[Any]":
    try:
        return _known_decoder(wanted)
    except TypeError:
        # Not hashable, or no type that can be read: then the second try says so.
        return msgspec.json.Decoder(wanted, dec_hook=_dec_hook)


@functools.lru_cache(maxsize=1024)
def _known_decoder(wanted: Any) -> "msgspec.json.Decoder[Any]":
    # To make one takes ten times as long as to read a small value with it.
    return msgspec.json.Decoder(wanted, dec_hook=_dec_hook)


def usable(annotation: Any) -> Any:
    """`annotation` where values can be read back as such, else Any: plain JSON types."""
    try:
        _decoder(annotation)
    except (TypeError, NotImplementedError):
        return Any
    return annotation


def unreadable(annotation: Any) -> str | None:
    """Why no value can ever be read as `annotation`; None where one can."""
    try:
        return _known_unreadable(annotation)
    except TypeError:  # not hashable
        return _unreadable(annotation)


@functools.lru_cache(maxsize=1024)
def _known_unreadable(annotation: Any) -> str | None:
    return _unreadable(annotation)


def _unreadable(annotation: Any) -> str | None:
    try:
        _decoder(annotation)
        kind = msgspec.inspect.type_info(annotation)
    except (TypeError, NotImplementedError) as error:
        return f"{error}; {READABLE}"
    if not isinstance(kind, msgspec.inspect.CustomType):
        return None
    try:
        _dec_hook(kind.cls, None)
    except TypeError as error:
        return str(error)
    except ValueError:  # pydantic reads others
        return None
    return None


def schema(annotation: Any) -> dict[str, Any] | None:
    """The JSON Schema of a type, or None where it has none."""
    pydantic = _pydantic()
    if pydantic is not None and isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return cast(dict[str, Any], cast(Any, annotation).model_json_schema())
    try:
        return msgspec.json.schema(annotation, schema_hook=_schema_hook)
    except (TypeError, NotImplementedError):
        return None


def _schema_hook(wanted: type) -> dict[str, Any]:
    pydantic = _pydantic()
    if pydantic is not None and issubclass(wanted, pydantic.BaseModel):
        return cast(dict[str, Any], cast(Any, wanted).model_json_schema())
    raise NotImplementedError


def fingerprint(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """A short hash of a call's arguments; None where they have no JSON form."""
    try:
        raw = _encoder.encode([args, kwargs])
    except (NotImplementedError, TypeError, ValueError, RecursionError):
        return None
    return hashlib.blake2b(raw, digest_size=8).hexdigest()
