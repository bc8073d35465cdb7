"""The headline of a run: the anchored hybrid, or one column or variant in its own unit.

Columns are read under the strict policy, those of a variant under its own. The formulas are in
docs/statistics.md; the arithmetic is in `evals.core.anchored` and `evals.core.formula`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evals.core.aggregation import Headline
from evals.core.anchored import Anchored, GroupPath, Layout, anchor, blend
from evals.core.columns import cluster_labels, leaf_groups, sample_ids
from evals.core.formula import Formula
from evals.core.frame import Frame
from evals.core.readings import Reading, draw, fates, formula_cells
from evals.core.stats import RESAMPLES, Floats
from evals.core.store import StoredRun
from evals.core.tracks import Choice, Entry, anchor_problem, choose, rule_of, variant_of


@dataclass(frozen=True, kw_only=True)
class TrackValue:
    """One track of a headline.

    Attributes:
        name: ``text``, ``fidelity``, ``judge``; for a plain headline the column, or the variant's
            name.
        value: anchored mean, not clipped: below 0 is worse than the floor model; None when it
            cannot be anchored.
        low: lower end of the 95 % interval.
        high: upper end.
        raw: mean before anchoring, in 0..1 (a plain headline: in its own unit).
        n: samples in `value`.
        columns: what it is made of.
        substituted: whether the columns are the track's substitutes.
        skipped_groups: ``"Virtual/1.2.2"`` -> why this sub-class could not be anchored.
    """

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    raw: float | None = None
    n: int = 0
    columns: tuple[str, ...] = ()
    substituted: bool = False
    skipped_groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class GroupValue:
    """The headline within one group: None where none of it could be anchored."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    tracks: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class HeadlineValue:
    """The headline of one run.

    Attributes:
        model: name of the model.
        name: of the formula, e.g. ``"hybrid v1"``; the column for a plain headline.
        value: None when it cannot be made; `reason` says why.
        low: lower end of the 95 % interval.
        high: upper end.
        tracks: those present, in the formula's order.
        missing_tracks: names of those that are not.
        partial: a track is missing or substituted; never ranked against a full headline.
        by_group: group path -> its value, for every prefix of a group path.
        reason: why there is no value, or empty.
        note: what a reader must know of the value, or empty.
        missing_reasons: track -> why it is missing or substituted.
        n: samples with a value in every track present, in groups that could be anchored.
        planned: planned samples; of a variant, those that it is about.
        waiting: planned samples for which a value of a used column may still come.
        plain: the headline is one column or variant in its own unit, without anchors.
        supported: whether the model does the benchmark's task at all.
    """

    model: str
    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    tracks: tuple[TrackValue, ...] = ()
    missing_tracks: tuple[str, ...] = ()
    partial: bool = False
    by_group: Mapping[GroupPath, GroupValue] = field(default_factory=dict)
    reason: str = ""
    note: str = ""
    missing_reasons: Mapping[str, str] = field(default_factory=dict)
    n: int = 0
    planned: int = 0
    waiting: int = 0
    plain: bool = False
    supported: bool = True

    @property
    def columns(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(track, columns) that the value is made of: what two comparable headlines share."""
        return tuple((t.name, t.columns) for t in self.tracks)

    @property
    def complete(self) -> bool:
        """Whether there is a value, and none of its parts is still to come."""
        return self.value is not None and self.waiting == 0


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What a set of comparable runs is measured by: samples, anchors and formula.

    Attributes:
        formula: of the variant that is the headline; None for a column or tracks.
    """

    rule: Headline
    layout: Layout
    ids: tuple[str, ...]
    floor: Entry | None
    ceiling: Entry | None
    formula: Formula | None = None

    @classmethod
    def of(
        cls,
        rule: Headline,
        run: StoredRun,
        floor: Entry | None,
        ceiling: Entry | None,
        *,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> Contest:
        """A contest over the planned samples of `run`."""
        layout = Layout(
            leaf_groups(run.samples), cluster_labels(run.samples), resamples=resamples, seed=seed
        )
        ids = sample_ids(run)
        if not rule.tracks:
            floor = ceiling = None  # a plain headline is not anchored
        formula = None
        if made_of := variant_of(run, rule):
            variants = {v.name: v for v in made_of}
            formula = Formula(made_of[0], variants, Frame(layout, run.samples))
        return cls(
            rule=rule, layout=layout, ids=ids, floor=floor, ceiling=ceiling, formula=formula
        )  # fmt: skip

    def anchored(self, choice: Choice, entries: Sequence[Entry]) -> Anchored:
        """One track of several models, all on the samples that they and the anchors share."""
        models = np.column_stack([e.values(choice, self.ids) for e in entries])
        if choice.plain or self.floor is None or self.ceiling is None:
            zero, one = np.zeros(len(self.ids)), np.ones(len(self.ids))
            return anchor(self.layout, models, zero, one, 0.5)
        low, high = (e.values(choice, self.ids) for e in (self.floor, self.ceiling))
        return anchor(self.layout, models, low, high, self.rule.min_gap)

    def entrants(self, entry: Entry) -> list[Entry]:
        """The entry with the anchors it is measured by."""
        return [entry, *(e for e in (self.floor, self.ceiling) if e is not None)]


def combine(choices: Sequence[Choice], totals: Sequence[Floats]) -> Floats:
    """The headline from its tracks: the track itself when plain, else their blend."""
    return totals[0] if choices[0].plain else blend(totals)


def headline(
    run: StoredRun,
    floor: StoredRun | None,
    ceiling: StoredRun | None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> HeadlineValue:
    """The headline of a run, anchored by the runs of the floor and the ceiling model.

    Args:
        run: whose headline is wanted; may be one of the anchors itself.
        floor: run of the model that scores 0; None when there is none.
        ceiling: run of the model that scores 1.
        resamples: of the bootstrap, which redraws model, floor and ceiling together.
        seed: of the bootstrap.

    Returns:
        With value None and a reason when the anchors are missing or not comparable, or when no
        track has values.

    Raises:
        UserError: the run has no headline rule, or it names an unbounded column.
    """
    rule = rule_of(run)
    anchors = (floor, ceiling) if rule.tracks else (None, None)
    low, high = (None if r is None else Entry.read(r, rule) for r in anchors)
    contest = Contest.of(rule, run, low, high, resamples=resamples, seed=seed)
    return evaluate(contest, Entry.read(run, rule))


def evaluate(contest: Contest, entry: Entry) -> HeadlineValue:
    """The headline of one entry of a contest."""
    rule, run = contest.rule, entry.run
    plain, planned = not rule.tracks, len(contest.ids)
    if run.unsupported:
        return HeadlineValue(
            model=run.model, name=rule.name, planned=planned, plain=plain,
            reason=f"not supported: {run.unsupported}", supported=False,
        )  # fmt: skip
    if contest.formula:
        return _of_variant(contest, contest.formula, entry)
    problem = "" if plain else anchor_problem(rule, run, contest.floor, contest.ceiling)
    choices, missing = choose(rule, [entry] if problem else contest.entrants(entry))
    if problem or not choices:
        names = [rule.column] if plain else [t.name for t in rule.tracks]
        return HeadlineValue(
            model=run.model, name=rule.name, planned=planned, plain=plain, partial=not plain,
            missing_tracks=tuple(n for n in names if n in missing), missing_reasons=missing,
            reason=problem or "; ".join(missing.values()),
            tracks=tuple(_raw_track(contest, c, entry) for c in choices),
        )  # fmt: skip
    made = [contest.anchored(c, [entry]) for c in choices]
    tracks = [_track_value(contest, c, a, entry) for c, a in zip(choices, made, strict=True)]
    for track in tracks:
        if track.value is None:
            missing[track.name] = "no sub-class can be anchored"
    keep = [i for i, t in enumerate(tracks) if t.value is not None]
    kept, anchored = [choices[i] for i in keep], [made[i] for i in keep]
    by_group = _by_group(contest, kept, anchored) if keep else {}
    whole = by_group.get((), GroupValue(value=None, low=None, high=None, n=0, tracks={}))
    gone = {n for n in missing if n not in {c.name for c in kept}}
    return HeadlineValue(
        model=run.model,
        name=rule.name,
        value=whole.value,
        low=whole.low,
        high=whole.high,
        tracks=tuple(tracks[i] for i in keep),
        missing_tracks=tuple(t.name for t in rule.tracks if t.name in gone),
        partial=bool(missing),
        by_group=by_group,
        reason="" if keep else "; ".join(f"{n}: {why}" for n, why in missing.items()),
        missing_reasons=missing,
        n=whole.n,
        planned=planned,
        waiting=_waiting(entry, kept),
        plain=plain,
    )


def _of_variant(contest: Contest, formula: Formula, entry: Entry) -> HeadlineValue:
    """The headline that is a variant: its cells, as every table shows them."""
    name, planned = formula.variant.name, int(formula.member.sum())
    columns = entry.in_order(contest.ids)
    reason = entry.lacks(formula.columns)
    cells, waiting = {}, 0
    if all(n in columns for n in formula.columns):
        reading = Reading(formula.frame, {n: c.values for n, c in columns.items()})
        drawn = draw([reading], formula.branches)[0]
        cells = formula_cells(formula, entry.run, columns, reading, drawn)
        waiting = int(fates(formula, columns).open.sum())
    whole = cells.get(())
    if whole is None or whole.mean is None:
        reason = reason or (whole.note if whole else "") or "nothing to average"
        return HeadlineValue(
            model=entry.run.model, name=contest.rule.name, planned=planned, plain=True,
            missing_tracks=(name,), missing_reasons={name: reason}, reason=reason, waiting=waiting,
        )  # fmt: skip
    track = TrackValue(
        name=name, value=whole.mean, low=whole.low, high=whole.high, raw=whole.mean, n=whole.n,
        columns=formula.columns,
    )  # fmt: skip
    return HeadlineValue(
        model=entry.run.model,
        name=contest.rule.name,
        value=whole.mean,
        low=whole.low,
        high=whole.high,
        tracks=(track,),
        by_group={
            group: GroupValue(value=c.mean, low=c.low, high=c.high, n=c.n, tracks={name: c.mean})
            for group, c in cells.items()
        },
        note=whole.note,
        n=whole.n,
        planned=planned,
        waiting=waiting,
        plain=True,
    )


def _waiting(entry: Entry, choices: Sequence[Choice]) -> int:
    """Samples for which a value of a used column may still come."""
    names = [n for c in choices for n in c.columns]
    if not names:
        return 0
    return int(np.any([entry.columns[n].open for n in names], axis=0).sum())


def _raw_track(contest: Contest, choice: Choice, entry: Entry) -> TrackValue:
    values = entry.values(choice, contest.ids)
    has = np.isfinite(values)
    return TrackValue(
        name=choice.name,
        raw=float(values[has].mean()) if has.any() else None,
        columns=choice.columns,
        substituted=choice.substituted,
    )


def _track_value(contest: Contest, choice: Choice, made: Anchored, entry: Entry) -> TrackValue:
    observed, drawn = made.total()
    raw = _raw_track(contest, choice, entry)
    if not np.isfinite(observed[0]):
        return raw
    _, count = contest.layout.bootstrap.sums(made.shares)
    low, high = _ends(contest, float(observed[0]), drawn, count)
    return TrackValue(
        name=choice.name,
        value=float(observed[0]),
        low=low,
        high=high,
        raw=raw.raw,
        n=int(np.isfinite(made.shares).sum()),
        columns=choice.columns,
        substituted=choice.substituted,
        skipped_groups={"/".join(path): why for path, why in made.skipped.items()},
    )


def _by_group(
    contest: Contest, choices: Sequence[Choice], made: Sequence[Anchored]
) -> dict[GroupPath, GroupValue]:
    """Headline of every prefix of a group path, () first."""
    leaves = contest.layout.leaves
    groups = dict.fromkeys(leaf[:d] for leaf in leaves for d in range(len(leaf) + 1))
    shared = np.isfinite(np.column_stack([a.shares for a in made])).all(axis=1)
    out: dict[GroupPath, GroupValue] = {}
    for group in sorted(groups, key=len):
        inside = np.array([leaf[: len(group)] == group for leaf in leaves], dtype=np.bool_)
        totals = [a.total(inside) for a in made]
        parts = {
            c.name: float(t[0]) if np.isfinite(t[0]) else None
            for c, (t, _) in zip(choices, totals, strict=True)
        }
        member = inside[contest.layout.leaf] & shared
        value, low, high = None, None, None
        if all(p is not None for p in parts.values()):
            value = float(combine(choices, [t for t, _ in totals])[0])
            drawn = combine(choices, [d for _, d in totals])
            _, count = contest.layout.bootstrap.sums(np.where(member, 1.0, np.nan)[:, None])
            low, high = _ends(contest, value, drawn, count)
        out[group] = GroupValue(value=value, low=low, high=high, n=int(member.sum()), tracks=parts)
    return out


def _ends(
    contest: Contest, value: float, drawn: Floats, count: Floats
) -> tuple[float | None, float | None]:
    """Interval around a value; None for both with fewer than two clusters."""
    if int((count > 0).sum()) < 2:
        return None, None
    low, high = contest.layout.bootstrap.percentiles(drawn, count)
    if not np.isfinite([low[0], high[0]]).all():
        return None, None
    return float(min(low[0], value)), float(max(high[0], value))
