"""Reading the prompt files: every line becomes a checked record or a problem with its place.

The official files are clean; the ones that people edit, merge or unpack on another system are
not. A name in them decides which files are opened, so it is checked before it becomes a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.textedit.reference import Polygon, TextBox

TEXT_FIELDS = ("prompt", "original_image", "gt_image", "source_text", "target_text", "gt_caption")
PATH_FIELDS = ("original_image", "gt_image", "mask")
_DRIVE = re.compile(r"^[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One line of a prompt file: the seven official fields, and those of our own suites."""

    line: int
    id: int
    prompt: str
    original_image: str
    gt_image: str
    source_text: str
    target_text: str
    gt_caption: str
    mask: str | None
    slots: tuple[Polygon, ...]
    texts: tuple[TextBox, ...]
    spec_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LineProblem:
    """Why a line is not a record: where it stands, and what to do about it."""

    path: Path
    line: int
    message: str
    kind: Literal["malformed", "duplicate"] = "malformed"

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.path}:{self.line}"


def parse_file(path: Path) -> tuple[list[Record], list[LineProblem]]:
    """All records and all problems of a prompt file (JSON lines, UTF-8, BOM allowed).

    Raises:
        OSError: the file cannot be read.
    """
    records: list[Record] = []
    problems: list[LineProblem] = []
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            records.append(_parse_line(line, number))
        except ValueError as error:
            problems.append(LineProblem(path=path, line=number, message=str(error)))
    return records, problems


def _parse_line(line: bytes, number: int) -> Record:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8; save the file as UTF-8.") from error
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"is not JSON ({error}); write one JSON object per line, or restore the official file."
        ) from error
    if not isinstance(row, dict):
        raise ValueError(f"holds a JSON {type(row).__name__}, not an object; write one record.")
    fields = {name: _text(row, name) for name in TEXT_FIELDS}
    record_id = row.get("id")
    if isinstance(record_id, bool) or not isinstance(record_id, int) or record_id < 0:
        what = "has no field 'id'" if "id" not in row else f"has the id {_show(record_id)}"
        raise ValueError(f"{what}; it must be a whole number from 0 on.")
    mask = _text(row, "mask") if row.get("mask") is not None else None
    for name, value in {**fields, "mask": mask}.items():
        if name in PATH_FIELDS and value is not None:
            _check_path(name, value)
    spec = row.get("spec_sha256", "")
    if not isinstance(spec, str):
        raise ValueError(f"has {_show(spec)} in 'spec_sha256'; it must be text.")
    return Record(
        line=number,
        id=record_id,
        mask=mask,
        slots=tuple(_polygon(p, "slots") for p in _list(row, "slots")),
        texts=tuple(_text_box(t) for t in _list(row, "texts")),
        spec_sha256=spec,
        **fields,
    )


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _text(row: Mapping[str, Any], name: str) -> str:
    if name not in row:
        raise ValueError(f"has no field {name!r}; add it, or restore the official file.")
    value = row[name]
    if not isinstance(value, str):
        raise ValueError(f"has {_show(value)} in {name!r}; it must be text.")
    if "\x00" in value:
        raise ValueError(f"has a NUL character in {name!r}; remove it.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"has half a character (a lone surrogate) in {name!r}.") from error
    return value


def _check_path(name: str, value: str) -> None:
    """Refuse everything but a plain relative path with forward slashes."""
    parts = value.split("/")
    if (
        "\\" in value
        or _CONTROL.search(value)
        or _DRIVE.match(value)
        or any(part in {"", ".", ".."} for part in parts)
    ):
        raise ValueError(
            f"has the path {_show(value)} in {name!r}; use a path below the image folder with "
            "forward slashes, without '..', drive letter or leading slash."
        )


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"has {_show(value)} in {name!r}; it must be a list.")
    return value


def _polygon(value: Any, name: str) -> Polygon:
    points = value if isinstance(value, list) else []
    whole = len(points) >= 3 and all(
        isinstance(p, list)
        and len(p) == 2
        and all(isinstance(c, int | float) and not isinstance(c, bool) for c in p)
        for p in points
    )
    if not whole:
        raise ValueError(f"has {_show(value)} in {name!r}; a polygon is a list of [x, y] corners.")
    return tuple((float(x), float(y)) for x, y in points)


def _text_box(value: Any) -> TextBox:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise ValueError(f"has {_show(value)} in 'texts'; each needs 'text' and 'polygon'.")
    return TextBox(text=value["text"], polygon=_polygon(value.get("polygon"), "texts"))
