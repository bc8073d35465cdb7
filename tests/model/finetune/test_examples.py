"""A row as the model sees it is what inference would have shown it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from evals.core.errors import UserError
from model.finetune.config import Dropout
from model.finetune.examples import Example, Reader, choose
from model.finetune.rows import Row
from model.internvlu import loading
from model.internvlu.conditioning import close
from model.internvlu.config import ModelConfig
from model.internvlu.pipeline import InternVLUPipeline
from tests.model.finetune.kit import picture

ALWAYS = Dropout(t2i=0, edit_all=0, edit_text=0)
BUCKET = (96, 96)


@pytest.fixture(scope="module")
def pipe(checkpoint: Path) -> InternVLUPipeline:
    return InternVLUPipeline.from_pretrained(checkpoint, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def parts(checkpoint: Path) -> tuple[ModelConfig, Any]:
    return ModelConfig.read(checkpoint), loading.load_tokenizer(checkpoint / "processor")


def a_row(task: Any = "edit", **changed: Any) -> Row:
    values = {
        "id": "a", "task": task, "prompt": "replace CAT with DOG", "answer": "", "reasoning": "",
        "source": picture(1, BUCKET), "target": picture(1, BUCKET, "DOG"), **changed,
    }  # fmt: skip
    return Row(**values)


def example(
    parts: tuple[ModelConfig, Any], row: Row, rates: Dropout = ALWAYS, **how: Any
) -> Example:
    given = {"source": "rows", "number": 0, "bucket": BUCKET, **how}
    return Reader(*parts, rates, 0).example(row, **given)


def inference(pipe: InternVLUPipeline, row: Row) -> list[Any]:
    """The three closed rows of guidance: everything, images alone, nothing."""
    images = [] if row.source is None else [row.source]
    rows = pipe.requests([row.prompt], [images])
    return close(rows, [None], pipe.parts.vlm.tokens)


@pytest.mark.parametrize(
    ("rates", "dropped", "branch"),
    [
        (ALWAYS, "nothing", 0),
        (Dropout(t2i=0, edit_all=0, edit_text=1), "text", 1),
        (Dropout(t2i=0, edit_all=1, edit_text=0), "all", 2),
    ],
)
def test_an_edit_is_asked_for_as_in_guidance(
    parts: Any, pipe: InternVLUPipeline, rates: Dropout, dropped: str, branch: int
) -> None:
    row = a_row()
    found = example(parts, row, rates)
    wanted = inference(pipe, row)[branch]
    assert found.dropped == dropped
    assert found.tokens.ids == wanted.ids
    assert len(found.tokens.pixels) == len(wanted.pixels) == int(branch < 2)
    assert all(map(torch.equal, found.tokens.pixels, wanted.pixels))
    assert len(found.conditions) == int(branch < 2)
    assert found.learnt == 0
    said = pipe.parts.tokenizer.decode(found.tokens.ids)
    assert ("Generate an image based on reference images." in said) == (dropped == "text")
    assert ("Here is a random image <img_uncond>:" in said) == (dropped == "all")
    assert ("replace CAT with DOG." in said) == (dropped == "nothing")


@pytest.mark.parametrize(("rate", "branch"), [(0.0, 0), (1.0, 2)])
def test_an_image_from_text_is_asked_for_as_in_guidance(
    parts: Any, pipe: InternVLUPipeline, rate: float, branch: int
) -> None:
    row = a_row("t2i", source=None)
    found = example(parts, row, Dropout(t2i=rate, edit_all=0, edit_text=0))
    assert found.tokens.ids == inference(pipe, row)[branch].ids
    assert found.conditions == ()
    assert found.tokens.pixels == ()


def test_conditions_are_the_latents_pixels_of_inference(
    parts: Any, pipe: InternVLUPipeline
) -> None:
    from model.internvlu.images import condition_pixels

    row = a_row()
    found = example(parts, row)
    assert row.source is not None
    assert torch.equal(found.conditions[0], condition_pixels(row.source, parts[0].processor))
    assert found.target is not None
    assert found.target.shape == (3, *BUCKET)
    assert float(found.target.min()) >= -1
    assert float(found.target.max()) <= 1
    assert not torch.equal(found.target, found.conditions[0])


def test_reasoning_and_its_end_are_learnt_and_nothing_else(parts: Any) -> None:
    found = example(parts, a_row("cot", reasoning="The word is on the left."))
    tokenizer = parts[1]
    assert tokenizer.decode(found.tokens.ids[-found.learnt :]) == "The word is on the left.<img>"
    before = tokenizer.decode(found.tokens.ids[: -found.learnt])
    assert before.endswith("<|im_start|>assistant\n")
    dropped = example(parts, a_row("cot", reasoning="x"), Dropout(t2i=0, edit_all=0, edit_text=1))
    assert dropped.learnt == 0


def test_an_answer_and_its_end_are_learnt_and_nothing_else(
    parts: Any, pipe: InternVLUPipeline
) -> None:
    row = a_row("understand", prompt="what does it say?", target=None, answer="It says CAT.")
    found = example(parts, row, bucket=None)
    tokenizer = parts[1]
    assert tokenizer.decode(found.tokens.ids[-found.learnt :]) == "It says CAT.<|im_end|>"
    assert found.target is None
    assert found.dropped == "nothing"
    assert len(found.tokens.pixels) == 1
    before = tokenizer.decode(found.tokens.ids[: -found.learnt])
    assert before.endswith("<|im_start|>assistant\n")
    assert "what does it say?" in before


def test_source_and_target_of_one_shape_are_cut_alike(parts: Any) -> None:
    """What was not edited must lie where it lay."""
    wide = picture(3, (200, 100))
    found = example(parts, a_row(source=wide, target=wide.copy()))
    assert found.target is not None
    assert found.conditions[0].shape == found.target.shape
    assert torch.allclose(found.conditions[0], found.target, atol=1e-6)


def test_a_source_of_another_shape_keeps_it(parts: Any) -> None:
    found = example(parts, a_row(source=picture(3, (128, 64)), target=picture(4, BUCKET)))
    rows, columns = found.conditions[0].shape[1:]
    assert columns == 2 * rows


def test_dropout_happens_as_often_as_it_should() -> None:
    """Over 20,000 draws each: 10 % of images from text, 5 % and 5 % of edits, within 1 %."""
    rates = Dropout(t2i=0.10, edit_all=0.05, edit_text=0.05)
    count = 20_000
    plain = Counter(choose("t2i", False, rates, 0, n) for n in range(count))
    edits = Counter(choose("edit", True, rates, 0, n) for n in range(count))
    assert abs(plain["all"] / count - 0.10) < 0.01
    assert plain["text"] == 0
    assert abs(edits["all"] / count - 0.05) < 0.01
    assert abs(edits["text"] / count - 0.05) < 0.01
    assert {choose("understand", True, rates, 0, n) for n in range(500)} == {"nothing"}
    assert [choose("edit", True, rates, 0, n) for n in range(50)] == [
        choose("edit", True, rates, 0, n) for n in range(50)
    ]
    assert Counter(choose("edit", True, rates, 1, n) for n in range(count)) != edits


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": "  "}, "The prompt is empty"),
        ({"prompt": "a <IMG_CONTEXT>"}, "holds <IMG_CONTEXT>"),
        ({"target": None}, "has no image to learn"),
        ({"source": Image.new("RGB", (8, 90))}, "8 x 90 pixels"),
    ],
)
def test_rows_that_cannot_be_shown_are_refused(
    changed: dict[str, Any], message: str, parts: Any
) -> None:
    with pytest.raises(UserError, match=message):
        example(parts, a_row(**changed))
