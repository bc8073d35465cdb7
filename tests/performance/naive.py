"""The released scripts' way of working, written down as the thing to be faster than.

One process, one thread, one image at a time; the original is read again for every model; CLIP is
loaded once for CLIPScore and once more for AES, and each image is decoded, prepared and embedded
on its own, twice. The arithmetic is ours, so that only the way of working differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.textedit import official
from evals.core.images import load_rgb
from evals.core.types import Sample
from metrics.ocr import OcrEngine


def ocr_scores(
    engine: OcrEngine, samples: Sequence[Sample], outputs: Sequence[Path]
) -> list[official.OfficialScores]:
    """OA OP OR F1 NED of one model."""
    scores = []
    for sample, output in zip(samples, outputs, strict=True):
        original = load_rgb(sample.images[0], as_official=True)
        edited = load_rgb(output, as_official=True)
        if edited.size != original.size:
            edited = edited.resize(original.size, Image.Resampling.LANCZOS)
        before, after = engine.read(np.asarray(original)), engine.read(np.asarray(edited))
        reference = sample.reference
        scores.append(
            official.ocr_metrics(reference.source_text, reference.target_text, before, after)
        )
    return scores
