"""A rendered suite: official fields, exact truth, whole or absent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import pytest
from numpy.typing import NDArray
from PIL import Image

from evals.core.errors import UserError
from synth import typeface
from synth.textedit import ensure_suite, specs, suite_key, write_suite
from synth.textedit import suite as module
from synth.textedit.spec import normal
from tests.synth.rendered import Suite, read

OFFICIAL_FIELDS = [
    "id", "prompt", "original_image", "gt_image", "source_text", "target_text", "gt_caption",
]  # fmt: skip
OUR_FIELDS = [
    "mask", "slots", "texts", "generator", "split", "spec_sha256", "synthetic", "trap",
]  # fmt: skip


def image(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as opened:
        return np.asarray(opened)


def filled(polygon: list[list[float]], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre lies in a polygon; size is width and height."""
    shape = np.zeros((size[1], size[0]), np.uint8)
    points = np.rint(np.array(polygon) - 0.5).astype(np.int32)
    cv2.fillConvexPoly(shape, points, (1,))
    return shape > 0


def edited(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [t for t in row["texts"] if t["text"] == row["source_text"]]


def test_fields_are_the_official_ones_in_order_then_ours(suite: Suite) -> None:
    assert len(suite.rows) == 18
    for row in suite.all:
        assert list(row) == OFFICIAL_FIELDS + OUR_FIELDS
        assert row["synthetic"] is True
        assert row["split"] == "bench"
        assert row["trap"]


def test_at_least_four_items_a_class_and_contiguous_ids(suite: Suite) -> None:
    assert all(len(rows) >= 4 for rows in suite.rows.values())
    assert [row["id"] for row in suite.all] == list(range(1, 73))
    assert [row["spec_sha256"] for row in suite.all] == [s.sha256 for s in specs()]


def test_files_are_named_as_the_official_ones(suite: Suite) -> None:
    formats = set()
    for name, rows in suite.rows.items():
        for row in rows:
            found = re.fullmatch(
                rf"{re.escape(name)}/image/original/(\d+\.0)\.(png|webp)", row["original_image"]
            )
            assert found
            formats.add(found[2])
            assert row["gt_image"] == row["original_image"].replace("/original/", "/gt/")
            assert row["mask"] == f"{name}/image/mask/{found[1]}.png"
    assert formats == {"png", "webp"}
    assert len({row["original_image"] for row in suite.all}) == 72


def test_truth_equals_source_outside_the_mask_and_differs_inside(suite: Suite) -> None:
    for row in suite.all:
        source, truth = (image(suite.folder / row[k]) for k in ("original_image", "gt_image"))
        mask = image(suite.folder / row["mask"])
        assert source.dtype == np.uint8
        assert source.shape == truth.shape == (*mask.shape, 3)
        assert set(np.unique(mask)) == {0, 255}
        changed = (source != truth).any(axis=2)
        assert not changed[mask == 0].any(), row["id"]
        assert changed.sum() > 40, row["id"]
        assert 0.002 < (mask > 0).mean() < 0.3, row["id"]
        assert min(source.shape[:2]) >= 440
        assert max(source.shape[:2]) <= 800


def test_mask_touches_no_other_text_and_covers_the_edited(suite: Suite) -> None:
    for row in suite.all:
        mask = image(suite.folder / row["mask"]) > 0
        size = (mask.shape[1], mask.shape[0])
        own = edited(row)
        assert len(own) == len(row["slots"])
        for text in row["texts"]:
            ink = filled(text["polygon"], size)
            assert ink.any()
            if text in own:
                assert mask[ink].all(), (row["id"], text)
            else:
                assert not mask[ink].any(), (row["id"], text)
        for slot in row["slots"]:
            assert mask[filled(slot, size)].all()


def test_slots_and_texts_lie_inside_the_picture(suite: Suite) -> None:
    for row in suite.all:
        high, wide = image(suite.folder / row["mask"]).shape
        for polygon in [*row["slots"], *(t["polygon"] for t in row["texts"])]:
            points = np.array(polygon)
            assert points.shape == (4, 2)
            assert points.min() >= 0
            assert (points <= (wide, high)).all()
            x, y = points[:, 0], points[:, 1]
            area = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2
            assert area > 20, "clockwise from top left, as Polygon says"


def test_every_text_is_readable_and_fits(suite: Suite) -> None:
    from synth.textedit import scene

    for spec in specs():
        for text in scene(spec).texts:
            for string in (text.string, *text.shares):
                assert text.fits(string), (spec.sub_class, spec.index, text.role, string)
                assert text.size_for(string) >= 13, (spec.sub_class, text.role)


def test_captions_quote_every_string_of_the_truth(suite: Suite) -> None:
    for row in suite.all:
        own = edited(row)
        for text in row["texts"]:
            said = row["target_text"] if text in own else text["text"]
            assert f'"{said}"' in row["gt_caption"]
        others = [t["text"] for t in row["texts"] if t not in own]
        if not any(normal(row["source_text"]) in normal(o) for o in others):
            assert f'"{row["source_text"]}"' not in row["gt_caption"]
        assert len(row["gt_caption"]) <= 299, "the longest official caption"


def test_rendering_again_gives_the_same_pixels(suite: Suite) -> None:
    from synth.textedit import scene

    for spec, row in list(zip(specs(), suite.all, strict=True))[::11]:
        own = scene(spec)
        assert np.array_equal(own.render(), image(suite.folder / row["original_image"]))
        assert np.array_equal(own.render(spec.answer), image(suite.folder / row["gt_image"]))


def test_the_finished_suite_says_what_it_is(suite: Suite) -> None:
    mark = json.loads((suite.folder / "suite.json").read_text())
    assert mark["synthetic"] is True
    assert mark["name"] == "textedit-synth"
    assert mark["size"] == 72
    assert mark["key"] == suite_key()
    assert sorted(p.name for p in suite.folder.parent.iterdir()) == ["suite"]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suites of one class only, so that writing takes no time."""
    monkeypatch.setattr(module, "CLASSES", module.CLASSES[5:6])


@pytest.mark.usefixtures("plain")
def test_the_same_suite_is_kept_and_another_refused(tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "s", per_class=1)
    before = (folder / "suite.json").stat().st_mtime_ns
    assert write_suite(folder, per_class=1) == folder
    assert (folder / "suite.json").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="something else"):
        write_suite(folder, per_class=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="mine"):
        write_suite(tmp_path / "mine", per_class=1)
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.usefixtures("plain")
def test_an_interrupted_rendering_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module.record

    def stop(spec: Any, number: int, folder: Path) -> Any:
        if number > 27:
            raise KeyboardInterrupt
        return real(spec, number, folder)

    monkeypatch.setattr(module, "record", stop)
    with pytest.raises(KeyboardInterrupt):
        write_suite(tmp_path / "s", per_class=5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("plain")
def test_remains_of_a_killed_rendering_are_swept_when_old(tmp_path: Path) -> None:
    old, new = tmp_path / ".s.aa.part", tmp_path / ".s.bb.part"
    for part in (old, new):
        part.mkdir()
    os.utime(old, (time.time() - 7200,) * 2)
    write_suite(tmp_path / "s", per_class=1)
    assert not old.exists()
    assert new.exists(), "another process may be at work there"


WRITE = """
import sys
from pathlib import Path
from synth.textedit import suite
suite.CLASSES = suite.CLASSES[5:7]
print("ready", flush=True)
sys.stdin.readline()
suite.write_suite(Path(sys.argv[1]), per_class=4)
"""


def start(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_may_render_the_same_folder(tmp_path: Path) -> None:
    both = [start(tmp_path / "s"), start(tmp_path / "s")]
    for process in both:
        go(process)
    for process in both:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["s"]
    assert [len(rows) for rows in read(tmp_path / "s").rows.values()] == [4, 4]


def test_a_killed_rendering_leaves_no_suite(tmp_path: Path) -> None:
    process = start(tmp_path / "s")
    go(process)
    deadline = time.monotonic() + 120
    while not any(tmp_path.rglob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("it finished before it could be killed")
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("plain")
def test_the_cache_renders_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ensure_suite(tmp_path / "cache", per_class=1)
    assert suite_key() in folder.name
    monkeypatch.setattr(module, "record", None)
    assert ensure_suite(tmp_path / "cache", per_class=1) == folder
    with pytest.raises(TypeError):
        ensure_suite(tmp_path / "cache", per_class=2)


def test_the_key_changes_with_generator_pillow_and_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {suite_key()}
    with monkeypatch.context() as m:
        m.setattr(module, "GENERATOR_VERSION", "other")
        keys.add(suite_key())
    with monkeypatch.context() as m:
        m.setattr(PIL, "__version__", "10.4.0")
        keys.add(suite_key())
    with monkeypatch.context() as m:
        m.setattr(typeface, "digest", lambda: "other")
        keys.add(suite_key())
    assert len(keys) == 4
    with monkeypatch.context() as m:
        m.setattr(PIL, "__version__", PIL.__version__.split(".")[0] + ".99")
        assert suite_key() in keys


def test_an_unwritable_place_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError):
        write_suite(tmp_path / "file" / "s", per_class=1)
