"""HPSv2 as a benchmark: prompts in both layouts, the metrics, a run by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.generation.hpsv2 import BENCHMARK
from benchmarks.generation.hpsv2.metric import metrics
from benchmarks.generation.hpsv2.rules import (
    AVERAGE,
    STYLES,
    official_average,
    official_cell,
    strict_means,
)
from evals.core.errors import UserError
from evals.core.protocols import ScoringSettings
from evals.core.summary import summarise
from evals.core.variants import check_variants
from tests.benchmarks.generation.detector_kit import listed, replayed, samples
from tests.benchmarks.kit import write_lines
from tests.tiny_weights import tiny_clip
from tests.variant_runs import memory_run

ROWS = [
    {"style": style, "idx": n, "prompt": f"{style} number {n}"} for style in STYLES for n in (0, 1)
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    listed(monkeypatch, "hpsv2", BENCHMARK, len(ROWS))
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "prompts_extracted.json").write_text(json.dumps(ROWS))
    return folder


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    for seed, row in enumerate(ROWS):
        path = tmp_path / "model" / str(row["style"]) / f"{row['idx']:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(pixels).resize((90, 60)).save(path)
    return tmp_path / "model"


# --- prompts ----------------------------------------------------------------------------------


def test_official_prompts(official_data: Path) -> None:
    found = samples(BENCHMARK, "full", official_data / "hpsv2")
    assert len(found) == BENCHMARK.suites["full"].size == 3200
    assert len({s.cluster for s in found}) == 3172
    assert found[801].output_path == "concept-art/00001.jpg"
    assert [sum(s.group == (style,) for s in found) for style in STYLES] == [800] * 4


def test_four_lists_are_the_same_prompts(data: Path) -> None:
    (data / "prompts_extracted.json").unlink()
    for style in STYLES:
        prompts = [r["prompt"] for r in ROWS if r["style"] == style]
        (data / f"{style}.json").write_text(json.dumps(prompts))
    found = samples(BENCHMARK, "full", data)
    assert [(s.group[0], s.prompt) for s in found] == [(r["style"], r["prompt"]) for r in ROWS]
    (data / "photo.json").unlink()
    with pytest.raises(UserError, match=r"photo\.json"):
        samples(BENCHMARK, "full", data)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ({}, "no JSON list of objects"),
        ([3], "entry 1 is no JSON object"),
        ([ROWS[0], ROWS[0] | {"style": "cubism"}], "record 1 has the style 'cubism'"),
        ([ROWS[0], ROWS[0]], "occurs more than once"),
        ([{"style": "photo", "idx": "x", "prompt": "y"}], "no whole number in 'idx'"),
    ],
)
def test_malformed_prompts_are_named(data: Path, rows: Any, why: str) -> None:
    (data / "prompts_extracted.json").write_text(json.dumps(rows))
    with pytest.raises(UserError, match=why):
        samples(BENCHMARK, "full", data)


# --- runs -------------------------------------------------------------------------------------


def test_a_run_with_weights_of_one_release(data: Path, outputs: Path, tmp_path: Path) -> None:
    pytest.importorskip("open_clip")
    tower = tiny_clip(tmp_path / "tower")
    (outputs / "photo" / "00001.jpg").unlink()
    run = replayed("hpsv2/full", data, outputs, tmp_path / "runs", "--weights", f"hpsv2_1={tower}")
    rewards: dict[str, list[float | None]] = {style: [None, None] for style in STYLES}
    for score in run.scores.values():
        if score.metric == "hps_v2_1":
            style, _, number = score.sample.rpartition("-")
            rewards[style][int(number)] = score.value
    cells = summarise(run, resamples=100).cells
    assert sum(v is not None for r in rewards.values() for v in r) == 7
    average = cells["=v2_1", ()]
    assert average.mean == pytest.approx(official_average(rewards), abs=1e-9)
    whole = official_cell(rewards["anime"])
    assert whole is not None
    assert cells["=v2_1", ("anime",)].mean == pytest.approx(whole.mean, abs=1e-9)
    assert (average.scored, average.planned) == (7, 8)
    other = cells["=v2_0", ()]
    assert other.mean is None
    assert "HPS_v2_compressed.pt" in str(run.manifest["absences"]["hps_v2"])


def test_a_run_over_imported_values(data: Path, outputs: Path, tmp_path: Path) -> None:
    names = [f"{r['style']}-{r['idx']:04d}" for r in ROWS]
    records: list[dict[str, Any]] = [{"sample": n, "reward": 25 + i} for i, n in enumerate(names)]
    records[1]["reward"], records[2]["reward"] = 400, True
    values = write_lines(tmp_path / "values.jsonl", records[:-1])
    run = replayed(
        "hpsv2/full", data, outputs, tmp_path / "runs", "--weights", f"hps_v2_values={values}"
    )
    found = {s.sample: s.status for s in run.scores.values() if s.metric == "hps_v2"}
    assert [found[n] for n in names] == ["ok", "failed", "failed", *["ok"] * 4, "unavailable"]


# --- the benchmark ----------------------------------------------------------------------------


def test_two_releases_are_two_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    made = metrics(ScoringSettings(cache=tmp_path))
    assert [m.name for m in made] == ["hps_v2_1", "hps_v2"]
    assert len({m.fingerprint() for m in made}) == 2
    assert all(m.absence() is not None for m in made)
    columns = [f"{m.name}.{q.name}" for m in made for q in m.quantities]
    check_variants(BENCHMARK.variants, BENCHMARK.headline, columns, BENCHMARK.groups)


def test_whole_styles_agree_with_the_released_chunks() -> None:
    rng = np.random.default_rng(3)
    styles = {s: rng.normal(27, 3, 160).tolist() for s in STYLES}
    groups = [(s,) for s in STYLES for _ in range(160)]
    rewards = [v for s in STYLES for v in styles[s]]
    run = memory_run(
        groups, {"hps_v2_1.reward": rewards, "hps_v2.reward": rewards},
        variants=BENCHMARK.variants,
        ranges=dict.fromkeys(("hps_v2_1.reward", "hps_v2.reward"), (-100.0, 100.0)),
    )  # fmt: skip
    cells = summarise(run, resamples=100).cells
    for style, values in styles.items():
        whole = official_cell(values)
        assert whole is not None
        assert cells["=v2_1", (style,)].mean == pytest.approx(whole.mean, abs=1e-9)
    assert cells["=v2_1", ()].mean == pytest.approx(official_average(styles), abs=1e-9)
    assert cells["=v2_1_strict", ()].mean == pytest.approx(strict_means(styles)[AVERAGE], abs=1e-9)
