"""A second opinion on what stands in the output: the metric `ocr_second`.

One engine decides every OCR number, and it is wrong at times. A second one cannot say who is right,
but it shows where the numbers hang on the engine: those samples are for a person to look at. The
metric exists only where a second engine was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from benchmarks.textedit.ocr_metrics import OcrStrict, StrictReading, listed, share
from benchmarks.textedit.pictures import NotApplicable
from benchmarks.textedit.strict import StrictScores
from benchmarks.textedit.views import strict_views
from evals.core.protocols import Metric, ScoringSettings, make_score
from evals.core.types import JSON, Absence, Item, Quantity, Score, fingerprint
from metrics.ocr import OcrReader, agreement

DISPUTE = 0.2
"""Engines whose OA differ by more than this disagree about the edit, not about a letter."""

CODE = 1
"""Raised whenever a value can change; part of the fingerprint."""


def _named(name: str, doc: str) -> Quantity:
    """A strict number with its engine in the heading: it stands beside the first engine's."""
    return replace(share(name, doc, "strict"), label=f"{name} 2nd")


# Agreement and dispute are about the engines. A model's fault says nothing of them and is given no
# value there.
QUANTITIES = (
    _named("OA", "As ocr_strict.OA, read by the second engine."),
    _named("F1", "As ocr_strict.F1, read by the second engine."),
    share("median_OA", "Median of the engines' strict OA, which of two is their mean.", "strict"),
    Quantity(
        name="agreement", range=(0.0, 1.0), direction="higher",
        doc="Similarity of all text that the two engines read in the output.",
    ),
    Quantity(
        name="disputed", range=(0.0, 1.0), direction="lower",
        doc=f"1 when the engines' strict OA differ by more than {DISPUTE:g}.",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OcrSecond(StrictReading):
    """The strict numbers by a second engine, and how far it agrees with the first.

    Attributes:
        reader: the second engine.
        first: the engine of all other metrics; its readings come from the cache they fill.
    """

    first: OcrReader
    name: str = "ocr_second"
    quantities: tuple[Quantity, ...] = field(default=QUANTITIES, repr=False)

    def fingerprint(self) -> str:
        """See `Metric`: that of both engines."""
        first = OcrStrict(reader=self.first, errata=self.errata).fingerprint()
        return fingerprint([first, super().fingerprint(), CODE])

    def absence(self) -> Absence | None:
        """See `Metric`: that of either engine."""
        for reader in (self.reader, self.first):
            if (absence := reader.absence()) is not None:
                reason = f"OCR engine {reader.engine_name}: {absence.reason}"
                return Absence(reason=reason, fix=_fix(absence.fix, reader is self.reader))
        return None

    def _one(self, item: Item) -> Score:
        self._reference(item)  # errata may exclude the record: not a matter of engines
        original, output = self._paths(item)
        view = strict_views(original, output)[1]
        read = {"first": self.first.read(output, view), "second": self.reader.read(output, view)}
        ours, why_ours = _attempt(OcrStrict(reader=self.first, errata=self.errata), item)
        theirs, why_theirs = _attempt(self, item)
        parts: dict[str, float | None] = {
            "OA": theirs.OA,
            "F1": theirs.F1,
            "median_OA": None,
            "agreement": agreement(read),
            "disputed": None,
        }
        notes = {}
        if ours.OA is not None and theirs.OA is not None:
            parts["median_OA"] = (ours.OA + theirs.OA) / 2
            parts["disputed"] = float(abs(ours.OA - theirs.OA) > DISPUTE)
        else:
            one = " and ".join(
                f"{reader.engine_name}: {why}"
                for reader, why in ((self.first, why_ours), (self.reader, why_theirs))
                if why
            )
            notes = dict.fromkeys(("median_OA", "disputed"), one)
        if why_theirs:
            notes |= dict.fromkeys(("OA", "F1"), f"{self.reader.engine_name}: {why_theirs}")
        evidence: dict[str, JSON] = {
            "engines": [self.first.engine_name, self.reader.engine_name],
            "first_OA": ours.OA,
            "first_slot": ours.slot,
            "second_slot": theirs.slot,
            "first_items": listed(read["first"]),
            "output_items": listed(read["second"]),
        }
        return make_score(self, item, parts, notes=notes, evidence=evidence)


def _fix(fix: str, second: bool) -> str:
    """What mends an absent engine; an option of the second one has a flag of its own."""
    return fix.replace("--ocr-option", "--ocr-second-option") if second else fix


def _attempt(metric: StrictReading, item: Item) -> tuple[StrictScores, str]:
    """Scores by one engine, or empty ones and why this engine cannot score the sample."""
    try:
        return metric.strict(item)[0], ""
    except NotApplicable as reason:
        return StrictScores(), str(reason)


def metrics(settings: ScoringSettings, first: OcrReader) -> tuple[Metric, ...]:
    """The metric where a second engine is chosen, else nothing."""
    if not settings.ocr_second:
        return ()
    second = OcrReader(settings.ocr_second, settings.ocr_second_options, settings.cache)
    return (OcrSecond(reader=second, first=first, errata=settings.errata),)
