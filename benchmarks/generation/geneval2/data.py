"""GenEval 2's prompts as samples, each with its atoms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_jsonl, same_length, text_of, whole_of
from benchmarks.common.suites import official_suite
from benchmarks.generation.geneval2.rules import LEVELS, NUMBERS, SKILLS
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "geneval2"
SIZE = 800

FILES = OfficialFiles(
    benchmark=NAME,
    names={"prompts": "geneval2_data.jsonl"},
    where="geneval2_data.jsonl of github.com/facebookresearch/GenEval2 at a6e82d2",
    known={
        "prompts": {
            "09233adbc9f877fba205f1a20efa4a8640e7e62a91dfd55893562bed8a928e43": (
                "facebookresearch/GenEval2@a6e82d2"
            )
        }
    },
    terms="CC BY-NC 4.0",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Atom:
    """One thing that the picture must show, as a question with its answer."""

    question: str
    answer: str
    skill: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GenEval2Reference:
    """The atoms of a prompt; articles are asked for as a count of one."""

    atoms: tuple[Atom, ...]


def read(folder: Folder, source: DataSource) -> Iterator[Sample]:
    """Samples in the order of the file.

    Raises:
        UserError: a record is malformed.
    """
    del source
    for number, (where, row) in enumerate(read_jsonl(folder.path("prompts"))):
        prompt, level = text_of(row, "prompt", where), whole_of(row, "atom_count", where)
        if level not in LEVELS:
            raise UserError(f"{where} has {level} atoms, not 3 to 10; get the file again.")
        name = f"{number:04d}"
        yield Sample(
            id=name,
            benchmark=NAME,
            suite="full",
            task="generate",
            prompt=prompt,
            reference=GenEval2Reference(atoms=_atoms(row, where)),
            group=(str(level),),
            cluster=name,
            output_path=f"{prompt}.png",
            places=(Place(layout="kit", path=f"geneval2/images/{prompt}.png"),),
        )


def _atoms(row: dict[str, Any], where: str) -> tuple[Atom, ...]:
    pairs, skills = row.get("vqa_list"), row.get("skills")
    if not isinstance(pairs, list) or not isinstance(skills, list) or not pairs:
        raise UserError(f"{where} has no lists 'vqa_list' and 'skills'; get the file again.")
    same_length({"vqa_list": pairs, "skills": skills}, where)
    return tuple(_atom(pair, skill, where) for pair, skill in zip(pairs, skills, strict=True))


def _atom(pair: Any, skill: Any, where: str) -> Atom:
    if not isinstance(pair, list) or [type(p) for p in pair] != [str, str]:
        raise UserError(f"{where} has {pair!r} for a question and its answer; get the file again.")
    if skill not in SKILLS:
        raise UserError(f"{where} has {skill!r}, which is none of the skills; get it again.")
    question, answer = pair
    if answer not in ("Yes", *NUMBERS):
        raise UserError(f"{where} has the answer {answer!r}, neither Yes nor a number word.")
    return Atom(question=question, answer=answer, skill=skill)


SUITES = {
    "full": official_suite(
        "full", title="800 prompts of 3 to 10 atoms", size=SIZE, version="a6e82d2", files=FILES,
        read=read,
    )
}  # fmt: skip
