"""KRIS-Bench's arithmetic: three or four scores from 1 to 5 per edit, in percent, and their means.

VC visual consistency, VQ visual quality, IF instruction following, KP knowledge plausibility; the
last only of science and logic. Official is the flat mean of BAGEL's ``summarize.py``
(ByteDance-Seed/Bagel@056b5fd, also in open-compass/GenEditEvalKit@103b283), in which a sample
with four scores weighs more than one with three (KRIS-5); per sample is lmms-eval@75571cfe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.common.means import mean
from benchmarks.editing.common import five_in_percent

TYPES: Mapping[str, tuple[str, ...]] = {
    "Attribute Perception": (
        "count_change", "color_change", "size_adjustment", "part_completion", "anomaly_correction",
    ),
    "Spatial Perception": ("viewpoint_change", "position_movement"),
    "Temporal Prediction": ("temporal_prediction",),
    "Social Science": ("humanities", "practical_knowledge"),
    "Natural Science": (
        "biology", "chemistry", "geography", "medicine", "mathematics", "physics",
    ),
    "Logical Reasoning": ("abstract_reasoning", "rule-based_reasoning"),
    "Instruction Decomposition": ("multi-element_composition", "multi-instruction_execution"),
}  # fmt: skip
"""Type -> its categories, which are the folders of the data."""
SIZES: Mapping[str, int] = dict(zip(TYPES, (275, 100, 74, 125, 393, 150, 150), strict=True))
"""Samples per type, inferred from BAGEL's published means; they add up to the 1,267 of the data."""
METAS: Mapping[str, tuple[str, ...]] = {
    "Factual Knowledge": ("Attribute Perception", "Spatial Perception", "Temporal Prediction"),
    "Conceptual Knowledge": ("Social Science", "Natural Science"),
    "Procedural Knowledge": ("Logical Reasoning", "Instruction Decomposition"),
}
KNOWLEDGE = frozenset({"Social Science", "Natural Science", "Logical Reasoning"})
"""Types whose samples have a fourth score."""
SHORT: Mapping[str, str] = {
    "consistency": "VC", "quality": "VQ", "instruction": "IF", "knowledge": "KP",
}  # fmt: skip
"""Metric -> its short name, in the order of the released table."""
TYPE_OF: Mapping[str, str] = {c: t for t, inside in TYPES.items() for c in inside}
"""Category -> type."""


def metrics(kind: str) -> tuple[str, ...]:
    """The metrics of a type's samples."""
    return tuple(m for m in SHORT if m != "knowledge" or kind in KNOWLEDGE)


# --- the released summary ---------------------------------------------------------------------

Scores = Mapping[str, float | None]
"""Metric -> score of one sample; None or absent where there is none."""


def official_summary(
    samples: Mapping[str, Iterable[Scores]],
) -> tuple[
    dict[str, dict[str, float]],
    dict[str, dict[str, dict[str, float]]],
    dict[str, float],
    float | None,
]:
    """Flat means of all single scores, in percent, over what there is (KRIS-5, KRIS-6).

    Args:
        samples: category -> scores of its samples; categories and scores may be absent.

    Returns:
        Type -> short name, and ``AVG`` over all metrics -> mean; type -> category -> short name ->
        mean; meta type -> mean; the mean of all. Nothing is listed that has no score.
    """
    by_category = {c: _values(samples.get(c, ()), metrics(TYPE_OF[c])) for c in TYPE_OF}
    flat: dict[str, list[float]] = {}
    types: dict[str, dict[str, float]] = {}
    for kind, categories in TYPES.items():
        by_metric = {m: [v for c in categories for v in by_category[c][m]] for m in metrics(kind)}
        flat[kind] = [v for values in by_metric.values() for v in values]
        types[kind] = _means(by_metric)
        if flat[kind]:
            types[kind]["AVG"] = sum(flat[kind]) / len(flat[kind])
    inside = {
        kind: {c: means for c in categories if (means := _means(by_category[c]))}
        for kind, categories in TYPES.items()
    }
    metas = {meta: mean([v for k in kinds for v in flat[k]]) for meta, kinds in METAS.items()}
    return (
        {kind: means for kind, means in types.items() if means},
        {kind: means for kind, means in inside.items() if means},
        {meta: value for meta, value in metas.items() if value is not None},
        mean([v for values in flat.values() for v in values]),
    )


def _values(samples: Iterable[Scores], names: Iterable[str]) -> dict[str, list[float]]:
    listed = list(samples)
    return {
        name: [five_in_percent(score) for s in listed if (score := s.get(name)) is not None]
        for name in names
    }


def _means(by_metric: Mapping[str, list[float]]) -> dict[str, float]:
    return {SHORT[m]: sum(v) / len(v) for m, v in by_metric.items() if v}


# --- per sample -------------------------------------------------------------------------------


def sample_score(scores: Mapping[str, float]) -> float:
    """Mean of a sample's scores in percent, so that every sample weighs the same (lmms-eval).

    >>> sample_score({"consistency": 5, "quality": 5, "instruction": 1, "knowledge": 1})
    50.0
    """
    return sum(map(five_in_percent, scores.values())) / len(scores)
