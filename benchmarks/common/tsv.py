"""VLMEvalKit's tables: one TSV file per data set, its pictures in Base64 beside the questions.

VLMEvalKit publishes the MD5 of each; a table of another one is another revision, and is refused
unless the user names its first digits.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import json
import re
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.common.files import MD5
from benchmarks.common.records import Record, Stored, unpacked, write_picture
from evals.core.errors import UserError

_LONGEST = min(sys.maxsize, 2**31 - 1)
"""Longest cell in characters: pictures are long."""
_DIGITS = re.compile(r"[0-9a-f]{8,32}")
_REFERENCE = 64
"""A shorter cell of digits is the index of the row whose picture is meant, as in VLMEvalKit."""


def table_rows(
    path: Path, cache: Path, md5: str = "", *, accept: str = "", of: str = "BENCHMARK/SUITE"
) -> list[Record]:
    """All rows of a table, unpacked to the cache on first use.

    A picture that is no longer than an index stands for the picture of the row with that index, as
    in VLMEvalKit (rotations of one question share it).

    Args:
        path: the TSV file.
        cache: of the user.
        md5: that the file must have; empty for any.
        accept: first digits of the MD5 that it must have instead, at least 8 of them.
        of: what the table is for, for messages.

    Raises:
        UserError: the file cannot be read, is of another revision, or a row is damaged.
    """
    wanted = accept.lower()
    if wanted and not _DIGITS.fullmatch(wanted):
        raise UserError(
            f"{of}@{MD5}{accept} does not name the revision of a table; after {MD5} come the first "
            "8 or more of the 32 hex digits of its MD5."
        )
    about, records = unpacked([path], cache, "table", lambda folder: _unpack(path, folder))
    found, expected = about["md5"], wanted or md5
    if not found.startswith(expected):
        raise UserError(
            f"{path} is of another revision: its MD5 is {found}, expected {expected}; get that "
            f"one, or take this one knowingly with {of}@{MD5}{found[:12]}."
        )
    return records


def _unpack(path: Path, folder: Path) -> tuple[Mapping[str, str], list[Stored]]:
    digest = hashlib.md5(usedforsecurity=False)
    rows: list[tuple[str, dict[str, str], str | list[str]]] = []
    own: dict[str, list[str]] = {}
    with closing(_rows(path, digest)) as found:
        for number, values in enumerate(found, 1):
            where = f"{path}: row {number}"
            index = values.get("index", "")
            if not index:
                raise UserError(f"{where} has no 'index'; get the table again.")
            cell = values.pop("image", "").strip()
            if len(cell) < _REFERENCE and cell.isdecimal():
                rows.append((where, values, cell))
                continue
            names = [write_picture(_decoded(text, where), folder) for text in _pictures(cell)]
            rows.append((where, values, names))
            own.setdefault(index, names)
    if not rows:
        raise UserError(f"{path} has no rows; get the table again.")
    records = [
        Stored(where=w, values=v, images=_shared(i, own, w) if isinstance(i, str) else i)
        for w, v, i in rows
    ]
    return {"md5": digest.hexdigest(), "source": path.name}, records


def _shared(index: str, own: Mapping[str, list[str]], where: str) -> list[str]:
    names = own.get(index)
    if not names:
        raise UserError(f"{where} shows the picture of row {index}, which has none.")
    return names


def _rows(path: Path, digest: Any) -> Generator[dict[str, str], None, None]:
    """Rows by column; the digest is fed with the bytes of the file."""

    def lines() -> Iterator[str]:
        with path.open("rb") as stream:
            for line in stream:
                digest.update(line)
                yield line.decode("utf-8")

    # The limit is one for the whole process; other readers keep theirs.
    limit = csv.field_size_limit(_LONGEST)
    try:
        reader = csv.DictReader(lines(), delimiter="\t")
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise UserError(
                    f"{path}: row {number} does not have the {len(reader.fieldnames or ())} "
                    "columns of the heading; get the table again."
                )
            yield dict(row)
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise UserError(f"{path} is not a readable table ({error}); get it again.") from error
    finally:
        csv.field_size_limit(limit)


def _pictures(cell: str) -> list[str]:
    """One picture, or several as a JSON list."""
    if cell.startswith("["):
        try:
            found = json.loads(cell.replace("'", '"'))
        except ValueError:
            return [cell]
        return [str(i) for i in found]
    return [cell] if cell else []


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UserError(f"{where} holds a damaged picture ({error}); get it again.") from error
