"""ImgEdit's official data: one JSON file of 737 edits, and the pictures that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import below, read_json, text_of
from benchmarks.common.suites import official_suite
from benchmarks.editing.imgedit.scoring import DIMENSIONS, kind
from evals.core.errors import UserError, unknown
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "imgedit"
SIZE = 737
KIT = "open-compass/GenEditEvalKit@103b283"
FILES = OfficialFiles(
    benchmark=NAME,
    names={
        "prompts": "eval_prompts/basic_edit.json|basic_edit.json|singleturn/singleturn.json|"
        "Benchmark/singleturn/singleturn.json|singleturn.json",
    },
    known={
        "prompts": {"5af5e6e4bfdaf53b34a638e6a780485086f2df3ce79bc93d1361edb9cc5f2ac7": KIT},
    },
    where=f"benchmarks/imgedit of {KIT} with Benchmark.tar of the hub data set sysuyy/ImgEdit "
    "unpacked beside it",
    terms="no licence is stated",
)
PICTURES = ("singleturn", "imgedit_asset/Benchmark/singleturn", "Benchmark/singleturn", ".")
"""Where the pictures may lie below the root."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImgEditReference:
    """What scoring needs of an edit.

    Attributes:
        edit_type: one of `scoring.DIMENSIONS`.
    """

    edit_type: str


def read(folder: Folder, source: DataSource) -> Iterator[Sample]:
    """All edits in the order of the file.

    Raises:
        UserError: the file is not as it must be.
    """
    path = folder.path("prompts")
    rows = read_json(path)
    if not isinstance(rows, dict):
        raise UserError(f"{path} is no JSON object; get it again.")
    pictures = _pictures(folder.root)
    for key, row in rows.items():
        where = f"{path}: record {key}"
        if not isinstance(row, dict):
            raise UserError(f"{where} is no object; get the file again.")
        yield _sample(key, row, where, pictures)


def _pictures(root: Path) -> Path:
    return next((root / p for p in PICTURES if (root / p).is_dir()), root)


def _sample(key: str, row: dict[str, object], where: str, pictures: Path) -> Sample:
    edit_type = kind(text_of(row, "edit_type", where))
    if edit_type not in DIMENSIONS:
        raise UserError(f"{where}: {unknown('edit type', edit_type, DIMENSIONS)}")
    picture = text_of(row, "id", where)
    return Sample(
        id=key,
        benchmark=NAME,
        suite="full",
        task="edit",
        prompt=text_of(row, "prompt", where),
        images=(below(pictures, picture, where),),
        reference=ImgEditReference(edit_type=edit_type),
        group=(edit_type,),
        cluster=picture,
        strata={"pictures": picture.partition("/")[0]},
        output_path=f"{key}.png",
        places=(Place(layout="kit", path=f"imgedit/images/{key}.png"),),
    )


FULL = official_suite(
    "full",
    title="ImgEdit Basic, single turn: nine types of edits",
    size=SIZE,
    version=KIT,
    files=FILES,
    read=read,
)
