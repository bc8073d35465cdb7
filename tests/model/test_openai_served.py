"""A model behind a server that is none of ours: `transformers serve` with tiny checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from evals.core.errors import UserError
from evals.core.types import Sample
from model.adapters.openai_api import make
from tests.judges.test_served_vlm import SAYS, START, Served, served

__all__ = ["served"]  # a fixture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(START + 60)]


def test_questions_are_answered(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((120, 90), 60).convert("RGB").save(path)
    item = Sample(
        id="1", benchmark="b", suite="s", task="understand", prompt="What?", images=(path, path)
    )
    place = {"base_url": served.url, "attempts": 2}
    (output,) = make(served.model, {**place, "ask_for_text": True}).answer([item], [3])
    assert (output.status, output.text) == ("ok", SAYS)
    # A picture of 120 x 90 becomes 12 tokens here: both were looked at.
    assert output.usage["input_tokens"] > 2 * 12
    (cut,) = make(served.random, {**place, "max_tokens": 5}).answer([item], [3])
    assert cut.usage["truncated"] == 1.0
    assert cut.usage["output_tokens"] == 5


def test_a_server_that_makes_no_images_says_so_at_once(served: Served) -> None:
    item = Sample(id="1", benchmark="b", suite="s", task="generate", prompt="A cat.")
    with pytest.raises(UserError, match=r"/images/generations: HTTP 404.*base_url"):
        make(served.model, {"base_url": served.url}).generate([item], [3])
