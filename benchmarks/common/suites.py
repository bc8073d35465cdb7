"""Suites over official data: one reading function gives both the samples and the verification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmarks.common.files import Folder, OfficialFiles
from evals.core.errors import ImageError, UserError
from evals.core.images import inspect_image
from evals.core.protocols import DataProblem, DataSource, Suite
from evals.core.types import Sample

Read = Callable[[Folder, DataSource], Iterable[Sample]]
"""Samples in the official order, no image opened; raises `UserError` with file and line."""


@dataclass(frozen=True, kw_only=True)
class _Official:
    """The functions of a suite, picklable and without state."""

    files: OfficialFiles
    read: Read
    size: int

    def load(self, source: DataSource) -> list[Sample]:
        """All samples.

        Raises:
            UserError: as `OfficialFiles.open` and the reading function, or an id occurs twice.
        """
        samples = list(self.read(self.files.open(source), source))
        twice = [i for i, n in Counter(s.id for s in samples).items() if n > 1]
        if twice:
            raise UserError(
                f"{self.files.benchmark}: the id {twice[0]} occurs more than once in its data "
                f"({len(twice)} such ids); get the official files again."
            )
        return samples

    def verify(self, source: DataSource) -> list[DataProblem]:
        """Everything wrong with files, records, counts and images."""
        folder = self._folder(source)
        problems = folder.problems(source.revision)
        if any(p.fatal for p in problems):
            return problems
        try:
            samples = self.load(source)
        except UserError as error:
            where = str(folder.root)
            return [*problems, DataProblem(kind="malformed", where=where, message=str(error))]
        if len(samples) != self.size:
            message = f"{folder.root} holds {len(samples)} samples; the suite has {self.size}."
            problems.append(
                DataProblem(kind="unexpected", where=str(folder.root), message=message, fatal=False)
            )
        files = dict.fromkeys(p for s in samples for p in (*s.images, *s.reference_images))
        for path in files:
            try:
                inspect_image(path)
            except ImageError as error:
                kind = "missing" if error.kind == "not_found" else "corrupt"
                problems.append(
                    DataProblem(kind=kind, where=str(path), message=f"{path}: {error}")  # type: ignore[arg-type]
                )
        return problems

    def identity(self, source: DataSource) -> Mapping[str, str]:
        """Data file -> sha256, with the revision that it is known as."""
        return self._folder(source).identity()

    def _folder(self, source: DataSource) -> Folder:
        from evals.core.hashes import FileHashes

        return Folder(
            files=self.files, root=self.files.root(source), hashes=FileHashes(source.cache)
        )


def official_suite(
    name: str, *, title: str, size: int, version: str, files: OfficialFiles, read: Read
) -> Suite:
    """A suite over official data.

    Args:
        name: ``full``, ``mini``, ``en``, ...
        title: one line for people.
        size: number of samples that the official suite has.
        version: of the data that is expected, e.g. a commit.
        files: where it lies.
        read: turns the folder into samples.
    """
    made = _Official(files=files, read=read, size=size)
    return Suite(
        name=name, title=title, version=version, synthetic=False, size=size, load=made.load,
        verify=made.verify, identity=made.identity, missing=files.missing(),
    )  # fmt: skip
