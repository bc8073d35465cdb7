"""HPSv2's function under the name that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.generation.hpsv2.rules import AVERAGE, official_average, official_cell


def _scored(score: float | None) -> float | None:
    """A recorded score as the released script gets it: 100 times a cosine, both in float32."""
    return None if score is None else float(np.float32(score / 100) * np.float32(100))


def _evaluate_benchmark(given: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    styles = {
        style: list(map(_scored, scores)) for style, scores in given["scores_by_style"].items()
    }
    printed: dict[str, dict[str, str]] = {}
    for style, scores in styles.items():
        cell = official_cell(scores)
        # A mean of nothing is NaN to the released script.
        mean, deviation = (cell.mean, cell.deviation) if cell else (math.nan, math.nan)
        printed[style] = {
            "mean_of_chunk_means": f"{mean:.2f}",
            "std_of_chunk_means": f"{deviation:.4f}",
        }
    average = official_average(styles)
    printed[AVERAGE] = {"mean": f"{math.nan if average is None else average:.2f}"}
    return printed


CONFORMANCE: dict[str, Callable[[Any], Any]] = {"evaluate_benchmark": _evaluate_benchmark}
"""Name of a recorded function -> callable from its input to what it returned."""
