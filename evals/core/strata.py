"""A run by kind of sample: means per label of the samples' strata, across their groups.

A benchmark labels its samples with whatever a result may depend on (kind of edit, length, accent).
Which samples count and how wide an interval is, is exactly as in `evals.core.summary`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from evals.core.columns import cluster_labels, leaf_groups, read_columns
from evals.core.stats import RESAMPLES, ClusterBootstrap
from evals.core.store import StoredRun
from evals.core.summary import Cell, cell_over

Stratum = tuple[str, str]
"""A label of samples and one of its values, e.g. ``("edit", "digits")``."""

FEW = 5
"""Fewer values than this make no mean worth reading; such cells are marked wherever shown."""


def strata_of(samples: Sequence[Mapping[str, Any]]) -> tuple[Stratum, ...]:
    """Every (label, value) of the samples: labels as they first appear, larger values first.

    >>> strata_of([{"strata": {"edit": v}} for v in ("case", "digits", "digits")])
    (('edit', 'digits'), ('edit', 'case'))
    """
    counts: dict[str, Counter[str]] = {}
    for sample in samples:
        for label, value in _labels(sample).items():
            counts.setdefault(label, Counter())[value] += 1
    return tuple(
        (label, value)
        for label, values in counts.items()
        for value, _ in sorted(values.items(), key=lambda item: (-item[1], item[0]))
    )


def _labels(sample: Mapping[str, Any]) -> dict[str, str]:
    return {str(label): str(value) for label, value in (sample.get("strata") or {}).items()}


def by_strata(
    run: StoredRun,
    columns: Iterable[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[tuple[str, Stratum], Cell]:
    """Means of columns over the samples of each stratum, each quantity under its own policy.

    The bootstrap is that of `summarise`: the same clusters, sub-classes and seed, so that both
    tables tell of the same resamples. A sample without a label is in none of its strata.

    Args:
        run: as stored.
        columns: ``metric.quantity`` names; None for all. Names the run does not have are left out.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        (column, stratum) -> cell, column by column, strata in the order of `strata_of`.

    Raises:
        UserError: a stored score is not a finite number.
    """
    found = read_columns(run, columns)
    strata = strata_of(run.samples)
    if not found or not strata:
        return {}
    bootstrap = ClusterBootstrap(
        cluster_labels(run.samples), leaf_groups(run.samples), resamples=resamples, seed=seed
    )
    values = np.column_stack([c.values for c in found.values()])
    labels = [_labels(s) for s in run.samples]
    cells: dict[tuple[str, Stratum], Cell] = {}
    for stratum in strata:
        label, value = stratum
        member = np.array([own.get(label) == value for own in labels], dtype=np.bool_)
        intervals = bootstrap.intervals(np.where(member[:, None], values, np.nan))
        for (name, column), interval in zip(found.items(), intervals, strict=True):
            cells[name, stratum] = cell_over(run, column, member, interval, stratum=stratum)
    return {(name, stratum): cells[name, stratum] for name in found for stratum in strata}
