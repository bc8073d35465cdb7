"""T2I-ReasonBench's prompts, and the questions by which the judge scores an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_objects, text_of, whole_of
from benchmarks.knowledge.t2ireasonbench.scoring import DIMENSIONS, Dimension
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "t2i-reasonbench"
UPSTREAM = "KaiyueSun98/T2I-ReasonBench@efc1d20"
SIZE = 200
"""Prompts of each dimension."""

_PINS = {
    "idiom": "d0f21ef6111972f22dba1176f091f1b1a4390207fbaa806ab0ee0dbebd72956e",
    "textual_image": "e07a668f69b9fc057343de1cb7709d3bda68d972be9d84c12458096839f4c255",
    "entity": "8a0af91d579e9c22f0877b6443e7a86176e8f78b445dcbee1b9b4ccc99698045",
    "scientific": "7b4a67711d33461d0ebd0962e6b7877485fb82d8d6c7b93e649be6f4683b1f32",
}
FILES = OfficialFiles(
    benchmark=NAME,
    names={s: f"prompts/{d.name}.json|{d.name}.json" for s, d in DIMENSIONS.items()},
    known={short: {digest: UPSTREAM} for short, digest in _PINS.items()},
    where=f"the repository {UPSTREAM} (folders prompts and deepseek_evaluation_qs)",
    terms="no licence is stated",
)
QUESTIONS = "deepseek_evaluation_qs"
"""Folder of the question files, ``evaluation_<short name>.json``; needed for scoring only."""
_FIELDS = {
    "reason": "reason_evaluation", "entity": "entity_evaluation", "quality": "quality_evaluation",
    "scientific": "scientific_evaluation", "detail": "other_details_evaluation",
}  # fmt: skip
"""Stage -> its field in a question file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One question to the judge.

    Attributes:
        question: e.g. whether something is shown.
        criterion: what earns 1, 0.5 and 0.
    """

    question: str
    criterion: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasonReference:
    """By what an image is scored.

    Attributes:
        dimension: short name.
        stages: questions of each stage, in order; empty when the question files are absent.
    """

    dimension: str
    stages: tuple[tuple[Check, ...], ...] = ()


def read(folder: Folder, source: DataSource) -> Iterator[Sample]:
    """All samples, dimension by dimension.

    Raises:
        UserError: a file or a record is not as it must be.
    """
    del source
    for dimension in DIMENSIONS.values():
        place = folder.path(dimension.short)
        checks = _checks(dimension, folder.root)
        for number, record in enumerate(read_objects(place), 1):
            where = f"{place}: record {number}"
            if whole_of(record, "id", where) != number:
                raise UserError(f"{where} has the id {record['id']}; ids count from 1.")
            yield _sample(dimension, number, record, checks.get(number, ()), where)


def _sample(
    dimension: Dimension,
    number: int,
    record: Mapping[str, Any],
    stages: tuple[tuple[Check, ...], ...],
    where: str,
) -> Sample:
    output = f"{dimension.name}/{number:04d}.png"
    # The idioms' tags are notes: nearly every record has one of its own.
    kind = "" if dimension.short == "idiom" else text_of(record, "tag", where).split(":")[0].strip()
    return Sample(
        id=f"{dimension.short}-{number:04d}",
        benchmark=NAME,
        suite="full",
        task="generate",
        prompt=text_of(record, "prompt", where),
        reference=ReasonReference(dimension=dimension.short, stages=stages),
        group=(dimension.short,),
        cluster=f"{dimension.short}-{number:04d}",
        strata={"kind": kind} if kind else {},
        output_path=output,
        places=(Place(layout="kit", path=f"t2ireasonbench/{output}"),),
    )


# --- questions --------------------------------------------------------------------------------


def _checks(dimension: Dimension, root: Path) -> dict[int, tuple[tuple[Check, ...], ...]]:
    """Id -> questions of each stage; empty when the file is absent."""
    name = f"evaluation_{dimension.short}.json"
    places = [root / QUESTIONS / name, root / name]
    path = next((p for p in places if p.is_file()), None)
    if path is None:
        return {}
    found = {}
    for number, record in enumerate(read_objects(path), 1):
        where = f"{path}: record {number}"
        stages = tuple(_stage(record, _FIELDS[s], where) for s in dimension.stages)
        found[whole_of(record, "id", where)] = stages
    if len(found) != SIZE:
        raise UserError(f"{path} has questions for {len(found)} of {SIZE} ids; get it again.")
    return found


def _stage(record: Mapping[str, Any], field: str, where: str) -> tuple[Check, ...]:
    """Questions ``q1``, ``q2``, ... of a field, each with its criterion ``c1``, ``c2``, ..."""
    table = record.get(field)
    if not isinstance(table, dict):
        raise UserError(f"{where} has no questions in {field!r}; get the file again.")
    numbers = [int(k[1:]) for k in table if k[:1] == "q" and k[1:].isdecimal()]
    if not numbers or sorted(numbers) != list(range(1, len(numbers) + 1)):
        raise UserError(f"{where}: the questions of {field!r} do not count from q1; get it again.")
    return tuple(
        Check(question=_words(table[f"q{n}"]), criterion=_words(table.get(f"c{n}", "")))
        for n in range(1, len(numbers) + 1)
    )


def _words(value: Any) -> str:
    """Text; some criteria are objects with one text per score.

    >>> _words({"1": "all of it", "0": "nothing"})
    '1: all of it; 0: nothing'
    """
    if isinstance(value, dict):
        return "; ".join(f"{k}: {_words(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "; ".join(map(_words, value))
    return str(value)
