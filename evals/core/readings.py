"""What variants say of a run: a cell for each variant and group, as for plain columns.

Which samples count is decided in `evals.core.columns`, the arithmetic is in `evals.core.formula`;
what the numbers mean is told in docs/statistics.md, section "Variants".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evals.core.cells import Cell, CellState
from evals.core.columns import Column, Kind, read_columns
from evals.core.formula import Branch, Formula, Scope, Source, Values
from evals.core.frame import Bools, Frame, GroupPath
from evals.core.stats import Floats, Ints
from evals.core.store import StoredRun
from evals.core.types import Absence
from evals.core.variants import variants_of

_SEVERITY: tuple[Kind, ...] = (
    "not_applicable", "measured", "imputed", "dropped", "waiting", "failed", "unavailable",
    "unsupported",
)  # fmt: skip
"""Which of its columns speaks for a sample: the last of these; one that does not apply, never."""
_CODE = {kind: code for code, kind in enumerate(_SEVERITY)}
_MEASURED, _IMPUTED, _DROPPED = (_CODE[k] for k in ("measured", "imputed", "dropped"))


class Reading:
    """The values of one model over a frame, read and resampled once for all formulas.

    Args:
        frame: of the samples.
        columns: values of each column, shape (samples,); NaN is no value.
    """

    def __init__(self, frame: Frame, columns: Mapping[str, Floats]) -> None:
        self.frame = frame
        self.columns = columns
        self._values: dict[Source, Values] = {}

    def values(self, branch: Branch) -> Values:
        """The numbers that a term reads."""
        if branch.source not in self._values:
            self._values[branch.source] = branch.read(self.columns)
        return self._values[branch.source]

    def observed(self, formula: Formula, group: GroupPath) -> list[Floats]:
        """By branch, sums of its groups over the samples of a group, shape (G, 2)."""
        inside = self.frame.inside(group)
        return [b.observed(self.values(b), inside) for b in formula.branches]


def draw(readings: Sequence[Reading], branches: Iterable[Branch]) -> list[dict[Source, Floats]]:
    """Resampled sums of each leaf group, the same resamples for all models.

    Args:
        readings: over one frame.
        branches: whose sources are wanted.

    Returns:
        Per reading: source -> shape (R, L, 2).
    """
    frame = readings[0].frame
    leaves, leaf = len(frame.layout.leaves), frame.layout.leaf
    wanted = list({b.source: b for b in branches}.values())
    parts = [r.values(b) for r in readings for b in wanted]
    at = np.concatenate([v.at for v in parts]) if parts else np.zeros(0, dtype=np.intp)
    shift = np.repeat(np.arange(len(parts)) * leaves, [len(v.at) for v in parts])
    sums = frame.resamples.sums(
        frame.layout.bootstrap.unit[at],
        leaf[at] + shift,
        leaves * len(parts),
        np.stack(
            [np.concatenate([v.top for v in parts]), np.concatenate([v.bottom for v in parts])],
            axis=-1,
        ),
    )
    blocks = iter(np.split(sums, len(parts), axis=1))
    return [{b.source: next(blocks) for b in wanted} for _ in readings]


def point(formula: Formula, scope: Scope, observed: Sequence[Floats]) -> float:
    """The value of a scope that has one, exactly as the official arithmetic makes it."""
    sums = {b: observed[b][kept] for b, kept in scope.kept.items()}
    return float(formula.value(scope, sums, exact=True))


def resampled(formula: Formula, scope: Scope, drawn: Mapping[Source, Floats]) -> Floats:
    """The value in each resample, shape (R,); NaN where a group lost all its values."""
    sums = {}
    for at, kept in scope.kept.items():
        branch = formula.branches[at]
        sums[at] = branch.resampled(drawn[branch.source], scope.inside, kept)
    return formula.value(scope, sums)


# --- which samples count ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Fates:
    """What became of each sample that a formula is about, over all columns that apply to it.

    Attributes:
        kinds: place in `_SEVERITY`, shape (samples,); -1 where the formula is not about it.
        speaker: number of the column that decided, shape (samples,).
        open: whether a value may still come, shape (samples,).
        some: whether any of its columns has a value, shape (samples,).
        columns: those that the formula reads.
        about: which samples it wants each of them of, shape (columns, samples).
    """

    kinds: Ints
    speaker: Ints
    open: Bools
    some: Bools
    columns: tuple[Column, ...]
    about: Bools

    @cached_property
    def used(self) -> Bools:
        """Samples with a value in every column that applies to them."""
        return np.asarray((self.kinds == _MEASURED) | (self.kinds == _IMPUTED))

    def reasons(self, member: Bools) -> dict[str, int]:
        """Why samples are not measured, counted, most frequent first."""
        rows = np.flatnonzero(member & (self.kinds >= 0) & (self.kinds != _MEASURED))
        found = Counter(self.columns[self.speaker[i]].reasons[i] for i in rows.tolist())
        return dict(found.most_common())


def fates(formula: Formula, columns: Mapping[str, Column]) -> Fates:
    """The fate of each sample under a formula."""
    n = len(formula.member)
    kinds = np.full(n, -1, dtype=np.intp)
    speaker = np.zeros(n, dtype=np.intp)
    is_open, some = np.zeros((2, n), dtype=np.bool_)
    used = tuple(columns[name] for name in formula.columns)
    about = np.zeros((len(used), n), dtype=np.bool_)
    for number, column in enumerate(used):
        for branch in formula.branches:
            if column.name in {branch.term.column, branch.term.over}:
                about[number] |= branch.member
        member = about[number]
        own = np.where(member, column.codes(_CODE), -1)
        worse = own > kinds
        kinds[worse], speaker[worse] = own[worse], number
        is_open |= member & column.open
        some |= member & np.isfinite(column.values)
    return Fates(
        kinds=kinds, speaker=speaker, open=is_open, some=some, columns=used, about=about
    )  # fmt: skip


# --- cells ------------------------------------------------------------------------------------


def formula_cells(
    formula: Formula,
    run: StoredRun,
    columns: Mapping[str, Column],
    reading: Reading,
    drawn: Mapping[Source, Floats],
) -> dict[GroupPath, Cell]:
    """The cell of a variant for every group that it has samples in, () first.

    Args:
        formula: of the variant.
        run: as stored.
        columns: of that run, under the variant's profile.
        reading: the same columns' values.
        drawn: their resampled sums.
    """
    found = fates(formula, columns)
    scopes, points, draws, counts = {}, {}, [], []
    bootstrap = formula.frame.layout.bootstrap
    for group in formula.groups:
        observed = reading.observed(formula, group)
        scope = formula.scope(group, observed)
        member = np.asarray(scope.inside[formula.frame.layout.leaf] & formula.member)
        reason = scope.reason or _unmeasured(formula, scope, found)
        scopes[group] = scope, member, reason
        if run.unsupported or reason:
            continue
        points[group] = point(formula, scope, observed)
        draws.append(resampled(formula, scope, drawn))
        has = np.bincount(bootstrap.unit[member & found.some], minlength=bootstrap.units)
        counts.append(has.astype(np.float64))
    ends = _ends(formula, points, draws, counts)
    return {
        group: _cell(formula, run, found, group, scope.absent, member, reason,
                     points.get(group), ends.get(group, (None, None)))
        for group, (scope, member, reason) in scopes.items()
    }  # fmt: skip


Ends = tuple[float | None, float | None]


def _ends(
    formula: Formula,
    points: Mapping[GroupPath, float],
    draws: Sequence[Floats],
    counts: Sequence[Floats],
) -> dict[GroupPath, Ends]:
    """Intervals of all groups at once; (None, None) with fewer than two clusters."""
    if not points:
        return {}
    count = np.stack(counts, axis=1)
    low, high = formula.frame.layout.bootstrap.percentiles(np.stack(draws, axis=1), count)
    enough = ((count > 0).sum(axis=0) >= 2) & np.isfinite(low) & np.isfinite(high)
    return {
        group: (min(float(low[i]), value), max(float(high[i]), value))
        if enough[i]
        else (None, None)
        for i, (group, value) in enumerate(points.items())
    }


def _unmeasured(formula: Formula, scope: Scope, found: Fates) -> str:
    """Why faults alone, scored by the policy, make no number; empty where something was measured.

    As for plain columns: a metric that has said nothing yet has no mean.
    """
    inside = scope.inside[formula.frame.layout.leaf]
    for column, about in zip(found.columns, found.about, strict=True):
        rows = np.flatnonzero(inside & about)
        if column.open[rows].any() and "measured" not in {column.kinds[i] for i in rows.tolist()}:
            return f"{column.name} has no value"
    return ""


def _cell(
    formula: Formula, run: StoredRun, found: Fates, group: GroupPath, absent: Iterable[str],
    member: Bools, reason: str, value: float | None, ends: Ends,
) -> Cell:  # fmt: skip
    counts = np.bincount(found.kinds[member], minlength=len(_SEVERITY))
    planned = int(counts.sum())
    state: CellState = "ok"
    note = ""
    if run.unsupported:
        state = "unsupported"
    elif value is None:
        lacking = _lacking(run, found, member)
        nowhere = planned > 0 and counts[_CODE["not_applicable"]] == planned
        state = "not_applicable" if nowhere else "unavailable" if lacking else "empty"
        note = lacking or ("" if nowhere else reason)
    else:
        note = _note(formula, found, member, counts, absent, ends)
    return Cell(
        column=formula.variant.column,
        group=group,
        mean=value,
        low=ends[0],
        high=ends[1],
        n=int(counts[_MEASURED] + counts[_IMPUTED]) if value is not None else 0,
        scored=int(counts[_MEASURED]),
        planned=planned,
        imputed=int(counts[_IMPUTED]) if value is not None else 0,
        reasons=found.reasons(member),
        complete=not bool(found.open[member].any()),
        state=state,
        note=note,
    )


def _lacking(run: StoredRun, found: Fates, member: Bools) -> str:
    """What mends it, when a column is unavailable here; else empty."""
    for number, column in enumerate(found.columns):
        rows = np.flatnonzero(member & (found.speaker == number))
        lost = [i for i in rows.tolist() if column.kinds[i] == "unavailable"]
        absence = run.manifest.get("absences", {}).get(column.name.rpartition(".")[0])
        if absence and (lost or not np.isfinite(column.values).any()):
            return f"{column.name}: {Absence(reason=absence['reason'], fix=absence['fix'])}"
        if lost:
            return f"{column.name}: {column.reasons[lost[0]].removeprefix('unavailable: ')}"
    return ""


def _note(
    formula: Formula, found: Fates, member: Bools, counts: Ints, absent: Iterable[str], ends: Ends
) -> str:
    notes = []
    if gone := list(absent):
        notes.append(f"without a value, so not among the groups: {', '.join(gone)}")
    dropped = int(counts[_DROPPED])
    if dropped and formula.variant.profile == "strict":
        notes.append(f"faults without a worst value, not in the mean: {dropped}")
    elif dropped:
        notes.append(f"faults that left the mean (profile {formula.variant.profile}): {dropped}")
    partly = int((member & found.some & ~found.used).sum())
    if partly:
        notes.append(f"samples that lack one of several values: {partly}")
    if ends[0] is None:
        notes.append("no interval: too few independent samples")
    flawed = max(c.flawed_trials for c in found.columns)
    if flawed:
        notes.append(f"unmeasured trials of measured samples: {flawed}")
    return "; ".join(notes)


def variant_cells(run: StoredRun, frame: Frame) -> dict[tuple[str, GroupPath], Cell]:
    """The cells of all variants of a run, variant by variant.

    Args:
        run: as stored.
        frame: over its samples, in their order.
    """
    variants = variants_of(run)
    formulas = [Formula(v, variants, frame) for v in variants.values()]
    cells: dict[tuple[str, GroupPath], Cell] = {}
    for profile in dict.fromkeys(v.profile for v in variants.values()):
        own = [f for f in formulas if f.variant.profile == profile]
        names = dict.fromkeys(n for f in own for n in f.columns)
        columns = read_columns(run, names, profile=profile)
        able = [f for f in own if all(n in columns for n in f.columns)]
        reading = Reading(frame, {n: c.values for n, c in columns.items()})
        drawn = draw([reading], [b for f in able for b in f.branches])[0] if able else {}
        for formula in own:
            if formula in able:
                found = formula_cells(formula, run, columns, reading, drawn)
            else:
                found = _undeclared(formula, columns)
            cells.update({(formula.variant.column, g): c for g, c in found.items()})
    return {
        (v.column, g): cells[v.column, g]
        for v in variants.values()
        for c, g in cells
        if c == v.column
    }


def _undeclared(formula: Formula, columns: Mapping[str, Column]) -> dict[GroupPath, Cell]:
    """The cell of a variant whose metrics the run was made without."""
    gone = [n for n in formula.columns if n not in columns]
    note = f"{', '.join(gone)} is not among this run's metrics; score it again with all of them"
    planned = int(formula.member.sum())
    cell = Cell(
        column=formula.variant.column, planned=planned, state="unavailable", note=note,
        reasons={f"unavailable: {note}": planned} if planned else {},
    )  # fmt: skip
    return {(): cell}
