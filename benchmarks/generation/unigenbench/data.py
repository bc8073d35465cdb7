"""The prompts of UniGenBench: one CSV file per language and length."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_csv, same_length, text_of, texts_of, whole_of
from benchmarks.common.suites import official_suite
from benchmarks.generation.unigenbench.taxonomy import BY_NAME, PRIMARY, SUBJECTS, THEMES
from evals.core.errors import UserError
from evals.core.protocols import DataSource, Suite
from evals.core.types import Place, Sample

NAME = "unigenbench"
SIZE = 600
TESTED = "tested"


@dataclass(frozen=True, kw_only=True, slots=True)
class UniGenReference:
    """What is asked about the images of a prompt.

    Attributes:
        points: test points as the data spells them, all of known kinds.
        descriptions: what each means for this prompt.
        usual: primary dimension -> mean number of its points in the suite's prompts that have any.
    """

    points: tuple[str, ...]
    descriptions: tuple[str, ...]
    usual: Mapping[str, float]

    def count(self, primary: str) -> int:
        """How many of the points are of a primary dimension."""
        return sum(BY_NAME[p].primary == primary for p in self.points)


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """How the columns of a language are called."""

    code: str
    theme: str
    subject: str
    form: str
    points: str
    descriptions: str


LANGUAGES: Mapping[str, Language] = {
    "en": Language(
        code="en", theme="Primary Categories", subject="Subjects", form="Sentence Structure",
        points="Testpoints", descriptions="Testpoint Description",
    ),
    "zh": Language(
        code="zh", theme="一级垂类", subject="主体", form="句式", points="考点",
        descriptions="考点对应描述",
    ),
}  # fmt: skip

KNOWN: Mapping[str, Mapping[str, str]] = {
    "en": {
        "f82e8ce854985ef963378eaaf8ce12f2e3a57dd6f53e1aea84a61fbeadfe4459":
            "CodeGoat24/UniGenBench@49d0bce"
    },
    "zh": {
        "7ff2d2131e68e6182f43a28ecf03d070f7735788f3c5420db3f83141492e8cb3":
            "CodeGoat24/UniGenBench@49d0bce"
    },
}  # fmt: skip
"""Suite -> sha256 -> revision; the long prompts are not pinned."""


def official_files(suite: str) -> OfficialFiles:
    """Where the file of a suite lies."""
    name = f"test_prompts_{suite.replace('-', '_')}.csv"
    return OfficialFiles(
        benchmark=NAME,
        names={"prompts": f"{name}|data/{name}|benchmarks/UniGenBench/data/{name}"},
        known={"prompts": KNOWN[suite]} if suite in KNOWN else {},
        where=f"{name} of data/ of github.com/CodeGoat24/UniGenBench",
        terms="CC BY 4.0 (licence file); the hub's card says MIT",
    )


def read(folder: Folder, source: DataSource, *, suite: str) -> Iterator[Sample]:
    """Samples in the order of the file.

    Raises:
        UserError: a row is malformed, or has a test point of an unknown kind.
    """
    language = LANGUAGES[suite.split("-", maxsplit=1)[0]]
    path = folder.path("prompts")
    rows = [_sample(suite, language, row, where) for where, row in read_csv(path)]
    usual = {}
    for primary in PRIMARY:
        counts = [n for s in rows if (n := s.reference.count(primary))]
        usual[primary] = sum(counts) / len(counts) if counts else 1.0
    for sample in rows:
        yield replace(sample, reference=replace(sample.reference, usual=usual))


def _sample(suite: str, language: Language, row: Mapping[str, str], where: str) -> Sample:
    index = whole_of(row, "index", where)
    about = _about(text_of(row, f"sub_dims_{language.code}", where), where)
    points = texts_of(about, language.points, where)
    descriptions = texts_of(about, language.descriptions, where)
    if not same_length({"points": points, "descriptions": descriptions}, where):
        raise UserError(f"{where} has no test points; get the file again.")
    if odd := [p for p in points if p not in BY_NAME]:
        raise UserError(f"{where} has a test point of the unknown kind {odd[0]!r}.")
    theme = text_of(about, language.theme, where)
    theme = THEMES.get(theme, theme)
    if theme not in THEMES.values():
        raise UserError(f"{where} is of the unknown theme {theme!r}.")
    subject = text_of(about, language.subject, where)
    order = text_of(about, language.form, where).lower()
    tested = dict.fromkeys((BY_NAME[p].primary for p in points), TESTED)
    return Sample(
        id=str(index),
        benchmark=NAME,
        suite=suite,
        task="generate",
        prompt=text_of(row, f"prompt_{language.code}", where),
        reference=UniGenReference(points=points, descriptions=descriptions, usual={}),
        group=(theme,),
        cluster=str(index),
        strata={
            "subject": SUBJECTS.get(subject, subject),
            "form": "imperative" if order.startswith(("imperative", "指令")) else "descriptive",
            **tested,
        },
        places=_places(suite, f"{index}_{{trial}}.png"),
    )


def _places(suite: str, file: str) -> tuple[Place, ...]:
    """GenEditEvalKit has no long prompts."""
    kit = Place(layout="kit", path=f"unigenbench/test_prompts_{suite}/samples/{file}")
    return (Place(layout="official", path=file), *((kit,) if suite in LANGUAGES else ()))


def _about(text: str, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} has no JSON about its prompt ({error}).") from error
    if not isinstance(value, dict):
        raise UserError(f"{where} has no JSON object about its prompt; get the file again.")
    return value


def suites() -> dict[str, Suite]:
    """``en``, ``zh`` and their long versions."""
    titles: Sequence[tuple[str, str]] = (
        ("en", "600 English prompts"),
        ("zh", "the same 600 in Chinese"),
        ("en-long", "the same 600, long"),
        ("zh-long", "the same 600 in Chinese, long"),
    )
    return {
        name: official_suite(
            name, title=f"{title}, 1,813 test points, four images each", size=SIZE,
            version="UniGenBench@49d0bce", files=official_files(name),
            read=partial(read, suite=name),
        )
        for name, title in titles
    }  # fmt: skip
