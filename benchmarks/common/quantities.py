"""The kinds of columns that benchmarks have, and numbers in percent that are made of them."""

from __future__ import annotations

import math
from typing import Any

from evals.core.aggregation import Term, Variant
from evals.core.types import Profile, Quantity


def share(name: str, doc: str, profile: Profile = "strict", label: str = "") -> Quantity:
    """From 0 to 1; a fault of the model counts 0 in the strict profile."""
    return grade(name, doc, 0.0, 1.0, profile, label=label)


def percent(name: str, doc: str) -> Quantity:
    """A strict score from 0 to 100 percent."""
    return grade(name, doc, 0.0, 100.0, unit="%")


def grade(
    name: str, doc: str, low: float, high: float, profile: Profile = "strict", *, unit: str = "",
    label: str = "",
) -> Quantity:  # fmt: skip
    """A score on a scale, higher is better, of which a fault gets the lowest when it is strict."""
    return Quantity(
        name=name, range=(low, high), direction="higher", doc=doc, profile=profile, unit=unit,
        label=label, worst=low if profile == "strict" else None,
    )  # fmt: skip


def released(
    name: str, doc: str, *, low: float = -math.inf, unit: str = "", auxiliary: bool = False
) -> Quantity:
    """A score as the released script makes it, which does not check its range."""
    return Quantity(
        name=name, range=(low, math.inf), direction="higher", doc=doc, profile="official",
        unit=unit, auxiliary=auxiliary,
    )  # fmt: skip


def count(
    name: str, doc: str, profile: Profile = "official", *, unit: str = "", label: str = "",
    worst: float | None = None, no_zero: str = "",
) -> Quantity:  # fmt: skip
    """How many, or a sum: what variants are made of, in no table of its own."""
    return Quantity(
        name=name, range=(0.0, math.inf), direction="higher", doc=doc, profile=profile, unit=unit,
        label=label, worst=worst, no_zero=no_zero, auxiliary=True,
    )  # fmt: skip


def in_percent(
    name: str, title: str, doc: str, *terms: Term, profile: Profile = "official", **more: Any
) -> Variant:
    """A number from 0 to 100 percent; what it is made of must be in percent already."""
    return Variant(
        name=name, title=title, doc=doc, terms=terms, profile=profile, range=(0.0, 100.0),
        unit="%", **more,
    )  # fmt: skip
