"""OCRBench: reading text in pictures; an answer is right when it occurs in the reply.

Rules: `benchmarks.understanding.short.containment`.
"""

from __future__ import annotations

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.records import Record
from benchmarks.understanding.replies import (
    KIT_POLICY,
    NO_COST,
    NO_NEEDS,
    OWN_WRAPPER,
    Marked,
    ReplyMetric,
    percent,
    rules_only,
    share,
)
from benchmarks.understanding.short.containment import (
    FORMULAS,
    OCRBENCH_SIZES,
    TEXT_RECOGNITION,
    contains_answer,
    strict_contains_answer,
)
from benchmarks.understanding.short.questions import ShortReference, short_sample
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.aggregation import STRICT_POLICY, Headline, Term, Variant
from evals.core.errors import UserError
from evals.core.protocols import Benchmark
from evals.core.types import Group, PublishedRow, Sample

RECOGNITION = "Text Recognition"


# --- data -------------------------------------------------------------------------------------


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by its category.

    Raises:
        UserError: the category is not known, or something is missing.
    """
    category = record.need("category")
    if category not in OCRBENCH_SIZES:
        raise UserError(f"{record.where}: OCRBench has no category {category!r}.")
    return short_sample(record, table, category=category, group=_path(category))


def _path(category: str) -> tuple[str, ...]:
    return (RECOGNITION, category) if category in TEXT_RECOGNITION else (category,)


TABLE = KitTable(
    benchmark="ocrbench",
    suite="full",
    title="ten kinds of reading",
    key="OCRBench",
    md5="e953d98a987cc6e26ef717b61260b778",
    size=1000,
    sample=sample,
    hub=HubFiles(
        dataset="echo840/OCRBench", files="data/test-*.parquet",
        columns={"category": "question_type"},
    ),
)  # fmt: skip


# --- numbers ----------------------------------------------------------------------------------

QUANTITIES = (
    share("accuracy", "An accepted answer stands in the reply as whole words."),
    share("vlmevalkit", "An accepted answer occurs anywhere in the reply, as in VLMEvalKit.",
          "official", "VLMEvalKit"),
    share("lmms", "The same in lmms-eval, which folds full-width letters.", "official",
          "lmms-eval"),
)  # fmt: skip


def _marks(reference: ShortReference, reply: str) -> Marked:
    answers, formula = reference.answers, reference.category == FORMULAS
    strict = strict_contains_answer(answers, reply, formula=formula)
    official = contains_answer(answers, reply, formula=formula)
    lmms = contains_answer(answers, reply, formula=formula, fold_width=True)
    notes = {"accuracy": "all accepted answers are empty"} if strict is None else {}
    parts = {
        "accuracy": None if strict is None else float(strict),
        "vlmevalkit": float(official),
        "lmms": float(lmms),
    }
    return Marked(parts=parts, read=reply.strip(), notes=notes)


ANSWER = ReplyMetric(version="ocrbench 1", quantities=QUANTITIES, mark=_marks)


VARIANTS = (
    percent("strict", "right answers, strict", "Share of all planned questions, whole words only.",
            "accuracy", profile="strict"),
    percent("norm", "Final Score Norm", "Right answers of 1,000 over ten, as VLMEvalKit prints it "
            "and most tables quote it.", "vlmevalkit"),
    Variant(
        name="final", title="Final Score", unit="points", range=(0.0, 1000.0),
        terms=(Term(column="answer.vlmevalkit", scale=1000.0),),
        doc="Right answers of 1,000, as VLMEvalKit prints it; a part of the suite is scaled up.",
    ),
    percent("lmms", "right answers, lmms-eval", "As lmms-eval prints it, in percent.", "lmms"),
)  # fmt: skip


def published() -> tuple[PublishedRow, ...]:
    """Rows of the InternVL-U report and of the OpenCompass tables."""
    return printed_rows(
        Printed(
            table="OCRBench", suite="full", columns={"score": ("", "=norm", 1.0)},
            differences=("protocol: measured with VLMEvalKit", OWN_WRAPPER),
        ),
        Printed(
            table="OpenCompass academic", suite="full", columns={"OCRBench": ("", "=norm", 1.0)},
            differences=("protocol: measured with VLMEvalKit", OWN_WRAPPER),
        ),
    )  # fmt: skip


BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="OCRBench",
    task="understand",
    version="1",
    licence="data: none stated on the card that was seen, its parts have licences of their own; "
    "code of the rules: VLMEvalKit Apache-2.0, lmms-eval MIT",
    citation="arXiv:2305.07895; open-compass/VLMEvalKit@e8e78f05, "
    "EvolvingLMMs-Lab/lmms-eval@75571cfe",
    suites=TABLE.suites(),
    default_suite="full",
    metrics=rules_only(ANSWER),
    headline=Headline(name="right answers strict v1", variant="strict"),
    variants=VARIANTS,
    groups=(
        Group(path=(RECOGNITION,), title="text recognition"),
        *(Group(path=_path(name), title=name.lower()) for name in OCRBENCH_SIZES),
    ),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=NO_NEEDS,
    cost=NO_COST,
    defects=(
        "OCRBENCH-1: an answer inside a word or a number counts, '1' in '2010'.",
        "OCRBENCH-2: an empty accepted answer is in every reply.",
        "OCRBENCH-3: lmms-eval adds to a table that outlives the call.",
        "OCRBENCH-4: VLMEvalKit evaluates the answer cell as Python.",
        "OCRBENCH-5: lmms-eval folds full-width letters, VLMEvalKit does not.",
    ),
    doc="1,000 questions: six kinds of text recognition (300), text in scenes (200), documents "
    "(200), key information (200) and handwritten formulas (100). An accepted answer must occur "
    "in the reply; formulas are compared with case and without spaces.",
)  # fmt: skip
