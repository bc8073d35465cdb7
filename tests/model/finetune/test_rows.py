"""What becomes of the cells of a row, in every form that tables have them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evals.core.errors import ImageError, UserError
from model.finetune.config import TASKS, Entry
from model.finetune.rows import (
    COLUMNS,
    NEEDED,
    SCALEEDIT,
    RowError,
    chosen,
    decoded,
    header_size,
    made,
    picture,
)
from tests.model.finetune.table_kit import edit_row
from tests.model.finetune.table_kit import picture as drawn

HERE = Path()


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def test_the_schema_is_that_of_scaleedit() -> None:
    assert set(SCALEEDIT) == {
        "id", "edit_task", "edit_instruction", "source_image", "edited_image",
        "source_image_width", "source_image_height", "edited_image_width", "edited_image_height",
        "instruction_following_score", "editing_consistency_score", "generation_quality_score",
    }  # fmt: skip
    assert set(NEEDED) == set(TASKS)
    assert all(name in COLUMNS for names in NEEDED.values() for name in names)


@pytest.mark.parametrize("wrap", ["bytes", "struct", "path", "struct with a path", "absolute"])
def test_images_are_read_in_every_form(wrap: str, tmp_path: Path) -> None:
    data = drawn(40, 60, grey=7)
    (tmp_path / "a.png").write_bytes(data)
    cell = {
        "bytes": data, "struct": {"bytes": data, "path": "gone.png"}, "path": "a.png",
        "struct with a path": {"bytes": None, "path": "a.png"},
        "absolute": str(tmp_path / "a.png"),
    }[wrap]  # fmt: skip
    image = decoded(cell, tmp_path)
    assert image is not None
    assert (image.mode, image.size, image.getpixel((0, 0))) == ("RGB", (60, 40), (7, 7, 7))
    assert header_size(cell, tmp_path) == (40, 60)


@pytest.mark.parametrize("cell", [None, "", "  ", {"bytes": None, "path": None}, {}])
def test_no_image_is_none(cell: object) -> None:
    assert picture(cell, HERE) is None
    assert decoded(cell, HERE) is None
    assert header_size(cell, HERE) is None


@pytest.mark.parametrize("cell", [3, ["a.png"], 1.5, True])
def test_what_is_no_image_is_refused(cell: object) -> None:
    with pytest.raises(ImageError, match="where an image should"):
        header_size(cell, HERE)


def test_transparent_images_lie_on_white() -> None:
    image = decoded(saved(Image.new("RGBA", (20, 20), (255, 0, 0, 0)), "PNG"), HERE)
    assert image is not None
    assert image.getpixel((3, 3)) == (255, 255, 255)


def test_headers_agree_with_pixels_for_turned_images() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for format in ("JPEG", "WEBP", "PNG", "TIFF"):
        data = saved(Image.new("RGB", (30, 20)), format, exif=exif)
        image = decoded(data, HERE)
        assert image is not None
        assert (image.height, image.width) == header_size(data, HERE) == (30, 20), format


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "I;16", "1"])
def test_any_mode_becomes_rgb(mode: str) -> None:
    image = decoded(saved(Image.new(mode, (20, 20)), "TIFF" if mode == "CMYK" else "PNG"), HERE)
    assert image is not None
    assert image.mode == "RGB"


def test_a_header_is_read_without_decoding() -> None:
    whole = saved(Image.fromarray(np.zeros((500, 400, 3), np.uint8)), "PNG")
    assert header_size(whole[:60], HERE) == (500, 400)
    with pytest.raises(ImageError):
        decoded(whole[:60], HERE)
    for nonsense in (b"", b"GIF", b"hello" * 20):
        with pytest.raises(ImageError):
            header_size(nonsense, HERE)


def test_a_bomb_is_refused_by_its_header() -> None:
    header = saved(Image.new("1", (1, 1)), "PNG")
    bomb = header[:16] + (60_000).to_bytes(4, "big") * 2 + header[24:]
    with pytest.raises(ImageError):
        header_size(bomb, HERE)


def test_a_row_has_what_its_task_learns() -> None:
    cells = {**edit_row(1), "answer": 42, "reasoning": "Because.", "id": 7}
    edit = made(cells, "edit", HERE, 0)
    assert (edit.id, edit.answer, edit.reasoning) == ("7", "", "")
    assert edit.source is not None
    assert edit.target is not None
    picture_row = made(cells, "t2i", HERE, 0)
    assert picture_row.source is None
    assert picture_row.target is not None
    answer = made({**cells, "id": None}, "understand", HERE, 5)
    assert (answer.id, answer.answer, answer.target) == ("5", "42", None)
    assert answer.source is not None
    cot = made({**cells, "source_image": None}, "cot", HERE, 0)
    assert cot.reasoning == "Because."
    assert cot.source is None


def test_a_row_without_its_image_is_refused() -> None:
    with pytest.raises(ImageError, match="no source_image"):
        made(edit_row(1, source_image=None), "edit", HERE, 0)


def test_missing_columns_are_named_with_what_may_be_meant() -> None:
    with pytest.raises(UserError) as caught:
        chosen(Entry(task="edit"), "edit", ("id", "instruction", "source_image", "image"), HERE)
    text = str(caught.value)
    assert "no column edit_instruction or edited_image" in text
    assert "columns: {edit_instruction: instruction, edited_image: " in text
    assert text.removeprefix(".").count(". ") == 0


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"instruction": "text"}, "no column to rename 'instruction'"),
        ({"answer": "gone"}, "'gone'"),
    ],
)
def test_wrong_renames_are_refused(columns: dict[str, str], match: str) -> None:
    present = ("edit_instruction", "answer")
    with pytest.raises(UserError, match=match):
        chosen(Entry(task="understand", columns=columns), "understand", present, HERE)


def test_renamed_columns_are_found() -> None:
    found = chosen(
        Entry(columns={"edit_instruction": "caption", "edited_image": "jpg"}), "t2i",
        ("caption", "jpg", "edit_instruction"), HERE,
    )  # fmt: skip
    assert found == {"edit_instruction": "caption", "edited_image": "jpg"}


def test_a_row_error_says_where_and_crosses_processes() -> None:
    error = RowError("posters", 17, "a-17", "the image is damaged.")
    assert str(error) == (
        "Row 17 (id 'a-17') of 'posters' cannot be learnt from: the image is damaged; mend or "
        "remove it, or set data.on_bad_row to skip."
    )
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.row, copy.source) == (str(error), 17, "posters")
