"""HPSv2's benchmark prompts as samples: four styles of 800."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_json, read_objects, text_of, whole_of
from benchmarks.common.suites import official_suite
from benchmarks.generation.hpsv2.rules import STYLES
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "hpsv2"
SIZE = 3200

TITLES = {
    "anime": "Anime", "concept-art": "Concept art", "paintings": "Paintings", "photo": "Photo",
}  # fmt: skip

FILES = OfficialFiles(
    benchmark=NAME,
    names={"prompts": "prompts_extracted.json|anime.json|benchmark/anime.json"},
    where="prompts_extracted.json of GenEditEvalKit at 103b283, or the four lists anime.json, "
    "concept-art.json, paintings.json and photo.json of HPDv2's benchmark prompts",
    known={
        "prompts": {
            "51f0c1acdbe5d4e51edb2761e2a931c384b9e2896e6e9a62ee7d59d808b8730d": (
                "open-compass/GenEditEvalKit@103b283"
            )
        }
    },
)


def read(folder: Folder, source: DataSource) -> Iterator[Sample]:
    """Samples, style by style.

    Raises:
        UserError: a file is malformed, or one of four lists is absent.
    """
    del source
    path = folder.path("prompts")
    if path.name == "anime.json":
        for style in STYLES:
            yield from _list(path.with_name(f"{style}.json"), style)
        return
    for number, row in enumerate(read_objects(path)):
        where = f"{path}: record {number}"
        style = text_of(row, "style", where)
        if style not in STYLES:
            raise UserError(f"{where} has the style {style!r}, none of the four; get it again.")
        yield _sample(style, whole_of(row, "idx", where), text_of(row, "prompt", where))


def _list(path: Any, style: str) -> Iterator[Sample]:
    prompts = read_json(path)
    if not isinstance(prompts, list) or not all(isinstance(p, str) for p in prompts):
        raise UserError(f"{path} is no JSON list of prompts; get it again.")
    for number, prompt in enumerate(prompts):
        yield _sample(style, number, prompt)


def _sample(style: str, number: int, prompt: str) -> Sample:
    return Sample(
        id=f"{style}-{number:04d}",
        benchmark=NAME,
        suite="full",
        task="generate",
        prompt=prompt,
        group=(style,),
        cluster=prompt,  # 28 prompts occur twice
        output_path=f"{style}/{number:05d}.jpg",
        places=(Place(layout="kit", path=f"hpsv2/images/{style}/{number:05d}.jpg"),),
    )


SUITES = {
    "full": official_suite(
        "full", title="3,200 prompts in four styles", size=SIZE, version="103b283", files=FILES,
        read=read,
    )
}  # fmt: skip
