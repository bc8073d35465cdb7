"""VLMEvalKit's tables: one TSV file per data set, its pictures in Base64 beside the questions.

Reading gigabytes of Base64 for an index would take minutes, so a table is unpacked to the cache
once: pictures as files, everything else as one JSON line per row. A table is known by its path,
size and time of change; its MD5, which VLMEvalKit publishes, is checked as well.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from evals.core.types import fingerprint
from evals.core.writing import write_atomic

FORMAT = 1
"""Raised when the layout of the cache changes."""
_SUFFIXES = {
    b"\x89PN": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"RIF": ".webp",
    b"GIF": ".gif",
    b"BM": ".bmp",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Attributes:
        where: file and row, for messages.
        values: column -> text, as in the table; the picture's column is left out.
        images: files in the cache, in order; empty for a row that has none of its own.
    """

    where: str
    values: dict[str, str]
    images: tuple[Path, ...]

    def get(self, column: str, default: str = "") -> str:
        """Text of a column; an empty cell and an absent column are the default."""
        return self.values.get(column) or default


def table_rows(path: Path, cache: Path, md5: str = "", *, accept: bool = False) -> list[Row]:
    """All rows of a table, unpacked to the cache on first use.

    A picture that is no longer than a row number stands for that row's picture, as in VLMEvalKit
    (rotations of one question share it).

    Args:
        path: the TSV file.
        cache: of the user.
        md5: that the file must have; empty for any.
        accept: take a file with another MD5.

    Raises:
        UserError: the file cannot be read, is of another revision, or a row is damaged.
    """
    try:
        at = path.stat()
    except OSError as error:
        raise UserError(f"Cannot read {path} ({error.strerror}); check the path.") from error
    key = fingerprint([str(path.absolute()), at.st_size, at.st_mtime_ns, FORMAT])
    home = cache / "tables" / f"{path.stem}-{key}"
    index = home / "index.jsonl"
    if not index.exists():
        _unpack(path, home)
    head, *lines = index.read_text(encoding="utf-8").splitlines()
    found = json.loads(head)["md5"]
    if md5 and found != md5 and not accept:
        raise UserError(
            f"{path} is of another revision: its MD5 is {found}, expected {md5}; get the table "
            "again, or take this one knowingly with BENCHMARK/SUITE@md5:" + found[:12] + "."
        )
    return [_row(json.loads(line), path, home) for line in lines]


def _row(stored: dict[str, Any], path: Path, home: Path) -> Row:
    images = tuple(home / "images" / name for name in stored["images"])
    return Row(where=f"{path}: row {stored['row']}", values=stored["values"], images=images)


def _unpack(path: Path, home: Path) -> None:
    """Write the pictures, and then the index, so that a broken attempt is made again."""
    digest = hashlib.md5(usedforsecurity=False)
    lines: list[str] = []
    own: dict[str, list[str]] = {}
    for number, values in enumerate(_records(path, digest), 1):
        where = f"{path}: row {number}"
        index = values.get("index", "")
        if not index:
            raise UserError(f"{where} has no 'index'; get the table again.")
        cell = values.pop("image", "")
        if cell and len(cell) < 64 and cell.strip().isdecimal():
            names = own.get(cell.strip(), [])
            if not names:
                raise UserError(f"{where} shows the picture of row {cell}, which has none.")
        else:
            names = [_write_image(i, home, where) for i in _pictures(cell)]
        own[index] = names
        lines.append(
            json.dumps({"row": number, "values": values, "images": names}, ensure_ascii=False)
        )
    if not lines:
        raise UserError(f"{path} has no rows; get the table again.")
    head = json.dumps({"md5": digest.hexdigest(), "source": path.name})
    write_atomic(home / "index.jsonl", "\n".join([head, *lines, ""]).encode())


def _records(path: Path, digest: Any) -> Iterator[dict[str, str]]:
    """Rows by column; the digest is fed with the bytes of the file."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))

    def lines() -> Iterator[str]:
        with path.open("rb") as stream:
            for line in stream:
                digest.update(line)
                yield line.decode("utf-8")

    try:
        for row in csv.DictReader(lines(), delimiter="\t"):
            yield {k: v for k, v in row.items() if isinstance(k, str) and isinstance(v, str)}
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise UserError(f"{path} is not a readable table ({error}); get it again.") from error


def _pictures(cell: str) -> list[str]:
    """One picture, or several as a JSON list."""
    if cell.startswith("["):
        try:
            found = json.loads(cell.replace("'", '"'))
        except ValueError:
            return [cell]
        return [str(i) for i in found]
    return [cell] if cell else []


def _write_image(text: str, home: Path, where: str) -> str:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UserError(f"{where} holds a damaged picture ({error}); get it again.") from error
    suffix = next((s for start, s in _SUFFIXES.items() if data.startswith(start)), ".img")
    name = hashlib.sha256(data).hexdigest()[:24] + suffix
    target = home / "images" / name
    if not target.exists():
        write_atomic(target, data)
    return name
