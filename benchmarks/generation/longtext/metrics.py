"""The metrics of LongText-Bench: the text as a language model reads it, and as OCR reads it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from benchmarks.generation.longtext import reading
from benchmarks.generation.longtext.data import LongTextReference
from benchmarks.generation.longtext.scoring import (
    TextMatch,
    official_cleaned,
    official_match,
    strict_match,
)
from evals.core.errors import ImageError
from evals.core.protocols import Metric, ScoringSettings, make_score, no_score
from evals.core.types import JSON, Absence, Item, Profile, Quantity, Score, fingerprint
from judges.interview import InterviewMetric, Said, Turn, interview, unread
from judges.metric import Marks
from judges.script import Script, with_official
from metrics.ocr import OcrReader

CODE = 1
"""Raised whenever a value can change; part of every fingerprint."""
NOTHING_ASKED = "nothing is left of the text that is asked for (LONGTEXT-3)"
MAX_SHOWN = 2_000


def _share(name: str, doc: str, profile: Profile = "strict") -> Quantity:
    worst = 0.0 if profile == "strict" else None
    return Quantity(
        name=name, range=(0.0, 1.0), direction="higher", doc=doc, profile=profile, worst=worst
    )


def _count(name: str, doc: str) -> Quantity:
    return Quantity(
        name=name, range=(0.0, math.inf), direction="higher", doc=doc, unit="units",
        profile="official", auxiliary=True,
    )  # fmt: skip


STRICT = (
    _share("recall", "Share of the asked words (characters in Chinese) that were read."),
    _share("precision", "Share of the read words or characters that were asked for."),
)
OFFICIAL = (
    _share("recall_official", "Share of the asked units that were read, as released.", "official"),
    _count("matched_official", "Units asked for and read, as released."),
    _count("asked_official", "Units asked for, as released."),
)


# --- a language model reads -------------------------------------------------------------------


def judged(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`, the protocol's own.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    asked, prompt = reading.script(), settings.judging.prompt
    if prompt is not None:
        asked = with_official(asked, prompt, "read", {})
    return interview(
        settings, quantities=(*STRICT, *OFFICIAL), scripts=[asked],
        ask=partial(ask, script=asked), mark=mark,
    )  # fmt: skip


def ask(item: Item, said: Said, *, script: Script) -> Sequence[Turn]:
    """The one question.

    Raises:
        ImageError: the prediction holds no image.
    """
    return [reading.turn(item, script)]


def mark(item: Item, said: Said) -> Marks:
    """What was read amounts to; of several readers the mean."""
    known: LongTextReference = item.sample.reference
    replies = reading.texts(said[reading.NAME])
    official = [
        official_match(known.segments, official_cleaned(reply), known.language)
        for reply in replies
    ]  # fmt: skip
    strict = [strict_match(known.segments, reply, known.language) for reply in replies]
    parts = {**strict_parts(strict), **official_parts(official)}
    notes = {name: NOTHING_ASKED for name, value in parts.items() if value is None}
    return Marks(parts=parts, notes=notes, failure=unread(said))


def strict_parts(matches: Sequence[TextMatch]) -> dict[str, float | None]:
    """The strict quantities of one or several readings of an image."""
    return {
        "recall": _mean([m.recall for m in matches]),
        "precision": _mean([m.precision for m in matches]),
    }


def official_parts(matches: Sequence[TextMatch]) -> dict[str, float | None]:
    """The official quantities of one or several readings of an image."""
    return {
        "recall_official": _mean([m.recall for m in matches]),
        "matched_official": _mean([float(m.matched) for m in matches]),
        "asked_official": _mean([float(m.asked_units) for m in matches]),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


# --- OCR reads --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class LocalReading:
    """The strict numbers over what an OCR engine reads: needs no judge, and is another protocol.

    Attributes:
        reader: reads images through its cache.
    """

    reader: OcrReader
    name: str = "ocr"
    quantities: tuple[Quantity, ...] = field(default=STRICT, repr=False)
    parallel: Literal["process", "driver"] = "process"
    batch_size: int = 8

    def fingerprint(self) -> str:
        """See `Metric`."""
        engine: JSON = self.reader.identity() if self.absence() is None else "absent"
        return fingerprint({"metric": self.name, "code": CODE, "ocr": engine})

    def absence(self) -> Absence | None:
        """See `Metric`: that of the OCR engine."""
        return self.reader.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`; one image is in memory at a time."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Score:
        known: LongTextReference = item.sample.reference
        if not item.images:
            return no_score(self, item, "failed", "not_found: the prediction holds no image")
        try:
            lines = [i.text for i in self.reader.read(item.images[0])]
        except ImageError as error:
            return no_score(self, item, "failed", f"{error.kind}: {error}")
        match = strict_match(known.segments, "\n".join(lines), known.language)
        parts = strict_parts([match])
        notes = {} if match.recall is not None else {"recall": NOTHING_ASKED}
        evidence = {"read": match.read[:MAX_SHOWN], "asked": match.asked[:MAX_SHOWN]}
        return make_score(self, item, parts, notes=notes, evidence=evidence)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """Both, the protocol's own first.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    reader = OcrReader(settings.ocr, settings.ocr_options, settings.cache)
    return (judged(settings), LocalReading(reader=reader))
