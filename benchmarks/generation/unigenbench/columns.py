"""The columns of UniGenBench and the numbers made from them.

A dimension's share is a ratio of counts over all images, so that each primary dimension has two
official columns (points met, points asked). The strict column of a dimension is the points met over
the usual number of such points in a prompt: its mean over the prompts that have any is the same
ratio, with images that are missing in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.generation.unigenbench.data import TESTED, UniGenReference
from benchmarks.generation.unigenbench.scoring import official_shares
from benchmarks.generation.unigenbench.taxonomy import BY_NAME, POINTS, PRIMARY, slug
from evals.core.types import Profile, Quantity, Term, Variant

KEPT = "kept_official"
FINE = tuple(p for p in POINTS if p.en != p.primary)
"""Kinds that are one of several in their primary dimension; the others are the dimension."""
LACKS = "no test point of this kind in the prompt"


def _counted(name: str, doc: str, label: str, profile: Profile, worst: float | None) -> Quantity:
    return Quantity(
        name=name, range=(0.0, math.inf), direction="higher", doc=doc, profile=profile,
        label=label, worst=worst, auxiliary=True,
    )  # fmt: skip


def quantities() -> tuple[Quantity, ...]:
    """All columns of the metric."""
    share = Quantity(
        name="met", range=(0.0, 1.0), direction="higher", worst=0.0,
        doc="Share of the prompt's test points that the image meets.",
    )  # fmt: skip
    strict = [
        _counted(
            slug(p), f"{p}: points met over the usual number of them in a prompt.", p, "strict", 0.0
        )
        for p in PRIMARY
    ]
    official = []
    for p in PRIMARY:
        met, asked = f"{p}: points met, as released.", f"{p}: points that are counted, as released."
        official += [
            _counted(f"{slug(p)}_met_official", met, f"{p} met", "official", None),
            _counted(f"{slug(p)}_asked_official", asked, f"{p} asked", "official", None),
        ]
    kept = _counted(
        KEPT, "1 when the released count keeps the image, 0 when it drops it.", "kept", "official",
        None,
    )  # fmt: skip
    sub = [
        _counted(f"sub_{p.slug}_official", f"{p.en}: met, as released.", p.en, "official", None)
        for p in FINE
    ]
    return (share, *strict, *official, kept, *sub)


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


def _points(name: str, title: str, doc: str, term: Term, profile: Profile) -> Variant:
    return Variant(
        name=name, title=title, doc=doc, terms=(term,), profile=profile, range=(0.0, 100.0),
        unit="%",
    )  # fmt: skip


def _official(primary: str) -> Variant:
    term = Term(
        column=f"judge.{slug(primary)}_met_official",
        over=f"judge.{slug(primary)}_asked_official",
        scale=100.0,
    )
    doc = f"{primary}: test points met of those counted, over all images, as released."
    return _points(slug(primary), primary, doc, term, "official")


def _strict(primary: str) -> Variant:
    term = Term(column=f"judge.{slug(primary)}", where={primary: TESTED}, scale=100.0)
    doc = f"{primary}: test points met of all that were planned, images that are missing included."
    return _points(f"{slug(primary)}_strict", f"{primary}, strict", doc, term, "strict")


def _sub() -> list[Variant]:
    made = []
    for point in FINE:
        term = Term(column=f"judge.sub_{point.slug}_official", over=f"judge.{KEPT}", scale=100.0)
        doc = f"{point.en}: test points met of those counted, as released."
        made.append(_points(f"sub_{point.slug}", point.en, doc, term, "official"))
    return made


def _overall(profile: Profile) -> Variant:
    strict = profile == "strict"
    return Variant(
        name="overall_strict" if strict else "overall",
        title="Overall, strict" if strict else "Overall",
        doc="Mean of the ten primary dimensions"
        + (" over every planned image." if strict else ", as on the leaderboard (UNIGEN-5)."),
        of=tuple(f"{slug(p)}_strict" if strict else slug(p) for p in PRIMARY),
        profile=profile,
        range=(0.0, 100.0),
        unit="%",
    )


VARIANTS: tuple[Variant, ...] = (
    _overall("strict"),
    _overall("official"),
    *map(_official, PRIMARY),
    *map(_strict, PRIMARY),
    *_sub(),
)
