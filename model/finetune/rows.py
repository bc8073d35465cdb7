"""One row of training data, and the cells it is made of.

The columns are those of ScaleEdit-12M and a few of our own. A table in other words is read through
`Entry.columns`, which says what its columns are called.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from evals.core.errors import ImageError, UserError, nearest, unknown
from evals.core.images import DECODE_ERRORS, MAX_PIXELS, SUFFIXES, exif_orientation, load_rgb
from model.finetune.config import Entry, Task
from model.finetune.refuse import normal

if TYPE_CHECKING:
    from PIL import Image

PROMPT, ANSWER, REASONING = "edit_instruction", "answer", "reasoning"
SOURCE, TARGET = "source_image", "edited_image"
SIDES = {name: (f"{name}_height", f"{name}_width") for name in (SOURCE, TARGET)}
"""Image column -> columns of its height and width, in pixels, where a table has them."""

NEEDED: Mapping[Task, tuple[str, ...]] = {
    "edit": (PROMPT, SOURCE, TARGET),
    "t2i": (PROMPT, TARGET),
    "understand": (PROMPT, ANSWER),
    "cot": (PROMPT, REASONING, TARGET),
}
OPTIONAL: Mapping[Task, tuple[str, ...]] = {
    "edit": (), "t2i": (), "understand": (SOURCE,), "cot": (SOURCE,),
}  # fmt: skip
PROVENANCE = ("id", "split", "spec_sha256", "source_text", "target_text")
"""Columns that say where a row is from; `refuse` looks at them."""

SCALEEDIT = (
    "id", "edit_task", PROMPT, SOURCE, TARGET, *SIDES[SOURCE], *SIDES[TARGET],
    "instruction_following_score", "editing_consistency_score", "generation_quality_score",
)  # fmt: skip
OURS = (ANSWER, REASONING, *PROVENANCE[1:], "mask", "generator")
COLUMNS = (*SCALEEDIT, *OURS)

_LONGEST = 1024
"""Characters of a path; a longer text is an image in base64 or the like."""

Cell: TypeAlias = Any
"""An image as a table holds it: bytes, an Arrow buffer of them, a path, or a struct of both."""


class RowError(UserError):
    """A row that turns out to be unreadable only when it is read.

    Args:
        source: name of its part of the mixture.
        row: its number there.
        id: what the table calls it.
        why: what is wrong, without a full stop.
    """

    def __init__(self, source: str, row: int, id: str, why: str) -> None:
        self.source, self.row, self.id, self.why = source, row, id, why
        super().__init__(
            f"Row {row} (id {id!r}) of {source!r} cannot be learnt from: {why.rstrip('.')}; mend "
            "or remove it, or set data.on_bad_row to skip."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross from the worker that reads to the process that trains."""
        return type(self), (self.source, self.row, self.id, self.why)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one row teaches.

    Attributes:
        id: what the table calls it; its number where the table has no ids.
        task: what it teaches.
        prompt: what the user says.
        source: picture in the prompt, 8-bit RGB; None where there is none.
        target: picture to be made; None for ``understand``.
        answer: text to be learnt; empty unless for ``understand``.
        reasoning: text to be learnt before the picture; empty unless for ``cot``.
    """

    id: str
    task: Task
    prompt: str
    source: Image.Image | None
    target: Image.Image | None
    answer: str
    reasoning: str


def image_column(task: Task) -> str:
    """The column whose size decides how a row is batched."""
    return SOURCE if task == "understand" else TARGET


def text(value: Any) -> str:
    """A cell as text; an absent one is empty."""
    return "" if value is None else str(value)


def chosen(
    entry: Entry, task: Task, present: Sequence[str], where: Path, inner: Sequence[str] = ()
) -> dict[str, str]:
    """Which columns of a file are read: our name -> the file's.

    Args:
        entry: part of the mixture, for what its columns are called.
        task: what its rows teach.
        present: columns the file has.
        where: the file, for messages.
        inner: fields of its columns, as ``column.field``.

    Raises:
        UserError: a column that is needed is not there, `entry.columns` names one that does not
            exist, or one that tells where rows are from is called otherwise.
    """
    for ours, theirs in entry.columns.items():
        if ours not in COLUMNS:
            raise unknown("column to rename", ours, COLUMNS)
        if theirs not in present:
            raise UserError(
                f"{where} has no column {theirs!r}, which `columns` calls {ours}; it has "
                f"{', '.join(present) or 'none'}."
            )
    found = {name: entry.columns.get(name, name) for name in COLUMNS}
    for theirs in inner:
        if _plain(theirs.rpartition(".")[2]) in PROVENANCE[1:]:
            raise UserError(
                f"{where} has a field {theirs!r}, which tells where rows are from and would not be "
                "read; write it as a column of its own, or take it out of the file."
            )
    for theirs in present:
        ours = _plain(theirs)
        if ours in PROVENANCE[1:] and theirs not in found.values():
            raise UserError(
                f"{where} has a column {theirs!r}, which tells where rows are from and would not "
                f"be read; add `columns: {{{ours}: {theirs}}}` or take it out of the file."
            )
    missing = [n for n in NEEDED[task] if found[n] not in present]
    if missing:
        raise UserError(_missing(task, missing, present, where))
    return {n: found[n] for n in wanted(task) if found[n] in present}


def _plain(column: str) -> str:
    return normal(column).replace(" ", "_").replace("-", "_")


def wanted(task: Task) -> tuple[str, ...]:
    """The columns that are read for a task, where a table has them."""
    learnt = (*NEEDED[task], *OPTIONAL[task])
    return (*PROVENANCE, *learnt, *(side for n in learnt for side in SIDES.get(n, ())))


def _missing(task: Task, missing: list[str], present: Sequence[str], where: Path) -> str:
    """The sentence for columns that are not there, with those that may be meant."""
    like = {n: near[0] for n in missing if (near := nearest(n, present, 1))}
    first = missing[0]
    hint = ", ".join(f"{n}: {like.get(n, 'ITS NAME HERE')}" for n in missing)
    names = " or ".join(missing) if len(missing) == 2 else ", ".join(missing)
    return (
        f"{where} has no column {names if len(missing) > 1 else first}, which the task {task} "
        f"needs; it has {', '.join(present) or 'none'}, so say beside its path "
        f"`columns: {{{hint}}}`."
    )


def picture(cell: Cell, base: Path) -> Any:
    """An image cell as bytes, an Arrow buffer or a path; None where there is no image.

    Args:
        cell: see `Cell`.
        base: folder that relative paths start from.

    Raises:
        ImageError: it is none of these, of kind ``not_an_image``.
    """
    if isinstance(cell, Mapping):
        data = cell.get("bytes")
        cell = cell.get("path") if data is None else data
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, str):
        if len(cell) > _LONGEST:
            raise ImageError(
                "not_an_image", f"a text of {len(cell):,} characters stands where a path should"
            )
        return base / cell
    if isinstance(cell, (bytes, bytearray, memoryview)) or hasattr(cell, "to_pybytes"):
        return cell
    raise ImageError("not_an_image", f"a {type(cell).__name__} stands where an image should")


def decoded(cell: Cell, base: Path) -> Image.Image | None:
    """An image cell as 8-bit RGB, as a person sees it; None where there is no image.

    Raises:
        ImageError: as `evals.core.images.open_image`.
    """
    source = picture(cell, base)
    if source is None:
        return None
    if hasattr(source, "to_pybytes"):
        source = source.to_pybytes()
    return load_rgb(source if isinstance(source, Path) else bytes(source))


def header_size(cell: Cell, base: Path) -> tuple[int, int] | None:
    """Height and width in pixels as `decoded` would give them, from the header alone.

    Nothing is decoded and of an Arrow buffer only the pages of the header are touched, so that a
    table of millions of rows can be looked through.

    Raises:
        ImageError: the header cannot be read, or says that the image is too large.
    """
    from PIL import Image, TiffImagePlugin

    source = picture(cell, base)
    if source is None:
        return None
    try:
        absent = isinstance(source, Path) and not source.is_file()
    except OSError:  # a name that is too long, a folder that may not be looked into
        absent = True
    if absent:
        raise ImageError("not_found", f"{source} does not exist or is not a file")
    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            formats = tuple(f for f in SUFFIXES if f in Image.OPEN)
            with Image.open(_stream(source), formats=formats) as image:
                width, height = image.size
                if isinstance(image, TiffImagePlugin.TiffImageFile):
                    # Some versions of Pillow turn the size of these, some only their pixels.
                    width, height = image.tag_v2[256], image.tag_v2[257]
                # Of a PNG without EXIF before its pixels, Pillow would decode all of it to look
                # behind them.
                seen = image.format != "PNG" or "exif" in image.info
                turned = seen and exif_orientation(image) >= 5
    except (*DECODE_ERRORS, Image.DecompressionBombError) as error:
        what = str(source) if isinstance(source, Path) else "the image"
        raise ImageError("not_an_image", f"{what} cannot be opened") from error
    if width * height > MAX_PIXELS:
        raise ImageError(
            "too_large", f"it has {width} x {height} pixels, more than {MAX_PIXELS:,} together"
        )
    return (width, height) if turned else (height, width)


def _stream(source: Any) -> Any:
    """What Pillow can open; an Arrow buffer is not copied."""
    if hasattr(source, "to_pybytes"):
        import pyarrow as pa

        return pa.BufferReader(source)
    return source if isinstance(source, Path) else io.BytesIO(source)


def made(values: Mapping[str, Any], task: Task, base: Path, row: int) -> Row:
    """A row of its cells.

    Args:
        values: by our column names.
        task: what it teaches.
        base: folder that relative paths start from.
        row: its number, where the table has no ids.

    Raises:
        ImageError: an image is missing or cannot be decoded.
    """
    images: dict[str, Image.Image | None] = {SOURCE: None, TARGET: None}
    for name in (*NEEDED[task], *OPTIONAL[task]):
        if name in SIDES:
            images[name] = decoded(values.get(name), base)
            if images[name] is None and name in NEEDED[task]:
                raise ImageError("not_found", f"there is no {name}")
    number = values.get("id")
    return Row(
        id=str(row) if number is None else str(number), task=task,
        prompt=text(values.get(PROMPT)), source=images[SOURCE], target=images[TARGET],
        answer=text(values.get(ANSWER)) if task == "understand" else "",
        reasoning=text(values.get(REASONING)) if task == "cot" else "",
    )  # fmt: skip


__all__ = [
    "COLUMNS", "NEEDED", "OPTIONAL", "PROVENANCE", "SCALEEDIT", "SIDES", "Row", "RowError",
    "chosen", "decoded", "header_size", "image_column", "made", "picture", "text", "wanted",
]  # fmt: skip
