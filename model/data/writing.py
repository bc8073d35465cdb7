"""Rows to Parquet: a file is whole or absent, and only a few of its rows are in memory."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evals.core.errors import UserError, unknown
from evals.core.writing import disk_error
from model.data.schema import COLUMNS, IMAGES, schema

GROUP_ROWS = 64
GROUP_BYTES = 32 << 20
"""A row group ends at either: one must be read to read one of its rows."""

CONTENT = b"rows_blake2b"
"""Key of the hash over all cells in a file's footer, images included."""

_STALE_SECONDS = 3600.0


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one Parquet file.

    Args:
        path: it appears when all rows are written, and replaces what is there.
        rows: by the columns of `schema`; what is left out is null. Images are the bytes of an image
            file, and stay as they are.

    Returns:
        How many rows were written.

    Raises:
        UserError: there is no row, a column that the schema does not have, or no room.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            count = _write(part, rows)
            if not count:
                raise UserError(f"There is no row to write to {path}; ask for at least one.")
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, path) from error
    return count


def sweep(folder: Path) -> None:
    """Remove what killed writers left behind in a folder more than an hour ago."""
    for part in folder.glob(".*.part"):
        if time.time() - part.stat().st_mtime > _STALE_SECONDS:
            part.unlink(missing_ok=True)


def _write(part: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    layout, count, digest = schema(), 0, hashlib.blake2b(digest_size=16)
    words = [name for name in COLUMNS if name not in IMAGES]
    # Images are compressed as they are: trying again costs time and gives nothing.
    compression = dict.fromkeys(words, "zstd")
    compression |= {f"{n}.{field}": "none" for n in IMAGES for field in ("bytes", "path")}
    with pq.ParquetWriter(
        part, layout, compression=compression, use_dictionary=words, write_statistics=words
    ) as writer:
        group: list[dict[str, Any]] = []
        held = 0
        for row in rows:
            group.append(_complete(row))
            held += sum(len(row.get(name) or b"") for name in IMAGES)
            _add(digest, group[-1])
            if len(group) == GROUP_ROWS or held >= GROUP_BYTES:
                writer.write_table(pa.Table.from_pylist(group, schema=layout))
                count, group, held = count + len(group), [], 0
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema=layout))
        writer.add_key_value_metadata({CONTENT: digest.hexdigest().encode()})
    return count + len(group)


def _complete(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with every column, its images as structs."""
    for name in row:
        if name not in COLUMNS:
            raise unknown("column of training data", name, COLUMNS)
    full = {name: row.get(name) for name in COLUMNS}
    images = {n: {"bytes": full[n], "path": None} for n in IMAGES if full[n] is not None}
    return full | images


def _add(digest: Any, row: Mapping[str, Any]) -> None:
    """Count a row into the hash of the file."""
    for name in COLUMNS:
        value = row[name]
        data = value["bytes"] if isinstance(value, dict) else repr(value).encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)


__all__ = ["CONTENT", "GROUP_BYTES", "GROUP_ROWS", "sweep", "write_rows"]
