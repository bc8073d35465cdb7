"""GenExam's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.knowledge.genexam import replies, scoring
from benchmarks.knowledge.genexam.replies import GLOBALS
from benchmarks.knowledge.genexam.scoring import Average, SampleScores

Input = Mapping[str, Any]
TRIES = 3


def _sample(record: Mapping[str, Any]) -> SampleScores:
    """Scores of a stored record, which fails in the released order.

    Raises:
        AssertionError: the evaluation is missing, or the weights do not sum to 1.
        IndexError: there are more answers than scoring points.
        TypeError: a global score is no number.
    """
    if not {"global_evaluation", "answers"} <= set(record):
        raise AssertionError("the record has no evaluation")
    weights = [point["score"] for point in record["scoring_points"]]
    met = scoring.weight_met((item["answer"] for item in record["answers"]), weights)
    if not scoring.weights_add_up(weights):
        raise AssertionError("the weights of the scoring points do not sum to 1")
    readability, logic, spelling = (
        record["global_evaluation"][GLOBALS[column]]["score"]
        for column in ("readability", "logical_consistency", "spelling")
    )
    answers = [item["answer"] for item in record["answers"]]
    return scoring.official_scores(answers, met, spelling, readability, logic)


def _calculate_score(average: Average, mini: bool) -> Callable[[Input], dict[str, float | None]]:
    def calculate(given: Input) -> dict[str, float | None]:
        chosen = {str(i).strip() for i in given["mini_ids"]} if mini else None
        records = [r for r in given["eval_results"] if chosen is None or r["id"] in chosen]
        samples = [(r.get("subject", "all"), _sample(r)) for r in records]
        if not samples:
            raise ZeroDivisionError("there are no samples")
        return scoring.averages(samples, average)

    return calculate


def _eval_single(given: Input) -> Any:
    """The first usable reply of three; a call that failed has no reply."""
    for reply in given["replies"][:TRIES]:
        if reply is None:
            continue
        try:
            found = replies.official_reply(reply, given["n_scoring_points"])
        except replies.Unusable:
            continue
        # As a record holds it: JSON joins the two halves in which a Python literal writes an emoji.
        return json.loads(json.dumps(found))
    raise ValueError("no reply was usable")


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "cal_score_single": lambda given: dataclasses.asdict(_sample(given["eval_result"])),
    "calculate_score:macro": _calculate_score("macro", mini=False),
    "calculate_score:macro_mini": _calculate_score("macro", mini=True),
    "calculate_score:upstream_micro": _calculate_score("micro", mini=False),
    "calculate_score:upstream_micro_mini": _calculate_score("micro", mini=True),
    "eval_single_reply_parsing": _eval_single,
}
"""Name of a recorded function -> callable from its input to what it returned."""
