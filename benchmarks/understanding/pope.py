"""POPE: is there such an object in the picture?

Rules: `benchmarks.understanding.yes_no.reading`; how they add up: `...yes_no.pope_sums`.
"""

from __future__ import annotations

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.records import Record
from benchmarks.understanding.replies import (
    KIT_POLICY,
    NO_COST,
    Marked,
    ReplyMetric,
    percent,
    rules_only,
)
from benchmarks.understanding.table import HubFiles, KitTable
from benchmarks.understanding.yes_no.metric import ANSWER, YesNoReference, reference_of
from benchmarks.understanding.yes_no.reading import strict_said, vlmeval_said
from evals.core.aggregation import STRICT_POLICY, Headline, Term, Variant
from evals.core.protocols import Benchmark
from evals.core.types import Group, Profile, PublishedRow, Quantity, Sample

CATEGORIES = ("random", "popular", "adversarial")


# --- data -------------------------------------------------------------------------------------


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by its right answer.

    Raises:
        UserError: something is missing.
    """
    categories = record.get("category").split(",") if record.get("category") else []
    reference = reference_of(record, max(1, len(categories)))
    return table.build(
        record, table.ask(reference.question), reference, cluster=record.picture.stem,
        # One question may be of several categories, so that these are labels and no groups.
        group=(reference.answer,),
        strata=dict.fromkeys(categories, "yes"),
    )  # fmt: skip


TABLE = KitTable(
    benchmark="pope",
    suite="full",
    title="random, popular and adversarial objects",
    key="POPE",
    md5="c12f5acb142f2ef1f85a26ba2fbe41d5",
    size=9000,
    sample=sample,
    hub=HubFiles(dataset="lmms-lab-encoder/POPE", files="data/test-*.parquet"),
)


# --- numbers ----------------------------------------------------------------------------------

NO_ZERO = "VLMEvalKit counts it as 'no'; the parts of a ratio are known of replies only"
"""Why a fault is no part of the official ratios."""


def _count(name: str, doc: str, profile: Profile = "official", worst: float | None = None,
           most: int = 1) -> Quantity:  # fmt: skip
    return Quantity(
        name=name, range=(0, most), direction="higher", doc=doc, profile=profile, worst=worst,
        unit="answers", no_zero=NO_ZERO, auxiliary=True,
    )  # fmt: skip


MOST = len(CATEGORIES)
# In a ratio of sums a fault that scores worst is a wrong answer: no hit, and named once, by the
# question where the answer is yes, and by the model where it is no.
COUNTED = (
    _count("hits", "Right answers 'yes'; unread is the wrong answer.", "strict", 0.0),
    _count("named", "Answers and right answers that are 'yes'.", "strict", 1.0, 2),
    _count("hits_kit", "Right answers 'yes' by VLMEvalKit."),
    _count("named_kit", "Answers and right answers that are 'yes' by VLMEvalKit.", most=2),
    _count("hits_all", "The same hits, once per category of the question.", most=MOST),
    _count("named_all", "The same names, once per category.", most=2 * MOST),
    _count("said_all", "Answers 'yes' by VLMEvalKit, once per category.", most=MOST),
    _count("gold_all", "Right answers that are 'yes', once per category.", most=MOST),
    _count("right_all", "Right by VLMEvalKit, once per category.", most=MOST),
    _count("rows_all", "Categories of the question.", most=MOST),
    _count("hits_lmms", "Right answers 'yes' by lmms-eval, which takes whole replies."),
    _count("named_lmms", "Answers and right answers that are 'yes' by lmms-eval, which leaves out "
           "right ones with an unread reply.", most=2),
)  # fmt: skip


def counts(reference: YesNoReference, reply: str) -> Marked:
    """Parts of the ratios, see `COUNTED`."""
    gold, n = reference.gold == "yes", reference.categories
    said = strict_said(reply)
    yes = said == "yes" if said else not gold
    kit, lmms = vlmeval_said(reply), reply.lower().strip()
    right = kit == reference.gold
    parts = {
        "hits": gold and yes,
        "named": gold + yes,
        "hits_kit": gold and right,
        "named_kit": gold + (kit == "yes"),
        "hits_all": n * (gold and right),
        "named_all": n * (gold + (kit == "yes")),
        "said_all": n * (kit == "yes"),
        "gold_all": n * gold,
        "right_all": n * right,
        "rows_all": n,
        "hits_lmms": gold and lmms == "yes",
        "named_lmms": (lmms == "yes") + (gold and lmms in {"yes", "no"}),
    }
    return Marked(parts={name: float(value) for name, value in parts.items()}, read=said)


COUNTS = ReplyMetric(version="pope 1", quantities=COUNTED, mark=counts, name="counts")


def _ratio(
    name: str, title: str, doc: str, top: str, bottom: str, *, scale: float = 100.0,
    profile: Profile = "official", category: str = "",
) -> Variant:  # fmt: skip
    term = Term(
        column=f"counts.{top}", over=f"counts.{bottom}", scale=scale,
        where={category: "yes"} if category else {},
    )  # fmt: skip
    return Variant(
        name=name, title=title, doc=doc, terms=(term,), profile=profile, range=(0.0, 100.0),
        unit="%",
    )  # fmt: skip


def _of_category(name: str) -> Variant:
    doc = f"VLMEvalKit's F1 of 'yes' over the questions of {name}."
    return _ratio(
        f"f1_{name}", f"F1, {name}", doc, "hits_kit", "named_kit", scale=200.0, category=name
    )


VARIANTS = (
    _ratio("f1_strict", "F1, strict", "F1 of 'yes': every question once, unread is the wrong "
           "answer.", "hits", "named", scale=200.0, profile="strict"),
    percent("accuracy_strict", "accuracy, strict", "Share of all planned questions answered "
            "right.", "accuracy", profile="strict"),
    _ratio("f1", "F1, VLMEvalKit", "VLMEvalKit's Overall: F1 of 'yes', a question once per "
           "category, unread is no.", "hits_all", "named_all", scale=200.0),
    _ratio("precision", "precision, VLMEvalKit", "A question once per category.", "hits_all",
           "said_all"),
    _ratio("recall", "recall, VLMEvalKit", "A question once per category.", "hits_all",
           "gold_all"),
    _ratio("accuracy", "accuracy, VLMEvalKit", "A question once per category.", "right_all",
           "rows_all"),
    *(_of_category(name) for name in CATEGORIES),
    Variant(
        name="f1_mean", title="F1, mean of the categories", unit="%", range=(0.0, 100.0),
        of=tuple(f"f1_{name}" for name in CATEGORIES),
        doc="Mean of VLMEvalKit's F1 in the three categories.",
    ),
    _ratio("f1_lmms", "F1, lmms-eval", "lmms-eval: replies are compared as they are, and unread "
           "ones leave the recall.", "hits_lmms", "named_lmms", scale=200.0),
)  # fmt: skip


def published() -> tuple[PublishedRow, ...]:
    """Rows of the Janus-Pro report and of Lumina-DiMOO's repository."""
    return printed_rows(
        Printed(
            table="POPE", suite="full", columns={"score": ("", "=f1_mean", 1.0)},
            differences=(
                "protocol: whether F1 or accuracy is printed, and over which questions, is not "
                "told; most tables follow LLaVA's script, the mean F1 of the three categories",
                "prompt: as each model's authors chose it",
            ),
        ),
    )  # fmt: skip


BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="POPE",
    task="understand",
    version="1",
    licence="data: MIT (repository of its authors; not checked), pictures of COCO; code of the "
    "rules: VLMEvalKit Apache-2.0, lmms-eval MIT",
    citation="arXiv:2305.10355; open-compass/VLMEvalKit@e8e78f05, "
    "EvolvingLMMs-Lab/lmms-eval@75571cfe",
    suites=TABLE.suites(),
    default_suite="full",
    metrics=rules_only(ANSWER, COUNTS),
    headline=Headline(name="F1 strict v1", variant="f1_strict"),
    variants=VARIANTS,
    groups=(Group(path=("Yes",), title="the object is there"),
            Group(path=("No",), title="the object is not there")),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=("no judge; VLMEvalKit's default asks gpt-4o-mini about replies that it cannot read",),
    cost=NO_COST,
    defects=(
        "POPE-1: VLMEvalKit counts a question of several categories several times in Overall.",
        "POPE-2: VLMEvalKit takes an unread reply for 'no', which is free where that is right.",
        "POPE-3: lmms-eval compares whole replies, so that 'yes.' is neither, and prints the yes "
        "ratio of the right answers.",
    ),
    doc="Is there a given object in the picture? 9,000 questions: for the same pictures absent "
    "objects are drawn at random, from the most frequent ones, or from those that often occur "
    "together with what is there. The headline is the F1 of 'yes'. The prompt is lmms-eval's.",
)  # fmt: skip
