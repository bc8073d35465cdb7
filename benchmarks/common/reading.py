"""Data files as records, and their fields.

Everything here raises `UserError` with file and line; nothing is ever left out.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from evals.core.errors import UserError


def read_text(path: Path) -> str:
    """A UTF-8 file.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"Cannot read {path} ({error.strerror}); check the path.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error.reason}); get it again.") from error


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        UserError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}); get it again.") from error


def read_object(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} is no JSON object; get the file again.")
    return value


def read_objects(path: Path) -> list[dict[str, Any]]:
    """A JSON file that holds a list of objects.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    value = read_json(path)
    if not isinstance(value, list):
        raise UserError(f"{path} is no JSON list of objects; get the file again.")
    for number, row in enumerate(value, 1):
        if not isinstance(row, dict):
            raise UserError(f"{path}: entry {number} is no JSON object; get the file again.")
    return value


def read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(``file:line``, object) of every line that is not empty.

    Raises:
        UserError: a line is no JSON object.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where} is not JSON ({error}); get the file again.") from error
        if not isinstance(value, dict):
            raise UserError(f"{where} is no JSON object; get the file again.")
        yield where, value


def read_csv(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(``file:record``, row by column) of a CSV file with a heading.

    Raises:
        UserError: a row has more or fewer fields than the heading.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    try:
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise UserError(
                    f"{path}: record {number} does not have the {len(reader.fieldnames or ())} "
                    "fields of the heading; get the file again."
                )
            yield f"{path}: record {number}", dict(row)
    except csv.Error as error:
        raise UserError(f"{path} is not CSV ({error}); get it again.") from error


# --- fields -----------------------------------------------------------------------------------


def is_given(row: Mapping[str, Any], key: str) -> bool:
    """Whether a field is there: neither absent nor null nor NaN."""
    value = row.get(key)
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def text_of(row: Mapping[str, Any], key: str, where: str) -> str:
    """A field that must be text.

    Raises:
        UserError: it is absent or something else.
    """
    value = row.get(key)
    if not isinstance(value, str):
        raise UserError(f"{where} has no text in {key!r}; get the file again.")
    return value


def whole_of(row: Mapping[str, Any], key: str, where: str) -> int:
    """A field that must be a whole number, or text that holds one.

    Raises:
        UserError: it is absent or something else.
    """
    value = row.get(key)
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UserError(f"{where} has no whole number in {key!r}; get the file again.")
    return value


def texts_of(row: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """A field that must be a list of texts.

    Raises:
        UserError: it is absent or something else.
    """
    value = row.get(key)
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise UserError(f"{where} has no list of texts in {key!r}; get the file again.")
    return tuple(value)


def same_length(parts: Mapping[str, Sequence[Any]], where: str) -> int:
    """How long several parallel lists are.

    Raises:
        UserError: they differ.
    """
    sizes = {name: len(part) for name, part in parts.items()}
    if len(set(sizes.values())) > 1:
        raise UserError(f"{where} has parallel lists of different length ({sizes}); get it again.")
    return next(iter(sizes.values()), 0)


def below(home: Path, name: str, where: str) -> Path:
    """A file that a record names.

    Raises:
        UserError: it would lie outside the folder.
    """
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts:
        raise UserError(f"{where} names the file {name!r}, which is not below {home}.")
    return home / path
