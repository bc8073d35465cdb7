"""The rules of the heuristic judge: measured quantities to scores from 1 to 5, as one table.

A score is the lowest that any rule of its dimension gives. The limits follow the words of the
rubric and were set on drawn scenes with one graded defect at a time; nothing was fitted to single
scenes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.textedit.measured import Measured

VERSION = "1"
"""Raised with every change of a limit."""

Grades = Mapping[str, tuple[int | None, str]]
"""Dimension -> score and sentence; without a score where it could not be measured."""

Limits = tuple[float, float, float, float]
NEVER = math.inf
"""As the limit of a score: no lower score is given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What one quantity is worth.

    Attributes:
        quantity: name in `Measured.values`.
        label: what it is, for the sentence.
        limits: the worst values that still earn 5, 4, 3 and 2; anything worse earns 1. They rise,
            or fall where higher is better.
        higher: whether higher is better.
        form: how the value is written, for `format`.
        stands_in: the rule counts only where this other quantity is absent.
    """

    quantity: str
    label: str
    limits: Limits
    higher: bool = False
    form: str = ".2f"
    stands_in: str = ""

    def score(self, value: float) -> int:
        """1 to 5."""
        for score, limit in zip((5, 4, 3, 2), self.limits, strict=True):
            if value >= limit if self.higher else value <= limit:
                return score
        return 1

    def identity(self) -> tuple[str, ...]:
        """Everything that decides a score."""
        return self.quantity, *(f"{v:g}" for v in self.limits), f"{self.higher}", self.stands_in


RULES: Mapping[str, tuple[Rule, ...]] = {
    "TA": (
        # From 4 letters on the share that is right decides whether the word is recognised.
        Rule(quantity="letters_off", label="wrong letters", limits=(0, 1, 3, NEVER), form=".0f"),
        Rule(quantity="capitals_off", label="wrong capitals or signs", limits=(0, 1, NEVER, NEVER),
             form=".0f"),
        Rule(quantity="likeness", label="share of the letters that is right",
             limits=(0.5, 0.5, 0.5, 0.25), higher=True),
        Rule(quantity="old_text", label="old text read beside the new (1 is yes)",
             limits=(0, 0, 0, NEVER), form=".0f"),
        Rule(quantity="remains", label="opacity of the old text", limits=(0.03, 0.12, 0.3, NEVER)),
        Rule(quantity="progress", label="likeness of the slot (1 the ground truth's, -1 untouched)",
             limits=(-0.5, -0.5, -0.5, -0.5), higher=True),
        # As far as pixels can tell what is written: another lettering counts against it, too.
        Rule(quantity="progress", label="likeness of the slot (1 the ground truth's, -1 untouched)",
             limits=(0.9, 0.75, 0.55, 0.3), higher=True, stands_in="letters_off"),
    ),
    "TP": (
        Rule(quantity="texts_lost", label="other texts lost", limits=(0, 0, 2, 4), form=".0f"),
        Rule(quantity="texts_invented", label="texts invented", limits=(0, 0, 2, 4), form=".0f"),
        Rule(quantity="text_recall", label="share of the other text that is still there",
             limits=(0.995, 0.95, 0.7, 0.45), higher=True, form=".3f"),
        Rule(quantity="text_precision", label="share of the text now there that belongs",
             limits=(0.995, 0.95, 0.7, 0.45), higher=True, form=".3f"),
        Rule(quantity="text_similarity", label="SSIM of the most changed other text",
             limits=(0.8, -NEVER, -NEVER, -NEVER), higher=True),
    ),
    "SI": (
        Rule(quantity="psnr_outside", label="PSNR outside the edit in dB", limits=(36, 29, 23, 16),
             higher=True, form=".1f"),
        Rule(quantity="ssim_outside", label="SSIM outside the edit", limits=(0.97, 0.92, 0.8, 0.6),
             higher=True, form=".3f"),
        Rule(quantity="changed_outside", label="share of pixels changed outside the edit",
             limits=(0.005, 0.05, 0.15, 0.5), form=".4f"),
        Rule(quantity="sharpness_outside", label="ratio of edge strength outside the edit",
             limits=(0.9, 0.75, 0.55, 0.3), higher=True),
        Rule(quantity="shift", label="shift of the whole picture as share of its diagonal",
             limits=(0.0006, 0.0025, 0.009, 0.03), form=".4f"),
        Rule(quantity="aspect_error", label="error of the aspect ratio",
             limits=(0.01, 0.03, 0.1, 0.3), form=".3f"),
    ),
    "LR": (
        Rule(quantity="remains", label="opacity of the old text", limits=(0.03, 0.12, 0.3, 0.7)),
        Rule(quantity="slot_noise", label="added noise between the letters in levels",
             limits=(1.5, 6, 15, 35), form=".1f"),
        Rule(quantity="slot_edges", label="factor of edge strength between the letters",
             limits=(1.4, 2.5, 5, 12)),
        Rule(quantity="slot_tone", label="change of tone between the letters in levels",
             limits=(4, 8, 16, 40), form=".1f"),
        Rule(quantity="slot_sharpness", label="ratio of edge sharpness in the slot",
             limits=(0.6, 0.3, 0.15, 0.07), higher=True),
    ),
    "VC": (
        Rule(quantity="new_text", label="new text in the slot (0 is no)", limits=(1, 1, 1, 1),
             higher=True, form=".0f"),
        Rule(quantity="colour", label="colour difference (CIEDE2000)", limits=(5, 10, 18, NEVER),
             form=".1f"),
        Rule(quantity="height_ratio", label="ratio of text heights", limits=(0.85, 0.75, 0.6, 0.3),
             higher=True),
        Rule(quantity="stroke_ratio", label="ratio of stroke widths", limits=(0.7, 0.55, 0.4, 0.2),
             higher=True),
        Rule(quantity="angle", label="angle between the lines in degrees", limits=(4, 8, 16, 30),
             form=".1f"),
        Rule(quantity="vertical_shift", label="vertical shift in text heights",
             limits=(0.15, 0.3, 0.5, 0.9)),
    ),
}  # fmt: skip
"""Dimension -> its rules, the most telling first: a sentence names them in this order."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "TA": ("letters_off", "progress"),
    "TP": ("text_recall",),
    "SI": ("psnr_outside",),
    "LR": ("remains", "slot_noise", "slot_sharpness"),
    "VC": ("new_text",),
}
"""A dimension without any of these is not measured, whatever else is known."""


def grade(measured: Measured) -> Grades:
    """Score and sentence for every dimension.

    >>> from benchmarks.textedit.measured import Measured
    >>> known = {"new_text": 1, "colour": 12}
    >>> rated = grade(Measured(values=known, absent={"text_recall": "no engine"}))
    >>> rated["VC"]
    (3, 'Colour difference (CIEDE2000): 12.0; also new text in the slot (0 is no): 1')
    >>> rated["TP"]
    (None, 'Not measured: share of the other text that is still there (no engine)')
    """
    return {dimension: _graded(dimension, measured) for dimension in RULES}


def _graded(dimension: str, measured: Measured) -> tuple[int | None, str]:
    values, absent = measured.values, measured.absent
    rules = [r for r in RULES[dimension] if not r.stands_in or r.stands_in not in values]
    if not any(name in values for name in NEEDED[dimension]):
        lacking = [r for r in rules if r.quantity in NEEDED[dimension]]
        whys = [f"{r.label} ({absent.get(r.quantity, 'no reason given')})" for r in lacking]
        return None, f"Not measured: {'; '.join(whys)}"
    scores = {r: r.score(values[r.quantity]) for r in rules if r.quantity in values}
    low = min(scores.values())
    decided = {r.quantity: _phrase(r, measured) for r, s in scores.items() if s == low}
    besides = {r.quantity: _phrase(r, measured) for r in scores if r.quantity not in decided}
    text = ", ".join(decided.values())
    if low == 5:
        text = f"nothing measured is off: {text}"
    if besides:
        text = f"{text}; also {', '.join(besides.values())}"
    for rule in rules:
        if rule.quantity in absent and any(r.stands_in == rule.quantity for r in rules):
            text = f"{text}; {rule.label}: not measured ({absent[rule.quantity]})"
    return low, text[0].upper() + text[1:]


def _phrase(rule: Rule, measured: Measured) -> str:
    said = measured.said.get(rule.quantity)
    value = format(measured.values[rule.quantity], rule.form)
    return f"{rule.label}: {value}" + (f" ({said})" if said else "")
