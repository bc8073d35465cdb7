from __future__ import annotations

import io
import math
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from evals.core.errors import UserError
from evals.core.types import Output, Sample
from metrics.ocr import OcrReader, TextItem
from model.adapters.classical import Classical, make
from model.adapters.classical_edit import edit_image
from model.adapters.classical_find import Place, alignment, find_source, parse_prompt
from model.adapters.classical_look import Plane, look
from model.adapters.classical_paint import can_write, match_setting
from synth import typeface

Pixels = NDArray[np.uint8]
FONT = typeface.font_file("bench", "bold")
INK, GROUND = (40, 20, 120), (240, 225, 190)


def item(text: str, x0: float, y0: float, x1: float, y1: float) -> TextItem:
    return TextItem(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), text, 0.99)


def picture(
    texts: dict[str, tuple[int, int]], size: int = 48, ink: tuple[int, int, int] = INK
) -> tuple[Pixels, list[TextItem]]:
    """A plain picture with texts at places, and what a perfect reader reads in it."""
    image = Image.new("RGB", (640, 320), GROUND)
    draw = ImageDraw.Draw(image)
    items = []
    for text, at in texts.items():
        font = typeface.load(FONT, size)
        draw.text(at, text, fill=ink, font=font, anchor="ls")
        x0, y0, x1, y1 = font.getbbox(text, anchor="ls")
        items.append(item(text, at[0] + x0 - 2, at[1] + y0 - 2, at[0] + x1 + 2, at[1] + y1 + 2))
    return np.asarray(image, dtype=np.uint8), items


def edited(image: Pixels, items: list[TextItem], source: str, target: str) -> Pixels:
    (place,) = find_source(items, source)
    result = edit_image(image, place, (source, target), items)
    assert result is not None
    return result


class Scripted(OcrReader):
    """A reader that answers with given items, so that these tests need no engine."""

    items: list[TextItem]

    def read(self, path: Path, view: object = None) -> list[TextItem]:
        return self.items


def scripted(items: list[TextItem]) -> Scripted:
    reader = Scripted("recorded")
    object.__setattr__(reader, "items", items)
    return reader


def run(model: Classical, path: Path, prompt: str) -> Output:
    sample = Sample(id="1", benchmark="b", suite="s", task="edit", prompt=prompt, images=(path,))
    return model.edit([sample], [0])[0]


# --- the instruction --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("Replace the text 'SALE' with 'OPEN'.", ("SALE", "OPEN")),
        ("Replace the text 'O'RE' with 'Qi Lu'.", ("O'RE", "Qi Lu")),
        ("Replace the text 'Season4' with 'Spencer's'.", ("Season4", "Spencer's")),
        ('replace "a.b" with "c"', ("a.b", "c")),
        ("Replace the text 'with' with 'without'.", ("with", "without")),
        ("Replace the text '<b>' with '😀'.", ("<b>", "😀")),
        ("Paint it blue.", None),
        ("Replace the text '' with 'x'.", None),
        ("", None),
    ],
)
def test_prompts(prompt: str, texts: tuple[str, str] | None) -> None:
    assert parse_prompt(prompt) == texts


def test_every_official_prompt_is_understood(official_data: Path) -> None:
    import json

    for path in (official_data / "textedit" / "eval_prompts" / "fullset").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            texts = parse_prompt(record["prompt"])
            assert texts is not None, record["id"]
            if record["id"] not in {365, 1390, 1417, 1419}:
                assert texts == (record["source_text"], record["target_text"]), record["id"]


@given(st.text("abcXYZ019 .!'-", min_size=1), st.text("abcXYZ019 .!'-", min_size=1))
@settings(max_examples=200, deadline=None)
def test_any_pair_without_the_separator_is_recovered(source: str, target: str) -> None:
    assert parse_prompt(f"Replace the text '{source}' with '{target}'.") == (source, target)


# --- finding the source -----------------------------------------------------------------------


def test_the_whole_reading_beats_a_longer_one_that_holds_it() -> None:
    items = [item("EST. 1928", 0, 0, 90, 20), item("2", 0, 100, 12, 120)]
    (place,) = find_source(items, "2")
    assert place.item is items[1]


def test_a_word_beats_a_part_of_a_word() -> None:
    items = [item("CARTOON", 0, 0, 90, 40), item("MY CAR IS RED", 0, 100, 150, 120)]
    (place,) = find_source(items, "CAR")
    assert place.item is items[1]
    assert place.text == "CAR"
    assert 0.1 < place.start < place.end < 0.6


def test_short_texts_are_not_looked_for_inside_words() -> None:
    assert find_source([item("EST. 1959", 0, 0, 90, 20)], "9") == []


def test_all_exact_readings_are_meant_and_only_one_of_the_others() -> None:
    items = [
        item("Cactus", 0, 0, 90, 30),
        item("Cactus", 0, 200, 40, 212),
        item("CACTUS", 0, 90, 80, 99),
    ]
    assert [p.item for p in find_source(items, "Cactus")] == items[:2]
    assert len(find_source(items[2:] * 2, "Cactus")) == 1


def test_a_misread_source_is_found_and_a_stranger_is_not() -> None:
    assert find_source([item("OUIET", 0, 0, 90, 30)], "QUIET")
    assert find_source([item("PRESS START", 0, 0, 90, 30)], "QUIET") == []
    assert find_source([], "QUIET") == []
    assert find_source([item("?!", 0, 0, 9, 9)], "!!") == []


def test_neighbours_on_a_line_are_read_together() -> None:
    items = [
        item("GRAND", 0, 0, 90, 30),
        item("OPENING", 100, 2, 240, 31),
        item("now", 400, 0, 440, 30),
    ]
    (place,) = find_source(items, "Grand Opening")
    assert place.item.box == (0, 0, 240, 31)
    assert (place.start, place.end) == (0, 1)


def test_alignment() -> None:
    head = item("Head", 20, 0, 120, 30)
    assert alignment(head, [head, item("a long line", 21, 50, 300, 70)]) == "left"
    assert alignment(head, [head, item("x", 60, 50, 80, 70)]) == "centre"
    assert alignment(head, [head]) == "centre"


# --- painting ---------------------------------------------------------------------------------


def test_ink_ground_and_colour_are_told_apart() -> None:
    image, items = picture({"MARKET": (120, 200)})
    plane = Plane.of(items[0].polygon)
    seen = look(image, plane, 0, plane.width)
    assert seen is not None
    assert all(abs(a - b) <= 3 for a, b in zip(seen.colour, INK, strict=True))
    assert np.abs(seen.ground - np.array(GROUND)).max() < 3
    assert seen.rim is None
    assert seen.roughness < 1
    truth = np.abs(image.astype(int) - GROUND).sum(axis=2) > 150
    laid = plane.project(seen.ink.astype(np.float32), seen.x, seen.y, (640, 320)) > 0.5
    assert (laid & truth).sum() / (laid | truth).sum() > 0.85


def test_a_picture_without_contrast_is_not_separable() -> None:
    flat = np.full((100, 200, 3), 128, dtype=np.uint8)
    place = Place(item=item("TEXT", 10, 10, 150, 50), text="TEXT", start=0, end=1, rank=(3, 1, 40))
    assert edit_image(flat, place, ("TEXT", "NEW"), []) is None
    sliver = Place(item=item("TEXT", 10, 10, 10, 50), text="TEXT", start=0, end=1, rank=(3, 1, 40))
    assert edit_image(flat, sliver, ("TEXT", "NEW"), []) is None


def test_the_new_text_stands_in_the_old_place_size_and_colour() -> None:
    image, items = picture({"MARKET": (200, 200), "Open daily": (200, 280)})
    before = image.copy()
    result = edited(image, items, "MARKET", "GARDEN")
    assert (image == before).all()
    x0, y0, x1, y1 = (int(v) for v in items[0].box)
    changed = np.argwhere(np.abs(result.astype(int) - image).max(axis=2) > 8)
    assert len(changed) > 200
    # Nothing else in the picture has moved, and nothing but the place has changed.
    assert (result[y1 + 12 :] == image[y1 + 12 :]).all()
    assert changed[:, 0].min() >= y0 - 6
    assert changed[:, 0].max() <= y1 + 6
    dark = np.abs(result.astype(int) - INK).max(axis=2) < 30
    rows = np.flatnonzero(dark[: y1 + 10].any(axis=1))
    old_dark = np.abs(image.astype(int) - INK).max(axis=2) < 30
    old_rows = np.flatnonzero(old_dark[: y1 + 10].any(axis=1))
    assert abs(rows[0] - old_rows[0]) <= 3
    assert abs(rows[-1] - old_rows[-1]) <= 3
    middle = np.flatnonzero(dark[y0:y1].any(axis=0))
    assert abs((middle[0] + middle[-1]) / 2 - (x0 + x1) / 2) < 12


def test_a_word_inside_a_line_leaves_its_neighbours_alone() -> None:
    image, items = picture({"HAPPY TUESDAY FOLKS": (20, 200)}, size=40)
    (place,) = find_source(items, "TUESDAY")
    font = typeface.load(FONT, 40)
    start, end = (20 + font.getlength(t) for t in ("HAPPY ", "HAPPY TUESDAY"))
    result = edited(image, items, "TUESDAY", "MONDAY")
    assert place.text == "TUESDAY"
    outside = np.ones(640, dtype=bool)
    outside[int(start) - 10 : int(end) + 10] = False
    difference = np.abs(result.astype(int) - image).max(axis=(0, 2))
    assert difference[outside].max() <= 8
    assert difference[~outside].max() > 60


def test_rotated_text_is_replaced_in_its_own_angle() -> None:
    image, items = picture({"HARBOUR": (180, 170)})
    angle = 20
    turn = cv2.getRotationMatrix2D((320, 160), angle, 1.0)
    turned = cv2.warpAffine(image, turn, (640, 320), borderValue=GROUND, flags=cv2.INTER_CUBIC)
    corners = np.c_[np.array(items[0].polygon), np.ones(4)] @ turn.T
    quad = TextItem(tuple((float(x), float(y)) for x, y in corners), "HARBOUR", 0.9)
    result = edited(np.asarray(turned, np.uint8), [quad], "HARBOUR", "STATION")
    ys, xs = np.nonzero(np.abs(result.astype(int) - INK).max(axis=2) < 60)
    slope = np.polyfit(xs, ys, 1)[0]
    assert math.degrees(math.atan(-slope)) == pytest.approx(angle, abs=4)


def test_a_longer_text_keeps_off_its_neighbour() -> None:
    image, items = picture({"TEA": (200, 200), "COFFEE": (330, 200)})
    result = edited(image, items, "TEA", "MARMALADE JAR")
    right = int(items[1].box[0])
    assert (result[:, right:] == image[:, right:]).all()


def test_a_rim_of_another_colour_is_seen_and_set_again() -> None:
    image = Image.new("RGB", (640, 320), (255, 240, 90))
    font = typeface.load(FONT, 110)
    draw = ImageDraw.Draw(image)
    draw.text((140, 210), "ZONK", fill=(220, 30, 40), font=font, anchor="ls", stroke_width=6,
              stroke_fill=(10, 10, 20))  # fmt: skip
    x0, y0, x1, y1 = font.getbbox("ZONK", anchor="ls", stroke_width=6)
    box = item("ZONK", 140 + x0, 210 + y0, 140 + x1, 210 + y1)
    pixels = np.asarray(image, dtype=np.uint8)
    plane = Plane.of(box.polygon)
    seen = look(pixels, plane, 0, plane.width)
    assert seen is not None
    assert all(abs(a - b) < 12 for a, b in zip(seen.colour, (220, 30, 40), strict=True))
    assert seen.rim is not None
    assert all(abs(a - b) < 25 for a, b in zip(seen.rim[0], (10, 10, 20), strict=True))
    assert 3 < seen.rim[1] < 9
    result = edited(pixels, [box], "ZONK", "BAM")
    for colour in ((220, 30, 40), (10, 10, 20)):
        assert (np.abs(result.astype(int) - colour).max(axis=2) < 25).sum() > 1500


def test_text_on_a_rough_ground_is_filled_from_around_it() -> None:
    # Broad stripes of two colours: no plane fits them.
    rows = (np.arange(320) // 5 % 2)[:, None, None]
    ground = np.where(rows, (60, 120, 60), (110, 180, 110)).astype(np.uint8).repeat(640, axis=1)
    image = Image.fromarray(ground)
    font = typeface.load(FONT, 60)
    ImageDraw.Draw(image).text((200, 200), "LAWN", fill=(255, 255, 255), font=font, anchor="ls")
    x0, y0, x1, y1 = font.getbbox("LAWN", anchor="ls")
    box = item("LAWN", 200 + x0, 200 + y0, 200 + x1, 200 + y1)
    result = edited(np.asarray(image, np.uint8), [box], "LAWN", "I")
    corner = result[200 + y0 : 200, 203:230]
    assert (corner.min(axis=2) < 200).mean() > 0.97  # the L has gone
    assert corner.std() > 8  # and no flat patch is in its place


@pytest.mark.parametrize("role", ["sans", "serif-bold", "display"])
def test_the_font_that_set_the_text_is_recognised(role: typeface.Role) -> None:
    file = typeface.font_file("train", role)
    image = Image.new("RGB", (640, 200), "white")
    font = typeface.load(file, 80)
    ImageDraw.Draw(image).text((60, 140), "Hamburg", fill="black", font=font, anchor="ls")
    x0, y0, x1, y1 = font.getbbox("Hamburg", anchor="ls")
    plane = Plane.of(item("Hamburg", 60 + x0, 140 + y0, 60 + x1, 140 + y1).polygon)
    seen = look(np.asarray(image, np.uint8), plane, 0, plane.width)
    assert seen is not None
    setting = match_setting(seen, "Hamburg", "Berlin")
    assert setting is not None
    assert setting.file == file
    assert setting.size == pytest.approx(80, abs=3)
    assert setting.stretch == pytest.approx(1, abs=0.06)


def test_characters_no_font_has_are_not_set_as_boxes(tmp_path: Path) -> None:
    assert can_write(FONT, "Añejo 42%")
    assert not can_write(FONT, "漢字")
    image, items = picture({"MARKET": (200, 200)})
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    output = run(Classical(scripted(items)), path, "Replace the text 'MARKET' with '漢字'.")
    assert output.images == (path,)
    assert output.usage == {"edited": 0.0, "not_separable": 1.0}


# --- the adapter ------------------------------------------------------------------------------


def test_the_adapter_returns_png_of_the_same_size_and_is_deterministic(tmp_path: Path) -> None:
    image, items = picture({"MARKET": (200, 200)})
    path = tmp_path / "a.webp"
    Image.fromarray(image).save(path, lossless=True)
    model = Classical(scripted(items))
    prompt = "Replace the text 'MARKET' with 'GARDEN'."
    output = run(model, path, prompt)
    assert output.usage == {"edited": 1.0}
    (data,) = output.images
    assert isinstance(data, bytes)
    with Image.open(io.BytesIO(data)) as result:
        assert (result.format, result.size, result.mode) == ("PNG", (640, 320), "RGB")
    assert run(model, path, prompt).images == output.images


def test_what_it_cannot_do_it_returns_unchanged_and_says_so(tmp_path: Path) -> None:
    image, items = picture({"MARKET": (200, 200)})
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    model = Classical(scripted(items))
    lost = run(model, path, "Replace the text 'ZEBRA' with 'LION'.")
    assert (lost.status, lost.images) == ("ok", (path,))
    assert lost.usage == {"edited": 0.0, "source_not_found": 1.0}
    strange = run(model, path, "Make the sky blue.")
    assert (strange.status, strange.images) == ("ok", (path,))
    assert strange.usage == {"edited": 0.0, "not_understood": 1.0}
    samples = [Sample(id="7", benchmark="b", suite="s", task="edit", prompt="Make the sky blue.")]
    assert "1 of 1 instructions" in model.check(samples)[0]


def test_an_unreadable_input_is_not_the_models_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"")
    output = run(Classical(scripted([])), path, "Replace the text 'A' with 'B'.")
    assert output.status == "error"
    assert output.fault is not None
    assert output.fault.origin == "infrastructure"


def test_it_never_looks_at_the_reference(tmp_path: Path) -> None:
    class Secret:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"the model asked for the reference's {name}")

    image, items = picture({"MARKET": (200, 200)})
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    sample = Sample(
        id="1", benchmark="b", suite="s", task="edit", images=(path,), reference=Secret(),
        prompt="Replace the text 'MARKET' with 'GARDEN'.",
        reference_images=(tmp_path / "absent.png",),
    )  # fmt: skip
    assert Classical(scripted(items)).edit([sample], [0])[0].usage == {"edited": 1.0}


def test_options_and_engines_are_checked() -> None:
    with pytest.raises(UserError, match="Did you mean 'ocr'"):
        make(None, {"orc": "rapidocr"})
    with pytest.raises(UserError, match="OCR engine"):
        make(None, {"ocr": "rapidorc"})
    with pytest.raises(UserError, match="engine's name"):
        make(None, {"ocr": 3})
    with pytest.raises(UserError, match="nothing behind a colon"):
        make("x", {})
    model = make(None, {})
    assert model.describe()["ocr"] == "rapidocr"
    assert pickle.loads(pickle.dumps(model)).describe() == model.describe()


def test_with_the_real_reader_end_to_end(tmp_path: Path) -> None:
    """Read, edit, read again: the new text is there and the old one is not."""
    image, _ = picture({"MARKET": (200, 150), "Open daily": (200, 260)})
    path, after = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(image).save(path)
    model = make(None, {})
    output = run(model, path, "Replace the text 'MARKET' with 'GARDEN'.")
    assert output.usage == {"edited": 1.0}
    (data,) = output.images
    assert isinstance(data, bytes)
    after.write_bytes(data)
    read = {i.text.replace(" ", "") for i in model.reader.read(after)}
    assert read == {"GARDEN", "Opendaily"}
