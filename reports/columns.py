"""What a column of a table is, read from the run's manifest, and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evals.core.columns import quantities
from evals.core.store import StoredRun
from evals.core.variants import columns_used, metrics_used, variants_of
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
    """One quantity of one metric, or a variant, which belongs to no metric.

    Attributes:
        key: ``metric.quantity`` or ``=variant``, as in summaries and exports.
        metric: empty for a variant.
        low: lowest possible value; may be infinite.
        high: highest possible value; may be infinite.
        primary: whether it is the first quantity of its metric that tables show.
        rests_on: of a variant, the columns and metrics that it is made of.
        auxiliary: a count that variants are made of: in exports, in no table.
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
    rests_on: tuple[str, ...] = ()
    auxiliary: bool = False

    @property
    def bounded(self) -> bool:
        """Whether both ends of the range are finite, so that a shade has a fixed meaning."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def digits(self) -> int:
        """Decimals printed: three on scales up to about one, one on those of thousands, or two."""
        return digits_for(self.low, self.high) if self.bounded else 2

    @property
    def arrow(self) -> str:
        """Which way is better, as a sign."""
        return "↑" if self.direction == "higher" else "↓"

    @property
    def heading(self) -> str:
        """Label, direction and unit, in one line."""
        return f"{self.label} {self.arrow}" + (f" ({self.unit})" if self.unit else "")

    def text(self, value: float | None) -> str:
        """A value as printed; a dash where there is none, never 0."""
        return number(value, self.digits)


def digits_for(*values: float | None) -> int:
    """Decimals for numbers of this size: about three digits that mean something.

    >>> digits_for(0.0, 1.0), digits_for(54.7), digits_for(0.0, 2000.0), digits_for(None)
    (3, 2, 1, 3)
    """
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    return 3 if largest <= 2.5 else 2 if largest <= 1000 else 1


def printed(value: float | None, digits: int | None = None) -> str:
    """A number from a paper with all the decimals it has there, and at least two or one.

    Args:
        value: as printed.
        digits: of the column it stands in; by its size when None.

    >>> printed(0.6), printed(1607.5), printed(687.0, 1), printed(0.5714)
    ('0.60', '1607.5', '687.0', '0.5714')
    """
    if value is None:
        return NO_VALUE
    own = len(repr(float(value)).partition(".")[2].rstrip("0"))
    return number(value, max(own, min(2, digits_for(value) if digits is None else digits)))


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


def sentence(text: str) -> str:
    """A text with a full stop at its end.

    >>> sentence("Mean of means"), sentence("Why?")
    ('Mean of means.', 'Why?')
    """
    said = text.strip()
    return said if not said or said.endswith((".", "!", "?")) else f"{said}."


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
    """Every column that any of the runs declares, auxiliary ones too, in order of appearance."""
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
                primary=not quantity.auxiliary and metric not in metrics,
                auxiliary=quantity.auxiliary,
            )  # fmt: skip
            if not quantity.auxiliary:
                metrics.add(metric)
            found.setdefault(key, column)
    return tuple(found.values())


def variant_columns(runs: Sequence[StoredRun]) -> tuple[Column, ...]:
    """Every variant that any of the runs stores, in order of first appearance."""
    found: dict[str, Column] = {}
    for run in runs:
        variants = variants_of(run)
        for variant in variants.values():
            low, high = variant.range
            column = Column(
                key=variant.column, metric="", name=variant.title or variant.name,
                label=variant.label or variant.name, doc=variant.doc, unit=variant.unit, low=low,
                high=high, direction=variant.direction, profile=variant.profile, primary=False,
                rests_on=(*columns_used(variant, variants), *metrics_used(variant, variants)),
            )  # fmt: skip
            found.setdefault(variant.column, column)
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
