"""How a question is worded for a family of models; the words themselves are in ``prompts.toml``.

VLMEvalKit words a question otherwise for InternVL than for models it has no wrapper for, lmms-eval
has a third wording, and numbers depend on it. So each suite says which family's it asks in.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT = "internvl"
"""The family of the suites that the published tables of the InternVL-U report are set beside."""

LETTERS = string.ascii_uppercase
"""Of the options, in order."""

_CHINESE = re.compile("[\u4e00-\u9fff]")
_FORMS = ("lines", "options", "chinese", "options_chinese")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """How a family words the questions of a benchmark.

    Attributes:
        forms: see the head of ``prompts.toml`` -> lines.
        replace: text of the question -> what stands in its place.
    """

    forms: Mapping[str, Sequence[str]]
    replace: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Wordings that belong together.

    Attributes:
        title: a few words, for the title of a suite.
        source: where they are from.
        wordings: by benchmark.
    """

    title: str
    source: str
    wordings: Mapping[str, Wording]


@cache
def families() -> Mapping[str, Family]:
    """All families by name, the default first.

    Raises:
        ValueError: the file has an unknown key, or words a benchmark twice.
    """
    text = files("benchmarks.understanding").joinpath("prompts.toml").read_text("utf-8")
    return {name: _family(name, table) for name, table in tomllib.loads(text).items()}


def _family(name: str, table: Mapping[str, Any]) -> Family:
    wordings: dict[str, Wording] = {}
    for key, row in table.items():
        if not isinstance(row, dict):
            continue
        odd = set(row) - {"of", "replace", *_FORMS}
        if odd or (twice := set(row["of"]) & set(wordings)):
            raise ValueError(f"{name}.{key} in prompts.toml: {sorted(odd or twice)}")
        forms = {f: tuple(row[f]) for f in _FORMS if f in row}
        wording = Wording(forms=forms, replace=row.get("replace", {}))
        wordings |= dict.fromkeys(row["of"], wording)
    return Family(title=table["title"], source=table["source"], wordings=wordings)


def families_of(benchmark: str) -> tuple[str, ...]:
    """The families that word a benchmark, the default first."""
    return tuple(name for name, family in families().items() if benchmark in family.wordings)


def prompt(
    family: str, benchmark: str, question: str, options: Sequence[str] = (), hint: str = ""
) -> str:
    """What a model is asked.

    Args:
        family: of `families`.
        benchmark: name in the catalog.
        question: as in the data.
        options: their texts, A first; an empty one is left out, and the next keeps its letter.
        hint: what is told beside the question; empty for nothing.

    Raises:
        KeyError: there is no such family, or it does not word the benchmark.

    >>> print(prompt("internvl", "mmstar", "What is it?", ["a cat", "a dog"]))
    What is it?
    A. a cat
    B. a dog
    Answer with the option's letter from the given choices directly.
    """
    wording = families()[family].wordings[benchmark]
    for text, other in wording.replace.items():
        question = question.replace(text, other)
    listed = "\n".join(option_lines(options))
    form = "options" if options else "lines"
    chinese = "options_chinese" if options else "chinese"
    if chinese in wording.forms and _CHINESE.search("\n".join((hint, question, listed))):
        form = chinese
    lines = [line for line in wording.forms[form] if hint or "{hint}" not in line]
    return "\n".join(lines).format(hint=hint, question=question, options=listed)


def option_lines(options: Sequence[str]) -> list[str]:
    """``A. a cat`` for every option that has a text."""
    return [f"{c}. {text}" for c, text in zip(LETTERS, options, strict=False) if text]
