"""Means that say what they are when there is nothing to take them of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean, summed from the left as the released scripts do; None of nothing."""
    return sum(values) / len(values) if values else None


def mean_or_nan(values: Sequence[float]) -> float:
    """`mean`, with NaN for nothing."""
    return sum(values) / len(values) if values else math.nan


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """`mean` of what is not None."""
    return mean([v for v in values if v is not None])
