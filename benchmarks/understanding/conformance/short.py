"""Functions of ChartQA, OCRBench, TextVQA, VQAv2 and DocVQA."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from benchmarks.understanding.conformance.given import (
    Input,
    Scorer,
    answers_of,
    first_of,
    record_of,
    reply_of,
)
from benchmarks.understanding.short import anls, containment, relaxed, vqa
from benchmarks.understanding.short.questions import answer_list

# --- ChartQA, OCRBench ------------------------------------------------------------------------


def _vlmeval_relaxed(given: Input) -> list[bool]:
    said = given["prediction"].strip()
    return [relaxed.relaxed_match(answer, said) for answer in answers_of(given)]


def _lmms_relaxed(given: Input) -> dict[str, float]:
    case = record_of(given)
    split = "human" if case["type"] == "human_test" else "augmented"
    score = float(relaxed.relaxed_match(case["answer"], reply_of(case)))
    return {"relaxed_overall": score, f"relaxed_{split}_split": score}


CHARTQA: dict[str, Scorer] = {
    "vlmevalkit.relaxed_accuracy:match": _vlmeval_relaxed,
    "vlmevalkit.relaxed_accuracy:hit": lambda g: max(_vlmeval_relaxed(g)),
    "lmms_eval.relaxed_correctness": lambda g: relaxed.relaxed_match(g["target"], g["prediction"]),
    "lmms_eval.process_results": _lmms_relaxed,
}
"""Recorded function of ChartQA -> callable from its input to what it returned."""


def _vlmeval_ocrbench(given: Input) -> dict[str, float]:
    right: Counter[str] = Counter()
    for row in given["rows"]:
        right[row["category"]] += containment.contains_answer(
            answer_list(row["answer"]), str(row["prediction"]),
            formula=row["category"] == containment.FORMULAS,
        )  # fmt: skip
    return containment.ocrbench_totals(right)


def _lmms_ocrbench(given: Input) -> int:
    case = record_of(given)
    formula = case["dataset"] == "HME100k"
    return int(
        containment.contains_answer(
            answers_of(case), reply_of(case), formula=formula, fold_width=True
        )
    )


OCRBENCH: dict[str, Scorer] = {
    "vlmevalkit.OCRBench_eval": _vlmeval_ocrbench,
    "lmms_eval.process_results": _lmms_ocrbench,
    "lmms_eval.aggregate": lambda g: sum(r["score"] for r in g["results"]) / 1000,
}
"""Recorded function of OCRBench -> callable from its input to what it returned."""


# --- TextVQA, VQAv2 ---------------------------------------------------------------------------


def _vote_shares(given: Input) -> list[float]:
    forms = [vqa.vlmeval_form(answer) for answer in answers_of(given)]
    return vqa.vote_shares(forms, vqa.vlmeval_form(given["prediction"]))


def _exact_shares(given: Input) -> list[float]:
    return vqa.exact_shares(answers_of(given), given["prediction"])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _evalai_accuracy(given: Input) -> float:
    case = record_of(given)
    forms = [vqa.evalai_form(answer) for answer in answers_of(case)]
    return vqa.soft_accuracy(forms, vqa.evalai_form(reply_of(case)))


def _textvqa_evaluator(given: Input) -> float:
    if len(given["gt_answers"]) != 10:
        raise AssertionError("a question of TextVQA has ten answers")
    return _evalai_accuracy(given)


def _lmms_vqav2(given: Input) -> float:
    case = record_of(given)
    return vqa.vqav2_accuracy(case["answers"], reply_of(case))


VQA: dict[str, Scorer] = {
    "vlmevalkit.process_answer": lambda g: vqa.vlmeval_form(g["s"]),
    "vlmevalkit.vqa_score:match": _vote_shares,
    "vlmevalkit.vqa_score:hit": lambda g: _mean(_vote_shares(g)),
    "vlmevalkit.accuracy:match": _exact_shares,
    "vlmevalkit.accuracy:hit": lambda g: max(_exact_shares(g)),
    "bagel_repo_copy.TextVQAAccuracyEvaluator": _textvqa_evaluator,
    "lmms_eval.EvalAIAnswerProcessor": lambda g: vqa.evalai_form(first_of(g, "s", "item")),
    "lmms_eval.textvqa_process_results": _evalai_accuracy,
    "lmms_eval.vqav2_process_results": _lmms_vqav2,
}
"""Recorded function of VQA -> callable from its input to what it returned."""


# --- DocVQA -----------------------------------------------------------------------------------


def _distances(given: Input) -> list[float]:
    said = given["prediction"]
    return [anls.anls_distance(answer, said) for answer in answers_of(given)]


ANLS: dict[str, Scorer] = {
    "vlmevalkit.anls:match": _distances,
    "vlmevalkit.anls:hit": lambda g: anls.anls(answers_of(g), g["prediction"]),
    "lmms_eval.anls": lambda g: anls.anls(answers_of(g), reply_of(g)),
    "bagel_repo_copy.STVQAANLSEvaluator": lambda g: anls.stvqa_anls(answers_of(g), reply_of(g)),
}
"""Recorded function of ANLS -> callable from its input to what it returned."""
