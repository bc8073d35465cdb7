"""From yes-or-no replies to the numbers of a run, beside what the official arithmetic makes."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.understanding.conformance.yes_no import HALLUSIONBENCH, MME, POPE
from benchmarks.understanding.yes_no.hallusion_sums import HallusionAnswer, hallusion_accuracies
from benchmarks.understanding.yes_no.mme_sums import (
    COGNITION,
    PERCEPTION,
    MmeAnswer,
    lmms_mme,
    strict_mme,
)
from benchmarks.understanding.yes_no.pope_sums import PopeAnswer, strict_pope
from benchmarks.understanding.yes_no.reading import lmms_said, strict_said
from tests.benchmarks.understanding.kit import numbers, png, run

REPLIES = ["Yes", "No.", "yes, it is", "I think no", "Not sure", "maybe", "Yes or no", "no", "Yes"]
Row = dict[str, Any]


def said(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    return [draw.choice(REPLIES) for _ in range(count)]


def mme_rows() -> list[Row]:
    return [
        {"question": f"{task} {n}, {gold}?", "answer": gold, "category": task,
         "image_path": f"{task}/{n}.jpg", "image": png(2 * at + n)}
        for at, task in enumerate((*PERCEPTION, *COGNITION))
        for n in range(1 + at % 3)
        for gold in ("Yes", "No")
    ]  # fmt: skip


def test_mme(tmp_path: Path) -> None:
    rows = mme_rows()
    replies = said(1, len(rows))
    stored = run("mme", rows, replies, tmp_path)
    found = numbers(stored)
    pairs = list(zip(rows, replies, strict=True))
    extract = MME["vlmevalkit.YOrN_Extraction"]
    kit = MME["vlmevalkit.MME_rating"](
        {"rows": [{**r, "score": extract({"output": s}) == r["answer"]} for r, s in pairs]}
    )
    assert found["perception"] == pytest.approx(kit["perception"], abs=1e-9)
    assert found["cognition"] == pytest.approx(kit["reasoning"], abs=1e-9)
    assert found["total"] == pytest.approx(kit["perception"] + kit["reasoning"], abs=1e-9)
    one = numbers(stored, ("perception", "color"))
    assert one["perception"] == pytest.approx(kit["color"], abs=1e-9)

    def marked(read: Any) -> list[MmeAnswer]:
        return [
            MmeAnswer(r["category"], r["image_path"], float(read(s) == r["answer"].lower()))
            for r, s in pairs
        ]

    assert found["total_lmms"] == pytest.approx(lmms_mme(marked(lmms_said)), abs=1e-9)
    strict = strict_mme(marked(strict_said))
    assert found["perception_strict"] == pytest.approx(strict["perception"], abs=1e-9)
    lines = defaultdict(list)
    for r, s in pairs:
        lines[r["category"]].append(f"{r['image_path']}\tq\t{r['answer']}\t{s}\n")
    message = MME["bagel_repo_copy.official_calculation"]({"task_txt_lines": lines})
    printed = [float(part.split()[0]) for part in message.split("total score: ")[1:]]
    assert [found["perception_tool"], found["cognition_tool"]] == pytest.approx(printed, abs=1e-9)
    assert found["total_judged"] is None, "no judge was named"


def test_a_refused_question_of_mme_is_wrong_and_a_lost_subtask_has_no_sum(tmp_path: Path) -> None:
    rows = mme_rows()
    answers: list[str | None] = [r["answer"] for r in rows]
    answers[0] = None
    found = numbers(run("mme", rows, answers, tmp_path / "a"))
    # Existence has one picture: half of accuracy and all of accuracy+ are lost.
    assert found["perception"] == found["perception_strict"] == 2000 - 50 - 100
    rest = [r for r in rows if r["category"] != "color"]
    found = numbers(run("mme", rest, [r["answer"] for r in rest], tmp_path / "b"))
    assert (found["perception"], found["perception_strict"]) == (None, None)
    assert found["cognition"] == 800


def test_hallusionbench(tmp_path: Path) -> None:
    rows = [
        {"index": f"{c}_{s}_1_{part}_{figure}_{n}", "question": "?", "category": c,
         "answer": ("Yes", "No")[(figure + n) % 2], "l2-category": f"{c}_{s}"}
        for c, s in (("VD", "chart"), ("VD", "map"), ("VS", "map"))
        for part in range(2)
        for figure in range(2)
        for n in range(2)
    ]  # fmt: skip
    replies = said(2, len(rows))
    stored = run("hallusionbench", rows, replies, tmp_path)
    pairs = list(zip(rows, replies, strict=True))
    extract = MME["vlmevalkit.YOrN_Extraction"]
    kit = HALLUSIONBENCH["vlmevalkit.Hallusion_rating"](
        {"rows": [{**r, "score": extract({"output": s}) == r["answer"]} for r, s in pairs]}
    )
    for row in kit:
        if row["split"] in {"Overall", "VD", "VS"}:
            found = numbers(stored, () if row["split"] == "Overall" else (row["split"],))
            got = [found[n] for n in ("aAcc", "fAcc", "qAcc")]
            assert got == pytest.approx([row["aAcc"], row["fAcc"], row["qAcc"]], abs=1e-9)
            assert found["mean"] == pytest.approx(sum(got) / 3, abs=1e-9)  # type: ignore[arg-type]
    strict = hallusion_accuracies(
        [
            HallusionAnswer(
                figure=r["index"].rsplit("_", 1)[0],
                question=(r["index"].rsplit("_", 2)[0], r["index"][-1]),
                right=strict_said(s) == r["answer"].lower(),
            )
            for r, s in pairs
        ]
    )
    found = numbers(stored)
    for name, value in strict.items():
        assert found[f"{name}_strict"] == pytest.approx(value, abs=1e-9)
    names = ("category", "subcategory", "visual_input", "set_id", "figure_id", "question_id")
    rule = HALLUSIONBENCH["lmms_eval.aggregate_intern"](
        {"results": [
            {**dict(zip(names, r["index"].split("_"), strict=True)), "model_prediction": s,
             "gt_answer": "1" if r["answer"] == "Yes" else "0"}
            for r, s in pairs
        ]}
    )  # fmt: skip
    for name, value in rule.items():
        assert found[f"{name}_lmms"] == pytest.approx(100 * value, abs=1e-9)


def test_pope(tmp_path: Path) -> None:
    kinds = ("random", "popular", "adversarial", "random,popular", "adversarial,popular,random")
    rows = [
        {"question": f"q{n}?", "answer": ("Yes", "No", "Yes")[n % 3], "category": kinds[n % 5]}
        for n in range(60)
    ]
    replies = said(3, len(rows))
    found = numbers(run("pope", rows, replies, tmp_path))
    pairs = list(zip(rows, replies, strict=True))
    extract = MME["vlmevalkit.YOrN_Extraction"]
    told = [
        {**r, "extracted": (word := extract({"output": s})), "score": word == r["answer"]}
        for r, s in pairs
    ]
    overall, *parts = POPE["vlmevalkit.POPE_rating"]({"rows": told})
    assert found["f1"] == pytest.approx(overall["Overall"], abs=1e-9)
    for name, column in (("accuracy", "acc"), ("precision", "precision"), ("recall", "recall")):
        assert found[name] == pytest.approx(overall[column], abs=1e-9)
    for row in parts:
        assert found[f"f1_{row['split']}"] == pytest.approx(row["Overall"], abs=1e-9)
    lmms = POPE["lmms_eval.aggregate:f1_score"](
        {"results": [{"ground_truth": r["answer"], "prediction": s} for r, s in pairs]}
    )
    assert found["f1_lmms"] == pytest.approx(100 * lmms, abs=1e-9)
    strict = strict_pope(
        PopeAnswer(gold=r["answer"] == "Yes", said=strict_said(s), right=0, categories=())
        for r, s in pairs
    )
    assert found["f1_strict"] == pytest.approx(100 * strict.f1, abs=1e-9)
    assert found["accuracy_strict"] == pytest.approx(100 * strict.accuracy, abs=1e-9)


def test_a_refusal_in_pope_is_a_wrong_answer_in_strict_only(tmp_path: Path) -> None:
    rows = [{"question": f"q{n}?", "answer": a, "category": "random"}
            for n, a in enumerate(["Yes", "Yes", "No", "No"])]  # fmt: skip
    found = numbers(run("pope", rows, [None, "Yes", None, "No"], tmp_path))
    assert found["f1"] == 100
    # One hit; three answers or right answers are "yes" beside it: both refusals.
    assert found["f1_strict"] == pytest.approx(100 * 2 / (2 + 1 + 1))
    assert found["accuracy_strict"] == 50


def test_a_judge_reads_what_rules_cannot(tmp_path: Path) -> None:
    rows = mme_rows()
    judge = tmp_path / "judge.json"
    judge.write_text(json.dumps({"*": "Yes.", "1": "Who knows", "3": "unknown"}))
    more = ("--judge", f"scripted:{judge}")
    stored = run("mme", rows, ["It may well be."] * len(rows), tmp_path, *more)
    scores = {s.sample: s for s in stored.scores.values() if s.metric == "judge"}
    assert scores["0"].parts == {"accuracy": 1.0, "vlmevalkit": 1.0, "asked": 1.0}
    assert scores["1"].status == "failed"
    assert "not Yes, No or Unknown" in scores["1"].reason
    assert scores["1"].parts["vlmevalkit"] == 0.0
    assert "four more times" in scores["3"].notes["vlmevalkit"]
    assert scores["3"].parts["accuracy"] == 0.0
    # Every yes is right and every no is wrong: no picture has both.
    found = numbers(stored)
    assert (found["total_judged"], found["total"], found["total_strict"]) == (700, 0, 0)
    official = tmp_path / "official.txt"
    official.write_text("Q {question} A {prediction}")
    again = run("mme", rows, ["Yes"] * len(rows), tmp_path / "b", *more, "--judge-prompt", official)
    assert numbers(again)["total_judged"] == 700
    assert not any(s.parts["asked"] for s in again.scores.values() if s.metric == "judge")
    prints = [r.manifest["fingerprints"]["judge"] for r in (stored, again)]
    assert prints[0] != prints[1]
