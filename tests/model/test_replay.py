from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
from PIL import Image

from evals.core.errors import UserError
from evals.core.types import Output, Sample
from model.adapters.replay import Replay, make


def sample(wanted: str, record: str = "1") -> Sample:
    return Sample(
        id=record, benchmark="textedit", suite="full", task="edit", prompt="p", output_path=wanted
    )


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (10, 200, 30)).save(path, "PNG")
    return folder


def edit(model: Replay, wanted: str, record: str = "1") -> Output:
    return model.edit([sample(wanted, record)], [0])[0]


WANTED = "1.1.1/1007.0.jpg"


def test_the_exact_path_is_taken_as_it_is(tmp_path: Path) -> None:
    model = make(str(put(tmp_path / "bagel", WANTED)), {})
    output = edit(model, WANTED)
    assert output.images == (tmp_path / "bagel" / WANTED,)
    assert output.usage == {}
    assert model.name == "bagel"
    assert model.describe() == {
        "adapter": "replay", "folder": str(tmp_path / "bagel"), "match": "stem",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("there", "rule"),
    [
        ("1.1.1/1007.0.png", "suffix"),
        ("1.1.1/1007.0.webp", "suffix"),
        ("1.1.1/1007.0.JPG", "suffix"),
        ("1.1.1/1007.png", "without .0"),
        ("1.1.1/1007.JPG", "without .0"),
        ("1007.0.jpg", "flat folder"),
        ("1007.0.png", "flat folder"),
        ("1007.png", "flat folder"),
    ],
)
def test_near_names_are_taken_and_counted(tmp_path: Path, there: str, rule: str) -> None:
    put(tmp_path / "out", there)
    model = make(str(tmp_path / "out"), {})
    output = edit(model, WANTED)
    assert output.status == "ok"
    assert output.images == (tmp_path / "out" / there,)
    assert output.usage == {"near_match": 1.0}
    (match,) = model.matches([sample(WANTED)])
    assert (match.found, match.rule) == (there, rule)
    (remark,) = model.check([sample(WANTED)])
    assert there in remark
    assert WANTED in remark
    strict = make(str(tmp_path / "out"), {"match": "exact"})
    refused = edit(strict, WANTED)
    assert refused.status == "missing"
    assert refused.fault is not None
    assert there in refused.fault.message


def test_another_case_is_found(tmp_path: Path) -> None:
    put(tmp_path, "1.1.1/ABC.0.JPG", "2.1/Poster.PNG")
    model = Replay(tmp_path)
    rules = [m.rule for m in model.matches([sample("1.1.1/abc.0.jpg"), sample("2.1/poster.webp")])]
    assert rules == ["case", "case"]


def test_prefixes_and_typos_are_suggested_and_not_taken(tmp_path: Path) -> None:
    put(tmp_path, "1.1.1/edited_1007.0.jpg", "1.1.1/1007.0_out.png", "1.1.1/1107.0.jpg")
    output = edit(Replay(tmp_path), WANTED)
    assert output.status == "missing"
    assert output.fault is not None
    assert (output.fault.kind, output.fault.origin) == ("missing_file", "model")
    assert WANTED in output.fault.message
    assert "edited_1007.0.jpg" in output.fault.message
    assert "1007.0_out.png" in output.fault.message


def test_another_class_with_the_same_name_is_not_taken(tmp_path: Path) -> None:
    put(tmp_path, "1.1.2/1007.0.jpg")
    assert edit(Replay(tmp_path), WANTED).status == "missing"


def test_two_files_for_one_sample_are_not_guessed(tmp_path: Path) -> None:
    put(tmp_path, "1.1.1/1007.0.png", "1.1.1/1007.0.webp")
    model = Replay(tmp_path)
    output = edit(model, WANTED)
    assert output.status == "error"
    assert output.fault is not None
    assert output.fault.kind == "ambiguous_output"
    put(tmp_path, WANTED)
    assert edit(Replay(tmp_path), WANTED).status == "ok"  # the exact name decides


def test_one_flat_file_serves_no_two_samples(tmp_path: Path) -> None:
    put(tmp_path, "0001.png", "2.1/0002.png")
    samples = [
        sample("1.1.1/0001.png", "1"),
        sample("2.1/0001.png", "2"),
        sample("2.1/0002.png", "3"),
    ]
    model = Replay(tmp_path)
    assert "could be the output of 2 samples" in model.check(samples)[0]
    assert [o.status for o in model.edit(samples, [0] * 3)] == ["error", "error", "ok"]
    # Without a check before, at least the second one is refused, and the first one may come again.
    unchecked = Replay(tmp_path)
    assert [o.status for o in unchecked.edit([*samples, samples[0]], [0] * 4)] == [
        "ok", "error", "ok", "ok",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_files_that_are_no_images_are_the_models_error(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "1.1.1/other.png")
    (tmp_path / WANTED).write_bytes(content)
    output = edit(Replay(tmp_path), WANTED)
    assert output.status == "error"
    assert output.images == ()
    assert output.fault is not None
    assert (output.fault.kind, output.fault.origin) == ("unreadable_output", "model")
    assert "1007.0.jpg" in output.fault.message


def test_truncated_and_too_large_images_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / WANTED
    path.parent.mkdir()
    Image.effect_noise((300, 300), 50).save(path, "JPEG")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    output = edit(Replay(tmp_path), WANTED)
    assert (output.status, output.fault and output.fault.kind) == ("error", "unreadable_output")
    # A PNG header that promises 100,000 x 100,000 pixels.
    header = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x86\xa0\x00\x01\x86\xa0\x08\x02\x00\x00\x00"
    )
    import zlib

    path.write_bytes(
        header + zlib.crc32(header[12:29]).to_bytes(4, "big") + b"\x00\x00\x00\x00IDAT"
    )
    output = edit(Replay(tmp_path), WANTED)
    assert output.status == "error"
    assert output.fault is not None
    assert "too large" in output.fault.message or "pixels" in output.fault.message


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "secret.jpg", "deep/1007.0.jpg")
    out = put(tmp_path / "out", "1.1.1/inner.png")
    os.symlink(tmp_path / "elsewhere" / "secret.jpg", out / WANTED)
    os.symlink(tmp_path / "elsewhere" / "deep", out / "2.1")
    os.symlink(out / "1.1.1" / "inner.png", out / "1.1.1" / "1008.0.jpg")
    model = Replay(out)
    output = edit(model, WANTED)
    assert output.status == "missing"
    assert output.fault is not None
    assert "link that leaves the folder" in output.fault.message
    assert edit(model, "2.1/1007.0.jpg").status == "missing"
    assert edit(model, "1.1.1/1008.0.jpg").status == "ok"


@pytest.mark.parametrize(
    "wanted", ["../elsewhere/x.png", "/etc/x.png", "1.1.1/../../elsewhere/x.png"]
)
def test_paths_that_escape_find_nothing(tmp_path: Path, wanted: str) -> None:
    put(tmp_path / "elsewhere", "x.png")
    out = put(tmp_path / "out", "1.1.1/y.png")
    assert edit(Replay(out), wanted).status == "missing"


def test_names_in_other_scripts(tmp_path: Path) -> None:
    wanted = "1.1.1/שלום 😀 <b>.0.jpg"
    put(tmp_path, wanted, "2.1/名前.png")
    model = Replay(tmp_path)
    assert edit(model, wanted).status == "ok"
    assert edit(model, "2.1/名前.0.jpg", "2").status == "ok"


def test_a_sample_without_a_recorded_path_is_looked_for_by_its_id(tmp_path: Path) -> None:
    put(tmp_path, "77.webp")
    lone = Sample(id="77", benchmark="b", suite="s", task="generate", prompt="p")
    assert Replay(tmp_path).generate([lone], [0])[0].status == "ok"


# --- the folder itself ------------------------------------------------------------------------


def test_a_missing_folder_names_its_neighbours(tmp_path: Path) -> None:
    put(tmp_path / "outputs" / "bagel", WANTED)
    with pytest.raises(UserError, match=r"There is no folder .*bagle; .* holds bagel"):
        make(str(tmp_path / "outputs" / "bagle"), {})
    with pytest.raises(UserError, match="pass the folder"):
        make(str(tmp_path / "a" / "b"), {})
    with pytest.raises(UserError, match="is a file"):
        make(str(tmp_path / "outputs" / "bagel" / WANTED), {})
    with pytest.raises(UserError, match="needs the folder"):
        make(None, {})


def test_an_empty_folder_says_where_images_are(tmp_path: Path) -> None:
    put(tmp_path / "out" / "bagel", WANTED)
    (tmp_path / "out" / "empty").mkdir()
    (tmp_path / "out" / "empty" / "notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"holds no image files \(.*out one level up holds 1\)"):
        make(str(tmp_path / "out" / "empty"), {})


def test_one_level_too_high_or_too_low_is_said_before_anything_runs(tmp_path: Path) -> None:
    put(tmp_path / "out" / "bagel", WANTED, "1.1.1/1008.0.jpg")
    samples = [sample(WANTED), sample("1.1.1/1008.0.jpg", "2"), sample("2.1/1.0.jpg", "3")]
    with pytest.raises(UserError, match=r"None of the 3 .*with .*out/bagel instead 2 of them"):
        make(str(tmp_path / "out"), {}).check(samples)
    low = make(str(tmp_path / "out" / "bagel" / "1.1.1"), {"match": "exact"})
    with pytest.raises(UserError, match=r"None of the 3 .*with .*out/bagel instead 2 of them"):
        low.check(samples)


def test_a_folder_where_nothing_matches_shows_the_nearest_names(tmp_path: Path) -> None:
    put(tmp_path / "out", "1.1.1/edit-1007.0.jpg")
    with pytest.raises(UserError, match=r"nearest names are 1\.1\.1/edit-1007\.0\.jpg"):
        make(str(tmp_path / "out"), {}).check([sample(WANTED)])


def test_check_counts_what_is_missing(tmp_path: Path) -> None:
    put(tmp_path, WANTED)
    remarks = Replay(tmp_path).check([sample(WANTED), sample("1.1.1/1008.0.jpg", "2")])
    assert len(remarks) == 1
    assert remarks[0].startswith("1 of 2 samples have no output")
    assert Replay(tmp_path).check([sample(WANTED)]) == []


def test_options_are_checked(tmp_path: Path) -> None:
    put(tmp_path, WANTED)
    with pytest.raises(UserError, match="Did you mean 'match'"):
        make(str(tmp_path), {"macth": "exact"})
    with pytest.raises(UserError, match="use one of stem, exact"):
        make(str(tmp_path), {"match": "fuzzy"})


def test_it_travels_to_worker_processes(tmp_path: Path) -> None:
    put(tmp_path, WANTED)
    model = pickle.loads(pickle.dumps(Replay(tmp_path)))
    assert edit(model, WANTED).status == "ok"


def test_the_whole_official_layout(official_data: Path, tmp_path: Path) -> None:
    """A model that always writes .png loses nothing; the exact rule loses all but 45."""
    prompts = official_data / "textedit" / "eval_prompts" / "fullset"
    records = [
        (path.stem, json.loads(line))
        for path in sorted(prompts.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    picture = tmp_path / "one.png"
    Image.new("RGB", (4, 4)).save(picture)
    pixels = picture.read_bytes()
    samples = []
    for sub_class, record in records:
        wanted = f"{sub_class}/{Path(record['original_image']).name}"
        samples.append(sample(wanted, str(record["id"])))
        target = (tmp_path / "out" / wanted).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(pixels)
    model = Replay(tmp_path / "out")
    assert len(samples) == 2148
    assert {o.status for o in model.edit(samples, [0] * 2148)} == {"ok"}
    assert "2103 of 2148 outputs were found under another name (suffix)" in model.check(samples)[0]
    exact = Replay(tmp_path / "out", "exact")
    assert sum(1 for m in exact.matches(samples) if m.found) == 45
