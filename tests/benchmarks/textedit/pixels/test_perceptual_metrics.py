"""LPIPS on drawn scenes, through the real package with a marked random backbone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from edit_scene import (
    ORIGINAL,
    TRUTH,
    damaged_background,
    noisy_slot,
    one,
    part,
)  # fmt: skip

from benchmarks.textedit.perceptual_metrics import PerceptualDistance
from evals.core.types import Item
from metrics.ocr import OcrReader
from metrics.perceptual import BACKBONES, Backbone

MakeItem = Callable[..., Item]

# --- LPIPS -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backbone_file(tiny_weights: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("lpips")
    place = tmp_path_factory.mktemp("torch") / "hub" / "checkpoints" / BACKBONES["squeeze"]
    made: Path = tiny_weights.random_backbone(place, "squeezenet1_1")
    return made


@pytest.fixture
def lpips_metric(backbone_file: Path, nobody: OcrReader, tmp_path: Path) -> PerceptualDistance:
    backbone = Backbone(net="squeeze", path=backbone_file, unverified=True, cache=tmp_path)
    return PerceptualDistance(reader=nobody, backbone=backbone)


def test_lpips_sees_each_fault_where_it_is(
    make_item: MakeItem, lpips_metric: PerceptualDistance
) -> None:
    good = one(lpips_metric, make_item(TRUTH))
    assert (good.parts["lpips_background"], good.parts["lpips_whole"]) == (0.0, 0.0)
    assert part(good, "lpips_slot_gain") == 1.0
    nothing = one(lpips_metric, make_item(ORIGINAL))
    assert nothing.parts["lpips_background"] == 0.0
    assert part(nothing, "lpips_slot") > 0
    assert part(nothing, "lpips_slot_gain") == pytest.approx(0.0, abs=1e-6)
    slot = one(lpips_metric, make_item(noisy_slot(TRUTH)))
    assert slot.parts["lpips_background"] == 0.0
    assert part(slot, "lpips_slot") > 0
    outside = one(lpips_metric, make_item(damaged_background(TRUTH)))
    assert part(outside, "lpips_background") > 0
    assert part(outside, "lpips_slot") < part(outside, "lpips_background")


def test_lpips_scores_of_random_weights_are_marked(
    make_item: MakeItem, lpips_metric: PerceptualDistance
) -> None:
    score = one(lpips_metric, make_item(TRUTH))
    assert score.evidence["weights"] == "unverified"
    assert "comparable with nothing" in score.notes["weights"]
    honest = PerceptualDistance(
        reader=lpips_metric.reader,
        backbone=Backbone(
            net="squeeze", path=lpips_metric.backbone.path, cache=lpips_metric.backbone.cache
        ),
    )
    assert honest.absence() is not None
    assert honest.fingerprint() != lpips_metric.fingerprint()


def test_lpips_of_mixed_sizes_equals_one_by_one(
    make_item: MakeItem, lpips_metric: PerceptualDistance, tmp_path: Path
) -> None:
    large = [cv2.resize(p, (300, 200)) for p in (ORIGINAL, TRUTH, noisy_slot(TRUTH))]
    dot = np.zeros((16, 16, 3), np.uint8)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    items = [
        make_item(noisy_slot(TRUTH), name="a"),
        make_item(large[2], original=large[0], truth=large[1], name="b"),
        make_item(broken, name="c"),
        make_item(dot, original=dot, truth=dot, name="d"),
        make_item(damaged_background(TRUTH), name="e"),
    ]
    together = lpips_metric.score(items)
    assert [s.status for s in together] == ["ok", "ok", "failed", "not_applicable", "ok"]
    assert [s.sample for s in together] == list("abcde")
    for item, score in zip(items, together, strict=True):
        alone = one(lpips_metric, item)
        assert alone.status == score.status
        for name, value in score.parts.items():
            assert alone.parts[name] == (None if value is None else pytest.approx(value, abs=1e-5))
