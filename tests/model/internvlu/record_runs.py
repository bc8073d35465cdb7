"""Records calls of the pipeline: the language model is ours, the sampling the independent one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.internvlu import images as im
from model.internvlu.conditioning import Row, close, tokenize
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.prompts import question
from model.internvlu.vlm import Sampling
from model.internvlu.writing import read, write
from tests.performance.naive_decoder import NaiveDecoder, guide
from tests.performance.naive_sampling import advance, schedule

SCALES = {"image": (4.5, 2.0), "text_image": (3.5, 1.5)}
Inputs = Mapping[str, Image.Image]


def rounded(pixels: Tensor) -> Tensor:
    """To bfloat16 and back, as the reference's processor does."""
    return pixels.bfloat16().float()


def laid(parts: Sequence[Tensor]) -> Tensor:
    """Stacked in the upper left of zeros of the largest one's size."""
    height, width = (max(p.shape[n] for p in parts) for n in (1, 2))
    return torch.stack([F.pad(p, (0, width - p.shape[2], 0, height - p.shape[1])) for p in parts])


def grids(parts: Sequence[Tensor]) -> Tensor:
    """(parts, 3): one frame, rows, columns."""
    return torch.tensor([[1, p.shape[1], p.shape[2]] for p in parts])


def side_by_side(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Ids padded on the left, what is no padding, and the pixels of all images."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row.ids)) + list(row.ids) for row in rows])
    mask = torch.tensor([[0] * (longest - len(r.ids)) + [1] * len(r.ids) for r in rows])
    pixels = [x for row in rows for x in row.pixels]
    return ids, mask, torch.stack(pixels) if pixels else None


def asked_for(
    pipe: InternVLUPipeline, prompt: str, images: Sequence[Image.Image], system: str | None = None
) -> Row:
    """A request for text, its pixels rounded as the reference rounds them."""
    config = pipe.parts.config
    turn = question(prompt, len(images), system)
    ids = tokenize(pipe.parts.tokenizer, turn, config.vlm.tokens_per_image, compat=True)
    pixels = [im.understanding_pixels(i, config.processor, config.vlm) for i in images]
    return Row(ids=ids, pixels=tuple(rounded(x) for x in pixels))


def naive(folder: Path) -> NaiveDecoder:
    """The independent decoder with the weights of a folder."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return NaiveDecoder(config, load_file(folder / "model.safetensors"))


def save(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file."""
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, path)
    path.chmod(0o644)


def write_json(value: Mapping[str, Any], path: Path) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1), "utf-8")


def statistics(vae: Any) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of latents."""
    mean, std = (torch.tensor(x) for x in (vae.config.latents_mean, vae.config.latents_std))
    return mean[:, None, None], std[:, None, None]


def encoded(vae: Any, pixels: Tensor) -> Tensor:
    """(B, 3, height, width) to normalised latents."""
    mean, std = statistics(vae)
    return (vae.encode(pixels[:, :, None]).latent_dist.mode()[:, :, 0] - mean) / std


def decoded(vae: Any, latents: Tensor) -> Tensor:
    """Normalised latents to (B, 3, height, width)."""
    mean, std = statistics(vae)
    return vae.decode((latents * std + mean)[:, :, None], return_dict=False)[0][:, :, 0]


def prepared(oracle: NaiveDecoder, spans: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Spans padded to one length and behind the projector, and which rows are no padding."""
    config, length = oracle.config, max(map(len, spans))
    filler = torch.zeros(spans[0].shape[1])
    if config["padding_encoder_hidden_states"]:
        fixed = config["max_sequence_length"]
        length = fixed if config["pad_to_fix_length"] else max(fixed, length)
        filler = oracle.tensors["encoder_padding_token"]
    rows = [torch.cat([s, filler.expand(max(0, length - len(s)), -1)])[:length] for s in spans]
    mask = torch.stack([torch.arange(length) < len(s) for s in spans])
    x = torch.stack(rows)
    if config["decoder_projector_type"] == "mlp2x_gelu":
        hidden = F.silu(oracle.linear("decoder_projector.0", x))
        x = oracle.linear("decoder_projector.2", hidden)
    return x, mask


class Call:
    """One call of the pipeline, with the official defaults for what is not given."""

    def __init__(self, pipe: InternVLUPipeline, inputs: Inputs, call: Mapping[str, Any]) -> None:
        prompt, image = call["prompt"], call.get("image")
        self.prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        names = image if isinstance(image, list) else [image] * len(self.prompts)
        self.images = [[] if n is None else [inputs[n]] for n in names]
        config = pipe.parts.config.decoder
        self.size = (
            call.get("height", config.gen_image_height), call.get("width", config.gen_image_width)
        )  # fmt: skip
        self.target = [side // 16 * 2 for side in self.size]
        self.steps = call.get("num_inference_steps", 20)
        self.think = call["generation_mode"] == "text_image"
        scales = SCALES[call["generation_mode"]]
        self.scales = {
            "all_scale": call.get("all_cfg_scale", scales[0]),
            "part_scale": call.get("part_cfg_scale", scales[1]),
        }
        self.sampling = Sampling(
            max_new_tokens=call.get("max_new_tokens", 200),
            min_new_tokens=call.get("min_new_tokens", 0), num_beams=call.get("num_beams", 1),
        )  # fmt: skip
        self.seed = call.get("seed", 0)
        self.system = call.get("system_prompt")
        processor = pipe.parts.config.processor
        self.pixels = [[rounded(im.condition_pixels(i, processor)) for i in some]
                       for some in self.images]  # fmt: skip


def processed(pipe: InternVLUPipeline, inputs: Inputs, call: Mapping[str, Any]
              ) -> dict[str, Tensor]:  # fmt: skip
    """What the reference's processor returns for a call."""
    made = Call(pipe, inputs, call)
    asked = pipe.requests(made.prompts, made.images, made.system)
    ids, mask, pixels = side_by_side(by_branch(pipe, asked, None), pipe.parts.vlm.tokens.pad)
    found = {"input_ids": ids, "attention_mask": mask, **layout(made)}
    if pixels is not None:
        flat = [x for some in made.pixels * 2 for x in some]
        found |= {"pixel_values": pixels, "pixel_values_gen": laid(flat)}
    return found


def by_branch(
    pipe: InternVLUPipeline, asked: Sequence[Sequence[Row]], said: Sequence[Sequence[int]] | None
) -> list[Row]:
    """Closed requests: full ones of all samples, partial ones, blank ones."""
    rows = close(asked, said or [None] * len(asked), pipe.parts.vlm.tokens, compat=True)
    return [row for branch in range(3) for row in rows[branch::3]]


def layout(made: Call) -> dict[str, Tensor]:
    """Grids of all latents row by row, and which of them are targets."""
    flags, sizes = [], []
    for branch in range(3):
        for some in made.pixels:
            own = some if branch < 2 else []
            sizes += [*([1, x.shape[1] // 8, x.shape[2] // 8] for x in own), [1, *made.target]]
            flags += [*(0 for _ in own), 1]
    return {"image_grid_thw_gen": torch.tensor(sizes), "generation_flags": torch.tensor(flags)}


def record_run(
    pipe: InternVLUPipeline, oracle: NaiveDecoder, inputs: Inputs, call: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any], list[Image.Image]]:
    """Tensors of a call, what ``runs.json`` says beside its arguments, and its images."""
    made, vlm = Call(pipe, inputs, call), pipe.parts.vlm
    asked = pipe.requests(made.prompts, made.images, made.system)
    found: dict[str, Tensor] = {}
    said = None
    if made.think:
        new = write(pipe.parts, [a[0] for a in asked], made.sampling, [0] * len(asked))
        longest = max(map(len, new))
        full = [n + [vlm.tokens.stop] * (longest - len(n)) for n in new]
        found["generate_output"] = torch.tensor(full)
        said = [read(pipe.parts, a[0], n, cut=True).ids for a, n in zip(asked, full, strict=True)]
    rows = by_branch(pipe, asked, said)
    ids, mask, pixels = side_by_side(rows, vlm.tokens.pad)
    found |= {"vlm.input_ids": ids, "vlm.attention_mask": mask}
    if pixels is not None:
        found["vlm.pixel_values"] = pixels
    grid = layout(made)
    found |= {
        "generation_flags": grid["generation_flags"],
        "processor.image_grid_thw_gen": grid["image_grid_thw_gen"],
        "image_grid_thw_gen": torch.tensor([[1, *made.target]] * len(rows)),
    }
    found |= _conditions(pipe, made, ids, mask, pixels)
    spans = [found[f"cond.{n}.encoder_hidden_states"] for n in range(len(rows))]
    found["prompt_embeds"], found["prompt_attention_mask"] = prepared(oracle, spans)
    found |= _sampled(oracle, made, found)
    last = found[f"step{made.steps - 1}.latents_next"]
    found["decoded"] = decoded(pipe.parts.vae, last)
    images = [im.to_image(x, made.size) for x in found["decoded"]]
    for n, image in enumerate(images):
        found[f"final.{n}.uint8_hwc"] = pixels_of(image)
    results = {"steps": made.steps, "prompt_attended_tokens": mask.sum(1).tolist()}
    return found, results, images


def _conditions(
    pipe: InternVLUPipeline, made: Call, ids: Tensor, mask: Tensor, pixels: Tensor | None
) -> dict[str, Tensor]:
    """What the decoder is conditioned on, all rows of the language model in one batch."""
    vlm, config = pipe.parts.vlm, pipe.parts.config
    states = vlm.hidden_states(ids, mask, pixels)
    joined = torch.cat([states[n] for n in config.decoder.vlm_select_layer], dim=-1)
    padded_images = iter(laid([x for some in made.pixels for x in some] or [torch.zeros(3, 1, 1)]))
    images = [[next(padded_images) for _ in some] for some in made.pixels]
    found: dict[str, Tensor] = {}
    for n in range(len(ids)):
        begin = (ids[n] == vlm.tokens.turn).nonzero()[1]
        own = ids[n, begin:]
        seen = int((own == vlm.tokens.context).sum()) // config.vlm.tokens_per_image
        sample, branch = n % len(images), n // len(images)
        found |= {
            f"cond.{n}.encoder_hidden_states": joined[n, begin:],
            f"cond.{n}.encoder_image_token_mask": own == vlm.tokens.context,
            f"cond.{n}.image_fhw_cond": torch.tensor([[1, config.vlm.grid, config.vlm.grid]] * seen)
            .long().view(-1, 3),
        }  # fmt: skip
        if images[sample] and branch < 2:
            own_images = torch.stack(images[sample])
            found |= {
                f"cond.{n}.conditional_image": own_images,
                f"cond.{n}.latents": encoded(pipe.parts.vae, own_images),
                f"cond.{n}.image_grid_thw_gen_cond": torch.tensor(
                    [[1, x.shape[1] // 8, x.shape[2] // 8] for x in made.pixels[sample]]
                ),
            }
    return found


def _sampled(oracle: NaiveDecoder, made: Call, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All steps, three full branches each."""
    count, channels = len(made.prompts), oracle.inner["out_channels"]
    shape = (channels, *made.target)
    if isinstance(made.seed, int):
        generator = torch.Generator().manual_seed(made.seed)
        latents = list(torch.randn((count, *shape), generator=generator))
    else:
        latents = [torch.randn(shape, generator=torch.Generator().manual_seed(s))
                   for s in made.seed]  # fmt: skip
    timesteps, sigmas = schedule(made.steps)
    new = {
        "latents.initial": torch.stack(latents), "scheduler.timesteps": torch.tensor(timesteps),
        "scheduler.sigmas": torch.tensor(sigmas),
    }  # fmt: skip
    rows = range(3 * count)
    conditions = [_cropped(found, n) for n in rows]
    spans, masks = (
        [found[f"cond.{n}.{name}"] for n in rows]
        for name in ("encoder_hidden_states", "encoder_image_token_mask")
    )
    seen = [list(map(tuple, found[f"cond.{n}.image_fhw_cond"].tolist())) for n in rows]
    clean: list[list[Tensor]] = [[] for _ in latents]
    for n, timestep in enumerate(timesteps):
        times = torch.full((3 * count,), float(timestep))
        branches = oracle.velocity(latents * 3, conditions, spans, masks, seen, times)
        guided = [guide(*branches[k::count], timestep, **made.scales) for k in range(count)]
        for k in range(count):
            clean[k].append(latents[k] - sigmas[n] * guided[k])
        latents = [advance(x, c, sigmas, n) for x, c in zip(latents, clean, strict=True)]
        new |= {
            f"step{n}.timestep": times, f"step{n}.velocity_branches": torch.stack(branches),
            f"step{n}.velocity_guided": torch.stack(guided),
            f"step{n}.latents_next": torch.stack(latents),
        }  # fmt: skip
    return new


def _cropped(found: Mapping[str, Tensor], n: int) -> list[Tensor]:
    """Condition latents of a row without the padding of its batch."""
    if f"cond.{n}.latents" not in found:
        return []
    sizes = found[f"cond.{n}.image_grid_thw_gen_cond"].tolist()
    whole = found[f"cond.{n}.latents"]
    return [x[:, :rows, :columns] for x, (_, rows, columns) in zip(whole, sizes, strict=True)]


def pixels_of(image: Image.Image) -> Tensor:
    """(height, width, 3) uint8."""
    return torch.from_numpy(np.array(image))
