"""KRIS-Bench's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks.editing.kris import replies, scoring

Input = Mapping[str, Any]


def _pair(metric: str, family: replies.Family, given: Input) -> list[Any]:
    reading = replies.official_reading(given["reply"], metric, family)
    return [reading.score, reading.reason]


def _knowledge(metric: str, given: Input) -> dict[str, Any]:
    reading = replies.official_knowledge(given["reply"], metric)
    return {"score": reading.score, "reasoning": reading.reason}


def _dual(given: Input) -> dict[str, Any]:
    both = replies.official_dual(given["reply"])
    return {f"{n}_score": r.score for n, r in both.items()} | {
        f"{n}_reasoning": r.reason for n, r in both.items()
    }


def _summarize(given: Input) -> dict[str, Any]:
    samples = {
        category: [{m: s.get(f"{m}_score") for m in scoring.SHORT} for s in rows.values()]
        for category, rows in given["metrics_json_by_category"].items()
    }
    types, inside, metas, overall = scoring.official_summary(samples)
    return {
        "type_avg": types,
        "subitem_summary": inside,
        "meta_avg": {meta: {"AVG": value} for meta, value in metas.items()},
        "overall": {} if overall is None else {"AVG": overall},
    }


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    **{f"common.{m}": partial(_pair, m, "common") for m in replies.METRICS},
    "multi_element": partial(_pair, "consistency", "multi_element"),
    "knowledge.dual": _dual,
    "knowledge.consistency": partial(_knowledge, "consistency"),
    "knowledge.quality": partial(_knowledge, "quality"),
    "summarize": _summarize,
}
"""Name of a recorded function -> callable from its input to what it returned."""
