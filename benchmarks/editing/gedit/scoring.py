"""GEdit-Bench's arithmetic: VIEScore per edit, means of eleven group means per language.

An edit is judged twice: semantics (source, result and instruction: success, over-editing) and
quality (result alone: naturalness, artifacts), two numbers from 0 to 10 each. SC and PQ are the
smaller of the two, O is the root of SC * PQ. Official is what stepfun-ai/Step1X-Edit@570eba6
``GEdit-Bench`` does, defects included (GEDIT-1 to GEDIT-7 in docs/errata.md); strict is ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.common.means import mean_or_nan
from benchmarks.editing.common import OfficialReading, crash
from benchmarks.editing.gedit.replies import LIMITED

GROUPS = (
    "background_change", "color_alter", "material_alter", "motion_change", "ps_human",
    "style_change", "subject-add", "subject-remove", "subject-replace", "text_change",
    "tone_transfer",
)  # fmt: skip
"""In the order of the released tables."""
TITLES: Mapping[str, str] = dict(
    zip(GROUPS, ("BC", "CA", "MM", "MC", "PB", "ST", "SA", "SR", "SRp", "TM", "TT"), strict=True)
)
"""Group -> how tables call it."""
LANGUAGES = ("en", "cn")


# --- the released scripts ---------------------------------------------------------------------


def official_sample(semantics: OfficialReading, quality: OfficialReading) -> OfficialReading:
    """[SC, PQ, O] of one edit as released.

    Returns:
        ``unparsed`` when either reply was: the script then asks again, and guesses (GEDIT-1,
        GEDIT-2). ``crash`` where it raises, and asks again up to 10,000 times (GEDIT-4).
    """
    failed = [reading for reading in (semantics, quality) if reading.outcome != "ok"]
    if failed:  # both replies are read before either is given up
        return next((reading for reading in failed if reading.outcome == "crash"), failed[0])
    if LIMITED in (semantics.value, quality.value):
        return OfficialReading(outcome="crash", error="ValueError")
    try:
        sc, pq = min(semantics.value["score"]), min(quality.value["score"])
        if not isinstance(sc, int | float) or not isinstance(pq, int | float):
            raise TypeError("a product of texts or lists has no root")
        return OfficialReading(outcome="ok", value=[sc, pq, math.sqrt(sc * pq)])
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        return crash(error)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One edit in one language: what its group's table holds.

    Attributes:
        language: ``en`` or ``cn``.
        intersection: whether it belongs to the intersection set.
        semantics: SC.
        quality: PQ.
    """

    language: str
    intersection: bool
    semantics: float
    quality: float

    @property
    def overall(self) -> float:
        """O, the geometric mean of both; NaN below 0, as NumPy has it."""
        product = self.semantics * self.quality
        return math.sqrt(product) if product >= 0 else math.nan


QUANTITIES = ("semantics", "quality", "overall")


def official_table(
    rows: Mapping[str, Sequence[Row]], language: str, *, intersection: bool = False
) -> dict[str, dict[str, float]]:
    """Group means of one language and the means of those.

    Args:
        rows: group -> its edits, for every group.
        language: the rows counted.
        intersection: only the intersection set.

    Returns:
        Quantity -> group -> mean, and ``avg_<quantity>`` -> mean of the eleven. A group without a
        row is NaN, and makes the average NaN (GEDIT-6). `avg_overall` is the mean of O, and not the
        root of the other two averages.

    Raises:
        KeyError: a group is absent.
    """
    table = {}
    for quantity in QUANTITIES:
        means = {
            group: mean_or_nan([getattr(r, quantity) for r in _chosen(
                rows[group], language, intersection)])
            for group in GROUPS
        }  # fmt: skip
        table[quantity] = means | {f"avg_{quantity}": mean_or_nan(list(means.values()))}
    return table


def _chosen(rows: Iterable[Row], language: str, intersection: bool) -> list[Row]:
    return [r for r in rows if r.language == language and (r.intersection or not intersection)]


# --- strict -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleScore:
    """VIEScore of one edit, each from 0 to 10."""

    SC: float
    PQ: float
    O: float  # noqa: E741


def strict_score(semantics: Mapping[str, float], quality: Mapping[str, float]) -> SampleScore:
    """VIEScore of two verdicts.

    >>> strict_score({"success": 9, "overediting": 4}, {"naturalness": 9, "artifacts": 9}).O
    6.0
    """
    sc, pq = min(semantics.values()), min(quality.values())
    return SampleScore(SC=sc, PQ=pq, O=math.sqrt(sc * pq))
