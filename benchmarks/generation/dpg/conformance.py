"""DPG-Bench's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from benchmarks.generation.dpg import scoring
from benchmarks.generation.dpg.questions import Question, Row, official_questions
from benchmarks.generation.dpg.scoring import ImageScore, Prompt

CELLS = 4
"""The released script cuts a picture into a 2x2 grid, whatever the number of images."""
NO_PICTURES = {".txt", ".json", ".csv", ".md", ".log"}


def _main(given: Mapping[str, Any]) -> dict[str, Any]:
    """The released `main`, in one process: one picture file holds the images of one prompt.

    Raises:
        AttributeError: as released, where all dependencies are single numbers: pandas reads them as
            such, and the loader wants to split a text (DPG-6). The first row is not split.
    """
    rows = [Row(item=i, id=int(q), dependency=d, tuple_text=t) for i, q, d, t in given["csv_rows"]]
    if len(rows) > 1 and all(_is_number(row.dependency) for row in rows):
        raise AttributeError("split")
    items = official_questions(rows)
    prompts: list[Prompt] = []
    per_image, failed = {}, []
    for file in given["files"]:
        questions = items.get(file.split(".")[0], ())
        images = _images(file, questions, given["answers"].get(file, ()), int(given["pic_num"]))
        average = scoring.prompt_score(images)
        if average is None:
            failed.append(file)
            continue
        prompts.append((questions, images))
        per_image[file] = {"crop_scores": [i.score for i in images], "average": average}
    score = scoring.overall(prompts)
    return {
        "per_image": per_image,
        "failed": failed,
        "l1": scoring.official_categories(prompts, "L1"),
        "l2": scoring.official_categories(prompts, "L2"),
        "dpg_bench_score": math.nan if score is None else score,
    }


def _images(
    file: str, questions: Sequence[Question], cells: Sequence[Mapping[str, str]], number: int
) -> list[ImageScore]:
    """The images in a picture file; none where the released script fails on the file."""
    if not questions or PurePosixPath(file).suffix.lower() in NO_PICTURES:
        return []
    return [
        scoring.official_image(questions, {int(q): reply for q, reply in cell.items()})
        for cell in cells[:CELLS][:number]
    ]


def _is_number(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()


CONFORMANCE: dict[str, Callable[[Any], Any]] = {"main": _main}
"""Name of a recorded function -> callable from its input to what it returned."""
