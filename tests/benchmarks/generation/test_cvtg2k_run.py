"""CVTG-2K as a benchmark: its data, and a run from images to numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generation.cvtg2k import BENCHMARK
from benchmarks.generation.cvtg2k.data import SIZES
from evals.core.errors import UserError
from evals.core.protocols import ScoringSettings
from tests.benchmarks.generation import dense_kit as kit
from tests.benchmarks.generation.dense_kit import BLUE, GREEN, RED
from tests.benchmarks.kit import check_declared, draw, write_json
from tests.tiny_vlm import tiny_vlm
from tests.tiny_weights import tiny_clip

SUITE = BENCHMARK.suites["full"]
PROMPTS = {
    ("CVTG", 2): ["A baker's door says 'Open', a cup says 'Tea Time'."],
    ("CVTG", 3): ["Signs read 'Left', 'Right' and 'Left'."],
    ("CVTG-Style", 2): ["A red 'Stop', a blue 'Go'."],
}


def write_data(root: Path, *, style: str = "CVTG-Style", **changes: Any) -> Path:
    for (subset, regions), size in SIZES.items():
        assert size > 0
        rows = [
            {"index": 40 + at, "prompt": prompt, "carrier_list": [], "sentence_list": [], **changes}
            for at, prompt in enumerate(PROMPTS.get((subset, regions), []))
        ]
        folder = style if subset == "CVTG-Style" else subset
        write_json(root / folder / f"{regions}.json", {"data_list": rows})
    return root


@pytest.mark.parametrize("style", ["CVTG-Style", "CVTG-style"])
def test_loading(tmp_path: Path, style: str) -> None:
    samples = SUITE.load(kit.source(write_data(tmp_path / "CVTG-2K", style=style).parent, tmp_path))
    assert [s.id for s in samples] == ["CVTG-2-40", "CVTG-3-40", "CVTG-Style-2-40"]
    assert [s.group for s in samples] == [("CVTG", "2"), ("CVTG", "3"), ("CVTG-Style", "2")]
    assert {s.group for s in samples} <= {g.path for g in BENCHMARK.groups}
    assert samples[2].output_path == "CVTG-Style/2/40.png"
    assert SUITE.size == 2000


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"CVTG/2\.json does not exist; get CVTG-2K\.zip"):
        SUITE.load(kit.source(tmp_path, tmp_path))
    write_data(tmp_path, index="one")
    with pytest.raises(UserError, match=r"CVTG/2.json: entry 1 has no whole number in 'index'"):
        SUITE.load(kit.source(tmp_path, tmp_path))
    write_json(tmp_path / "CVTG" / "2.json", {"0": "combined"})
    with pytest.raises(UserError, match="no list 'data_list'"):
        SUITE.load(kit.source(tmp_path, tmp_path))
    twice = [{"index": 1, "prompt": "'a'"}] * 2
    write_json(tmp_path / "CVTG" / "2.json", {"data_list": twice})
    write_json(tmp_path / "CVTG" / "3.json", {"data_list": []})
    write_json(tmp_path / "CVTG-Style" / "2.json", {"data_list": []})
    with pytest.raises(UserError, match="CVTG-2-1 occurs more than once"):
        SUITE.load(kit.source(tmp_path, tmp_path))


def test_from_images_to_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    kit.register(monkeypatch, "cvtg2k")
    data, outputs = write_data(tmp_path / "data"), tmp_path / "outputs"
    draw(outputs / "CVTG" / "2" / "40.png", RED, (kit.CELL, kit.CELL))
    draw(outputs / "CVTG" / "3" / "40.jpg", BLUE, (kit.CELL, kit.CELL))
    draw(outputs / "CVTG" / "3" / "40.png", GREEN, (kit.CELL, kit.CELL))
    lines = {RED: ["OPEN", "tea lime"], GREEN: ["left right"], BLUE: []}
    values = tmp_path / "vqa.jsonl"
    values.write_text(json.dumps({"sample": "CVTG-2-40", "value": 0.75}) + "\n", encoding="utf-8")
    run = kit.run(
        "cvtg2k", "full", outputs, data, tmp_path / "out", "http://127.0.0.1:9/v1",
        *kit.record(tmp_path / "readings.json", lines),
        "--weights", f"clip={tiny_clip(tmp_path / 'clip')}",
        "--weights", f"cvtg2k_vqascore_values={values}",
        "--weights", f"vqa={tiny_vlm(tmp_path / 'vlm', says='Yes')}",
    )  # fmt: skip
    found = kit.numbers(run)
    # Released: the apostrophe makes "s door says " the first text: s, door, says, then ", a cup
    # says " and so on; strict: open, tea, time.
    first = run.scores["CVTG-2-40", 0, "ocr"]
    assert first.parts["asked_official"] == 7
    assert first.parts["accuracy"] == pytest.approx(2 / 3)
    assert first.parts["similarity"] == pytest.approx((1 + 1 + 0.75) / 3)
    second = run.scores["CVTG-3-40", 0, "ocr"]
    assert second.parts["correct_official"] == 3, "one left serves twice"
    assert second.parts["accuracy"] == pytest.approx(2 / 3)
    assert found["word_accuracy_3"] == 1.0
    # The third image was not made: it leaves the released mean, and has no word right in ours.
    assert found["word_accuracy"] == pytest.approx(
        (first.parts["correct_official"] or 0) / 10 + 0.3
    )
    assert found["word_accuracy_strict"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert found["vqascore"] == 0.75
    # Another scale, and never in VQAScore's column; the image that was not made counts 0.
    sure = [run.scores[i, 0, "yes"].parts["score"] or 0.0 for i in ("CVTG-2-40", "CVTG-3-40")]
    assert min(sure) > 0.9
    assert found["yes_strict"] == pytest.approx(sum(sure) / 3)
    assert 0 <= (found["clipscore"] or -1) <= 2.5
    assert found["aesthetic"] is not None
    lacking = run.scores["CVTG-3-40", 0, "vqascore"]
    assert (lacking.status, lacking.reason) == ("failed", "the file holds no record of CVTG-3-40/0")


def test_absent_scorers_say_what_to_do() -> None:
    by_name = {m.name: m for m in BENCHMARK.metrics(ScoringSettings(ocr="recorded"))}
    assert "no recording was named" in str(by_name["ocr"].absence())
    assert "weights.clip" in str(by_name["clip"].absence())
    assert "weights.cvtg2k_vqascore_values" in str(by_name["vqascore"].absence())
    assert "--weights vqa=Qwen/Qwen2.5-VL-7B-Instruct" in str(by_name["yes"].absence())
    assert all("not by CLIP-FlanT5" in q.doc for q in by_name["yes"].quantities)


def test_what_is_declared_is_there() -> None:
    check_declared(BENCHMARK)
