"""Tables as files: a line of JSON for each row, compressed, and a manifest that says how many and what they hash to.

The folder has its name only once it is whole: what a killed export has left is written anew.
"""

import asyncio
import gzip
import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from onward_execution_state.database import Connection

MANIFEST = "manifest.json"
_AT_ONCE = 1000
_JSON = frozenset({"body", "state", "labels"})


async def export(
    postgres: Connection, folder: Path, tables: Mapping[str, str], told: Mapping[str, Any]
) -> Path:
    """Writes these tables, by the names they have had, into a folder; one that is there already is whole."""
    partial = folder.with_name(f"{folder.name}.partial")
    if not await asyncio.to_thread(_begin, folder, partial):
        return folder
    files = [await _write(postgres, table, partial / f"{name}.ndjson.gz") for name, table in tables.items()]
    manifest = msgspec.json.format(msgspec.json.encode({**told, "files": files}))
    await asyncio.to_thread(_finish, partial, folder, manifest)
    return folder


async def _write(postgres: Connection, table: str, path: Path) -> dict[str, Any]:
    rows = 0
    with gzip.open(path, "wb") as file:
        async with postgres.transaction(readonly=True):
            cursor = await postgres.cursor(f"select * from {table}")  # noqa: S608 - a name of ours
            while found := await cursor.fetch(_AT_ONCE):
                await asyncio.to_thread(file.write, _lines(found))
                rows += len(found)
    size, digest = await asyncio.to_thread(_measured, path)
    return {"name": path.name, "rows": rows, "bytes": size, "sha256": digest}


def _lines(found: Iterable[asyncpg.Record]) -> bytes:
    return b"".join(msgspec.json.encode(_told(row)) + b"\n" for row in found)


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


def _begin(folder: Path, partial: Path) -> bool:
    if folder.exists():
        return False
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return True


def _finish(partial: Path, folder: Path, manifest: bytes) -> None:
    (partial / MANIFEST).write_bytes(manifest)
    for path in [*partial.iterdir(), partial]:
        _flush(path)
    partial.rename(folder)
    _flush(folder.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
