"""GEdit-Bench's Parquet files, unpacked once: pictures as files, the rest as one line per edit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.hub import parquet_rows
from benchmarks.common.reading import read_jsonl, text_of
from evals.core.errors import UserError
from evals.core.types import fingerprint
from evals.core.writing import write_atomic

FORMAT = 1
"""Raised when the layout of the cache changes."""
TEXTS = ("task_type", "key", "instruction", "instruction_language")
PICTURE = "input_image"
COMMON = "Intersection_exist"
_SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One edit of the data set.

    Attributes:
        task_type: one of the eleven groups.
        key: as in the data set.
        instruction: in the language of the row.
        language: ``en`` or ``cn``.
        intersection: whether it belongs to the intersection set.
        picture: file in the cache.
    """

    task_type: str
    key: str
    instruction: str
    language: str
    intersection: bool
    picture: Path


def rows(files: Sequence[Path], cache: Path) -> list[Row]:
    """All rows, in the order of the files.

    Args:
        files: Parquet files; known by path, size and time of change.
        cache: of the user.

    Raises:
        UserError: a file cannot be read, or a row is not as it must be.
        MissingExtra: pyarrow is not installed.
    """
    at = [(str(f.absolute()), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    home = cache / "gedit" / fingerprint([FORMAT, [list(a) for a in at]])
    index = home / "index.jsonl"
    if not index.exists():
        lines = [json.dumps(_unpack(where, row, home), ensure_ascii=False)
                 for where, row in parquet_rows(files, [*TEXTS, PICTURE, COMMON])]  # fmt: skip
        write_atomic(index, "\n".join([*lines, ""]).encode())
    return [
        Row(**{**row, "picture": home / "pictures" / row["picture"]})
        for _, row in read_jsonl(index)
    ]


def _unpack(where: str, row: dict[str, Any], home: Path) -> dict[str, Any]:
    task_type, key, instruction, language = (text_of(row, name, where) for name in TEXTS)
    cell = row.get(PICTURE)
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(data, bytes) or not data:
        raise UserError(f"{where} has no picture in {PICTURE!r}; get the file again.")
    if not isinstance(row.get(COMMON), bool):
        raise UserError(f"{where} does not say true or false in {COMMON!r}; get the file again.")
    suffix = next((s for start, s in _SUFFIXES.items() if data.startswith(start)), ".img")
    name = hashlib.sha256(data).hexdigest()[:24] + suffix
    if not (home / "pictures" / name).exists():
        write_atomic(home / "pictures" / name, data)
    return {
        "task_type": task_type, "key": key, "instruction": instruction, "language": language,
        "intersection": row[COMMON], "picture": name,
    }  # fmt: skip
