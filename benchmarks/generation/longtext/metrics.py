"""The metrics of LongText-Bench: the text as a language model reads it, and as OCR reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.common.judged import by_name, judge_metric
from benchmarks.common.means import mean_of_known
from benchmarks.common.quantities import count, share
from benchmarks.generation.longtext import reading
from benchmarks.generation.longtext.data import LongTextReference
from benchmarks.generation.longtext.scoring import (
    TextMatch,
    official_cleaned,
    official_match,
    strict_match,
)
from evals.core.protocols import Metric, ScoringSettings, make_score
from evals.core.types import Item, Quantity, Score
from judges.interview import InterviewMetric, Said, Turn, unread
from judges.metric import Marks
from judges.script import Script
from metrics.ocr import OcrReader
from metrics.ocr_scores import OcrMetric

CODE = 1
"""Raised whenever a value can change; part of every fingerprint."""
NOTHING_ASKED = "nothing is left of the text that is asked for (LONGTEXT-3)"
MAX_SHOWN = 2_000


STRICT = (
    share("recall", "Share of the asked words (characters in Chinese) that were read."),
    share("precision", "Share of the read words or characters that were asked for."),
)
OFFICIAL = (
    share("recall_official", "Share of the asked units that were read, as released.", "official"),
    count("matched_official", "Units asked for and read, as released.", unit="units"),
    count("asked_official", "Units asked for, as released.", unit="units"),
)


# --- a language model reads -------------------------------------------------------------------


def judged(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`, the protocol's own.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=(*STRICT, *OFFICIAL), scripts=reading.scripts(), reword=by_name,
        ask=ask, mark=mark,
    )  # fmt: skip


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """The one question.

    Raises:
        ImageError: the prediction holds no image.
    """
    return [reading.question(item, scripts["read"])]


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
        "recall": mean_of_known([m.recall for m in matches]),
        "precision": mean_of_known([m.precision for m in matches]),
    }


def official_parts(matches: Sequence[TextMatch]) -> dict[str, float | None]:
    """The official quantities of one or several readings of an image."""
    return {
        "recall_official": mean_of_known([m.recall for m in matches]),
        "matched_official": mean_of_known([float(m.matched) for m in matches]),
        "asked_official": mean_of_known([float(m.asked_units) for m in matches]),
    }


# --- OCR reads --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class LocalReading(OcrMetric):
    """The strict numbers over what an OCR engine reads: needs no judge, and is another protocol."""

    code = CODE

    quantities: tuple[Quantity, ...] = field(default=STRICT, repr=False)

    def of_lines(self, item: Item, lines: Sequence[str]) -> Score:
        """See `OcrMetric`."""
        known: LongTextReference = item.sample.reference
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
