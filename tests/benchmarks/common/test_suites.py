"""Suites over official data: what loads, what is refused, and what verification tells."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.common.files import Folder, OfficialFiles
from benchmarks.common.reading import read_jsonl, text_of
from benchmarks.common.suites import official_suite
from evals.core.errors import UserError
from evals.core.protocols import DataSource, Suite
from evals.core.types import Sample


def read(folder: Folder, source: DataSource) -> Iterator[Sample]:
    for where, row in read_jsonl(folder.path("rows")):
        name = text_of(row, "id", where)
        yield Sample(
            id=name, benchmark="zoo", suite="full", task="understand", prompt="?",
            images=(folder.root / f"{name}.png",),
        )  # fmt: skip


FILES = OfficialFiles(benchmark="zoo", names={"rows": "rows.jsonl"}, where="owner/zoo")


def suite(size: int = 2) -> Suite:
    return official_suite(
        "full", title="all animals", size=size, version="1", files=FILES, read=read
    )


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    root = tmp_path / "zoo"
    root.mkdir()
    (root / "rows.jsonl").write_text('{"id": "a"}\n{"id": "b"}\n')
    for name in "ab":
        Image.new("RGB", (4, 4)).save(root / f"{name}.png")
    return DataSource(root=root, cache=tmp_path / "cache")


def append(source: DataSource, text: str) -> None:
    assert source.root is not None
    with (source.root / "rows.jsonl").open("a") as stream:
        stream.write(text)


def test_a_whole_suite(source: DataSource) -> None:
    made = suite()
    assert (made.synthetic, made.size, made.missing) == (False, 2, FILES.missing())
    assert [s.id for s in made.load(source)] == ["a", "b"]
    assert made.verify(source) == []
    assert made.identity is not None
    assert list(made.identity(source)) == ["rows.jsonl"]
    assert [s.id for s in pickle.loads(pickle.dumps(made)).load(source)] == ["a", "b"]


def test_an_id_that_occurs_twice_is_refused(source: DataSource) -> None:
    append(source, '{"id": "b"}\n{"id": "a"}\n')
    with pytest.raises(UserError, match=r"the id a occurs more than once .*\(2 such ids\)"):
        suite().load(source)
    (problem,) = suite().verify(source)
    assert (problem.kind, problem.fatal) == ("malformed", True)
    assert "occurs more than once" in problem.message


def test_a_broken_record_is_a_problem_with_its_place(source: DataSource) -> None:
    append(source, '{"name": "c"}\n')
    (problem,) = suite().verify(source)
    assert problem.kind == "malformed"
    assert f"{source.root}/rows.jsonl:3 has no text in 'id'" in problem.message


def test_another_number_of_samples_is_told_and_does_no_harm(source: DataSource) -> None:
    (problem,) = suite(3).verify(source)
    assert (problem.kind, problem.fatal) == ("unexpected", False)
    assert "holds 2 samples; the suite has 3" in problem.message
    assert len(suite(3).load(source)) == 2


def test_pictures_that_are_gone_or_damaged(source: DataSource) -> None:
    assert source.root is not None
    (source.root / "a.png").unlink()
    (source.root / "b.png").write_bytes(b"\x89PNG")
    kinds = {Path(p.where).name: (p.kind, p.fatal) for p in suite().verify(source)}
    assert kinds == {"a.png": ("missing", True), "b.png": ("corrupt", True)}


def test_data_that_is_not_there(source: DataSource, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="zoo needs its official data"):
        suite().verify(DataSource(cache=tmp_path))
    (tmp_path / "empty").mkdir()
    (problem,) = suite().verify(DataSource(root=tmp_path / "empty", cache=tmp_path))
    assert problem.kind == "missing"
