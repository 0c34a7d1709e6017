"""Tables as files: a line of JSON for each row, compressed, and a manifest that says how many and what they hash to.

Where pyarrow is installed (`onward[parquet]`), each table is there as Parquet, too.

The folder has its name only once it is whole: what a killed export has left is written anew.
"""

import asyncio
import gzip
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg
import msgspec

from onward_execution_state.database import Connection
from onward_execution_state.statements import load

MANIFEST = "manifest.json"
_AT_ONCE = 1000
_JSON = frozenset({"body", "state", "labels"})
_COLUMNS = load("removal.sql")["columns"]

T = TypeVar("T")


class File(Protocol):
    """What takes pages of rows."""

    path: Path

    def write(self, found: Sequence[asyncpg.Record]) -> None:
        """A page of rows."""
        ...

    def close(self) -> None:
        """Nothing follows."""
        ...


class ExportFailed(Exception):
    """The export cannot be written, or something else is in its place. Nothing may be dropped."""


async def export(
    postgres: Connection, folder: Path, tables: Mapping[str, str], told: Mapping[str, Any]
) -> Path:
    """Writes these tables, by the names they have had, into a folder; the same export is not written twice.

    `told` goes into the manifest, and has to tell this export from all others. Raises ExportFailed.
    """
    beginning = folder.with_name(f"{folder.name}.partial")
    if not await _on_disk(lambda: _begin(folder, beginning, told)):
        return folder
    files = []
    for name, table in tables.items():
        columns = [(name, kind) for name, kind in await postgres.fetch(_COLUMNS, table)]
        files += await _write(postgres, table, partial(begun, beginning / name, columns))
    manifest = msgspec.json.format(msgspec.json.encode({**told, "files": files}))
    await _on_disk(lambda: _finish(beginning, folder, manifest))
    return folder


async def _on_disk(work: Callable[[], T]) -> T:
    """What a disk refuses is told apart from a Postgres that cannot be reached: both are OSErrors."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise ExportFailed(f"{error.filename or 'the export'}: {error.strerror or error}") from error


async def _write(
    postgres: Connection, table: str, begin: Callable[[], Iterable[File]]
) -> list[dict[str, Any]]:
    """Writes one table into several files, page by page; what the manifest says of each."""
    rows = 0
    files = await _on_disk(lambda: list(begin()))
    try:
        async with postgres.transaction(readonly=True):
            cursor = await postgres.cursor(f"select * from {table}")  # noqa: S608 - a name of ours
            while found := await cursor.fetch(_AT_ONCE):
                for file in files:
                    await _on_disk(partial(file.write, found))
                rows += len(found)
    finally:
        for file in files:
            await _on_disk(file.close)
    measured = [(file.path.name, *await _on_disk(partial(_measured, file.path))) for file in files]
    return [{"name": name, "rows": rows, "bytes": size, "sha256": digest} for name, size, digest in measured]


class Lines:
    """A line of JSON for each row; what is JSON in the table is JSON in there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = gzip.open(path, "wb")  # noqa: SIM115 - closed below, on a thread

    def write(self, found: Iterable[asyncpg.Record]) -> None:
        """A page of rows."""
        self._file.write(b"".join(msgspec.json.encode(_told(row)) + b"\n" for row in found))

    def close(self) -> None:
        """Nothing follows."""
        self._file.close()


def begun(path: Path, columns: Sequence[tuple[str, str]]) -> Iterator[File]:
    """The files of one table, whose columns are names, each with its type in Postgres."""
    yield Lines(path.with_name(f"{path.name}.ndjson.gz"))
    if find_spec("pyarrow") is not None:
        # 40 MB that only an export needs.
        from onward_execution_state.maintenance.parquet import Columns  # noqa: PLC0415 - an extra

        yield Columns(path.with_name(f"{path.name}.parquet"), columns)


def _told(row: asyncpg.Record) -> dict[str, Any]:
    told = dict(row.items())
    for name in _JSON & told.keys():
        text = told[name]
        data = text.encode() if isinstance(text, str) else text
        told[name] = msgspec.Raw(msgspec.json.format(data, indent=-1) if b"\n" in data else data)
    return told


def _measured(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _begin(folder: Path, beginning: Path, told: Mapping[str, Any]) -> bool:
    if folder.exists():
        if not _is_whole(folder, told):
            raise ExportFailed(
                f"{folder} is there already, and is not the whole export of this month: move it away"
            )
        return False
    shutil.rmtree(beginning, ignore_errors=True)
    beginning.mkdir(parents=True)
    return True


def _is_whole(folder: Path, told: Mapping[str, Any]) -> bool:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict[str, Any])
        files = manifest.pop("files")
        return manifest == told and all(
            _measured(folder / file["name"]) == (file["bytes"], file["sha256"]) for file in files
        )
    except (OSError, msgspec.MsgspecError, KeyError, TypeError):
        return False


def _finish(beginning: Path, folder: Path, manifest: bytes) -> None:
    (beginning / MANIFEST).write_bytes(manifest)
    for path in [*beginning.iterdir(), beginning]:
        _flush(path)
    beginning.rename(folder)
    _flush(folder.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
