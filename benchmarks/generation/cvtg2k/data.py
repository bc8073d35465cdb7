"""The prompts of CVTG-2K: two subsets, with two to five texts to an image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_json, text_of, whole_of
from benchmarks.common.suites import official_suite
from benchmarks.generation.cvtg2k.scoring import REGIONS, SUBSETS
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from evals.core.types import Group, Place, Sample

NAME = "cvtg2k"
SIZES = {("CVTG", 2): 200, ("CVTG", 3): 301, ("CVTG", 4): 300, ("CVTG", 5): 201,
         ("CVTG-Style", 2): 200, ("CVTG-Style", 3): 299, ("CVTG-Style", 4): 302,
         ("CVTG-Style", 5): 197}  # fmt: skip
"""Prompts by subset and number of texts; 2,000 in all."""
SPELLINGS = {"CVTG": ("CVTG",), "CVTG-Style": ("CVTG-Style", "CVTG-style")}


@dataclass(frozen=True, kw_only=True)
class CvtgReference:
    """What the image has to hold.

    Attributes:
        regions: how many texts the prompt asks for.
    """

    regions: int


def _places(subset: str, regions: int) -> str:
    tops = ("", "CVTG-2K/")
    return "|".join(f"{top}{s}/{regions}.json" for top in tops for s in SPELLINGS[subset])


FILES = OfficialFiles(
    benchmark=NAME,
    names={f"{s}/{n}": _places(s, n) for s, n in SIZES},
    where="CVTG-2K.zip of the data set dnkdnk/CVTG-2K on the hub, unpacked",
    terms="Apache-2.0",
)


def read(folder: Folder, source: DataSource) -> Iterable[Sample]:
    """Samples subset by subset, from few texts to many.

    Raises:
        UserError: a file is malformed.
    """
    for subset, regions in SIZES:
        path = folder.path(f"{subset}/{regions}")
        table = read_json(path)
        rows = table.get("data_list") if isinstance(table, dict) else None
        if not isinstance(rows, list):
            raise UserError(f"{path} has no list 'data_list'; get the file again.")
        for number, row in enumerate(rows, 1):
            where = f"{path}: entry {number}"
            if not isinstance(row, dict):
                raise UserError(f"{where} is no object; get the file again.")
            index = whole_of(row, "index", where)
            yield Sample(
                id=f"{subset}-{regions}-{index}",
                benchmark=NAME,
                suite="full",
                task="generate",
                prompt=text_of(row, "prompt", where),
                reference=CvtgReference(regions=regions),
                group=(subset, str(regions)),
                strata={"regions": str(regions)},
                output_path=f"{subset}/{regions}/{index}.png",
                places=(Place(layout="official", path=f"{subset}/{regions}/{index}.png"),),
            )


FULL = official_suite(
    "full",
    title="both subsets, 2 to 5 texts to an image",
    size=sum(SIZES.values()),
    version="dnkdnk/CVTG-2K",
    files=FILES,
    read=read,
)
TITLES = {"CVTG": "plain texts", "CVTG-Style": "texts with size, colour or font"}
GROUPS = tuple(
    group
    for subset in SUBSETS
    for group in (
        Group(path=(subset,), title=f"{subset}: {TITLES[subset]}"),
        *(Group(path=(subset, str(n)), title=f"{n} texts") for n in REGIONS),
    )
)
