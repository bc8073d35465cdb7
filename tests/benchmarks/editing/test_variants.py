"""Every printed number as a variant: equal to the released aggregation of the same scores."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from benchmarks.editing.common import five_in_percent
from benchmarks.editing.gedit import scoring as gedit
from benchmarks.editing.imgedit import scoring as imgedit
from benchmarks.editing.kris import scoring as kris
from benchmarks.editing.kris.data import META_OF
from benchmarks.editing.rise import scoring as rise
from benchmarks.editing.rise.data import RiseReference
from benchmarks.editing.rise.judging import official_parts
from benchmarks.editing.rise.scoring import Points
from benchmarks.editing.rise.table import Row, official_table
from benchmarks.editing.wiseedit import scoring as wiseedit
from benchmarks.editing.wiseedit.data import SUBSETS
from evals.core.cells import Cell
from evals.core.summary import summarise
from evals.core.variants import columns_used
from tests.benchmarks.editing import kit
from tests.variant_runs import MISSING, memory_run

SEEDS = range(4)
Group = tuple[str, ...]
WIDE = (-1000.0, 1000.0)


def cells(
    name: str, groups: Sequence[Group], parts: Sequence[Mapping[str, float | None] | None],
    strata: Sequence[Mapping[str, str]] | None = None,
) -> Mapping[tuple[str, Group], Cell]:  # fmt: skip
    """Cells of a run with these parts of the metric `judge`; None is a picture that is missing."""
    first = next(p for p in parts if p is not None)
    columns = {f"judge.{q}": [None if p is None else p[q] for p in parts] for q in first}
    every = {v.name: v for v in kit.benchmark(name).variants}
    chosen = [v for v in every.values() if set(columns_used(v, every)) <= set(columns)]
    run = memory_run(
        groups, columns, variants=chosen, strata=strata, ranges=dict.fromkeys(columns, WIDE),
        faults={i: MISSING for i, p in enumerate(parts) if p is None},
    )  # fmt: skip
    found: Mapping[tuple[str, Group], Cell] = summarise(run, resamples=200).cells
    return found


def same(cell: Cell, value: float | None) -> None:
    assert cell.mean is not None
    assert value is not None
    assert math.isclose(cell.mean, value, rel_tol=0, abs_tol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_imgedit(seed: int) -> None:
    rng = random.Random(seed)
    types = {str(n): rng.choice(list(imgedit.DIMENSIONS)) for n in range(150)}
    averages = {k: round(sum(rng.randint(1, 5) for _ in range(3)) / 3, 2) for k in types}
    for gone in rng.sample(list(types), 20):
        del averages[gone]
    by_type = imgedit.official_types(averages, types)
    parts = [{"score_official": averages[k]} if k in averages else None for k in types]
    found = cells("imgedit", [(t,) for t in types.values()], parts)
    same(found["=macro", ()], imgedit.official_macro(by_type))
    same(found["=micro", ()], imgedit.official_micro(averages))
    for kind, value in by_type.items():
        same(found["=macro", (kind,)], value)


@pytest.mark.parametrize("seed", SEEDS)
def test_gedit(seed: int) -> None:
    rng = random.Random(seed)
    rows: dict[str, list[gedit.Row]] = {g: [] for g in gedit.GROUPS}
    groups, parts, strata = [], [], []
    for n in range(110):
        group = gedit.GROUPS[n % 11]
        row = gedit.Row(
            language="en", intersection=n < 11 or rng.random() < 0.5,
            semantics=rng.randint(0, 20) / 2, quality=rng.randint(0, 10),
        )  # fmt: skip
        rows[group].append(row)
        groups.append((group,))
        parts.append({"SC_official": row.semantics, "PQ_official": row.quality,
                      "O_official": row.overall})  # fmt: skip
        strata.append({"intersection": "yes" if row.intersection else "no"})
    found = cells("gedit", groups, parts, strata)
    for end in ("", "_intersection"):
        table = gedit.official_table(rows, "en", intersection=bool(end))
        for short, name in (("SC", "semantics"), ("PQ", "quality"), ("O", "overall")):
            same(found[f"=G_{short}{end}", ()], table[name][f"avg_{name}"])
            same(found[f"=G_{short}{end}", ("ps_human",)], table[name]["ps_human"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("light", [False, True])
def test_rise(seed: int, light: bool) -> None:
    rng = random.Random(seed)
    rows, groups, parts = [], [], []
    for _ in range(120):
        category = rng.choice(rise.CATEGORIES)
        logical = category == rise.LOGICAL
        free = light and not logical and rng.random() < 0.2
        c, r, v = (rng.choice([1, 5] if logical else range(1, 6)) for _ in range(3))
        points = Points(C=None if free else c, R=r, V=None if logical else v)
        if rng.random() < 0.1:
            points = Points()
        subtask = rng.choice(rise.SUBTASKS[category])
        reference = RiseReference(category=category, free=free, light=light)
        made = official_parts(points, reference)
        rows.append(
            Row(
                category=category, subtask=subtask, points=points,
                score=rise.official_score(points, category, light),
                complete=rise.official_complete(points, category),
            )
        )  # fmt: skip
        groups.append((category, subtask))
        parts.append(made)
    found = cells("rise", groups, parts)
    table = official_table(rows)
    for name, group in {"Overall": (), **{rise.TITLES[c]: (c,) for c in rise.CATEGORIES}}.items():
        same(found["=score", group], table[name][1])
        same(found["=accuracy", group], 100 * (table[name][2] or 0))
        for line, quantity in (("Reasoning", "reasoning"), ("Consistency", "consistency")):
            if group:
                same(found[f"judge.{quantity}_official", group], table[f"{name}_{line}"][1])
    same(found["judge.plausibility_official", ()], table["Overall_VisualPlausibility_total"][1])


@pytest.mark.parametrize("seed", SEEDS)
def test_kris(seed: int) -> None:
    rng = random.Random(seed)
    samples: dict[str, list[dict[str, float | None]]] = {c: [] for c in kris.TYPE_OF}
    groups, parts = [], []
    for category, kind in kris.TYPE_OF.items():
        for _ in range(rng.randint(1, 6)):
            scores: dict[str, float | None] = {
                m: rng.choice([None, 1, 2, 3, 4, 5, 9]) for m in kris.metrics(kind)
            }
            samples[category].append(scores)
            percents = {m: five_in_percent(s) for m, s in scores.items() if s is not None}
            groups.append((META_OF[kind], kind, category))
            made: dict[str, float | None] = {f"{m}_official": percents.get(m) for m in kris.SHORT}
            made["sum_official"] = sum(percents.values()) if percents else None
            made["grades_official"] = len(percents) if percents else None
            parts.append(made)
    found = cells("kris", groups, parts)
    types, inside, metas, overall = kris.official_summary(samples)
    same(found["=flat", ()], overall)
    for meta, value in metas.items():
        same(found["=flat", (meta,)], value)
    for kind, means in types.items():
        path = (META_OF[kind], kind)
        same(found["=flat", path], means["AVG"])
        for short in set(means) - {"AVG"}:
            same(found[f"={short}", path], means[short])
            for category in kris.TYPES[kind]:
                if short in inside[kind].get(category, {}):
                    same(found[f"={short}", (*path, category)], inside[kind][category][short])


def test_kris_strict_is_the_mean_of_all_grades_at_the_official_sizes() -> None:
    rng = random.Random(1)
    groups: list[Group] = []
    parts: list[Mapping[str, float | None] | None] = []
    total, count = 0.0, 0
    for kind, size in kris.SIZES.items():
        for n in range(size):
            category = kris.TYPES[kind][n % len(kris.TYPES[kind])]
            groups.append((META_OF[kind], kind, category))
            wanted = kris.metrics(kind)
            count += len(wanted)
            if rng.random() < 0.1:
                parts.append(None)  # counts 0
                continue
            grades = {m: float(rng.randint(1, 5)) for m in wanted}
            total += sum(map(five_in_percent, grades.values()))
            parts.append({"score": kris.sample_score(grades)})
    cell = strict_cells("kris", groups, parts)["=flat_strict", ()]
    same(cell, total / count)


def strict_cells(
    name: str, groups: Sequence[Group], parts: Sequence[Mapping[str, float | None] | None]
) -> Mapping[tuple[str, Group], Cell]:
    """As `cells`, for percent columns whose worst value is 0."""
    first = next(p for p in parts if p is not None)
    columns = {f"judge.{q}": [None if p is None else p[q] for p in parts] for q in first}
    every = {v.name: v for v in kit.benchmark(name).variants}
    chosen = [v for v in every.values() if set(columns_used(v, every)) <= set(columns)]
    run = memory_run(
        groups, columns, variants=chosen, ranges=dict.fromkeys(columns, (0.0, 100.0)),
        faults={i: MISSING for i, p in enumerate(parts) if p is None},
    )  # fmt: skip
    found: Mapping[tuple[str, Group], Cell] = summarise(run, resamples=200).cells
    return found


@pytest.mark.parametrize("seed", range(12))
def test_wiseedit(seed: int) -> None:
    rng = random.Random(seed)
    sheets: dict[str, wiseedit.Sheet] = {}
    groups, parts, strata = [], [], []
    for subset in SUBSETS:
        kind = wiseedit.category(subset)
        rows: list[dict[str, Any]] = []
        for n in range(rng.choice([1, 4, 8, 16])):
            row: dict[str, Any] = {"idx": str(n)}
            dropped = n > 0 and rng.random() < 0.1
            for language in wiseedit.LANGUAGES:
                made: dict[str, float | None] = {f"{m}_official": None for m in wiseedit.NAMES}
                for metric in wiseedit.CATEGORIES[kind]:
                    score = rng.randint(1, 10)
                    row[f"{metric}_score_{language}"] = str(0 if dropped else score)
                    made[f"{metric}_official"] = None if dropped else score
                groups.append((kind, subset))
                parts.append(made)
                strata.append({"language": language})
            rows.append(row)
        sheets[subset] = wiseedit.Sheet(ids=[r["idx"] for r in rows], rows=rows)
    found = cells("wiseedit", groups, parts, strata)
    full = wiseedit.official_summary(sheets)
    kit_ = wiseedit.official_summary({s: sheets[s] for s in wiseedit.SINGLE}, complex_too=False)
    assert full is not None
    assert kit_ is not None
    for language in wiseedit.LANGUAGES:
        for kind in wiseedit.CATEGORIES:
            short = kind.rpartition("_")[2].lower()
            same(found[f"={short}_{language}", ()], full[f"{kind}_overall_{language}"])
        same(found[f"=basic_{language}", ()], full[f"basic_overall_{language}"])
        same(found[f"=basic_{language}_kit", ()], kit_[f"basic_overall_{language}"])
    same(found["=complex", ()], full["WiseEdit_Complex_overall"])
