"""MathVista, MathVerse, LogicVista and MM-Vet: from a table or the hub's files to samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.core.errors import UserError
from evals.core.protocols import DataSource
from tests.benchmarks.understanding.judged.rows import ROWS, VERSE, VISTA
from tests.benchmarks.understanding.kit import JUDGED, benchmark, load, png, write

ALL = {name: benchmark(name) for name in JUDGED}


def test_tables_become_samples(tmp_path: Path) -> None:
    made = {name: load(name, ROWS[name], tmp_path / name) for name in ALL}
    vista, verse = made["mathvista"], made["mathverse"]
    assert [s.group for s in vista] == [("FQA",), ("MWP",), ("TQA",)]
    assert [s.reference.answer for s in vista] == ["A", "14", "[2007, 2008]"]
    assert vista[1].strata["arithmetic reasoning"] == "needed"
    assert verse[0].group == ("Vision Only", "Plane Geometry")
    assert verse[0].strata["subfield"] == "Euclid's"
    assert (verse[0].prompt, verse[0].reference.asked) == ("Find x.", "Find x, whole.")
    assert [s.group for s in made["logicvista"]] == [("inductive",), ("several skills",)]
    assert [s.group for s in made["mmvet"]] == [("ocr math",), ("rec",)]
    for name, samples in made.items():
        known = {g.path for g in ALL[name].groups}
        for sample in samples:
            assert sample.group in known
            assert all(p.is_file() and p.is_absolute() for p in sample.images)
            assert sample.cluster


@pytest.mark.parametrize(
    ("name", "column", "value", "says"),
    [
        ("mathvista", "task", "chess", "has the task 'chess'"),
        ("mathvista", "answer_type", "poem", "of type 'poem'"),
        ("mathvista", "choices", "[", "is no question"),
        ("mathverse", "problem_version", "Text Only", "of version 'Text Only'"),
        ("mathverse", "metadata", "{", "no readable 'metadata'"),
        ("mathverse", "answer", "", "nothing in 'answer'"),
        ("logicvista", "skill", "['musical']", "known are inductive"),
        ("mmvet", "category", "rec,smell", "none of the sixteen"),
    ],
)
def test_broken_records_are_named(
    tmp_path: Path, name: str, column: str, value: str, says: str
) -> None:
    rows = ROWS[name]
    with pytest.raises(UserError, match="row") as told:
        load(name, [*rows[:-1], {**rows[-1], column: value}], tmp_path)
    assert says in str(told.value)
    assert f"row {len(rows)}" in str(told.value)


def test_another_table_is_refused_with_its_md5(tmp_path: Path) -> None:
    write(tmp_path, "mathverse", VERSE)
    source = DataSource(root=tmp_path, cache=tmp_path / "cache")
    with pytest.raises(UserError, match="expected 68a11d4680014ac881fa37adeadea3a4"):
        ALL["mathverse"].suites["vision_only"].load(source)


def test_choices_without_a_letter_get_theirs(tmp_path: Path) -> None:
    (sample,) = load("mathvista", [{**VISTA[0], "answer_option": ""}], tmp_path)
    assert sample.reference.answer == "A"


def test_files_of_the_hub_are_read_too(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    image = {"bytes": png(1), "path": "1.png"}
    rows = {
        "mathvista": ("data/testmini-0.parquet", {
            "pid": "1", "question": "q", "image": "images/1.jpg", "decoded_image": image,
            "choices": ["red", "blue"], "unit": None, "precision": None, "answer": "blue",
            "question_type": "multi_choice", "answer_type": "text", "query": "Hint: q",
            "metadata": {"task": "geometry problem solving", "skills": ["logical reasoning"]},
        }),
        "mathverse": ("testmini_vision_only.parquet", {
            "sample_index": "3", "problem_index": "1", "problem_version": "Vision Only",
            "question": "", "image": image, "answer": "B", "question_type": "multi-choice",
            "metadata": {"subject": "Functions", "subfield": "Property"}, "query_wo": "Hint: q",
            "query_cot": "", "question_for_eval": "whole",
        }),
        "mmvet": ("data/test-0.parquet", {
            "question_id": "v1_0", "image": image, "question": "q", "answer": "a",
            "capability": "know,rec,gen",
        }),
    }  # fmt: skip
    for name, (file, row) in rows.items():
        path = tmp_path / "hub" / name / file
        path.parent.mkdir(parents=True)
        parquet.write_table(pyarrow.Table.from_pylist([row]), path)
        made = ALL[name]
        source = DataSource(root=tmp_path / "hub" / name, cache=tmp_path / "cache")
        for _ in range(2):  # the second time from the cache
            (sample,) = made.suites[made.default_suite].load(source)
            assert sample.images[0].read_bytes() == image["bytes"]
            assert sample.group in {g.path for g in made.groups}
    assert sample.id == "v1_0"
