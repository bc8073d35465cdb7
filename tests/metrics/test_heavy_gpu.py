"""Scorers that run on an accelerator: the same numbers there as here, alone and in a batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.generation.geneval.colours import ColourNamer, Object, cut
from evals.core.images import load_rgb
from metrics.clip import TowerSpec, load_tower
from metrics.detector import Mask2Former
from metrics.float32 import plain_float32
from metrics.instances import Detections
from metrics.preference import Reward
from metrics.vqa_probability import NO, YES, FirstToken, LocalProbability, Question
from tests.tiny_detector import tiny_detector
from tests.tiny_vlm import tiny_vlm

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator"),
]
SIZES = [(70, 70), (100, 50), (70, 70), (64, 64), (60, 130)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Coarse patterns from fixed seeds, of several sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    made = []
    for seed, size in enumerate(SIZES):
        pixels = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
        made.append(folder / f"{seed}.png")
        Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(made[-1])
    return made


def test_convolutions_keep_their_bits() -> None:
    """At the width of ViT-L/14 cuDNN would take TF32 by itself: off by 1e-3 on an H100."""
    torch.manual_seed(0)
    layer, pixels = torch.nn.Conv2d(3, 1024, 14, 14, bias=False), torch.randn(4, 3, 224, 224)
    with torch.inference_mode(), plain_float32():
        here = layer(pixels)
        there = layer.cuda()(pixels.cuda()).cpu()
    assert float((here - there).abs().max()) < 2e-5


# --- detector ---------------------------------------------------------------------------------


def seen(detector: Mask2Former, paths: list[Path]) -> list[Detections]:
    answers = detector.detect(paths, [p.stem for p in paths])
    return [a for a in answers if isinstance(a, Detections)]


def same(one: Detections, other: Detections) -> None:
    """Equal scores class by class, and every box of one is a box of the other."""
    order = [np.lexsort((-d.scores, d.labels)) for d in (one, other)]
    np.testing.assert_array_equal(one.labels[order[0]], other.labels[order[1]])
    np.testing.assert_allclose(one.scores[order[0]], other.scores[order[1]], atol=1e-4)
    for a, b in ((one, other), (other, one)):
        for box in np.unique(a.boxes, axis=0):
            # A pixel at the threshold of its mask may fall on either side.
            assert np.abs(b.boxes - box).max(axis=1).min() <= 1


def test_objects(tmp_path: Path, pictures: list[Path]) -> None:
    """All pairs of query and class, so that none is cut off at a tie."""
    checkpoint = str(tiny_detector(tmp_path / "tiny"))
    here = Mask2Former(
        checkpoint=checkpoint, shortest=64, longest=96, top=1000, min_score=0.0, batch_size=1
    )
    there = replace(here, device="cuda")
    alone = seen(there, pictures)
    together = seen(replace(there, batch_size=4), pictures)
    assert len(alone) == len(together) == len(pictures)
    assert min(len(a.scores) for a in alone) > 80
    for a, b, c in zip(seen(here, pictures), alone, together, strict=True):
        same(a, b)
        same(b, c)


# --- probability of a yes ---------------------------------------------------------------------


def chances(model: LocalProbability, questions: list[Question]) -> list[list[float]]:
    answers = [a for a in model.ask(questions) if isinstance(a, FirstToken)]
    assert len(answers) == len(questions)
    return [[a.any_of(YES), a.any_of(NO), *a.probabilities.values()] for a in answers]


def test_probabilities(tmp_path: Path, pictures: list[Path]) -> None:
    questions = [
        Question(image=path, text=text, spellings=(*YES, *NO))
        for path in pictures
        for text in ("Red?", "Are there any chairs left of the much larger table?")
    ]
    here = LocalProbability(
        checkpoint=str(tiny_vlm(tmp_path / "vlm")), dtype="float32", batch_size=1
    )
    there = replace(here, device="cuda")
    alone = chances(there, questions)
    # Random weights blow up what the order of additions leaves: 4e-5 was seen.
    many = chances(replace(there, batch_size=4), questions)
    np.testing.assert_allclose(alone, chances(here, questions), atol=3e-4)
    np.testing.assert_allclose(many, alone, atol=3e-4)
    assert len({round(row[0], 6) for row in alone}) == len(alone), "no two questions are the same"


# --- CLIP -------------------------------------------------------------------------------------


def test_rewards(tmp_path: Path, pictures: list[Path], tiny_clip: Path) -> None:
    pairs = [(path, f"a picture of {n}") for n, path in enumerate(pictures)]
    here = Reward(version="v2.1", weights=tiny_clip, cache=tmp_path, batch_size=1)
    there = replace(here, device="cuda")
    alone = [float(v) for v in there.score(pairs) if isinstance(v, float)]
    assert alone == pytest.approx(here.score(pairs), abs=1e-3)  # of 100
    assert replace(there, batch_size=3).score(pairs) == pytest.approx(alone, abs=1e-3)


def test_colours_of_objects(tmp_path: Path, pictures: list[Path], tiny_clip: Path) -> None:
    objects = [
        Object(path=path, name="dog", box=np.array([5, 5, 40, 45], np.float32), mask=None)
        for path in pictures
    ]
    spec = TowerSpec(weights=tiny_clip, cache=tmp_path / "here")
    crops = [load_tower(spec).prepare(cut(load_rgb(o.path), o)) for o in objects]
    here, there = load_tower(spec), load_tower(spec, "cuda")
    alone = np.concatenate([there.encode_images([c]) for c in crops])
    np.testing.assert_allclose(alone, here.encode_images(crops), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(there.encode_images(crops), alone, rtol=1e-4, atol=1e-4)
    # Texts are kept on disk by their words: each device has a folder of its own.
    names = [
        ColourNamer(tower=replace(spec, cache=tmp_path / device), device=device).name(objects)
        for device in ("cpu", "cuda")
    ]
    assert names[0] == names[1]
    assert len(set(names[0])) > 1
