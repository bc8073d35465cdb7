"""From short replies to the numbers of a run, beside what the official arithmetic makes of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from benchmarks.understanding.conformance.short import ANLS, CHARTQA, OCRBENCH, VQA
from benchmarks.understanding.short.containment import OCRBENCH_SIZES
from tests.benchmarks.understanding.kit import benchmark, load, numbers, run


def test_chartqa(tmp_path: Path) -> None:
    golds = ["12", "0", "1,200", "Yes", "5%", "dark red", "['3', 'three']"]
    replies = ["12.5", "0.0", "1200", "yes.", "0.05", "Dark Red ", "three"]
    rows = [{"question": f"q{n}", "answer": g, "split": ("test_human", "test_augmented")[n % 2]}
            for n, g in enumerate(golds)]  # fmt: skip
    stored = run("chartqa", rows, replies, tmp_path)
    hit = CHARTQA["vlmevalkit.relaxed_accuracy:hit"]
    hits = [hit({"answer_field": g, "prediction": r}) for g, r in zip(golds, replies, strict=True)]
    found = numbers(stored)
    assert found["overall"] == pytest.approx(100 * sum(hits) / 7, abs=1e-9)
    assert numbers(stored, ("human",))["overall"] == pytest.approx(100 * sum(hits[::2]) / 4)
    assert hits == [True, False, False, False, True, True, True]
    assert found["strict"] == 100
    assert found["lmms"] == pytest.approx(100 * 2 / 7)


def test_ocrbench(tmp_path: Path) -> None:
    answers = ("1", "EXIT", "x + y", "２")
    told = ("in 2010", "exit here", "x+y", "2")
    asked = [(c, a, r) for c in OCRBENCH_SIZES for a, r in zip(answers, told, strict=True)]
    rows = [{"question": "?", "answer": str([a]), "category": c} for c, a, _ in asked]
    found = numbers(run("ocrbench", rows, [r for *_, r in asked], tmp_path))
    table = [{**row, "prediction": r} for row, (*_, r) in zip(rows, asked, strict=True)]
    kit = OCRBENCH["vlmevalkit.OCRBench_eval"]({"rows": table})
    assert found["final"] == pytest.approx(1000 * kit["Final Score"] / len(rows), abs=1e-9)
    assert found["norm"] == pytest.approx(100 * kit["Final Score"] / len(rows), abs=1e-9)
    # Nine kinds of text and one of formulas: right are 1 and EXIT, and 1 and x + y.
    assert found["norm"] == 100 * (9 * 2 + 2) / 40
    assert found["lmms"] == 100 * (9 * 3 + 2) / 40
    assert found["strict"] == 100 * (9 * 2 + 3) / 40


def test_textvqa_and_docvqa(tmp_path: Path) -> None:
    draw = random.Random(5)
    words = ["12.", "12", "the Coca Cola", "coca-cola", "A", "J. Doe", "doe"]
    people = [[draw.choice(words) for _ in range(10)] for _ in range(9)]
    replies = [draw.choice(words) for _ in people]
    rows = [{"question": "?", "answer": str(p)} for p in people]
    cases = [
        {"answer_field": r["answer"], "prediction": s, "gt_answers": p, "pred_answer": s}
        for r, s, p in zip(rows, replies, people, strict=True)
    ]

    def mean(scorer: Any) -> float:
        total: float = sum(map(scorer, cases))
        return 100 * total / len(cases)

    found = numbers(run("textvqa", rows, replies, tmp_path / "t"))
    assert found["overall"] == pytest.approx(mean(VQA["vlmevalkit.vqa_score:hit"]), abs=1e-9)
    evalai = VQA["bagel_repo_copy.TextVQAAccuracyEvaluator"]
    assert found["evalai"] == pytest.approx(mean(evalai), abs=1e-9)
    found = numbers(run("docvqa", rows, replies, tmp_path / "d"))
    assert found["overall"] == pytest.approx(mean(ANLS["vlmevalkit.anls:hit"]), abs=1e-9)
    stvqa = ANLS["bagel_repo_copy.STVQAANLSEvaluator"]
    assert found["stvqa"] == pytest.approx(mean(stvqa), abs=1e-9)


def test_the_ground_truth_is_right_and_silence_is_wrong(tmp_path: Path) -> None:
    rows = [{"question": "?", "answer": "['Jane Doe', 'Doe']"}] * 3
    for model, expected in (("ground-truth", 100), ("quiz", 0)):
        folder = tmp_path / model
        found = numbers(run("docvqa", rows, ["", None, "  "], folder, model=model))
        assert set(found.values()) == {expected}
    assert benchmark("docvqa").groups == ()
    assert load("docvqa", rows, tmp_path)[0].group == ()
