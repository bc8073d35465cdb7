"""A run as a table of means: per column and group, with interval, coverage and reasons.

`summarise` is a pure function of a stored run. What a mean, coverage and an interval are is told
in docs/statistics.md; which samples enter a mean is decided in `evals.core.columns`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evals.core.anchored import Layout
from evals.core.cells import Cell, CellState, GroupPath
from evals.core.columns import Column, cluster_labels, leaf_groups, read_columns
from evals.core.frame import Frame
from evals.core.readings import variant_cells
from evals.core.stats import RESAMPLES, ClusterBootstrap, Floats, Interval
from evals.core.store import StoredRun
from evals.core.types import Absence

__all__ = ["Cell", "CellState", "GroupPath", "Summary", "cell_over", "frame_of", "summarise"]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All cells of a run.

    Attributes:
        run: that was summarised.
        cells: (column, group path) -> cell, for every column and every prefix of a group path, and
            then for every variant (column ``=name``) and the groups it has samples in.
        statuses: predictions by status over all trials; ``not predicted`` for those to come.
    """

    run: StoredRun
    cells: Mapping[tuple[str, GroupPath], Cell]
    statuses: Mapping[str, int]

    @property
    def complete(self) -> bool:
        """Whether no value is still to come."""
        return all(cell.complete for cell in self.cells.values())


def frame_of(run: StoredRun, *, resamples: int = RESAMPLES, seed: int = 0) -> Frame:
    """The samples of a run with the resamples that everything about them shares.

    Args:
        run: as stored.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    leaves, clusters = leaf_groups(run.samples), cluster_labels(run.samples)
    return Frame(Layout(leaves, clusters, resamples=resamples, seed=seed), run.samples)


def summarise(
    run: StoredRun, *, resamples: int = RESAMPLES, seed: int = 0, frame: Frame | None = None
) -> Summary:
    """Means of every column over every group, each quantity under its own profile's policy.

    Args:
        run: as stored.
        resamples: of the bootstrap; all cells share them.
        seed: of the bootstrap.
        frame: of a run with the same samples in the same order, so that its resamples are not drawn
            again; None to make it.

    Raises:
        UserError: a stored score is not a finite number.
    """
    frame = frame or frame_of(run, resamples=resamples, seed=seed)
    columns = read_columns(run)
    leaves = leaf_groups(run.samples)
    bootstrap = frame.layout.bootstrap
    values = (
        np.column_stack([c.values for c in columns.values()])
        if columns
        else np.zeros((len(leaves), 0))
    )
    cells: dict[tuple[str, GroupPath], Cell] = {}
    below = _leaves_below(leaves)
    resampled: dict[GroupPath, Floats] = {}
    for group in sorted(below, key=len, reverse=True):  # leaves first: macro means need them
        member = np.array([leaf[: len(group)] == group for leaf in leaves], dtype=np.bool_)
        inside = np.where(member[:, None], values, np.nan)
        total, count = bootstrap.sums(inside)
        if group in below[group]:
            resampled[group] = bootstrap.means(total, count)
        intervals = bootstrap.intervals(inside)
        for at, (name, column) in enumerate(columns.items()):
            cells[name, group] = cell_over(run, column, member, intervals[at], group=group)
        if below[group] != (group,):
            macros = _macros(bootstrap, [resampled[g] for g in below[group]], count,
                             [[cells[n, g] for n in columns] for g in below[group]])  # fmt: skip
            for name, macro in zip(columns, macros, strict=True):
                cells[name, group] = _with_macro(cells[name, group], macro)
    ordered = {(n, g): cells[n, g] for n in columns for g in below}
    ordered.update(variant_cells(run, frame))
    return Summary(run=run, cells=ordered, statuses=_statuses(run))


def _leaves_below(leaves: Sequence[GroupPath]) -> dict[GroupPath, tuple[GroupPath, ...]]:
    """Every prefix of a group path, in order of appearance, and the leaf groups below it."""
    if not leaves:
        return {(): ((),)}
    out: dict[GroupPath, dict[GroupPath, None]] = {(): {}}
    for leaf in dict.fromkeys(leaves):
        for depth in range(len(leaf) + 1):
            out.setdefault(leaf[:depth], {})[leaf] = None
    return {group: tuple(below) for group, below in out.items()}


def cell_over(
    run: StoredRun,
    column: Column,
    member: npt.NDArray[np.bool_],
    interval: Interval,
    *,
    group: GroupPath = (),
    stratum: tuple[str, str] | None = None,
) -> Cell:
    """The cell of a column over some of a run's samples.

    Args:
        run: as stored.
        column: of that run, over all its samples.
        member: which samples the cell is over, shape (samples,).
        interval: mean and interval of the column over them.
        group: what the samples have in common, when it is a group.
        stratum: what they have in common, when it is a label of their strata.
    """
    here = np.flatnonzero(member)
    kinds = Counter(column.kinds[i] for i in here)
    reasons = Counter(column.reasons[i] for i in here if column.reasons[i])
    metric = column.name.rpartition(".")[0]
    is_open = bool(column.open[here].any())
    # Faults alone, scored worst while the metric has said nothing, are no mean of this metric.
    has_mean = interval.n > 0 and (kinds["measured"] > 0 or not is_open)
    state: CellState = "ok"
    if run.unsupported:
        state = "unsupported"
    elif not has_mean:
        absent = metric in run.manifest.get("absences", {}) or kinds["unavailable"] > 0
        nowhere = len(here) > 0 and kinds["not_applicable"] == len(here)
        state = "not_applicable" if nowhere else "unavailable" if absent else "empty"
    return Cell(
        column=column.name,
        group=group,
        stratum=stratum,
        mean=interval.mean if has_mean else None,
        low=interval.low if has_mean else None,
        high=interval.high if has_mean else None,
        n=interval.n if has_mean else 0,
        scored=kinds["measured"],
        planned=len(here),
        imputed=kinds["imputed"] if has_mean else 0,
        reasons=dict(reasons.most_common()),
        complete=not is_open,
        state=state,
        note=_note(run, column, here.tolist(), state, interval),
    )


def _note(
    run: StoredRun, column: Column, here: Sequence[int], state: CellState, at: Interval
) -> str:
    metric = column.name.rpartition(".")[0]
    absence = run.manifest.get("absences", {}).get(metric)
    if state == "unavailable":
        if absence:
            return str(Absence(reason=absence["reason"], fix=absence["fix"]))
        return next(column.reasons[i] for i in here if column.kinds[i] == "unavailable")
    if state != "ok":
        return ""
    notes = []
    dropped = sum(column.kinds[i] == "dropped" for i in here)
    if dropped and column.policy.profile == "strict":
        notes.append(f"faults without a worst value, not in the mean: {dropped}")
    elif dropped:
        notes.append(f"faults that left the mean (profile {column.policy.profile}): {dropped}")
    if at.low is None:
        notes.append("no interval: fewer than two independent samples")
    if column.flawed_trials:
        notes.append(f"unmeasured trials of measured samples: {column.flawed_trials}")
    return "; ".join(notes)


def _macros(
    bootstrap: ClusterBootstrap,
    resampled: Sequence[Floats],
    count: Floats,
    leaves: Sequence[Sequence[Cell]],
) -> list[Interval]:
    """Unweighted means over leaf groups: one per column.

    Args:
        bootstrap: of the run.
        resampled: per leaf group, shape (R, columns).
        count: values per cluster in the whole group, for the degrees of freedom.
        leaves: per leaf group, its cell of each column.
    """
    means = np.array(
        [[np.nan if c.mean is None else c.mean for c in row] for row in leaves], dtype=np.float64
    )
    used = ~np.isnan(means)
    n = used.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.where(used, means, 0.0).sum(axis=0) / n
    # A resample in which a leaf group lost all its values says nothing about the macro mean.
    stack = np.array([np.where(u, r, 0.0) for u, r in zip(used, resampled, strict=True)])
    with np.errstate(invalid="ignore"):
        low, high = bootstrap.percentiles(stack.sum(axis=0) / n, count)
    # With one sample per leaf group every resample loses some group: there is no interval.
    known = np.isfinite(low) & np.isfinite(high)
    known &= np.array([k > 0 and not _alone(count[:, c]) for c, k in enumerate(n)], dtype=np.bool_)
    return [
        Interval(
            mean=None if n[c] == 0 else float(mean[c]),
            low=float(min(low[c], mean[c])) if known[c] else None,
            high=float(max(high[c], mean[c])) if known[c] else None,
            n=int(n[c]),
            clusters=int((count[:, c] > 0).sum()),
        )
        for c in range(means.shape[1])
    ]


def _alone(count: Floats) -> bool:
    return int((count > 0).sum()) < 2


def _with_macro(cell: Cell, macro: Interval) -> Cell:
    return replace(cell, macro=macro if cell.state == "ok" else None)


def _statuses(run: StoredRun) -> dict[str, int]:
    counts = Counter(str(p.status) for p in run.predictions.values())
    waiting = len(run.samples) * run.trials - sum(counts.values())
    if waiting:
        counts["not predicted"] = waiting
    return dict(counts.most_common())
