"""From replies to numbers: the metric of all rules, its quantities, variants, and the policy.

A rule is a function of a question's reference and a reply. Everything that needs no judge is scored
by a `ReplyMetric` over one such function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from evals.core.aggregation import Policy, Term, Variant
from evals.core.protocols import Metric, ScoringSettings, make_score
from evals.core.types import Absence, Item, Profile, Quantity, Score, fingerprint

MAX_SHOWN = 200
"""Longest answer kept as evidence, in characters; the prediction holds the whole reply."""

KIT_POLICY = Policy(
    profile="official",
    model_fault="zero",
    infrastructure_fault="zero",
    by_kind={"missing_file": "drop"},
    doc="As VLMEvalKit: a failure of whatever kind leaves a text in place of the reply, which is "
    "wrong; questions that are not in the file of predictions leave the mean.",
)
"""What VLMEvalKit (open-compass/VLMEvalKit@e8e78f05) does with questions without a reply."""

WRITTEN_NUMBER = re.compile(
    r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+|(?=\.\d))(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE
)
"""A whole text that is a number as people write it, thousands commas included."""

OWN_WRAPPER = "prompt: the wrapper of each model may add a suffix of its own"
"""How every table that VLMEvalKit measured may differ, as a `PublishedRow.differences`."""

NO_NEEDS = ("nothing but this package",)
NO_COST = "nothing but the model's replies"

UNNAMED_JUDGE = "a judge that is not named"
"""Judge of printed rows whose source does not tell it: no run is comparable with them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """What a reply amounts to: a value for every quantity, and what was read.

    Attributes:
        parts: quantity -> value, or None where it does not apply.
        read: the answer as the strict rule reads it, for people.
        notes: why a part is None, or what is unusual about it, by name.
        evidence: what else people need to check it.
    """

    parts: Mapping[str, float | None]
    read: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReplyMetric:
    """A metric that is one function of reference and reply.

    Attributes:
        version: of the rules; they have no other identity.
        mark: (reference of the sample, reply) -> marks; never raises for a reply. The reference
            has a field `answer`.
    """

    version: str
    quantities: tuple[Quantity, ...]
    mark: Callable[[Any, str], Marked] = field(repr=False, compare=False)
    name: str = "answer"
    # Reading a reply takes microseconds: no worker process is worth its start.
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 256

    def fingerprint(self) -> str:
        """Identity of the scorer: version of the rules."""
        return fingerprint({"metric": self.name, "code": 1, "rules": self.version})

    def absence(self) -> Absence | None:
        """Always None: nothing but this code is needed."""
        return None

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score per item."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Score:
        reference = item.sample.reference
        marks = self.mark(reference, item.prediction.text or "")
        evidence = {
            "answer": marks.read[:MAX_SHOWN],
            "expected": reference.answer[:MAX_SHOWN],
            **marks.evidence,
        }
        return make_score(self, item, marks.parts, notes=marks.notes, evidence=evidence)


def rules_only(*metrics: Metric) -> Callable[[ScoringSettings], Sequence[Metric]]:
    """`Benchmark.metrics` of metrics that no setting concerns."""
    return partial(_whatever, metrics)


def _whatever(metrics: Sequence[Metric], settings: ScoringSettings) -> Sequence[Metric]:
    return metrics


def share(name: str, doc: str, profile: Profile = "strict", label: str = "") -> Quantity:
    """A quantity from 0 to 1, higher is better, of which a fault gets 0."""
    return Quantity(
        name=name, range=(0.0, 1.0), direction="higher", doc=doc, profile=profile, worst=0.0,
        label=label or name,
    )  # fmt: skip


ASKED = Quantity(
    name="asked", range=(0, 1), direction="lower",
    doc="Share of replies that had to be shown to a judge.",
)  # fmt: skip
"""Of a judge that reads only what rules cannot."""


def percent(
    name: str, title: str, doc: str, column: str, *, profile: Profile = "official", **term: Any
) -> Variant:
    """The mean of a share in percent.

    Args:
        name: of the variant.
        title: what people call it.
        doc: how it is made, or whose number it is.
        column: ``metric.quantity``, or a quantity of the metric ``answer``.
        profile: under which policy faults are counted.
        term: further fields of its `Term`, e.g. ``key`` for units that count all or nothing.
    """
    full = column if "." in column else f"answer.{column}"
    return Variant(
        name=name, title=title, doc=doc, terms=(Term(column=full, scale=100.0, **term),),
        profile=profile, range=(0.0, 100.0), unit="%",
    )  # fmt: skip
