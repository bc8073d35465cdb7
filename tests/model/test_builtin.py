from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from evals.core.errors import UserError
from evals.core.images import load_rgb, sha256_file
from evals.core.protocols import Model
from evals.core.registry import Registry
from evals.core.types import ImageRef, Prediction, Sample
from model.adapters.builtin import (
    make_blank,
    make_copy_source,
    make_ground_truth,
    make_shuffled_truth,
)
from model.catalog import ADAPTERS


@dataclass(frozen=True)
class Reference:
    answer: str


def sample(tmp_path: Path, **changes: object) -> Sample:
    original, truth = tmp_path / "a.jpg", tmp_path / "b.jpg"
    original.write_bytes(b"original")
    truth.write_bytes(b"truth")
    fields = {"images": (original,), "reference_images": (truth,), **changes}
    return Sample(id="1", benchmark="b", suite="s", task="edit", prompt="p", **fields)  # type: ignore[arg-type]


def test_copy_source_hands_over_the_input_file_itself(tmp_path: Path) -> None:
    model = make_copy_source(None, {})
    output = model.edit([sample(tmp_path)], [0])[0]
    assert output.status == "ok"
    assert output.images == (tmp_path / "a.jpg",)
    assert model.describe()["anchor"] == "bottom"


def test_ground_truth_hands_over_the_reference(tmp_path: Path) -> None:
    model = make_ground_truth(None, {})
    assert model.edit([sample(tmp_path)], [0])[0].images == (tmp_path / "b.jpg",)
    assert model.generate([sample(tmp_path)], [0])[0].images == (tmp_path / "b.jpg",)
    answer = model.answer([sample(tmp_path, reference=Reference("42"))], [0])[0]
    assert answer.text == "42"
    assert model.describe()["anchor"] == "top"


def test_what_is_not_there_is_a_fault_and_never_an_ok(tmp_path: Path) -> None:
    gone = tmp_path / "gone.jpg"
    copied = make_copy_source(None, {}).edit([sample(tmp_path, images=(gone,))], [0])[0]
    assert copied.status == "error"
    assert copied.fault is not None
    assert copied.fault.origin == "infrastructure"
    truth = make_ground_truth(None, {})
    lost = truth.edit([sample(tmp_path, reference_images=(gone,))], [0])[0]
    assert lost.status == "error"
    assert lost.fault is not None
    assert str(gone) in lost.fault.message
    assert truth.edit([sample(tmp_path, reference_images=())], [0])[0].status == "unsupported"
    assert truth.answer([sample(tmp_path)], [0])[0].status == "unsupported"


def test_blank_is_white_and_as_large_as_a_person_sees_the_input(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "red").save(photo, exif=exif)
    output = make_blank(None, {}).edit([sample(tmp_path, images=(photo,))], [0])[0]
    (data,) = output.images
    assert isinstance(data, bytes)
    white = load_rgb(data)
    assert (white.size, white.getextrema()) == ((20, 40), ((255, 255),) * 3)


def test_blank_of_a_broken_or_absent_input_is_a_fault(tmp_path: Path) -> None:
    broken, absent = make_blank(None, {}).edit(
        [sample(tmp_path), sample(tmp_path, images=())], [0, 0]
    )
    assert (broken.status, absent.status) == ("error", "unsupported")
    assert broken.fault is not None
    assert broken.fault.origin == "infrastructure"


def suite(tmp_path: Path, *truths: str) -> list[Sample]:
    samples = []
    for at, name in enumerate(truths):
        (tmp_path / name).write_bytes(name.encode())
        whole = sample(tmp_path, reference_images=(tmp_path / name,))
        samples.append(replace(whole, id=str(at)))
    return samples


def test_shuffled_truth_gives_the_next_samples_truth(tmp_path: Path) -> None:
    model = make_shuffled_truth(None, {})
    samples = suite(tmp_path, "a.png", "b.png", "b.png", "c.png")
    assert model.check(samples) == []
    given = [output.images[0] for output in model.edit(samples[::-1], [0] * 4)]
    assert [Path(str(g)).name for g in given[::-1]] == ["b.png", "c.png", "c.png", "a.png"]
    assert model.generate(samples[:1], [0])[0].images == (tmp_path / "b.png",)


def test_shuffled_truth_made_with_other_neighbours_is_stale(tmp_path: Path) -> None:
    model = make_shuffled_truth(None, {})
    samples = suite(tmp_path, "a.png", "b.png", "c.png")
    model.check(samples)

    def stored(name: str) -> Prediction:
        image = ImageRef(sha256=sha256_file(tmp_path / name), suffix=".png", width=1, height=1)
        return Prediction(sample="0", trial=0, seed=0, status="ok", images=(image,))

    assert not model.is_stale(samples[0], stored("b.png"))
    assert model.is_stale(samples[0], stored("c.png"))


def test_shuffled_truth_needs_truths_that_differ(tmp_path: Path) -> None:
    model = make_shuffled_truth(None, {})
    for truths in (["a.png"], ["a.png", "a.png"]):
        with pytest.raises(UserError, match="two different ground truths"):
            model.check(suite(tmp_path, *truths))
    with pytest.raises(UserError, match="no ground truth"):
        model.check([sample(tmp_path, reference_images=())])
    unasked = model.edit([sample(tmp_path)], [0])[0]
    assert unasked.fault is not None
    assert (unasked.fault.kind, unasked.fault.origin) == ("no_neighbour", "infrastructure")


def test_tasks_that_are_not_declared_are_unsupported(tmp_path: Path) -> None:
    model = make_copy_source(None, {})
    assert model.tasks == {"edit"}
    for output in (
        *model.answer([sample(tmp_path)], [0]),
        *model.generate([sample(tmp_path)], [0]),
    ):
        assert output.status == "unsupported"
        assert output.fault is not None


def test_neither_takes_an_argument_or_options() -> None:
    for make in (make_copy_source, make_ground_truth, make_blank, make_shuffled_truth):
        with pytest.raises(UserError, match="nothing behind a colon"):
            make("x", {})
        with pytest.raises(UserError, match="no options"):
            make(None, {"seed": 1})


def test_every_adapter_of_the_catalog_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"x")
    registry = Registry("model adapter", ADAPTERS, "umm_evals.test.none")
    names = ("copy-source", "ground-truth", "blank", "shuffled-truth", "classical", "replay")
    assert set(names) <= set(registry)
    for name in names:
        model = registry.get(name)(str(tmp_path) if name == "replay" else None, {})
        assert isinstance(model, Model)
        assert "edit" in model.tasks
        assert model.batch_size >= 1
        assert model.describe()["adapter"] == name
