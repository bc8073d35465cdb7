"""The questions, texts and answers of OneIG-Bench, which lie in its repository.

They are read where the folder holds a clone of OneIG-Benchmark, or the kit's copy of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.layouts import beside
from benchmarks.common.reading import read_csv, read_object, text_of
from benchmarks.generation.oneig.text import Language
from evals.core.errors import UserError

SCRIPTS = ("", "benchmarks/OneIG-Benchmark/")
"""Where below the folder the repository's ``scripts`` may lie."""


def side_files(language: Language) -> dict[str, str]:
    """What for -> places of the file that scoring needs, separated by ``|``."""
    end = "" if language == "EN" else "_zh"
    found = {
        **{f"the questions on {f}": f"scripts/alignment/Q_D/{f}{end}.json"
           for f in ("anime", "human", "object")},
        "the texts": f"scripts/text/text_content{end}.csv",
        "the answers of reasoning": f"scripts/reasoning/gt_answer{end}.json",
    }  # fmt: skip
    if language == "ZH":
        name = "scripts/alignment/Q_D/multilingualism_zh.json"
        found["the questions on multilingualism"] = name
    return {what: "|".join(top + name for top in SCRIPTS) for what, name in found.items()}


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The side files of a folder, read; a part is empty where its file is absent."""

    questions: Mapping[str, Mapping[str, Any]]
    texts: Mapping[str, str]
    answers: Mapping[str, str]


def read_sides(root: Path, language: Language) -> Sides:
    """The side files below a folder.

    Raises:
        UserError: one of them is malformed.
    """
    found = {what: beside(root, places) for what, places in side_files(language).items()}
    questions: dict[str, Mapping[str, Any]] = {}
    for what, path in found.items():
        if path is not None and what.startswith("the questions on "):
            questions[what.removeprefix("the questions on ")] = read_object(path)
    texts: dict[str, str] = {}
    if (path := found["the texts"]) is not None:
        texts = {
            text_of(row, "id", where): text_of(row, "text_content", where)
            for where, row in read_csv(path)
        }
    answers = found["the answers of reasoning"]
    return Sides(
        questions=questions, texts=texts, answers=read_object(answers) if answers else {}
    )  # fmt: skip


def questions_of(
    table: Mapping[str, Any], id_: str, where: str
) -> tuple[dict[int, str], dict[int, tuple[int, ...]]]:
    """Questions and parents of a prompt; both may be written out as JSON within the JSON.

    Raises:
        UserError: the table has none for it that can be read.
    """
    entry = table.get(id_)
    try:
        parts = [entry[name] for name in ("question", "dependency")]  # type: ignore[index]
        asked, parents = (json.loads(p) if isinstance(p, str) else p for p in parts)
        questions = {int(k): str(v) for k, v in asked.items()}
        dependencies = {int(k): tuple(int(i) for i in v) for k, v in parents.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{where}: the questions on {id_} cannot be read ({type(error).__name__}: {error}); "
            "get the file again."
        ) from error
    return questions, dependencies
