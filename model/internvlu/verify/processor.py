"""What the reference's processor made of prompts and images.

The arguments of its calls are not recorded, but they can be told from the results: the words of a
prompt stand in its ids, and every pixel tensor is one of the recorded input images.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from evals.core.errors import UserError
from model.internvlu import images as im
from model.internvlu.conditioning import tokenize
from model.internvlu.prompts import (
    BRANCHES,
    CONTEXT,
    DESCRIBE,
    END,
    EXPLAIN,
    IDENTITY,
    IMAGE,
    START,
    STOP,
    TURN,
    picture,
    question,
)  # fmt: skip
from model.internvlu.verify.checks import PIXELS, Checks
from model.internvlu.verify.recorded import Fixture, Tensors

FILE = "processor.safetensors"


def processor(fixture: Fixture, checks: Checks) -> None:
    """Single images, then whole calls."""
    data = fixture.tensors(FILE)
    for name in data.prefixes("uint8_hwc", "und_pixel_values_fp32"):
        with checks.guard("processor", name, "input image"):
            _image(fixture, checks, data, name)
    for call in data.prefixes("input_ids", "attention_mask"):
        mode = "image" if f"{call}.generation_flags" in data else "text"
        with checks.row("processor", call, "ids") as row:
            ids, mask = data[f"{call}.input_ids"], data[f"{call}.attention_mask"]
            recorded = [i[m.bool()].tolist() for i, m in zip(ids, mask, strict=True)]
            for n, (ours, theirs) in enumerate(
                zip(_ids_again(fixture, recorded, mode), recorded, strict=True)
            ):
                row.same(ours, theirs, f"row {n}")
        with checks.guard("processor", call, "inputs"):
            _pixels(fixture, checks, data, call)


def _image(fixture: Fixture, checks: Checks, data: Tensors, name: str) -> None:
    image, config = fixture.inputs[name], fixture.pipe.parts.config
    if fixture.has(f"input_{name}.png"):
        with checks.row("processor", name, "pixels of the file") as row:
            row.equal(fixture.png(f"input_{name}.png"), data[f"{name}.uint8_hwc"], "uint8_hwc")
    with checks.row("processor", name, "pixels for understanding", PIXELS) as row:
        ours = im.understanding_pixels(image, config.processor, config.vlm)
        row.near(ours[None], data[f"{name}.und_pixel_values_fp32"], "und_pixel_values_fp32")
    with checks.row("processor", name, "condition image", PIXELS) as row:
        ours = _patches(fixture, im.condition_pixels(image, config.processor))
        row.near(ours, data[f"{name}.gen_patches_fp32"], "gen_patches_fp32")
    with checks.row("processor", name, "grid of the condition image") as row:
        grid = grid_of(fixture, im.condition_pixels(image, config.processor))
        row.equal(grid[None], data[f"{name}.gen_grid_thw"], "gen_grid_thw")


def grid_of(fixture: Fixture, pixels: Tensor) -> Tensor:
    """(3,) frames, rows and columns of latent pixels."""
    side = fixture.pipe.parts.config.processor.generation("vae_downsample_factor", 8)
    return torch.tensor([1, pixels.shape[1] // side, pixels.shape[2] // side])


def _patches(fixture: Fixture, pixels: Tensor) -> Tensor:
    """(3, height, width) as the reference cuts it, blocks of patches staying together."""
    config = fixture.pipe.parts.config.processor
    side = config.generation("vae_downsample_factor", 8)
    block = int(1 / config.generation("gen_down_sample_ratio", 0.5))
    cut = pixels.unflatten(2, (-1, block, side)).unflatten(1, (-1, block, side))
    return cut.permute(1, 4, 2, 5, 0, 3, 6).reshape(-1, 3 * side * side)


# --- calls ------------------------------------------------------------------------------------


def _ids_again(fixture: Fixture, rows: Sequence[Sequence[int]], mode: str) -> list[list[int]]:
    """Ids made anew from the words of recorded ones.

    To say again what was said already changes nothing: a closed text gets no second full stop. A
    system text that is not ours was the caller's if all rows have it.
    """
    parts, per_image = fixture.pipe.parts, fixture.pipe.parts.config.vlm.tokens_per_image
    texts = [parts.tokenizer.decode(ids, skip_special_tokens=False) for ids in rows]
    texts = [text.replace(START + CONTEXT * per_image + END, IMAGE) for text in texts]
    systems, users = zip(*(_said(text) for text in texts), strict=True)
    ours = {IDENTITY, IDENTITY + DESCRIBE, IDENTITY + EXPLAIN}
    own = systems[0] if len(set(systems)) == 1 and systems[0] not in ours else None
    made = []
    for n, (text, user) in enumerate(zip(texts, users, strict=True)):
        images = user.count(IMAGE)
        turn = question(user, images, own)
        if mode == "image":
            branch = BRANCHES[n // max(1, len(rows) // len(BRANCHES))]
            editing = systems[0] == IDENTITY + EXPLAIN
            turn = picture(user, images, branch, editing=editing, system=own)
        close = [parts.vlm.tokens.start] if text.endswith(START) else []
        made.append([*tokenize(parts.tokenizer, turn, per_image, compat=True), *close])
    return made


def _said(text: str) -> tuple[str, str]:
    """What the system and the user say in a request."""
    _, system, user, *_ = (turn.partition("\n")[2].partition(STOP)[0] for turn in text.split(TURN))
    return system, user


def _pixels(fixture: Fixture, checks: Checks, data: Tensors, call: str) -> None:
    """Pixel tensors of a call: each must be one of the input images."""
    config, inputs = fixture.pipe.parts.config, fixture.inputs.values()
    context = data[f"{call}.input_ids"] == fixture.pipe.parts.vlm.tokens.context
    shown = (context.sum(1) // config.vlm.tokens_per_image).tolist()
    if any(shown):
        with checks.row("processor", call, "pixels for understanding, bfloat16", PIXELS) as row:
            ours = [im.understanding_pixels(i, config.processor, config.vlm) for i in inputs]
            for n, recorded in enumerate(data[f"{call}.pixel_values"]):
                row.rounded(_laid(_nearest(ours, recorded), recorded), recorded, f"image {n}")
    if f"{call}.generation_flags" not in data:
        return
    conditions: list[list[int]] = []
    if any(shown):
        with checks.row("processor", call, "condition images, bfloat16", PIXELS) as row:
            ours = [im.condition_pixels(i, config.processor) for i in inputs]
            for n, recorded in enumerate(data[f"{call}.pixel_values_gen"]):
                nearest = _nearest(ours, recorded)
                conditions.append(grid_of(fixture, nearest).tolist())
                row.rounded(_laid(nearest, recorded), recorded, f"image {n}")
    with checks.row("processor", call, "grids of latents") as row:
        grids, flags = data[f"{call}.image_grid_thw_gen"], data[f"{call}.generation_flags"]
        # In each row the condition images, flagged 0, then the target, which is one for all.
        wanted = [flag for count in shown for flag in [*[0] * count, 1]]
        row.same(wanted, flags.tolist(), "generation_flags")
        row.same(conditions, grids[flags == 0].tolist(), "image_grid_thw_gen of conditions")
        targets = grids[flags != 0]
        row.equal(targets[:1].expand_as(targets), targets, "image_grid_thw_gen of targets")


def _nearest(ours: Sequence[Tensor], recorded: Tensor) -> Tensor:
    """The image that a recorded one was made of."""
    if not ours:
        raise UserError("No input image is recorded.")
    return min(ours, key=lambda x: float((_laid(x, recorded) - recorded).abs().mean()))


def _laid(image: Tensor, recorded: Tensor) -> Tensor:
    """An image in the upper left of zeros of the recorded one's size, cut where it is larger."""
    canvas = torch.zeros_like(recorded)
    rows, columns = (min(image.shape[n], recorded.shape[n]) for n in (1, 2))
    canvas[:, :rows, :columns] = image[:, :rows, :columns]
    return canvas
