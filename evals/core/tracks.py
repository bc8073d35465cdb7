"""Which columns a headline is made of in a given run, and their per-sample values.

A headline is made of tracks, or it is one column or one variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from evals.core.aggregation import Headline, Track, Variant
from evals.core.anchored import blend
from evals.core.columns import Column, read_columns, sample_ids
from evals.core.comparable import data_differences, scorer_reasons
from evals.core.errors import UserError, unknown
from evals.core.stats import Floats
from evals.core.store import StoredRun
from evals.core.variants import columns_used, definition, variants_of


def rule_of(run: StoredRun) -> Headline:
    """The headline rule in the run's manifest.

    Raises:
        UserError: the manifest has none.
    """
    row = run.manifest.get("headline")
    if not row:
        raise UserError(f"{run.folder}/run.json has no headline rule; run the benchmark again.")
    return Headline(
        name=row["name"],
        tracks=tuple(
            Track(
                name=t["name"],
                columns=tuple(t["columns"]),
                substitute=tuple(t.get("substitute", ())),
                doc=t.get("doc", ""),
            )
            for t in row.get("tracks", ())
        ),
        column=row.get("column", ""),
        variant=row.get("variant", ""),
        floor=row.get("floor", ""),
        ceiling=row.get("ceiling", ""),
        min_gap=float(row.get("min_gap", 0.05)),
    )


def variant_of(run: StoredRun, rule: Headline) -> tuple[Variant, ...]:
    """The variant that a headline names, and all that it is made of; empty for other headlines.

    Raises:
        UserError: the run does not have it.
    """
    if not rule.variant:
        return ()
    variants = variants_of(run)
    if rule.variant not in variants:
        raise unknown(f"variant of {run.benchmark}", rule.variant, variants)
    return definition(variants[rule.variant], variants)


def used_columns(run: StoredRun, rule: Headline) -> list[str]:
    """Every column that a headline may use, sorted."""
    names = {n for t in rule.tracks for n in (*t.columns, *t.substitute)}
    names |= {rule.column} if rule.column else set()
    if made_of := variant_of(run, rule):
        names.update(columns_used(made_of[0], {v.name: v for v in made_of}))
    return sorted(names)


@dataclass(frozen=True)
class Entry:
    """A run with the columns that its headline may use, read once."""

    run: StoredRun
    columns: Mapping[str, Column]

    @classmethod
    def read(cls, run: StoredRun, rule: Headline) -> Entry:
        """Read all columns of a headline: a variant's under its own policy, else the strict one."""
        made_of = variant_of(run, rule)
        profile = made_of[0].profile if made_of else "strict"
        return cls(run, read_columns(run, used_columns(run, rule), profile=profile))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Names of the run's samples, in their order."""
        return sample_ids(self.run)

    def in_order(self, ids: tuple[str, ...]) -> Mapping[str, Column]:
        """The columns with their samples in this order, which must be the same samples."""
        if ids == self.ids:
            return self.columns
        at = {name: i for i, name in enumerate(self.ids)}
        rows = [at[i] for i in ids]
        return {
            name: replace(
                column, values=column.values[rows], open=column.open[rows],
                kinds=tuple(column.kinds[i] for i in rows),
                reasons=tuple(column.reasons[i] for i in rows),
            )
            for name, column in self.columns.items()
        }  # fmt: skip

    def lacks(self, names: Sequence[str]) -> str:
        """Why these columns cannot be used; empty when they can."""
        for name in names:
            if name not in self.columns:
                return f"{name} is not a column of {self.run.model}"
            if not self.columns[name].usable:
                open_reasons = [r for r in self.columns[name].reasons if r] or ["no samples"]
                why = max(set(open_reasons), key=open_reasons.count)
                return f"{name} has no values in {self.run.model} ({why})"
        return ""

    def values(self, choice: Choice, ids: Sequence[str]) -> Floats:
        """Per-sample value of a track for the given samples; NaN where there is none."""
        columns = [self.columns[n] for n in choice.columns]
        parts = [c.values if choice.plain else oriented(c) for c in columns]
        own = parts[0] if choice.plain else blend(parts)
        at = {str(s["id"]): i for i, s in enumerate(self.run.samples)}
        return np.array([own[at[i]] if i in at else np.nan for i in ids], dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A track with the columns that are used for it."""

    name: str
    columns: tuple[str, ...]
    substituted: bool = False
    plain: bool = False


def oriented(column: Column) -> Floats:
    """Values rescaled by the declared range so that 0 is worst and 1 is best.

    Raises:
        UserError: the range is not finite.
    """
    low, high = column.quantity.range
    if not np.isfinite([low, high]).all():
        raise UserError(
            f"The headline uses {column.name}, whose range [{low}, {high}] is not finite; "
            "name a bounded column in the benchmark's headline rule."
        )
    value = (column.values - low) / (high - low)
    # Metrics may overshoot a bound by the rounding of float32, which a root must not see.
    share = np.clip(value if column.quantity.direction == "higher" else 1.0 - value, 0.0, 1.0)
    return np.asarray(share, dtype=np.float64)


def choose(rule: Headline, entries: Sequence[Entry]) -> tuple[list[Choice], dict[str, str]]:
    """The tracks that all entries can be measured by, and why others cannot."""
    if not rule.tracks:
        why = next(filter(None, (e.lacks([rule.column]) for e in entries)), "")
        plain = [Choice(name=rule.column, columns=(rule.column,), plain=True)]
        return ([], {rule.column: why}) if why else (plain, {})
    out, missing = [], {}
    for track in rule.tracks:
        why = next(filter(None, (e.lacks(track.columns) for e in entries)), "")
        if not why:
            out.append(Choice(name=track.name, columns=track.columns))
            continue
        missing[track.name] = why
        if track.substitute and not any(e.lacks(track.substitute) for e in entries):
            out.append(Choice(name=track.name, columns=track.substitute, substituted=True))
    return out, missing


def anchor_problem(
    rule: Headline, run: StoredRun, floor: Entry | None, ceiling: Entry | None
) -> str:
    """Why the run cannot be anchored; empty when it can."""
    metrics = sorted(
        {n.rpartition(".")[0] for t in rule.tracks for n in (*t.columns, *t.substitute)}
    )
    for name, entry in ((rule.floor, floor), (rule.ceiling, ceiling)):
        if entry is None:
            return f"there is no run of {name!r}, which anchors the headline; run it as well"
        reasons = [*data_differences(run, entry.run), *scorer_reasons(run, entry.run, metrics)]
        if reasons:
            return f"the anchor {name!r} is not comparable: {'; '.join(reasons)}"
    return ""
