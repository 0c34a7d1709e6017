"""Tables as Parquet, by pyarrow: columns of the types that Postgres has, JSON as text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyarrow import parquet

_TYPES = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "boolean": pa.bool_(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
}


class Columns:
    """One file; a page of rows is a row group."""

    def __init__(self, path: Path, columns: Sequence[tuple[str, str]]) -> None:
        """`columns` are names, each with its type in Postgres; what has no type of its own here becomes text."""
        self.path = path
        self._schema = pa.schema([(name, _TYPES.get(kind, pa.string())) for name, kind in columns])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, found: Sequence[asyncpg.Record]) -> None:
        """A page of rows."""
        columns = zip(*found, strict=True)
        arrays = [
            pa.array([_plain(value) for value in column] if field.type == pa.string() else column, field.type)
            for field, column in zip(self._schema, columns, strict=True)
        ]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))

    def close(self) -> None:
        """Nothing follows."""
        self._writer.close()


def _plain(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode()
    return None if value is None else str(value)
