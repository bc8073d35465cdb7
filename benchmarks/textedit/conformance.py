"""TextEdit's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.textedit import judging, official
from benchmarks.textedit.official import Box
from metrics.ocr import TextItem

Input = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    box: Box


def _items(rows: Any) -> list[TextItem]:
    return [TextItem(tuple((x, y) for x, y in p), t, c) for p, t, c in rows]


def _words(rows: Any) -> list[_Word]:
    return [
        _Word(r["text"], (r["bbox"][0], r["bbox"][1], r["bbox"][2], r["bbox"][3])) for r in rows
    ]


def ocr_metrics(given: Input) -> dict[str, float]:
    """`official.ocr_metrics` under the released names."""
    scores = official.ocr_metrics(
        given["source_text"], given["target_text"], _items(given["raw_ocr"]),
        _items(given["gen_ocr"]),
    )  # fmt: skip
    return {
        "target_accuracy": scores.OA,
        "precision": scores.OP,
        "recall": scores.OR,
        "f1": scores.F1,
        "roi_ned": scores.NED,
    }


def _judge_reply(given: Input) -> dict[str, Any]:
    reply = judging.official_reply(given["reply"])
    return {"outcome": reply.outcome} | ({"score": reply.score} if reply.outcome == "ok" else {})


def _judge_aggregate(given: Input) -> dict[str, Any]:
    return judging.official_report(given["answers"], given["weights"], given["enable_cutoff"])


def _get_ld(given: Input) -> dict[str, float]:
    a, b = given["a"], given["b"]
    return {
        "out": official.similarity(a, b),
        "out_norm": official.similarity(official.norm(a), official.norm(b)),
    }


def _bbox(given: Input) -> dict[str, Any]:
    a, b = given["a"], given["b"]
    return {
        "iou": official.iou(a, b),
        "point_in_a": official.point_in(given["point"], a),
        "center_a": list(official.centre(a)),
        "union": list(official.union_box([a, b])),
    }


def _group_into_lines(given: Input) -> dict[str, Any]:
    lines = official.group_into_lines(
        _words(given["items"]), given.get("y_threshold", official.LINE_GAP)
    )
    return {"out": [[w.text for w in line] for line in lines]}


def _roi_ned(given: Input) -> dict[str, float]:
    return {
        "out": official.roi_ned(
            _words(given["raw_items"]), _words(given["gen_items"]), given["source_text"],
            given["target_text"],
        )
    }  # fmt: skip


def _clip_score(given: Input) -> dict[str, list[float]]:
    import numpy as np

    dtype = np.dtype(given["dtype"])
    images = np.array(given["image_features"], dtype=dtype)
    texts = np.array(given["text_features"], dtype=dtype)
    return {"out": [float(v) for v in official.clip_scores(images, texts)]}


def _aesthetic_head(given: Input) -> dict[str, float]:
    from metrics.aesthetic import aesthetic_score

    return {"out": aesthetic_score(given["features"])}


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "ocr_metrics": ocr_metrics,
    "judge_normalisation": lambda given: {str(k): v for k, v in judging.NORMALISATION.items()},
    "judge_aggregate": _judge_aggregate,
    "judge_reply": _judge_reply,
    "unit.norm": lambda given: {"out": official.norm(given["text"])},
    "unit.get_ld": _get_ld,
    "unit.bbox": _bbox,
    "unit.poly_to_bbox": lambda given: {"out": list(official.polygon_box(given["poly"]))},
    "unit.group_into_lines": _group_into_lines,
    "unit.compute_roi_ned": _roi_ned,
    "unit.clip_score": _clip_score,
    "unit.aesthetic_head": _aesthetic_head,
}
"""Name of a recorded function -> callable from its input to what it returned."""
