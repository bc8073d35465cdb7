"""CLIP and the aesthetic score on drawn scenes, through open_clip with a tiny random tower."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edit_scene import (
    ORIGINAL,
    SLOT,
    TRUTH,
    damaged_background,
    noisy_slot,
    one,
    part,
)  # fmt: skip
from PIL import Image

from benchmarks.textedit import pixel_metrics
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from metrics.clip import load_tower
from metrics.clip_features import Features

MakeItem = Callable[..., Item]

# --- CLIP and the aesthetic score -------------------------------------------------------------


def test_clip_by_hand(make_item: MakeItem, board: dict[str, Any]) -> None:
    item = make_item(noisy_slot(TRUTH))
    score = one(board["clip"], item)
    assert score.status == "ok"
    features = Features(board["clip"].tower)
    from metrics.clip_features import Picture

    paths = (item.images[0], item.sample.images[0], item.sample.reference_images[0])
    images = features.images(Picture(p) for p in paths)
    output, original, truth = (
        np.asarray(images[Picture(p)], float) / np.linalg.norm(images[Picture(p)]) for p in paths
    )
    asked = ("A sign that says OPEN.", 'A picture with the text "OPEN"',
             'A picture with the text "SALE"')  # fmt: skip
    texts = [features.texts(asked)[t] for t in asked]
    caption, target, source = (np.asarray(t, float) / np.linalg.norm(t) for t in texts)
    moved, wanted = output - original, truth - original
    assert part(score, "CLIP") == pytest.approx(2.5 * max(0.0, output @ caption), abs=1e-5)
    assert part(score, "clip_image") == pytest.approx(output @ truth, abs=1e-6)
    assert part(score, "clip_text_gain") == pytest.approx(
        output @ target - output @ source, abs=1e-6
    )
    by_hand = moved @ wanted / np.linalg.norm(moved) / np.linalg.norm(wanted)
    expected = {by_hand, 0.0} if np.linalg.norm(moved) < 0.01 else {by_hand}
    if np.linalg.norm(wanted) < 0.01:
        assert score.parts["clip_directional"] is None
    else:
        assert min(abs(part(score, "clip_directional") - e) for e in expected) < 1e-5


def test_clip_of_the_truth_and_of_doing_nothing(make_item: MakeItem, board: dict[str, Any]) -> None:
    other = 255 - ORIGINAL[::-1]
    good = one(board["clip"], make_item(other, truth=other))
    assert part(good, "clip_image") == pytest.approx(1.0)
    assert part(good, "clip_directional") == pytest.approx(1.0)
    nothing = one(board["clip"], make_item(ORIGINAL, truth=other))
    assert nothing.parts["clip_directional"] == 0.0
    same = one(board["clip"], make_item(other, truth=ORIGINAL))
    assert same.parts["clip_directional"] is None
    assert "no difference" in same.notes["clip_directional"]


def test_clip_of_the_slot(make_item: MakeItem, board: dict[str, Any]) -> None:
    x0, y0, x1, y1 = SLOT
    truth = ORIGINAL.copy()
    truth[y0:y1, x0:x1] = np.random.default_rng(5).integers(0, 256, (y1 - y0, x1 - x0, 3))
    half = truth.copy()
    half[y0:y1, x0 : (x0 + x1) // 2] = ORIGINAL[y0:y1, x0 : (x0 + x1) // 2]
    whole, blurred, nothing, some = (
        one(board["clip"], make_item(output, truth=truth))
        for output in (truth, damaged_background(truth), ORIGINAL, half)
    )
    for perfect in (whole, blurred):  # what lies outside is not looked at
        assert part(perfect, "clip_image_slot") == pytest.approx(1.0)
        assert part(perfect, "clip_image_slot_gain") == pytest.approx(1.0)
    assert part(blurred, "clip_image") < 1.0 - 1e-6
    assert part(nothing, "clip_image_slot_gain") == 0.0
    assert part(nothing, "clip_image_slot") < part(some, "clip_image_slot") < 1.0
    before, now = part(nothing, "clip_image_slot"), part(some, "clip_image_slot")
    assert part(some, "clip_image_slot_gain") == pytest.approx((now - before) / (1 - before))


def test_no_slot_leaves_the_rest_of_clip(make_item: MakeItem, board: dict[str, Any]) -> None:
    same = one(board["clip"], make_item(ORIGINAL, truth=ORIGINAL, mask=None))
    assert same.status == "ok"
    for name in ("clip_image_slot", "clip_image_slot_gain"):
        assert same.parts[name] is None
        assert "no mask" in same.notes[name]
    kept = one(board["clip"], make_item(TRUTH, truth=ORIGINAL))
    assert part(kept, "clip_image_slot") < 1.0
    assert "no difference" in kept.notes["clip_image_slot_gain"]
    bare = one(board["clip"], make_item(TRUTH, truth=None))
    assert bare.parts["clip_image_slot"] is None
    assert "no ground truth" in bare.notes["clip_image_slot"]


def test_the_aesthetic_scores(make_item: MakeItem, board: dict[str, Any]) -> None:
    nothing = one(board["aes"], make_item(ORIGINAL))
    assert nothing.parts["aes_gain"] == 0.0
    edited = one(board["aes"], make_item(255 - TRUTH))
    assert part(edited, "aes_gain") == pytest.approx(
        part(edited, "aes") - part(nothing, "aes"), abs=1e-9
    )
    released = one(board["aes_official"], make_item(255 - TRUTH))
    assert abs(part(released, "AES") - part(edited, "aes")) > 1e-5
    assert board["aes"].fingerprint() != board["aes_official"].fingerprint()


def test_clip_and_aes_share_every_forward(make_item: MakeItem, board: dict[str, Any]) -> None:
    items = [make_item(255 - TRUTH), make_item(noisy_slot(TRUTH))]
    tower = load_tower(board["clip"].tower)
    before = tower.images_encoded
    board["clip"].score(items)
    seen = 4  # two outputs, one original, one ground truth
    assert tower.images_encoded - before == 2 * seen  # whole, and the slot of each
    board["aes"].score(items)
    assert tower.images_encoded - before == 2 * seen
    board["clip"].score([make_item(255 - noisy_slot(TRUTH))])  # the next model
    assert tower.images_encoded - before == 2 * seen + 2
    board["clip"].score(items)
    assert tower.images_encoded - before == 2 * seen + 2


def test_batched_scores_equal_single_ones(make_item: MakeItem, board: dict[str, Any]) -> None:
    items = [make_item(np.roll(TRUTH, 11 * i, axis=1), name=str(i)) for i in range(3)]
    settings = ScoringSettings(
        weights={"clip": str(board["clip"].tower.weights)}, cache=board["clip"].tower.cache / "b"
    )
    fresh = {m.name: m for m in pixel_metrics.metrics(settings, board["fidelity"].reader)}
    for name in ("clip", "aes", "aes_official"):
        together = board[name].score(items)
        for item, score in zip(items, together, strict=True):
            alone = one(fresh[name], item)
            for quantity, value in score.parts.items():
                assert alone.parts[quantity] == (
                    None if value is None else pytest.approx(value, abs=1e-5)
                )


def test_the_released_view_is_taken_where_it_differs(
    make_item: MakeItem, board: dict[str, Any], tmp_path: Path
) -> None:
    values = np.dstack([TRUTH, np.full(TRUTH.shape[:2], 60, np.uint8)])
    Image.fromarray(values).save(tmp_path / "alpha.png")
    plain = one(board["aes_official"], make_item(TRUTH))
    seen = one(board["aes_official"], make_item(tmp_path / "alpha.png", notes=("alpha",)))
    assert seen.value == pytest.approx(plain.value, abs=1e-6)  # alpha is dropped
    person = one(board["aes"], make_item(tmp_path / "alpha.png", notes=("alpha",)))
    assert person.value != pytest.approx(one(board["aes"], make_item(TRUTH)).value, abs=1e-6)


def test_clip_metrics_keep_going_past_a_bad_item(
    make_item: MakeItem, board: dict[str, Any], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no")
    items = [make_item(TRUTH, name="a"), make_item(broken, name="b")]
    items.append(Item(sample=items[0].sample, prediction=items[0].prediction))
    for name in ("clip", "aes", "aes_official"):
        assert [s.status for s in board[name].score(items)] == ["ok", "failed", "failed"]
    bare = one(board["clip"], make_item(TRUTH, truth=None, caption=""))
    assert bare.status == "not_applicable"
    assert bare.reason == "the sample has no caption"
    assert bare.parts["clip_text_gain"] is not None
