"""Records with pictures, unpacked to the cache once: what tables and Parquet files have in common.

Pictures lie beside the questions in both, and reading gigabytes of them for an index would take
minutes. When a source is first read, its pictures are written as files, and everything else as one
JSON line per record. A source is known by path, size and time of change of its files.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.hub import parquet_rows
from evals.core.errors import UserError
from evals.core.types import fingerprint
from evals.core.writing import write_atomic

FORMAT = 2
"""Raised when the layout of the cache changes."""
_SUFFIXES = {
    b"\x89PN": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"RIF": ".webp",
    b"GIF": ".gif",
    b"BM": ".bmp",
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record of a table, or of the hub's files.

    Attributes:
        where: file and row, for messages.
        number: its place among the records, from 0.
        values: column -> text in a table, anything that JSON knows in a Parquet file; pictures are
            left out.
        images: files in the cache, in order.
    """

    where: str
    number: int
    values: Mapping[str, Any]
    images: tuple[Path, ...]

    def get(self, column: str, default: str = "") -> str:
        """Text of a column; the default where it is absent, empty, or no number (NaN)."""
        value = self.values.get(column)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return default
        return str(value) or default

    def need(self, column: str) -> str:
        """Text of a column that must hold some.

        Raises:
            UserError: it is absent or empty.
        """
        text = self.get(column)
        if not text:
            raise UserError(f"{self.where} has nothing in {column!r}; get the file again.")
        return text

    @property
    def picture(self) -> Path:
        """The first picture.

        Raises:
            UserError: there is none.
        """
        if not self.images:
            raise UserError(f"{self.where} has no picture; get the file again.")
        return self.images[0]


def parquet_records(
    paths: Sequence[Path],
    cache: Path,
    *,
    pictures: Sequence[str] = ("image",),
    only: Mapping[str, str] | None = None,
) -> list[Record]:
    """All records of Parquet files, unpacked to the cache on first use.

    Args:
        paths: of the files, in order.
        cache: of the user.
        pictures: columns that hold a picture, a list of them, or nothing.
        only: column -> value that a record must have; nothing of the others is unpacked.

    Raises:
        UserError: a file cannot be read, or a record is damaged.
        MissingExtra: pyarrow is not installed.
    """
    wanted = dict(only or {})

    def unpack(folder: Path) -> tuple[Mapping[str, str], list[Stored]]:
        rows = (
            _stored(place, row, pictures, folder)
            for place, row in parquet_rows(paths)
            if all(str(row.get(c)) == v for c, v in wanted.items())
        )
        return {}, list(rows)

    _, found = unpacked(paths, cache, [list(pictures), wanted], unpack)
    return found


def _stored(where: str, row: Mapping[str, Any], pictures: Sequence[str], folder: Path) -> Stored:
    """Write the pictures of a row, and give the rest of it."""
    shown: list[Any] = []
    for column in pictures:
        cell = row.get(column)
        shown += cell if isinstance(cell, list) else [cell]
    names = [write_picture(_bytes(p, where), folder) for p in shown if p is not None]
    values = {k: v for k, v in row.items() if k not in pictures and not _holds_bytes(v)}
    try:
        json.dumps(values)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where} cannot be stored ({error}); get the file again.") from error
    return Stored(where=where, values=values, images=names)


def _bytes(cell: Any, where: str) -> bytes:
    data = cell.get("bytes") if isinstance(cell, Mapping) else cell
    if not isinstance(data, bytes) or not data:
        raise UserError(f"{where} holds a picture without bytes; get the file again.")
    return data


def _holds_bytes(value: Any) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping | list):
        return any(map(_holds_bytes, parts))
    return isinstance(value, bytes)


# --- the cache --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A record as the cache keeps it; `images` are names of files in its folder of pictures."""

    where: str
    values: Mapping[str, Any]
    images: Sequence[str]


def unpacked(
    paths: Sequence[Path],
    cache: Path,
    how: Any,
    unpack: Callable[[Path], tuple[Mapping[str, str], Iterable[Stored]]],
) -> tuple[Mapping[str, str], list[Record]]:
    """What is known of the files, and their records: out of the cache, or unpacked to it.

    Args:
        paths: the files.
        cache: of the user.
        how: JSON: whatever else decides what is unpacked.
        unpack: writes the pictures to a folder, and gives what is known of the files, and records.

    Raises:
        UserError: a file cannot be found, or what `unpack` raises.
    """
    try:
        stats = [(p, p.stat()) for p in paths]
    except OSError as error:
        raise UserError(f"Cannot read {error.filename} ({error.strerror}); check the path.") from (
            error
        )
    known_by = [[str(p.absolute()), s.st_size, s.st_mtime_ns] for p, s in stats]
    home = cache / "tables" / f"{paths[0].stem}-{fingerprint([known_by, how, FORMAT])}"
    found = _read(home)
    if found is None:
        head, rows = unpack(home / "images")
        lines = [head, *({"where": r.where, "values": r.values, "images": r.images} for r in rows)]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        # The index comes last, so that an attempt that broke off is made again.
        write_atomic(home / "index.jsonl", text.encode())
        found = _read(home)
        if found is None:
            raise UserError(f"Cannot read {home / 'index.jsonl'}; delete its folder and try again.")
    return found


def _read(home: Path) -> tuple[Mapping[str, str], list[Record]] | None:
    """The cached index; None where there is none that can be read."""
    try:
        # Not `splitlines`: texts may hold other signs that end a line.
        lines = (home / "index.jsonl").read_text(encoding="utf-8").split("\n")
        head, *rows = [json.loads(line) for line in lines if line]
        return head, [
            Record(
                where=row["where"], number=number, values=row["values"],
                images=tuple(home / "images" / name for name in row["images"]),
            )
            for number, row in enumerate(rows)
        ]  # fmt: skip
    except (OSError, ValueError, LookupError, TypeError):
        return None


def write_picture(data: bytes, folder: Path) -> str:
    """Write a picture once, under a name made of its content.

    Returns:
        The name, with the suffix of its format.
    """
    suffix = next((s for start, s in _SUFFIXES.items() if data.startswith(start)), ".img")
    name = hashlib.sha256(data).hexdigest()[:24] + suffix
    target = folder / name
    if not target.exists():
        write_atomic(target, data)
    return name
