"""Rows from our own scenes: right, true, evenly spread, the same every time, and trainable."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from evals.core.errors import UserError
from model.data import text_edits, wordings, writing
from model.data.schema import COLUMNS, schema
from model.data.text_edits import MARK, Recipe, row_of, write_text_edits
from model.finetune.config import TASKS, Data, Entry, Resolution
from model.finetune.refuse import Guard
from model.finetune.sources import open_source
from synth.draw import Draw
from synth.textedit import GENERATOR_VERSION, scene, specs

SIZE = 192
COUNTS = {"edit": 20, "t2i": 9, "understand": 9, "cot": 9}


def table(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def pixels(cell: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(cell["bytes"])))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Some rows of every task."""
    root = tmp_path_factory.mktemp("edits")
    for task in TASKS:
        write_text_edits(root / task, task=task, count=COUNTS[task], size=SIZE)
    return {task: root / task for task in TASKS}


@pytest.mark.parametrize("task", TASKS)
def test_rows_say_where_they_are_from(task: str, folders: dict[str, Path]) -> None:
    rows = table(folders[task])
    assert len(rows) == COUNTS[task]
    known = {s.sha256: s for s in specs("train", 2)}
    for row in rows:
        assert list(row) == list(COLUMNS)
        spec = known[row["spec_sha256"]]
        assert (row["split"], row["generator"]) == ("train", GENERATOR_VERSION)
        assert (row["source_text"], row["target_text"]) == (spec.source, spec.target)
        assert row["edit_task"] == f"textedit/{spec.sub_class}"
        assert row["instruction_following_score"] is None
    assert len({row["id"] for row in rows}) == len(rows)
    counts = Counter(row["edit_task"] for row in rows)
    assert len(counts) == min(18, len(rows))
    assert max(counts.values()) <= -(-len(rows) // 18)


def test_edits_change_nothing_outside_their_mask(folders: dict[str, Path]) -> None:
    for row in table(folders["edit"]):
        before, after = pixels(row["source_image"]), pixels(row["edited_image"])
        mask = pixels(row["mask"])
        assert before.shape == after.shape == (*mask.shape, 3)
        assert max(mask.shape) == SIZE
        changed = (before != after).any(-1)
        assert changed.any()
        assert not changed[mask == 0].any()
        assert set(np.unique(mask)) == {0, 255}
        assert (row["edited_image_height"], row["edited_image_width"]) == mask.shape
        assert (row["source_image_height"], row["source_image_width"]) == mask.shape
        assert row["source_text"] in row["edit_instruction"]
        assert row["target_text"] in row["edit_instruction"]
        assert row["answer"] is row["reasoning"] is None


def test_full_size_pictures_are_those_of_the_scene() -> None:
    spec = specs("train", 1)[12]
    row = row_of(spec, Recipe(task="edit"))
    for column, wanted in (("source_image", scene(spec).render()),
                           ("edited_image", scene(spec).render(spec.answer)),
                           ("mask", scene(spec).mask())):  # fmt: skip
        assert np.array_equal(pixels({"bytes": row[column]}), wanted)


def test_pictures_from_text_show_what_their_caption_says(folders: dict[str, Path]) -> None:
    known = {s.sha256: s for s in specs("train", 2)}
    after = 0
    for row in table(folders["t2i"]):
        spec = known[row["spec_sha256"]]
        says_target = scene(spec).caption(spec.answer) in row["edit_instruction"]
        assert says_target or scene(spec).caption() in row["edit_instruction"]
        strings = spec.answer if says_target else None
        full = row_of(spec, Recipe(task="t2i"))["edited_image"]
        assert np.array_equal(pixels({"bytes": full}), scene(spec).render(strings))
        assert row["source_image"] is None
        after += says_target
    assert 0 < after < COUNTS["t2i"]


def test_reasons_are_true(folders: dict[str, Path]) -> None:
    known = {s.sha256: s for s in specs("train", 2)}
    for row in table(folders["cot"]):
        spec = known[row["spec_sha256"]]
        made = scene(spec)
        boxes = {b.role: b for b in made.boxes()}
        places = re.findall(r"\((\d+)% from the left, (\d+)% from the top\)", row["reasoning"])
        assert len(places) == len(spec.edited)
        for role, (x, y) in zip([r for r in boxes if r in spec.edited], places, strict=True):
            middle = np.mean(boxes[role].polygon, axis=0) / made.size * 100
            assert abs(middle - (int(x), int(y))).max() <= 0.51
        for count in map(int, re.findall(r"(\d+) characters", row["reasoning"])):
            assert count in {len(spec.source), len(spec.target)}
        assert f"'{spec.source}'" in row["reasoning"]
        assert f"'{spec.target}'" in row["reasoning"]
        said = set(re.findall(r"'([^']*)'", row["reasoning"]))
        assert said <= {spec.target, *(b.string for b in boxes.values())}
        assert 60 < len(row["reasoning"]) < 500


def test_answers_stand_in_the_picture(folders: dict[str, Path]) -> None:
    known = {s.sha256: s for s in specs("train", 2)}
    for row in table(folders["understand"]):
        spec = known[row["spec_sha256"]]
        strings = {b.string for a in (None, spec.answer) for b in scene(spec).boxes(a)}
        assert row["answer"] in strings | {"Yes", "No"}
        assert row["edited_image"] is None
        assert row["edit_instruction"][-1] in "?."


def test_questions_are_true_and_of_every_kind() -> None:
    kinds = {"nearest to the": 0, "higher up": 0, "to the left": 0, "Answer yes or no": 0,
             "largest": 0, "line": 0}  # fmt: skip
    answers = Counter()
    for spec in specs("train", 1):
        made = scene(spec)
        for n in range(24):
            edited = n % 2 == 1
            boxes = made.boxes(spec.answer if edited else None)
            asked, answer = wordings.question(spec, made, edited, Draw(spec.sha256, n))
            for kind in kinds:
                kinds[kind] += kind in asked
            middles = {b.string: np.mean(b.polygon, axis=0) for b in boxes}
            if "yes or no" in asked:
                [word] = re.findall(r"'(.*?)'", asked)
                assert (word in middles) == (answer == "Yes")
                answers[answer] += 1
                continue
            assert answer in middles
            named = [s for s in re.findall(r"'(.*?)'", asked) if s in middles]
            if len(named) == 2:
                axis = 1 if "higher" in asked else 0
                assert answer == min(named, key=lambda s: middles[s][axis])
            if match := re.search(r"(?:to|from) the (top|bottom|left|right)\b", asked):
                if "further" in asked:
                    continue
                side = match.group(1)
                axis = 1 if side in {"top", "bottom"} else 0
                best = min if side in {"top", "left"} else max
                assert answer == best(middles, key=lambda s: middles[s][axis])
    assert min(kinds.values()) > 3, kinds
    assert min(answers["Yes"], answers["No"]) > 0.25 * answers.total()


def test_there_are_many_wordings_and_not_the_benchmarks() -> None:
    assert len(set(wordings.EDITS)) == len(wordings.EDITS) >= 20
    official = re.compile(r"^Replace the text '(.*)' with '(.*)'\.$")
    seen = set()
    for spec in specs("train", 1):
        made = scene(spec)
        for n in range(24):
            said = wordings.instruction(spec, made, Draw("x", spec.sha256, n))
            assert not official.match(said)
            seen.add(said.replace(spec.source, "S").replace(spec.target, "T"))
            if len(spec.edited) > 1:
                assert not re.search(r"\b(at|on|in) the (top|left|middle|right|bottom)\b", said)
    assert len(seen) > 60


def test_places_are_the_thirds_of_the_picture() -> None:
    from synth.scene import Box, box_quad

    found = [
        wordings.place(Box("r", "s", box_quad(x, y, x + 10, y + 10)), (300, 300))
        for y in (20, 140, 270) for x in (20, 140, 270)
    ]  # fmt: skip
    assert found == [
        "at the top left", "at the top", "at the top right", "on the left", "in the middle",
        "on the right", "at the bottom left", "at the bottom", "at the bottom right",
    ]  # fmt: skip


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    def made(name: str, **others: int) -> Path:
        write_text_edits(tmp_path / name, task="edit", count=4, size=SIZE, **others)
        [file] = (tmp_path / name).glob("*.parquet")
        return file

    first, again, other = made("a"), made("b", workers=2), made("c", seed=1)
    assert first.name == "edit-train-00000-of-00001.parquet"
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()
    rows, others = table(first.parent), table(other.parent)
    assert [r["edit_instruction"] for r in rows] != [r["edit_instruction"] for r in others]
    assert [r["edited_image"] for r in rows] == [r["edited_image"] for r in others]


def test_first_rows_do_not_depend_on_the_count(tmp_path: Path, folders: dict[str, Path]) -> None:
    report = write_text_edits(tmp_path / "few", task="understand", count=5, size=SIZE)
    assert table(tmp_path / "few") == table(folders["understand"])[:5]
    assert report["rows"] == 5
    assert report["files"] == 1
    assert len(report["classes"]) == 5  # type: ignore[arg-type]
    assert json.loads(json.dumps(report)) == report


def test_the_same_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_edits, "SHARD", 3)
    report = write_text_edits(tmp_path / "a", task="t2i", split="val", count=8, size=64)
    assert (report["files"], report["already_there"]) == (3, 0)
    files = sorted((tmp_path / "a").glob("*.parquet"))
    before = [f.read_bytes() for f in files]
    assert [pq.read_metadata(f).num_rows for f in files] == [3, 3, 2]
    files[1].unlink()
    stale = tmp_path / "a" / ".t2i-val-00001-of-00003.parquet.1.part"
    stale.write_bytes(b"half")
    os.utime(stale, (0, 0))
    report = write_text_edits(tmp_path / "a", task="t2i", split="val", count=8, size=64)
    assert report["already_there"] == 2
    assert [f.read_bytes() for f in files] == before
    assert not stale.exists()
    with pytest.raises(UserError, match="holds something else"):
        write_text_edits(tmp_path / "a", task="t2i", split="val", count=9, size=64)
    assert {r["split"] for r in table(tmp_path / "a")} == {"val"}


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else"):
        write_text_edits(tmp_path, task="edit", count=1)
    with pytest.raises(UserError, match="holds something else"):
        write_text_edits(tmp_path / "notes.txt", task="edit", count=1)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"split": "bench"}, "nothing is trained on it"),
        ({"split": "test"}, "no split 'test'"),
        ({"task": "edits"}, "Did you mean 'edit'"),
        ({"count": 0}, "count is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"size": 20}, "size is 20"),
    ],
)
def test_arguments_that_make_no_sense(changes: dict[str, Any], match: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=match):
        write_text_edits(tmp_path / "a", **{"task": "edit", "count": 2, **changes})
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("task", TASKS)
def test_the_trainer_reads_them(task: str, folders: dict[str, Path], tmp_path: Path) -> None:
    entry = Entry(path=str(folders[task]), task=task)
    source = open_source(entry, Data(), Guard(), tmp_path, Resolution())
    assert (len(source.kept), source.dropped) == (COUNTS[task], ())
    row = source.read(8)
    assert (row.target is None) == (task == "understand")
    assert (row.source is None) == (task == "t2i")
    assert bool(row.reasoning) == (task == "cot")
    assert bool(row.answer) == (task == "understand")
    image = row.target or row.source
    assert image is not None
    assert [image.height, image.width] == source.sizes[8].tolist()


def test_the_trainer_refuses_the_validation_split(tmp_path: Path) -> None:
    write_text_edits(tmp_path / "a", task="t2i", split="val", count=2, size=64)
    entry = Entry(path=str(tmp_path / "a"), task="t2i")
    with pytest.raises(UserError, match="of another split"):
        open_source(entry, Data(), Guard(), tmp_path / "cache", Resolution())


def test_files_show_as_images_and_keep_bytes_as_they_are(folders: dict[str, Path]) -> None:
    [file] = folders["edit"].glob("*.parquet")
    meta = pq.read_metadata(file)
    stored = {meta.row_group(0).column(n).path_in_schema: meta.row_group(0).column(n)
              for n in range(meta.num_columns)}  # fmt: skip
    assert stored["source_image.bytes"].compression == "UNCOMPRESSED"
    assert not stored["source_image.bytes"].is_stats_set
    assert stored["edit_instruction"].compression == "ZSTD"
    features = json.loads(pq.read_schema(file).metadata[b"huggingface"])["info"]["features"]
    assert features["mask"]["_type"] == "Image"
    assert meta.metadata[writing.CONTENT]
    assert json.loads((folders["edit"] / MARK).read_text())["generator"] == GENERATOR_VERSION


def test_row_groups_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": str(n), "edit_instruction": "x", "mask": bytes(1000)} for n in range(150)]
    writing.write_rows(tmp_path / "a.parquet", iter(rows))
    meta = pq.read_metadata(tmp_path / "a.parquet")
    assert [meta.row_group(n).num_rows for n in range(meta.num_row_groups)] == [64, 64, 22]
    monkeypatch.setattr(writing, "GROUP_BYTES", 10_000)
    writing.write_rows(tmp_path / "b.parquet", iter(rows))
    meta = pq.read_metadata(tmp_path / "b.parquet")
    assert {meta.row_group(n).num_rows for n in range(meta.num_row_groups)} == {10}
    assert pq.read_schema(tmp_path / "a.parquet").equals(schema())


def test_a_changed_image_changes_the_footer(tmp_path: Path) -> None:
    def footer(image: bytes) -> str:
        writing.write_rows(tmp_path / "a.parquet", [{"id": "1", "mask": image}])
        return hashlib.sha256(pq.read_metadata(tmp_path / "a.parquet").metadata[
            writing.CONTENT]).hexdigest()  # fmt: skip

    assert footer(b"abcd") == footer(b"abcd") != footer(b"abce")


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    def rows() -> Any:
        yield {"id": "1", "edit_instruction": "x"}
        raise RuntimeError("the generator failed")

    with pytest.raises(RuntimeError):
        writing.write_rows(tmp_path / "a.parquet", rows())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="no row"):
        writing.write_rows(tmp_path / "a.parquet", [])
    with pytest.raises(UserError, match="no column of training data 'ids'"):
        writing.write_rows(tmp_path / "a.parquet", [{"ids": "1"}])
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        writing.write_rows(tmp_path / "file" / "a.parquet", [{"id": "1"}])
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
