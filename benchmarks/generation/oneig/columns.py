"""The columns of OneIG-Bench and the numbers made from them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.common.means import mean
from benchmarks.common.quantities import count, share
from benchmarks.generation.oneig.scoring import DIMENSIONS
from benchmarks.generation.oneig.text import MAX_DISTANCE, Language, TextPieces
from evals.core.aggregation import Term, Variant
from evals.core.types import Profile, Quantity

FIVE_CLASSES = "alignment"
"""Stratum of the prompts that the released run script scores alignment on."""


def _distance(name: str, doc: str, profile: Profile, unit: str = "") -> Quantity:
    return Quantity(
        name=name, range=(0.0, math.inf), direction="lower", doc=doc, profile=profile, unit=unit,
        worst=1.0 if profile == "strict" else None,
    )  # fmt: skip


QUANTITIES = (
    share("alignment", "Share of the questions that count, parents applied."),
    share("alignment_official", "The same with the released rules.", "official"),
    _distance(
        "distance", "Edit distance of the text read, over the distance from which it no longer "
        "matters (100 characters in English, 50 in Chinese).", "strict",
    ),
    share("complete", "1 when the text was read without any error."),
    share("recall", "Share of the asked words or characters that were read."),
    _distance("ED_official", "Edit distance of the text read.", "official", "characters"),
    _distance("distance_official", "The same over the distance from which it no longer matters.",
              "official"),
    share("CR_official", "1 when the text was read without any error.", "official"),
    count("matched_official", "Asked units that were read.", unit="units"),
    count("asked_official", "Units asked for.", unit="units"),
)  # fmt: skip
"""Of the metric `judge`. Each image has either the first two or the others."""

ALIGNMENT = tuple(q.name for q in QUANTITIES[:2])
TEXT = tuple(q.name for q in QUANTITIES[2:])
OFFICIAL = tuple(q.name for q in QUANTITIES if q.profile == "official")

REASONING = Quantity(
    name="reasoning", range=(-1.0, 1.0), direction="higher", profile="official", worst=0.0,
    doc="Cosine of the image and the text of the answer, by LLM2CLIP.",
)  # fmt: skip
STYLE = Quantity(
    name="style", range=(0.0, 1.0), direction="higher", profile="official", worst=0.0,
    doc="Greatest cosine to a reference of the style that was asked for, mean of two encoders.",
)  # fmt: skip
DIVERSITY = Quantity(
    name="diversity", range=(0.0, 1.0), direction="higher", profile="official", worst=0.0,
    doc="Mean DreamSim distance between the images of a prompt.",
)  # fmt: skip


def official_text(pieces: Sequence[TextPieces], language: Language) -> dict[str, float | None]:
    """The official text quantities of one or several readings of an image."""
    distance = mean([float(p.distance) for p in pieces])
    return {
        "ED_official": distance,
        "distance_official": None if distance is None else distance / MAX_DISTANCE[language],
        "CR_official": mean([float(p.complete) for p in pieces]),
        "matched_official": mean([float(p.matched) for p in pieces]),
        "asked_official": mean([float(p.asked_units) for p in pieces]),
    }


def strict_text(pieces: Sequence[TextPieces], language: Language) -> dict[str, float | None]:
    """The strict text quantities of one or several readings of an image."""
    return {
        "distance": mean([p.distance / MAX_DISTANCE[language] for p in pieces]),
        "complete": mean([float(p.complete) for p in pieces]),
        "recall": mean([p.recall for p in pieces]),
    }


# --- the numbers of the benchmark -------------------------------------------------------------


def variants() -> tuple[Variant, ...]:
    """The five dimensions and their mean, as released and with every planned image counted."""
    return (
        *_dimensions("official"),
        _overall("official"),
        *_details(),
        *_dimensions("strict"),
        _overall("strict"),
    )


def _name(word: str, profile: Profile) -> str:
    return word if profile == "official" else f"{word}_strict"


def _text_terms(profile: Profile) -> tuple[Term, ...]:
    """1 - (1 - a)(1 - b)(1 - c) of what the mean edit distance leaves, CR and WAC."""
    where = {"dimension": "text"}
    end = "_official" if profile == "official" else ""
    left = Term(
        column=f"judge.distance{end}", where=where, scale=-1.0, offset=1.0, clip=(0.0, 1.0)
    )  # fmt: skip
    if profile == "official":
        return (
            left,
            Term(column="judge.CR_official", where=where),
            Term(column="judge.matched_official", over="judge.asked_official", where=where),
        )
    return (
        left, Term(column="judge.complete", where=where), Term(column="judge.recall", where=where),
    )  # fmt: skip


def _dimensions(profile: Profile) -> tuple[Variant, ...]:
    end = "_official" if profile == "official" else ""
    counted = "" if profile == "official" else " An image that was not made scores worst."
    pooled = "pooled share" if profile == "official" else "mean share"

    def one(word: str, doc: str, term: Term) -> Variant:
        return Variant(
            name=_name(word, profile), title=word, label=word, profile=profile, terms=(term,),
            doc=doc,
        )  # fmt: skip

    return (
        one(
            "alignment",
            f"Mean over portraits, objects and anime prompts of the questions that count.{counted}",
            Term(column=f"judge.alignment{end}", where={"dimension": FIVE_CLASSES}),
        ),
        Variant(
            name=_name("text", profile), title="text", label="text", profile=profile,
            combine="noisy_or", terms=_text_terms(profile),
            doc="1 - min(M, ED) (1 - CR) (1 - WAC) / M of three numbers over all images: mean edit "
            f"distance, share without any error, {pooled} of the asked text.{counted}",
        ),
        one(
            "reasoning", "Mean over reasoning prompts of the cosine to the answer.",
            Term(column="reasoning.reasoning", where={"dimension": "reasoning"}),
        ),
        one(
            "style", "Mean over prompts with a style of the nearness to its references.",
            Term(column="style.style", where={"styled": "yes"}),
        ),
        one(
            "diversity", "Mean over prompts of the distance between their images.",
            Term(column="diversity.diversity"),
        ),
    )  # fmt: skip


def _overall(profile: Profile) -> Variant:
    return Variant(
        name=_name("overall", profile), title="Overall", label="Overall", profile=profile,
        of=tuple(_name(d, profile) for d in DIMENSIONS),
        doc="Plain mean of the five dimensions, as tables print it; no number unless all five are "
        "there.",
    )  # fmt: skip


def _details() -> tuple[Variant, ...]:
    where = {"dimension": "text"}
    return (
        Variant(
            name="alignment_culture", title="alignment, Chinese culture", label="multilingualism",
            terms=(Term(column="judge.alignment_official",
                        where={"dimension": "alignment of Chinese culture"}),),
            doc="The same over the multilingualism prompts of the Chinese suite, which the "
            "released run script leaves out.",
        ),
        Variant(
            name="ED", title="mean edit distance", label="ED", direction="lower",
            unit="characters", range=(0.0, math.inf),
            terms=(Term(column="judge.ED_official", where=where),), doc="Mean over images.",
        ),
        Variant(
            name="CR", title="completion rate", label="CR",
            terms=(Term(column="judge.CR_official", where=where),),
            doc="Share of images whose text was read without any error.",
        ),
        Variant(
            name="WAC", title="word accuracy", label="WAC",
            terms=(Term(column="judge.matched_official", over="judge.asked_official",
                        where=where),),
            doc="Units read over units asked for, pooled over images.",
        ),
    )  # fmt: skip
