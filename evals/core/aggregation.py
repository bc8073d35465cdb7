"""How many scores become one number, as data: what faults count, variants, tracks, headlines.

They are stored with every run; `variants`, `tracks` and `headline` compute what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evals.core.types import Direction, Fault, Profile

FaultRule = Literal["drop", "zero", "worst", "incomplete"]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a profile does with planned samples that have no value.

    Attributes:
        profile: whose policy it is.
        model_fault: a fault of the model (refused, missing, unreadable output, ...).
        infrastructure_fault: anything else; ``incomplete`` marks the mean as not final.
        by_kind: exceptions by fault kind, e.g. ``{"unreadable_output": "zero"}``. The kind
            ``near_match`` stands for an output that was found under another name.
        doc: one sentence for the report.
    """

    profile: Profile
    model_fault: FaultRule
    infrastructure_fault: FaultRule
    by_kind: Mapping[str, FaultRule] = field(default_factory=dict)
    doc: str = ""

    def rule(self, fault: Fault) -> FaultRule:
        """What happens to a sample with this fault."""
        if fault.kind in self.by_kind:
            return self.by_kind[fault.kind]
        return self.model_fault if fault.origin == "model" else self.infrastructure_fault


OFFICIAL_POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As the released script: samples without an output leave the mean.",
)
STRICT_POLICY = Policy(
    profile="strict",
    model_fault="worst",
    infrastructure_fault="incomplete",
    doc="Every planned sample counts: a model's fault scores worst, an infrastructure fault "
    "leaves the run incomplete and marked.",
)
PAPER_POLICY = Policy(
    profile="paper",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="The formulas printed in the paper, over the samples that have an output.",
)


@dataclass(frozen=True, kw_only=True)
class Track:
    """One side of the hybrid headline: geometric mean of its columns, oriented so that 1 is best.

    Attributes:
        name: ``text``, ``fidelity`` or ``judge``.
        columns: ``metric.quantity`` names, all of them with a finite range; a column whose
            direction is ``lower`` enters as (highest - value) / (highest - lowest).
        substitute: columns used, and named, when one of `columns` is unavailable.
        doc: one sentence for the report.
    """

    name: str
    columns: tuple[str, ...]
    substitute: tuple[str, ...] = ()
    doc: str = ""


Combine = Literal["mean", "sum", "noisy_or"]
"""How parts become one number; ``noisy_or`` is 1 - (1 - a)(1 - b)..."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """One number from one column: a mean over samples, or a mean over groups of such means.

    Samples without a value (after the policy of the variant's profile) take no part. The order is:
    sums within each group at the first of `levels`, their quotient, `scale` and `offset`, `clip`,
    `digits`, and then mean or sum upwards, level by level.

    Attributes:
        column: ``metric.quantity``.
        over: column of the denominators (a ratio of sums); empty to divide by how many there are.
        under: only samples whose group path starts so.
        where: only samples with these strata.
        key: name of `Sample.keys`; samples that share it count as one, with the least of their
            values (``over`` must be empty then).
        levels: depths of the group path, deepest first, e.g. ``(2, 1)``: a mean in each group of
            depth 2, the mean of those in each group of depth 1, the mean of those. ``()`` is the
            mean over all samples.
        weights: name of a group of the last level -> weight; empty for equal ones. All of them must
            have a value, and the weights are used as they are.
        total: add the groups of the last level up instead of averaging them; all of them must have
            a value.
        scale: factor of each group's value at the first level.
        offset: added after `scale`.
        clip: lowest and highest value after that; None for no limit.
        digits: decimals to which that is rounded, half to even like Python; None for none.
    """

    column: str
    over: str = ""
    under: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    levels: tuple[int, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    total: bool = False
    scale: float = 1.0
    offset: float = 0.0
    clip: tuple[float, float] | None = None
    digits: int | None = None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A named way to make one number of a benchmark; it is data, and stored with every run.

    Published tables use several for one benchmark. They are never averaged with each other, and
    every number is stamped with the name of its own. In cells and published rows the column of a
    variant is called ``=<name>``, e.g. ``=macro``.

    Attributes:
        name: short, unique within the benchmark, e.g. ``macro``.
        title: what people call it, a few words.
        doc: how it is made and whose tables use it, one or two sentences.
        terms: the numbers it is made of; empty when `of` is given.
        of: names of variants it is made of instead; each must have a value.
        combine: how several become one.
        profile: under which policy faults are counted.
        range: lowest and highest possible value.
        direction: whether higher or lower is better.
        unit: ``""`` for a share, ``%`` for points of 100, else what it is.
        digits: decimals to which the official script rounds the result; None for none.
        label: column heading; the name when empty.
    """

    name: str
    title: str
    doc: str
    terms: tuple[Term, ...] = ()
    of: tuple[str, ...] = ()
    combine: Combine = "mean"
    profile: Profile = "official"
    range: tuple[float, float] = (0.0, 1.0)
    direction: Direction = "higher"
    unit: str = ""
    digits: int | None = None
    label: str = ""

    @property
    def column(self) -> str:
        """Its name among columns: ``=macro``."""
        return f"={self.name}"


@dataclass(frozen=True, kw_only=True)
class Headline:
    """How the one number of a benchmark is made; see docs/statistics.md.

    Attributes:
        name: e.g. ``"hybrid v1"``; changes whenever the formula does.
        tracks: empty when `column` or `variant` alone is the headline.
        column: headline of a benchmark without tracks, as ``metric.quantity``.
        variant: name of the `Variant` that is the headline, in place of a column.
        floor: name of the model whose score is 0 after anchoring.
        ceiling: name of the model whose score is 1 after anchoring. Beside a `column`, which is not
            anchored, both names only mark rows.
        min_gap: a group whose ceiling is less than this above its floor cannot be anchored.
    """

    name: str
    tracks: tuple[Track, ...] = ()
    column: str = ""
    variant: str = ""
    floor: str = ""
    ceiling: str = ""
    min_gap: float = 0.05
