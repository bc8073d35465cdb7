"""The numbers that TIIF-Bench's tables print, as data, and the printed ones."""

from __future__ import annotations

from benchmarks.common.published import Printed, printed_rows
from benchmarks.generation.tiif.taxonomy import LENGTHS
from evals.core.aggregation import Term, Variant
from evals.core.types import Direction, PublishedRow

_WORDS: tuple[tuple[str, str, Direction], ...] = (
    ("gned", "GNED", "lower"),
    ("recall", "word recall", "higher"),
)

_PARTS = (
    ("overall", "Overall", (), (3, 2), "mean of the nine groups, each the mean of its dimensions"),
    ("basic", "Basic Avg", ("Basic",), (3,), "mean of the 12 basic dimensions"),
    ("advanced", "Advanced Avg", ("Advanced",), (3,),
     "mean of the 26 advanced dimensions, of which text and style are one each"),
)  # fmt: skip


def _official(length: str) -> list[Variant]:
    return [
        Variant(
            name=f"{name}_{length}",
            title=f"{title} ({length})",
            doc=f"{length.capitalize()} prompts: {what}; a dimension's accuracy is right answers "
            "over questions of all images that were judged, rounded to 4 decimals as released.",
            terms=(
                Term(
                    column="judge.right_official", over="judge.asked_official", under=under,
                    where={"length": length}, levels=levels, digits=4,
                ),
            ),
        )
        for name, title, under, levels, what in _PARTS
    ]  # fmt: skip


def _strict(length: str) -> Variant:
    return Variant(
        name=f"overall_{length}_strict",
        title=f"Overall ({length}), strict",
        doc=f"{length.capitalize()} prompts: mean of the nine groups, each the mean of its "
        "dimensions' accuracies over every planned question, nothing rounded.",
        terms=(Term(column="judge.credit", where={"length": length}, levels=(3, 2)),),
        profile="strict",
    )


def _words(length: str) -> list[Variant]:
    """The optional text metrics, by recognised words."""
    return [
        Variant(
            name=f"{name}_{length}",
            title=f"{title} ({length})",
            doc=f"{length.capitalize()} prompts of the text dimension: mean over images.",
            terms=(
                Term(
                    column=f"words.{name}", under=("Advanced", "Text Generation"),
                    where={"length": length},
                ),
            ),
            direction=direction,
        )
        for name, title, direction in _WORDS
    ]  # fmt: skip


VARIANTS: tuple[Variant, ...] = (
    *(v for length in LENGTHS for v in _official(length)),
    *(v for length in LENGTHS for v in _words(length)),
    *map(_strict, LENGTHS),
    Variant(
        name="overall_strict",
        title="Overall, strict",
        doc="Mean of the strict Overall of short and of long prompts; papers print the two apart.",
        of=tuple(f"overall_{length}_strict" for length in LENGTHS),
        profile="strict",
    ),
)

_GROUPS = {
    "Attr": "Basic/Attribute",
    "Rel": "Basic/Relation",
    "Reas": "Basic/Reasoning",
    "A+R": "Advanced/Attribute+Relation",
    "A+Re": "Advanced/Attribute+Reasoning",
    "R+Re": "Advanced/Relation+Reasoning",
    "Style": "Advanced/Style Control",
    "Text": "Advanced/Text Generation",
    "RW": "Real World/Complex",
}
"""Printed heading -> group."""

_DIFFERENCES = (
    "judge: the InternVL-U report does not name its judge; GenEditEvalKit asks gpt-5, upstream "
    "gpt-4o, and swapping judges moves Overall by up to 5 points",
    "wording: the released script draws one of three wordings at random at temperature 1",
    "coverage: images that were not judged leave both counts",
)


def published() -> tuple[PublishedRow, ...]:
    """The rows of the InternVL-U report and of Lumina-DiMOO, printed in points of 100."""
    tables = []
    for length in LENGTHS:
        columns = {
            "Overall": ("", f"=overall_{length}", 0.01),
            "Basic Avg": ("", f"=basic_{length}", 0.01),
            "Advanced Avg": ("", f"=advanced_{length}", 0.01),
            **{h: (group, f"=overall_{length}", 0.01) for h, group in _GROUPS.items()},
        }
        tables.append(
            Printed(
                table=f"TIIF-Bench ({length})", suite="testmini", columns=columns,
                differences=_DIFFERENCES,
            )
        )  # fmt: skip
    return printed_rows(*tables)
