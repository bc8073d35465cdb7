"""What a column of a table is, read from the run's manifest, and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evals.core.columns import quantities
from evals.core.store import StoredRun
from reports.judged import by_rules

NO_VALUE = "—"
PROFILE_ORDER = ("official", "strict", "paper")
PROFILE_TITLES = {
    "official": "as the released script computes it",
    "strict": "every planned sample counts",
    "paper": "the formula printed in the paper",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One quantity of one metric.

    Attributes:
        key: ``metric.quantity``, as in summaries and exports.
        low: lowest possible value; may be infinite.
        high: highest possible value; may be infinite.
        primary: whether it is the first quantity of its metric.
    """

    key: str
    metric: str
    name: str
    label: str
    doc: str
    unit: str
    low: float
    high: float
    direction: str
    profile: str
    primary: bool

    @property
    def bounded(self) -> bool:
        """Whether both ends of the range are finite, so that a shade has a fixed meaning."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def digits(self) -> int:
        """Decimals printed: three on scales up to about one, two elsewhere."""
        return 3 if self.bounded and max(abs(self.low), abs(self.high)) <= 2.5 else 2

    @property
    def arrow(self) -> str:
        """Which way is better, as a sign."""
        return "↑" if self.direction == "higher" else "↓"

    def text(self, value: float | None) -> str:
        """A value as printed; a dash where there is none, never 0."""
        return number(value, self.digits)


def number(value: float | None, digits: int = 3) -> str:
    """A number with fixed decimals and a true minus sign; a dash for None.

    >>> number(0.71249), number(None), number(-1.5, 1)
    ('0.712', '—', '−1.5')
    """
    if value is None or math.isnan(value):
        return NO_VALUE
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def count(value: int) -> str:
    """A count with thousands marks.

    >>> count(2148)
    '2,148'
    """
    return f"{value:,}"


def half_width(low: float | None, high: float | None) -> float | None:
    """Half the width of an interval; None where there is none."""
    return None if low is None or high is None else (high - low) / 2


def spread(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval as ``±half width``; empty where there is none.

    >>> spread(0.70, 0.74)
    '±0.020'
    """
    half = half_width(low, high)
    return "" if half is None else "±" + number(half, digits)


def probability(p: float) -> str:
    """A p value as papers print it.

    >>> probability(0.0004), probability(0.0312)
    ('p < .001', 'p = .031')
    """
    return "p < .001" if p < 0.001 else "p = " + f"{p:.3f}".lstrip("0")


def columns_of(runs: Sequence[StoredRun]) -> tuple[Column, ...]:
    """Every column that any of the runs declares, in order of first appearance."""
    found: dict[str, Column] = {}
    for run in runs:
        metrics: set[str] = set()
        for key, quantity in quantities(run).items():
            metric = key.rpartition(".")[0]
            low, high = quantity.range
            column = Column(
                key=key, metric=metric, name=quantity.name, label=quantity.label or quantity.name,
                doc=quantity.doc, unit=quantity.unit, low=low, high=high,
                direction=quantity.direction, profile=quantity.profile,
                primary=metric not in metrics,
            )  # fmt: skip
            metrics.add(metric)
            found.setdefault(key, column)
    return tuple(found.values())


def side_by_side(columns: Sequence[Column]) -> list[tuple[str, list[Column]]]:
    """Columns gathered by quantity, profiles in their fixed order, so that they stand together.

    What rules measure in place of a judge stands apart from what judges say under the same name.
    """
    gathered: dict[str, list[Column]] = {}
    for column in columns:
        label = f"{column.label} by rules" if by_rules(column.metric) else column.label
        gathered.setdefault(label, []).append(column)

    def place(column: Column) -> int:
        known = column.profile in PROFILE_ORDER
        return PROFILE_ORDER.index(column.profile) if known else len(PROFILE_ORDER)

    return [(label, sorted(found, key=place)) for label, found in gathered.items()]
