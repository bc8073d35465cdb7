"""TextVQA: questions about text in photographs, each answered by ten people.

Rules: `benchmarks.understanding.short.vqa`.
"""

from __future__ import annotations

from collections import Counter

from benchmarks.common.records import Record
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
from benchmarks.understanding.short.questions import ShortReference, accepted, short_sample
from benchmarks.understanding.short.vqa import (
    evalai_form,
    soft_accuracy,
    strict_form,
    strict_soft_accuracy,
    vlmeval_form,
)
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.aggregation import STRICT_POLICY, Headline
from evals.core.errors import UserError
from evals.core.protocols import Benchmark
from evals.core.types import Sample

PEOPLE = 10


# --- data -------------------------------------------------------------------------------------


def sample(record: Record, table: KitTable) -> Sample:
    """A question; a perfect model gives the answer that most people gave.

    Raises:
        UserError: it does not have ten answers, or something is missing.
    """
    answers = accepted(record)
    if len(answers) != PEOPLE:
        raise UserError(f"{record.where} has {len(answers)} answers, not {PEOPLE}.")
    most = Counter(strict_form(a) for a in answers).most_common(1)[0][0]
    answer = next(a for a in answers if strict_form(a) == most)
    return short_sample(record, table, answer=answer)


TABLE = KitTable(
    benchmark="textvqa",
    suite="val",
    title="the validation split",
    key="TextVQA_VAL",
    md5="b233b31f551bbf4056f2f955da3a92cd",
    size=5000,
    sample=sample,
    hub=HubFiles(
        dataset="lmms-lab-encoder/textvqa", files="data/validation-*.parquet",
        columns={"answer": "answers"},
    ),
)  # fmt: skip


# --- numbers ----------------------------------------------------------------------------------

QUANTITIES = (
    share("accuracy", "Soft accuracy: votes of the other nine people, three make it full; our "
          "normal form."),
    share("vlmevalkit", "Soft accuracy in VLMEvalKit's normal form.", "official", "VLMEvalKit"),
    share("evalai", "Soft accuracy in EvalAI's normal form, as lmms-eval and BAGEL have it.",
          "official", "EvalAI"),
)  # fmt: skip


def _marks(reference: ShortReference, reply: str) -> Marked:
    parts = {
        name: soft_accuracy([form(a) for a in reference.answers], form(reply))
        for name, form in (("vlmevalkit", vlmeval_form), ("evalai", evalai_form))
    }
    strict = strict_soft_accuracy(reference.answers, reply)
    return Marked(parts={"accuracy": strict, **parts}, read=strict_form(reply))


ANSWER = ReplyMetric(version="textvqa 1", quantities=QUANTITIES, mark=_marks)


VARIANTS = (
    percent("strict", "soft accuracy, strict", "Mean over all planned questions, our normal form.",
            "accuracy", profile="strict"),
    percent("overall", "soft accuracy, VLMEvalKit", "Mean over all questions, as VLMEvalKit "
            "prints it.", "vlmevalkit"),
    percent("evalai", "soft accuracy, EvalAI", "Mean over all questions, as lmms-eval and BAGEL's "
            "copy of M4C print it.", "evalai"),
)  # fmt: skip

BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="TextVQA",
    task="understand",
    version="1",
    licence="data: CC BY 4.0 (site of its authors; not checked); code of the rules: VLMEvalKit "
    "Apache-2.0, lmms-eval MIT",
    citation="arXiv:1904.08920; open-compass/VLMEvalKit@e8e78f05, "
    "EvolvingLMMs-Lab/lmms-eval@75571cfe, ByteDance-Seed/Bagel@056b5fd",
    suites=TABLE.suites(),
    default_suite="val",
    metrics=rules_only(ANSWER),
    headline=Headline(name="soft accuracy strict v1", variant="strict"),
    variants=VARIANTS,
    policies=(KIT_POLICY, STRICT_POLICY),
    needs=NO_NEEDS,
    cost=NO_COST,
    defects=(
        "VQA-1: one comma between digits removes all marks instead of spacing them.",
        "VQA-2: only the first 32 periods are removed.",
        "VQA-3: VLMEvalKit keeps the period of '12.', so that it is not 12.",
        "VQA-4: the sign of a number is dropped.",
        "VQA-5: answers of articles only become empty, and equal each other.",
    ),
    doc="5,000 questions about text in photographs. An answer gets min(1, votes / 3) from every "
    "nine of the ten people who were asked, and the mean of these.",
)  # fmt: skip
