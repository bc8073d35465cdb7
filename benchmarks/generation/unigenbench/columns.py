"""The columns of UniGenBench and the numbers made from them.

A dimension's share is a ratio of counts over all images, so that each primary dimension has two
official columns (points met, points asked). The strict column of a dimension is the points met over
the usual number of such points in a prompt: its mean over the prompts that have any is the same
ratio, with images that are missing in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.quantities import count, in_percent, share
from benchmarks.generation.unigenbench.data import TESTED, UniGenReference
from benchmarks.generation.unigenbench.scoring import official_shares
from benchmarks.generation.unigenbench.taxonomy import BY_NAME, POINTS, PRIMARY, slug
from evals.core.aggregation import Term, Variant
from evals.core.types import Profile, Quantity

KEPT = "kept_official"
FINE = tuple(p for p in POINTS if p.en != p.primary)
"""Kinds that are one of several in their primary dimension; the others are the dimension."""
LACKS = "no test point of this kind in the prompt"


def quantities() -> tuple[Quantity, ...]:
    """All columns of the metric."""
    strict = [
        count(slug(p), f"{p}: points met over the usual number of them in a prompt.", "strict",
              label=p, worst=0.0)
        for p in PRIMARY
    ]  # fmt: skip
    official = []
    for p in PRIMARY:
        met, asked = f"{p}: points met, as released.", f"{p}: points that are counted, as released."
        official += [
            count(f"{slug(p)}_met_official", met, label=f"{p} met"),
            count(f"{slug(p)}_asked_official", asked, label=f"{p} asked"),
        ]
    kept = "1 when the released count keeps the image, 0 when it drops it."
    return (
        share("met", "Share of the prompt's test points that the image meets."),
        *strict,
        *official,
        count(KEPT, kept, label="kept"),
        *(count(f"sub_{p.slug}_official", f"{p.en}: met, as released.", label=p.en) for p in FINE),
    )


def strict_parts(
    reference: UniGenReference, marks: Sequence[int] | None
) -> dict[str, float | None]:
    """Strict columns of one image; all None without marks."""
    parts: dict[str, float | None] = {"met": sum(marks) / len(marks) if marks else None}
    for primary in PRIMARY:
        asked = reference.count(primary)
        met = None
        if marks and asked:
            pairs = zip(reference.points, marks, strict=True)
            met = sum(m for p, m in pairs if BY_NAME[p].primary == primary)
        parts[slug(primary)] = None if met is None else met / reference.usual[primary]
    return parts


def official_parts(
    reference: UniGenReference, marks: Sequence[Any] | None
) -> dict[str, float | None]:
    """Released columns of one image; its points count 0 of 0 when it is dropped."""
    shares = official_shares([(reference.points, marks)])
    sub = {BY_NAME[name].slug: cell for name, cell in shares.sub.items()}
    asked_slugs = {BY_NAME[name].slug for name in reference.points}
    parts: dict[str, float | None] = {KEPT: float(marks is not None)}
    for primary in PRIMARY:
        cells = [cell for name, cell in shares.sub.items() if BY_NAME[name].primary == primary]
        tested = reference.count(primary) > 0
        for at, kind in enumerate(("met", "asked")):
            total = float(sum(cell[at] for cell in cells))
            parts[f"{slug(primary)}_{kind}_official"] = total if tested else None
    for point in FINE:
        met = float(sub[point.slug][0]) if point.slug in sub else 0.0
        parts[f"sub_{point.slug}_official"] = met if point.slug in asked_slugs else None
    return parts


def lacking(parts: Mapping[str, float | None], reason: str) -> dict[str, str]:
    """Notes for the columns that have no value."""
    return {name: reason for name, value in parts.items() if value is None}


# --- variants -----------------------------------------------------------------------------------


def _official(primary: str) -> Variant:
    term = Term(
        column=f"judge.{slug(primary)}_met_official",
        over=f"judge.{slug(primary)}_asked_official",
        scale=100.0,
    )
    doc = f"{primary}: test points met of those counted, over all images, as released."
    return in_percent(slug(primary), primary, doc, term)


def _strict(primary: str) -> Variant:
    term = Term(column=f"judge.{slug(primary)}", where={primary: TESTED}, scale=100.0)
    doc = f"{primary}: test points met of all that were planned, images that are missing included."
    return in_percent(f"{slug(primary)}_strict", f"{primary}, strict", doc, term, profile="strict")


def _sub() -> list[Variant]:
    made = []
    for point in FINE:
        term = Term(column=f"judge.sub_{point.slug}_official", over=f"judge.{KEPT}", scale=100.0)
        doc = f"{point.en}: test points met of those counted, as released."
        made.append(in_percent(f"sub_{point.slug}", point.en, doc, term))
    return made


def _overall(profile: Profile) -> Variant:
    strict = profile == "strict"
    doc = "Mean of the ten primary dimensions"
    doc += " over every planned image." if strict else ", as on the leaderboard (UNIGEN-5)."
    return in_percent(
        "overall_strict" if strict else "overall", "Overall, strict" if strict else "Overall", doc,
        of=tuple(f"{slug(p)}_strict" if strict else slug(p) for p in PRIMARY), profile=profile,
    )  # fmt: skip


VARIANTS: tuple[Variant, ...] = (
    _overall("strict"),
    _overall("official"),
    *map(_official, PRIMARY),
    *map(_strict, PRIMARY),
    *_sub(),
)
