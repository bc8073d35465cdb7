"""Ghosting follows the opacity of the old text, and nothing that is not the old text."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from metrics.ghosting import ghosting
from synth.textedit import Spec, scene, specs
from synth.textedit.corruptions import CORRUPTIONS, corrupt

PICKED = [s for s in specs() if s.index == int(s.sub_class.replace(".", "")) % 5][::-1][:12]
"""One item each of twelve classes."""


class Known(NamedTuple):
    spec: Spec
    original: np.ndarray
    truth: np.ndarray
    slot: np.ndarray

    def ghosting(self, output: np.ndarray) -> float:
        value = ghosting(output, self.original, self.truth, self.slot)
        assert value is not None, self.spec
        return value

    def after(self, name: str, level: float) -> float:
        return self.ghosting(corrupt(self.spec, name, level))


@pytest.fixture(scope="module")
def scenes() -> list[Known]:
    made = [(s, scene(s)) for s in PICKED]
    return [Known(s, p.render(), p.render(s.answer), p.mask() > 0) for s, p in made]


def test_the_truth_has_no_ghost_and_the_original_is_one(scenes: list[Known]) -> None:
    assert len(scenes) >= 9
    for known in scenes:
        assert known.ghosting(known.truth) == 0.0
        assert known.ghosting(known.original) == 1.0


def test_it_follows_the_ghosts_opacity(scenes: list[Known]) -> None:
    levels = CORRUPTIONS["ghost"].levels
    values = np.array([[k.after("ghost", level) for level in levels] for k in scenes])
    for item, known in zip(values, scenes, strict=True):
        assert all(a < b for a, b in pairwise(item)), known.spec
        # What new strokes cover is missing; nothing makes the ghost more than it is.
        assert (item <= 1.15 * np.array(levels) + 0.02).all(), known.spec
    means = values.mean(axis=0)
    assert (means[1:] > 0.5 * np.array(levels[1:])).all()


@pytest.mark.parametrize(
    ("name", "limit"),
    [("background_blur", 0.0), ("invent", 0.0), ("slot_noise", 0.02), ("erased", 0.06)],
)
def test_what_is_no_ghost_does_not_count(scenes: list[Known], name: str, limit: float) -> None:
    faintest = np.mean([k.after("ghost", CORRUPTIONS["ghost"].levels[1]) for k in scenes])
    found = [k.after(name, CORRUPTIONS[name].levels[-1]) for k in scenes]
    assert max(found) <= limit
    assert np.mean(found) < faintest / 4


def test_another_style_is_hardly_a_ghost(scenes: list[Known]) -> None:
    found = [k.after("style", 1) for k in scenes]
    assert max(found) < 0.03  # new paint on the right strokes


def drawn(text: str, left: int, ink: int, ground: int = 210) -> np.ndarray:
    picture = np.full((80, 300, 3), ground, np.uint8)
    cv2.putText(picture, text, (left, 55), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (ink,) * 3, 4)
    return picture


SLOT = np.zeros((80, 300), bool)
SLOT[4:76, 4:296] = True
OLD, NEW = drawn("OLD", 10, 30), drawn("NEW", 170, 30)


@pytest.mark.parametrize("opacity", [0.1, 0.3, 0.8])
def test_texts_that_do_not_touch_give_the_opacity_itself(opacity: float) -> None:
    ghost = np.where(OLD < 210, 210 - opacity * (210 - OLD.astype(float)), NEW)
    ghost = np.rint(ghost).astype(np.uint8)
    assert ghosting(ghost, OLD, NEW, SLOT) == pytest.approx(opacity, abs=0.01)


def test_one_letter_of_three_is_a_part_of_the_old_text() -> None:
    left = np.where((np.arange(300) < 45)[None, :, None], OLD, NEW)
    value = ghosting(left, OLD, NEW, SLOT)
    assert value is not None
    assert 0.2 < value < 0.5


def test_a_negative_of_the_old_text_is_no_old_text() -> None:
    lighter = np.where(OLD < 210, 240, NEW).astype(np.uint8)
    assert ghosting(lighter, OLD, NEW, SLOT) == 0.0
    stronger = np.where(OLD < 210, 0, NEW).astype(np.uint8)
    assert ghosting(stronger, OLD, NEW, SLOT) == 1.0


def test_another_ground_is_no_ghost() -> None:
    value = ghosting(drawn("NEW", 170, 30, ground=150), OLD, NEW, SLOT)
    assert value == pytest.approx(0.0, abs=0.01)


def test_colour_without_a_change_of_lightness_is_seen() -> None:
    flat = np.full((60, 90, 3), (180, 60, 60), np.uint8)
    old, new = flat.copy(), flat.copy()
    old[20:40, 10:30] = (60, 121, 60)  # the luma of the ground, within a level
    new[20:40, 60:80] = (60, 121, 60)
    assert ghosting(old, old, new, np.ones((60, 90), bool)) == 1.0


def test_no_edge_to_judge_by_is_no_value() -> None:
    assert ghosting(NEW, NEW, NEW, SLOT) is None
    assert ghosting(NEW, OLD, NEW, np.zeros_like(SLOT)) is None
    one = SLOT.copy()
    one[:] = False
    one[40, 40] = True
    assert ghosting(NEW, OLD, NEW, one) is None


def test_only_the_slot_matters() -> None:
    elsewhere = NEW.copy()
    elsewhere[:4] = np.random.default_rng(0).integers(0, 256, (4, 300, 3), np.uint8)
    assert ghosting(elsewhere, OLD, NEW, SLOT) == 0.0


def test_pictures_that_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        ghosting(NEW[:40], OLD, NEW, SLOT)
    with pytest.raises(ValueError, match="differ in size"):
        ghosting(NEW, OLD, NEW[:40], SLOT)
    with pytest.raises(ValueError, match="region"):
        ghosting(NEW, OLD, NEW, SLOT[:40])
