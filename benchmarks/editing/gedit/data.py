"""GEdit-Bench's official data: Parquet files of the hub, 606 edits in each of two languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from benchmarks.common.files import Folder, Hub, OfficialFiles
from benchmarks.common.suites import official_suite
from benchmarks.editing.gedit.scoring import GROUPS
from benchmarks.editing.gedit.unpack import Row, rows
from evals.core.errors import UserError, unknown
from evals.core.protocols import DataSource
from evals.core.types import Place, Sample

NAME = "gedit"
SIZE = 606
HUB = "stepfun-ai/GEdit-Bench"
FILES = OfficialFiles(
    benchmark=NAME,
    names={"data": "data"},
    where=f"the hub data set {HUB}",
    hub=Hub(dataset=HUB, patterns=("data/*.parquet",)),
    terms="MIT",
)


def read(folder: Folder, source: DataSource, *, language: str) -> Iterator[Sample]:
    """All edits of one language; the pictures are unpacked to the cache on first use.

    Raises:
        UserError: there are no Parquet files, or a row is not as it must be.
    """
    home = folder.path("data")
    files = sorted(home.glob("*.parquet"))
    if not files:
        raise UserError(f"{home} holds no *.parquet files; get the hub data set {HUB}.")
    seen: Counter[str] = Counter()
    for row in rows(files, source.cache):
        if row.language == language:
            name = f"{row.task_type}-{row.key}"
            seen[name] += 1
            yield _sample(row, name if seen[name] == 1 else f"{name}-{seen[name]}")


def _sample(row: Row, name: str) -> Sample:
    if row.task_type not in GROUPS:
        raise UserError(f"{HUB}, {name}: {unknown('group', row.task_type, GROUPS)}")
    output = f"fullset/{row.task_type}/{row.language}/{row.key}.png"
    return Sample(
        id=name,
        benchmark=NAME,
        suite=row.language,
        task="edit",
        prompt=row.instruction,
        images=(row.picture,),
        group=(row.task_type,),
        cluster=row.picture.stem,
        strata={"intersection": "yes" if row.intersection else "no"},
        output_path=output,
        places=(Place(layout="kit", path=f"gedit/images/{output}"),),
    )


SUITES = {
    name: official_suite(
        name,
        title=f"{title} instructions, eleven groups",
        size=SIZE,
        version=HUB,
        files=FILES,
        read=partial(read, language=name),
    )
    for name, title in (("en", "English"), ("cn", "Chinese"))
}
