"""Containment: an answer is right when it occurs in the reply, whatever else the reply says.

OCRBench's rule as released (VLMEvalKit: open-compass/VLMEvalKit@e8e78f05, lmms-eval:
EvolvingLMMs-Lab/lmms-eval@75571cfe) and as it should be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from benchmarks.understanding.short.questions import half_width

FORMULAS = "Handwritten Mathematical Expression Recognition"
TEXT_RECOGNITION = (
    "Regular Text Recognition", "Irregular Text Recognition", "Artistic Text Recognition",
    "Handwriting Recognition", "Digit String Recognition", "Non-Semantic Text Recognition",
)  # fmt: skip
OCRBENCH_SIZES = dict.fromkeys(TEXT_RECOGNITION, 50) | {
    "Scene Text-centric VQA": 200,
    "Doc-oriented VQA": 200,
    "Key Information Extraction": 200,
    FORMULAS: 100,
}
"""Questions per category."""


def contains_answer(
    answers: Sequence[str], reply: str, *, formula: bool, fold_width: bool = False
) -> bool:
    """Whether one of the answers occurs anywhere in the reply; an empty answer always does.

    Args:
        answers: accepted.
        reply: of any length; a longer one is never worse.
        formula: compare with case and without spaces, in place of without case.
        fold_width: full-width ASCII is ASCII, except in formulas (lmms-eval).

    >>> contains_answer(["1"], "in 2010", formula=False)
    True
    """
    if formula:
        said = _unspaced(reply)
        return any(_unspaced(answer) in said for answer in answers)
    if fold_width:
        answers, reply = [half_width(answer) for answer in answers], half_width(reply)
    said = _one_line(reply)
    return any(_one_line(answer) in said for answer in answers)


def _unspaced(text: str) -> str:
    return text.strip().replace("\n", " ").replace(" ", "")


def _one_line(text: str) -> str:
    return text.lower().strip().replace("\n", " ")


def strict_contains_answer(answers: Sequence[str], reply: str, *, formula: bool) -> bool | None:
    """Ours: an answer must stand in the reply as whole words; None when there is none to look for.

    Letter case and width do not count, except that formulas keep their case. Answers that are empty
    are left out.

    >>> strict_contains_answer(["1"], "in 2010", formula=False)
    False
    >>> strict_contains_answer(["１0 km"], "It is 10 KM.", formula=False)
    True
    """
    form = _formula_form if formula else _spaced_fold
    wanted = [form(answer) for answer in answers]
    said = form(reply)
    if not any(wanted):
        return None
    return any(_stands_in(answer, said, whole=not formula) for answer in wanted if answer)


def _formula_form(text: str) -> str:
    return "".join(half_width(text).split())


def _spaced_fold(text: str) -> str:
    return " ".join(half_width(text).casefold().split())


_LATIN_BEFORE = r"(?<![a-z0-9])(?<!\d[.,])"
_LATIN_BEHIND = r"(?![a-z0-9])(?![.,]\d)"


def _stands_in(answer: str, said: str, *, whole: bool) -> bool:
    """Whether `answer` is in `said`, at the borders of its Latin words and numbers if `whole`."""
    before = _LATIN_BEFORE if whole and re.match(r"[a-z0-9]", answer) else ""
    behind = _LATIN_BEHIND if whole and re.search(r"[a-z0-9]\Z", answer) else ""
    return re.search(before + re.escape(answer) + behind, said) is not None


def ocrbench_totals(counts: Mapping[str, int]) -> dict[str, float]:
    """Right answers per category -> the report of VLMEvalKit.

    Args:
        counts: category -> number of right answers; categories that are absent have none.

    Returns:
        Five sums, ``Final Score`` in [0, 1000] and ``Final Score Norm``, a tenth of it.

    Raises:
        KeyError: a category that OCRBench does not have.
    """
    if unknown := set(counts) - set(OCRBENCH_SIZES):
        raise KeyError(f"OCRBench has no category {sorted(unknown)}")
    report: dict[str, float] = {"Text Recognition": sum(counts.get(c, 0) for c in TEXT_RECOGNITION)}
    report |= {c: counts.get(c, 0) for c in OCRBENCH_SIZES if c not in TEXT_RECOGNITION}
    report["Final Score"] = sum(report.values())
    report["Final Score Norm"] = report["Final Score"] / 10
    return report
