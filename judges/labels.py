"""Scores that people gave, read from a CSV file with every oddity met at the door."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.core.errors import UserError, unknown

COLUMNS = ("sample", "trial", "model", "rater", "note")
"""What a file of labels may hold besides scores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """One score that a person gave.

    Attributes:
        sample: id of the sample.
        dimension: name of the dimension.
        score: on the rubric's scale; between whole scores is allowed.
        trial: None where the file does not say.
        model: empty where the file does not say.
        rater: empty where the file does not say: one rater.
        note: a remark.
        place: file and line, for messages.
    """

    sample: str
    dimension: str
    score: float
    trial: int | None = None
    model: str = ""
    rater: str = ""
    note: str = ""
    place: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """A file of labels: its scores, and how many rows hold none yet."""

    rows: tuple[Label, ...]
    blank: int = 0


def read_labels(path: Path, dimensions: Sequence[str], low: int, high: int) -> Labels:
    """Read labels from a CSV file: a column per dimension, or the columns dimension and score.

    Args:
        path: UTF-8, with or without a byte order mark; its columns are `COLUMNS` and the scores. An
            empty cell is a score that was not given.
        dimensions: names that the rubric has.
        low: lowest score.
        high: highest score.

    Raises:
        UserError: the file cannot be used; the sentence names file and line, and what to do.
    """
    (_, header), *body = _table(path)
    long = _is_long(path, header, dimensions)
    rows: dict[tuple[str, int | None, str, str, str], Label] = {}
    blank = 0
    for line, cells in body:
        place = f"{path}, line {line}"
        if len(cells) != len(header):
            raise UserError(
                f"{place} has {len(cells)} cells but the header has {len(header)}; quote a cell "
                "that holds a comma."
            )
        row = dict(zip(header, cells, strict=True))
        found = list(_labels(row, place, dimensions, (low, high), long))
        blank += not found
        for label in found:
            key = (label.sample, label.trial, label.model, label.rater, label.dimension)
            if key in rows:
                raise UserError(
                    f"{place} repeats {label.dimension} of sample {label.sample!r} from line "
                    f"{rows[key].place.rpartition(' ')[2]}; tell them apart by rater, model or "
                    "trial, or delete one."
                )
            rows[key] = label
    if not rows:
        raise UserError(f"{path} holds no score; give some in the columns of the dimensions.")
    return Labels(rows=tuple(rows.values()), blank=blank)


def _table(path: Path) -> list[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line it begins at; the first is the header."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8 (byte {error.start}); save it as CSV in UTF-8."
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give a CSV file.") from error
    reader = csv.reader(io.StringIO(text), strict=True)
    rows, line = [], 1
    try:
        for cells in reader:
            stripped = [c.strip() for c in cells]
            if any(stripped):
                rows.append((line, stripped))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {line} is no CSV ({error}); mend its quotes.") from error
    if not rows:
        raise UserError(f"{path} is empty; its first line names the columns, e.g. sample,rater.")
    return rows


def _is_long(path: Path, header: Sequence[str], dimensions: Sequence[str]) -> bool:
    """Whether a file is in long form, once its header is found to make sense."""
    place = f"{path}, line 1"
    twice = [c for at, c in enumerate(header) if c in header[:at]]
    if twice:
        raise UserError(f"{place} names the column {twice[0]!r} twice; rename or delete one.")
    if "sample" not in header:
        mark = next((m for m in ";\t" if any(m in c for c in header)), "")
        hint = f" its cells seem to be separated by {mark!r}, use commas" if mark else ""
        raise UserError(
            f"{place} has no column sample;{hint or ' add it, with the ids of the samples'}."
        )
    scores = [c for c in header if c not in COLUMNS]
    long = "dimension" in scores or "score" in scores
    for column in scores:
        if column not in (("dimension", "score") if long else dimensions):
            kind = "column" if long else "dimension"
            known = ("dimension", "score", *COLUMNS) if long else dimensions
            hint = f"Known: {', '.join(known)}; rename or delete the column, remarks go into note."
            raise UserError(f"{place}: {unknown(kind, column, known, hint)}")
    if len(scores) < (2 if long else 1):
        raise UserError(
            f"{place} has no column of scores; add {', '.join(dimensions)}, or dimension and score."
        )
    return long


def _labels(
    row: Mapping[str, str],
    place: str,
    dimensions: Sequence[str],
    scale: tuple[int, int],
    long: bool,
) -> Iterator[Label]:
    """The labels of one row."""
    if not row["sample"]:
        raise UserError(f"{place} names no sample; give its id, or delete the line.")
    trial = row.get("trial", "")
    if trial and not (trial.isascii() and trial.isdecimal()):
        raise UserError(f"{place}: trial is {trial!r}; write a whole number from 0 on.")
    cells = (
        [(row["dimension"], row["score"])] if long else [(d, row.get(d, "")) for d in dimensions]
    )
    for dimension, text in cells:
        if dimension not in dimensions:
            raise UserError(f"{place}: {unknown('dimension', dimension, dimensions)}")
        if text:
            yield Label(
                sample=row["sample"],
                dimension=dimension,
                score=_number(text, f"{place}: {dimension}", *scale),
                trial=int(trial) if trial else None,
                model=row.get("model", ""),
                rater=row.get("rater", ""),
                note=row.get("note", ""),
                place=place,
            )


def _number(text: str, what: str, low: int, high: int) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise UserError(
            f"{what} is {text!r}; write a number from {low} to {high} with a decimal point, or "
            "leave the cell empty."
        )
    return number
