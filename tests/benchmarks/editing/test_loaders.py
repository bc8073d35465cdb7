"""Official data of the editing benchmarks: read as it is, refused when it is not as it must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.editing.gedit.unpack import rows
from benchmarks.editing.kris.scoring import SIZES
from benchmarks.editing.rise.data import FULL
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from tests.benchmarks.editing import kit


def test_the_official_edits_of_imgedit(official_data: Path, tmp_path: Path) -> None:
    root = official_data / "imgedit"
    if not root.is_dir():
        pytest.skip(f"no {root}")
    suite = kit.benchmark("imgedit").suites["full"]
    source = DataSource(root=root, cache=tmp_path)
    samples = suite.load(source)
    assert len(samples) == suite.size == 737
    assert Counter(s.group[0] for s in samples) == {
        "extract": 117, "style": 100, "add": 95, "alter": 94, "background": 94, "replace": 92,
        "remove": 86, "action": 36, "compose": 23,
    }  # fmt: skip
    assert len({s.cluster for s in samples}) < len(samples)
    there = [s for s in samples if s.images[0].is_file()]
    assert len({s.images[0] for s in there}) == 62
    assert suite.identity is not None
    assert "GenEditEvalKit@103b283" in suite.identity(source)["basic_edit.json"]
    kinds = {p.kind for p in suite.verify(source)}
    assert kinds <= {"missing"}, "pictures of this copy that are absent, and nothing else"


def test_another_revision_is_refused_unless_it_is_named(tmp_path: Path) -> None:
    root = kit.imgedit(tmp_path / "data")
    suite = kit.benchmark("imgedit").suites["full"]
    with pytest.raises(UserError, match=r"another revision .* sha256 is [0-9a-f]{64}"):
        suite.load(DataSource(root=root, cache=tmp_path))
    assert len(kit.load("imgedit", root, tmp_path)) == 18


def test_upstreams_name_of_a_type(tmp_path: Path) -> None:
    row = {"id": "animal/0.png", "prompt": "p", "edit_type": "adjust"}
    (sample,) = kit.load("imgedit", kit.imgedit(tmp_path, {"1": row}), tmp_path / "c").values()
    assert sample.group == ("alter",)


PLAIN = {"id": "animal/0.png", "prompt": "p", "edit_type": "add"}
BROKEN: list[tuple[str, Callable[[Path], Any], str]] = [
    ("imgedit", lambda p: kit.imgedit(p, {"1": PLAIN | {"edit_type": "paint"}}), "no edit type"),
    ("imgedit", lambda p: kit.imgedit(p, {"1": PLAIN | {"prompt": 3}}), "no text in 'prompt'"),
    ("imgedit", lambda p: kit.imgedit(p, {"1": PLAIN | {"id": "../x.png"}}), "not below"),
    ("imgedit", lambda p: kit.imgedit(p, {"1": 5}), "record 1 is no object"),
    ("gedit", lambda p: kit.gedit(p, {"task_type": "sky"}), "no group 'sky'"),
    ("gedit", lambda p: kit.gedit(p, {"instruction": None}), "no text in 'instruction'"),
    ("gedit", lambda p: kit.gedit(p, {"input_image": None}), "no picture"),
    ("gedit", lambda p: kit.gedit(p, {"Intersection_exist": None}), "true or false"),
    ("rise", lambda p: kit.rise(p, {"a": 1}), "no JSON list of objects"),  # type: ignore[arg-type]
    ("rise", lambda p: kit.rise(p, [kit.rise_rows()[0] | {"subtask": "Chess"}]), "no subtask"),
    ("rise", lambda p: kit.rise(p, [kit.rise_rows()[0] | {"reference": None}]), "'reference'"),
    ("rise", lambda p: kit.rise(p, [kit.rise_rows()[4] | {"reference_txt": None}]), "_txt'"),
    ("rise", lambda p: kit.rise(p, [kit.rise_rows()[0]] * 2), "occurs more than once"),
    ("kris", lambda p: kit.kris(p, {"color_change": {"ori_img": []}}), "names no picture"),
    ("kris", lambda p: kit.kris(p, {"viewpoint_change": {"gt_img": None}}), "no 'gt_img'"),
    (
        "kris",
        lambda p: kit.kris(
            p, {"temporal_prediction": {"ori_img": ["1-1.png", "1-1.png", "1-4.png"]}}
        ),
        "three of four frames",
    ),
    ("wiseedit", lambda p: kit.wiseedit(p, {"promptcn": " "}), "lacks 'idx' or 'promptcn'"),
    ("wiseedit", lambda p: kit.wiseedit(p, {"input_1": ""}), "names no picture"),
    ("wiseedit", lambda p: kit.wiseedit(p, {"ref": "a;b;c;d"}), "at most 3"),
]


@pytest.mark.parametrize(("name", "make", "words"), BROKEN)
def test_broken_data_is_refused_with_its_place(
    name: str, make: Callable[[Path], Path], words: str, tmp_path: Path
) -> None:
    root = make(tmp_path / "data")
    with pytest.raises(UserError, match=words):
        kit.load(name, root, tmp_path / "cache")


def test_gedits_pictures_are_unpacked_once(tmp_path: Path) -> None:
    root = kit.gedit(tmp_path / "data")
    files = sorted((root / "data").glob("*.parquet"))
    first = rows(files, tmp_path / "cache")
    assert len(first) == 22
    assert {r.language for r in first} == {"en", "cn"}
    times = {r.picture: r.picture.stat().st_mtime_ns for r in first}
    assert rows(files, tmp_path / "cache") == first
    assert times == {r.picture: r.picture.stat().st_mtime_ns for r in first}


def test_a_key_that_occurs_twice_in_gedit_stays_two_edits(tmp_path: Path) -> None:
    root = kit.gedit(tmp_path / "data", {"task_type": "color_alter", "key": "k1"})
    samples = kit.load("gedit", root, tmp_path / "cache")
    assert {"color_alter-k1", "color_alter-k1-2"} <= set(samples)
    assert len(samples) == 11


def test_rise_with_pictures_in_a_folder_beside_its_index(tmp_path: Path) -> None:
    root = kit.rise(tmp_path / "data")
    (root / "data").mkdir()
    (root / "p").rename(root / "data" / "p")
    samples = FULL.load(DataSource(root=root, cache=tmp_path / "cache"))
    assert all(s.images[0].is_file() for s in samples)
    assert not any(p.fatal for p in FULL.verify(DataSource(root=root, cache=tmp_path / "cache")))


def test_sizes_that_are_stated() -> None:
    stated = {"imgedit": 737, "gedit": 606, "rise": 360, "kris": 1267, "wiseedit": 2440}
    for name, size in stated.items():
        bench = kit.benchmark(name)
        assert bench.suites[bench.default_suite].size == size
    assert sum(SIZES.values()) == 1267
