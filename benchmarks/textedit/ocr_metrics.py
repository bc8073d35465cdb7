"""The metrics of TextEdit that read text: `ocr_official`, `ocr_strict`, `ocr_paper`, `text_exact`.

All four look at the same two readings, so that the reader's cache makes it one pass per image: the
original as it is, and the output brought to the original's size. Only where the released script
prepares an image in a way no person sees it (alpha dropped, rotation ignored, red and blue
exchanged) do the official metrics ask for a reading of their own.
"""

from __future__ import annotations

import functools
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.textedit.errata import ErrataPolicy, apply_errata
from benchmarks.textedit.official import Box, OfficialScores, ocr_metrics, polygon_box
from benchmarks.textedit.paper import paper_metrics
from benchmarks.textedit.pictures import NotApplicable, guarded, output_path, reference
from benchmarks.textedit.reference import TextEditReference
from benchmarks.textedit.strict import StrictScores, is_ambiguous, strict_metrics
from benchmarks.textedit.views import changed_boxes, official_views, strict_views
from evals.core.protocols import Metric, ScoringSettings, make_score
from evals.core.types import (
    JSON,
    Absence,
    Item,
    Profile,
    Quantity,
    Score,
    canonical_json,
    fingerprint,
)
from metrics.ocr import OcrReader, OcrView, TextItem
from metrics.text import cer, char_counts, exact, exact_folded, squeeze, wer

CODE = 1
"""Raised whenever a value can change; part of every fingerprint."""

EXITS = {
    "no_text_in_original": "the engine reads no text in the original; the released script gives 0",
    "no_source_line": "no line of the original reads like the source; the released script gives 0",
    "no_text_in_output": "the engine reads no text in the output",
}


def share(name: str, doc: str, profile: Profile, *, lower: bool = False) -> Quantity:
    """A quantity in [0, 1] whose worst value is the end that `lower` says."""
    return Quantity(
        name=name, range=(0.0, 1.0), direction="lower" if lower else "higher", doc=doc,
        profile=profile, worst=1.0 if lower else 0.0,
    )  # fmt: skip


OFFICIAL = (
    share("OA", "How well one text of the edited line's region reads as the target.", "official"),
    share("OP", "Target and background text found, over what the output holds.", "official"),
    share("OR", "Target and background text found, over what the original holds.", "official"),
    share("F1", "Harmonic mean of OP and OR; an unchanged copy has about .5.", "official"),
    share("NED", "Similarity of the target to what stands at the source's place.", "official"),
)
PAPER = (
    share("OA", "Best similarity of a text over the target region to the target.", "paper"),
    share("OP", "Mean best match of the output's background texts in the original.", "paper"),
    share("OR", "Mean best match of the original's background texts in the output.", "paper"),
    share("F1", "Harmonic mean of OP and OR, background only.", "paper"),
    share("NED", "Similarity of the target to what stands at the source's place.", "paper"),
)
STRICT = (
    share(
        "OA",
        "Similarity of the text in the source's place to the target; half of it heeds case.",
        "strict",
    ),
    share("OP", "OA times the share of the output's other text that belongs there.", "strict"),
    share("OR", "OA times the share of the original's other text that is still there.", "strict"),
    share("F1", "Harmonic mean of OP and OR; near 0 for an unchanged copy.", "strict"),
    share("NED", "Similarity to the target with case and punctuation.", "strict"),
    share(
        "residual_source", "How well the source can still be read at its place.", "strict",
        lower=True,
    ),
    share("target_present", "1 when the target stands there word for word.", "strict"),
    share("source_erased", "1 when the source cannot be read at its place any more.", "strict"),
)  # fmt: skip
EXACT = (
    share(
        "exact_match", "1 when case, punctuation and letters all agree with the target.", "strict"
    ),
    share("exact_folded", "1 when letters and digits agree with the target.", "strict"),
    share("CER", "Character errors per character of the target, at most 1.", "strict", lower=True),
    share("WER", "Word errors per word of the target, at most 1.", "strict", lower=True),
    share("char_precision", "Share of what was written that the target has.", "strict"),
    share("char_recall", "Share of the target that was written.", "strict"),
)


# --- the metrics ------------------------------------------------------------------------------


@functools.lru_cache(maxsize=16)
def _fingerprint(name: str, errata: str, identity: str) -> str:
    return fingerprint(
        {"metric": name, "code": CODE, "errata": errata, "ocr": json.loads(identity)}
    )


@dataclass(frozen=True, kw_only=True)
class OcrMetric:
    """What the four metrics share.

    Attributes:
        reader: reads images through its cache.
        errata: what to do with records whose fields contradict their prompt.
    """

    reader: OcrReader
    errata: ErrataPolicy = "off"
    name: str = ""
    quantities: tuple[Quantity, ...] = field(default=(), repr=False)
    parallel: Literal["process", "driver"] = "process"
    batch_size: int = 8

    def fingerprint(self) -> str:
        """See `Metric`."""
        identity: JSON = self.reader.identity() if self.absence() is None else "absent"
        return _fingerprint(self.name, self.errata, canonical_json(identity))

    def absence(self) -> Absence | None:
        """See `Metric`: that of the OCR engine."""
        return self.reader.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`; one image is in memory at a time."""
        return [guarded(self, item, self._one) for item in items]

    def _one(self, item: Item) -> Score:
        raise NotImplementedError

    def _paths(self, item: Item) -> tuple[Path, Path]:
        """Original and output.

        Raises:
            NotApplicable: the sample has no original.
            ImageError: the prediction has no image.
        """
        if not item.sample.images:
            raise NotApplicable("the sample has no original image")
        return item.sample.images[0], output_path(item)

    def _reference(self, item: Item) -> TextEditReference:
        """The reference after errata.

        Raises:
            NotApplicable: errata exclude the record.
        """
        known = reference(item)
        mended = apply_errata(known, self.errata)
        if mended is None:
            raise NotApplicable(f"excluded by errata: {', '.join(known.errata)}")
        return mended


@dataclass(frozen=True, kw_only=True)
class OcrOfficial(OcrMetric):
    """OA OP OR F1 NED exactly as the released script computes them."""

    name: str = "ocr_official"
    quantities: tuple[Quantity, ...] = field(default=OFFICIAL, repr=False)

    def _one(self, item: Item) -> Score:
        known, (original, output) = self._reference(item), self._paths(item)
        views = official_views(original, output, swap_rb=self.reader.engine_quirk_swap_rb)
        scores = ocr_metrics(
            known.source_text, known.target_text, self.reader.read(original, views[0]),
            self.reader.read(output, views[1]),
        )  # fmt: skip
        return _official_score(self, item, scores, views[1])


@dataclass(frozen=True, kw_only=True)
class OcrPaper(OcrMetric):
    """OA OP OR F1 NED by the formulas in the paper."""

    name: str = "ocr_paper"
    quantities: tuple[Quantity, ...] = field(default=PAPER, repr=False)

    def _one(self, item: Item) -> Score:
        known, (original, output) = self._reference(item), self._paths(item)
        views = official_views(original, output, swap_rb=self.reader.engine_quirk_swap_rb)
        scores = paper_metrics(
            known.source_text, known.target_text, self.reader.read(original, views[0]),
            self.reader.read(output, views[1]),
        )  # fmt: skip
        return _official_score(self, item, scores, views[1])


def _official_score(metric: Metric, item: Item, scores: OfficialScores, view: OcrView) -> Score:
    parts: dict[str, float | None] = {
        "OA": scores.OA, "OP": scores.OP, "OR": scores.OR, "F1": scores.F1, "NED": scores.NED,
    }  # fmt: skip
    notes = {"exit": f"{scores.exit}: {EXITS[scores.exit]}"} if scores.exit else {}
    evidence: dict[str, JSON] = {"region": _rounded(scores.region)}
    if view.size is not None:
        evidence["output_resized_to"] = list(view.size)
    return make_score(metric, item, parts, notes=notes, evidence=evidence)


def _rounded(box: Box | None) -> JSON:
    return None if box is None else [round(v, 1) for v in box]


def listed(items: Sequence[TextItem]) -> JSON:
    """Recognised items for the report: text and box, rounded."""
    return [{"text": i.text, "box": _rounded(i.box)} for i in items]


@dataclass(frozen=True, kw_only=True)
class StrictReading(OcrMetric):
    """What the strict metrics share: the readings and the one algorithm over them."""

    def strict(self, item: Item) -> tuple[StrictScores, list[TextItem], list[TextItem]]:
        """Scores, and the readings of original and output that they come from.

        Raises:
            NotApplicable: this engine cannot read the source, or errata exclude the record.
            ImageError: a file cannot be decoded.
        """
        known, (original, output) = self._reference(item), self._paths(item)
        views = strict_views(original, output)
        before, after = self.reader.read(original, views[0]), self.reader.read(output, views[1])
        texts = known.source_text, known.target_text
        regions = [polygon_box(p) for p in known.slots]
        if not regions and is_ambiguous(*texts, before):
            regions = changed_boxes(item)
        scores = strict_metrics(*texts, before, after, regions)
        if scores.reason and regions and not known.slots:
            # No reading of the source stands where the ground truth changed something. Whole words
            # are believed all the same: the difference can miss a small edit.
            anywhere = strict_metrics(*texts, before, after)
            scores = anywhere if anywhere.rank in {"word", "token"} else scores
        if scores.reason:
            raise NotApplicable(f"{scores.reason}: {UNSCORABLE[scores.reason]}")
        return scores, before, after


UNSCORABLE = {
    "no_text_in_original": "this engine reads no text in the original",
    "source_not_found": "this engine does not read the source text in the original",
}


@dataclass(frozen=True, kw_only=True)
class OcrStrict(StrictReading):
    """OA OP OR F1 NED without the released defects, and whether the source is gone."""

    name: str = "ocr_strict"
    quantities: tuple[Quantity, ...] = field(default=STRICT, repr=False)

    def _one(self, item: Item) -> Score:
        scores, before, after = self.strict(item)
        parts: dict[str, float | None] = {q.name: getattr(scores, q.name) for q in self.quantities}
        notes = {} if after else {"exit": f"no_text_in_output: {EXITS['no_text_in_output']}"}
        evidence: dict[str, JSON] = {
            "slot": scores.slot,
            "expected_line": scores.expected_line,
            "edited_line": scores.edited_line,
            "region": _rounded(scores.region),
            "source_rank": scores.rank,
            "lost": list(scores.lost),
            "invented": list(scores.invented),
            "original_items": listed(before),
            "output_items": listed(after),
        }
        return make_score(self, item, parts, notes=notes, evidence=evidence)


@dataclass(frozen=True, kw_only=True)
class TextExact(StrictReading):
    """What stands for the target, compared with it letter by letter."""

    name: str = "text_exact"
    quantities: tuple[Quantity, ...] = field(default=EXACT, repr=False)

    def _one(self, item: Item) -> Score:
        scores, _, _ = self.strict(item)
        target = self._reference(item).target_text
        wanted, written = squeeze(target), squeeze(scores.slot)
        counts = char_counts(wanted, written)
        words = [unicodedata.normalize("NFKC", t) for t in (target, scores.slot)]
        parts: dict[str, float | None] = {
            "exact_match": float(exact(target, scores.slot)),
            "exact_folded": float(exact_folded(target, scores.slot)),
            "CER": min(cer(wanted, written), 1.0),
            "WER": min(wer(words[0], words[1]), 1.0),
            # Nothing written has no wrong characters, but it is no good answer either.
            "char_precision": counts.precision if written else 0.0,
            "char_recall": counts.recall,
        }
        return make_score(self, item, parts, evidence={"slot": scores.slot, "target": target})


def metrics(settings: ScoringSettings, reader: OcrReader) -> tuple[Metric, ...]:
    """The four metrics over one reader, in the order of the report."""
    return (
        OcrOfficial(reader=reader, errata=settings.errata),
        OcrStrict(reader=reader, errata=settings.errata),
        OcrPaper(reader=reader, errata=settings.errata),
        TextExact(reader=reader, errata=settings.errata),
    )
