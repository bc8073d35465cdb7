"""The exam questions of GenExam, their scoring points, and the pictures of the right answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common.files import Folder, Hub, OfficialFiles
from benchmarks.common.reading import below, read_jsonl, read_text, text_of
from benchmarks.common.suites import official_suite
from benchmarks.knowledge.genexam.scoring import weights_add_up
from evals.core.errors import UserError
from evals.core.protocols import DataSource, Suite
from evals.core.types import Place, Sample

NAME = "genexam"
SIZES: Mapping[str, int] = {"full": 1000, "mini": 250}
SUBJECTS: Mapping[str, str] = {
    "Mathematics": "Math",
    "Physics": "Phy",
    "Chemistry": "Chem",
    "Biology": "Bio",
    "Geography": "Geo",
    "Computer_Science": "Comp",
    "Engineering": "Eng",
    "Economics": "Econ",
    "Music": "Music",
    "History": "Hist",
}
"""Subject -> heading of its column in printed tables."""
_FOLDERS = ("", "data/", "benchmarks/GenExam/data/")


@dataclass(frozen=True, kw_only=True, slots=True)
class GenExamReference:
    """How an answer is marked.

    Attributes:
        questions: what each scoring point asks about the image.
        weights: of the scoring points; they sum to 1 at 4 decimals.
    """

    questions: tuple[str, ...]
    weights: tuple[float, ...]


def _places(path: str) -> str:
    return "|".join(f"{folder}{path}" for folder in _FOLDERS)


def official_files(suite: str) -> OfficialFiles:
    """Where the files of a suite lie; pictures lie in ``images`` beside ``annotations``."""
    names = {"questions": _places("annotations/All_Subjects.jsonl")}
    if suite == "mini":
        names["mini"] = _places("mini_sample_ids.txt")
    return OfficialFiles(
        benchmark=NAME,
        names=names,
        where="data/ of github.com/OpenGVLab/GenExam (GenExam_data.zip of the hub data set "
        "OpenGVLab/GenExam, unpacked), with annotations, images and mini_sample_ids.txt",
        hub=Hub(
            dataset="OpenGVLab/GenExam",
            note="The hub keeps the files in GenExam_data.zip, which has to be unpacked by hand.",
        ),
    )


def read(folder: Folder, source: DataSource, *, suite: str) -> Iterator[Sample]:
    """Samples in the order of the file.

    Raises:
        UserError: a line is malformed, or an id of the mini list is not there.
    """
    path = folder.path("questions")
    images = path.parent.parent / "images"
    wanted = _mini(folder.path("mini")) if suite == "mini" else None
    seen = set()
    for where, row in read_jsonl(path):
        sample = _sample(row, where, suite, images)
        if wanted is None or sample.id in wanted:
            seen.add(sample.id)
            yield sample
    if wanted is not None and (lost := sorted(wanted - seen)):
        raise UserError(
            f"{folder.path('mini')} lists {lost[0]!r}, which {path} does not hold "
            f"({len(lost)} such ids); get both files again."
        )


def _mini(path: Path) -> set[str]:
    return {line.strip() for line in read_text(path).splitlines() if line.strip()}


def _sample(row: Mapping[str, Any], where: str, suite: str, images: Path) -> Sample:
    name = text_of(row, "id", where)
    subject = text_of(row, "subject", where)
    if subject not in SUBJECTS:
        raise UserError(f"{where} is of the unknown subject {subject!r}; get the file again.")
    picture = below(images, text_of(row, "image_path", where), where)
    return Sample(
        id=name,
        benchmark=NAME,
        suite=suite,
        task="generate",
        prompt=text_of(row, "prompt", where),
        reference_images=(picture,),
        reference=_points(row.get("scoring_points"), where),
        group=(subject,),
        cluster=name,
        strata={
            "difficulty": text_of(row, "difficulty", where),
            "kind": text_of(row, "img_type", where),
        },
        output_path=f"{name}.png",
        places=(
            Place(layout="official", path=f"{name}.png"),
            Place(layout="kit", path=f"genexam/images/{name}.png"),
        ),
    )


def _points(value: Any, where: str) -> GenExamReference:
    if not isinstance(value, list) or not value or not all(isinstance(p, dict) for p in value):
        raise UserError(f"{where} has no list of scoring points; get the file again.")
    weights = [p.get("score") for p in value]
    numbers = [float(w) for w in weights if isinstance(w, int | float) and w >= 0]
    if len(numbers) < len(weights) or not weights_add_up(numbers):
        raise UserError(f"{where} has scoring points whose weights do not sum to 1: {weights}.")
    questions = tuple(text_of(p, "question", where) for p in value)
    return GenExamReference(questions=questions, weights=tuple(numbers))


def suites() -> dict[str, Suite]:
    """The suites ``full`` and ``mini``."""
    titles = {
        "full": "1,000 exam questions of ten subjects",
        "mini": "250 of them",
    }
    return {
        name: official_suite(
            name, title=title, size=SIZES[name], version="GenExam@6f324dd",
            files=official_files(name), read=partial(read, suite=name),
        )
        for name, title in titles.items()
    }  # fmt: skip
