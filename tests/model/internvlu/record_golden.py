"""Writes recordings in the layout that ``umm-evals model verify`` replays.

    python -m tests.model.internvlu.record_golden

writes ``tests/golden/internvlu`` anew: a tiny checkpoint and what we make of it now. Velocities,
gradients of the decoder, guidance, positions and the solver come from the independent formulation
in ``tests/performance``, names of weights from the files themselves, everything else from the
package in `reference_compat` mode.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model.internvlu import images as im
from model.internvlu.checkpoint import shapes
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.prompts import SPECIAL, START, STOP, TURN, picture, question, user_text
from model.internvlu.tiny import write_tiny
from tests.model.internvlu.record_models import answered, record_decoder, record_language
from tests.model.internvlu.record_runs import (
    asked_for,
    decoded,
    encoded,
    naive,
    pixels_of,
    processed,
    record_run,
    save,
    side_by_side,
    write_json,
)
from tests.performance.naive_decoder import NaiveDecoder, patchify, positions, rotations
from tests.performance.naive_sampling import advance, schedule

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "internvlu"
SIZES: Mapping[str, Any] = {
    "vit_width": 24, "vit_heads": 3, "vit_mlp": 36, "vit_patch": 8, "vit_image": 32,
    "llm_layers": 2, "llm_width": 32, "llm_heads": 4, "llm_kv_heads": 2, "llm_head": 12,
    "llm_mlp": 44, "merges": 100, "decoder_heads": 2, "decoder_head": 12,
    "decoder_axes": (2, 4, 6), "vae_base": 4, "vae_mult": (1, 1, 2, 2), "image_height": 64,
    "image_width": 64, "least": 1024, "most": 1536, "side": 48,
}  # fmt: skip
PADDED_TO = 24
"""``max_sequence_length`` of the golden checkpoint: that of the release makes padding huge."""

IMAGES: Mapping[str, tuple[int, int]] = {"wide": (70, 41), "tall": (40, 57)}
"""Name -> width and height of an input image."""

RUNS: Mapping[str, Mapping[str, Any]] = {
    "t2i": {"prompt": "a red house", "generation_mode": "image", "height": 50, "width": 70,
            "num_inference_steps": 3, "seed": 11},
    "edit_two": {"prompt": ["make it blue", "remove the tree"], "image": ["wide", "tall"],
                 "generation_mode": "image", "num_inference_steps": 2, "seed": 12},
    "think": {"prompt": "paint the house red", "image": "tall", "generation_mode": "text_image",
              "max_new_tokens": 12, "num_inference_steps": 2, "seed": 13},
}  # fmt: skip
LAYOUTS: Mapping[str, Mapping[str, Any]] = {
    "one": {"latent_grids": [[1, 3, 5]], "text": [["t", 6]], "vlm_grids": [], "video_scale": 1.0,
            "vlm_scale": 0.25},
    "two": {"latent_grids": [[1, 4, 4], [1, 6, 3], [1, 5, 5]],
            "text": [["t", 2], ["i", 6], ["t", 3], ["i", 9], ["t", 1]],
            "vlm_grids": [[1, 2, 3], [1, 3, 3]], "video_scale": 2.0, "vlm_scale": 0.5},
}  # fmt: skip


def record(
    checkpoint: Path,
    out: Path,
    *,
    runs: Mapping[str, Mapping[str, Any]] = RUNS,
    decoders: Sequence[Path] = (),
    rows: int = 2,
) -> None:
    """Record everything of a checkpoint.

    Args:
        checkpoint: its folder.
        out: the folder ``expected``, made when absent.
        runs: name -> arguments as in ``runs.json``.
        decoders: folders ``generation_decoder`` of other checkpoints, to be recorded too.
        rows: samples of unequal sizes in a call of a decoder.
    """
    out.mkdir(parents=True, exist_ok=True)
    pipe = InternVLUPipeline.from_pretrained(
        checkpoint, device="cpu", dtype="float32", reference_compat=True
    )
    inputs = {name: _image(n, size) for n, (name, size) in enumerate(IMAGES.items())}
    for name, image in inputs.items():
        image.save(out / f"input_{name}.png")
    own = checkpoint / "generation_decoder"
    oracle = naive(own)
    _keys(checkpoint, out, decoders)
    _prompts(pipe, out)
    _sizes(out)
    with torch.no_grad():
        _processor(pipe, inputs, out)
        _positions(oracle, out)
        _solver(oracle, out)
        _vae(pipe, out)
    record_language(pipe, inputs, out)
    record_decoder([own, *decoders], out, rows)
    entries = {}
    for name, call in runs.items():
        with torch.no_grad():
            if call["generation_mode"] == "text":
                tensors, results, made = answered(pipe, inputs, call), {}, []
            else:
                tensors, results, made = record_run(pipe, oracle, inputs, call)
        save(tensors, out / f"run_{name}.safetensors")
        for n, picture_ in enumerate(made):
            picture_.save(out / f"{name}.{n}.png")
        entries[name] = {**call, **results}
    write_json(entries, out / "runs.json")


def _image(seed: int, size: tuple[int, int]) -> Image.Image:
    """A gradient, a few rectangles and a little noise."""
    width, height = size
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([255 * rows / height, 255 * columns / width, 0 * rows + 128], axis=-1)
    for _ in range(4):
        top, left = draw.integers(0, height // 2), draw.integers(0, width // 2)
        pixels[top : top + height // 3, left : left + width // 3] = draw.integers(0, 256, 3)
    return Image.fromarray((pixels + draw.normal(0, 6, pixels.shape)).clip(0, 255).astype("uint8"))


# --- strings and whole numbers ------------------------------------------------------------------


def _keys(checkpoint: Path, out: Path, decoders: Sequence[Path]) -> None:
    folders = {name: checkpoint / name for name in ("vlm", "generation_decoder", "vae")}
    for place in decoders:
        kind = json.loads((place / "config.json").read_text("utf-8"))["decoder_projector_type"]
        folders[f"generation_decoder({kind})"] = place
    found = {
        name: {"tensors": {k: list(s) for k, (s, _) in shapes(place).items()}}
        for name, place in folders.items()
    }
    write_json(found, out / "state_dict_keys.json")


def _prompts(pipe: InternVLUPipeline, out: Path) -> None:
    rows = []
    for prompt in ("a red house", "  two\nlines ", "画一张图。", "<image>\nwith a slot", "Done!"):
        for images in range(3):
            branches = {"none": "full", "text": "partial", "all": "blank"}
            strings = {
                f"image_mode.{k}": picture(prompt, images, b, editing=images > 0).text + START
                for k, b in branches.items()
            }
            rows.append(
                {"prompt": prompt, "num_images": images, "text_mode": question(prompt, images).text,
                 "user_content": user_text(prompt, images), **strings}
            )  # fmt: skip
    words = [*SPECIAL, TURN, STOP]
    ids = dict(zip(words, pipe.parts.tokenizer.convert_tokens_to_ids(words), strict=True))
    value = {"rows": rows, "special_token_list": list(SPECIAL), "special_token_ids": ids}
    write_json(value, out / "prompts.json")


def _sizes(out: Path) -> None:
    sides = (16, 64, 500, 777, 1024, 3000)
    table = [
        [height, width, list(im.smart_resize(height, width, im.ResizeRule()))]
        for height in sides
        for width in sides
    ]
    table += [[15, 64, "ValueError"], [16, 4000, "ValueError"]]
    write_json({"smart_resize_release_params": table}, out / "resize_rules.json")


# --- pixels -------------------------------------------------------------------------------------


def _processor(pipe: InternVLUPipeline, inputs: Mapping[str, Image.Image], out: Path) -> None:
    config = pipe.parts.config
    found: dict[str, Tensor] = {}
    for name, image in inputs.items():
        pixels = im.condition_pixels(image, config.processor)
        rows, columns = (side // 8 for side in pixels.shape[1:])
        patches = patchify(pixels, 8).view(rows // 2, 2, columns // 2, 2, -1)
        found |= {
            f"{name}.uint8_hwc": pixels_of(image),
            f"{name}.und_pixel_values_fp32": im.understanding_pixels(
                image, config.processor, config.vlm
            )[None],
            f"{name}.gen_patches_fp32": patches.transpose(1, 2).flatten(0, 3),
            f"{name}.gen_grid_thw": torch.tensor([[1, rows, columns]]),
        }
    image = next(iter(inputs.values()))
    found |= _text_call(pipe, [image])
    call = {"prompt": "make it red", "image": next(iter(inputs)), "generation_mode": "image"}
    found |= {f"edit.{k}": v for k, v in processed(pipe, inputs, call).items()}
    save(found, out / "processor.safetensors")


def _text_call(pipe: InternVLUPipeline, images: Sequence[Image.Image]) -> dict[str, Tensor]:
    """A request for text about images."""
    ids, mask, pixels = side_by_side(
        [asked_for(pipe, "What is this?", images)], pipe.parts.vlm.tokens.pad
    )
    assert pixels is not None
    return {"text.input_ids": ids, "text.attention_mask": mask, "text.pixel_values": pixels}


def _positions(oracle: NaiveDecoder, out: Path) -> None:
    found: dict[str, Tensor] = {}
    own = tuple(oracle.inner["axes_dims_rope"])
    for name, layout in LAYOUTS.items():
        mask = [kind == "i" for kind, count in layout["text"] for _ in range(count)]
        where = positions(
            layout["latent_grids"], mask, layout["vlm_grids"], layout["video_scale"],
            layout["vlm_scale"],
        )  # fmt: skip
        found[f"{name}.position_ids"] = where
        latents = [True] * (len(where) - len(mask))
        found[f"{name}.token_is_image"] = torch.tensor([*latents, *mask])
        for axes in (own, (8, 2, 4)):
            turns, key = rotations(where, axes), f"{name}.axes_{'_'.join(map(str, axes))}"
            found |= {f"{key}.cos": turns.real, f"{key}.sin": turns.imag}
    save(found, out / "msrope.safetensors")
    write_json(LAYOUTS, out / "msrope.json")


def _solver(oracle: NaiveDecoder, out: Path) -> None:
    found: dict[str, Tensor] = {}
    for steps in (3, 7):
        timesteps, sigmas = schedule(steps)
        found |= {
            f"n{steps}.timesteps": torch.tensor(timesteps),
            f"n{steps}.sigmas": torch.tensor(sigmas),
        }
    source, clean = torch.Generator().manual_seed(0), []
    x = found["n7.x0"] = torch.randn(1, 16, 2, 3, generator=source)
    for n in range(7):
        velocity = found[f"n7.v{n}"] = torch.randn(x.shape, generator=source)
        clean.append(x - sigmas[n] * velocity)
        x = found[f"n7.x{n + 1}"] = advance(x, clean, sigmas, n)
    save(found, out / "scheduler.safetensors")


def _vae(pipe: InternVLUPipeline, out: Path) -> None:
    source = torch.Generator().manual_seed(0)
    pixels = torch.rand(1, 3, 32, 24, generator=source) * 2 - 1
    latents = torch.randn(2, 16, 3, 4, generator=source)
    save(
        {
            "pixels": pixels, "latents_from_pixels": encoded(pipe.parts.vae, pixels),
            "latents": latents, "pixels_from_latents": decoded(pipe.parts.vae, latents),
        },
        out / "vae.safetensors",
    )  # fmt: skip


def main() -> None:
    """Write the golden folder anew."""
    shutil.rmtree(GOLDEN / "tiny-checkpoint", ignore_errors=True)
    shutil.rmtree(GOLDEN / "expected", ignore_errors=True)
    write_golden_checkpoint(GOLDEN / "tiny-checkpoint")
    record(GOLDEN / "tiny-checkpoint", GOLDEN / "expected")


def write_golden_checkpoint(folder: Path) -> None:
    """The golden checkpoint: other sizes than the default of ``model tiny``."""
    write_tiny(folder, 7, **SIZES)
    path = folder / "generation_decoder" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["max_sequence_length"] = PADDED_TO
    path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
