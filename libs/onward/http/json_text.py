"""What a JSON text may not hold, found before it is parsed, in one pass and without recursion."""

import re
from typing import Any, TypeVar

import msgspec

from onward.contract.errors import InvalidBody, OnwardError, TooLarge
from onward.http.problems import FieldError, blaming

MAX_DEPTH = 32
T = TypeVar("T")
_generic = msgspec.json.Decoder()

_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_HUGE_EXPONENT = re.compile(rb"[0-9][eE][+-]?0*[1-9][0-9]{3}")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE = bytes.maketrans(b"{}", b"[]")
_WHERE = re.compile(r"^(?P<what>.*?)(?: - at (?P<key>key in )?`\$?(?P<path>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")


def check(text: bytes, *, depth: int = MAX_DEPTH) -> None:
    """Raises InvalidBody for what a parser would choke on, or Postgres refuse (PROTOCOL J2)."""
    if not text.isascii():
        _check_utf8(text)
    if b"\\u0000" in text and _NUL.search(text):
        raise InvalidBody(
            "the JSON holds a NUL character (\\u0000)", fix="leave it out, or encode the text as base64"
        )
    if text.count(b"[") + text.count(b"{") > depth and too_deep(text, depth):
        raise InvalidBody(
            f"the JSON is nested deeper than {depth} levels, or is not closed", fix="make it flatter"
        )
    if _HUGE_EXPONENT.search(text) and _HUGE_EXPONENT.search(_outside_strings(text)):
        raise InvalidBody("the JSON holds a number that no double can hold", fix="send it as a string")


def too_deep(text: bytes, depth: int) -> bool:
    """Whether brackets outside strings nest deeper than `depth`, or do not pair up at all."""
    brackets = _outside_strings(text).translate(_ALIKE, _NO_BRACKETS)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # the innermost level
    return bool(brackets)


def read(text: bytes, decoder: "msgspec.json.Decoder[T]", *, depth: int = MAX_DEPTH) -> T:
    """The value in a body, checked; raises InvalidBody that names the member that is wrong."""
    check(text, depth=depth)
    return members(text, decoder)


def members(text: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """The value in a body whose text is still to be checked; raises InvalidBody that names the member."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise invalid(str(error), known=_members(decoder.type)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBody(f"the body is not JSON: {error}", fix="send one JSON value in UTF-8") from None


def value_of(raw: msgspec.Raw, at: str, most: int) -> Any:
    """The value in a member that is kept as it came; raises TooLarge, InvalidBody."""
    size = len(memoryview(raw))
    if size > most:
        error = TooLarge(
            f"{at} is {size} bytes; the limit is {most}", fix="store it elsewhere, and send a reference"
        )
        raise blaming(error, FieldError(at, "too large"))
    try:
        return _generic.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        what = str(error).partition(" - at ")[0]
        raise blaming(InvalidBody(f"{at}: {what}"), FieldError(at, what)) from None


def invalid(message: str, known: tuple[str, ...] = ()) -> OnwardError:
    """A validation error of msgspec as a refusal with a pointer to the member."""
    found = _WHERE.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    pointer = re.sub(r"\[([^\]]*)\]", r".\1", path.replace("[...]", ".*")).replace(".", "/")
    fix = ""
    if unknown := _UNKNOWN.search(what):
        pointer += "/" + unknown["name"]
        fix = "known are " + ", ".join(known) if known and pointer.count("/") == 1 else ""
    return blaming(InvalidBody(f"{pointer or 'the body'}: {what}", fix=fix), FieldError(pointer, what))


def _members(kind: Any) -> tuple[str, ...]:
    return tuple(getattr(kind, "__struct_encode_fields__", ()))


def _check_utf8(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise InvalidBody(
            f"the body is not UTF-8: byte {error.start}", fix="send one JSON value in UTF-8"
        ) from None


def _outside_strings(text: bytes) -> bytes:
    if b"\\" in text:
        text = _ESCAPE.sub(b"", text)
    return b"".join(text.split(b'"')[::2])
