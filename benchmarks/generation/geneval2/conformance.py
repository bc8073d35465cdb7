"""GenEval 2's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.generation.geneval2.rules import (
    LEVELS,
    SKILLS,
    OfficialStop,
    analyse,
    arithmetic_mean,
    digits,
    hard,
    official_totals,
    soft,
    softmax,
    spellings,
)
from metrics.vqa_probability import FirstToken

Input = Mapping[str, Any]


def _soft_tifa_tifa(given: Input) -> dict[str, Any]:
    softs, hards = [], []
    for (question, answer), logits in zip(given["vqa_list"], given["logits"], strict=True):
        chances = softmax(logits)
        reply = FirstToken(
            tokens=given["first_token_id"],
            probabilities=dict(enumerate(chances.tolist())),
            greedy=given["id_to_text"][str(int(np.argmax(np.asarray(logits, np.float32))))],
        )
        wanted = spellings(question, answer)
        softs.append(soft(reply, wanted))
        hards.append(hard(reply, wanted))
    return {
        "soft_tifa_score": arithmetic_mean(softs),
        "soft_tifa_list": softs,
        "tifa_score": arithmetic_mean(hards),
        "tifa_list": hards,
    }


def _benchmark_total(given: Input) -> dict[str, Any]:
    missing = set(given.get("missing_image", ()))
    pairs = zip(given["prompts"], given["score_lists"], strict=True)
    try:
        totals = official_totals([None if p in missing else s for p, s in pairs])
    except OfficialStop:
        # The record of a run that ends: no number under either name.
        stopped = {"error": "Exception"}
        return {"soft_tifa_am": stopped, "soft_tifa_gm": stopped}
    return {"soft_tifa_am": totals.am, "soft_tifa_gm": totals.gm}


def _analysis(given: Input) -> dict[str, Any]:
    pairs = list(zip(given["rows"], given["score_lists"], strict=False))
    # How the released script ends where ours raises ValueError or leaves a cell empty.
    if any(len(row["skills"]) != len(scores) for row, scores in pairs):
        raise AssertionError("skills and scores differ in number")
    if not {skill for row, _ in pairs for skill in row["skills"]} <= set(SKILLS):
        raise Exception("unknown skill")
    if not {row["atom_count"] for row, _ in pairs} <= set(LEVELS):
        raise KeyError("unknown level")
    found = analyse((row["atom_count"], row["skills"], scores) for row, scores in pairs)
    cells = [*found.skills.values(), *found.levels.values()]
    if None in cells:
        raise ZeroDivisionError("a skill or a level has nothing to average")
    return {
        "per_skill_am": {name: round(v, 2) for name, v in found.skills.items() if v is not None},
        "per_atomicity_gm": {n: round(v, 2) for n, v in found.levels.items() if v is not None},
    }


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "return_numeric_string": digits,
    "answer_list": lambda given: spellings(given["question"], given["answer"]),
    "soft_tifa_tifa": _soft_tifa_tifa,
    "benchmark_total": _benchmark_total,
    "analysis": _analysis,
}
"""Name of a recorded function -> callable from its input to what it returned."""
