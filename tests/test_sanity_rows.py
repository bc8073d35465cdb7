"""A metric must be able to say no: rows that cannot be right get bad numbers, from every side."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.cli import main
from evals.core.columns import read_columns
from evals.core.store import StoredRun
from synth.textedit import write_suite

MODELS = ("ground-truth", "blank", "shuffled-truth")
METRICS = ("ocr_strict", "text_exact", "fidelity")
FEW = "2"


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(words)
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A run of the three rows over a few drawn samples, once done."""
    place = tmp_path_factory.mktemp("sanity")
    root = write_suite(place / "TextEdit", per_class=1)
    # Read through the loader of the official layout: `synth` renders its whole suite first.
    (root / "eval_prompts" / "synth").rename(root / "eval_prompts" / "fullset")
    words = [
        "run", "-b", "textedit/full", "--data", f"textedit={root}", "--no-anchors", "--no-report",
        "--workers", "1", "--out", str(place / "runs"),
        *(w for name in METRICS for w in ("--metric", name)),
        *(w for name in MODELS for w in ("--model", name)),
    ]  # fmt: skip
    assert call(*words, "--limit", FEW) == 0
    return words


def folder(words: list[str], model: str) -> Path:
    return Path(words[words.index("--out") + 1]) / "textedit-full" / model


def test_sanity_rows_score_near_the_worst_of_text_and_pixels(words: list[str]) -> None:
    means: dict[str, dict[str, float]] = {}
    for model in MODELS:
        run = StoredRun.read(folder(words, model))
        assert {p.status for p in run.predictions.values()} == {"ok"}
        columns = read_columns(run)
        assert all(set(c.kinds) == {"measured"} for n, c in columns.items() if "ocr_strict" in n)
        means[model] = {name: float(c.values.mean()) for name, c in columns.items()}
    truth = means["ground-truth"]
    assert truth["ocr_strict.OA"] > 0.9
    assert truth["fidelity.ssim_background"] > 0.95
    for model in ("blank", "shuffled-truth"):
        row = means[model]
        # Two texts that have nothing to do with each other still share a letter now and then.
        for column in ("OA", "OP", "OR", "F1", "NED", "target_present"):
            assert row[f"ocr_strict.{column}"] < 0.25, (model, column)
        assert row["text_exact.exact_match"] == 0.0
        assert row["text_exact.CER"] > 0.7
        assert row["fidelity.ssim_background"] < 0.75
        assert row["fidelity.psnr_background"] < 20.0
    assert means["blank"]["ocr_strict.F1"] == 0.0


def test_other_neighbours_make_only_the_shuffled_row_anew(words: list[str]) -> None:
    """With more samples planned, the last one's neighbour is another."""
    before = {m: StoredRun.read(folder(words, m)) for m in MODELS}
    bare = [w for w in words if w not in METRICS and w != "--metric"]
    assert call(*bare, "--metric", "fidelity", "--limit", str(int(FEW) + 1)) == 0
    for model in MODELS:
        after = StoredRun.read(folder(words, model))
        assert len(after.predictions) == int(FEW) + 1
        changed = [k for k, p in before[model].predictions.items() if p != after.predictions[k]]
        assert len(changed) == (model == "shuffled-truth"), model
    truths = StoredRun.read(folder(words, "ground-truth")).predictions
    shuffled = StoredRun.read(folder(words, "shuffled-truth")).predictions
    order = [s["id"] for s in StoredRun.read(folder(words, "blank")).samples]
    for at, sample in enumerate(order):
        following = order[(at + 1) % len(order)]
        assert shuffled[sample, 0].images[0].sha256 == truths[following, 0].images[0].sha256
