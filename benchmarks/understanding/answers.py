"""What benchmarks with exact answers share: the reference of a question, and the metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evals.core.protocols import make_score
from evals.core.types import Absence, Item, Quantity, Score, fingerprint
from metrics.answers import Form, read_answer, same_answer

MAX_SHOWN = 200
"""Longest answer kept as evidence, in characters; the prediction holds the whole reply."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerReference:
    """The exact answer of a question.

    Attributes:
        answer: the letter, ``yes`` or ``no``, the digits, or the text.
        form: what kind of answer it is.
        kind: what the question is about.
        choices: what the letters stand for, A first; empty for other forms.
        spec_sha256: identity of a synthetic question; empty on official data.
    """

    answer: str
    form: Form
    kind: str
    choices: tuple[str, ...] = ()
    spec_sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class AnswerMetric:
    """Whether the answer in a reply is the right one.

    A reply from which no single answer can be read is wrong, and is counted in ``parsed`` as well,
    so that a model that does not know can be told from one that does not keep to the form.

    Attributes:
        tolerance: largest difference of a number, as a share of the right one.
    """

    tolerance: float = 0.0
    name: str = "answer"
    quantities: tuple[Quantity, ...] = (
        Quantity(
            name="accuracy", range=(0, 1), direction="higher", worst=0.0,
            doc="Share of questions answered right; a reply without a readable answer is wrong.",
        ),
        Quantity(
            name="parsed", range=(0, 1), direction="higher", worst=0.0,
            doc="Share of replies from which one answer could be read, right or wrong.",
        ),
    )  # fmt: skip
    # Reading a reply takes microseconds: no worker process is worth its start.
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 256

    def fingerprint(self) -> str:
        """Identity of the scorer: version of the reading rules, and the tolerance."""
        return fingerprint({"metric": self.name, "code": 1, "tolerance": self.tolerance})

    def absence(self) -> Absence | None:
        """Always None: nothing but this code is needed."""
        return None

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score per item; samples must have an `AnswerReference`."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Score:
        reference: AnswerReference = item.sample.reference
        found = read_answer(item.prediction.text, reference.form, reference.choices)
        right = not found.reason and same_answer(
            reference.answer, found.value, reference.form, self.tolerance
        )
        notes = {}
        if found.reason:
            notes["accuracy"] = f"counted as wrong: {found.reason}"
        return make_score(
            self,
            item,
            {"accuracy": float(right), "parsed": float(not found.reason)},
            notes=notes,
            evidence={"answer": found.value[:MAX_SHOWN], "expected": reference.answer},
        )
