"""The loop learns: one edit, from random weights, until sampling paints it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.finetune.export import load_pipeline
from model.finetune.logs import read_log
from model.internvlu.guidance import Scales
from model.internvlu.tiny import write_tiny
from tests.model.finetune.kit import make_config, png, train, write_rows

SIZE = 96
SIZES = {
    "vae": "transform", "latent_channels": 32, "start": "copying", "timestep_scale": 0.001,
    "llm_layers": 1, "vit_layers": 1,
    "decoder_heads": 4, "decoder_head": 32, "decoder_axes": (4, 14, 14), "image_height": SIZE,
    "image_width": SIZE, "least": 1_024, "most": SIZE * SIZE,
}  # fmt: skip


def picture(word: str) -> Image.Image:
    """A sign with a word, of edges and colours that 32 numbers for 8 x 8 pixels can hold."""
    from PIL import ImageDraw, ImageFont

    image = Image.new("RGB", (SIZE, SIZE), (40, 90, 160))
    draw = ImageDraw.Draw(image)
    draw.rectangle((4, 24, 92, 72), fill=(240, 235, 220))
    draw.text((12, 26), word, fill=(60, 10, 40), font=ImageFont.load_default(size=36))
    return image


def psnr(one: Image.Image, other: Image.Image) -> float:
    difference = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    return float(10 * np.log10(255**2 / (difference**2).mean()))


@pytest.mark.timeout(240)
def test_one_edit_is_learnt_and_painted(tmp_path: Path) -> None:
    """Over 22 dB, as facts of the field have it; the source itself is at some 14.

    A velocity of the wrong sign, another shift, a condition that does not arrive or a mask that is
    not that of inference all end below.
    """
    checkpoint = write_tiny(tmp_path / "checkpoint", **SIZES)
    source, target = picture("CAT"), picture("DOG")
    prompt = "Replace the text 'CAT' with 'DOG'."
    row = {
        "id": "one", "edit_instruction": prompt, "source_image": png(source),
        "edited_image": png(target), "split": "train",
    }  # fmt: skip
    rows = write_rows(tmp_path / "rows.parquet", [row])
    out = tmp_path / "run"
    config = make_config(
        checkpoint, out, [{"path": str(rows), "task": "edit"}], steps=200, batch=8, micro_batch=8,
        resolution={"min": SIZE, "max": SIZE},
        optimizer={"lr": 2e-3, "warmup": 10, "schedule": "cosine"},
        dropout={"edit_all": 0, "edit_text": 0}, log={"every": 10, "trackers": []},
        data={"latents": str(tmp_path / "latents")},
    )  # fmt: skip
    train(config)
    flow = [line["flow"] for line in read_log(out)]
    assert flow[0] > 0.8
    assert sum(flow[-5:]) / 5 < 0.12
    pipe = load_pipeline(out, device="cpu", dtype="float32")
    # Guidance needs what dropout teaches, which one edit does without.
    plain = Scales(guidance_scale=1.0, image_guidance_scale=1.0)
    made = pipe.edit([prompt], [[source]], steps=20, scales=plain, seeds=[11])[0].image
    made.save(tmp_path / "made.png")
    before = psnr(source, target)
    assert before < 18
    assert psnr(made, target) > 22
    assert psnr(made, target) > before + 8
