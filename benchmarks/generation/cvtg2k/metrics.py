"""The metrics of CVTG-2K: words by OCR, CLIPScore, the aesthetic score, VQAScore, and P(Yes)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from benchmarks.common.quantities import count, share
from benchmarks.generation.cvtg2k.data import CvtgReference
from benchmarks.generation.cvtg2k.scoring import (
    CLIP_PREFIX,
    official_asked,
    official_words,
    quoted,
    strict_asked,
    strict_words,
)
from benchmarks.generation.genai.metric import QUANTITIES as ASKED
from benchmarks.generation.genai.metric import asking
from evals.core.errors import ImageError
from evals.core.protocols import Metric, ScoringSettings, make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score, fingerprint
from metrics.aesthetic import aesthetic_score, head_sha256
from metrics.clip import TowerSpec, Vector, cosine
from metrics.clip_features import Features, Picture
from metrics.imported_value import imported_value
from metrics.ocr import OcrReader
from metrics.ocr_scores import OcrMetric

CODE = 1
"""Raised whenever a value can change; part of every fingerprint."""
NO_WORDS = "the prompt asks for no words"
NO_IMAGE = "not_found: the prediction holds no image"

WORDS = (
    share("accuracy", "Share of the asked words that were read, each read word serving once."),
    share("similarity", "Mean over asked words of the similarity of the nearest read word.",
          label="NED"),
    count("correct_official", "Asked words that are among the read ones, as released.",
          unit="words"),
    count("asked_official", "Words between single quotes of the prompt, as released.",
          unit="words"),
    count("similarity_sum_official", "Sum of NED over the asked words, as released.",
          unit="words"),
)  # fmt: skip
CLIP = Quantity(
    name="CLIPScore", range=(0, 2.5), direction="higher", profile="official", worst=0.0,
    doc="2.5 max(cos, 0) of the image and 'A photo depicts ' with the prompt, ViT-L/14.",
    no_zero="the released script scores a black square for an image that cannot be read",
)  # fmt: skip
AESTHETIC = Quantity(
    name="aesthetic", range=(-math.inf, math.inf), direction="higher", profile="official",
    doc="LAION aesthetic score on ViT-L/14 with GELU, as released; about 4 to 6.",
    no_zero="a score of 0 is far below any picture",
)  # fmt: skip
VQA = Quantity(
    name="vqascore", range=(0, 1), direction="higher", profile="official", label="VQAScore",
    doc="Probability of a yes to the prompt, by CLIP-FlanT5-XXL.",
)  # fmt: skip
YES = tuple(
    replace(q, label=label, doc=f"{q.doc} By the checkpoint of weights.vqa, not by CLIP-FlanT5.")
    for q, label in zip(ASKED, ("P(Yes)", "Yes share"), strict=True)
)


@dataclass(frozen=True, kw_only=True)
class Words(OcrMetric):
    """The words that OCR reads, against those between the quotes of the prompt.

    Without an OCR engine it is absent and never 0 (CVTG2K-4).
    """

    code = CODE

    quantities: tuple[Quantity, ...] = field(default=WORDS, repr=False)

    def of_lines(self, item: Item, lines: Sequence[str]) -> Score:
        """See `OcrMetric`."""
        prompt, known = item.sample.prompt, item.sample.reference
        parts, notes = word_parts(prompt, lines)
        pieces = len(quoted(prompt))
        if isinstance(known, CvtgReference) and pieces != known.regions:
            notes["texts"] = f"{pieces} texts stand between quotes, {known.regions} are asked for"
        evidence: dict[str, JSON] = {"read": list(lines), "asked": list(strict_asked(prompt))}
        return make_score(self, item, parts, notes=notes, evidence=evidence)


def word_parts(prompt: str, lines: Sequence[str]) -> tuple[dict[str, float | None], dict[str, str]]:
    """The quantities of one image, and why some are None.

    Args:
        prompt: of the image.
        lines: that OCR read.
    """
    asked = strict_asked(prompt)
    official = official_words(official_asked(prompt), lines)
    parts: dict[str, float | None] = {
        "accuracy": None,
        "similarity": None,
        "correct_official": float(official.correct),
        "asked_official": float(official.asked),
        "similarity_sum_official": sum(official.similarities),
    }
    if not asked:
        return parts, {"accuracy": NO_WORDS, "similarity": NO_WORDS}
    strict = strict_words(asked, lines)
    parts["accuracy"] = strict.correct / strict.asked
    parts["similarity"] = sum(strict.similarities) / strict.asked
    return parts, {}


@dataclass(frozen=True, kw_only=True)
class OnClip:
    """One number from CLIP's image feature, and where it wants it, the prompt's.

    Attributes:
        tower: which CLIP; its weights and activation are in the fingerprint.
        quantities: the one that it reports.
        device: torch device.
    """

    tower: TowerSpec
    quantities: tuple[Quantity, ...] = field(repr=False)
    name: str
    device: str = "cpu"
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 16

    def fingerprint(self) -> str:
        """See `Metric`."""
        head = head_sha256() if self.quantities[0] is AESTHETIC else ""
        return fingerprint(
            {"metric": self.name, "code": CODE, "tower": self.tower.identity(), "head": head}
        )

    def absence(self) -> Absence | None:
        """See `Metric`; looks at files only."""
        return self.tower.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`."""
        features = Features(self.tower, self.device, self.batch_size)
        images = features.images(Picture(i.images[0]) for i in items if i.images)
        texts = features.texts(_caption(i) for i in items) if self.name == "clip" else {}
        return [self._one(item, images, texts) for item in items]

    def _one(
        self,
        item: Item,
        images: Mapping[Picture, Vector | ImageError],
        texts: Mapping[str, Vector],
    ) -> Score:
        if not item.images:
            return no_score(self, item, "failed", NO_IMAGE)
        image = images[Picture(item.images[0])]
        if isinstance(image, ImageError):
            return no_score(self, item, "failed", f"{image.kind}: {image}")
        value = (
            2.5 * max(cosine(image, texts[_caption(item)]), 0.0)
            if self.name == "clip"
            else aesthetic_score(image)
        )
        return make_score(self, item, {self.quantities[0].name: value})


def _caption(item: Item) -> str:
    return f"{CLIP_PREFIX}{item.sample.prompt}"


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """All of them; loads nothing.

    `settings.weights` may give ``clip``, ``cvtg2k_vqascore_values`` (of CLIP-FlanT5-XXL), ``vqa``
    (a vision-language checkpoint, whose probability of a yes is another scale) and
    ``vqascore_prompt`` (how it is asked).

    Raises:
        UserError: the prompt file cannot be used.
    """
    given = settings.weights.get("clip")
    weights = Path(given).expanduser() if given else None
    clip = TowerSpec(weights=weights, cache=settings.cache)
    as_released = TowerSpec(
        model="ViT-L-14", quick_gelu=False, weights=weights, cache=settings.cache
    )
    return (
        Words(reader=OcrReader(settings.ocr, settings.ocr_options, settings.cache)),
        OnClip(name="clip", quantities=(CLIP,), tower=clip, device=settings.device),
        OnClip(name="aes", quantities=(AESTHETIC,), tower=as_released, device=settings.device),
        imported_value(
            settings, "cvtg2k_vqascore_values", VQA, model="CLIP-FlanT5-XXL (t2v_metrics)"
        ),
        replace(asking(settings), name="yes", quantities=YES),
    )  # fmt: skip
