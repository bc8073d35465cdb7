"""Images, changed checkpoints and scripted texts for the tests of the bundled model."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from model.internvlu.config import ModelConfig
    from model.internvlu.pipeline import InternVLUPipeline, Picture

SHARED = Path(__file__).resolve().parents[4] / "shared" / "fixtures" / "model"
GONE = object()
"""In `changed`: the key is taken out."""

SMALL: dict[str, Any] = {"height": 64, "width": 64, "steps": 2}


def recordings() -> Path:
    """Folder of what the released code gave; the test is skipped where it is absent."""
    place = Path(os.environ.get("UMM_EVALS_MODEL_FIXTURES", SHARED))
    if not place.is_dir():
        pytest.skip("model fixtures not found: set UMM_EVALS_MODEL_FIXTURES to their folder")
    return place


def noise(width: int, height: int, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """An image of random pixels."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def levels(one: Picture, other: Picture) -> int:
    """Largest difference of two results in grey levels; -1 when their sizes differ."""
    a, b = (np.asarray(p.image).astype(int) for p in (one, other))
    return int(np.abs(a - b).max()) if a.shape == b.shape else -1


def same(one: Sequence[Picture], other: Sequence[Picture], within: int = 1) -> bool:
    """Whether all images are of the same size and equal within so many grey levels."""
    return len(one) == len(other) and all(
        0 <= levels(a, b) <= within for a, b in zip(one, other, strict=True)
    )


def copied(checkpoint: Path, to: Path) -> Path:
    """A copy of a checkpoint to break."""
    return Path(shutil.copytree(checkpoint, to))


def changed(path: Path, **values: Any) -> None:
    """Set keys of a JSON file; ``a__b`` is key b of object a, and `GONE` takes a key out."""
    content = json.loads(path.read_text("utf-8"))
    for name, value in values.items():
        *outer, last = name.split("__")
        owner = content
        for key in outer:
            owner = owner[key]
        if value is GONE:
            owner.pop(last, None)
        else:
            owner[last] = value
    path.write_text(json.dumps(content), "utf-8")


@contextmanager
def scripted(pipe: InternVLUPipeline, *scripts: Sequence[int]) -> Iterator[None]:
    """Let the language model write these ids and stop.

    Generation is the real one; only the scores of the next token are raised. With several scripts
    the n-th is for the n-th row of a batch, counted from the shortest prompt.
    """
    vlm = pipe.parts.vlm
    place = {"step": 0}
    write: Callable[..., Any] = type(vlm).write

    def restarted(*args: Any, **kwargs: Any) -> Any:
        place["step"] = 0
        return write(vlm, *args, **kwargs)

    def raised(_module: Any, _inputs: Any, logits: Any) -> Any:
        for n, row in enumerate(logits):
            script = [*scripts[n % len(scripts)], vlm.tokens.stop]
            row[-1, script[min(place["step"], len(script) - 1)]] += 1e6
        place["step"] += 1
        return logits

    hook = vlm.language_model.lm_head.register_forward_hook(raised)
    vlm.write = restarted  # type: ignore[method-assign]
    try:
        yield
    finally:
        hook.remove()
        del vlm.write


def built(checkpoint: Path, to: Path, seed: int = 0, **values: Any) -> tuple[ModelConfig, Any]:
    """A language model with random weights and a changed `vlm/config.json`."""
    import torch

    from model.internvlu import loading
    from model.internvlu.config import ModelConfig

    folder = copied(checkpoint, to)
    changed(folder / "vlm" / "config.json", **values)
    vlm = json.loads((folder / "vlm" / "config.json").read_text("utf-8"))
    side, patch = vlm["force_image_size"], vlm["vision_config"]["patch_size"]
    changed(
        folder / "processor" / "processor_config.json",
        image_processor_kwargs__size={"height": side, "width": side},
        image_seq_length=(side // patch // 2) ** 2,
    )
    config = ModelConfig.read(folder)
    tokenizer = loading.load_tokenizer(folder / "processor")
    model, _, _ = loading.build(config, tokenizer, str(folder))
    source = torch.Generator().manual_seed(seed)
    state = {
        key: (1 if key.endswith("norm.weight") or "lambda" in key else 0)
        + torch.randn(tuple(t.shape), generator=source) / max(1, t[0].numel()) ** 0.5
        for key, t in sorted(model.state_dict().items())
    }
    model.load_state_dict(state, assign=True)
    return config, model.eval().requires_grad_(False)
