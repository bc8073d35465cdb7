"""The prompts of OneIG-Bench as samples, with what `sides` knows of them.

Prompts come as the data set's CSV file or as GenEditEvalKit's JSON file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.layouts import Layout, layered_suite
from benchmarks.common.reading import read_csv, read_objects, text_of
from benchmarks.generation.oneig.scoring import style_key
from benchmarks.generation.oneig.sides import Sides, questions_of, read_sides, side_files
from benchmarks.generation.oneig.text import Language
from evals.core.errors import UserError
from evals.core.protocols import DataSource, Suite
from evals.core.types import Group, Place, Sample

NAME = "oneig"
FOLDERS = {
    "Anime_Stylization": "anime", "Portrait": "human", "General_Object": "object",
    "Text_Rendering": "text", "Knowledge_Reasoning": "reasoning",
    "Multilingualism": "multilingualism",
}  # fmt: skip
"""Category -> folder of its images, which ids and side files use too."""
DIMENSION = {
    "anime": "alignment", "human": "alignment", "object": "alignment", "text": "text",
    "reasoning": "reasoning", "multilingualism": "alignment of Chinese culture",
}  # fmt: skip
"""Folder -> what its images are scored by, beside style and diversity."""
SIZES: dict[Language, int] = {"EN": 1120, "ZH": 1320}
TITLES: dict[Language, str] = {"EN": "English", "ZH": "Chinese"}
PROMPT: dict[Language, str] = {"EN": "prompt_en", "ZH": "prompt_cn"}
STEMS: dict[Language, str] = {"EN": "OneIG-Bench", "ZH": "OneIG-Bench-ZH"}
KNOWN: dict[Language, str] = {
    "EN": "e06c65b32252d82406fb1a27f13022b38d432c899a2486eb49ab0c100f83b3e1",
    "ZH": "8fc4ae1403db32dbb1203cc457361c3215500b34e741194a53f5002c9d824700",
}
REVISION = "OneIG-Bench/OneIG-Bench (CSV)"


@dataclass(frozen=True, kw_only=True)
class OneigReference:
    """What an image is scored by; parts that the folder lacks are None.

    Attributes:
        language: of the suite.
        folder: of the category.
        questions: question id -> question, of alignment prompts.
        dependencies: question id -> ids of its parents.
        text_content: written-out list of texts, of text prompts.
        answer: what a reasoning prompt has to show.
        style: key of the style that is asked for; empty for none.
    """

    language: Language
    folder: str
    questions: Mapping[int, str] | None = None
    dependencies: Mapping[int, tuple[int, ...]] | None = None
    text_content: str | None = None
    answer: str | None = None
    style: str = ""


# --- samples ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Reads the prompts of one language in one layout."""

    language: Language
    layout: str

    def __call__(self, folder: Folder, source: DataSource) -> Iterable[Sample]:
        """Samples in file order.

        Raises:
            UserError: a record is malformed, or a side file knows nothing of a prompt.
        """
        sides = read_sides(folder.root, self.language)
        for where, row in self._rows(folder.path("prompts")):
            category, id_ = text_of(row, "category", where), text_of(row, "id", where)
            if category not in FOLDERS:
                raise UserError(f"{where} has the unknown category {category!r}; get it again.")
            yield _sample(
                self.language, category, id_, text_of(row, PROMPT[self.language], where),
                row, sides, where,
            )  # fmt: skip

    def _rows(self, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if self.layout == "csv":
            yield from read_csv(path)
            return
        rows = read_objects(path)
        yield from ((f"{path}: record {n}", row) for n, row in enumerate(rows, 1))


def _sample(
    language: Language, category: str, id_: str, prompt: str, row: Mapping[str, Any],
    sides: Sides, where: str,
) -> Sample:  # fmt: skip
    folder = FOLDERS[category]
    kind = row.get("class")
    kind = kind if isinstance(kind, str) and kind not in {"None", "nan"} else ""
    style = style_key(kind) if folder == "anime" else ""
    return Sample(
        id=f"{folder}-{id_}",
        benchmark=NAME,
        suite=language.lower(),
        task="generate",
        prompt=prompt,
        reference=_reference(language, folder, id_, style, sides, where),
        group=(category,),
        strata={
            "dimension": DIMENSION[folder],
            "styled": "yes" if style else "no",
            **({"class": kind} if kind and folder != "anime" else {}),
            **{k: v for k in ("type", "prompt_length") if isinstance(v := row.get(k), str) and v},
        },
        places=_places(language, folder, id_),
    )


def _places(language: Language, folder: str, id_: str) -> tuple[Place, ...]:
    """The grids of the released scripts, and the kit's single images before they become one.

    The kit has no Chinese prompts. Its own grids come last: of images that are not square they hold
    parts only.
    """
    grids = tuple(
        Place(layout="official", path=f"{place}.webp", grid=(2, 2))
        for place in (
            f"images/{folder}/{{model}}/{id_}", f"{folder}/{{model}}/{id_}", f"{folder}/{id_}",
        )
    )  # fmt: skip
    single = f"oneig/images_before_combination/{folder}/{{model}}/{id_}_{{trial}}.png"
    combined = f"oneig/images/{folder}/{{model}}/{id_}.webp"
    kit = (
        Place(layout="kit", path=single),
        Place(layout="kit", path=combined, grid=(2, 2)),
    )
    return grids + kit if language == "EN" else grids


def _reference(
    language: Language, folder: str, id_: str, style: str, sides: Sides, where: str
) -> OneigReference:
    questions, dependencies = None, None
    if folder in sides.questions:
        questions, dependencies = questions_of(sides.questions[folder], id_, where)
    text = sides.texts.get(id_) if folder == "text" else None
    if folder == "text" and sides.texts and text is None:
        raise UserError(f"{where}: the file of texts has none for {id_}; get both files again.")
    answer = sides.answers.get(id_) if folder == "reasoning" else None
    return OneigReference(
        language=language, folder=folder, questions=questions, dependencies=dependencies,
        text_content=text, answer=answer if isinstance(answer, str) else None, style=style,
    )  # fmt: skip


# --- suites -----------------------------------------------------------------------------------


def _suite(language: Language) -> Suite:
    stem = STEMS[language]
    where = f"{stem}.csv of the data set OneIG-Bench/OneIG-Bench into a clone of github.com/"
    where += "OneIG-Bench/OneIG-Benchmark, whose scripts folder holds what scoring needs"
    csv = OfficialFiles(
        benchmark=NAME, names={"prompts": f"{stem}.csv|OneIG-Bench/{stem}.csv"},
        known={"prompts": {KNOWN[language]: REVISION}}, where=where, terms="CC BY-NC 4.0",
    )  # fmt: skip
    kit = OfficialFiles(
        benchmark=NAME,
        names={
            "prompts": f"{stem}.json|OneIG-Bench/{stem}.json|"
            f"benchmarks/OneIG-Benchmark/OneIG-Bench/{stem}.json"
        },
        where=where,
        terms="CC BY-NC 4.0",
    )
    return layered_suite(
        language.lower(),
        title=f"{TITLES[language]} prompts, four images each",
        size=SIZES[language],
        version="OneIG-Benchmark@41b4983",
        layouts=(
            Layout(files=csv, read=_Reader(language=language, layout="csv")),
            Layout(files=kit, read=_Reader(language=language, layout="json")),
        ),
        optional=side_files(language),
    )


SUITES: dict[str, Suite] = {language.lower(): _suite(language) for language in SIZES}
GROUPS = tuple(Group(path=(name,), title=name.replace("_", " ")) for name in FOLDERS)
