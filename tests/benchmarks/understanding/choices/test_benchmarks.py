"""The multiple-choice benchmarks end to end, on small tables in the official layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.understanding.choices.mmmu_authors import DOMAINS
from benchmarks.understanding.choices.questions import OTHER
from benchmarks.understanding.choices.vlmevalkit import ROTATION, circular_hits
from evals.core.errors import UserError
from evals.core.protocols import DataSource
from tests.benchmarks.understanding.kit import (
    benchmark,
    load,
    numbers,
    png,
    run,
    write,
)

ANIMALS = ["cat", "dog", "bird", "fish"]
ABILITIES = (
    ("coarse_perception", "image_scene"),
    ("finegrained_perception (instance-level)", "ocr"),
)


def question(index: int, answer: str = "B", **more: Any) -> dict[str, Any]:
    options = dict(zip("ABCD", ANIMALS, strict=True))
    return {"index": index, "question": f"q{index}?", "answer": answer, **options, **more}


def rotations(count: int) -> list[dict[str, Any]]:
    """Questions of MMBench, each in four rotations that show one picture."""
    rows = []
    for at in range(count):
        group, ability = ABILITIES[at % 2]
        for turn in range(4):
            texts = ANIMALS[turn:] + ANIMALS[:turn]
            letter = "ABCD"[texts.index(ANIMALS[at % 4])]
            rows.append(
                question(
                    turn * ROTATION + at, letter, **dict(zip("ABCD", texts, strict=True)),
                    image=png(at) if turn == 0 else at, category=ability, split="dev",
                    **{"l2-category": group},
                )
            )  # fmt: skip
    return rows


# --- tables -----------------------------------------------------------------------------------


def test_a_question_becomes_a_sample(tmp_path: Path) -> None:
    rows = [
        question(7, "A", category="instances counting", hint="Look twice.", D="", image=png(9)),
        question(8, category="something new", image=png(9)),
    ]
    first, second = load("seed", rows, tmp_path)
    assert first.prompt == (
        "Look twice.\nq7?\nA. cat\nB. dog\nC. bird\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert (first.id, first.task, first.group) == ("7", "understand", ("Instances Counting",))
    assert first.reference.options == ("cat", "dog", "bird")
    assert second.group == OTHER.path
    assert second.strata == {"category": "something new"}
    assert first.cluster == second.cluster, "both are about one picture"
    assert first.images[0].is_absolute()
    assert first.images[0].read_bytes() == png(9)


def test_mmbench_rotations_share_their_question(tmp_path: Path) -> None:
    samples = load("mmbench", rotations(2), tmp_path)
    assert [s.keys["question"] for s in samples] == ["0"] * 4 + ["1"] * 4
    assert [s.strata["rotation"] for s in samples[:4]] == ["0", "1", "2", "3"]
    assert len({s.cluster for s in samples}) == 2
    assert samples[-1].group == ABILITIES[1]


def test_mmmu_has_open_questions_several_pictures_and_two_splits(tmp_path: Path) -> None:
    rows = [
        question(1, "C", id="validation_Art_Theory_1", split="validation"),
        {
            "index": 2, "question": "How many?", "answer": "['12', 'twelve']",
            "category": "Computer_Science", "split": "validation",
            "image": [png(1), png(2)],
        },
        question(3, split="dev"),
    ]  # fmt: skip
    choice, opened = load("mmmu", rows, tmp_path)
    assert choice.group == ("Art and Design", "Art_Theory")
    assert opened.group == ("Tech and Engineering", "Computer_Science")
    assert opened.reference.answers == ("12", "twelve")
    assert opened.prompt == "How many?\nAnswer the question directly."
    assert len(opened.images) == 2
    assert opened.strata["kind"] == "open"
    assert [s.id for s in load("mmmu", rows, tmp_path, "dev")] == ["3"]
    assert len(benchmark("mmmu").groups) == len(DOMAINS) + 30 + 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (question(1, "E"), "has the answer 'E', which is none of its 4 options"),
        (question(1, ""), "has no answer; a split without answers cannot be scored"),
        (question(1, question=""), "has no question"),
    ],
)
def test_wrong_rows_are_refused_by_place(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="row 2") as error:
        load("ai2d", [question(0), row], tmp_path)
    assert message in str(error.value)


def test_wrong_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the id 1 occurs more than once"):
        load("mmstar", [question(1), question(1)], tmp_path)
    write(tmp_path, "mmstar", [question(1)])
    suite = benchmark("mmstar").suites["full"]
    with pytest.raises(UserError, match=r"its MD5 is .*, expected e1ecd2140806"):
        suite.load(DataSource(root=tmp_path, cache=tmp_path / "cache"))
    rows = [{**r, "index": f"x{r['index']}"} for r in rotations(1)]
    with pytest.raises(UserError, match="has the index 'x0', no whole number"):
        load("mmbench", [r | {"image": png(1)} for r in rows], tmp_path)


def test_the_hub_holds_the_same_questions(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    picture = {"bytes": png(5), "path": None}
    base = {"question": "What?", "answer": "B"}
    choices = {f"choice_{c}": text for c, text in zip("abcd", ANIMALS, strict=True)}
    files = {
        "seed": (
            "test",
            [
                {**base, **choices, "question_id": "9_1", "data_type": "image",
                 "image": [picture], "question_type_id": 5},
                {**base, **choices, "question_id": "9_2", "data_type": "video",
                 "image": [picture, picture], "question_type_id": 10},
            ],
        ),
        "mmmu": (
            "validation",
            [{**base, "id": "validation_Math_3", "options": str(ANIMALS), "image_1": picture,
              "image_2": None, "question_type": "multiple-choice"}],
        ),
        "ai2d": ("test", [{**base, "answer": "1", "options": ANIMALS, "image": picture}]),
    }  # fmt: skip
    for name, (split, rows) in files.items():
        root = tmp_path / name
        (root / "data").mkdir(parents=True)
        target = root / "data" / f"{split}-00000-of-00001.parquet"
        parquet.write_table(pyarrow.Table.from_pylist(rows), target)
        made = benchmark(name)
        source = DataSource(root=root, cache=tmp_path / "cache")
        (sample,) = made.suites[made.default_suite].load(source)
        assert sample.reference.options == tuple(ANIMALS)
        assert sample.reference.answer == "B"
        assert sample.images[0].read_bytes() == picture["bytes"]
        if name == "seed":
            assert (sample.id, sample.group) == ("9_1", ("Instances Counting",))
        if name == "mmmu":
            assert (sample.id, sample.group) == ("validation_Math_3", ("Science", "Math"))


# --- through the command line -----------------------------------------------------------------


def test_mmbench_counts_in_circles(tmp_path: Path) -> None:
    rows = rotations(6)
    # The answer is A in one rotation of each of the first five, and in all of the last.
    for row in rows[-4:]:
        row["answer"] = "A"
    found = numbers(run("mmbench", rows, (), tmp_path, model="builtin"))
    hits = circular_hits({**r, "prediction": "A"} for r in rows)
    assert list(hits.values()) == [0, 0, 0, 0, 0, 1]
    for name in ("exact", "lmms", "strict"):
        assert found[name] == pytest.approx(100 / 6), name
    assert found["vanilla"] == pytest.approx(100 * 9 / 24)
    assert found["judged"] is None


def test_what_the_ground_truth_gets_tells_of_the_official_rules(tmp_path: Path) -> None:
    rows = [
        question(1, split="validation", B="None"),  # pandas reads no option B
        question(2, split="validation"),
        {"index": 3, "question": "?", "answer": "['a lot', '7']", "split": "validation"},
        {"index": 4, "question": "?", "answer": "a lot", "split": "validation"},
    ]
    found = numbers(run("mmmu", rows, (), tmp_path, model="ground-truth"))
    assert (found["strict"], found["authors"], found["exact"]) == (100.0, 100.0, 50.0)
