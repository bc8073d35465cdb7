"""The prompts and questions of DPG-Bench, from GenEditEvalKit's files or from ELLA's table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.layouts import Layout, beside, layered_suite
from benchmarks.common.reading import read_csv, read_json, text_of, whole_of
from benchmarks.generation.dpg.questions import (
    Question,
    Row,
    official_questions,
    read_question,
    strict_questions,
)
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "dpg"
SIZE = 1065
CSV = "dpg_bench.csv|dpg_bench/dpg_bench.csv|eval_prompts/dpg_bench.csv"
PROMPTS = (
    "dpgbench_prompts.json|eval_prompts/dpgbench_prompts.json|"
    "benchmarks/dpgbench/eval_prompts/dpgbench_prompts.json"
)
KIT = OfficialFiles(
    benchmark=NAME,
    names={"prompts": PROMPTS},
    known={
        "prompts": {
            "de8ee634eac21f7f55e65c847cb5719d5e50a3af4a5658d16e690b5142c2b5a2":
                "open-compass/GenEditEvalKit@103b283",
        }
    },
    where="dpgbench_prompts.json of github.com/open-compass/GenEditEvalKit, with dpg_bench.csv of "
    "github.com/TencentQQGYLab/ELLA (folder dpg_bench) beside it for the questions",
)  # fmt: skip
ELLA = OfficialFiles(
    benchmark=NAME,
    names={"questions": CSV},
    where="dpg_bench.csv of github.com/TencentQQGYLab/ELLA, folder dpg_bench",
)


@dataclass(frozen=True, kw_only=True)
class DpgReference:
    """The questions about a prompt's images.

    Attributes:
        questions: all of them; empty when the folder holds no dpg_bench.csv.
        official: those that the released loader finds (DPG-1, DPG-4).
    """

    questions: tuple[Question, ...]
    official: tuple[Question, ...]


def read_kit(folder: Folder, source: DataSource) -> Iterable[Sample]:
    """Samples from the kit's prompts, with ELLA's questions where they lie beside them.

    Raises:
        UserError: a file is malformed, or the two are about different prompts.
    """
    path = folder.path("prompts")
    prompts = read_json(path)
    if not isinstance(prompts, dict) or not all(isinstance(p, str) for p in prompts.values()):
        raise UserError(f"{path} does not map file names to prompts; get the file again.")
    prompts = {name.removesuffix(".txt"): prompt for name, prompt in prompts.items()}
    csv = beside(folder.root, CSV)
    rows = _rows(csv) if csv is not None else []
    strange = sorted({row.item for row in rows} - set(prompts))
    lacking = sorted(set(prompts) - {row.item for row in rows}) if rows else []
    if strange or lacking:
        item = [*lacking, *strange][0]
        raise UserError(
            f"{path} and {csv} are about different prompts: {item!r} is in one of them only "
            f"({len(lacking) + len(strange)} such prompts); get both files again."
        )
    return _samples(prompts, rows)


def read_ella(folder: Folder, source: DataSource) -> Iterable[Sample]:
    """Samples from ELLA's table alone, which holds the prompts as well.

    Raises:
        UserError: the table is malformed, or an item has two prompts.
    """
    path = folder.path("questions")
    prompts: dict[str, str] = {}
    for where, row in read_csv(path):
        item, text = text_of(row, "item_id", where), text_of(row, "text", where)
        if prompts.setdefault(item, text) != text:
            raise UserError(f"{where} has another prompt for {item!r}; get the file again.")
    return _samples(prompts, _rows(path))


def _rows(path: Path) -> list[Row]:
    rows = []
    for where, cells in read_csv(path):
        row = Row(
            item=text_of(cells, "item_id", where),
            id=whole_of(cells, "proposition_id", where),
            dependency=text_of(cells, "dependency", where),
            tuple_text=text_of(cells, "tuple", where),
            text=text_of(cells, "question_natural_language", where),
        )
        try:
            read_question(row)
        except ValueError as error:
            raise UserError(
                f"{where} has {row.dependency!r} as dependency, which is no list of numbers; get "
                "the file again."
            ) from error
        rows.append(row)
    return rows


def _samples(prompts: Mapping[str, str], rows: Sequence[Row]) -> list[Sample]:
    questions, official = strict_questions(rows), official_questions(rows)
    return [
        Sample(
            id=item,
            benchmark=NAME,
            suite="full",
            task="generate",
            prompt=prompt,
            reference=DpgReference(
                questions=questions.get(item, ()), official=official.get(item, ())
            ),
            strata={"source": source_of(item)},
            places=(
                Place(layout="official", path=f"{item}.png", grid=(2, 2)),
                # The kit stitches these four to the grid, and deletes them.
                Place(layout="kit", path=f"dpgbench/images/{item}/{{trial}}.png"),
                Place(layout="kit", path=f"dpgbench/images/{item}.png", grid=(2, 2)),
            ),
        )
        for item, prompt in prompts.items()
    ]


def source_of(item: str) -> str:
    """Data set that a prompt was written from, as its id says.

    >>> source_of("partiprompts97"), source_of("COCOval2014000000406315"), source_of("226")
    ('partiprompts', 'COCOval', 'other')
    """
    match = re.match(r"[A-Za-z]+", item)
    return match.group() if match else "other"


FULL = layered_suite(
    "full",
    title="all prompts of DPG-Bench, four images each",
    size=SIZE,
    version="ELLA@3c228f1",
    layouts=(Layout(files=KIT, read=read_kit), Layout(files=ELLA, read=read_ella)),
    optional={"the questions": CSV},
)
