"""ChartQA: questions about charts, answered with a number or a few words.

Rules: `benchmarks.understanding.short.relaxed`.
"""

from __future__ import annotations

from typing import Any

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
from benchmarks.understanding.short.questions import ShortReference, short_sample
from benchmarks.understanding.short.relaxed import relaxed_match, strict_relaxed_match
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.aggregation import STRICT_POLICY, Headline
from evals.core.errors import UserError
from evals.core.protocols import Benchmark
from evals.core.types import Group, PublishedRow, Sample

SPLITS = {"human": "questions written by people", "augmented": "questions made by a model"}


# --- data -------------------------------------------------------------------------------------


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by the part that it is of.

    Raises:
        UserError: the part is not known, or something is missing.
    """
    told = record.need("split").lower()
    split = next((name for name in SPLITS if name in told), "")
    if not split:
        raise UserError(f"{record.where}: ChartQA has no part {told!r}; get the file again.")
    return short_sample(record, table, group=(split,))


TABLE = KitTable(
    benchmark="chartqa",
    suite="test",
    title="the test split, both parts",
    key="ChartQA_TEST",
    md5="c902e0aa9be5582a7aad6dcf52734b42",
    size=2500,
    sample=sample,
    hub=HubFiles(
        dataset="lmms-lab-encoder/ChartQA", files="data/test-*.parquet", columns={"split": "type"}
    ),
)


# --- numbers ----------------------------------------------------------------------------------

QUANTITIES = (
    share("accuracy", "Right, or a number within 5 % of the right one, numbers read as people "
          "write them."),
    share("vlmevalkit", "Relaxed accuracy of VLMEvalKit.", "official", "VLMEvalKit"),
    share("lmms", "Relaxed accuracy of lmms-eval, which does not strip the reply.", "official",
          "lmms-eval"),
)  # fmt: skip


def _marks(reference: ShortReference, reply: str) -> Marked:
    parts: dict[str, Any] = {
        "accuracy": any(strict_relaxed_match(a, reply) for a in reference.answers),
        "vlmevalkit": any(relaxed_match(a, reply.strip()) for a in reference.answers),
        "lmms": relaxed_match(reference.answers[0], reply),
    }
    return Marked(parts={k: float(v) for k, v in parts.items()}, read=reply.strip())


ANSWER = ReplyMetric(version="chartqa 1", quantities=QUANTITIES, mark=_marks)


VARIANTS = (
    percent("strict", "relaxed accuracy, strict", "Mean over all planned questions, numbers read "
            "as people write them.", "accuracy", profile="strict"),
    percent("overall", "relaxed accuracy, VLMEvalKit", "Mean over all questions, as VLMEvalKit "
            "prints it.", "vlmevalkit"),
    percent("lmms", "relaxed accuracy, lmms-eval", "Mean over all questions, as lmms-eval prints "
            "it.", "lmms"),
)  # fmt: skip


def published() -> tuple[PublishedRow, ...]:
    """Rows of the InternVL-U report."""
    return printed_rows(
        Printed(
            table="ChartQA", suite="test", columns={"score": ("", "=overall", 1.0)},
            differences=(
                "protocol: measured with VLMEvalKit; its key (ChartQA_TEST) is inferred",
                OWN_WRAPPER,
            ),
        ),
    )  # fmt: skip


BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="ChartQA",
    task="understand",
    version="1",
    licence="data: GPL-3.0 (repository of its authors; not checked); code of the rules: VLMEvalKit "
    "Apache-2.0, lmms-eval MIT",
    citation="arXiv:2203.10244; open-compass/VLMEvalKit@e8e78f05, "
    "EvolvingLMMs-Lab/lmms-eval@75571cfe",
    suites=TABLE.suites(),
    default_suite="test",
    metrics=rules_only(ANSWER),
    headline=Headline(name="relaxed accuracy strict v1", variant="strict"),
    variants=VARIANTS,
    groups=tuple(Group(path=(name,), title=title) for name, title in SPLITS.items()),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=NO_NEEDS,
    cost=NO_COST,
    defects=(
        "CHARTQA-1: a right answer of 0 is compared as text, so that 0.0 is wrong.",
        "CHARTQA-2: thousands commas and currency signs make a number a text.",
        "CHARTQA-3: lmms-eval does not strip the reply.",
        "CHARTQA-4: the words nan and inf are numbers that are never right.",
        "CHARTQA-5: 5 % holds for years too; kept in strict, as the paper has it.",
    ),
    doc="2,500 questions about charts, 1,250 written by people and 1,250 made by a model. A number "
    "is right within 5 %, a text when it is equal but for case. Units in words are not read.",
)  # fmt: skip
