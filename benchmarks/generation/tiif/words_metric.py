"""GNED and recall of rendered words, the optional metrics of TIIF-Bench's text dimension.

The expected words are not in the data: the released protocol has them typed in by hand. They are
the words that the questions of the dimension ask for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.generation.tiif.data import TiifReference
from benchmarks.generation.tiif.rendered_text import gned, recall
from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings, make_score, no_score
from evals.core.types import Absence, Item, Quantity, Score, fingerprint
from metrics.ocr import OcrReader

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
class WordsMetric:
    """The metric `words`; implements `Metric`.

    Attributes:
        reader: recognises the words; the official protocol takes PaddleOCR.
    """

    reader: OcrReader
    name: str = "words"
    quantities: tuple[Quantity, ...] = QUANTITIES
    parallel: Literal["process", "driver"] = "process"
    batch_size: int = 8

    def fingerprint(self) -> str:
        """See `Metric`."""
        engine = self.reader.identity() if self.reader.absence() is None else "absent"
        return fingerprint({"metric": self.name, "code": CODE, "ocr": engine})

    def absence(self) -> Absence | None:
        """See `Metric`."""
        return self.reader.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Score:
        words = expected_words(item.sample.reference)
        if not words:
            return no_score(self, item, "not_applicable", NO_WORDS)
        try:
            if not item.images:
                raise ImageError("not_found", "the prediction holds no image")
            lines = [i.text.lower() for i in self.reader.read(item.images[0])] or [""]
        except ImageError as error:
            return no_score(self, item, "failed", f"{error.kind}: {error}")
        parts = {"gned": gned(words, lines), "recall": recall(words, lines)}
        return make_score(self, item, parts, evidence={"read": lines, "expected": words})


def metric(settings: ScoringSettings) -> WordsMetric:
    """The metric `words` with the user's engine."""
    return WordsMetric(reader=OcrReader(settings.ocr, settings.ocr_options, settings.cache))
