"""The prompts and questions of TIIF-Bench: two folders of one file per dimension, line by line.

``testmini_prompts/<dimension>_prompts.jsonl`` holds a short and a long prompt per line,
``testmini_eval_prompts/<dimension>_eval_prompts.jsonl`` the questions about both; lines belong
together by their number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_jsonl, same_length, text_of, texts_of
from benchmarks.common.suites import official_suite
from benchmarks.generation.tiif.taxonomy import DIMENSIONS, LENGTHS, PATHS
from evals.core.errors import UserError
from evals.core.protocols import DataSource, Suite
from evals.core.types import Place, Sample

NAME = "tiif"
SIZES: Mapping[str, int] = {"testmini": 554, "test": 5076}
"""Images: both lengths of every prompt."""
PINNED = "open-compass/GenEditEvalKit@103b283"


@dataclass(frozen=True, kw_only=True, slots=True)
class TiifReference:
    """What is asked about an image.

    Attributes:
        questions: yes/no questions, in order.
        answers: what is expected, ``yes`` or ``no`` each.
        usual: mean number of questions of a prompt of this dimension, in this suite.
    """

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    usual: float


def _names(suite: str) -> dict[str, str]:
    """Files by ``prompts <dimension>`` and ``questions <dimension>``."""
    named = {}
    for dimension in DIMENSIONS:
        prompts = f"{suite}_prompts/{dimension}_prompts.jsonl"
        questions = f"{suite}_eval_prompts/{dimension}_eval_prompts.jsonl"
        for kind, path in (("prompts", prompts), ("questions", questions)):
            named[f"{kind} {dimension}"] = "|".join(
                (path, f"data/{path}", f"benchmarks/TIIF-Bench/data/{path}")
            )
    return named


def _known() -> dict[str, dict[str, str]]:
    """The revision of the questions of testmini that is known; prompts are not pinned."""
    text = files("benchmarks.generation.tiif").joinpath("revisions.json").read_text("utf-8")
    return {f"questions {d}": {digest: PINNED} for d, digest in json.loads(text).items()}


def official_files(suite: str) -> OfficialFiles:
    """Where the files of a suite lie."""
    return OfficialFiles(
        benchmark=NAME,
        names=_names(suite),
        known=_known() if suite == "testmini" else {},
        where=f"the folders {suite}_prompts and {suite}_eval_prompts of data/ of "
        "github.com/A113N-W3I/TIIF-Bench, or of benchmarks/TIIF-Bench/data of "
        "github.com/open-compass/GenEditEvalKit",
        terms="none stated upstream",
    )


def read(folder: Folder, source: DataSource, *, suite: str) -> Iterator[Sample]:
    """Samples by dimension, prompt and length.

    Raises:
        UserError: a line is malformed, or the files of a dimension do not belong together.
    """
    for dimension in DIMENSIONS:
        prompts = list(read_jsonl(folder.path(f"prompts {dimension}")))
        asked = list(read_jsonl(folder.path(f"questions {dimension}")))
        where = str(folder.path(f"questions {dimension}"))
        same_length({"prompts": prompts, "questions": asked}, where)
        checked = [_questions(row, dimension, place) for place, row in asked]
        for place, row in prompts:
            _same_type(row, dimension, place)
        usual = sum(len(q) for q, _ in checked) / len(checked) if checked else 1.0
        for number, ((place, row), (questions, answers)) in enumerate(
            zip(prompts, checked, strict=True)
        ):
            reference = TiifReference(questions=questions, answers=answers, usual=usual)
            for length in LENGTHS:
                prompt = text_of(row, f"{length}_description", place)
                yield _sample(suite, dimension, number, length, prompt, reference)


def _same_type(row: Mapping[str, Any], dimension: str, where: str) -> None:
    if text_of(row, "type", where) != dimension:
        raise UserError(
            f"{where} is of the dimension {row['type']!r}, in a file of {dimension!r}; get the "
            "file again."
        )


def _questions(
    row: Mapping[str, Any], dimension: str, where: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    _same_type(row, dimension, where)
    questions = tuple(" ".join(q.split()) for q in texts_of(row, "yn_question_list", where))
    answers = tuple(" ".join(a.lower().split()) for a in texts_of(row, "yn_answer_list", where))
    if not same_length({"questions": questions, "answers": answers}, where):
        raise UserError(f"{where} asks nothing; get the file again.")
    if odd := set(answers) - {"yes", "no"}:
        raise UserError(f"{where} expects {min(odd)!r}, not yes or no; get the file again.")
    return questions, answers


def _sample(
    suite: str, dimension: str, number: int, length: str, prompt: str, reference: TiifReference
) -> Sample:
    return Sample(
        id=f"{dimension}.{number}.{length}",
        benchmark=NAME,
        suite=suite,
        task="generate",
        prompt=prompt,
        reference=reference,
        group=PATHS[dimension],
        cluster=f"{dimension}.{number}",
        strata={"length": length},
        places=_places(suite, dimension, f"{length}_description/{number}.png"),
    )


def _places(suite: str, dimension: str, file: str) -> tuple[Place, ...]:
    """The released layout first; GenEditEvalKit has the small suite alone."""
    released = tuple(
        Place(layout="official", path=f"{folder}/{file}")
        for folder in (f"{dimension}/{{model}}", dimension, f"{dimension}_prompts")
    )
    kit = Place(layout="kit", path=f"tiff/{dimension}_prompts/{file}")
    return (*released, kit) if suite == "testmini" else released


def suites() -> dict[str, Suite]:
    """The suites ``testmini`` and ``test``."""
    titles: Sequence[tuple[str, str]] = (
        ("testmini", "277 prompts, short and long, 1,446 questions each: what papers report"),
        ("test", "2,538 prompts, short and long, 12,160 questions each"),
    )
    return {
        name: official_suite(
            name,
            title=title,
            size=SIZES[name],
            version="TIIF-Bench@3aae750",
            files=official_files(name),
            read=partial(read, suite=name),
        )
        for name, title in titles
    }
