"""A service's settings: one frozen Struct, read once, checked before anything connects."""

import difflib
import re
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from onward.contract.errors import Misconfigured

SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)

MISCONFIGURED = 78  # EX_CONFIG: a restart would not help, so our supervisor does not try

_SECRET = re.compile(r"(password|secret|token|key|url)$")
# Kubernetes and Docker announce a service `onward-gateway` as ONWARD_GATEWAY_PORT=tcp://…, which is not ours.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)$")
_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


class Problem(msgspec.Struct, frozen=True):
    """One variable that is wrong: which, why, and what to do."""

    variable: str
    cause: str
    fix: str


class InvalidSettings(Misconfigured):
    """The environment does not hold what this service needs."""

    def __init__(self, problems: list[Problem]) -> None:
        lines = [f"{problem.variable} {problem.cause}. Fix: {problem.fix}" for problem in problems]
        super().__init__("\n".join(lines), fix="; ".join(problem.fix for problem in problems))
        self.problems = tuple(problems)


def load(settings: type[SettingsT], prefix: str, env: Mapping[str, str]) -> SettingsT:
    """Returns the settings of one service, or says everything that is wrong with them at once.

    A field `slots` under the prefix `WORKER` is ONWARD_WORKER_SLOTS, else ONWARD_SLOTS; empty means unset.
    """
    ours = {name: value for name, value in env.items() if value and not _is_service_link(name, value)}
    values: dict[str, Any] = {}
    problems = []
    for field in msgspec.structs.fields(settings):
        read = _read(field, prefix, ours)
        if isinstance(read, Problem):
            problems.append(read)
        elif read is not msgspec.UNSET:
            values[field.name] = read
    problems += _unknown(settings, prefix, ours)
    if problems:
        raise InvalidSettings(problems)
    try:
        return settings(**values)
    except (ValueError, TypeError) as error:
        raise InvalidSettings(
            [Problem(_name(prefix, "*"), f"does not fit together: {error}", "change one of them")]
        ) from None


def load_or_exit(settings: type[SettingsT], prefix: str, env: Mapping[str, str]) -> SettingsT:
    """Returns the settings as `load` does; ends the process with what is wrong where there is something."""
    try:
        return load(settings, prefix, env)
    except InvalidSettings as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        sys.exit(MISCONFIGURED)


def _name(prefix: str, field: str) -> str:
    return "_".join(part for part in ("ONWARD", prefix.upper(), field.upper()) if part)


def _names(prefix: str, field: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((_name(prefix, field), _name("", field))))


def _is_service_link(name: str, value: str) -> bool:
    return bool(_SERVICE_LINK.search(name)) or (
        name.endswith("_PORT") and value.startswith(("tcp://", "udp://"))
    )


def _read(field: msgspec.structs.FieldInfo, prefix: str, env: Mapping[str, str]) -> Any:
    names = _names(prefix, field.name)
    name = next((name for name in names if name in env), None)
    if name is None:
        return _missing(names, env) if field.required else msgspec.UNSET
    try:
        return msgspec.convert(_split(env[name], field.type), field.type, strict=False, dec_hook=_path)
    except (msgspec.ValidationError, ValueError) as error:
        shown = "is set to something that does not fit" if _SECRET.search(field.name) else f"is {env[name]!r}"
        default = "" if field.required else f", or unset it for {field.default!r}"
        return Problem(name, shown, f"set it to {_expected(field.type, str(error))}{default}")


def _missing(names: tuple[str, ...], env: Mapping[str, str]) -> Problem:
    close = difflib.get_close_matches(names[-1], [name for name in env if name not in names], n=1, cutoff=0.8)
    meant = f"; {close[0]} is set: is it meant?" if close and close[0].startswith("ONWARD_") else ""
    return Problem(names[-1], "is not set, and has no default", f"set {names[-1]}{meant}")


def _split(text: str, kind: Any) -> Any:
    """A list in the environment is written with commas."""
    if _unwrapped(kind) in {list, tuple, set, frozenset}:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text.strip()


def _unwrapped(kind: Any) -> Any:
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    return typing.get_origin(kind) or kind


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(value).expanduser()
    raise NotImplementedError(f"a setting cannot be a {kind}")


def _expected(kind: Any, error: str) -> str:
    if _unwrapped(kind) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(kind)))
    expected = error.partition(", got")[0].removeprefix("Expected ").replace("`", "")
    for word, plain in _WORDS.items():
        expected = re.sub(rf"\b{word}\b", plain, expected)
    return expected


def _unknown(settings: type[msgspec.Struct], prefix: str, env: Mapping[str, str]) -> list[Problem]:
    if not prefix:
        return []
    known = [_name(prefix, field.name) for field in msgspec.structs.fields(settings)]
    return [
        Problem(name, "is no setting of this service", _suggestion(name, known))
        for name in sorted(env)
        if name.startswith(_name(prefix, "")) and name not in known
    ]


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"unset it; known are {', '.join(known)}"
