"""Fidelity and style on drawn scenes: each must fall for its own fault and for no other."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from edit_scene import (
    HEIGHT,
    ORIGINAL,
    SLOT,
    TRUTH,
    WIDTH,
    damaged_background,
    ground,
    noisy_slot,
    one,
    part,
    write,
)  # fmt: skip

from benchmarks.textedit import pixel_metrics
from benchmarks.textedit.pictures import source_outline
from benchmarks.textedit.pixel_metrics import Fidelity, Style
from evals.core.protocols import Metric, ScoringSettings
from evals.core.types import Item
from metrics.masks import bounding_box
from metrics.ocr import OcrReader, TextItem
from metrics.ocr_engines import pixel_sha256

MakeItem = Callable[..., Item]

BACKGROUND = (
    "psnr_background", "ssim_background", "changed_background", "psnr_background_gt",
    "ssim_background_gt", "psnr_background_aligned",
)  # fmt: skip
IN_SLOT = ("psnr_slot", "ssim_slot", "ssim_slot_gain")


# --- fidelity --------------------------------------------------------------------------------


def test_the_ground_truth_is_perfect(make_item: MakeItem, nobody: OcrReader) -> None:
    score = one(Fidelity(reader=nobody), make_item(TRUTH))
    assert score.status == "ok"
    assert score.value == 100.0
    best = {"psnr": 100.0, "ssim": 1.0, "changed": 0.0, "shift": 0.0, "aspect": 0.0}
    best["ghosting"] = 0.0
    for name, value in score.parts.items():
        assert value == pytest.approx(best[name.split("_", maxsplit=1)[0]], abs=1e-9), name
    assert score.evidence["mask"] == "data"


def test_doing_nothing_keeps_the_background_and_gains_nothing(
    make_item: MakeItem, nobody: OcrReader
) -> None:
    score = one(Fidelity(reader=nobody), make_item(ORIGINAL))
    assert part(score, "psnr_background") == 100.0
    assert part(score, "ssim_background_gt") == 1.0
    assert part(score, "ssim_slot") < 0.9
    assert part(score, "ssim_slot_gain") == pytest.approx(0.0, abs=1e-9)
    assert part(score, "ghosting") == 1.0


def test_a_ghost_is_told_from_noise_and_from_a_damaged_background(
    make_item: MakeItem, nobody: OcrReader
) -> None:
    def ghost(opacity: float) -> np.ndarray:
        under = ground() + opacity * (ORIGINAL.astype(float) - ground())
        return np.where(ground() == TRUTH, under, TRUTH).astype(np.uint8)

    metric = Fidelity(reader=nobody)
    outputs = (TRUTH, ghost(0.1), ghost(0.3), ORIGINAL, damaged_background(TRUTH))
    clean, faint, clear, copy, blurred = (
        part(one(metric, make_item(output)), "ghosting") for output in outputs
    )
    assert clean == blurred == 0.0 < faint < clear < copy == 1.0
    assert faint == pytest.approx(0.1, abs=0.05)
    assert clear == pytest.approx(0.3, abs=0.1)
    assert part(one(metric, make_item(noisy_slot(TRUTH))), "ghosting") < faint / 2
    same = one(metric, make_item(TRUTH, original=TRUTH))
    assert same.parts["ghosting"] is None
    assert "no edge of the old text" in same.notes["ghosting"]


def test_a_damaged_background_leaves_the_slot(make_item: MakeItem, nobody: OcrReader) -> None:
    metric = Fidelity(reader=nobody)
    good, bad = one(metric, make_item(TRUTH)), one(metric, make_item(damaged_background(TRUTH)))
    for name in IN_SLOT:
        assert part(bad, name) == pytest.approx(part(good, name), abs=1e-9), name
    for name in set(BACKGROUND) - {"changed_background"}:
        assert part(bad, name) < 0.96 * part(good, name), name
    assert part(bad, "shift") == 0.0


def test_a_painted_object_changes_pixels(make_item: MakeItem, nobody: OcrReader) -> None:
    painted = TRUTH.copy()
    painted[110:150, 10:60] = (255, 0, 0)
    score = one(Fidelity(reader=nobody), make_item(painted))
    outside = WIDTH * HEIGHT - 160 * 50
    assert part(score, "changed_background") == pytest.approx(40 * 50 / outside, abs=1e-6)
    assert part(score, "ssim_slot") == 1.0


def test_a_damaged_slot_leaves_the_background(make_item: MakeItem, nobody: OcrReader) -> None:
    metric = Fidelity(reader=nobody)
    good, bad = one(metric, make_item(TRUTH)), one(metric, make_item(noisy_slot(TRUTH)))
    for name in BACKGROUND:
        assert part(bad, name) == pytest.approx(part(good, name), abs=1e-9), name
    for name in IN_SLOT:
        assert part(bad, name) < 0.7 * part(good, name), name


def test_a_shift_is_told_from_damage(make_item: MakeItem, nobody: OcrReader) -> None:
    shifted = np.roll(TRUTH, 3, axis=1)
    score = one(Fidelity(reader=nobody), make_item(shifted))
    assert part(score, "shift") == pytest.approx(3.0, abs=0.1)
    assert score.evidence["dx"] == pytest.approx(3.0, abs=0.1)
    assert part(score, "psnr_background") < 35
    assert part(score, "psnr_background_aligned") > part(score, "psnr_background") + 10


def test_another_size_is_brought_back_and_told(make_item: MakeItem, nobody: OcrReader) -> None:
    wide = cv2.resize(TRUTH, (WIDTH * 2, HEIGHT))
    score = one(Fidelity(reader=nobody), make_item(wide))
    assert part(score, "aspect_error") == pytest.approx(1.0)
    assert score.notes["output_resized"] == "from 480x160 to 240x160, LANCZOS"
    assert score.evidence["output_size"] == [480, 160]
    assert 25 < part(score, "psnr_background") < 100


def test_no_ground_truth_leaves_what_does_not_need_one(
    make_item: MakeItem, nobody: OcrReader
) -> None:
    score = one(Fidelity(reader=nobody), make_item(TRUTH, truth=None))
    assert score.status == "ok"
    assert part(score, "psnr_background") == 100.0
    for name in (*IN_SLOT, "ghosting", "ssim_whole", "psnr_background_gt"):
        assert score.parts[name] is None
        assert score.notes[name] == "the sample has no ground truth"


def test_without_any_mask_whole_picture_quantities_remain(
    make_item: MakeItem, nobody: OcrReader
) -> None:
    item = make_item(TRUTH, original=TRUTH, mask=None)
    score = one(Fidelity(reader=nobody), item)
    assert score.status == "not_applicable"
    assert "no OCR engine" in score.reason
    assert part(score, "ssim_whole") == 1.0
    assert part(score, "aspect_error") == 0.0


def test_a_derived_mask_says_so(make_item: MakeItem, nobody: OcrReader) -> None:
    score = one(Fidelity(reader=nobody), make_item(TRUTH, mask=None))
    assert score.evidence["mask"] == "difference"
    assert "derived" in score.notes["mask"]
    assert score.value == 100.0


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (500, 1)])
def test_outputs_of_odd_sizes_get_a_score(
    make_item: MakeItem, nobody: OcrReader, size: tuple[int, int]
) -> None:
    tiny = np.zeros((size[1], size[0], 3), np.uint8)
    for metric in (Fidelity(reader=nobody), Style(reader=nobody)):
        assert one(metric, make_item(tiny)).status == "ok"


def test_originals_smaller_than_every_window(make_item: MakeItem, nobody: OcrReader) -> None:
    dot = np.zeros((1, 1, 3), np.uint8)
    score = one(Fidelity(reader=nobody), make_item(dot, original=dot, truth=dot, mask=None))
    assert score.status == "not_applicable"
    small = ORIGINAL[60:70, 60:70]
    score = one(Fidelity(reader=nobody), make_item(small, original=small, truth=None, mask=None))
    assert score.status == "not_applicable"


def test_one_bad_item_leaves_the_others(
    make_item: MakeItem, nobody: OcrReader, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n")
    items = [make_item(TRUTH, name="a"), make_item(broken, name="b"), make_item(TRUTH, name="c")]
    items.append(Item(sample=items[0].sample, prediction=items[0].prediction))
    for metric in (Fidelity(reader=nobody), Style(reader=nobody)):
        scores = metric.score(items)
        assert [s.status for s in scores] == ["ok", "failed", "ok", "failed"]
        assert "not_an_image" in scores[1].reason
        assert scores[1].value is None


# --- masks from OCR --------------------------------------------------------------------------


def text_item(text: str, x0: float, y0: float, x1: float, y1: float) -> TextItem:
    return TextItem(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), text, 1.0)


NOWHERE = np.zeros((HEIGHT, WIDTH), bool)


def test_the_best_kind_of_match_wins() -> None:
    items = [
        text_item("SALLE", 0, 0, 10, 10),
        text_item("WHOLESALERS", 0, 20, 110, 30),
        text_item("BIG SALE NOW", 0, 40, 100, 50),
        text_item("sale!", 0, 60, 50, 70),
    ]
    for expected in (60, 40, 20, 0):
        found = source_outline(items, "SALE", NOWHERE)
        assert found is not None
        assert found[0][1] == expected
        items = [i for i in items if i.polygon[0][1] != expected]
    assert source_outline(items, "SALE", NOWHERE) is None
    assert source_outline([text_item("--", 0, 0, 9, 9)], "!!", NOWHERE) is None


def test_the_difference_decides_between_instances() -> None:
    differs = NOWHERE.copy()
    differs[60:70, 10:50] = True
    items = [text_item("2", 0, 0, 20, 20), text_item("12", 5, 58, 60, 72)]
    found = source_outline(items, "2", differs)
    assert found is not None
    assert found[0][1] == 58
    assert source_outline(items[:1], "2", differs) is None


def test_only_the_matching_part_of_a_line_is_taken() -> None:
    found = source_outline([text_item("BIGSALENOW", 0, 0, 200, 20)], "sale", NOWHERE)
    assert found is not None
    assert [p[0] for p in found] == pytest.approx([50, 150, 150, 50])  # 3-.5 and 7+.5 of 10


def test_the_source_box_joins_the_difference(make_item: MakeItem, tmp_path: Path) -> None:
    import json

    polygon = [[50, 60], [180, 60], [180, 92], [50, 92]]
    recording = tmp_path / "r.json"
    recording.write_text(json.dumps({pixel_sha256(ORIGINAL): [[polygon, "SALE", 0.99]]}))
    reader = OcrReader("recorded", {"file": str(recording)}, tmp_path / "ocr")
    both = one(Fidelity(reader=reader), make_item(TRUTH, mask=None))
    assert both.evidence["mask"] == "difference+ocr"
    rendered = one(Fidelity(reader=reader), make_item(TRUTH, truth=255 - TRUTH, mask=None))
    assert rendered.evidence["mask"] == "ocr"
    padding = 0.015 * math.hypot(WIDTH, HEIGHT)
    expected = (130 + 2 * padding) * (32 + 2 * padding) / (WIDTH * HEIGHT)
    assert rendered.evidence["mask_share"] == pytest.approx(expected, rel=0.05)


# --- style -----------------------------------------------------------------------------------


def test_style_of_the_truth_is_perfect_and_colour_is_colour(
    make_item: MakeItem, nobody: OcrReader
) -> None:
    metric = Style(reader=nobody)
    good = one(metric, make_item(TRUTH))
    assert dict(good.parts) == {
        "colour_difference": 0.0, "height_ratio": 1.0, "angle_difference": 0.0, "stroke_ratio": 1.0,
        "vertical_shift": 0.0,
    }  # fmt: skip
    red = one(metric, make_item(write("OPEN", ink=(170, 20, 20))))
    assert part(red, "colour_difference") > 20
    assert part(red, "height_ratio") > 0.95
    thin = one(metric, make_item(write("OPEN", thickness=2)))
    assert part(thin, "stroke_ratio") < 0.8
    assert part(thin, "colour_difference") < 10
    x0, y0, x1, y1 = SLOT
    low = TRUTH.copy()
    low[y0:y1, x0:x1] = np.roll(low[y0:y1, x0:x1], 6, axis=0)
    sunk = one(metric, make_item(low))
    assert 0.15 < part(sunk, "vertical_shift") < 0.3  # 6 px of about 28
    assert part(sunk, "height_ratio") == 1.0
    outside = one(metric, make_item(damaged_background(TRUTH)))
    assert outside.parts == good.parts


def test_erased_text_gets_the_worst_style(make_item: MakeItem, nobody: OcrReader) -> None:
    score = one(Style(reader=nobody), make_item(ground()))
    assert score.status == "ok"
    assert {q.name: q.worst for q in Style(reader=nobody).quantities} == dict(score.parts)
    assert "no text stands out" in score.notes["colour_difference"]
    flat = one(Style(reader=nobody), make_item(TRUTH, truth=ground()))
    assert flat.status == "not_applicable"


# --- the whole board --------------------------------------------------------------------------


def test_everything_is_declared_and_travels(board: dict[str, Any]) -> None:
    assert list(board) == ["fidelity", "style", "lpips", "clip", "aes", "aes_official"]
    for metric in board.values():
        assert isinstance(metric, Metric)
        assert pickle.loads(pickle.dumps(metric)) == metric
        names = [q.name for q in metric.quantities]
        assert len(names) == len(set(names))
        for quantity in metric.quantities:
            low, high = quantity.range
            assert low < high
            assert quantity.worst is None or low <= quantity.worst <= high
            assert quantity.doc.endswith(".")
    assert {m.name for m in board.values() if m.parallel == "process"} == {"fidelity", "style"}


def test_absent_weights_are_absences_not_zeros(
    nobody: OcrReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    board = pixel_metrics.metrics(ScoringSettings(cache=tmp_path), nobody)
    absent = {m.name: m.absence() for m in board if m.absence() is not None}
    assert set(absent) == {"lpips", "clip", "aes", "aes_official"}
    assert all(a is not None and a.fix for a in absent.values())
    assert len({m.fingerprint() for m in board}) == len(board)


def test_other_weights_give_another_fingerprint(
    tiny_weights: ModuleType, board: dict[str, Any], tmp_path: Path
) -> None:
    other = tiny_weights.tiny_clip(tmp_path / "other", seed=1)
    settings = ScoringSettings(weights={"clip": str(other)}, cache=tmp_path)
    again = {m.name: m for m in pixel_metrics.metrics(settings, board["style"].reader)}
    for name in ("clip", "aes", "aes_official"):
        assert again[name].fingerprint() != board[name].fingerprint()


def test_the_slot_of_this_file_is_what_the_mask_says() -> None:
    x0, y0, x1, y1 = SLOT
    changed = (ORIGINAL != TRUTH).any(axis=2)
    box = bounding_box(changed)
    assert box is not None
    assert x0 <= box[0]
    assert y0 <= box[1]
    assert box[2] <= x1
    assert box[3] <= y1
