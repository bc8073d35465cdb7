"""The numbers that GenExam's tables print, as data, and the printed ones."""

from __future__ import annotations

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.quantities import in_percent
from benchmarks.knowledge.genexam.data import SUBJECTS
from evals.core.aggregation import Term, Variant
from evals.core.types import Profile, PublishedRow

_SCORES = ("relaxed", "strict")
_AVERAGES = {
    "macro": ((1,), "mean over subjects of their means (GenEditEvalKit, and older rows upstream)"),
    "micro": ((), "mean over all samples (upstream now)"),
}


def _variant(score: str, average: str, profile: Profile) -> Variant:
    levels, told = _AVERAGES[average]
    counted = profile == "strict"
    column = f"judge.{score}" if counted else f"judge.{score}_official"
    title = f"{score.capitalize()} score, {average}"
    ending = ", every planned sample counted, nothing rounded." if counted else ", as released."
    return in_percent(
        f"{score}_{average}_counted" if counted else f"{score}_{average}",
        f"{title}, every sample" if counted else title,
        f"{title}: {told}{ending}",
        Term(column=column, levels=levels, scale=100.0),
        profile=profile,
    )


VARIANTS: tuple[Variant, ...] = tuple(
    _variant(score, average, profile)
    for profile in ("strict", "official")
    for score in _SCORES
    for average in _AVERAGES
)

_DIFFERENCES = (
    "judge: gpt-5-2025-08-07, low reasoning effort",
    "wording: the official judge is asked in other words",
    "aggregation[=relaxed_macro, =strict_macro]: the upstream leaderboard mixes means over "
    "subjects and over samples, see the note (GENEXAM-1)",
)


def published() -> tuple[PublishedRow, ...]:
    """The upstream leaderboard and the table of the InternVL-U report, printed in points of 100."""
    tables = []
    for score in _SCORES:
        columns = {
            "Overall": ("", f"={score}_macro", 1.0),
            **{
                heading: (subject, f"judge.{score}_official", 0.01)
                for subject, heading in SUBJECTS.items()
            },
        }
        tables.append(
            Printed(
                table=f"GenExam ({score})", suite="full", columns=columns,
                differences=_DIFFERENCES, judge="gpt-5-2025-08-07",
            )
        )  # fmt: skip
    return printed_rows(*tables)
