"""WiseEdit's official data: a table per subset, 1,220 cases, each instruction in two languages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.files import Folder, Hub, OfficialFiles
from benchmarks.common.reading import below, read_csv, text_of
from benchmarks.common.suites import official_suite
from benchmarks.editing.wiseedit.scoring import COMPLEX, category
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "wiseedit"
CASES = 1220
HUB = "123123chen/WiseEdit-Benchmark"
SUBSETS: tuple[str, ...] = (
    *(f"Imagination_{n}" for n in (1, 2, 3, 4, 5)), "Awareness_1", "Awareness_2",
    "Interpretation_1", *(f"{COMPLEX}_{n}" for n in (2, 3, 4)),
)  # fmt: skip
"""The number of a subset is that of the pictures that its cases give."""
MAX_REFERENCES = 3
_PROMPTS: Mapping[str, str] = {"en": "prompt", "cn": "promptcn"}
"""Language -> column of the instruction."""


def _table(subset: str) -> str:
    kind = category(subset)
    home = "WiseEdit-Complex" if kind == COMPLEX else f"WiseEdit/{kind}"
    return f"{home}/{subset}/{subset}.csv"


FILES = OfficialFiles(
    benchmark=NAME,
    names={s: f"{_table(s)}|WiseEdit-Benchmark/{_table(s)}" for s in SUBSETS},
    where=f"the hub data set {HUB}",
    hub=Hub(dataset=HUB),
    terms="Apache-2.0 (hub card); the authors' repository states none",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WiseEditReference:
    """What scoring needs of a case in one language.

    Attributes:
        category: one of `scoring.CATEGORIES`.
        instruction: in English, which is what judges are told for both languages, as released.
        hint: at the right result; empty for none.
        pictures: of right results.
    """

    category: str
    instruction: str
    hint: str = ""
    pictures: tuple[Path, ...] = ()


def read(folder: Folder, source: DataSource) -> Iterator[Sample]:
    """All cases, first in English and then in Chinese, subset by subset.

    Raises:
        UserError: a table is not as it must be.
    """
    for subset in SUBSETS:
        path = folder.path(subset)
        home = path.parents[len(Path(_table(subset)).parts) - 1]
        for where, row in read_csv(path):
            for language in _PROMPTS:
                yield _sample(subset, language, row, where, home)


def _sample(subset: str, language: str, row: dict[str, str], where: str, home: Path) -> Sample:
    idx = text_of(row, "idx", where).strip()
    prompt = text_of(row, _PROMPTS[language], where)
    if not idx or "/" in idx or not prompt.strip():
        raise UserError(f"{where} lacks 'idx' or {_PROMPTS[language]!r}; get the file again.")
    kind, number = category(subset), int(subset.rpartition("_")[2])
    columns = (f"input_{n}" for n in range(1, number + 1))
    given = [name for c in columns if (name := row.get(c, "").strip())]
    if not given:
        raise UserError(f"{where} names no picture in 'input_1'; get the file again.")
    pictures = tuple(below(home, p, where) for p in references(row.get("ref", "")))
    if len(pictures) > MAX_REFERENCES:
        raise UserError(f"{where} names {len(pictures)} references; at most {MAX_REFERENCES} are.")
    return Sample(
        id=f"{subset}-{idx}-{language}",
        benchmark=NAME,
        suite="full",
        task="edit",
        prompt=prompt,
        images=tuple(below(home, p, where) for p in given),
        reference_images=pictures,
        reference=WiseEditReference(
            category=kind,
            instruction=text_of(row, "prompt", where),
            hint=row.get("hint", "").strip(),
            pictures=pictures,
        ),
        group=(kind, subset),
        cluster=f"{subset}-{idx}",
        strata={"language": language},
        output_path=f"{subset}/{language}/{idx}.png",
        places=(Place(layout="kit", path=f"wiseedit/{{model}}/{subset}/{language}/{idx}.png"),),
    )


def references(cell: str) -> list[str]:
    """Files that a cell names: a JSON list or text, or names between ``|`` or ``;``.

    >>> references('["a.png", "b.png"]'), references("a.png;b.png"), references(" ")
    (['a.png', 'b.png'], ['a.png', 'b.png'], [])
    """
    text = cell.strip()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        mark = next((m for m in "|;" if m in text), None)
        found = text.split(mark) if mark else [text]
    names = found if isinstance(found, list) else [found]
    return [name for n in names if (name := str(n).strip())]


FULL = official_suite(
    "full",
    title="imagination, awareness, interpretation and complex cases, in English and Chinese",
    size=2 * CASES,
    version=HUB,
    files=FILES,
    read=read,
)
