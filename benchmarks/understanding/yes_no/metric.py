"""Whether a yes-or-no question is answered right, by rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.common.records import Record
from benchmarks.understanding.replies import Marked, ReplyMetric, share
from benchmarks.understanding.yes_no.reading import Said, strict_said, vlmeval_said
from evals.core.errors import UserError
from evals.core.protocols import Metric, ScoringSettings

NEEDS = (
    "no judge for the headline",
    "for the columns 'judge': a language model, texts only (VLMEvalKit's default is gpt-4o-mini)",
    "optional: a prompt file that holds {question} and {prediction}",
)
COST = "no judge calls for the headline; one text call for each reply that rules cannot read"


@dataclass(frozen=True, kw_only=True, slots=True)
class YesNoReference:
    """What is right, and what else scoring needs to know of a question.

    Attributes:
        answer: ``Yes`` or ``No``.
        question: as a judge is told it.
        categories: in how many the question counts.
    """

    answer: str
    question: str
    categories: int = 1

    @property
    def gold(self) -> Said:
        """The right answer."""
        return "yes" if self.answer == "Yes" else "no"


def reference_of(record: Record, categories: int = 1) -> YesNoReference:
    """What is right in a record.

    Raises:
        UserError: it has no question, or an answer that is neither yes nor no.
    """
    word = record.need("answer").strip().rstrip(".").lower()
    answer = "Yes" if word in {"yes", "1"} else "No" if word in {"no", "0"} else ""
    if not answer:
        raise UserError(f"{record.where} has {word!r} in 'answer', neither yes nor no.")
    question = record.need("question").strip()
    return YesNoReference(answer=answer, question=question, categories=categories)


QUANTITIES = (
    share("accuracy", "Right; a reply out of which neither yes nor no can be read is wrong."),
    share("parsed", "Share of replies out of which yes or no can be read, right or wrong."),
    share("vlmevalkit", "Right by VLMEvalKit's rule, without its judge.", "official",
          "VLMEvalKit"),
)  # fmt: skip


def marks(reference: YesNoReference, reply: str) -> Marked:
    """Whether a reply is right, strictly and by VLMEvalKit's rule."""
    said = strict_said(reply)
    parts = {
        "accuracy": float(said == reference.gold),
        "parsed": float(bool(said)),
        "vlmevalkit": float(vlmeval_said(reply) == reference.gold),
    }
    notes = {} if said else {"accuracy": "counted as wrong: neither yes nor no can be read"}
    return Marked(parts=parts, read=said, notes=notes)


ANSWER = ReplyMetric(version="yes or no 1", quantities=QUANTITIES, mark=marks)


def with_judge(answer: Metric, settings: ScoringSettings) -> Sequence[Metric]:
    """A metric of rules, and a judge for what they cannot read; `Benchmark.metrics`."""
    # A judge's machinery is not needed to list a benchmark or to plan a run of it.
    from benchmarks.understanding.yes_no.judge import yes_no_judge

    return (answer, yes_no_judge(settings))
