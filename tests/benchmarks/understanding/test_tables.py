"""Data of the yes-or-no and short-answer benchmarks in the official layouts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evals.core.errors import UserError
from evals.core.protocols import DataSource
from tests.benchmarks.understanding.kit import (
    KEYS,
    SHORT,
    YES_NO,
    benchmark,
    load,
    png,
    revision_of,
    write,
)

NAMES = (*YES_NO, *SHORT)
TEN = str(["Coca Cola"] * 7 + ["coke"] * 3)
PAIR: list[dict[str, Any]] = [
    {"question": "Is it a cat? Please answer yes or no.", "answer": "Yes", "category": "color",
     "image_path": "color/1.jpg", "image": png(1)},
    {"question": "Is it a dog? Please answer yes or no.", "answer": "No", "category": "color",
     "image_path": "color/1.jpg", "image": png(1)},
]  # fmt: skip
ROWS: dict[str, list[dict[str, Any]]] = {
    "mme": PAIR,
    "hallusionbench": [
        {"index": "VD_chart_1_2_3_4", "question": "Is it more?", "answer": "No", "category": "VD",
         "l2-category": "chart"},
    ],
    "pope": [{"question": "Is there a cup?", "answer": "Yes", "category": "random,popular"}],
    "chartqa": [{"question": "How many?", "answer": "['12', '12 %']", "split": "test_human"}],
    "ocrbench": [
        {"question": "What is written?", "answer": "['', 'EXIT']",
         "category": "Regular Text Recognition"},
    ],
    "textvqa": [{"question": "which drink?", "answer": TEN}],
    "docvqa": [{"question": "Who signed?", "answer": "['J. Doe', 'Doe']"}],
}  # fmt: skip
WORD = "\nAnswer the question using a single word or phrase."


# --- tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "prompt", "answer", "group"),
    [
        ("mme", PAIR[0]["question"] + " " + WORD.strip(), "Yes", ("perception", "color")),
        ("hallusionbench", "Is it more? Please answer yes or no. " + WORD.strip(), "No", ("VD",)),
        ("pope", "Is there a cup?" + WORD, "Yes", ("Yes",)),
        ("chartqa", "How many?" + WORD, "12", ("human",)),
        ("ocrbench", "What is written?" + WORD, "EXIT",
         ("Text Recognition", "Regular Text Recognition")),
        ("textvqa", "which drink?" + WORD, "Coca Cola", ()),
        ("docvqa", "Who signed?" + WORD, "J. Doe", ()),
    ],
)  # fmt: skip
def test_a_row_becomes_a_sample(
    name: str, prompt: str, answer: str, group: tuple[str, ...], tmp_path: Path
) -> None:
    sample, *_ = load(name, ROWS[name], tmp_path)
    assert (sample.prompt, sample.reference.answer, sample.group) == (prompt, answer, group)
    assert (sample.benchmark, sample.task) == (name, "understand")
    assert sample.suite in benchmark(name).suites
    assert sample.group == () or sample.group in {g.path for g in benchmark(name).groups}
    assert sample.images[0].is_absolute()
    assert sample.images[0].read_bytes() == ROWS[name][0].get("image", png(0))
    assert sample.cluster
    assert "/" not in sample.id


def test_units_and_labels(tmp_path: Path) -> None:
    first, second = load("mme", PAIR, tmp_path)
    assert first.keys == second.keys == {"picture": "color/color/1.jpg"}
    assert first.cluster == second.cluster
    (hallusion,) = load("hallusionbench", ROWS["hallusionbench"], tmp_path)
    assert hallusion.keys == {"figure": "VD_chart_2_3", "question": "VD_chart_2_4"}
    assert hallusion.id == "VD_chart_1_2_3_4"
    (pope,) = load("pope", ROWS["pope"], tmp_path)
    assert pope.strata == {"random": "yes", "popular": "yes"}
    assert pope.reference.categories == 2


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mme", {"category": "taste"}, "the picture color/color/1.jpg has 1 questions, not 2"),
        ("mme", {"category": ""}, "has nothing in 'category'"),
        ("mme", {"answer": "Maybe"}, "has 'maybe' in 'answer', neither yes nor no"),
        ("hallusionbench", {"index": "VD_1"}, "is not category, subcategory, visual input"),
        ("pope", {"answer": ""}, "has nothing in 'answer'"),
        ("chartqa", {"split": "train"}, "ChartQA has no part 'train'"),
        ("ocrbench", {"category": "Poems"}, "OCRBench has no category 'Poems'"),
        ("ocrbench", {"answer": "['']"}, "has no answer in 'answer'"),
        ("textvqa", {"answer": "['a', 'b']"}, "has 2 answers, not 10"),
        ("docvqa", {"question": ""}, "has nothing in 'question'"),
    ],
)
def test_damaged_rows_are_refused(
    name: str, change: Mapping[str, Any], message: str, tmp_path: Path
) -> None:
    rows = [*ROWS[name][:-1], {**ROWS[name][-1], **change}]
    with pytest.raises(UserError, match="row") as error:
        load(name, rows, tmp_path)
    assert message in str(error.value)
    assert KEYS[name] in str(error.value)


def test_tables_of_another_revision_and_double_ids(tmp_path: Path) -> None:
    path = write(tmp_path, "docvqa", ROWS["docvqa"])
    suite = benchmark("docvqa").suites["val"]
    with pytest.raises(UserError, match="expected d5ee77e1926ff10690d469c56b73eabf") as error:
        suite.load(DataSource(root=tmp_path, cache=tmp_path / "cache"))
    assert f"docvqa/val@{revision_of(path)}." in str(error.value)
    with pytest.raises(UserError, match="the id 5 occurs more than once"):
        load("docvqa", [{**ROWS["docvqa"][0], "index": 5}] * 2, tmp_path)

    def problem() -> tuple[str, bool]:
        source = DataSource(root=tmp_path, revision=revision_of(path), cache=tmp_path / "cache")
        (found,) = suite.verify(source)
        return found.message, found.fatal

    assert "occurs more than once" in problem()[0]
    write(tmp_path, "docvqa", ROWS["docvqa"])
    message, fatal = problem()
    assert "holds 1 samples; the suite has 5349" in message
    assert not fatal


def test_the_hub_holds_the_same_questions(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    picture = {"bytes": png(5), "path": None}
    hallusion = {"category": "VS", "subcategory": "map", "visual_input": "1", "set_id": "0",
                 "figure_id": "1", "question_id": "2"}  # fmt: skip
    files: dict[str, tuple[str, dict[str, Any]]] = {
        "mme": ("data/test", {**PAIR[0], "question_id": "color/1.jpg"}),
        "hallusionbench": ("data/image", {"question": "q", "gt_answer": "1", **hallusion}),
        "pope": ("data/test", {**ROWS["pope"][0], "category": "random", "question_id": "1"}),
        "chartqa": ("data/test", {"question": "q", "answer": ["12"], "type": "augmented_test"}),
        "ocrbench": ("data/test", {"question": "q", "answer": ["x"], "dataset": "HME100k",
                                   "question_type": "Doc-oriented VQA"}),
        "textvqa": ("data/validation", {"question": "q", "answers": ["x"] * 10}),
        "docvqa": ("DocVQA/validation", {"question": "q", "answers": ["x", "y"]}),
    }  # fmt: skip
    answers = {"mme": "Yes", "hallusionbench": "Yes", "pope": "Yes", "chartqa": "12"}
    for name, (stem, row) in files.items():
        path = tmp_path / name / f"{stem}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True)
        rows = [{**row, "image": picture}] * (2 if name == "mme" else 1)
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        made = benchmark(name)
        source = DataSource(root=tmp_path / name, cache=tmp_path / "cache")
        sample, *_ = made.suites[made.default_suite].load(source)
        assert sample.reference.answer == answers.get(name, "x")
        assert sample.images[0].read_bytes() == png(5)
        if name == "hallusionbench":
            assert (sample.id, sample.group) == ("VS_map_1_0_1_2", ("VS",))
        if name == "chartqa":
            assert sample.group == ("augmented",)
