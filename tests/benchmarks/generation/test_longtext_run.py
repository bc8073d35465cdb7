"""LongText-Bench as a benchmark: its data, its layouts, and a run from images to numbers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.generation.longtext import BENCHMARK
from benchmarks.generation.longtext.data import FILES, KNOWN, LongTextReference
from benchmarks.generation.longtext.metrics import judged
from evals.core.errors import UserError
from evals.core.protocols import JudgeSettings, ScoringSettings
from tests.benchmarks.generation import dense_kit as kit
from tests.benchmarks.generation.dense_kit import BLACK, BLUE, GREEN, RED
from tests.benchmarks.kit import check_declared, draw
from tests.judge_server import JudgeServer


@pytest.mark.parametrize("suite", ["en", "zh"])
def test_official_prompts(official_data: Path, tmp_path: Path, suite: str) -> None:
    source = kit.source(official_data / "longtext", tmp_path)
    samples = BENCHMARK.suites[suite].load(source)
    assert len(samples) == BENCHMARK.suites[suite].size == 160
    assert Counter(s.group for s in samples) == {g.path: 20 for g in BENCHMARK.groups}
    assert Counter(s.strata["length"] for s in samples) == {"short": 80, "long": 80}
    assert (samples[0].id, samples[-1].id) == ("0000", "0199")
    assert not BENCHMARK.suites[suite].verify(source)


def write_prompts(root: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> Path:
    """One prompt of ours in the official layout, taken for the official revision."""
    row = {
        "category": "sign", "length": "short", "prompt": "A sign that says OPEN DAILY and TEA.",
        "text": ["OPEN DAILY", "TEA"], "text_length": 3, "prompt_id": 7, **changes,
    }  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    (root / "text_prompts.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    files = BENCHMARK.suites["en"].load.__self__.files  # type: ignore[attr-defined]
    monkeypatch.setitem(files.known, "prompts", {})
    return root


def test_another_revision_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text_prompts.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"X-Omni.*expected {KNOWN['en'][:16]}"):
        BENCHMARK.suites["en"].load(kit.source(tmp_path, tmp_path))
    with pytest.raises(UserError, match=r"text_prompts_zh\.jsonl does not exist"):
        BENCHMARK.suites["zh"].load(kit.source(tmp_path, tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": "OPEN"}, "no list of texts"),
        ({"prompt_id": "x"}, "no whole number"),
        ({"category": "song"}, "unknown category 'song'"),
    ],
)
def test_a_broken_record_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], message: str
) -> None:
    write_prompts(tmp_path, monkeypatch, **changes)
    with pytest.raises(UserError, match=message):
        BENCHMARK.suites["en"].load(kit.source(tmp_path, tmp_path))


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_prompts(tmp_path, monkeypatch)
    (sample,) = BENCHMARK.suites["en"].load(kit.source(tmp_path, tmp_path))
    assert sample.reference == LongTextReference(segments=("OPEN DAILY", "TEA"), language="en")
    assert [p.path.format(trial=p.first + 3) for p in sample.places] == [
        "0007_4.png", "longtext/text_prompts/0007_4.jpg",
    ]  # fmt: skip
    assert set(FILES) == set(BENCHMARK.suites)


def read(words: str, colour: kit.Colour) -> str:
    return {RED: "open daily\nTea", GREEN: "TEA TEA OPEN up", BLUE: "No text recognized"}.get(
        colour, "addCriterion"
    )


def test_from_images_to_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    kit.register(monkeypatch, "longtext")
    data, outputs = write_prompts(tmp_path / "data", monkeypatch), tmp_path / "outputs"
    for number, colour in enumerate((RED, GREEN, BLUE, BLACK), 1):
        draw(outputs / f"0007_{number}.png", colour, (kit.CELL, kit.CELL))
    readings = {RED: ["OPEN TEA"], GREEN: [], BLUE: [], BLACK: []}
    ocr = kit.record(tmp_path / "readings.json", readings)
    with JudgeServer(kit.looking(read)) as server:
        run = kit.run("longtext", "en", outputs, data, tmp_path / "out", server.url, *ocr)
    found = kit.numbers(run)
    # Of three words: 3, 2 and, since "No text recognized" are other words, 0 and 0.
    assert found["text_score"] == pytest.approx(5 / 12)
    assert found["recall_strict"] == pytest.approx((1 + 2 / 3 + 0 + 0) / 4)
    assert found["precision_strict"] == pytest.approx((1 + 2 / 4 + 0 + 0) / 4)
    assert found["ocr_recall"] == pytest.approx((2 / 3) / 4)
    assert run.manifest["trials"] == 4


def test_a_missing_image_counts_in_the_strict_number_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    kit.register(monkeypatch, "longtext")
    data, outputs = write_prompts(tmp_path / "data", monkeypatch), tmp_path / "outputs"
    draw(outputs / "0007_1.png", RED, (kit.CELL, kit.CELL))
    with JudgeServer(kit.looking(read)) as server:
        run = kit.run(
            "longtext", "en", outputs, data, tmp_path / "out", server.url, "--metric", "judge"
        )
    found = kit.numbers(run)
    assert found["text_score"] == 1.0
    assert found["recall_strict"] == pytest.approx(1 / 4)


def test_an_official_prompt_is_stamped(tmp_path: Path) -> None:
    path = tmp_path / "ocr.txt"
    path.write_text("Read it.", encoding="utf-8")
    official = judged(ScoringSettings(judging=JudgeSettings(prompt=path)))
    assert "official prompt (ocr.txt" in official.wording[1]
    assert official.wording[0] != judged(ScoringSettings()).wording[0]


def test_what_is_declared_is_there() -> None:
    check_declared(BENCHMARK)
    assert "--judge" in str(BENCHMARK.metrics(ScoringSettings())[0].absence())
