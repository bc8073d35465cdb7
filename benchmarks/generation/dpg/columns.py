"""The columns of DPG-Bench and the numbers made from them.

A category's score is a ratio of counts over all prompts, so that each category has two counts per
image (questions answered yes, questions asked), once as released and once over all images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.common.quantities import count, in_percent, share
from benchmarks.generation.dpg.questions import Question
from benchmarks.generation.dpg.scoring import Tally, image_tally
from evals.core.aggregation import Term, Variant
from evals.core.types import Profile, Quantity

LAST = 3
"""Trial of the last of the four images, the only one that released category scores are made of."""

L1 = ("global", "entity", "attribute", "relation", "other")
L2 = (
    "entity - whole", "entity - part", "entity - state",
    "attribute - color", "attribute - size", "attribute - shape", "attribute - texture",
    "attribute - other",
    "relation - spatial", "relation - non-spatial",
    "other - count", "other - text",
)  # fmt: skip
"""Fine categories; the thirteenth, ``global -``, is all of ``global``."""
GLOBAL = "global -"


def slug(category: str) -> str:
    """Name of a category's columns.

    >>> slug("relation - non-spatial")
    'relation_non_spatial'
    """
    return category.replace(" - ", "_").replace("-", "_").replace(" ", "_")


def quantities() -> tuple[Quantity, ...]:
    """All columns of the metric; the first is the headline's."""
    scores = (
        share("score", "Share of the questions that count, dependencies applied."),
        share("score_official", "The same with the released rules.", "official", "score"),
    )
    counts = [q for name in (*L1, *L2) for q in _counts(name)]
    return (*scores, *counts)


_COUNTS: tuple[tuple[str, Profile, str], ...] = (
    ("yes_official", "official", "answered yes on the last of the four images."),
    ("asked_official", "official", "asked about the last of the four images."),
    ("yes", "strict", "answered yes, before dependencies."),
    ("asked", "strict", "asked."),
)
"""Ending of the columns of a category, profile, and what they count."""


def _counts(category: str) -> tuple[Quantity, ...]:
    return tuple(
        count(f"{slug(category)}_{end}", f"{category}: {doc}", profile, unit="questions")
        for end, profile, doc in _COUNTS
    )


def count_parts(
    questions: Sequence[Question], yes: Mapping[int, bool], ending: str
) -> dict[str, float | None]:
    """The counts of one image; 0 of 0 for a category that nothing is asked about.

    Args:
        questions: about the image.
        yes: question id -> answer.
        ending: of the columns' names, ``"_official"`` or empty.
    """
    tally = _tally(questions, yes)
    parts: dict[str, float | None] = {}
    for category in (*L1, *L2):
        hits, asked = tally.get(category, (0, 0))
        parts[f"{slug(category)}_yes{ending}"] = float(hits)
        parts[f"{slug(category)}_asked{ending}"] = float(asked)
    return parts


def no_counts(ending: str) -> dict[str, float | None]:
    """The counts of an image that has none."""
    names = [slug(category) for category in (*L1, *L2)]
    return {f"{n}_{what}{ending}": None for n in names for what in ("yes", "asked")}


def _tally(questions: Sequence[Question], yes: Mapping[int, bool]) -> Tally:
    return {**image_tally(questions, yes, "L2"), **image_tally(questions, yes, "L1")}


def unknown_categories(questions: Sequence[Question]) -> list[str]:
    """Categories of the data file that have no columns of their own, sorted."""
    known = {GLOBAL, *L1, *L2}
    found = {q.category for q in questions} | {q.category_at("L1") for q in questions}
    return sorted(found - known)


# --- the numbers of the benchmark -------------------------------------------------------------


def variants() -> tuple[Variant, ...]:
    """The score, the published categories, and the same over all images."""
    score = in_percent(
        "score", "DPG-Bench score",
        "Mean over prompts of the mean over their images, as every table prints it.",
        Term(column="judge.score_official", scale=100.0), label="DPG",
    )  # fmt: skip
    strict = in_percent(
        "score_strict", "DPG-Bench score, every prompt counts", "The same over all planned "
        "prompts; an image that the model did not make scores 0.",
        Term(column="judge.score", scale=100.0), profile="strict", label="DPG strict",
    )  # fmt: skip
    official = [_category(name, "official") for name in (*L1, *L2)]
    corrected = [_category(name, "strict") for name in (*L1, *L2)]
    return (score, strict, *official, *corrected)


def _category(category: str, profile: Profile) -> Variant:
    name, end = slug(category), "_official" if profile == "official" else ""
    kind = "L1" if category in L1 else "L2"
    whose = (
        "on the last image of each prompt only, as tables print it (DPG-2)"
        if profile == "official"
        else "on all images; images that the model did not make take no part"
    )
    term = Term(
        column=f"judge.{name}_yes{end}", over=f"judge.{name}_asked{end}", scale=100.0
    )  # fmt: skip
    return in_percent(
        name if profile == "official" else f"{name}_strict", f"{category} ({kind})",
        f"Percent of its questions answered yes, before dependencies, {whose}.", term,
        profile=profile, label=category,
    )  # fmt: skip
