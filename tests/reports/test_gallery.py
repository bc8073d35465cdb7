from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evals.core.store import StoredRun
from reports.gallery import clip_text, output_items, section_gallery, text_diff
from reports.sections import sections_of
from reports.thumbs import THUMB_SIZE, PageImages, thumbnail


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_difference_holds_both_texts(target: str, found: str) -> None:
    pieces = text_diff(target, found)
    assert "".join(t for k, t in pieces if k in "=-") == target
    assert "".join(t for k, t in pieces if k in "=+") == found
    assert all(text for _, text in pieces)


def test_long_texts_say_what_was_cut() -> None:
    assert clip_text("x" * 10, 4) == "xxxx… (6 more characters)"
    assert clip_text("x" * 4, 4) == "xxxx"


def test_damaged_evidence_is_left_out() -> None:
    items = [{"text": "a", "box": [0, 0, 1, 1]}, {"text": "b", "box": [0, float("nan"), 1, 1]},
             {"text": 3}, "c", {"text": "d", "box": [1, 2]}]  # fmt: skip
    assert output_items({"output_items": items}) == [
        ("a", [0.0, 0.0, 1.0, 1.0]), ("b", None), ("d", None),
    ]  # fmt: skip
    assert output_items({"output_items": "x"}) == []


def test_every_planned_prediction_is_an_entry(official_runs: list[StoredRun]) -> None:
    section = sections_of(official_runs)[0]
    made = section_gallery(section.runs, section.columns, lambda _: -1)
    seen = {(e["sample"], e["model"]) for e in made["entries"]}
    assert len(seen) == len(made["entries"]) == 5 * 36
    bagel = section.names.index("bagel")
    bad = [e for e in made["entries"] if e["model"] == bagel and e["status"] != "ok"]
    assert sorted(e["status"] for e in bad) == ["error", "missing", "refused"]
    assert all(e["fault"] and set(e["values"]) == {None} for e in bad)
    read = next(e for e in made["entries"] if e["status"] == "ok")
    assert read["read"]
    assert len(read["boxes"]) == len(read["lines"])


@pytest.mark.parametrize("size", [(640, 480), (100, 2000), (8, 8)])
def test_small_copies_fit_and_keep_their_shape(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", size, "red").save(path)
    data = thumbnail(path)
    assert data is not None
    with Image.open(io.BytesIO(data)) as small:
        assert small.format == "WEBP"
        assert max(small.size) == min(THUMB_SIZE, max(size))
        assert small.size[0] / small.size[1] == pytest.approx(size[0] / size[1], rel=0.1)


def test_files_that_are_no_images_are_counted_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "evil.svg").write_text("<svg onload='alert(1)'/>")
    (tmp_path / "empty.png").touch()
    good = tmp_path / "good.png"
    Image.new("RGB", (9, 9)).save(good)
    twin = tmp_path / "twin.png"
    twin.write_bytes(good.read_bytes())
    images = PageImages("thumbs", None)
    paths = [tmp_path / n for n in ("evil.svg", "empty.png", "absent.png")]
    images.add([*paths, good, twin])
    assert [images.number(p) for p in paths] == [-1, -1, -1]
    assert images.absent == 3
    assert images.number(good) == images.number(twin) == 0
    assert len(images.sources) == 1


def test_without_a_page_pictures_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    paths = []
    for at, colour in enumerate(("red", "green", "blue")):
        paths.append(tmp_path / f"{at}.png")
        Image.new("RGB", (64, 64), colour).save(paths[-1])
    images = PageImages("thumbs", None, limit=0)
    images.add(paths)
    assert images.left_out == 3
    assert images.sources == []


def test_evidence_is_one_line_per_entry() -> None:
    from reports.gallery import _plain_evidence

    text = _plain_evidence({"region": [1.0, 2.5], "edited_line": "Café", "lost": []})
    assert text == 'edited_line: "Café"\nlost: []\nregion: [1.0, 2.5]'
