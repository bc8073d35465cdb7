"""The prompts of WISE, legacy and Verified: three JSON files each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_objects, text_of, whole_of
from benchmarks.common.suites import official_suite
from benchmarks.knowledge.wise.editions import LEGACY, TITLES, VERIFIED, Edition
from evals.core.errors import UserError
from evals.core.protocols import DataSource, Suite
from evals.core.types import Place, Sample

SIZE = 1000
STEMS: Mapping[str, str] = {
    "culture": "cultural_common_sense",
    "space-time": "spatio-temporal_reasoning",
    "science": "natural_science",
}
"""Kind of a file -> its name without suffix."""

PINS: Mapping[str, str] = {
    "culture": "7a59216c768698280cea37caa574b52f3faf054d73b398b9bb6b3161baf8e3aa",
    "space-time": "e27d797885ad86e64d857d0cc93d33e04be572a8dcae95692a2c7e7876233f9a",
    "science": "b262fae58e413c7a4bd3c3d5a089f8c6529feac227e4b6606be261a949035544",
}
PINNED = "open-compass/GenEditEvalKit@103b283 (WISE legacy)"


@dataclass(frozen=True, kw_only=True, slots=True)
class WiseReference:
    """What a judge is told beside the prompt.

    Attributes:
        explanation: what the prompt means, and what an image of it must show.
    """

    explanation: str


def _legacy_names() -> dict[str, str]:
    folders = ("", "WISE_legacy/data/", "benchmarks/wise/data/", "data/")
    return {kind: "|".join(f"{f}{stem}.json" for f in folders) for kind, stem in STEMS.items()}


LEGACY_FILES = OfficialFiles(
    benchmark="wise",
    names=_legacy_names(),
    known={kind: {digest: PINNED} for kind, digest in PINS.items()},
    where="the three files of WISE_legacy/data of github.com/PKU-YuanGroup/WISE, or of "
    "benchmarks/wise/data of github.com/open-compass/GenEditEvalKit",
    terms="none stated upstream",
)
VERIFIED_FILES = OfficialFiles(
    benchmark="wise-verified",
    names={
        kind: f"data_verified/{stem}_verified.json|{stem}_verified.json"
        for kind, stem in STEMS.items()
    },
    where="the folder data_verified of github.com/PKU-YuanGroup/WISE (since 2026-04)",
    terms="none stated upstream",
)


def read(folder: Folder, source: DataSource, *, name: str, edition: Edition) -> Iterator[Sample]:
    """Samples in the order of their ids.

    Raises:
        UserError: a record is malformed, or its id is none of the edition's.
    """
    found: list[tuple[int, Sample]] = []
    for kind in folder.files.names:
        path = folder.path(kind)
        for number, row in enumerate(read_objects(path), 1):
            found.append(_sample(row, f"{path}: record {number}", name, edition))
    for _, sample in sorted(found, key=lambda pair: pair[0]):
        yield sample


def _sample(row: Mapping[str, Any], where: str, name: str, edition: Edition) -> tuple[int, Sample]:
    prompt_id = whole_of(row, "prompt_id", where)
    category = edition.category(prompt_id)
    if category is None:
        raise UserError(f"{where} has the id {prompt_id}, which is none of 1 to {SIZE}.")
    sample = Sample(
        id=str(prompt_id),
        benchmark=name,
        suite="full",
        task="generate",
        prompt=text_of(row, "Prompt", where),
        reference=WiseReference(explanation=text_of(row, "Explanation", where)),
        group=(TITLES[category],),
        cluster=str(prompt_id),
        strata={"subcategory": text_of(row, "Subcategory", where)},
        output_path=f"{prompt_id}.png",
        # GenEditEvalKit has the legacy prompts, under the same ids as others of the verified ones.
        places=(Place(layout="kit", path=f"wise/images/{prompt_id}.png"),)
        if edition is LEGACY
        else (),
    )
    return prompt_id, sample


def _suite(files: OfficialFiles, edition: Edition, version: str) -> Suite:
    return official_suite(
        "full", title="1,000 prompts that need cultural, spatio-temporal or scientific knowledge",
        size=SIZE, version=version, files=files,
        read=partial(read, name=files.benchmark, edition=edition),
    )  # fmt: skip


LEGACY_SUITE = _suite(LEGACY_FILES, LEGACY, "WISE@eb51174 (legacy)")
VERIFIED_SUITE = _suite(VERIFIED_FILES, VERIFIED, "WISE@eb51174 (verified)")
