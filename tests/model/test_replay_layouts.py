"""Layouts that repeat the model's name, images that several samples share, and repeats."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from evals.core.errors import UserError
from evals.core.types import Place, Sample
from model.adapters.existing import path_in, places_of
from model.adapters.replay import Replay, make

KIT = Place(layout="kit", path="toy/{model}/images/{trial:02d}.png", first=1)


def sample(*places: Place, id: str = "a", trial: int = 0, output_path: str = "") -> Sample:
    return Sample(
        id=id, benchmark="toy", suite="s", task="generate", prompt="p", places=places,
        trial=trial, output_path=output_path or None,
    )  # fmt: skip


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (10, 200, 30)).save(path)
    return folder


def found(model: Replay, *planned: Sample) -> list[str | None]:
    return [m.found for m in model.matches(planned)]


# --- the model's name -------------------------------------------------------------------------


def test_the_folders_own_name_comes_first(tmp_path: Path) -> None:
    put(tmp_path / "x", "toy/x/images/01.png", "toy/y/images/01.png", "toy/y/images/02.png")
    model = Replay(tmp_path / "x")
    planned = [sample(KIT), sample(KIT, trial=1)]
    told = model.check(planned)
    assert found(model, *planned) == ["toy/x/images/01.png", None], "y's image is not x's"
    assert any("fewer images than planned" in t for t in told)


def test_the_only_name_there_is_taken(tmp_path: Path) -> None:
    put(tmp_path / "outputs", "toy/x v2/images/01.jpg")
    model = Replay(tmp_path / "outputs")
    assert model.check([sample(KIT)])
    assert found(model, sample(KIT)) == ["toy/x v2/images/01.jpg"]
    assert found(Replay(tmp_path / "outputs"), sample(KIT)) == ["toy/x v2/images/01.jpg"]


def test_several_models_side_by_side_are_not_guessed(tmp_path: Path) -> None:
    # The first image of b is missing: a look at one image alone would take a's for it.
    put(tmp_path / "out", "toy/a/images/01.png", "toy/a/images/02.png", "toy/b/images/02.png")
    planned = [sample(KIT), sample(KIT, trial=1)]
    with pytest.raises(UserError, match=r"several models: a, b; .* options = \{name = 'a'\}"):
        Replay(tmp_path / "out").check(planned)
    unclear = Replay(tmp_path / "out").generate(planned[1:], [0])[0]
    assert unclear.fault is not None
    assert unclear.fault.kind == "ambiguous_output"
    assert "the option name" in unclear.fault.message
    chosen = make(str(tmp_path / "out"), {"name": "b"})
    chosen.check(planned)
    assert found(chosen, *planned) == [None, "toy/b/images/02.png"]
    assert chosen.describe()["name"] == "b"
    with pytest.raises(UserError, match=r"no toy/c/images/01.png; the models there are a, b"):
        make(str(tmp_path / "out"), {"name": "c"}).check(planned)


@pytest.mark.parametrize("name", [3, "a/b"])
def test_the_option_is_a_name(tmp_path: Path, name: str | int) -> None:
    with pytest.raises(UserError, match="option 'name'"):
        make(str(put(tmp_path, "a.png")), {"name": name})


def test_each_benchmark_finds_its_own_name(tmp_path: Path) -> None:
    """One model, several benchmarks below its folder, of which one repeats another name."""
    plain = Sample(id="b", benchmark="plain", suite="s", task="generate", prompt="p")
    put(tmp_path / "m", "b.png", "toy/x/images/01.png")
    model = Replay(tmp_path / "m")
    model.check([plain])
    model.check([sample(KIT)])
    assert found(model, plain, sample(KIT)) == ["b.png", "toy/x/images/01.png"]


def test_the_benchmarks_folder_leads_to_the_models(tmp_path: Path) -> None:
    put(tmp_path / "x", "toy/x/images/01.png")
    with pytest.raises(UserError, match=rf"with {tmp_path}/x instead 1 of them would have one"):
        Replay(tmp_path / "x" / "toy").check([sample(KIT)])


def test_braces_that_are_no_holes_stay(tmp_path: Path) -> None:
    place = Place(layout="kit", path="toy/{a} {} {trial!r}.png")
    assert path_in(place, 0, "m") == place.path
    assert places_of(sample(place)) == [(place.path, None)]


# --- files that several want ------------------------------------------------------------------


def test_samples_that_a_layout_keeps_in_one_file_share_it(tmp_path: Path) -> None:
    """As GEdit does where a key occurs twice."""
    put(tmp_path, "k/1.png")
    planned = [sample(id="1", output_path="k/1.png"), sample(id="1-2", output_path="k/1.png")]
    model = Replay(tmp_path)
    assert model.check(planned) == []
    assert [o.status for o in model.generate(planned, [0, 0])] == ["ok", "ok"]


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_a_files_own_name_decides(tmp_path: Path, checked: bool, turned: bool) -> None:
    put(tmp_path, "1.png")
    own, near = sample(id="1", output_path="1.png"), sample(id="2", output_path="deep/1.png")
    planned = [near, own] if turned else [own, near]
    model = Replay(tmp_path)
    if checked:
        assert "is used for the one of that name" in model.check(planned)[0]
    outputs = dict(zip((s.id for s in planned), model.generate(planned, [0, 0]), strict=True))
    assert outputs["1"].status == "ok"
    if checked or not turned:
        assert outputs["2"].status == "error"


# --- repeats ----------------------------------------------------------------------------------


def test_one_image_is_no_sample_of_several(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    planned = [sample(id="1", output_path="1.png", trial=t) for t in range(3)]
    with pytest.raises(UserError, match="3 images per sample are planned, and outputs of toy are"):
        Replay(tmp_path).check(planned)
    outputs = Replay(tmp_path).generate(planned, [0] * 3)
    assert [o.status for o in outputs] == ["ok", "missing", "missing"]
    assert outputs[2].fault is not None
    assert outputs[2].fault.message == "Outputs of toy are one each; there is no image 3."


def test_a_numbered_place_beside_one_that_is_not(tmp_path: Path) -> None:
    lone = Place(layout="official", path="{model}.png")
    put(tmp_path / "m", "m.png", "toy/m/images/02.png")
    planned = [sample(lone, KIT, trial=t) for t in range(2)]
    model = Replay(tmp_path / "m")
    assert model.check(planned) == []
    assert found(model, *planned) == ["m.png", "toy/m/images/02.png"]
