"""GNED and recall of rendered words, the optional metrics of TIIF-Bench's text dimension.

The expected words are not in the data: the released protocol has them typed in by hand. They are
the words that the questions of the dimension ask for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.generation.tiif.data import TiifReference
from benchmarks.generation.tiif.rendered_text import gned, recall
from evals.core.protocols import ScoringSettings, make_score
from evals.core.types import Item, Quantity, Score
from metrics.ocr import OcrReader
from metrics.ocr_scores import OcrMetric

CODE = 1
"""Raised whenever a value can change; part of the fingerprint."""
NO_WORDS = "only prompts of the text dimension ask for words"
_ASKED = re.compile(r"Is the text '(.+)' in the image\?")

QUANTITIES = (
    Quantity(
        name="gned", range=(0.0, 1.0), direction="lower", profile="official", label="GNED",
        doc="Edit distance of expected and recognised words matched at the least cost, words too "
        "few or too many counting 1 each, over the longer list.",
    ),
    Quantity(
        name="recall", range=(0.0, 1.0), direction="higher", profile="official",
        doc="Share of the expected words that were recognised, at most .3 of their letters wrong.",
    ),
)  # fmt: skip


def expected_words(reference: TiifReference) -> list[str]:
    """Words that an image should hold, in lower case, as its questions name them."""
    pairs = zip(reference.questions, reference.answers, strict=True)
    found = [(_ASKED.fullmatch(question), answer) for question, answer in pairs]
    return [m[1].lower() for m, answer in found if m and answer == "yes"]


@dataclass(frozen=True, kw_only=True)
class WordsMetric(OcrMetric):
    """The metric `words`; the official protocol reads with PaddleOCR."""

    code = CODE

    name: str = "words"
    quantities: tuple[Quantity, ...] = field(default=QUANTITIES, repr=False)

    def inapplicable(self, item: Item) -> str:
        """See `OcrMetric`."""
        return "" if expected_words(item.sample.reference) else NO_WORDS

    def of_lines(self, item: Item, lines: Sequence[str]) -> Score:
        """See `OcrMetric`."""
        words = expected_words(item.sample.reference)
        read = [line.lower() for line in lines] or [""]
        parts = {"gned": gned(words, read), "recall": recall(words, read)}
        return make_score(self, item, parts, evidence={"read": read, "expected": words})


def metric(settings: ScoringSettings) -> WordsMetric:
    """The metric `words` with the user's engine."""
    return WordsMetric(reader=OcrReader(settings.ocr, settings.ocr_options, settings.cache))
