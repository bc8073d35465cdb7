"""Functions of MME, POPE and HallusionBench."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.understanding.conformance.given import (
    Input,
    Scorer,
    first_of,
    record_of,
    reply_of,
)
from benchmarks.understanding.yes_no import hallusion_sums as hallusion
from benchmarks.understanding.yes_no import mme_sums, pope_sums, reading

# --- MME --------------------------------------------------------------------------------------


def _vlmeval_said(given: Input) -> str:
    return reading.vlmeval_said(given["output"]).capitalize() or "Unknown"


def _vlmeval_mme(given: Input) -> dict[str, float]:
    rows = given["rows"]
    return mme_sums.vlmeval_mme(
        [mme_sums.MmeAnswer(r["category"], r["image_path"], r["score"]) for r in rows]
    )


def _lmms_mme(given: Input) -> float:
    rows = given["results"]
    return mme_sums.lmms_mme(
        [mme_sums.MmeAnswer(r["category"], r["question_id"], r["score"]) for r in rows]
    )


def _tool_scores(given: Input) -> dict[str, float]:
    """Subtask -> score; a line is picture, question, right answer and reply, tabs between."""
    return {
        task: mme_sums.tool_score([(gold, said) for _, _, gold, said in map(_fields, lines)])
        for task, lines in given["task_txt_lines"].items()
    }


def _fields(line: str) -> list[str]:
    return line.split("\t")


def _tool_message(given: Input) -> str:
    """The report as the tool writes it."""
    scores = _tool_scores(given)
    message = ""
    for title, tasks in (("Perception", mme_sums.PERCEPTION), ("Cognition", mme_sums.COGNITION)):
        # One addition after the other: `sum` compensates rounding, and other digits are printed.
        total = functools.reduce(operator.add, [scores[task] for task in tasks], 0)
        message += f"=========== {title} ===========\ntotal score: {total} \n\n"
        message += "".join(f"\t {task} score: {scores[task]}\n" for task in tasks) + "\n\n"
    return message


MME: dict[str, Scorer] = {
    "vlmevalkit.YOrN_Extraction": _vlmeval_said,
    "vlmevalkit.MME_rating": _vlmeval_mme,
    "lmms_eval.parse_pred_ans": lambda g: (
        reading.lmms_said(first_of(g, "pred_ans", "pred")) or "other"
    ),
    "lmms_eval.aggregate": _lmms_mme,
    "bagel_repo_copy.official_calculation": _tool_message,
    "bagel_repo_copy.official_calculation:message": _tool_message,
}
"""Recorded function of MME -> callable from its input to what it returned."""


# --- POPE, HallusionBench ---------------------------------------------------------------------


def _vlmeval_pope(given: Input) -> list[dict[str, Any]]:
    said: dict[str, reading.Said] = {"Yes": "yes", "No": "no"}
    rows = pope_sums.vlmeval_pope(
        [
            pope_sums.PopeAnswer(
                gold=row["answer"] == "Yes",
                said=said.get(row["extracted"], ""),
                right=row["score"],
                categories=tuple(row["category"].split(",")) if row["category"] is not None else (),
            )
            for row in given["rows"]
        ]
    )
    return [
        {
            "split": name, "Overall": d.f1 * 100, "acc": d.accuracy * 100,
            "precision": d.precision * 100, "recall": d.recall * 100,
        }
        for name, d in rows.items()
    ]  # fmt: skip


def _lmms_pope(given: Input) -> pope_sums.Detection:
    return pope_sums.lmms_pope([(r["ground_truth"], r["prediction"]) for r in given["results"]])


def _lmms_pope_record(given: Input) -> float:
    case = record_of(given)
    return pope_sums.lmms_pope([(case["answer"], reply_of(case))]).accuracy


POPE: dict[str, Scorer] = {
    "vlmevalkit.POPE_rating": _vlmeval_pope,
    "lmms_eval.process_results": _lmms_pope_record,
    "lmms_eval.aggregate": lambda g: {
        {"f1": "f1_score"}.get(name, name): value for name, value in asdict(_lmms_pope(g)).items()
    },
    "lmms_eval.aggregate:accuracy": lambda g: _lmms_pope(g).accuracy,
    "lmms_eval.aggregate:precision": lambda g: _lmms_pope(g).precision,
    "lmms_eval.aggregate:recall": lambda g: _lmms_pope(g).recall,
    "lmms_eval.aggregate:f1_score": lambda g: _lmms_pope(g).f1,
    "lmms_eval.aggregate:yes_ratio": lambda g: _lmms_pope(g).yes_ratio,
}
"""Recorded function of POPE -> callable from its input to what it returned."""


def _vlmeval_hallusion(given: Input) -> list[dict[str, Any]]:
    answers = []
    for row in given["rows"]:
        _, _, _, part, figure, question, *_ = row["index"].split("_")
        groups = tuple(row[name] for name in ("category", "l2-category") if name in row)
        unit = (row.get("l2-category"), part)
        answers.append(
            hallusion.HallusionAnswer(
                figure=(*unit, figure), question=(*unit, question), right=row["score"],
                groups=groups,
            )
        )  # fmt: skip
    return [{"split": name, **row} for name, row in hallusion.hallusion_report(answers).items()]


def _place(row: Input) -> hallusion.Place:
    fields = ("category", "subcategory", "set_id", "figure_id", "question_id")
    return hallusion.Place(**{name: str(row[name]) for name in fields})


def _lmms_rule(given: Input) -> dict[str, float]:
    """Fractions of 1, which is how the rule's path prints them."""
    answers = [
        _place(r).answered(hallusion.rule_is_right(r["model_prediction"], r["gt_answer"]))
        for r in given["results"]
    ]
    return {name: value / 100 for name, value in hallusion.hallusion_accuracies(answers).items()}


_VERDICTS: dict[str, hallusion.Verdict] = {"0": "wrong", "1": "right", "2": "unclear"}


def _lmms_judged(given: Input) -> dict[str, float]:
    field = "gpt4v_output_gpt_check"
    rows: Sequence[Input] = given["results"]
    return hallusion.judged_accuracies([(_place(r), _VERDICTS[str(r[field])]) for r in rows])


def _one(scorer: Callable[[Input], Mapping[str, float]], name: str) -> Scorer:
    return lambda given: scorer(given)[name]


_ACCURACIES = ("aAcc", "fAcc", "qAcc")
HALLUSIONBENCH: dict[str, Scorer] = {
    "vlmevalkit.Hallusion_rating": _vlmeval_hallusion,
    "lmms_eval.aggregate_intern": _lmms_rule,
    "lmms_eval.aggregate": _lmms_judged,
    **{f"lmms_eval.{name}_intern": _one(_lmms_rule, name) for name in _ACCURACIES},
    **{f"lmms_eval.{name}": _one(_lmms_judged, name) for name in _ACCURACIES},
}
"""Recorded function of HallusionBench -> callable from its input to what it returned."""
