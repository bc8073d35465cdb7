"""Rendered facts as a benchmark: samples, what a picture must show, replay, the headline."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.catalog import PRESETS
from benchmarks.common.drawn_score import SceneReference
from benchmarks.knowledge.rendered_facts import BENCHMARK
from evals.core.headline import headline
from evals.core.protocols import DataSource
from evals.core.store import StoredRun
from evals.core.types import Sample
from metrics.shapes import read_shapes
from metrics.shapes_rules import clauses
from synth.scenes import PER_KIND, facts
from tests.benchmarks.kit import command

SUITE = BENCHMARK.suites["synth"]


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return SUITE.load(DataSource())


def test_samples_carry_what_is_wanted(samples: list[Sample]) -> None:
    assert len(samples) == SUITE.size == 48
    assert Counter(s.group for s in samples) == {g.path: PER_KIND for g in BENCHMARK.groups}
    for sample, spec in zip(samples, facts(), strict=True):
        reference = sample.reference
        assert isinstance(reference, SceneReference)
        assert (sample.id, sample.prompt) == (spec.id, spec.prompt)
        assert (reference.answer, reference.side) == (spec.answer, spec.side)
        wanted = [(w.name, w.colour, w.count) for w in reference.wanted]
        assert wanted == [(w.name, w.colour, w.count) for w in spec.wanted]


def test_every_drawing_is_right_for_its_prompt_alone(samples: list[Sample]) -> None:
    for own in samples:
        read = read_shapes(np.asarray(Image.open(own.reference_images[0]), np.uint8))
        right = [
            s.id
            for s in samples
            if all(c.met for c in clauses(s.reference.wanted, s.reference.side, read.shapes))
        ]
        assert right == [own.id]


def test_it_says_that_it_is_synthetic_and_what_it_cannot_do() -> None:
    assert SUITE.synthetic
    assert BENCHMARK.task == "generate"
    assert "flat filled shapes" in BENCHMARK.doc
    assert "WISE" in BENCHMARK.doc
    assert {"rendered-scenes/synth", "rendered-facts/synth"} <= set(PRESETS["quick"])


def test_a_folder_of_pictures_is_scored(samples: list[Sample], tmp_path: Path) -> None:
    """Right ones but for one of each kind, which shows another kind's answer."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for at, sample in enumerate(samples):
        shown = samples[(at + PER_KIND) % 48] if sample.id.endswith("-0") else sample
        shutil.copy(shown.reference_images[0], folder / f"{sample.id}.png")
    words = ["run", "-m", f"replay:{folder}", "-b", "rendered-facts", "-o", tmp_path / "runs"]
    assert command(*words, "--no-report", "--no-anchors") == 0
    (place,) = (p.parent for p in (tmp_path / "runs").rglob("run.json"))
    run = StoredRun.read(place)
    made = headline(run, None, None, resamples=100)
    assert made.value == pytest.approx(7 / 8)
    assert {g: v.value for g, v in made.by_group.items() if g} == {
        g.path: pytest.approx(7 / 8) for g in BENCHMARK.groups
    }


def test_kinds_count_alike_and_a_missing_picture_is_wrong(
    samples: list[Sample], tmp_path: Path
) -> None:
    """With --limit 12 there are eight items of the first kind and four of the second."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for sample in samples[:8]:
        shutil.copy(sample.reference_images[0], folder / f"{sample.id}.png")
    words = ["run", "-m", f"replay:{folder}", "-b", "rendered-facts", "-o", tmp_path / "runs"]
    command(*words, "--no-report", "--no-anchors", "--limit", "12")
    (place,) = (p.parent for p in (tmp_path / "runs").rglob("run.json"))
    run = StoredRun.read(place)
    groups = Counter(tuple(s["group"]) for s in run.samples)
    right = {k: sum(1 for s in run.samples if tuple(s["group"]) == k
                    and run.predictions[s["id"], 0].status == "ok") for k in groups}  # fmt: skip
    expected = sum(right[k] / groups[k] for k in groups) / len(groups)
    assert headline(run, None, None, resamples=100).value == pytest.approx(expected)
    assert 0 < expected < 1
