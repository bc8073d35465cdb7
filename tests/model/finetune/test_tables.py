"""Files of rows: what they may look like, what is wrong with them, and what they cost to read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Features, Value
from datasets import Image as ImageFeature

from evals.core.errors import UserError
from model.finetune.config import Entry
from model.finetune.parquet import ParquetTable
from model.finetune.tables import JsonlTable, open_table
from tests.model.finetune.table_kit import (
    ROWS,
    SIZED,
    edit_row,
    jsonl,
    kinds,
    noise,
    opened,
    parquet,
    picture,
    written,
)  # fmt: skip


def test_a_folder_is_one_table_in_the_order_of_names(tmp_path: Path) -> None:
    for n in (2, 0, 1):
        parquet(tmp_path / "d" / f"part{n}" / "a.parquet", ROWS[2 * n : 2 * n + 2])
    (tmp_path / "d" / ".cache").mkdir()
    (tmp_path / "d" / ".cache" / "b.parquet").write_bytes(b"of the hub")
    (tmp_path / "d" / "c.parquet.part").write_bytes(b"half")
    source = opened(tmp_path / "d")
    assert [source.read(n).id for n in range(6)] == [f"row{n}" for n in range(6)]


@kinds
def test_names_are_names_and_no_patterns(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "d [1]*? #%20"
    written(kind, folder, ROWS[:2], "a[0]*")
    written(kind, folder, ROWS[2:4], "b ä")
    assert [opened(folder).read(n).id for n in range(4)] == [f"row{n}" for n in range(4)]


def test_several_jsonl_files_with_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    jsonl(folder / "a.jsonl", ROWS[:2])
    text = jsonl(folder / "b.jsonl", ROWS[2:4]).read_text()
    (folder / "b.jsonl").write_text("\ufeff" + text.replace("\n", "\r\n\n  \n"), encoding="utf-8")
    assert [opened(folder).read(n).id for n in range(4)] == [f"row{n}" for n in range(4)]


@pytest.mark.parametrize("form", ["struct", "image feature", "path", "large_binary"])
def test_parquet_holds_images_in_several_forms(form: str, tmp_path: Path) -> None:
    data = picture(grey=33)
    (tmp_path / "a.png").write_bytes(data)
    cells: dict[str, Any] = {
        "struct": pa.array([{"bytes": data, "path": None}, {"bytes": None, "path": "a.png"}]),
        "image feature": pa.array([{"bytes": data, "path": "x"}] * 2),
        "path": pa.array(["a.png", str(tmp_path / "a.png")]),
        "large_binary": pa.array([data, data], pa.large_binary()),
    }  # fmt: skip
    table = pa.table({"edit_instruction": ["a", "b"], "edited_image": cells[form]})
    if form == "image feature":
        features = Features({"edit_instruction": Value("string"), "edited_image": ImageFeature()})
        table = table.cast(features.arrow_schema)
    pq.write_table(table, tmp_path / "t.parquet")
    source = opened(tmp_path / "t.parquet", "t2i")
    assert source.sizes.tolist() == [[80, 96]] * 2
    for n in range(2):
        target = source.read(n).target
        assert target is not None
        assert target.getpixel((0, 0)) == (33, 33, 33)


@pytest.mark.parametrize("name", ["gone.parquet", "gone.jsonl", "gone", "gone/deeper"])
def test_a_path_that_does_not_exist(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone.* does not exist"):
        opened(tmp_path / name, cache=tmp_path / "cache")


def test_folders_that_hold_nothing_or_two_things(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with pytest.raises(UserError, match=r"no \.parquet and no \.jsonl"):
        opened(tmp_path / "d")
    (tmp_path / "d" / "a.csv").write_text("a,b")
    with pytest.raises(UserError, match=r"neither \.parquet nor \.jsonl"):
        opened(tmp_path / "d" / "a.csv")
    parquet(tmp_path / "d" / "a.parquet", ROWS)
    jsonl(tmp_path / "d" / "b.jsonl", ROWS)
    with pytest.raises(UserError, match="both Parquet and jsonl"):
        opened(tmp_path / "d")


@pytest.mark.parametrize("damage", ["text", "empty", "cut", "pages"])
def test_a_broken_parquet_file_is_named(damage: str, tmp_path: Path) -> None:
    parquet(tmp_path / "d" / "a.parquet", ROWS)
    path = parquet(tmp_path / "d" / "b.parquet", ROWS, compression="zstd")
    data = path.read_bytes()
    path.write_bytes({
        "text": b"this is no Parquet file", "empty": b"", "cut": data[:-30],
        "pages": data[:4] + b"\xff" * 1500 + data[1504:],
    }[damage])  # fmt: skip
    with pytest.raises(UserError, match=r"b\.parquet .*(again|write it)") as caught:
        opened(tmp_path / "d")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (b'{"edit_instruction": ', "Line 3 of .*b.jsonl is not JSON"),
        (b"[1, 2]", "Line 3 of .*b.jsonl is not a JSON object"),
        (b"\xff\xfe{}", "Line 3 of .*b.jsonl is not UTF-8"),
    ],
)
def test_a_broken_line_is_named(line: bytes, match: str, tmp_path: Path) -> None:
    jsonl(tmp_path / "d" / "a.jsonl", ROWS[:3])
    path = jsonl(tmp_path / "d" / "b.jsonl", ROWS[:1])
    path.write_bytes(path.read_bytes() + b"\n" + line + b"\n")
    with pytest.raises(UserError, match=match):
        opened(tmp_path / "d")


@kinds
def test_tables_without_rows(kind: str, tmp_path: Path) -> None:
    if kind == "parquet":
        table = pa.table({"edit_instruction": pa.array([], pa.string())})
        pq.write_table(table, tmp_path / "a.parquet")
    else:
        (tmp_path / "a.jsonl").write_text("\n\n")
    with pytest.raises(UserError, match="has no row"):
        opened(tmp_path / f"a.{kind}")


@kinds
def test_missing_columns_name_the_file(kind: str, tmp_path: Path) -> None:
    path = written(kind, tmp_path, [{"instruction": "Do it.", "edited_image": picture()}])
    with pytest.raises(UserError) as caught:
        opened(path)
    assert f"{path} has no column edit_instruction or source_image" in str(caught.value)
    assert "edit_instruction: instruction" in str(caught.value)


def test_files_that_disagree_on_columns(tmp_path: Path) -> None:
    parquet(tmp_path / "d" / "a.parquet", ROWS)
    parquet(tmp_path / "d" / "b.parquet", [edit_row(7, split="bench")])
    with pytest.raises(
        UserError, match=r"b\.parquet has the column split and .*a\.parquet has not"
    ):
        opened(tmp_path / "d")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"edited_image": 5}, "int64 in the column edited_image, where images or paths"),
        ({"edit_instruction": b"bytes"}, "binary in the column edit_instruction, where text"),
        ({"edited_image_width": "wide"}, "string in the column edited_image_width, where numbers"),
        ({"edit_instruction": ["a", "b"]}, "where text should be"),
    ],
)
def test_columns_of_a_wrong_type(changes: dict[str, Any], match: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=match):
        opened(parquet(tmp_path / "a.parquet", [edit_row(0, **changes)]))


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    """90 MB of images: neither opening nor reading holds more than a few rows."""

    def rows() -> list[dict[str, Any]]:
        sizes = {**SIZED, "edited_image_height": 320, "edited_image_width": 320}
        return [edit_row(n, edited_image=noise(320, n), **sizes) for n in range(300)]

    path = parquet(tmp_path / "a.parquet", rows(), row_group_size=30, compression="none")
    assert path.stat().st_size > 90e6
    opened(path)  # copies, which Arrow does in pieces of its own
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    source = opened(path)
    for n in range(20):
        source.read(n * 15)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert pa.total_allocated_bytes() - before < 5e6
    assert held < 5e6
    assert peak < 15e6


def test_the_copy_is_made_once_and_again_when_the_file_changes(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", ROWS)
    opened(path, cache=tmp_path / "cache")

    def copies() -> list[Path]:
        return sorted((tmp_path / "cache").rglob("*.arrow"))

    first = copies()
    assert first
    opened(path, cache=tmp_path / "cache")
    assert copies() == first
    parquet(path, ROWS[::-1])
    assert opened(path, cache=tmp_path / "cache").read(0).id == "row5"


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        opened(parquet(tmp_path / "a.parquet", ROWS), cache=tmp_path / "file")


def test_only_the_columns_of_the_task_are_copied(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", ROWS)
    table = open_table(Entry(path=str(path)), "t2i", tmp_path / "cache")
    assert isinstance(table, ParquetTable)
    assert set(table.columns) == {"id", "edit_instruction", "edited_image"}
    other = jsonl(tmp_path / "b.jsonl", ROWS)
    assert isinstance(open_table(Entry(path=str(other)), "t2i", tmp_path), JsonlTable)
