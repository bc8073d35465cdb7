"""OCR metrics: two worker processes and readings of originals kept, against one image at a time."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks.textedit import official
from benchmarks.textedit.data import load_full
from evals.config import BenchmarkSpec, ModelSpec, RunConfig
from evals.core.protocols import DataSource, ScoringSettings
from evals.core.types import Sample
from evals.plan import make_plan
from evals.runner import execute
from metrics.ocr import make_engine
from synth.textedit import write_suite
from tests.performance import naive


class Quiet:
    """Nobody is told of the progress."""

    def stage(self, title: str, total: int) -> None:
        """Say nothing."""

    def advance(self, done: int, failed: int = 0) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


def write_outputs(place: Path, samples: list[Sample], level: int) -> Path:
    """A model's folder: every answer differs from original, ground truth and other models'."""
    from PIL import Image

    folder = place / f"model{level}"
    for sample in samples:
        assert sample.output_path is not None
        path = folder / sample.output_path
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = Image.open(sample.reference_images[0]).convert("RGB")
        # A new pixel in the corner is a new image: nothing of it can be in a cache.
        answer.putpixel((0, 0), (level, 0, 0))
        answer.save(path, lossless=True)
    return folder


def measure() -> list[dict[str, str]]:
    """First model, second model, unchanged re-score."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        samples = load_full(DataSource(root=_drawn(place)))
        outputs = [write_outputs(place, samples, level) for level in (1, 2)]
        engine = make_engine("rapidocr", {})
        naive.ocr_scores(engine, samples[:1], [outputs[0] / str(samples[0].output_path)])
        begin = time.perf_counter()
        reference = naive.ocr_scores(
            engine, samples, [outputs[0] / str(s.output_path) for s in samples]
        )
        slow = time.perf_counter() - begin
        times = []
        for model in (outputs[0], outputs[1], outputs[1]):
            begin = time.perf_counter()
            _run(place, model)
            times.append(time.perf_counter() - begin)
        _same(place, outputs[0], samples, reference)
    n = len(samples)
    names = ["OCR metrics, first model", "OCR metrics, each further model", "unchanged re-score"]
    aims = ["1.8 (ideal 2)", "3.5 (ideal 4)", "100"]
    return [
        {"what": f"{name}, {n} images, {len(os.sched_getaffinity(0))} cores",
         "naive": f"{slow:.1f} s", "ours": f"{t:.2f} s", "ratio": f"{slow / t:.2f}", "aim": aim}
        for name, t, aim in zip(names, times, aims, strict=True)
    ]  # fmt: skip


def _drawn(place: Path) -> Path:
    """90 drawn pairs, read through the loader of the official layout."""
    root = write_suite(place / "TextEdit", per_class=5)
    (root / "eval_prompts" / "synth").rename(root / "eval_prompts" / "fullset")
    return root


def _config(place: Path, model: Path) -> RunConfig:
    return RunConfig(
        models=(ModelSpec(name=model.name, adapter="replay", argument=str(model)),),
        benchmarks=(BenchmarkSpec(name="textedit", suite="full", data=place / "TextEdit"),),
        out=place / "runs",
        anchors=False,
        metrics=("ocr_official",),
        scoring=ScoringSettings(cache=place / "cache"),
    )


def _run(place: Path, model: Path) -> None:
    (outcome,) = execute(make_plan(_config(place, model)), Quiet())
    assert outcome.complete


def _same(
    place: Path, model: Path, samples: list[Sample], reference: list[official.OfficialScores]
) -> None:
    """Both ways must have computed the same numbers, or their times mean nothing."""
    from evals.core.store import StoredRun

    run = StoredRun.read(place / "runs" / "textedit-full" / model.name)
    for sample, expected in zip(samples, reference, strict=True):
        score = run.scores[(sample.id, 0, "ocr_official")]
        assert abs(float(score.parts["F1"] or 0.0) - expected.F1) < 1e-9, sample.id
