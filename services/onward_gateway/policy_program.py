"""The process in which Rego runs: one question a line, one answer a line. Who waits too long kills it."""

import contextlib
import hashlib
import os
import resource
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from regopy import Interpreter  # type: ignore[import-untyped]

from onward.contract.policies import package_of

MEMORY = 2 * 1024**3
"""Of addresses, beside those that the library reserves when it is loaded: more than any machine has."""
_KEPT = 256


class Question(msgspec.Struct, frozen=True):
    """A module and what it is asked."""

    module: str
    input: msgspec.Raw


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The document of its package, or what is wrong with it; `at` is a place in the text."""

    document: Any = None
    error: str | None = None
    at: int | None = None


class Rules:
    """Modules that were compiled, each once."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[str, tuple[Any, Any]] = OrderedDict()

    def answer(self, asked: Question) -> Said:
        """Asks one module; without memory for it, this process ends, and the next question has a fresh one."""
        try:
            rego, bundle = self._of(asked.module)
            rego.set_input(msgspec.json.decode(asked.input))
            output = rego.query_bundle(bundle)
            return Said(document=msgspec.json.decode(str(output.binding("document").json())))
        except MemoryError:
            raise SystemExit(1) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no verdict
            return _wrong(error)

    def _of(self, module: str) -> tuple[Any, Any]:
        key = hashlib.sha256(module.encode()).hexdigest()
        if key not in self._compiled:
            rego = Interpreter()
            rego.add_module("policy", module)
            self._compiled[key] = rego, rego.build(f"document := data.{package_of(module)}")
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key]


def _wrong(error: Exception) -> Said:
    text = str(error)
    message, at = text, None
    # (errormsg 24:Invalid boolean operator) (errorast |49|2 …: where it is, in bytes.
    if "errormsg" in text:
        length, _, rest = text.partition("errormsg ")[2].partition(":")
        message = rest[: int(length)] if length.isdigit() else rest
        place = text.partition("errorast ")[2].partition("|")[2].partition("|")[0]
        at = int(place) if place.isdigit() else None
    elif type(error).__name__ == "JSONDecodeError":
        message = "it calls something that is not there, or cannot be compiled"
    return Said(error=message.strip()[:500] or type(error).__name__, at=at)


def _mapped() -> int:
    """Bytes of addresses that are taken; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def main() -> None:
    """Answers until its input ends."""
    if taken := _mapped():
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    answers: BinaryIO = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - the library writes its errors to both
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    rules = Rules()
    answers.write(b"ready\n")
    answers.flush()
    with contextlib.suppress(BrokenPipeError):
        for line in sys.stdin.buffer:
            said = rules.answer(msgspec.json.decode(line, type=Question))
            answers.write(msgspec.json.encode(said) + b"\n")
            answers.flush()


if __name__ == "__main__":
    main()
