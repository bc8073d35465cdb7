"""VLMEvalKit's tables: pinned by MD5, unpacked once, and nothing damaged is taken."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common import records
from benchmarks.common.tsv import table_rows
from evals.core.errors import UserError
from evals.core.writing import write_atomic

PNG = b"\x89PNG\r\n\x1a\n and more"
JPEG = b"\xff\xd8\xff\xe0 and more"


def encoded(*pictures: bytes) -> str:
    texts = [base64.b64encode(p).decode() for p in pictures]
    return texts[0] if len(texts) == 1 else json.dumps(texts)


def write(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "Zoo.tsv"
    columns = list(dict.fromkeys(c for row in rows for c in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    return path


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path, [{"index": 1, "image": encoded(PNG), "question": "q"}])


# --- revisions --------------------------------------------------------------------------------


def test_the_published_md5_is_taken(table: Path, tmp_path: Path) -> None:
    assert len(table_rows(table, tmp_path / "cache", md5_of(table))) == 1
    assert len(table_rows(table, tmp_path / "cache")) == 1, "any, where none is published"


def test_another_md5_is_refused_and_the_message_says_how_to_take_it(
    table: Path, tmp_path: Path
) -> None:
    published, found = "0123456789abcdef" * 2, md5_of(table)
    with pytest.raises(UserError) as error:
        table_rows(table, tmp_path / "cache", published, of="zoo/full")
    message = str(error.value)
    assert f"its MD5 is {found}, expected {published};" in message
    assert message.endswith(f"zoo/full@md5:{found[:12]}.")
    assert str(table) in message
    for digits in (8, 12, 32):
        rows = table_rows(table, tmp_path / "cache", published, accept=found[:digits])
        assert len(rows) == 1
    assert table_rows(table, tmp_path / "cache", published, accept=found[:12].upper())


def test_only_the_table_that_is_named_is_taken(table: Path, tmp_path: Path) -> None:
    """Also where the table is the published one: another was asked for."""
    found = md5_of(table)
    wrong = found[:7] + ("0" if found[7] != "0" else "1")
    for published in (found, "0" * 32, ""):
        with pytest.raises(UserError, match=f"its MD5 is {found}, expected {wrong}; "):
            table_rows(table, tmp_path / "cache", published, accept=wrong)


@pytest.mark.parametrize("digits", ["0", "0123abc", "any", "0123abcg", "0" * 33])
def test_less_than_eight_digits_name_nothing(digits: str, table: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"zoo/full@md5:{digits} does not name") as error:
        table_rows(table, tmp_path / "cache", "", accept=digits, of="zoo/full")
    assert "8 or more of the 32 hex digits" in str(error.value)
    assert not (tmp_path / "cache").exists(), "nothing was unpacked for it"


# --- unpacking --------------------------------------------------------------------------------


def test_rows_and_pictures(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        [
            {"index": 3, "image": "1", "question": "rotated"},  # the row comes after this one
            {"index": 1, "image": encoded(PNG), "question": "a\u2028b\x85c\nd"},
            {"index": 2, "image": encoded(JPEG, PNG), "question": ""},
            {"index": 4, "image": "", "question": "nan"},
        ],
    )
    rows = table_rows(path, tmp_path / "cache")
    assert [r.number for r in rows] == [0, 1, 2, 3]
    assert rows[1].where == f"{path}: row 2"
    assert rows[1].values == {"index": "1", "question": "a\u2028b\x85c\nd"}
    assert [[p.read_bytes() for p in r.images] for r in rows] == [[PNG], [PNG], [JPEG, PNG], []]
    assert [p.suffix for p in rows[2].images] == [".jpg", ".png"]
    assert rows[0].images == rows[1].images, "one file"
    assert rows[2].get("question", "none") == "none"
    assert rows[3].get("question") == "nan", "a text; only a number may be none"
    with pytest.raises(UserError, match="row 3 has nothing in 'question'"):
        rows[2].need("question")
    with pytest.raises(UserError, match="row 4 has no picture"):
        _ = rows[3].picture


def test_unpacked_once_and_again_when_the_table_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, [{"index": 1, "image": encoded(PNG), "question": "q"}])
    first = table_rows(path, tmp_path / "cache")
    written: list[Path] = []

    def watched(path: Path, data: bytes) -> None:
        written.append(path)
        write_atomic(path, data)

    monkeypatch.setattr(records, "write_atomic", watched)
    assert table_rows(path, tmp_path / "cache") == first
    assert written == []
    write(tmp_path, [{"index": 1, "image": encoded(PNG), "question": "another"}])
    (row,) = table_rows(path, tmp_path / "cache")
    assert row.get("question") == "another"
    assert len(written) == 2


def test_a_cache_that_broke_off_is_made_again(table: Path, tmp_path: Path) -> None:
    (row,) = table_rows(table, tmp_path / "cache")
    index = row.picture.parent.parent / "index.jsonl"
    whole = index.read_bytes()
    for half in (None, b"", whole[:30], whole[: len(whole) - 5], b"{}\n{}\n"):
        index.unlink() if half is None else index.write_bytes(half)
        assert table_rows(table, tmp_path / "cache", md5_of(table)) == [row]
        assert index.read_bytes() == whole


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"index": 2, "image": encoded(PNG)[:-3], "question": "q"}, "row 2 holds a damaged"),
        ({"index": 2, "image": "no base64!", "question": "q"}, "row 2 holds a damaged picture"),
        ({"index": 2, "image": "['x!']", "question": "q"}, "row 2 holds a damaged picture"),
        ({"index": 2, "image": "7", "question": "q"}, "row 2 shows the picture of row 7, which"),
        ({"index": "", "image": "1", "question": "q"}, "row 2 has no 'index'"),
    ],
)
def test_damaged_rows_are_refused(row: Mapping[str, Any], says: str, tmp_path: Path) -> None:
    path = write(tmp_path, [{"index": 1, "image": encoded(PNG), "question": "q"}, row])
    for _ in range(2):  # and not taken from the cache at the second try
        with pytest.raises(UserError, match=says) as error:
            table_rows(path, tmp_path / "cache")
        assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"index\tquestion\n", "has no rows"),
        (b"", "has no rows"),
        (b"index\tquestion\n1\n", "row 1 does not have the 2 columns of the heading"),
        (b"index\tquestion\n1\ta\n2\tb\tc\n", "row 2 does not have the 2 columns"),
        (b"index\tquestion\n1\t\xff\n", "is not a readable table"),
    ],
)
def test_broken_tables_are_refused(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "Zoo.tsv"
    path.write_bytes(data)
    with pytest.raises(UserError, match=says) as error:
        table_rows(path, tmp_path / "cache")
    assert str(path) in str(error.value)


def test_long_cells_are_read_and_other_readers_keep_their_limit(tmp_path: Path) -> None:
    path = write(tmp_path, [{"index": 1, "image": encoded(PNG * 50_000)}])
    before = csv.field_size_limit()
    assert table_rows(path, tmp_path / "cache")[0].picture.read_bytes() == PNG * 50_000
    assert csv.field_size_limit() == before


def test_an_absent_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Cannot read .*absent\.tsv"):
        table_rows(tmp_path / "absent.tsv", tmp_path / "cache")
