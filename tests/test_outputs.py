"""Several images per prompt and grids: read from official layouts, and written to them again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evals.core.errors import UserError
from evals.core.store import StoredRun
from evals.core.types import ImageRef, Place, Prediction, Sample
from evals.core.writing import RunWriter
from evals.outputs import grid, write_outputs
from model.adapters.replay import make

COLOURS = ("red", "green", "blue", "white")
SEPARATE = Place(layout="official", path="a/{trial:05d}.png", first=1)
GRID = Place(layout="official", path="grids/a.webp", grid=(2, 2))
KIT = Place(layout="kit", path="toy/images/a_{trial}.png")


def sample(*places: Place, trial: int = 0, id: str = "a") -> Sample:
    return Sample(
        id=id, benchmark="toy", suite="s", task="generate", prompt="p", places=places, trial=trial
    )


def save(path: Path, colour: str, size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def colour_of(data: bytes | Path) -> tuple[int, int, int]:
    import io

    image = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data).convert("RGB")
    found = np.unique(np.asarray(image).reshape(-1, 3), axis=0)
    assert len(found) == 1, "the cell holds pixels of its neighbours"
    return tuple(int(v) for v in found[0])  # type: ignore[return-value]


def test_each_trial_gets_its_own_file(tmp_path: Path) -> None:
    for number, colour in enumerate(COLOURS, 1):
        save(tmp_path / "m" / "a" / f"{number:05d}.png", colour)
    model = make(str(tmp_path / "m"), {})
    planned = [sample(SEPARATE, trial=t) for t in range(4)]
    assert model.check(planned) == []
    found = [model.generate([s], [0])[0].images[0] for s in planned]
    assert [Path(str(f)).name for f in found] == [f"{n:05d}.png" for n in range(1, 5)]


def test_a_second_layout_is_looked_at_when_the_first_is_not_there(tmp_path: Path) -> None:
    save(tmp_path / "m" / "toy" / "images" / "a_2.png", "blue")
    model = make(str(tmp_path / "m"), {})
    assert model.generate([sample(SEPARATE, KIT, trial=2)], [0])[0].status == "ok"
    assert model.generate([sample(SEPARATE, KIT, trial=1)], [0])[0].status == "missing"


def test_a_grid_is_cut_row_by_row(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{c}.png", c) for c in COLOURS]
    target = tmp_path / "m" / "grids" / "a.webp"
    target.parent.mkdir(parents=True)
    target.write_bytes(grid(paths, 2, "a.webp"))
    model = make(str(tmp_path / "m"), {})
    cells = [model.generate([sample(GRID, trial=t)], [0])[0].images[0] for t in range(4)]
    assert [colour_of(c) for c in cells] == [
        (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255),
    ]  # fmt: skip


def test_a_trial_that_the_grid_does_not_have_is_a_fault(tmp_path: Path) -> None:
    save(tmp_path / "m" / "grids" / "a.webp", "red", (8, 8))
    output = make(str(tmp_path / "m"), {}).generate([sample(GRID, trial=4)], [0])[0]
    assert output.fault is not None
    assert output.fault.kind == "wrong_grid"


def test_wrong_counts_and_idle_files_are_said_before_the_run(tmp_path: Path) -> None:
    save(tmp_path / "m" / "a" / "00001.png", "red")
    save(tmp_path / "m" / "a" / "00009.png", "red")
    remarks = make(str(tmp_path / "m"), {}).check([sample(SEPARATE, trial=t) for t in range(4)])
    told = "\n".join(remarks)
    assert "1 prompts have fewer images than planned, e.g. 1 of 4 for a." in told
    assert "1 images belong to no planned sample, e.g. a/00009.png." in told


# --- writing ----------------------------------------------------------------------------------


def stored(folder: Path, *places: Place, missing: int | None = None) -> StoredRun:
    """A run of one sample with four images, or three."""
    manifest = {
        "benchmark": {"name": "toy", "title": "Toy", "task": "generate", "version": "1"},
        "suite": {"name": "s", "version": "1", "synthetic": True, "size": 1},
        "model": {"name": "m", "role": "model"},
        "identity": {"a": 1},
        "trials": 4,
        "metrics": [],
        "fingerprints": {},
    }
    with RunWriter(folder, manifest) as writer:
        writer.write_samples([sample(*places)])
        made = []
        for trial, colour in enumerate(COLOURS):
            if trial == missing:
                continue
            ref: ImageRef = writer.add_image(save(folder.parent / f"{colour}.png", colour))
            made.append(Prediction(sample="a", trial=trial, seed=0, status="ok", images=(ref,)))
        writer.add_predictions(made)
    return StoredRun.read(folder)


def test_separate_files_come_back_as_they_were(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", SEPARATE, KIT)
    written = write_outputs(run, "official", tmp_path / "out")
    assert (written.files, written.left) == (4, {})
    assert colour_of(tmp_path / "out" / "a" / "00003.png") == (0, 0, 255)
    assert write_outputs(run, "kit", tmp_path / "out").files == 4
    assert (tmp_path / "out" / "toy" / "images" / "a_0.png").is_file()


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", GRID)
    assert write_outputs(run, "official", tmp_path / "out").files == 1
    cells = make(str(tmp_path / "out"), {}).generate([sample(GRID, trial=2)], [0])
    assert colour_of(cells[0].images[0]) == (0, 0, 255)


def test_an_image_that_is_missing_is_named(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", SEPARATE, missing=1)
    written = write_outputs(run, "official", tmp_path / "out")
    assert (written.files, written.left) == (3, {"a#1": "not predicted yet"})


def test_no_grid_is_made_of_three_images(tmp_path: Path) -> None:
    written = write_outputs(stored(tmp_path / "run", GRID, missing=1), "official", tmp_path / "o")
    assert written.files == 0
    assert written.left["a"] == "3 of the 4 images of its grid exist"


def test_a_layout_that_is_not_there_and_a_file_in_the_way_are_refused(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", SEPARATE)
    with pytest.raises(UserError, match="toy has no layout 'kit'; it has: official"):
        write_outputs(run, "kit", tmp_path / "out")
    save(tmp_path / "out" / "a" / "00001.png", "black")
    with pytest.raises(UserError, match="another image"):
        write_outputs(run, "official", tmp_path / "out")


def test_the_places_of_a_sample_are_stored_with_the_run(tmp_path: Path) -> None:
    stored(tmp_path / "run", GRID)
    row = json.loads((tmp_path / "run" / "samples.jsonl").read_text().splitlines()[0])
    assert row["places"][0] == {
        "layout": "official", "path": "grids/a.webp", "first": 0, "grid": [2, 2],
    }  # fmt: skip


def test_a_layout_that_repeats_the_models_name(tmp_path: Path) -> None:
    """Grids too; read again under whatever name the folder has."""
    place = Place(layout="kit", path="toy/{model}/a.webp", grid=(2, 2))
    written = write_outputs(stored(tmp_path / "run", SEPARATE, place), "kit", tmp_path / "out")
    assert (written.files, written.left, written.model) == (1, {}, "m")
    assert (tmp_path / "out" / "toy" / "m" / "a.webp").is_file()
    cells = make(str(tmp_path / "out"), {}).generate([sample(place, trial=3)], [0])
    assert colour_of(cells[0].images[0]) == (255, 255, 255)
    assert write_outputs(stored(tmp_path / "b", SEPARATE), "official", tmp_path / "o").model == ""


def test_a_layout_with_one_image_takes_the_first(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", Place(layout="official", path="a.png"))
    written = write_outputs(run, "official", tmp_path / "out")
    assert written.files == 1
    assert written.left == dict.fromkeys(
        ("a#1", "a#2", "a#3"), "the layout has no place for it"
    )  # fmt: skip
    assert colour_of(tmp_path / "out" / "a.png") == (255, 0, 0)
    one_row = stored(tmp_path / "b", Place(layout="official", path="a.png", grid=(1, 3)))
    written = write_outputs(one_row, "official", tmp_path / "grid")
    assert (written.files, written.left) == (1, {"a#3": "the layout has no place for it"})


def test_samples_that_a_layout_keeps_in_one_file(tmp_path: Path) -> None:
    run = stored(tmp_path / "run", Place(layout="official", path="a_{trial}.png"))
    rows = run.folder / "samples.jsonl"
    row = rows.read_text()
    rows.write_text(row + row.replace('"id":"a"', '"id":"b"'))
    twice = {(name, trial): p for (_, trial), p in run.predictions.items() for name in "ab"}
    run = dataclasses.replace(StoredRun.read(run.folder), predictions=twice)
    written = write_outputs(run, "official", tmp_path / "out")
    assert written.files == 4
    assert written.left["b#2"] == "a_2.png is that of a#2 in this layout"


@pytest.mark.parametrize("path", ["../a_{trial}.png", "/a_{trial}.png"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    run = stored(tmp_path / "run", Place(layout="official", path=path))
    with pytest.raises(UserError, match="outside of the folder"):
        write_outputs(run, "official", tmp_path / "out")


def test_the_command_says_the_models_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from evals.stored import outputs

    run = stored(tmp_path / "run", Place(layout="kit", path="toy/{model}/{trial}.png"))
    assert outputs(run.folder, tmp_path / "out", "kit", as_json=False) == 0
    assert "repeats the model's name: give its scripts m" in capsys.readouterr().err
    assert outputs(run.folder, tmp_path / "out", "kit", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "m"
