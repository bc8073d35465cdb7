from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.textedit.data import SuiteName
from benchmarks.textedit.verify import image_problem_summary, verify
from evals.core.errors import UserError
from evals.core.protocols import DataProblem, DataSource


def row(record: int, sub_class: str = "1.1.1", **changes: Any) -> dict[str, Any]:
    name = f"{1000 + record}.0.jpg"
    return {
        "id": record,
        "prompt": "Replace the text 'SALE' with 'OPEN'.",
        "original_image": f"{sub_class}/image/original/{name}",
        "gt_image": f"{sub_class}/image/gt/{name}",
        "source_text": "SALE",
        "target_text": "OPEN",
        "gt_caption": "A poster that says OPEN.",
        **changes,
    }


def _verify(root: Path, suite: SuiteName = "full", **more: Any) -> list[DataProblem]:
    """Problems other than the wrong number of records, which every tiny suite has."""
    found = verify(suite, DataSource(root=root, cache=root.parent / "cache"), **more)
    return [p for p in found if "usable records instead of" not in p.message]


def _kinds(problems: list[DataProblem]) -> Counter[str]:
    return Counter(p.kind for p in problems)


def test_a_whole_suite_has_no_problem(make_root: Any) -> None:
    root = make_root({"1.1.1": [row(1), row(2)], "2.7": [row(3, "2.7")]})
    assert _verify(root) == []


def test_every_problem_is_found_not_only_the_first(make_root: Any) -> None:
    root = make_root({"1.1.1": [row(i) for i in range(1, 9)] + ["{broken", row(1)]})
    images = root / "data" / "1.1.1" / "image"
    (images / "original" / "1001.0.jpg").unlink()
    (images / "gt" / "1001.0.jpg").unlink()
    (images / "original" / "1002.0.jpg").write_bytes(b"")
    (images / "original" / "1003.0.jpg").write_bytes(b"<html>404</html>")
    whole = (images / "gt" / "1004.0.jpg").read_bytes()
    (images / "gt" / "1004.0.jpg").write_bytes(whole[: len(whole) - 40])
    Image.new("RGB", (8, 8)).save(images / "gt" / "stray.png")
    problems = _verify(root)
    assert _kinds(problems) == {
        "malformed": 1, "duplicate": 1, "missing": 2, "corrupt": 3, "unexpected": 1,
    }  # fmt: skip
    assert [p.where for p in problems if p.kind in {"malformed", "duplicate"}] == [
        f"{root}/eval_prompts/fullset/1.1.1.jsonl:9",
        f"{root}/eval_prompts/fullset/1.1.1.jsonl:10",
    ]
    assert [Path(p.where).name for p in problems if p.kind == "missing"] == ["1001.0.jpg"] * 2
    stray = next(p for p in problems if p.kind == "unexpected")
    assert stray.where.endswith("stray.png")
    assert not stray.fatal
    assert all(p.fatal for p in problems if p.kind != "unexpected")


def test_a_truncated_picture_is_found_by_decoding_all_of_it(make_root: Any) -> None:
    root = make_root({"1.1.1": [row(1)]})
    path = root / "data/1.1.1/image/original/1001.0.jpg"
    Image.effect_noise((400, 300), 60).convert("RGB").save(path, "JPEG", quality=95)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with Image.open(path) as image:
        assert image.size == (400, 300)  # its header is still whole
    assert [(p.kind, Path(p.where).name) for p in _verify(root)] == [("corrupt", "1001.0.jpg")]


def test_files_of_the_full_set_are_expected_beside_the_mini_set(make_root: Any) -> None:
    root = make_root({"1.1.1": [row(1), row(2)]})
    mini = root / "eval_prompts" / "miniset"
    mini.mkdir()
    (mini / "1.1.1.jsonl").write_text(json.dumps(row(1)) + "\n")
    assert _verify(root, "mini") == []
    # What the mini set does not use need not be whole to run it.
    (root / "data/1.1.1/image/gt/1002.0.jpg").write_bytes(b"")
    assert _verify(root, "mini") == []
    assert _kinds(_verify(root, "full")) == {"corrupt": 1}


def test_two_records_with_one_file_or_one_output(make_root: Any) -> None:
    same_file = row(2, original_image="1.1.1/image/original/1001.0.jpg")
    same_output = row(3, original_image="1.1.1/image/other/1001.0.jpg")
    problems = _verify(make_root({"1.1.1": [row(1), same_file, same_output]}))
    assert [(p.kind, p.where.rsplit(":", 1)[1]) for p in problems] == [
        ("duplicate", "2"), ("duplicate", "3"),
    ]  # fmt: skip
    assert "already used" in problems[0].message
    assert "would overwrite" in problems[1].message


def test_masks_are_looked_at_too(make_root: Any) -> None:
    line = row(1, mask="1.1.1/image/mask/1.png")
    root = make_root({"1.1.1": [line]})
    assert _verify(root) == []
    (root / "data/1.1.1/image/mask/1.png").unlink()
    assert _kinds(_verify(root)) == {"missing": 1}


def test_a_folder_in_the_place_of_a_file_and_a_link_to_nowhere(make_root: Any) -> None:
    root = make_root({"1.1.1": [row(1)]})
    original = root / "data/1.1.1/image/original/1001.0.jpg"
    original.unlink()
    original.mkdir()
    gt = root / "data/1.1.1/image/gt/1001.0.jpg"
    gt.unlink()
    os.symlink(root / "nowhere", gt)
    assert _kinds(_verify(root)) == {"missing": 2}


def test_a_part_of_the_suite_is_called_one(make_root: Any) -> None:
    root = make_root({"1.1.1": [row(1)]})
    problems = verify("full", DataSource(root=root, cache=root.parent))
    assert len(problems) == 18
    assert "1.1.1 has 1 usable records instead of 57" in problems[0].message
    assert "2.7 has 0 usable records instead of 127" in problems[-1].message
    assert not any(p.fatal for p in problems)


def test_official_prompts_without_images(official_data: Path, tmp_path: Path) -> None:
    (tmp_path / "eval_prompts").symlink_to(official_data / "textedit" / "eval_prompts")
    problems = verify("mini", DataSource(root=tmp_path))
    assert _kinds(problems) == {"missing": 1000}


def test_the_official_prompts_with_images_at_the_recorded_paths(
    official_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "eval_prompts").symlink_to(official_data / "textedit" / "eval_prompts")
    made: dict[str, bytes] = {}
    for suffix, kind in ((".jpg", "JPEG"), (".png", "PNG"), (".webp", "WEBP")):
        picture = tmp_path / f"one{suffix}"
        Image.new("RGB", (6, 4), (1, 2, 3)).save(picture, kind)
        made[suffix] = picture.read_bytes()
    for path in (tmp_path / "eval_prompts" / "miniset").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            for key in ("original_image", "gt_image"):
                target = tmp_path / "data" / record[key]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(made[target.suffix])
    seen: list[tuple[int, int]] = []
    source = DataSource(root=tmp_path)
    assert verify("mini", source, progress=lambda done, total: seen.append((done, total))) == []
    assert seen == [(i, 1000) for i in range(1, 1001)]


def test_no_data_at_all_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="eval_prompts"):
        verify("full", DataSource(root=tmp_path))


def test_the_summary_counts_and_shows_the_first_places() -> None:
    problems = [DataProblem(kind="missing", where=f"{i}.jpg", message="gone") for i in range(5)] + [
        DataProblem(kind="corrupt", where="x.png", message="cut")
    ]
    assert image_problem_summary(problems) == [
        "5 missing: 0.jpg, 1.jpg, 2.jpg and 2 more",
        "1 corrupt: x.png",
    ]
