"""The numbers that WISE's tables print, as data, and the printed ones."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.common.published import Printed, printed_rows
from benchmarks.knowledge.wise.editions import CATEGORIES, LEGACY, TITLES, VERIFIED, Edition
from evals.core.aggregation import Term, Variant
from evals.core.types import Profile, PublishedRow


def _weighted(edition: Edition, column: str, profile: Profile) -> Variant:
    strict = profile == "strict"
    weights = {TITLES[c]: edition.weights[c] for c in CATEGORIES}
    told = ", ".join(f"{w:g} {name}" for name, w in weights.items())
    return Variant(
        name="weighted_strict" if strict else "weighted",
        title="Overall, strict" if strict else "Overall",
        doc=f"Weighted sum of the six categories' means ({told})"
        + (" over every planned prompt." if strict else ", as the released script prints it."),
        terms=(Term(column=f"judge.{column}", levels=(1,), weights=weights),),
        profile=profile,
    )


LEGACY_VARIANTS: tuple[Variant, ...] = (
    _weighted(LEGACY, "wiscore", "strict"),
    _weighted(LEGACY, "wiscore_official", "official"),
    Variant(
        name="unweighted",
        title="Overall, BAGEL's",
        doc="Plain mean of the six categories' means, which BAGEL's repository prints as Overall "
        "(WISE-7).",
        terms=(Term(column="judge.wiscore_official", levels=(1,)),),
    ),
)
VERIFIED_VARIANTS: tuple[Variant, ...] = (
    _weighted(VERIFIED, "score", "strict"),
    _weighted(VERIFIED, "score_official", "official"),
)


def _columns(overall: str, column: str, headings: Mapping[str, str]) -> dict[
    str, tuple[str, str, float]
]:  # fmt: skip
    groups = {headings[c]: (TITLES[c], f"judge.{column}", 1.0) for c in CATEGORIES}
    return {"Overall": ("", overall, 1.0), **groups}


_OTHER_WORDS = "wording: the official judge is asked in other words"
_DRAWN = (_OTHER_WORDS, "parsing: a score that is not found counts 0 in GenEditEvalKit")


def published_legacy() -> tuple[PublishedRow, ...]:
    """Rows of WISE's own README, of the InternVL-U report, and of BAGEL's README."""
    weighted = _columns("=weighted", "wiscore_official", TITLES)
    unweighted = {"Overall": ("", "=unweighted", 1.0)}
    gpt = "gpt-4o-2024-05-13"
    return printed_rows(
        Printed(
            table="WISE (legacy, gpt-4o-2024-05-13)", suite="full", columns=weighted, judge=gpt,
            differences=(f"judge: {gpt}", _OTHER_WORDS),
        ),
        Printed(
            table="WISE", suite="full", columns=weighted, lacking="Bagel",
            differences=("judge: the report does not name the judge of its WISE columns", *_DRAWN),
        ),
        Printed(
            table="WISE", suite="full", columns=unweighted, source="Bagel",
            judge="gpt-4o-2024-11-20",
            differences=(
                "judge: gpt-4o-2024-11-20", _OTHER_WORDS,
                "aggregation: plain mean of six categories; weighted, BAGEL's 0.52 is 0.501",
            ),
        ),
    )  # fmt: skip


def published_verified() -> tuple[PublishedRow, ...]:
    """The leaderboard of WISE Verified."""
    columns = _columns("=weighted", "score_official", {c: c for c in CATEGORIES})
    judge = "Qwen3.5-35B-A3B"
    return printed_rows(
        Printed(
            table="WISE_Verified (Qwen3.5-35B-A3B judge)", suite="full", columns=columns,
            judge=judge, differences=(f"judge: {judge}, thinking off", _OTHER_WORDS),
        )
    )  # fmt: skip
