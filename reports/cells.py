"""One mean as people read it: value, interval, coverage, and the reason where there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from evals.core.summary import Cell
from reports.columns import NO_VALUE, Column, count, spread


class Footnotes:
    """Numbered remarks below a table; the same remark keeps its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Number of a remark, from 1."""
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    @property
    def texts(self) -> tuple[str, ...]:
        """The remarks in the order of their numbers."""
        return tuple(self._numbers)


@dataclass(frozen=True, kw_only=True)
class CellView:
    """A cell of a table, ready to print.

    Attributes:
        column: ``metric.quantity``, or a name of the headline's.
        model: display name of the run.
        group: group path joined with ``/``; empty for all samples.
        value: the number itself, or None.
        text: as printed.
        small: half the width of the interval, in small print.
        cover: coverage, where it is not complete.
        tip: everything about the number, one line.
        refs: numbers of footnotes.
        best: whether no other model of the row is better.
    """

    column: str
    model: str
    group: str = ""
    value: float | None = None
    text: str = NO_VALUE
    small: str = ""
    cover: str = ""
    tip: str = ""
    refs: tuple[int, ...] = ()
    best: bool = False

    @property
    def raw(self) -> str:
        """The value with all its digits, for sorting and checking; empty without one."""
        return "" if self.value is None else repr(float(self.value))


def affected(cell: Cell) -> bool:
    """Whether a mean does not simply cover every planned sample."""
    return cell.scored < cell.planned or cell.imputed > 0 or not cell.complete


def coverage(cell: Cell) -> str:
    """How many planned samples were measured, and what was put in for the others.

    >>> coverage(Cell(column="m.q", scored=2111, planned=2148, imputed=37))
    '2,111/2,148, 37 as worst'
    """
    text = f"{count(cell.scored)}/{count(cell.planned)}"
    return f"{text}, {count(cell.imputed)} as worst" if cell.imputed else text


_CODE_WORD = re.compile(r"(?<![\w.])[a-z]+(?:_[a-z]+)+: ")


def spoken(reason: str) -> str:
    """A reason without the code words before its sentence.

    >>> spoken("not applicable: source_not_found: this engine does not read the source text")
    'not applicable: this engine does not read the source text'
    >>> spoken("missing: missing_file")
    'missing: missing_file'
    """
    return _CODE_WORD.sub("", reason)


def reasons_text(reasons: Mapping[str, int], limit: int = 4) -> str:
    """Counted reasons in one line.

    >>> reasons_text({"refused": 3, "missing: missing_file": 1})
    '3 refused; 1 missing: missing_file'
    """
    shown = [f"{count(n)} {spoken(why)}" for why, n in list(reasons.items())[:limit]]
    more = len(reasons) - limit
    return "; ".join([*shown, *([f"{more} further reasons"] if more > 0 else [])])


def why_none(cell: Cell | None) -> str:
    """One sentence on why a cell has no value."""
    if cell is None:
        return "this run does not have the metric"
    if cell.state == "unsupported":
        return f"not supported: {next(iter(cell.reasons), 'the model does not do the task')}"
    if cell.state == "unavailable":
        return f"unavailable: {cell.note}" if cell.note else "unavailable"
    if cell.planned == 0:
        return "no sample is planned here"
    why = cell.note or reasons_text(cell.reasons)
    if cell.state == "not_applicable":
        return why or "not applicable"
    return f"nothing to average: {why}" if why else "nothing to average"


def tip_of(cell: Cell, column: Column) -> str:
    """Everything a summary says about a mean, in one line."""
    if cell.mean is None:
        return why_none(cell)
    parts = [f"{column.key} = {column.text(cell.mean)}"]
    if cell.low is not None:
        parts.append(f"95 % CI [{column.text(cell.low)}, {column.text(cell.high)}]")
    parts += [f"n = {count(cell.n)}", f"scored {coverage(cell)}"]
    if not cell.complete:
        parts.append("not final")
    if cell.reasons:
        parts.append(reasons_text(cell.reasons))
    if cell.note:
        parts.append(cell.note)
    return "; ".join(parts)


def cover_of(cell: Cell) -> str:
    """The coverage wherever it is not complete, else nothing."""
    parts = [coverage(cell)] if affected(cell) else []
    if not cell.complete:
        parts.append("not final")
    return " · ".join(parts)


def cell_view(
    cell: Cell | None, column: Column, model: str, notes: Footnotes, group: str = ""
) -> CellView:
    """A summary's cell as a table prints it; without a value a dash and a footnote, never 0."""
    if cell is None or cell.mean is None:
        why = why_none(cell)
        return CellView(
            column=column.key, model=model, group=group, tip=why, refs=(notes.number(why),)
        )
    return CellView(
        column=column.key,
        model=model,
        group=group,
        value=cell.mean,
        text=column.text(cell.mean),
        small=spread(cell.low, cell.high, column.digits),
        cover=cover_of(cell),
        tip=tip_of(cell, column),
    )
