"""GenEval's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.generation.geneval.boxes import iou, relations
from benchmarks.generation.geneval.rules import (
    Found,
    Options,
    judge,
    kept_of,
    read_spec,
)
from benchmarks.generation.geneval.summary import Row, printed, summarise

Input = Mapping[str, Any]


def _evaluate_image(given: Input) -> dict[str, Any]:
    metadata, options = given["metadata"], Options(**given.get("options", {}))
    detections = {
        name: np.array(rows, np.float32).reshape(-1, 5)
        for name, rows in given["detections"].items()
    }
    kept = kept_of(detections, metadata["tag"], options)
    colours = given.get("colors", {})

    def colour_of(name: str, objects: Sequence[Found]) -> list[str]:
        return [colours[name][found.index] for found in objects]

    verdict = judge(read_spec(metadata), kept, colour_of, options)
    return {
        "tag": metadata["tag"],
        "prompt": metadata["prompt"],
        "correct": verdict.correct,
        "reason": "\n".join(verdict.reasons),
        "details": {name: [f.row.tolist() for f in found] for name, found in kept.items()},
    }


def _summary(given: Input) -> dict[str, Any]:
    summary = summarise(Row(tag=t, prompt=p, correct=c) for t, p, c in given["rows"])
    return {
        "lines": printed(summary),
        "total_images": summary.images,
        "total_prompts": summary.prompts,
        "pct_correct_images": f"{summary.correct_images:.2%}",
        "pct_correct_prompts": f"{summary.correct_prompts:.2%}",
        "overall": f"{summary.overall:.5f}",
        "tags": [
            [tag, f"{t.share:.2%} ({t.correct} / {t.images})"] for tag, t in summary.tasks.items()
        ],
    }


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "evaluate_image": _evaluate_image,
    "relative_position": lambda given: sorted(
        relations(given["a"], given["b"], given.get("position_threshold", 0.1))
    ),
    "compute_iou": lambda given: iou(given["a"], given["b"]),
    "summary_scores": _summary,
}
"""Name of a recorded function -> callable from its input to what it returned."""
