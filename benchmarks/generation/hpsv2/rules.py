"""HPSv2's numbers per style: means of chunks as released, and plain means.

Source: tgxs002/HPSv2@866735e, `hpsv2/evaluation.py`, re-told from its behaviour. A score is 100
times a cosine; scores of v2.0 and v2.1 weights are not comparable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

STYLES = ("anime", "concept-art", "paintings", "photo")
CHUNK = 80
"""Prompts of a style whose mean is one observation."""

AVERAGE = "Average"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """The numbers of a style.

    Attributes:
        mean: of the means of chunks.
        deviation: of those means (population); 0 for one chunk.
        chunks: how many there are.
        scores: how many scores they hold.
    """

    mean: float
    deviation: float
    chunks: int
    scores: int


def official_cell(scores: Sequence[float | None]) -> Cell | None:
    """Mean and deviation of the means of chunks of 80, as released; None without any score.

    Missing images leave the list before it is cut, so that borders move, and a last chunk of a few
    scores weighs as much as a whole one.

    Args:
        scores: in the order of the prompts; None where the image is missing.
    """
    found = [s for s in scores if s is not None]
    if not found:
        return None
    means = [np.mean(found[at : at + CHUNK]) for at in range(0, len(found), CHUNK)]
    return Cell(
        mean=float(np.mean(means)),
        deviation=float(np.std(means)),
        chunks=len(means),
        scores=len(found),
    )


def official_average(styles: Mapping[str, Sequence[float | None]]) -> float | None:
    """Plain mean over all scores of all styles, as released; None without any score."""
    found = [s for scores in styles.values() for s in scores if s is not None]
    return float(np.mean(found)) if found else None


def strict_means(styles: Mapping[str, Sequence[float | None]]) -> dict[str, float | None]:
    """Plain mean over the images of each style, and over all of them under `AVERAGE`.

    A reward has no worst value that a missing image could count, so one leaves the style, and the
    average, without a mean (None) rather than with the mean of the others.

    Args:
        styles: style -> scores in the order of its prompts; None where the image is missing.
    """
    everything = [s for scores in styles.values() for s in scores]
    return {style: _whole(s) for style, s in styles.items()} | {AVERAGE: _whole(everything)}


def _whole(scores: Sequence[float | None]) -> float | None:
    found = [s for s in scores if s is not None]
    return float(np.mean(found)) if found and len(found) == len(scores) else None
