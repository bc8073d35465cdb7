from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from evals.core.errors import UserError
from evals.core.protocols import Model
from evals.core.registry import Registry
from evals.core.types import Sample
from model.adapters.builtin import make_copy_source, make_ground_truth
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
    for make in (make_copy_source, make_ground_truth):
        with pytest.raises(UserError, match="nothing behind a colon"):
            make("x", {})
        with pytest.raises(UserError, match="no options"):
            make(None, {"seed": 1})


def test_every_adapter_of_the_catalog_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"x")
    registry = Registry("model adapter", ADAPTERS, "umm_evals.test.none")
    assert {"copy-source", "ground-truth", "classical", "replay"} <= set(registry)
    for name in ("copy-source", "ground-truth", "classical", "replay"):
        model = registry.get(name)(str(tmp_path) if name == "replay" else None, {})
        assert isinstance(model, Model)
        assert "edit" in model.tasks
        assert model.batch_size >= 1
        assert model.describe()["adapter"] == name
