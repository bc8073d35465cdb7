"""Reading official data: every problem is named with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.reading import (
    below,
    is_given,
    read_csv,
    read_json,
    read_jsonl,
    read_object,
    read_objects,
    read_text,
    same_length,
    text_of,
    texts_of,
    whole_of,
)
from evals.core.errors import UserError


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (read_json, '{"a": ', "is not JSON"),
        (read_json, "[" * 100_000, "is not JSON"),
        (read_jsonl, '{"a": 1}\n\n{"a"\n', ":3 is not JSON"),
        (read_jsonl, '{"a": 1}\n[2]\n', ":2 is no JSON object"),
        (read_csv, "a,b\n1,2\n3\n", "record 2 does not have the 2 fields of the heading"),
        (read_csv, "a,b\n1,2,3\n", "record 1 does not have the 2 fields of the heading"),
        (read_csv, "a,b\n1," + "x" * 200_000 + "\n", "is not CSV"),
        (read_object, "[1]", "is no JSON object"),
        (read_objects, "{}", "is no JSON list of objects"),
        (read_objects, "[{}, 2]", "entry 2 is no JSON object"),
        (read_text, b"\xff\xfe\x00", "is not UTF-8"),
    ],
)
def test_broken_files_are_named_by_place(
    read: Callable[[Path], Any], text: str | bytes, says: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "file", text)
    with pytest.raises(UserError) as error:
        list(read(path))
    assert str(path) in str(error.value)
    assert says in str(error.value)
    with pytest.raises(UserError, match=r"Cannot read .*absent"):
        list(read(tmp_path / "absent"))


def test_whole_files_are_read_with_their_places(tmp_path: Path) -> None:
    path = write(tmp_path / "a", '\ufeff{"a": "\u2028"}\n\n{"a": "2"}')
    assert list(read_jsonl(path)) == [(f"{path}:1", {"a": "\u2028"}), (f"{path}:3", {"a": "2"})]
    path = write(tmp_path / "b", '\ufeffa,b\n1,"two\nlines"\n')
    assert list(read_csv(path)) == [(f"{path}: record 1", {"a": "1", "b": "two\nlines"})]
    assert read_json(write(tmp_path / "c", "[1]")) == [1]


@pytest.mark.parametrize("value", [1, None, ["x"], True])
def test_text_must_be_text(value: object) -> None:
    assert text_of({"k": "x"}, "k", "f:1") == "x"
    for row in ({"k": value}, {}):
        with pytest.raises(UserError, match="f:1 has no text in 'k'"):
            text_of(row, "k", "f:1")


@pytest.mark.parametrize("value", [1.0, "1.5", None, True, "", "x"])
def test_whole_numbers_must_be_whole(value: object) -> None:
    assert [whole_of({"k": v}, "k", "f:1") for v in (3, "3", " -3")] == [3, 3, -3]
    with pytest.raises(UserError, match="f:1 has no whole number in 'k'"):
        whole_of({"k": value}, "k", "f:1")


def test_parallel_lists_must_be_of_one_length() -> None:
    assert same_length({"a": [1, 2], "b": "xy"}, "f:1") == 2
    assert same_length({}, "f:1") == 0
    with pytest.raises(UserError, match="f:1 has parallel lists of different length"):
        same_length({"a": [1], "b": []}, "f:1")


@pytest.mark.parametrize("value", ["x", ["x", 1], None, {"x": 1}])
def test_lists_of_texts_must_hold_texts(value: object) -> None:
    assert texts_of({"k": ["x", ""]}, "k", "f:1") == ("x", "")
    with pytest.raises(UserError, match="f:1 has no list of texts in 'k'"):
        texts_of({"k": value}, "k", "f:1")


def test_null_and_nan_are_not_given() -> None:
    assert [is_given({"k": v}, "k") for v in ("", 0, None, float("nan"))] == [
        True,
        True,
        False,
        False,
    ]
    assert not is_given({}, "k")


@pytest.mark.parametrize("name", ["", "/etc/x", "a/../../x"])
def test_files_that_records_name_lie_below_the_folder(name: str, tmp_path: Path) -> None:
    assert below(tmp_path, "a/b.png", "f:1") == tmp_path / "a" / "b.png"
    with pytest.raises(UserError, match="f:1 names the file"):
        below(tmp_path, name, "f:1")
