"""Rendered scenes as a benchmark: samples, scores, the command line, and data that is wrong."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.common.drawn_score import SceneReference, ShapesMetric
from benchmarks.generation.rendered_scenes import BENCHMARK
from evals.core.errors import UserError
from evals.core.headline import headline
from evals.core.protocols import DataSource, Metric, ScoringSettings
from evals.core.store import StoredRun
from evals.core.types import Item, Prediction, Sample, Score
from metrics.shapes import read_shapes
from metrics.shapes_rules import Wanted, clauses
from synth.scenes import PER_KIND
from tests.benchmarks.kit import command

SUITE = BENCHMARK.suites["synth"]


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return SUITE.load(DataSource())


def score(sample: Sample, *images: Path) -> Score:
    prediction = Prediction(sample=sample.id, trial=0, seed=0, status="ok")
    (made,) = ShapesMetric().score([Item(sample=sample, prediction=prediction, images=images)])
    return made


def saved(picture: Image.Image, path: Path) -> Path:
    picture.save(path)
    return path


def asked(*wanted: Wanted) -> Sample:
    reference = SceneReference(answer="it", wanted=wanted, side=None, kind="k", spec_sha256="")
    return Sample(
        id="s", benchmark="b", suite="s", task="generate", prompt="?", reference=reference
    )


def circles(colours: Sequence[str]) -> Image.Image:
    picture = Image.new("RGB", (600, 300), "white")
    for at, colour in enumerate(colours):
        ImageDraw.Draw(picture).ellipse((30 + at * 150, 90, 150 + at * 150, 210), fill=colour)
    return picture


def test_samples_are_whole_and_grouped(samples: list[Sample]) -> None:
    assert len(samples) == SUITE.size == 48
    assert len({s.id for s in samples}) == len({s.cluster for s in samples}) == 48
    assert Counter(s.group for s in samples) == {g.path: PER_KIND for g in BENCHMARK.groups}
    for sample in samples:
        assert sample.task == BENCHMARK.task == "generate"
        assert sample.images == ()
        assert sample.reference_images[0].is_file()
        assert isinstance(sample.reference, SceneReference)
        assert sample.reference.spec_sha256
        assert sample.output_path == f"{sample.id}.png"
    assert SUITE.synthetic
    assert SUITE.load(DataSource()) == samples


def test_every_drawing_is_right_for_its_prompt_and_for_at_most_one_more(
    samples: list[Sample],
) -> None:
    read = [
        read_shapes(np.asarray(Image.open(s.reference_images[0]), np.uint8)) for s in samples
    ]  # fmt: skip
    right = np.array(
        [
            [all(c.met for c in clauses(s.reference.wanted, s.reference.side, r.shapes))
             for r in read]
            for s in samples
        ]
    )  # fmt: skip
    assert right.diagonal().all()
    assert right.sum(axis=0).max() <= 2


def test_right_wrong_and_unreadable(tmp_path: Path) -> None:
    two = asked(Wanted(name="circle", colour="red", count=2))
    made = score(two, saved(circles(["red", "red"]), tmp_path / "a.png"))
    assert made.parts == {"correct": 1.0, "clauses": 1.0, "readable": 1.0}
    assert made.evidence["read"] == "2 x red circle"
    assert made.evidence["failed"] == []
    assert [set(s) for s in made.evidence["shapes"]] == [{"shape", "box", "certainty"}] * 2
    made = score(two, saved(circles(["red", "blue"]), tmp_path / "b.png"))
    assert made.parts == pytest.approx({"correct": 0.0, "clauses": 2 / 3, "readable": 1.0})
    assert made.evidence["failed"] == ["2 x red circle: 1 seen"]
    assert made.notes == {}
    made = score(two, saved(circles([]), tmp_path / "c.png"))
    assert made.parts == {"correct": 0.0, "clauses": 0.0, "readable": 0.0}
    noise = np.random.RandomState(0).randint(0, 256, (90, 90, 3)).astype(np.uint8)
    made = score(two, saved(Image.fromarray(noise), tmp_path / "d.png"))
    assert (made.status, made.value) == ("ok", 0.0)
    assert made.notes["correct"].startswith("counted as wrong: it has no plain ground")
    json.dumps(made.evidence)


def test_pictures_as_models_store_them(tmp_path: Path) -> None:
    """Transparent ones are seen on white; grey ones and JPEG are read as they are."""
    sample = asked(Wanted(name="circle", colour="black"))
    clear = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    ImageDraw.Draw(clear).ellipse((60, 60, 240, 240), fill="black")
    assert score(sample, saved(clear, tmp_path / "a.png")).value == 1.0
    grey = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(grey).ellipse((60, 60, 240, 240), fill=0)
    assert score(sample, saved(grey, tmp_path / "a.jpg")).value == 1.0


def test_a_file_that_is_no_picture_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"nothing")
    made = score(asked(Wanted(name="circle")), tmp_path / "x.png")
    assert (made.status, made.value) == ("failed", None)
    assert "not_an_image" in made.reason
    assert score(asked(Wanted(name="circle"))).status == "failed"


def test_the_metric_is_one_and_travels() -> None:
    (metric,) = BENCHMARK.metrics(ScoringSettings())
    assert isinstance(metric, Metric)
    assert metric.absence() is None
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert metric.fingerprint() == ShapesMetric().fingerprint()
    columns = {f"{metric.name}.{q.name}" for q in metric.quantities}
    assert {t.column for v in BENCHMARK.variants for t in v.terms} <= columns
    assert BENCHMARK.headline.variant in {v.name for v in BENCHMARK.variants}
    assert pickle.loads(pickle.dumps(SUITE.load)) is not None


def test_no_data_of_another_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="is drawn by this program"):
        SUITE.load(DataSource(root=tmp_path))
    assert command("data", "verify", "rendered-scenes@abc") == 2
    assert "revision abc is given" in capsys.readouterr().err


def test_damaged_drawings_are_found(tmp_path: Path) -> None:
    source = DataSource(cache=tmp_path)
    assert SUITE.verify(source) == []
    first, second, *_ = sorted(tmp_path.rglob("*.png"))
    first.write_bytes(first.read_bytes()[:300])
    second.unlink()
    (problem,) = SUITE.verify(source)
    assert (problem.kind, problem.where, problem.fatal) == ("corrupt", str(first), True)
    assert second.is_file(), "what is gone is drawn again"


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("show", "benchmark", "rendered-scenes") == 0
    shown = capsys.readouterr().out
    assert "read flat filled shapes" in " ".join(shown.split())
    assert "GenEval" in shown
    words = ["run", "-m", "shuffled-truth", "-b", "rendered-scenes", "-o", tmp_path]
    assert command(*words) == 0
    out = capsys.readouterr().out
    assert out.startswith("Rendered scenes synth\n")
    assert "Synthetic, not comparable" in out
    folder = tmp_path / "rendered-scenes-synth"
    values = {}
    for model in ("ground-truth", "builtin", "shuffled-truth"):
        run = StoredRun.read(folder / model)
        assert len(run.predictions) == len(run.scores) == 48
        values[model] = headline(run, None, None, resamples=100).value
    assert values == {"ground-truth": 1.0, "builtin": 0.0, "shuffled-truth": 0.0}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "ceiling" in page
    assert "floor" in page
    assert command(*words, "--json", "--no-report") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["complete"] is True
    assert all(o["predicted"] == 0 for o in said["outcomes"]), "nothing was left to do"
