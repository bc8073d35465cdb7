"""DocVQA: questions about scanned documents, by edit distance.

Rules: `benchmarks.understanding.short.anls`.
"""

from __future__ import annotations

from benchmarks.understanding.replies import (
    KIT_POLICY,
    NO_COST,
    NO_NEEDS,
    Marked,
    ReplyMetric,
    percent,
    rules_only,
    share,
)
from benchmarks.understanding.short.anls import anls, strict_anls, stvqa_anls
from benchmarks.understanding.short.questions import ShortReference, short_sample
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.aggregation import STRICT_POLICY, Headline
from evals.core.protocols import Benchmark

TABLE = KitTable(
    benchmark="docvqa",
    suite="val",
    title="the validation split",
    key="DocVQA_VAL",
    md5="d5ee77e1926ff10690d469c56b73eabf",
    size=5349,
    sample=short_sample,
    hub=HubFiles(
        dataset="lmms-lab-encoder/DocVQA", files="DocVQA/validation-*.parquet",
        columns={"answer": "answers"},
    ),
)  # fmt: skip


# --- numbers ----------------------------------------------------------------------------------

QUANTITIES = (
    share("accuracy", "ANLS, distance and length of the same normal form.", label="ANLS"),
    share("vlmevalkit", "ANLS of VLMEvalKit and lmms-eval, whose length is that of the raw texts.",
          "official", "VLMEvalKit"),
    share("stvqa", "ANLS of the ST-VQA evaluator that BAGEL carries.", "official", "ST-VQA"),
)  # fmt: skip


def _marks(reference: ShortReference, reply: str) -> Marked:
    parts = {
        "accuracy": strict_anls(reference.answers, reply),
        "vlmevalkit": anls(reference.answers, reply),
    }
    try:
        return Marked(parts={**parts, "stvqa": stvqa_anls(reference.answers, reply)}, read=reply)
    except ZeroDivisionError:
        notes = {"stvqa": "reply and answer are empty, where the released code ends the run"}
        return Marked(parts={**parts, "stvqa": None}, read=reply, notes=notes)


ANSWER = ReplyMetric(version="docvqa 1", quantities=QUANTITIES, mark=_marks)


VARIANTS = (
    percent("strict", "ANLS, strict", "Mean over all planned questions.", "accuracy",
            profile="strict"),
    percent("overall", "ANLS, VLMEvalKit", "Mean over all questions, as VLMEvalKit and lmms-eval "
            "compute it.", "vlmevalkit"),
    percent("stvqa", "ANLS, ST-VQA", "Mean over all questions, by BAGEL's copy of M4C.", "stvqa"),
)  # fmt: skip

BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="DocVQA",
    task="understand",
    version="1",
    licence="data: after registration with its authors; code of the rules: VLMEvalKit Apache-2.0, "
    "lmms-eval MIT",
    citation="arXiv:2007.00398; open-compass/VLMEvalKit@e8e78f05, "
    "EvolvingLMMs-Lab/lmms-eval@75571cfe, ByteDance-Seed/Bagel@056b5fd",
    suites=TABLE.suites(),
    default_suite="val",
    metrics=rules_only(ANSWER),
    headline=Headline(name="ANLS strict v1", variant="strict"),
    variants=VARIANTS,
    policies=(KIT_POLICY, STRICT_POLICY),
    needs=NO_NEEDS,
    cost=NO_COST,
    defects=(
        "ANLS-1: the length is that of the raw texts, so that spaces make a wrong answer better.",
        "ANLS-2: BAGEL's ST-VQA evaluator divides by zero on two empty texts.",
    ),
    doc="5,349 questions about scanned documents. ANLS is one minus the edit distance to the "
    "nearest accepted answer over the longer length, and nothing below one half.",
)  # fmt: skip
