"""RISEBench's official data: one JSON file of 360 records, and the pictures that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.files import Folder, Hub, OfficialFiles
from benchmarks.common.reading import below, is_given, read_objects, text_of
from benchmarks.common.suites import official_suite
from benchmarks.editing.rise.scoring import LOGICAL, SPATIAL, SUBTASKS
from evals.core.errors import UserError, unknown
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "rise"
SIZE = 360
HUB = "PhoenixZ/RISEBench"
INDEX = "datav2_total_w_subtask.json"
FILES = OfficialFiles(
    benchmark=NAME,
    names={"records": f"{INDEX}|data/{INDEX}"},
    where=f"{INDEX} and the unpacked pictures of the hub data set {HUB}",
    hub=Hub(dataset=HUB, note="Its archive of pictures must be unpacked beside the index."),
    terms="no licence is stated",
)


ABSENT = object()
"""The flag of a record that does not have it, see `counts_as_light`."""


def counts_as_light(flags: Sequence[Any]) -> list[bool]:
    """Whether each record's ``consistency_free`` counts as true once it is a column (RISE-1).

    Args:
        flags: of all records, as read from JSON; `ABSENT` where a record has none.

    >>> counts_as_light([ABSENT, None, True])
    [True, False, True]
    >>> counts_as_light([ABSENT, None]), counts_as_light([ABSENT, ABSENT])
    ([True, True], [False, False])
    """
    if all(f is ABSENT for f in flags):
        return [False] * len(flags)
    known = [f for f in flags if f is not ABSENT and f is not None]
    numeric = all(isinstance(f, int | float) and not isinstance(f, bool) for f in known)
    # An absent flag is NaN, which is true; null becomes NaN too where the column is of numbers.
    null = numeric and (bool(known) or ABSENT in flags)
    return [True if f is ABSENT else null if f is None else bool(f) for f in flags]


@dataclass(frozen=True, kw_only=True, slots=True)
class RiseReference:
    """What scoring needs of a record.

    Attributes:
        category: one of `scoring.CATEGORIES`.
        free: whether consistency is not asked.
        light: whether the released formula leaves consistency out, which one record decides for
            all (RISE-1).
        text: what a right answer shows, in words; empty where a picture says it.
        picture: that a right answer looks like; None where words say it.
        with_source: whether the judge of the reasoning sees the source as well.
        alone: whether the judge of a logical answer is not told the puzzle.
    """

    category: str
    free: bool
    light: bool
    text: str = ""
    picture: Path | None = None
    with_source: bool = False
    alone: bool = False


def read(folder: Folder, source: DataSource) -> Iterator[Sample]:
    """All records in the order of the file.

    Raises:
        UserError: the file is not as it must be.
    """
    path = folder.path("records")
    rows = read_objects(path)
    light = counts_as_light([r.get("consistency_free", ABSENT) for r in rows])
    home = next((p for p in (path.parent, path.parent / "data") if _holds(p, rows)), path.parent)
    for number, row in enumerate(rows):
        where = f"{path}: record {number}"
        yield _sample(row, where, home, light=light[number])


def _holds(home: Path, rows: list[dict[str, Any]]) -> bool:
    """Whether the first picture lies below a folder."""
    return bool(rows) and (home / str(rows[0].get("image", "?"))).is_file()


def _sample(row: dict[str, Any], where: str, home: Path, *, light: bool) -> Sample:
    category, subtask = text_of(row, "category", where), text_of(row, "subtask", where)
    if category not in SUBTASKS:
        raise UserError(f"{where}: {unknown('category', category, SUBTASKS)}")
    if subtask not in SUBTASKS[category]:
        raise UserError(f"{where}: {unknown('subtask', subtask, SUBTASKS[category])}")
    index = str(row.get("index", "")).strip()
    if not index or "/" in index:
        raise UserError(f"{where} has no 'index' that can name a file; get the file again.")
    picture = text_of(row, "image", where)
    reference = _reference(row, where, home, category, light=light)
    output = f"images/{category}/{index}.png"
    return Sample(
        id=index,
        benchmark=NAME,
        suite="full",
        task="edit",
        prompt=text_of(row, "instruction", where),
        images=(below(home, picture, where),),
        reference_images=(reference.picture,) if reference.picture else (),
        reference=reference,
        group=(category, subtask),
        cluster=picture,
        strata={"consistency": "not asked" if reference.free else "asked"},
        output_path=output,
        places=(Place(layout="kit", path=f"rise/outputs/{{model}}/{output}"),),
    )


def _reference(
    row: dict[str, Any], where: str, home: Path, category: str, *, light: bool
) -> RiseReference:
    """Which of the possible references a record has, in the order of the released script."""
    words = "reference_txt" if category == LOGICAL else "reference"
    pictured = category in {SPATIAL, LOGICAL} and is_given(row, "reference_img")
    if category == LOGICAL and is_given(row, words):
        pictured = False
    picture = below(home, text_of(row, "reference_img", where), where) if pictured else None
    return RiseReference(
        category=category,
        free=is_given(row, "consistency_free"),
        light=light,
        text="" if pictured else text_of(row, words, where),
        picture=picture,
        with_source=category != LOGICAL and not pictured and is_given(row, "reasoning_img"),
        alone="reasoning_wo_ins" in row,
    )


FULL = official_suite(
    "full",
    title="temporal, causal, spatial and logical reasoning, with subtasks",
    size=SIZE,
    version=HUB,
    files=FILES,
    read=read,
)
