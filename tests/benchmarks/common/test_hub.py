"""Data sets of the hub: downloaded once at a commit, and their Parquet files as records."""

from __future__ import annotations

import datetime
import shutil
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.files import Hub, OfficialFiles
from benchmarks.common.hub import ensure_snapshot, parquet_rows
from benchmarks.common.records import parquet_records
from evals.core.errors import MissingExtra, UserError
from evals.core.protocols import DataSource

COMMIT = "0123abcd" * 5
ZOO = Hub(dataset="owner/zoo", patterns=("data/test-*.parquet",))
PNG = b"\x89PNG\r\n\x1a\n and more"


# --- downloads --------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A hub that holds one file, without a network; gives the calls."""
    remote = tmp_path / "remote" / "data"
    remote.mkdir(parents=True)
    (remote / "test-0.parquet").write_bytes(b"rows")
    calls: list[dict[str, Any]] = []

    def snapshot_download(dataset: str, **options: Any) -> str:
        calls.append({"dataset": dataset, **options})
        shutil.copytree(remote.parent, options["local_dir"], dirs_exist_ok=True)
        if len(calls) == 1 and (tmp_path / "broken").exists():
            raise ConnectionError("the line is dead")
        return str(options["local_dir"])

    fake = types.ModuleType("huggingface_hub")
    fake.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    return calls


def test_a_commit_is_downloaded_once(hub: list[dict[str, Any]], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for _ in range(2):
        root = ensure_snapshot(ZOO, COMMIT, cache, "zoo")
        assert root == cache / "hub" / "owner--zoo" / COMMIT
        assert (root / "data" / "test-0.parquet").read_bytes() == b"rows"
    (call,) = hub
    assert call == {
        "dataset": "owner/zoo", "repo_type": "dataset", "revision": COMMIT, "local_dir": root,
        "allow_patterns": ["data/test-*.parquet"],
    }  # fmt: skip


def test_official_files_come_from_the_hub_where_no_folder_is_given(
    hub: list[dict[str, Any]], tmp_path: Path
) -> None:
    files = OfficialFiles(benchmark="zoo", names={"table": "Zoo.tsv|data"}, where="it", hub=ZOO)
    folder = files.open(DataSource(revision=COMMIT, cache=tmp_path / "cache"))
    assert (folder.path("table") / "test-0.parquet").is_file()
    files.open(DataSource(root=folder.root, revision=COMMIT, cache=tmp_path / "cache"))
    assert len(hub) == 1, "a folder that is given is taken as it is"


def test_a_download_that_broke_off_is_made_again(hub: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(UserError, match=rf"Cannot download owner/zoo@{COMMIT}") as error:
        ensure_snapshot(ZOO, COMMIT, tmp_path / "cache", "zoo")
    assert "ConnectionError: the line is dead" in str(error.value)
    assert "--data zoo=FOLDER" in str(error.value)
    assert ensure_snapshot(ZOO, COMMIT, tmp_path / "cache", "zoo").is_dir()
    assert len(hub) == 2


@pytest.mark.parametrize("revision", ["main", "v1.0", COMMIT[:12], COMMIT.upper(), COMMIT + "0"])
def test_what_may_move_is_not_taken(
    revision: str, hub: list[dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"'{revision}' of owner/zoo is not a commit"):
        ensure_snapshot(ZOO, revision, tmp_path, "zoo")
    assert hub == []


def test_packages_that_are_absent_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="huggingface_hub"):
        ensure_snapshot(ZOO, COMMIT, tmp_path, "zoo")
    with pytest.raises(MissingExtra, match="pyarrow"):
        list(parquet_rows([tmp_path / "x.parquet"]))


# --- Parquet ----------------------------------------------------------------------------------


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return path


def cell(data: bytes | None = PNG) -> dict[str, Any]:
    return {"bytes": data, "path": "x.png"}


def test_rows_in_the_order_of_the_files(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{n}.parquet", [{"n": n, "m": m} for m in range(70)]) for n in "ba"]
    rows = list(parquet_rows(files))
    assert len(rows) == 140
    assert rows[65] == (f"{files[0]}: row 65", {"n": "b", "m": 65})
    assert rows[70] == (f"{files[1]}: row 0", {"n": "a", "m": 0})
    assert next(iter(parquet_rows(files, ["m"])))[1] == {"m": 0}
    with pytest.raises(UserError, match=r"b\.parquet has no column 'k'"):
        list(parquet_rows(files, ["m", "k"]))


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "x.parquet"
    with pytest.raises(UserError, match=r"x\.parquet is not readable Parquet"):
        list(parquet_rows([path]))
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"x\.parquet is not readable Parquet"):
        list(parquet_rows([path]))


def test_records_and_their_pictures(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.parquet",
        [
            {"q": "a\u2028b", "one": cell(), "many": [cell(), cell(b"GIF89a")], "list": ["x"],
             "about": {"task": "t"}, "number": float("nan"), "other": cell()},
            {"q": "", "one": None, "many": [], "list": None, "about": None, "number": 1.5,
             "other": cell()},
        ],
    )  # fmt: skip
    first, second = parquet_records([path], tmp_path / "cache", pictures=("one", "many"))
    assert first.where == f"{path}: row 0"
    assert [p.read_bytes() for p in first.images] == [PNG, PNG, b"GIF89a"]
    assert [p.suffix for p in first.images] == [".png", ".png", ".gif"]
    assert first.values["q"] == "a\u2028b"
    assert (first.values["list"], first.values["about"]) == (["x"], {"task": "t"})
    assert first.get("number", "none") == "none", "no number is nothing"
    assert "other" not in first.values, "bytes of no use are left out"
    assert (second.number, second.images, second.get("number")) == (1, (), "1.5")
    again = parquet_records([path], tmp_path / "cache", pictures=("one", "many"))
    assert [r.images for r in again] == [first.images, ()]


def test_only_some_records_are_unpacked(tmp_path: Path) -> None:
    rows = [{"kind": k, "image": cell(PNG + k.encode())} for k in ("image", "video", "image")]
    path = write(tmp_path / "x.parquet", rows)
    found = parquet_records([path], tmp_path / "cache", only={"kind": "image"})
    assert [(r.number, r.where) for r in found] == [(0, f"{path}: row 0"), (1, f"{path}: row 2")]
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 1
    # Another choice is another entry of the cache.
    assert len(parquet_records([path], tmp_path / "cache")) == 3


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"image": cell(b"")}, "row 0 holds a picture without bytes"),
        ({"image": {"bytes": None, "path": "gone.png"}}, "row 0 holds a picture without bytes"),
        ({"image": "gone.png"}, "row 0 holds a picture without bytes"),
        ({"image": cell(), "day": datetime.date(2024, 1, 1)}, "row 0 cannot be stored"),
    ],
)
def test_damaged_records_are_refused(row: Mapping[str, Any], says: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", [row])
    for _ in range(2):  # and not taken from the cache at the second try
        with pytest.raises(UserError, match=says) as error:
            parquet_records([path], tmp_path / "cache")
        assert str(path) in str(error.value)
