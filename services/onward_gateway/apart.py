"""Checks a large submission in a process of its own: nobody else waits for it, and its memory is bounded.

In one piece, 64 MiB of JSON would hold the loop of the gateway for seconds, and become gigabytes of small values.
"""

import asyncio
import contextlib
import gc
import json
import logging
import resource
import sys
from typing import Any

import msgspec

from onward.contract.errors import BadRequest, InvalidBody, InvalidInput, OnwardError, TooLarge
from onward.contract.events import RawOrNone
from onward.contract.submission import Submission
from onward.http import json_text
from onward.http.problems import FieldError, blaming
from onward_gateway import schemas
from onward_gateway.admission import check_input, fingerprint

log = logging.getLogger(__name__)

_SECONDS = 60.0
_MEMORY = 1280 * 1024**2
"""Of addresses; about 1 GiB of values."""
FINGERPRINT = "fingerprint"
_NO_ROOM = 3
_SLICE = 256 * 1024
_DEPTH = json_text.MAX_DEPTH + 1  # the input stands one level down
_KINDS: dict[str, type[BadRequest]] = {kind.code: kind for kind in (InvalidBody, InvalidInput, TooLarge)}


class _Found(msgspec.Struct, kw_only=True):
    """What the other process says: a fingerprint, or why not."""

    fingerprint: str = ""
    code: str = ""
    message: str = ""
    fix: str = ""
    errors: list[FieldError] = []


class Apart:
    """Where large submissions are checked, one at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def checked(self, text: bytes, schema: RawOrNone, *, keyed: bool) -> str:
        """Raises InvalidBody, InvalidInput, TooLarge for the submission in `text`; where `keyed`, its fingerprint."""
        async with self._turn:
            return await _checked(text, schema, FINGERPRINT if keyed else "")


async def _checked(text: bytes, schema: RawOrNone, wanted: str) -> str:
    asked = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(_MEMORY), wanted,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_SECONDS):
            _, said = await asyncio.gather(_tell(asked, text, schema), _all(asked.stdout))
            code = await asked.wait()
    except TimeoutError:
        raise _too_complex(f"it takes more than {_SECONDS:.0f} s") from None
    finally:
        if asked.returncode is None:
            asked.kill()
            await asked.wait()
    if code != 0:
        if code != _NO_ROOM:
            log.warning("the check of a large input ended with %s", code)
        raise _too_complex(f"it takes more than {_MEMORY // 1024**2} MiB of memory")
    found = msgspec.json.decode(said, type=_Found)
    if found.code:
        raise blaming(_KINDS[found.code](found.message, fix=found.fix), *found.errors)
    return found.fingerprint


async def _tell(asked: asyncio.subprocess.Process, text: bytes, schema: RawOrNone) -> None:
    to = asked.stdin
    assert to is not None  # noqa: S101 - for the type checker
    view = memoryview(text)
    with contextlib.suppress(ConnectionError):  # it has seen enough
        to.write((b"null" if schema is None else json.dumps(msgspec.json.decode(schema)).encode()) + b"\n")
        for start in range(0, len(view), _SLICE):
            to.write(bytes(view[start : start + _SLICE]))
            await to.drain()
    to.close()


async def _all(said: asyncio.StreamReader | None) -> bytes:
    assert said is not None  # noqa: S101 - for the type checker
    return await said.read()


def _too_complex(why: str) -> OnwardError:
    what = f"it cannot be checked: {why}"
    return blaming(TooLarge(f"/input: {what}", fix="make it simpler"), FieldError("/input", what))


def _look(schema: bytes, text: bytes, wanted: str) -> _Found:
    validator: Any = None if schema.strip() == b"null" else schemas.compiled(schema, "the task")
    try:
        asked = json_text.read(text, msgspec.json.Decoder(Submission), depth=_DEPTH)
        check_input(asked.input, validator)
        return _Found(fingerprint=fingerprint(asked) if wanted == FINGERPRINT else "")
    except OnwardError as error:
        told = list(vars(error).get("errors", ()))
        return _Found(code=type(error).code, message=str(error), fix=error.fix, errors=told)


def main() -> None:
    """Reads a schema in one line, then a submission; writes what is to be said of it."""
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
    gc.disable()  # looking for cycles among millions of values takes ten times as long as reading them
    try:
        found = _look(sys.stdin.buffer.readline(), sys.stdin.buffer.read(), sys.argv[2])
    except MemoryError:
        sys.exit(_NO_ROOM)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
