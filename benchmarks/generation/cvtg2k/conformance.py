"""CVTG-2K's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.generation.cvtg2k import scoring
from benchmarks.generation.cvtg2k.scoring import WordScores

PERCEPTUAL = {"clipscore": "clip", "vqascore": "vqa", "aesthetic_score": "aesthetic"}
"""Name of a result -> name of the value per image."""
OCR_RAISED = "OCR raised"


def _words(asked: Sequence[str], lines: list[str] | str | None) -> WordScores:
    if lines == OCR_RAISED:
        return scoring.official_failed(asked)
    return scoring.official_words(asked, lines)


def _compute_ocr_metrics(given: Mapping[str, Any]) -> dict[str, Any]:
    found = _words(given["gt_words"], given["ocr_lines"])
    return {
        "total_words": found.asked,
        "correct_words": found.correct,
        "ned": list(found.similarities),
    }


def _evaluate_full_dataset(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The released evaluation of all folders; a folder that is not there is passed over."""
    folders = [
        (subset, regions, given["images"][f"{subset}/{regions}"])
        for subset in scoring.SUBSETS for regions in scoring.REGIONS
        if f"{subset}/{regions}" in given["images"]
    ]  # fmt: skip
    if not folders:
        return None
    areas = [
        {"area": regions, "benchmark_type": subset} | _results(images)
        for subset, regions, images in folders
    ]
    everything = [image for _, _, images in folders for image in images]
    return {"overall_results": _results(everything), "area_results": areas}


def _results(images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    total = scoring.totals(
        _words(scoring.official_asked(i["prompt"]), i["ocr_lines"]) for i in images
    )
    return {
        "word_accuracy": total.accuracy,
        "ned": total.ned,
        **{name: scoring.mean([i[key] for i in images]) for name, key in PERCEPTUAL.items()},
        "total_images": len(images),
        "total_words": total.asked,
        "correct_words": total.correct,
    }


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "extract_words_from_prompt": scoring.official_asked,
    "compute_ocr_metrics": _compute_ocr_metrics,
    "get_ld": lambda given: scoring.official_similarity(*given),
    "evaluate_full_dataset": _evaluate_full_dataset,
}
"""Name of a recorded function -> callable from its input to what it returned."""
