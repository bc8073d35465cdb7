"""The variants of the dense-text benchmarks against what the official scripts printed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generation import cvtg2k, dpg, longtext, oneig
from benchmarks.generation.cvtg2k.metrics import word_parts
from benchmarks.generation.dpg import columns as dpg_columns
from benchmarks.generation.dpg.conformance import NO_PICTURES, _images
from benchmarks.generation.dpg.questions import Row, official_questions
from benchmarks.generation.dpg.scoring import prompt_score
from benchmarks.generation.longtext.metrics import official_parts
from benchmarks.generation.longtext.scoring import official_match
from benchmarks.generation.oneig import columns as oneig_columns
from benchmarks.generation.oneig.text import official_cleaned, official_corpus
from evals.core.protocols import Benchmark
from evals.core.summary import summarise
from tests.variant_runs import memory_run

WIDE = (-math.inf, math.inf)
Parts = Mapping[str, float | None]


def cases(folder: Path, benchmark: str, function: str) -> list[Any]:
    recorded = json.loads((folder / f"{benchmark}.json").read_text(encoding="utf-8"))
    found = recorded["functions"][function]["cases"]
    return [c for c in found if "error" not in c["expected"]]


def values(
    benchmark: Benchmark, names: Sequence[str], parts: Sequence[Parts],
    strata: Sequence[Mapping[str, str]] | None = None, groups: Any = None,
) -> dict[str, float | None]:  # fmt: skip
    """Some official variants over samples that have these parts."""
    wanted = [v for v in benchmark.variants if v.name in names]
    assert len(wanted) == len(names)
    made = {name: [p[name] for p in parts] for name in parts[0]}
    run = memory_run(
        groups or [()] * len(parts), made, variants=wanted, strata=strata,
        ranges=dict.fromkeys(made, WIDE),
    )  # fmt: skip
    cells = summarise(run, resamples=100).cells
    return {v.name: cells[v.column, ()].mean for v in wanted}


def test_dpg(conformance_dir: Path) -> None:
    for case in cases(conformance_dir, "dpg", "main"):
        given, expected = case["input"], case["expected"]
        items = official_questions(
            Row(item=i, id=q, dependency=d, tuple_text=t) for i, q, d, t in given["csv_rows"]
        )
        parts: list[dict[str, float | None]] = []
        for file in given["files"]:
            asked = items.get(file.split(".")[0], ())
            images = _images(file, asked, given["answers"][file], given["pic_num"])
            score = prompt_score(images)
            if score is None:
                assert file in expected["failed"] or Path(file).suffix in NO_PICTURES
                continue
            counts = dpg_columns.count_parts(asked, images[-1].said, "_official")
            parts.append({f"judge.{k}": v for k, v in counts.items()})
            parts[-1]["judge.score_official"] = score
        printed = {dpg_columns.slug(n): v for n, v in expected["l1"].items()}
        printed |= {
            dpg_columns.slug(n): v for n, v in expected["l2"].items() if n != dpg_columns.GLOBAL
        }
        printed["score"] = expected["dpg_bench_score"]
        assert values(dpg.BENCHMARK, list(printed), parts) == pytest.approx(printed, abs=1e-9)


def test_longtext(conformance_dir: Path) -> None:
    for case in cases(conformance_dir, "longtext", "summary_scores"):
        rows, mode = case["input"]["rows"], case["input"]["mode"]
        matches = [official_match(r["ocr_gt"], r["ocr_results"], mode) for r in rows]
        parts = [{f"judge.{k}": v for k, v in official_parts([m]).items()} for m in matches]
        found = values(longtext.BENCHMARK, ["text_score"], parts)["text_score"]
        assert f"Text Score: {found:.4f}" == case["expected"]["score_line"]


def test_oneig_text(conformance_dir: Path) -> None:
    printed = {"ED": "ED", "CR": "CR", "WAC": "WAC", "text": "text score"}
    for case in cases(conformance_dir, "oneig", "text_score_main"):
        prompts = [
            (p["text_content"], None if isinstance(p["ocr_per_cell"], str)
             else [official_cleaned(c) for c in p["ocr_per_cell"] if c is not None])
            for p in case["input"]["prompts"]
        ]  # fmt: skip
        pieces = official_corpus(prompts) or []
        parts = [
            {f"judge.{k}": v for k, v in
             oneig_columns.official_text([p], case["input"]["mode"]).items()}
            for p in pieces
        ]  # fmt: skip
        found = values(oneig.BENCHMARK, list(printed), parts, [{"dimension": "text"}] * len(parts))
        wanted = {name: case["expected"][word] for name, word in printed.items()}
        assert found == pytest.approx(wanted, abs=1e-9)


def test_oneig_overall_wants_all_five() -> None:
    every: dict[str, float | None] = {
        "judge.alignment_official": 0.8, "judge.distance_official": 0.5, "judge.CR_official": 0.0,
        "judge.matched_official": 1.0, "judge.asked_official": 2.0, "reasoning.reasoning": 0.2,
        "style.style": 0.4, "diversity.diversity": 0.3,
    }  # fmt: skip
    names = ["alignment", "text", "reasoning", "style", "diversity", "overall"]
    labels = [{"dimension": d, "styled": "yes"} for d in ("alignment", "text", "reasoning")]
    found = values(oneig.BENCHMARK, names, [every] * 3, labels)
    assert found["text"] == pytest.approx(1 - 0.5 * 1 * 0.5)
    assert found["overall"] == pytest.approx((0.8 + 0.75 + 0.2 + 0.4 + 0.3) / 5)
    without = {**every, "style.style": None}
    assert values(oneig.BENCHMARK, names, [without] * 3, labels)["overall"] is None


def test_cvtg2k(conformance_dir: Path) -> None:
    printed = {
        "word_accuracy": "word_accuracy", "ned": "ned", "clipscore": "clipscore",
        "vqascore": "vqascore", "aesthetic": "aesthetic_score",
    }  # fmt: skip
    for case in cases(conformance_dir, "cvtg2k", "evaluate_full_dataset"):
        parts, labels = [], []
        for folder, images in case["input"]["images"].items():
            for image in images:
                words, _ = word_parts(image["prompt"], image["ocr_lines"])
                parts.append({f"ocr.{k}": v for k, v in words.items()})
                parts[-1] |= {
                    "clip.CLIPScore": image["clip"], "vqascore.vqascore": image["vqa"],
                    "aes.aesthetic": image["aesthetic"],
                }  # fmt: skip
                labels.append({"regions": folder[-1]})
        found = values(cvtg2k.BENCHMARK, [*printed, "word_accuracy_3"], parts, labels)
        overall = case["expected"]["overall_results"]
        wanted = {name: overall[word] for name, word in printed.items()}
        three = [a for a in case["expected"]["area_results"] if a["area"] == 3]
        correct, asked = (sum(a[k] for a in three) for k in ("correct_words", "total_words"))
        wanted["word_accuracy_3"] = correct / asked
        assert found == pytest.approx(wanted, abs=1e-9)
