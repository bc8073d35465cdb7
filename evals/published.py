"""A run beside a printed row: inside the interval, outside, or not comparable and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from evals.core.comparable import engine_name, judge_name
from evals.core.store import StoredRun
from evals.core.summary import Cell, Summary, summarise
from evals.core.types import JSON, PublishedRow
from evals.core.variants import MARK, columns_used, metrics_used, variants_of

COVERAGE = 0.99
"""Below this share of measured samples a mean is not set beside a printed one."""
OFFICIAL_ENGINES = frozenset({"paddleocr-official"})
"""OCR engines whose numbers may stand beside published ones."""

PublishedVerdict = Literal["inside", "outside", "not comparable"]


@dataclass(frozen=True, kw_only=True)
class PublishedDifference:
    """One printed number beside the run's own.

    Attributes:
        column: ``metric.quantity``, or ``=name`` of a variant.
        group: as in the published row, e.g. ``"Real"``.
        published: as printed or corrected.
        rounding: half a unit of the last printed digit.
        mean: of the run, under the column's own profile.
        low: lower end of its 95 % interval.
        high: upper end.
        difference: `mean` - `published`.
        n: samples in the mean.
        planned: planned samples.
        verdict: ``inside``: the printed number, give or take its rounding, lies in the interval.
        reasons: why it is not comparable; else empty.
    """

    column: str
    group: str
    published: float
    rounding: float
    mean: float | None
    low: float | None
    high: float | None
    difference: float | None
    n: int
    planned: int
    verdict: PublishedVerdict
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PublishedComparison:
    """A run beside a printed row.

    Attributes:
        run: model of the run.
        published: model of the row.
        source: where the row was printed.
        corrected: whether a known error of the source is mended in it.
        reasons: that concern the whole row.
        differences: every difference of protocol, whether or not it forbids a verdict.
        rows: one per printed number for which the run has the column.
    """

    run: str
    published: str
    suite: str
    source: str
    corrected: bool
    judge: str
    reasons: tuple[str, ...]
    differences: tuple[str, ...]
    rows: tuple[PublishedDifference, ...]
    note: str = ""

    def to_json(self) -> dict[str, JSON]:
        """Plain objects, with ``"kind": "published"``."""
        return {"kind": "published", **plain_json(self)}


def plain_json(value: Any) -> dict[str, JSON]:
    """A dataclass as plain objects and lists."""

    def turn(item: Any) -> JSON:
        if isinstance(item, Mapping):
            return {str(k): turn(v) for k, v in item.items()}
        if isinstance(item, list | tuple):
            return [turn(v) for v in item]
        plain: JSON = item
        return plain

    return {k: turn(v) for k, v in asdict(value).items()}


_BADGE = re.compile(r"^(?P<aspect>\w+)(?:\[(?P<columns>[^\]]+)\])?: (?P<text>.+)$", re.DOTALL)


def published_row(row: Mapping[str, Any]) -> PublishedRow:
    """A published row as run.json holds it; unknown fields are ignored."""
    names = {f.name for f in fields(PublishedRow)}
    known = {k: v for k, v in row.items() if k in names}
    return PublishedRow(**{**known, "differences": tuple(known.get("differences", ()))})


def compare_published(
    run: StoredRun, row: PublishedRow | Mapping[str, Any], *, summary: Summary | None = None
) -> PublishedComparison:
    """Set a run beside a printed row.

    The row's `differences` have the form ``aspect: sentence``, or ``aspect[columns]: sentence``
    where only some metrics or columns are concerned. The aspects ``errata`` (the printed numbers
    are wrong), ``ocr`` (unless the run used an official engine) and ``judge`` (unless the run
    used the same judge) forbid a verdict; all others are shown with it.

    Args:
        run: as stored.
        row: printed numbers, or the same as an object of run.json.
        summary: of the run, when it is at hand.

    Raises:
        ValueError: a difference of the row does not have that form.
    """
    printed = row if isinstance(row, PublishedRow) else published_row(row)
    cells = (summary or summarise(run)).cells
    whole = _whole_row_reasons(run, printed)
    rounding = 0.5 * 10.0 ** -_decimals(printed)
    rows = []
    for group, values in printed.values.items():
        path = tuple(group.split("/")) if group else ()
        for column, value in values.items():
            cell = cells.get((column, path))
            if cell is None:
                continue
            reasons = (*whole, *_column_reasons(run, printed, column, cell))
            rows.append(_beside(cell, group, value, rounding, reasons))
    return PublishedComparison(
        run=run.model, published=printed.model, suite=printed.suite, source=printed.source,
        corrected=printed.corrected, judge=printed.judge, reasons=whole,
        differences=printed.differences, rows=tuple(rows), note=printed.note,
    )  # fmt: skip


def _beside(
    cell: Cell, group: str, value: float, rounding: float, reasons: tuple[str, ...]
) -> PublishedDifference:
    verdict: PublishedVerdict = "not comparable"
    if not reasons and cell.low is not None and cell.high is not None:
        near = cell.low - rounding <= value <= cell.high + rounding
        verdict = "inside" if near else "outside"
    return PublishedDifference(
        column=cell.column, group=group, published=value, rounding=rounding, mean=cell.mean,
        low=cell.low, high=cell.high, n=cell.n, planned=cell.planned, verdict=verdict,
        difference=None if cell.mean is None else cell.mean - value, reasons=reasons,
    )  # fmt: skip


def _decimals(row: PublishedRow) -> int:
    """Digits after the point that the table was printed with: the most that any number has."""
    numbers = [v for values in row.values.values() for v in values.values()]
    return max((len(repr(float(v)).partition(".")[2].rstrip("0")) for v in numbers), default=0)


def _whole_row_reasons(run: StoredRun, row: PublishedRow) -> tuple[str, ...]:
    out = []
    if run.manifest["suite"].get("synthetic"):
        out.append("synthetic: the run's data was generated here")
    if run.suite != row.suite:
        out.append(f"suite differs: {run.suite}, printed for {row.suite}")
    size = int(run.manifest["suite"].get("size", len(run.samples)))
    if len(run.samples) < COVERAGE * size:
        out.append(f"only {len(run.samples)} of the suite's {size} samples were planned")
    return tuple(out)


def _column_reasons(run: StoredRun, row: PublishedRow, column: str, cell: Cell) -> list[str]:
    out = []
    if cell.state != "ok":
        return [f"no value: {cell.note or cell.state}"]
    if cell.coverage < COVERAGE:
        out.append(f"coverage {100 * cell.coverage:.1f} % is below {100 * COVERAGE:.0f} %")
    if cell.low is None:
        out.append("the run's mean has no interval")
    rests_on = _rests_on(run, column)
    own, theirs = judge_name(run), row.judge
    judged = any(m == "judge" or m.startswith("judge_") for m in rests_on)
    if theirs and judged and own.lower() != theirs.lower():
        out.append(f"judge differs: {own or 'none named'}, printed with {theirs}")
    for badge in row.differences:
        match = _BADGE.match(badge)
        if match is None:
            raise ValueError(f"published row {row.model}: {badge!r} is not 'aspect: sentence'")
        concerned = {c.strip() for c in (match["columns"] or "").split(",") if c.strip()}
        if concerned and not concerned & {column, *rests_on}:
            continue
        if match["aspect"] == "errata" and not row.corrected:
            out.append(f"errata: {match['text']}")
        if match["aspect"] == "ocr" and engine_name(run) not in OFFICIAL_ENGINES:
            out.append(f"OCR engine differs: {engine_name(run) or 'none named'}; {match['text']}")
    return out


def _rests_on(run: StoredRun, column: str) -> tuple[str, ...]:
    """The metric of a column; of a variant, all columns and metrics that it is made of."""
    if not column.startswith(MARK):
        return (column.rpartition(".")[0],)
    variants = variants_of(run)
    variant = variants[column.removeprefix(MARK)]
    return (*columns_used(variant, variants), *metrics_used(variant, variants))
