"""MME: yes-or-no questions, two about every picture, in fourteen subtasks.

Rules: `benchmarks.understanding.yes_no.reading`; how they add up: `...yes_no.mme_sums`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.records import Record
from benchmarks.understanding.replies import (
    KIT_POLICY,
    OWN_WRAPPER,
    Marked,
    ReplyMetric,
    share,
)
from benchmarks.understanding.table import HubFiles, KitTable
from benchmarks.understanding.yes_no.metric import (
    COST,
    NEEDS,
    QUANTITIES,
    YesNoReference,
    marks,
    reference_of,
    with_judge,
)
from benchmarks.understanding.yes_no.mme_sums import COGNITION, PERCEPTION, QUESTIONS
from benchmarks.understanding.yes_no.reading import first_four_said, lmms_said
from evals.core.aggregation import STRICT_POLICY, Headline, Term, Variant
from evals.core.errors import UserError
from evals.core.protocols import Benchmark
from evals.core.types import Group, Profile, PublishedRow, Sample

KINDS = {"perception": PERCEPTION, "cognition": COGNITION}


# --- data -------------------------------------------------------------------------------------


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by its subtask.

    Raises:
        UserError: the subtask is not known, or something is missing.
    """
    category = record.need("category")
    kind = next((k for k, parts in KINDS.items() if category in parts), "")
    if not kind:
        raise UserError(f"{record.where}: MME has no subtask {category!r}; get the file again.")
    reference = reference_of(record)
    return table.build(
        record, table.ask(reference.question), reference, group=(kind, category),
        cluster=record.picture.stem, strata={"answer": reference.answer},
        keys={"picture": _picture(record)},
    )  # fmt: skip


def _picture(record: Record) -> str:
    """Identity of a picture within its subtask: pictures may occur in several."""
    name = record.get("image_path") or record.get("question_id") or record.picture.stem
    return f"{record.need('category')}/{name}"


def check(records: Sequence[Record]) -> None:
    """Refuse a table in which a picture has not exactly two questions.

    Raises:
        UserError: it has one.
    """
    pictures = [_picture(record) for record in records]
    for picture, number in Counter(pictures).items():
        if number != QUESTIONS:
            at = records[pictures.index(picture)]
            raise UserError(
                f"{at.where}: the picture {picture} has {number} questions, not {QUESTIONS}; get "
                "the file again."
            )


TABLE = KitTable(
    benchmark="mme",
    suite="full",
    title="ten subtasks of perception, four of cognition",
    key="MME",
    md5="b36b43c3f09801f5d368627fb92187c3",
    size=2374,
    sample=sample,
    check=check,
    hub=HubFiles(dataset="lmms-lab-encoder/MME", files="data/test-*.parquet"),
    terms="on request of MME's authors",
)


# --- numbers ----------------------------------------------------------------------------------

ALSO = (
    share("lmms", "Right by lmms-eval's rule.", "official", "lmms-eval"),
    share("first_four", "Right by the tool of MME's authors: the first four characters of the "
          "reply.", "official", "MME's tool"),
)  # fmt: skip


def _marks(reference: YesNoReference, reply: str) -> Marked:
    made, gold = marks(reference, reply), reference.gold
    parts = {
        **made.parts,
        "lmms": float(lmms_said(reply) == gold),
        "first_four": float(first_four_said(reply.lower()) == gold),
    }
    return Marked(parts=parts, read=made.read, notes=made.notes)


ANSWER = ReplyMetric(version="mme 1", quantities=(*QUANTITIES, *ALSO), mark=_marks)


def _sum(name: str, kind: str, column: str, title: str, doc: str, profile: Profile) -> Variant:
    """Accuracy plus accuracy+ in percent, added up over the subtasks of a kind."""
    parts = KINDS[kind]
    terms = tuple(
        Term(
            column=column, key=key, under=(kind,), levels=(2,), total=True, scale=100.0,
            weights=dict.fromkeys(parts, 1.0),
        )
        for key in ("", "picture")
    )  # fmt: skip
    return Variant(
        name=name, title=title, doc=doc, terms=terms, combine="sum", profile=profile,
        range=(0.0, 200.0 * len(parts)), unit="points",
    )  # fmt: skip


def _sums(end: str, column: str, whose: str, profile: Profile = "official") -> Sequence[Variant]:
    both = tuple(
        _sum(f"{kind}{end}", kind, column, f"MME-{kind[0].upper()}, {whose}",
             f"Sum over the {len(KINDS[kind])} subtasks of {kind}: accuracy plus accuracy+; "
             f"{whose}.", profile)
        for kind in KINDS
    )  # fmt: skip
    total = Variant(
        name=f"total{end}", title=f"MME, {whose}", doc=f"Both sums together; {whose}.",
        of=tuple(v.name for v in both), combine="sum", profile=profile, range=(0.0, 2800.0),
        unit="points",
    )  # fmt: skip
    return (*both, total)


VARIANTS = (
    *_sums("_strict", "answer.accuracy", "read strictly, every question counts", "strict"),
    *_sums("", "answer.vlmevalkit", "as VLMEvalKit without a judge"),
    *_sums("_judged", "judge.vlmevalkit", "as VLMEvalKit with a judge for unread replies"),
    *_sums("_lmms", "answer.lmms", "as lmms-eval"),
    *_sums("_tool", "answer.first_four", "as MME's own tool, and BAGEL's copy of it"),
)


def published() -> tuple[PublishedRow, ...]:
    """Rows of the InternVL-U report, of BAGEL's README and of other papers."""
    judge = (
        "protocol: VLMEvalKit's default asks gpt-4o-mini about replies that it cannot read; "
        "whether it was asked is not printed"
    )
    unknown = "protocol: which reading of the replies was used is not printed"
    perception = {"score": ("", "=perception", 1.0)}
    return printed_rows(
        Printed(
            table="MME-P", suite="full", columns=perception, source="2603.09877",
            differences=(judge, OWN_WRAPPER),
        ),
        Printed(
            table="MME-P", suite="full", columns=perception, lacking="2603.09877",
            differences=(unknown, OWN_WRAPPER),
        ),
        Printed(
            table="MME", suite="full", columns={"score": ("", "=total_tool", 1.0)},
            differences=(
                "protocol: BAGEL's copy of MME's tool; its row of Qwen2.5-VL-7B is carried over "
                "from elsewhere",
                OWN_WRAPPER,
            ),
        ),
    )  # fmt: skip


BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="MME",
    task="understand",
    version="1",
    licence="data: academic use, on request of its authors; code of the rules: VLMEvalKit "
    "Apache-2.0, lmms-eval MIT, the tool's copy in BAGEL MIT",
    citation="arXiv:2306.13394; open-compass/VLMEvalKit@e8e78f05, "
    "EvolvingLMMs-Lab/lmms-eval@75571cfe, ByteDance-Seed/Bagel@056b5fd",
    suites=TABLE.suites(),
    default_suite="full",
    metrics=partial(with_judge, ANSWER),
    headline=Headline(name="MME-P strict v1", variant="perception_strict"),
    variants=VARIANTS,
    groups=tuple(
        Group(path=path, title=path[-1].replace("_", " "))
        for kind, parts in KINDS.items()
        for path in ((kind,), *((kind, part) for part in parts))
    ),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=NEEDS,
    cost=COST,
    defects=(
        "MME-1: VLMEvalKit and lmms-eval end the run at a picture without two questions.",
        "MME-2: VLMEvalKit ends the run when a subtask is absent, lmms-eval adds up the rest.",
        "MME-3: lmms-eval and MME's tool read the first four characters: 'Not sure' is no.",
        "MME-4: what VLMEvalKit cannot read is decided by a judge where one is set.",
        "MME-5: MME's tool pairs lines that follow each other, whatever their pictures.",
    ),
    doc="2,374 questions about 1,187 pictures, each picture with one question whose answer is yes "
    "and one whose answer is no. Per subtask: accuracy over questions plus accuracy+ over "
    "pictures with both right, in percent. MME-P is the sum of ten subtasks (at most 2,000), no "
    "percentage.",
)  # fmt: skip
