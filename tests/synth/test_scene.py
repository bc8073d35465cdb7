"""The scene: one call for every picture, exact boxes, and nothing beyond a slot."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.paint import Face, turned
from synth.scene import DILATION, Box, Picture, Scene, Text, box_quad, slot_mask
from synth.typeface import font_file

FONT = font_file("bench", "bold")
GROUND = np.full((160, 320, 3), 240, np.uint8)
FLAT = Text(role="a", string="HARBOR", slot=box_quad(20, 30, 300, 90), font=FONT, size=48,
            fill=(10, 20, 30))  # fmt: skip


def scene(*texts: Text, **options: object) -> Scene:
    template = " ".join(f'"{{{t.role}}}"' for t in texts)
    return Scene(background=GROUND, texts=texts, template=template, **options)  # type: ignore[arg-type]


def ink_box(picture: Picture, ground: Picture = GROUND) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(np.abs(picture.astype(int) - ground).max(axis=2) > 24)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_box_is_the_ink() -> None:
    for string in ("HARBOR", "gypsum", "06:50"):
        own = scene(FLAT)
        box = own.boxes({"a": string})[0]
        assert isinstance(box, Box)
        x0, y0 = box.polygon[0]
        x1, y1 = box.polygon[2]
        assert np.allclose(ink_box(own.render({"a": string})), (x0, y0, x1, y1), atol=1.01)


def test_box_in_perspective_is_the_ink() -> None:
    quad = ((30.0, 30.0), (290.0, 50.0), (280.0, 120.0), (40.0, 140.0))
    own = scene(replace(FLAT, slot=quad))
    polygon = np.array(own.boxes()[0].polygon)
    x0, _, _, y1 = ink_box(own.render())
    assert abs(polygon[:, 0].min() - x0) < 2.5
    assert abs(polygon[:, 1].max() - y1) < 3.5
    shape = np.zeros(GROUND.shape[:2], np.uint8)
    cv2.fillConvexPoly(shape, np.rint(polygon).astype(np.int32), (1,))
    outside = cv2.dilate(shape, np.ones((5, 5), np.uint8)) == 0
    assert np.array_equal(own.render()[outside], GROUND[outside])


@settings(max_examples=60, deadline=None)
@given(
    string=st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=30),
    lean=st.sampled_from([0.0, 7.0, -12.0]),
    stroke=st.sampled_from([0, 3]),
    tracking=st.sampled_from([0.0, 0.08]),
)
def test_no_string_leaves_the_dilated_slot(
    string: str, lean: float, stroke: int, tracking: float
) -> None:
    slot = box_quad(40, 50, 280, 110) if lean == 0 else turned(40, 50, 280, 110, lean)
    text = replace(FLAT, slot=slot, stroke=stroke, stroke_fill=(200, 0, 0), tracking=tracking,
                   edited=True)  # fmt: skip
    own = scene(text, blur=0.6, grain=2.0, seed=5)
    empty, written = own.render({"a": ""}), own.render({"a": string})
    outside = own.mask() == 0
    assert np.array_equal(empty[outside], written[outside])


def test_camera_is_the_same_for_every_string() -> None:
    light = np.linspace(0.6, 1.1, 160 * 320, dtype=np.float32).reshape(160, 320)
    own = scene(FLAT, light=light, blur=0.5, grain=3.0, seed=9)
    first, again = own.render(), own.render()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, scene(FLAT, light=light, blur=0.5, grain=3.0, seed=8).render())
    assert (own.render({"a": ""}) != GROUND).any()


def test_rendering_changes_nothing_of_the_scene() -> None:
    own = scene(FLAT)
    own.render()
    assert np.array_equal(own.background, np.full((160, 320, 3), 240, np.uint8))


def test_an_edit_keeps_the_size_and_a_longer_string_shrinks() -> None:
    text = replace(FLAT, string="MINT", shares=("HARBORMASTER",))
    assert text.size_for("MINT") == text.size_for("HARBORMASTER") < 48
    assert text.fits("MINT")
    assert not text.fits("HARBORMASTERS AND CREW")
    assert text.size_for("HARBORMASTERS AND CREW") < text.size_for("MINT")


def test_the_baseline_does_not_hop() -> None:
    own = scene(replace(FLAT, shares=("gypsum", "June"), align="left"))
    high = [ink_box(own.render({"a": s}))[3] for s in ("HARBOR", "June")]
    assert abs(high[0] - high[1]) <= 1
    assert ink_box(own.render({"a": "gypsum"}))[3] > high[0] + 4


def test_alignment() -> None:
    left, centre, right = (
        ink_box(scene(replace(FLAT, string="MINT", align=a)).render()) for a in
        ("left", "center", "right")
    )  # fmt: skip
    assert left[0] <= 24
    assert right[2] >= 296
    assert abs((centre[0] + centre[2]) / 2 - 160) <= 1


def test_empty_string_draws_nothing_and_has_no_box() -> None:
    own = scene(FLAT)
    assert np.array_equal(own.render({"a": ""}), GROUND)
    assert own.boxes({"a": ""}) == []


def test_unknown_role_is_named() -> None:
    with pytest.raises(KeyError, match="title"):
        scene(FLAT).render({"title": "X"})


def test_slot_outside_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        scene(replace(FLAT, slot=box_quad(400, 10, 500, 60))).render()


def test_mask_is_the_slot_dilated() -> None:
    mask = slot_mask((320, 160), (box_quad(100, 60, 200, 100),))
    rows, columns = np.nonzero(mask)
    assert (columns.min(), columns.max()) == (100 - DILATION, 199 + DILATION)
    assert (rows.min(), rows.max()) == (60 - DILATION, 99 + DILATION)
    assert set(np.unique(mask)) == {0, 255}


def test_translucent_and_worn_ink_show_the_ground() -> None:
    def darkest(text: Text) -> int:
        return int(scene(text).render()[40:80, 60:260].min())

    assert darkest(replace(FLAT, alpha=0.5)) > darkest(FLAT) + 80
    worn = scene(replace(FLAT, wear=0.8), seed=3).render()
    solid = scene(FLAT).render()
    ink = solid.max(axis=2) < 40
    assert worn[ink].std() > solid[ink].std() + 10


def test_face_places_its_corners() -> None:
    quad = ((10.0, 12.0), (200.0, 30.0), (190.0, 140.0), (20.0, 120.0))
    face = Face((100, 50), quad)
    assert np.allclose(face.at(0, 0, 100, 50), quad, atol=0.02)
    inner = np.array(face.at(20, 10, 80, 40))
    assert (inner[:, 0] > 10).all()
    assert (inner[:, 0] < 200).all()
