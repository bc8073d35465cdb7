"""Functions of the multiple-choice benchmarks.

Beside VLMEvalKit's and BAGEL's functions there are those of lmms-eval; what a vector of these
looks like beyond its name is described in the facts that came with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.understanding.choices import lmms
from benchmarks.understanding.choices import mmmu_authors as mmmu
from benchmarks.understanding.choices import vlmevalkit as kit
from benchmarks.understanding.conformance.given import Input, Scorer

Table = dict[str, Scorer]


def _rows(given: Input) -> list[dict[str, Any]]:
    """The rows of a prediction table; JSON has no NaN and says "NaN"."""
    return [{k: math.nan if v == "NaN" else v for k, v in row.items()} for row in given["rows"]]


def _keys(hits: Mapping[int, int]) -> dict[str, int]:
    return {str(index): hit for index, hit in hits.items()}


def _text(given: Any) -> str:
    """The one text that a function of one text is given."""
    return given if isinstance(given, str) else str(next(iter(given.values())))


# --- tables of VLMEvalKit ---------------------------------------------------------------------


def _vanilla_hits(given: Input) -> dict[str, int]:
    return _keys(kit.vanilla_hits(_rows(given), given["dataset_name"]))


def _vanilla_table(given: Input) -> list[dict[str, Any]]:
    rows = _rows(given)
    return kit.accuracy_table(rows, kit.vanilla_hits(rows, given["dataset_name"]))


def _circular_hits(given: Input) -> dict[str, int]:
    return _keys(kit.circular_hits(_rows(given)))


def _circular_table(given: Input) -> list[dict[str, Any]]:
    rows = _rows(given)
    return kit.accuracy_table(rows, kit.circular_hits(rows))


MCQ: Table = {
    "vlmevalkit.can_infer:can_infer": lambda g: kit.can_infer(g["answer"], g["choices"]),
    "vlmevalkit.can_infer:can_infer_option": lambda g: kit.can_infer_option(
        g["answer"], g["choices"]
    ),
    "vlmevalkit.vanilla_eval_exact_matching:hit": _vanilla_hits,
    "vlmevalkit.vanilla_eval_exact_matching:report_acc": _vanilla_table,
    "lmms_eval.extract_mcq_answer": lambda g: lmms.extract_mcq_answer(
        g["response"], g.get("choices") or ()
    ),
}
"""Functions of mcq.json."""

# --- MMBench ----------------------------------------------------------------------------------


def _lmms_can_infer(given: Input) -> Any:
    answer, choices = given["answer"], given["choices"]
    if not set(choices) <= set("ABCD") and not lmms.can_infer_option(answer):
        raise AssertionError("the texts of more than four options are not looked for")
    return lmms.can_infer(answer, choices)


def _static(given: Input) -> dict[str, Any]:
    overall, category, l2_category = lmms.static_result(_rows(given))
    return {"overall": overall, "category": category, "l2_category": l2_category}


MMBENCH: Table = {
    "vlmevalkit.circular_eval_exact_matching:hit": _circular_hits,
    "vlmevalkit.circular_eval_exact_matching:report_acc": _circular_table,
    "lmms_eval.can_infer_option": lambda g: lmms.can_infer_option(
        g["answer"], g.get("num_choice", 5)
    ),
    "lmms_eval.can_infer": _lmms_can_infer,
    "lmms_eval.eval_result_static": _static,
    "lmms_eval.eval_result_static:overall": lambda g: _static(g)["overall"],
    "lmms_eval.eval_result_static:category": lambda g: _static(g)["category"],
    "lmms_eval.eval_result_static:l2_category": lambda g: _static(g)["l2_category"],
}
"""Functions of mmbench.json."""

# --- MMMU -------------------------------------------------------------------------------------


def _judge(given: Input) -> dict[str, str]:
    right = mmmu.judge(given["samples"])
    return {id: "Correct" if one else "Wrong" for id, one in right.items()}


def _accuracy(given: Input) -> float:
    right = mmmu.judge(given["samples"])
    # By question, not by id: the released code divides by the number of samples.
    return sum(right.values()) / len(given["samples"])


def _choice(given: Input) -> str:
    options = given["options"] if "options" in given else list(given["index2ans"].values())
    # The released code draws a letter where there is none; any value matches the mark of that.
    return mmmu.read_choice(given["response"], options, mmmu.LMMS)


def _gold(given: Input) -> Any:
    return given["gold"] if "gold" in given else given["answer"]


def _aggregate(given: Any) -> dict[str, Any]:
    results = given["results"] if isinstance(given, Mapping) else given
    scored = []
    for one in results:
        check = (
            mmmu.is_choice_right
            if one["question_type"] == "multiple-choice"
            else mmmu.is_open_right
        )
        scored.append((one["subdomain"], any(check(one["answer"], p) for p in one["parsed_pred"])))
    printed = mmmu.accuracies(scored)
    return {"overall": printed["Overall"]["acc"], "printed": printed}


MMMU: Table = {
    "bagel_repo_copy.official_repo_pipeline:judge": _judge,
    "bagel_repo_copy.official_repo_pipeline:acc": _accuracy,
    "lmms_eval.parse_multi_choice_response": _choice,
    "lmms_eval.parse_open_response": lambda g: sorted(mmmu.read_open(_text(g)), key=str),
    "lmms_eval.eval_open": lambda g: mmmu.is_open_right(_gold(g), mmmu.read_open(g["response"])),
    "lmms_eval.normalize_str": lambda g: mmmu.normalize_str(_text(g)),
    "lmms_eval.extract_numbers": lambda g: mmmu.extract_numbers(_text(g)),
    "lmms_eval.mmmu_aggregate_results": _aggregate,
    "lmms_eval.mmmu_aggregate_results:overall": lambda g: _aggregate(g)["overall"],
    "lmms_eval.mmmu_aggregate_results:printed": lambda g: _aggregate(g)["printed"],
}
"""Functions of mmmu.json."""

# --- the rest ---------------------------------------------------------------------------------


def _mmstar_average(given: Input) -> float:
    if not given["results"]:
        raise ZeroDivisionError("the released mean of nothing")
    return lmms.mmstar_average((one["l2_category"], one["score"]) for one in given["results"])


MMSTAR: Table = {
    "lmms_eval.exact_match": lambda g: lmms.mmstar_score(g["pred"], g["gt"]),
    "lmms_eval.aggregate": _mmstar_average,
}
"""Functions of mmstar.json."""

AI2D: Table = {"lmms_eval.filter": lambda g: lmms.ai2d_filter(g["response"])}
"""Functions of ai2d.json."""

REALWORLDQA: Table = {
    "lmms_eval.process_results": lambda g: lmms.realworldqa_score(g["prediction"], g["answer"])
}
"""Functions of realworldqa.json."""

CONFORMANCE: Table = {**MCQ, **MMBENCH, **MMMU, **MMSTAR, **AI2D, **REALWORLDQA}
"""All of them; no name stands in two files."""
