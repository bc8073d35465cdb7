"""Suites whose prompts come in one of several layouts, with files beside them that may be absent.

Prompts alone are enough to make images from; what only scoring needs (questions, ground truths) may
be added to the folder later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.common.files import OfficialFiles
from benchmarks.common.suites import Read, official_suite
from evals.core.hashes import FileHashes
from evals.core.protocols import DataProblem, DataSource, Suite
from evals.core.types import Sample


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Files of one layout, and how they are read."""

    files: OfficialFiles
    read: Read

    def found(self, root: Path) -> bool:
        """Whether all of its files are below a folder."""
        return all(beside(root, places) for places in self.files.names.values())


def beside(root: Path, places: str) -> Path | None:
    """The first of several places, separated by ``|``, that exists below a folder."""
    found = (root / p for p in places.split("|"))
    return next((p for p in found if p.exists()), None)


@dataclass(frozen=True, kw_only=True)
class _Layered:
    """The functions of the suite, picklable and without state."""

    layouts: tuple[Layout, ...]
    suites: tuple[Suite, ...]
    optional: Mapping[str, str]

    def _pick(self, source: DataSource) -> Suite:
        """The suite of the first layout that the folder has; the first one's, to say what lacks."""
        if source.root is not None:
            root = source.root.expanduser()
            for layout, suite in zip(self.layouts, self.suites, strict=True):
                if layout.found(root):
                    return suite
        return self.suites[0]

    def load(self, source: DataSource) -> list[Sample]:
        """See `Suite`."""
        return self._pick(source).load(source)

    def verify(self, source: DataSource) -> list[DataProblem]:
        """See `Suite`; files that only scoring needs are named when they are absent."""
        problems = self._pick(source).verify(source)
        root = self.layouts[0].files.root(source)
        for purpose, places in self.optional.items():
            if beside(root, places) is None:
                first = root / places.split("|")[0]
                message = (
                    f"{first} does not exist; nothing that needs {purpose} is scored without it."
                )
                problems.append(
                    DataProblem(kind="missing", where=str(first), message=message, fatal=False)
                )
        return problems

    def identity(self, source: DataSource) -> Mapping[str, str]:
        """See `Suite`; files beside the prompts included."""
        root = self.layouts[0].files.root(source)
        hashes = FileHashes(source.cache)
        found = (beside(root, places) for places in self.optional.values())
        more = {p.relative_to(root).as_posix(): hashes.sha256(p) for p in found if p is not None}
        own = self._pick(source).identity
        return {**(own(source) if own is not None else {}), **more}


def layered_suite(
    name: str, *, title: str, size: int, version: str, layouts: tuple[Layout, ...],
    optional: Mapping[str, str],
) -> Suite:  # fmt: skip
    """See the module.

    Args:
        name: as of `official_suite`, like the others.
        title: one line for people.
        size: number of samples.
        version: of the data.
        layouts: in the order in which they are looked for; the first is asked for when none is
            there.
        optional: what for -> places of a file that only scoring needs, separated by ``|``.
    """
    suites = tuple(
        official_suite(
            name, title=title, size=size, version=version, files=layout.files, read=layout.read
        )
        for layout in layouts
    )
    made = _Layered(layouts=layouts, suites=suites, optional=optional)
    return replace(suites[0], load=made.load, verify=made.verify, identity=made.identity)
