"""MathVerse's questions: VLMEvalKit's tables, or the files of the hub."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from benchmarks.common.records import Record
from benchmarks.understanding.judged.mathverse.scoring import VERSIONS
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.errors import UserError
from evals.core.types import Group, Sample

SUBJECTS = ("Plane Geometry", "Solid Geometry", "Functions")
PROBLEMS = 788
"""In each version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MathVerseReference:
    """What is right.

    Attributes:
        answer: the right answer.
        asked: the question as the judge is told it, whole in every version.
    """

    answer: str
    asked: str


def sample(versions: tuple[str, ...], record: Record, table: KitTable) -> Sample:
    """A question, placed by version and subject; the problem is what its versions share.

    Args:
        versions: that the table holds.
        record: of the table.
        table: that it is from.

    Raises:
        UserError: a field is missing or says something unknown, or it is of another version.
    """
    version = record.need("problem_version")
    if version not in versions:
        raise UserError(
            f"{record.where} is of version {version!r}, and the suite {table.suite} holds "
            f"{', '.join(versions)}; get the right file."
        )
    about = metadata(record)
    subject = str(about.get("subject", ""))
    if subject not in SUBJECTS:
        raise UserError(
            f"{record.where} has the subject {subject!r}; known are {', '.join(SUBJECTS)}."
        )
    question, name = record.need("question"), record.need("index")
    whole = record.get("question_for_eval", question)
    return table.build(
        record,
        table.ask(question),
        MathVerseReference(answer=record.need("answer"), asked=whole),
        id=name,
        group=(version, subject),
        cluster=record.get("problem_index", name),
        strata={
            "subfield": str(about.get("subfield", "")) or "none",
            "form": record.get("question_type", "unknown"),
        },
    )


def metadata(record: Record) -> Mapping[str, object]:
    """Metadata, in a table written as Python writes a dict; an apostrophe does no harm.

    Raises:
        UserError: it is something else.
    """
    value = record.values.get("metadata")
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            value = None
    if not isinstance(value, Mapping):
        raise UserError(f"{record.where} has no readable 'metadata'; get the file again.")
    return value


def groups() -> tuple[Group, ...]:
    """Versions, and the subjects in each."""
    return tuple(
        group
        for version in VERSIONS
        for group in (
            Group(path=(version,), title=version),
            *(Group(path=(version, s), title=s) for s in SUBJECTS),
        )
    )


def _table(suite: str, key: str, md5: str, versions: tuple[str, ...]) -> KitTable:
    title = f"version {versions[0]}" if len(versions) == 1 else "all five versions of each problem"
    return KitTable(
        benchmark="mathverse", suite=suite, title=f"testmini, {title}", key=key,
        folder="benchmarks/MathVerse", md5=md5, size=PROBLEMS * len(versions),
        sample=partial(sample, versions),
        hub=HubFiles(
            dataset="CaraJ/MathVerse-lmmseval",
            files="testmini.parquet" if len(versions) > 1 else f"testmini_{suite}.parquet",
            columns={"question": "query_wo", "index": "sample_index"},
        ),
    )  # fmt: skip


TABLES = (
    _table("vision_only", "MathVerse_MINIVOnly", "68a11d4680014ac881fa37adeadea3a4",
           ("Vision Only",)),
    _table("vision_dominant", "MathVerse_MINIVDom", "b8fb63852d261ab2aaefba29cc2414d3",
           ("Vision Dominant",)),
    _table("vision_intensive", "MathVerse_MINIVInt", "01cbd35be202bb0c4873a4186a63bc19",
           ("Vision Intensive",)),
    _table("text_lite", "MathVerse_MINITLite", "19e4b13bdd30b89a03b2e358bcfefa04",
           ("Text Lite",)),
    _table("text_dominant", "MathVerse_MINITDom", "4f5cd2fa6630ea00bb11d6fde1f6fe6a",
           ("Text Dominant",)),
    _table("mini", "MathVerse_MINIV", "5017caca32b7fa110c350a1bea861b65", VERSIONS),
)  # fmt: skip
"""The one of the published tables first; MD5 as in VLMEvalKit's vlmeval/dataset/image_vqa.py."""
