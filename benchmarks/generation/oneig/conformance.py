"""OneIG-Bench's functions under the names that recorded vectors use, see `evals.conformance`.

Recorded pictures are 2x2 grids: a list has one value per cell, None where the cell is black.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.common.means import mean_of_known
from benchmarks.generation.oneig import scoring, text

CELLS = range(4)
MISSING = "missing file"


def _text_pieces(given: Mapping[str, str]) -> dict[str, Any]:
    found = text.official_pieces(given["text_content"], text.official_cleaned(given["ocr"]))
    return {
        "gt": found.asked,
        "ocr": found.read,
        "edit_distance": float(found.distance),
        "match": found.matched,
        "ratio": found.recall,
        "gt_count": found.asked_units,
    }


def _text_score_main(given: Mapping[str, Any]) -> dict[str, float]:
    """The released `main`.

    Raises:
        UnboundLocalError: as released, where `text.official_corpus` has nothing to compare the
            first prompt with (ONEIG-1).
        ZeroDivisionError: as released, where there is nothing to count.
    """
    prompts = [
        (p["text_content"], None if p["ocr_per_cell"] == MISSING else _kept(p["ocr_per_cell"]))
        for p in given["prompts"]
    ]
    pieces = text.official_corpus(prompts)
    if pieces is None:
        raise UnboundLocalError
    found = text.text_score(pieces, given["mode"])
    if found is None:
        raise ZeroDivisionError
    return {
        "ED": found.distance,
        "CR": found.complete,
        "WAC": found.recall,
        "text score": found.score,
    }


def _alignment_score(given: Mapping[str, Any]) -> float | None:
    """One prompt, all its cells; None where there is not exactly one picture file."""
    if "answers_per_cell" not in given:
        return None
    answers = {int(q): cells for q, cells in given["answers_per_cell"].items()}
    parents = {int(q): ids for q, ids in given["dependency"].items()}
    cells = [
        dict(zip(answers, cell, strict=True)) for cell in zip(*answers.values(), strict=True)
        if None not in cell
    ]  # fmt: skip
    return mean_of_known(scoring.official_alignment(cell, parents).score for cell in cells)


def _reasoning_main(given: Mapping[str, Any]) -> dict[str, float]:
    """The released `main`.

    Raises:
        TypeError: as released, for a prompt whose images are all black: its encoder returns None
            for no image, and the script asks for the length (ONEIG-1).
    """
    prompts = [_kept(cells) for cells in given["similarity_per_cell"].values()]
    if not all(prompts):
        raise TypeError
    return {"reasoning": _number(mean_of_known(mean_of_known(cells) for cells in prompts))}


def _style_main(given: Mapping[str, Any]) -> dict[str, float]:
    prompts = [_kept(p["cells"]) for p in given["images"].values() if p["style"]]
    scores = [
        mean_of_known(scoring.style_of_image(c["CSD"], c["SE"]) for c in cells) for cells in prompts
    ]
    return {"style": _number(mean_of_known(scores))}


def _diversity_main(given: Mapping[str, Any]) -> dict[str, float | None]:
    classes = {
        name: [_diversity(picture) for picture in given["images"].get(name, {}).values()]
        for name in given["class_items"]
    }
    total = mean_of_known(score for scores in classes.values() for score in scores)
    return {name: mean_of_known(scores) for name, scores in classes.items()} | {
        "total average": _number(total)
    }


def _diversity(picture: Mapping[str, Any]) -> float | None:
    kept = set(CELLS) - set(picture["black_cells"])
    pairs = scoring.pairs_among(kept)
    return scoring.diversity_of_prompt({(a, b): picture["dreamsim"][f"{a}-{b}"] for a, b in pairs})


def _kept(cells: Sequence[Any]) -> list[Any]:
    return [cell for cell in cells if cell is not None]


def _number(value: float | None) -> float:
    """A mean as pandas gives it."""
    return math.nan if value is None else value


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "text_pieces": _text_pieces,
    "text_score_main": _text_score_main,
    "alignment_score": _alignment_score,
    "diversity_main": _diversity_main,
    "reasoning_main": _reasoning_main,
    "style_main": _style_main,
}
"""Name of a recorded function -> callable from its input to what it returned."""
