"""One number of a table with everything that is known of it: interval, coverage and reasons.

`evals.core.summary` makes the cells of plain columns, `evals.core.readings` those of variants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evals.core.stats import Interval

GroupPath = tuple[str, ...]
CellState = Literal["ok", "unsupported", "unavailable", "not_applicable", "empty"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The mean of one column over one group, or a variant's value there.

    The planned samples fall into those measured and those with a reason: always
    ``planned == scored + sum(reasons.values())``, and ``n == scored + imputed`` where there is a
    mean. Of a variant only the samples count that it is about; one is measured when every column
    that applies to it is.

    Attributes:
        column: ``metric.quantity``, or ``=name`` of a variant.
        group: path; () is all samples.
        mean: over samples (micro mean), or by a variant's formula; None unless the state is ``ok``.
        low: lower end of the 95 % interval; None with fewer than two clusters.
        high: upper end.
        n: values in the mean.
        scored: planned samples with a measured value.
        planned: planned samples.
        imputed: faults of the model that the profile's policy scored.
        reasons: why planned samples have no measured value, counted.
        complete: False while a value may still come (not run, failed, unavailable).
        state: ``ok``; ``unsupported`` (the model does not do the benchmark's task);
            ``unavailable`` (the metric is absent here); ``not_applicable`` (to any sample of the
            group); ``empty`` (nothing to average yet, or nothing planned).
        note: what a reader must know, one sentence or empty.
        macro: unweighted mean over the leaf groups below that have a value, with its interval
            and `n` leaf groups; None for a leaf.
        stratum: (label, value) of the samples' strata that the cell is over, from
            `evals.core.strata`; None for the cells of a summary, which are over groups.
    """

    column: str
    group: GroupPath = ()
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    scored: int = 0
    planned: int = 0
    imputed: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    state: CellState = "empty"
    note: str = ""
    macro: Interval | None = None
    stratum: tuple[str, str] | None = None

    @property
    def coverage(self) -> float:
        """Share of planned samples that were measured, 0 to 1; 1 when nothing is planned."""
        return self.scored / self.planned if self.planned else 1.0
