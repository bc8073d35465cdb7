"""Where questions come from: a table of VLMEvalKit, or the same data set on the hub.

All benchmarks here but the rendered one have such a `KitTable`. It gives their suites: one, and one
more for every other family that words the questions (see `prompts`), with the same ids and groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.common.files import MD5, Folder, Hub, OfficialFiles, named_hash
from benchmarks.common.records import Record, parquet_records
from benchmarks.common.suites import official_suite
from benchmarks.common.tsv import table_rows
from benchmarks.understanding.prompts import DEFAULT, families, families_of, prompt
from evals.core.errors import UserError
from evals.core.protocols import DataSource, Suite
from evals.core.types import Sample


@dataclass(frozen=True, kw_only=True)
class HubFiles:
    """The same questions as Parquet files of the hub, which call some columns otherwise.

    Attributes:
        dataset: ``owner/name``, as lmms-eval reads it.
        files: which files, a pattern below the data set: ``data/test-*.parquet``.
        pictures: columns with pictures.
        only: column of the hub -> value that a record must have.
        columns: column of the table -> what it is called on the hub, where that is all.
        convert: values on the hub -> values by column of the table, where it is not.
    """

    dataset: str
    files: str
    pictures: tuple[str, ...] = ("image",)
    only: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    convert: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None

    @property
    def place(self) -> str:
        """The folder with the files, or the file itself."""
        return self.files.rpartition("/")[0] or self.files

    def records(self, path: Path, cache: Path) -> list[Record]:
        """All records, in the columns of the table.

        Args:
            path: `place` in the user's folder.
            cache: of the user.

        Raises:
            UserError: there are no files, or a record is damaged.
        """
        pattern = self.files.rpartition("/")[2]
        found = sorted(path.glob(pattern)) if path.is_dir() else [path]
        if not found:
            raise UserError(f"{path} holds no {pattern}; get {self.dataset} again.")
        records = parquet_records(found, cache, pictures=self.pictures, only=self.only)
        return [replace(record, values=self._values(record)) for record in records]

    def _values(self, record: Record) -> Mapping[str, Any]:
        named = {column: record.values.get(other) for column, other in self.columns.items()}
        if self.convert is None:
            return {**record.values, **named}
        try:
            return self.convert(record.values)
        except (LookupError, TypeError, ValueError, AttributeError, SyntaxError) as error:
            raise UserError(
                f"{record.where} is not as lmms-eval reads it ({type(error).__name__}: {error}); "
                f"get {self.dataset} again."
            ) from error


@dataclass(frozen=True, kw_only=True)
class KitTable:
    """One table of VLMEvalKit as a suite.

    Ids on the hub may differ from those of the table, so that runs on the two do not compare sample
    by sample.

    Attributes:
        benchmark: name.
        suite: name.
        title: of the suite, one line.
        key: name of the table, ``<key>.tsv``.
        md5: that VLMEvalKit gives for it.
        size: number of samples.
        sample: (record, this table) -> sample; asks with `ask`, and raises `UserError`.
        folder: of the site that has the table, below ``utils``.
        only: column -> value that a row must have.
        hub: the same questions on the hub; None where it does not have them in a form we know.
        check: refuses records that do not belong together.
        terms: what the user must accept for the data; empty for nothing.
        family: that words the questions.
    """

    benchmark: str
    suite: str
    title: str
    key: str
    md5: str
    size: int
    sample: Callable[[Record, KitTable], Sample]
    folder: str = "VLMEval"
    only: Mapping[str, str] = field(default_factory=dict)
    hub: HubFiles | None = None
    check: Callable[[Sequence[Record]], None] | None = None
    terms: str = ""
    family: str = DEFAULT

    def suites(self) -> dict[str, Suite]:
        """This one, and one more for every other family, called ``<suite>-<family>``."""
        others = [name for name in families_of(self.benchmark) if name != self.family]
        tables = [self, *map(self._asked_as, others)]
        return {table.suite: table._official() for table in tables}

    def _asked_as(self, family: str) -> KitTable:
        title = f"{self.title}; {families()[family].title}"
        return replace(self, suite=f"{self.suite}-{family}", title=title, family=family)

    def _official(self) -> Suite:
        url = f"https://opencompass.openxlab.space/utils/{self.folder}/{self.key}.tsv"
        hub = self.hub
        files = OfficialFiles(
            benchmark=self.benchmark,
            names={"table": f"{self.key}.tsv" + (f"|{hub.place}" if hub else "")},
            where=f"VLMEvalKit's table {self.key}.tsv ({url}, MD5 {self.md5})",
            hub=Hub(dataset=hub.dataset, patterns=(hub.files,)) if hub else None,
            terms=self.terms,
        )
        return official_suite(
            self.suite, title=self.title, size=self.size, version=f"md5 {self.md5[:12]}",
            files=files, read=self.read,
        )  # fmt: skip

    def read(self, folder: Folder, source: DataSource) -> Iterable[Sample]:
        """Samples in the order of the table.

        Raises:
            UserError: the table is of another revision, or a record is not as it must be.
        """
        records = self._records(folder.path("table"), source)
        if self.check is not None:
            self.check(records)
        return (self.sample(record, self) for record in records)

    def _records(self, path: Path, source: DataSource) -> list[Record]:
        if self.hub is not None and (path.is_dir() or path.suffix == ".parquet"):
            return self.hub.records(path, source.cache)
        rows = table_rows(
            path, source.cache, self.md5, accept=named_hash(source.revision, MD5),
            of=f"{self.benchmark}/{self.suite}",
        )  # fmt: skip
        return [row for row in rows if all(row.get(c) == v for c, v in self.only.items())]

    def ask(self, question: str, options: Sequence[str] = (), hint: str = "") -> str:
        """What the model is asked, see `benchmarks.understanding.prompts.prompt`."""
        return prompt(self.family, self.benchmark, question, options, hint)

    def build(self, record: Record, prompt: str, reference: Any, **more: Any) -> Sample:
        """A sample of this suite.

        Its id is the index of a table's row, or the place among the hub's records. Questions about
        the same first picture are not independent.

        Args:
            record: that it is made of.
            prompt: what the model is asked.
            reference: what is right.
            more: further fields of the sample; ``id`` and ``cluster`` go before these.
        """
        name = record.get("index") or str(record.number)
        cluster = record.images[0].stem if record.images else name
        return Sample(
            benchmark=self.benchmark, suite=self.suite, task="understand", prompt=prompt,
            images=record.images, reference=reference, **{"id": name, "cluster": cluster, **more},
        )  # fmt: skip
