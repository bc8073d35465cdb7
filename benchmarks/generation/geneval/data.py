"""GenEval's prompts as samples: the plain ones, and the rewritten ones that BAGEL's script uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_jsonl, text_of
from benchmarks.common.suites import official_suite
from benchmarks.generation.geneval.classes import NAMES
from benchmarks.generation.geneval.rules import COLOURS, TAGS, Clause, Spec, read_spec
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "geneval"
SIZE = 553

TITLES = {
    "single_object": "Single object",
    "two_object": "Two objects",
    "counting": "Counting",
    "colors": "Colours",
    "position": "Position",
    "color_attr": "Colour attribution",
}
"""Task -> what tables call it."""

PLAIN = OfficialFiles(
    benchmark=NAME,
    names={"prompts": "prompts/evaluation_metadata.jsonl|evaluation_metadata.jsonl"},
    where="the folder prompts of github.com/djghosh13/geneval at af4902f",
    known={
        "prompts": {
            "5c48e0813e812e3c373fa5c8ed07a8f0a483be30272b4427b0559c8048e67c13": (
                "djghosh13/geneval@af4902f"
            )
        }
    },
)

_LONG = "evaluation_metadata_long.jsonl"
LONG = OfficialFiles(
    benchmark=NAME,
    names={"prompts": f"prompts/{_LONG}|{_LONG}|eval/gen/geneval/prompts/{_LONG}"},
    where=f"{_LONG} of github.com/ByteDance-Seed/Bagel at 056b5fd (eval/gen/geneval/prompts)",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GenEvalReference:
    """What a picture must show."""

    spec: Spec


def read(folder: Folder, source: DataSource, *, suite: str) -> Iterator[Sample]:
    """Samples in the order of the file.

    Raises:
        UserError: a record is malformed, or names a class, colour or task that there is not.
    """
    del source
    for number, (where, row) in enumerate(read_jsonl(folder.path("prompts"))):
        prompt = text_of(row, "prompt", where)
        spec = _spec(row, where)
        name = f"{number:05d}"
        yield Sample(
            id=name,
            benchmark=NAME,
            suite=suite,
            task="generate",
            prompt=prompt,
            reference=GenEvalReference(spec=spec),
            group=(spec.tag,),
            cluster=name,
            strata=_strata(spec),
            output_path=f"{name}/samples/00000.png",
            places=_places(name, suite),
        )


def _places(name: str, suite: str) -> tuple[Place, ...]:
    """Five digits, as both write them, or four; GenEditEvalKit has the plain prompts alone."""
    five, four = (f"{name}/samples/{{trial:0{digits}d}}.png" for digits in (5, 4))
    released = (Place(layout="official", path=five), Place(layout="official", path=four))
    kit = Place(layout="kit", path=f"geneval/images/{five}")
    return (*released, kit) if suite == "full" else released


def _spec(row: Mapping[str, object], where: str) -> Spec:
    try:
        spec = read_spec(row)
    except ValueError as error:
        raise UserError(f"{where}: {error}; get the file again.") from error
    for clause in (*spec.include, *spec.exclude):
        if clause.name not in NAMES:
            raise UserError(f"{where}: {clause.name!r} is no class of COCO; get the file again.")
        if clause.colour and clause.colour not in COLOURS:
            raise UserError(f"{where}: {clause.colour!r} is none of the ten colours; get it again.")
    if spec.tag not in TAGS:
        raise UserError(f"{where}: {spec.tag!r} is none of the six tasks; get the file again.")
    return spec


def _strata(spec: Spec) -> dict[str, str]:
    """What a result may depend on within a task."""
    last: Clause = spec.include[-1]
    if spec.tag == "counting":
        return {"count": str(last.count)}
    if spec.tag == "position":
        return {"relation": last.relation}
    return {"colour": last.colour} if spec.tag == "colors" else {}


SUITES = {
    "full": official_suite(
        "full", title="553 plain prompts in six tasks", size=SIZE, version="af4902f", files=PLAIN,
        read=partial(read, suite="full"),
    ),
    "long": official_suite(
        "long", title="the same 553, rewritten by a language model; what BAGEL's script uses",
        size=SIZE, version="056b5fd", files=LONG, read=partial(read, suite="long"),
    ),
}  # fmt: skip
