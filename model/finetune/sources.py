"""One part of the mixture, looked through once: what may be learnt, what not, and why."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from evals.core.errors import ImageError, UserError
from model.finetune.config import Data, Entry, Resolution, Task, entry_name
from model.finetune.refuse import Guard, Refusal
from model.finetune.rows import (
    ANSWER,
    NEEDED,
    OPTIONAL,
    PROMPT,
    PROVENANCE,
    REASONING,
    SIDES,
    Row,
    RowError,
    header_size,
    image_column,
    made,
    text,
)
from model.finetune.tables import ABSENT, Table, open_table

REASONS: Mapping[str, tuple[str, str]] = {
    "split": ("they are of another split", "set splits to what may be learnt"),
    "bench_spec": ("a benchmark asks for them", "name a table of the split train"),
    "official_pair": ("a benchmark asks for their texts", "name another table"),
    "empty_prompt": ("their prompt says nothing", "name the right column with `columns`"),
    "empty_answer": ("their answer is empty", "name the right column with `columns`"),
    "empty_reasoning": ("their reasoning is empty", "name the right column with `columns`"),
    "not_text": ("they hold no text where one is learnt", "write text into these columns"),
    "no_image": ("they have no image", "name the right column with `columns`"),
    "unreadable_image": ("their image cannot be opened", "look at the images"),
    "too_small": ("their image is too small", "lower data.min_side"),
    "extreme_aspect": (
        "their image is too wide or too narrow", "widen resolution.aspect_min and aspect_max",
    ),
}  # fmt: skip
"""Why rows are dropped: a word -> for people, and what to do when it is all of them."""

_BATCH = 2048
_ROUNDING = 1.02
"""A picture of 1000 x 2001 pixels is one of 1:2."""
_OTHER_SHAPE = 0.02
"""What width / height may differ by from what the table says."""
_WIDEST = 200
"""The longest side over the shortest that the bundled model takes at all."""
_WORD = re.compile(r"[^\W_]")

Problem: TypeAlias = tuple[str, str]
"""A key of `REASONS`, and what was found."""


class Dropped(NamedTuple):
    """A row that is not learnt.

    Attributes:
        source: name of its part of the mixture.
        row: its number there.
        id: what the table calls it.
        reason: a key of `REASONS`.
        detail: what was found.
    """

    source: str
    row: int
    id: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """One part of the mixture.

    Attributes:
        name: in logs.
        task: what its rows teach.
        weight: its share, in relation to the other weights.
        path: where it lies.
        sizes: (rows, 2) height and width in pixels of the image that is made; for ``understand`` of
            the image that is asked about. (0, 0) where there is none or it is unknown.
        kept: rows that may be learnt, ascending.
        dropped: all others.
        least: pixels of the shortest side.
        digest: names the rows, their sizes and which are kept; not where the files lie.
        table: the files.
    """

    name: str
    task: Task
    weight: float
    path: str
    sizes: NDArray[np.int32]
    kept: NDArray[np.int64]
    dropped: tuple[Dropped, ...]
    least: int = 1
    digest: str
    table: Table

    def __len__(self) -> int:
        """Rows, dropped ones included."""
        return len(self.sizes)

    def read(self, row: int) -> Row:
        """A row with its images decoded.

        Raises:
            RowError: it cannot be read, though its header could.
            IndexError: there is no such row.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"{self.name!r} has {len(self)} rows and no row {row}")
        values: dict[str, Any] = {}
        try:
            values = self.table.get(row)
            found = made(values, self.task, self.table.base, row)
            self._check_sizes(row, found)
            return found
        except (ImageError, UserError, OSError) as error:
            number = values.get("id")
            name = str(row) if number is None else str(number)
            raise RowError(self.name, row, name, str(error)) from error

    def _check_sizes(self, row: int, found: Row) -> None:
        """Refuse an image that is not what its table says of it.

        Raises:
            UserError: it is smaller than what is learnt, or of another shape.
        """
        for image in (found.source, found.target):
            if image is not None and min(image.size) < self.least:
                raise UserError(
                    f"it has an image of {image.width} x {image.height} pixels, whatever its table "
                    f"says, and data.min_side is {self.least}"
                )
        decides = found.source if self.task == "understand" else found.target
        height, width = map(int, self.sizes[row])
        if decides is None or not height:
            return
        if abs(decides.width * height / (decides.height * width) - 1) > _OTHER_SHAPE:
            raise UserError(
                f"its {image_column(self.task)} has {decides.width} x {decides.height} pixels and "
                f"the table says {width} x {height}"
            )

    def summary(self) -> dict[str, Any]:
        """What to print and to keep of it."""
        return {
            "name": self.name, "task": self.task, "weight": self.weight, "path": self.path,
            "rows": len(self), "kept": len(self.kept),
            "dropped": dict(Counter(d.reason for d in self.dropped)), "digest": self.digest,
        }  # fmt: skip


def open_source(
    entry: Entry, data: Data, guard: Guard, cache: Path, resolution: Resolution
) -> Source:
    """Open a part of the mixture and look through its rows; no image is decoded.

    Args:
        entry: the part.
        data: for the shortest side.
        guard: refuses rows of benchmarks.
        cache: folder for copies of Parquet files; one of its own is made in it.
        resolution: for the bounds of the aspect ratio.

    Raises:
        UserError: a file is missing, broken or lacks columns, or no row is left.
    """
    task = cast("Task", entry.task)
    table = open_table(entry, task, cache / "rows")
    look = _Look(entry, task, table, data, guard, resolution)
    for batch in table.batches(table.columns, _BATCH):
        look.at(batch)
    if not look.kept:
        raise UserError(_nothing_left(entry, look.dropped))
    kept = np.array(look.kept, np.int64)
    sizes = np.concatenate(look.sizes)
    look.digest.update(f"{table.digest} {len(sizes)}".encode())
    look.digest.update(sizes.tobytes())
    look.digest.update(kept.tobytes())
    return Source(
        name=entry_name(entry), task=task, weight=entry.weight, path=entry.path, sizes=sizes,
        kept=kept, dropped=tuple(look.dropped), least=data.min_side,
        digest=look.digest.hexdigest(), table=table,
    )  # fmt: skip


def _nothing_left(entry: Entry, dropped: list[Dropped]) -> str:
    [(reason, count)] = Counter(d.reason for d in dropped).most_common(1)
    first = next(d for d in dropped if d.reason == reason)
    why, act = REASONS[reason]
    return (
        f"No row of {entry_name(entry)!r} ({entry.path}) may be learnt: of {len(dropped)} rows "
        f"{count} are dropped because {why} (row {first.row}, id {first.id!r}: {first.detail}); "
        f"{act}."
    )


class _Look:
    """Goes through the rows in order and sorts them into kept and dropped."""

    def __init__(
        self, entry: Entry, task: Task, table: Table, data: Data, guard: Guard,
        resolution: Resolution,
    ) -> None:  # fmt: skip
        self._entry, self._task, self._table = entry, task, table
        self._guard, self._resolution, self._least = guard, resolution, data.min_side
        self._images = [n for n in (*NEEDED[task], *OPTIONAL[task]) if n in SIDES]
        self._learnt = {"understand": ANSWER, "cot": REASONING}.get(task)
        self.sizes: list[NDArray[np.int32]] = []
        self.kept: list[int] = []
        self.dropped: list[Dropped] = []
        self.digest = hashlib.blake2b(digest_size=16)
        self._name, self._row = entry_name(entry), 0

    def at(self, batch: Mapping[str, list[Any]]) -> None:
        """Take the next rows."""
        count = len(batch[PROMPT])
        for name, values in batch.items():
            if name not in SIDES:
                words = "\x1f".join(map(str, values))
                self.digest.update(f"{name}\x1e{words}\x1e".encode("utf-8", "backslashreplace"))
        problems = self._text_problems(batch)
        decides = np.zeros((count, 2), np.int32)
        for name in self._images:
            sizes = self._measured(batch, name, problems)
            if name == image_column(self._task):
                decides = sizes
            for n in self._odd(name, sizes):
                problems[n] = problems[n] or self._size_problem(name, *map(int, sizes[n]))
        self.sizes.append(decides)
        ids = batch.get("id", [])
        for n, problem in enumerate(problems):
            if problem is None:
                self.kept.append(self._row + n)
            else:
                known = ids[n] if ids and ids[n] is not ABSENT and ids[n] is not None else None
                name = str(self._row + n if known is None else known)
                self.dropped.append(Dropped(self._name, self._row + n, name, *problem))
        self._row += count

    def _text_problems(self, batch: Mapping[str, list[Any]]) -> list[Problem | None]:
        """Of each row, what its words have against it."""
        prompts = [text(v) for v in batch[PROMPT]]
        evidence = {c: batch[c] for c in PROVENANCE[1:] if c in batch}
        problems: list[Problem | None] = []
        for n, prompt in enumerate(prompts):
            given = {c: text(v[n]) for c, v in evidence.items() if v[n] is not ABSENT}
            refusal = self._guard.why(instruction=prompt, splits=self._entry.splits, **given)
            if refusal is None and isinstance(batch[PROMPT][n], list | dict):
                refusal = Refusal("not_text", f"its {PROMPT} is {prompt[:40]}")
            # A prompt of 512 exclamation marks, as ScaleEdit has some, says nothing either.
            if refusal is None and not _WORD.search(prompt):
                refusal = Refusal("empty_prompt", f"its prompt is {prompt[:40]!r}")
            problems.append(refusal)
        if self._learnt:
            for n, value in enumerate(batch.get(self._learnt, [])):
                if problems[n] is None and (value is ABSENT or not text(value).strip()):
                    problems[n] = (f"empty_{self._learnt}", f"its {self._learnt} is empty")
                elif problems[n] is None and isinstance(value, list | dict):
                    problems[n] = ("not_text", f"its {self._learnt} is {text(value)[:40]}")
        return problems

    def _measured(
        self, batch: Mapping[str, list[Any]], name: str, problems: list[Problem | None]
    ) -> NDArray[np.int32]:
        """(rows, 2) height and width of an image column; problems are put down in place.

        They are what the table says, or else what the image's header does.
        """
        cells = batch.get(name)
        if cells is None:
            return np.zeros((len(problems), 2), np.int32)
        blank = [None] * len(cells)
        told = zip(*(batch.get(side, blank) for side in SIDES[name]), strict=True)
        sizes = np.zeros((len(cells), 2), np.int32)
        for n, (cell, (height, width)) in enumerate(zip(cells, told, strict=True)):
            try:
                if cell is None or cell is ABSENT:
                    # ScaleEdit has rows with a size and no image, which is to be fetched elsewhere.
                    size = None
                elif _is_side(height) and _is_side(width):
                    size = (int(height), int(width))
                elif problems[n] is not None:
                    continue
                else:
                    size = header_size(cell, self._table.base)
            except ImageError as error:
                problems[n] = ("unreadable_image", f"{name}: {str(error).rstrip('.')}")
                continue
            if size is not None:
                sizes[n] = size
            elif name in NEEDED[self._task]:
                problems[n] = problems[n] or ("no_image", f"it has no {name}")
        return sizes

    def _odd(self, name: str, sizes: NDArray[np.int32]) -> list[int]:
        """Rows whose image is there and has a size that is not learnt."""
        height, width = sizes[:, 0], sizes[:, 1]
        there = height > 0
        ratio = np.divide(width, height, out=np.ones(len(sizes)), where=there)
        low, high = self._bounds(name)
        bad = (np.minimum(height, width) < self._least) | (ratio < low) | (ratio > high)
        return [int(n) for n in np.flatnonzero(there & bad)]

    def _bounds(self, name: str) -> tuple[float, float]:
        """Smallest and largest width / height of an image column."""
        if name == image_column(self._task) and self._task != "understand":
            low, high = self._resolution.aspect_min, self._resolution.aspect_max
            return low / _ROUNDING, high * _ROUNDING
        return 1 / _WIDEST, _WIDEST

    def _size_problem(self, name: str, height: int, width: int) -> Problem:
        found = f"its {name} has {width} x {height} pixels"
        if min(height, width) < self._least:
            return "too_small", f"{found} and data.min_side is {self._least}"
        low, high = self._bounds(name)
        return "extreme_aspect", (
            f"{found}, a width / height of {width / height:.3g}, outside {low:.3g} to {high:.3g}"
        )


def _is_side(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and 1 <= value < 1 << 24


__all__ = ["REASONS", "Dropped", "RowError", "Source", "open_source"]
