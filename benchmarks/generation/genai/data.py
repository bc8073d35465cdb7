"""GenAI-Bench's prompts as samples, each with the skills that it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_json, read_object, text_of
from benchmarks.common.suites import official_suite
from benchmarks.generation.genai.rules import GROUPS
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "genai"

SKILLS = tuple(dict.fromkeys(s for g in ("basic", "advanced") for s in GROUPS[g]))
KINDS = ("basic", "advanced", "untagged")
TITLES = {"basic": "Basic", "advanced": "Advanced", "untagged": "Without a skill"}

_KIT = "open-compass/GenEditEvalKit@103b283"


def _files(folder: str, known: Mapping[str, Mapping[str, str]]) -> OfficialFiles:
    return OfficialFiles(
        benchmark=NAME,
        names={
            "images": f"{folder}/genai_image.json|genai_image.json",
            "skills": f"{folder}/genai_skills.json|genai_skills.json",
        },
        where=f"{folder}/genai_image.json and genai_skills.json of GenAI-Bench (eval_prompts of "
        f"{_KIT})",
        known=known,
    )


FILES = {
    "genai1600": _files(
        "genai1600",
        {
            "images": {"a7e15e46786b64f5d3518d3450b2b5a86438f2b946e8d093dcaf0d5c5c094b1e": _KIT},
            "skills": {"8df390cb89d0584389747c69acecd03615ffc229c1db71a90e4abd3d12d9a3d2": _KIT},
        },
    ),
    "genai527": _files("genai527", {}),
}


def read(folder: Folder, source: DataSource, *, suite: str) -> Iterator[Sample]:
    """Samples in the order of the file.

    Raises:
        UserError: a record or the map of skills is malformed, or the map names other prompts.
    """
    del source
    path = folder.path("images")
    rows = read_object(path)
    known = _skills(folder, {int(key) for key in rows if str(key).isdecimal()})
    for key, row in rows.items():
        where = f"{path}: {key!r}"
        if not key.isdecimal() or not isinstance(row, dict):
            raise UserError(f"{where} is no numbered prompt; get the file again.")
        own = known.get(int(key), ())
        kinds = [k for k in KINDS[:2] if k in own]
        if len(kinds) > 1:
            raise UserError(f"{where} is both basic and advanced; get the map of skills again.")
        kind = kinds[0] if kinds else "untagged"
        yield Sample(
            id=key,
            benchmark=NAME,
            suite=suite,
            task="generate",
            prompt=text_of(row, "prompt", where),
            group=(kind,),
            cluster=key,
            strata=dict.fromkeys(own, "yes") | {"skills": "some" if own else "none"},
            output_path=f"{int(key):09d}.jpg",
            places=_places(int(key), suite),
        )


def _places(number: int, suite: str) -> tuple[Place, ...]:
    """GenEditEvalKit has the 1,600 prompts alone."""
    kit = Place(layout="kit", path=f"genai/images/{number:09d}.jpg")
    return (kit,) if suite == "genai1600" else ()


def _skills(folder: Folder, numbers: set[int]) -> dict[int, tuple[str, ...]]:
    """Prompt -> its skills, in the order of the map."""
    path = folder.path("skills")
    table: Any = read_json(path)
    if not isinstance(table, dict) or set(table) != set(SKILLS):
        raise UserError(f"{path} does not map the twelve skills to prompts; get it again.")
    found: dict[int, list[str]] = {}
    for skill, ids in table.items():
        if not isinstance(ids, list) or not set(ids) <= numbers:
            raise UserError(f"{path}: {skill!r} names prompts that there are not; get it again.")
        for number in ids:
            found.setdefault(number, []).append(skill)
    return {number: tuple(names) for number, names in found.items()}


SUITES = {
    "genai1600": official_suite(
        "genai1600", title="1,600 prompts, 722 basic and 871 advanced", size=1600,
        version="103b283", files=FILES["genai1600"], read=partial(read, suite="genai1600"),
    ),
    "genai527": official_suite(
        "genai527", title="527 of them, 214 basic and 313 advanced", size=527, version="103b283",
        files=FILES["genai527"], read=partial(read, suite="genai527"),
    ),
}  # fmt: skip
