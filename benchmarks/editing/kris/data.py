"""KRIS-Bench's official data: a folder per category, with its annotations and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.files import Folder, Hub, OfficialFiles
from benchmarks.common.reading import below, is_given, read_object, text_of
from benchmarks.common.suites import official_suite
from benchmarks.editing.kris.scoring import METAS, TYPE_OF
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "kris"
SIZE = 1267
HUB = "Liang0223/KRIS_Bench"
FILES = OfficialFiles(
    benchmark=NAME,
    names={c: f"{c}/annotation.json|KRIS_Bench/{c}/annotation.json" for c in TYPE_OF},
    where=f"the hub data set {HUB}",
    hub=Hub(dataset=HUB),
    terms="Apache-2.0 (the authors' repository)",
)
MULTI, TEMPORAL, VIEWPOINT = "multi-element_composition", "temporal_prediction", "viewpoint_change"
META_OF: Mapping[str, str] = {kind: meta for meta, kinds in METAS.items() for kind in kinds}
FRAMES = (1, 2, 3, 4)
_FRAME = re.compile(r"\d+-(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class KrisReference:
    """What scoring needs of an edit.

    Attributes:
        category: folder of the data.
        explanation: what should come out of the edit.
        truth: the scene as it should be; None where there is none.
        frames: numbers of the given frames, in order; empty for other categories.
        missing: number of the frame to be made; 0 for other categories.
    """

    category: str
    explanation: str
    truth: Path | None = None
    frames: tuple[int, ...] = ()
    missing: int = 0

    @property
    def kind(self) -> str:
        """Type of the category."""
        return TYPE_OF[self.category]


def read(folder: Folder, source: DataSource) -> Iterator[Sample]:
    """All edits, category by category in the order of the taxonomy.

    Raises:
        UserError: a file is not as it must be.
    """
    for category in TYPE_OF:
        path = folder.path(category)
        for key, row in read_object(path).items():
            where = f"{path}: record {key}"
            if not isinstance(row, dict):
                raise UserError(f"{where} is no object; get the file again.")
            yield _sample(category, key, row, where, path.parent)


def _sample(category: str, key: str, row: dict[str, Any], where: str, home: Path) -> Sample:
    pictures = _pictures(row, where)
    truth = text_of(row, "gt_img", where) if is_given(row, "gt_img") else ""
    if category == VIEWPOINT and not truth:
        raise UserError(f"{where} has no 'gt_img', which its question needs; get the file again.")
    frames, missing = _frames(pictures, where) if category == TEMPORAL else ((), 0)
    explanation = text_of(row, "explain_en", where) if is_given(row, "explain_en") else ""
    reference = KrisReference(
        category=category,
        explanation=explanation,
        truth=below(home, truth, where) if truth else None,
        frames=frames,
        missing=missing,
    )
    kind = TYPE_OF[category]
    return Sample(
        id=f"{category}-{key}",
        benchmark=NAME,
        suite="full",
        task="edit",
        prompt=text_of(row, "ins_en", where),
        images=tuple(below(home, p, where) for p in pictures),
        reference_images=(reference.truth,) if reference.truth else (),
        reference=reference,
        group=(META_OF[kind], kind, category),
        cluster=f"{category}/{pictures[0]}",
        strata={"pictures": "several" if len(pictures) > 1 else "one"},
        output_path=f"{category}/{key}.jpg",
        places=(Place(layout="kit", path=f"krisbench/images/{{model}}/{category}/{key}.jpg"),),
    )


def _pictures(row: dict[str, Any], where: str) -> list[str]:
    """Names of the given pictures: one, or a list of up to four."""
    found = row.get("ori_img")
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, list) or not 0 < len(names) <= len(FRAMES):
        raise UserError(f"{where} names no picture, or too many, in 'ori_img'; get it again.")
    if not all(isinstance(n, str) for n in names):
        raise UserError(f"{where} names something else than files in 'ori_img'; get it again.")
    return list(names)


def _frames(pictures: list[str], where: str) -> tuple[tuple[int, ...], int]:
    """Numbers of the given frames, by their names, and the one that is not among them."""
    found = [int(m[1]) for p in pictures if (m := _FRAME.search(p))]
    left = [n for n in FRAMES if n not in found]
    if len(found) != len(pictures) or len(left) != 1 or len(set(found)) != len(found):
        raise UserError(f"{where} does not give three of four frames: {', '.join(pictures)}.")
    return tuple(found), left[0]


FULL = official_suite(
    "full",
    title="seven types of knowledge in 20 categories",
    size=SIZE,
    version=HUB,
    files=FILES,
    read=read,
)
