"""The prompts of LongText-Bench, English and Chinese."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.common.files import Folder, Hub, OfficialFiles
from benchmarks.common.reading import read_jsonl, text_of, whole_of
from benchmarks.common.suites import official_suite
from benchmarks.generation.longtext.scoring import Language
from evals.core.errors import UserError
from evals.core.protocols import DataSource, Suite
from evals.core.types import Group, Place, Sample

NAME = "longtext"
SIZE = 160
CATEGORIES = {
    "sign": "Signs", "label": "Labels", "print": "Printed matter", "webpage": "Web pages",
    "slide": "Slides", "poster": "Posters", "caption": "Captions", "dialogue": "Dialogues",
}  # fmt: skip
FILES: dict[Language, str] = {"en": "text_prompts.jsonl", "zh": "text_prompts_zh.jsonl"}
KNOWN: dict[Language, str] = {
    "en": "a2130769e72bd8560470a066114cdac87f80f1eb071ba6bc0f7033225a9be0d8",
    "zh": "6512cd121ac093e8113e114d76eb2c0ce967c220b18e2049e1063554ce496758",
}
TITLES: dict[Language, str] = {"en": "English", "zh": "Chinese"}
REVISION = "X-Omni-Team/X-Omni@2b8237b"


@dataclass(frozen=True, kw_only=True)
class LongTextReference:
    """What has to stand in the image.

    Attributes:
        segments: the texts, in order.
        language: decides what is compared: words or characters.
    """

    segments: tuple[str, ...]
    language: Language


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Reads the prompts of one language."""

    language: Language

    def __call__(self, folder: Folder, source: DataSource) -> Iterable[Sample]:
        """Samples in file order.

        Raises:
            UserError: a record is malformed, or of an unknown category.
        """
        for where, row in read_jsonl(folder.path("prompts")):
            texts, number = row.get("text"), whole_of(row, "prompt_id", where)
            if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
                raise UserError(f"{where} has no list of texts in 'text'; get the file again.")
            category, length = text_of(row, "category", where), text_of(row, "length", where)
            if category not in CATEGORIES:
                raise UserError(f"{where} has the unknown category {category!r}; get it again.")
            file = FILES[self.language].removesuffix(".jsonl")
            yield Sample(
                id=f"{number:04d}",
                benchmark=NAME,
                suite=self.language,
                task="generate",
                prompt=text_of(row, "prompt", where),
                reference=LongTextReference(segments=tuple(texts), language=self.language),
                group=(category,),
                strata={"length": length},
                places=(
                    Place(layout="official", path=f"{number:04d}_{{trial}}.png", first=1),
                    Place(
                        layout="kit", path=f"longtext/{file}/{number:04d}_{{trial}}.jpg", first=1
                    ),
                ),
            )


def _suite(language: Language) -> Suite:
    name = FILES[language]
    files = OfficialFiles(
        benchmark=NAME,
        names={
            "prompts": f"{name}|textbench/{name}|benchmark_dir/{name}|"
            f"benchmarks/LongText/benchmark_dir/{name}"
        },
        known={"prompts": {KNOWN[language]: REVISION}},
        where=f"{name} of github.com/X-Omni-Team/X-Omni",
        hub=Hub(dataset="X-Omni/LongText-Bench", patterns=("*.jsonl",)),
    )
    return official_suite(
        language, title=f"{TITLES[language]}, 8 kinds of text, four images each", size=SIZE,
        version=REVISION, files=files, read=_Reader(language=language),
    )  # fmt: skip


SUITES: dict[str, Suite] = {language: _suite(language) for language in FILES}
GROUPS = tuple(Group(path=(name,), title=title) for name, title in CATEGORIES.items())
