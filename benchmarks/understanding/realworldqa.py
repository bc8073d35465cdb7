"""RealWorldQA: multiple choice about photographs of everyday scenes, many from a car."""

from __future__ import annotations

from benchmarks.understanding.choices import lmms
from benchmarks.understanding.choices.benchmark import (
    LMMS_DEFECT,
    choice_benchmark,
    choice_variants,
)
from benchmarks.understanding.choices.metric import Rule
from benchmarks.understanding.choices.questions import ChoiceReference, choice_sample
from benchmarks.understanding.replies import percent
from benchmarks.understanding.table import KitTable


def lmms_right(reply: str, reference: ChoiceReference) -> bool:
    """lmms-eval's rule."""
    answers = reference.answers or (reference.answer,)
    return any(lmms.realworldqa_score(reply, answer) == 1.0 for answer in answers)


LMMS = Rule(
    name="lmms", label="lmms-eval", right=lmms_right,
    doc="Right by lmms-eval's extraction of a letter from A to D, or by the same text.",
)  # fmt: skip

TABLE = KitTable(
    benchmark="realworldqa",
    suite="full",
    title="765 questions",
    key="RealWorldQA",
    md5="4de008f55dc4fd008ca9e15321dc44b7",
    size=765,
    sample=choice_sample,
)

BENCHMARK = choice_benchmark(
    TABLE,
    title="RealWorldQA",
    citation="",
    rule=LMMS,
    variants=choice_variants(
        percent("lmms", "lmms-eval", "Share of questions answered right by lmms-eval's rule; its "
                "wording of the questions differs.", "lmms"),
    ),
    defects=(
        LMMS_DEFECT,
        "REALWORLDQA-1: lmms-eval falls back to any capital letter of the reply: 'Because' is B.",
    ),
)  # fmt: skip
