"""T2I-ReasonBench's functions under the names that recorded vectors use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.knowledge.t2ireasonbench.scoring import (
    DIMENSIONS,
    Dimension,
    official_dimension,
    official_reply,
    official_sample,
)

Input = Mapping[str, Any]


def _reply(text: str, *, greedy: bool) -> Any:
    found = official_reply(text, greedy=greedy)
    return {"error": found.error} if found.value is None else found.value


def _extract_json(given: Input) -> dict[str, Any]:
    return {
        "nongreedy(idiom,entity,scientific)": _reply(given["text"], greedy=False),
        "greedy(textual_image)": _reply(given["text"], greedy=True),
    }


def _final(dimension: Dimension, rows: Iterable[Sequence[Any]]) -> dict[str, float]:
    scores = official_dimension(dimension, rows)
    if scores is None:
        raise ZeroDivisionError("no row can be read")
    return {"reasoning_accuracy": scores.reasoning, "image_quality": scores.quality}


def _model_score(given: Input) -> dict[str, float]:
    return _final(DIMENSIONS[given["dimension"]], given["rows"])


def _end_to_end(given: Input) -> dict[str, Any]:
    """The written rows and the final numbers, or the rows before the exception that ends it."""
    dimension = DIMENSIONS[given["dimension"]]
    rows: list[list[Any]] = []
    for image, replies in sorted(given["judge_replies"].items()):
        sample = official_sample(dimension, replies)
        if sample.error:
            return {"eval_error": sample.error, "rows": rows}
        rows.append([f"{image}.png", *sample.averages])
    return {"rows": rows, "final": _final(dimension, rows)}


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "extract_json": _extract_json,
    "eval_end_to_end": _end_to_end,
    "model_score": _model_score,
}
"""Name of a recorded function -> callable from its input to what it returned."""
