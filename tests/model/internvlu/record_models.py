"""Records pieces of both networks: states and ids of the language model, calls of the decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from model.internvlu.conditioning import Row
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.vlm import Sampling, renames
from tests.model.internvlu.record_runs import (
    asked_for,
    grids,
    laid,
    naive,
    prepared,
    save,
    side_by_side,
    write_json,
)
from tests.performance.naive_decoder import NaiveDecoder
from tests.performance.random_decoder import random_batch

SYSTEM = "Answer."
"""Short, for recordings that the official texts would only make larger."""


# --- language -----------------------------------------------------------------------------------


def record_language(pipe: InternVLUPipeline, inputs: Mapping[str, Image.Image], out: Path) -> None:
    images = list(inputs.values())
    cases = {
        "plain": [asked_for(pipe, "Why?", (), SYSTEM)],
        "batch": [asked_for(pipe, "Who is it?", images[:1], SYSTEM),
                  asked_for(pipe, "How?", images, SYSTEM)],
    }  # fmt: skip
    found: dict[str, Tensor] = {}
    with torch.no_grad():
        for name, rows in cases.items():
            found |= {f"{name}.{k}": v for k, v in _case(pipe, rows).items()}
        how = Sampling(max_new_tokens=5, num_beams=2)
        ids, mask, pixels = (
            found[f"batch.{k}"] for k in ("input_ids", "attention_mask", "pixel_values")
        )
        found["batch.beam2_ids_5"] = pipe.parts.vlm.write(ids, mask, pixels, how)
    names = _loss(pipe, found)
    save(found, out / "vlm.safetensors")
    write_json({"ntp.grad_names": names, "ntp.no_grad_names": []}, out / "vlm.json")


def answered(
    pipe: InternVLUPipeline, inputs: Mapping[str, Image.Image], call: Mapping[str, Any]
) -> dict[str, Tensor]:
    """One request for text about one image."""
    row = asked_for(pipe, call["prompt"], [inputs[call["image"]]])
    ids, mask, pixels = side_by_side([row], pipe.parts.vlm.tokens.pad)
    how = Sampling(max_new_tokens=call["max_new_tokens"])
    written = pipe.parts.vlm.write(ids, mask, pixels, how)
    return {"vlm.input_ids": ids, "vlm.attention_mask": mask, "generate_output": written}


def _case(pipe: InternVLUPipeline, rows: Sequence[Row]) -> dict[str, Tensor]:
    vlm = pipe.parts.vlm
    ids, mask, pixels = side_by_side(rows, vlm.tokens.pad)
    found = {"input_ids": ids, "attention_mask": mask}
    if pixels is not None:
        embedded = vlm.vision_model.embeddings(pixels)
        states = vlm.vision(pixels)
        found |= {
            "pixel_values": pixels,
            "vit_embeddings": embedded[0] if isinstance(embedded, tuple) else embedded,
            "vit_last_hidden_state": vlm.vision_model(pixels).last_hidden_state,
            "vit_pixel_shuffled": vlm.shuffled(states),
            "image_features": vlm.image_features(pixels),
        }
    states = vlm.hidden_states(ids, mask, pixels)
    found |= {f"hidden_states.{n}": x for n, x in enumerate(states)}
    found["logits"] = vlm.language_model.lm_head(states[-1])
    found["greedy_ids_6"] = vlm.write(ids, mask, pixels, Sampling(max_new_tokens=6))
    return found


def _loss(pipe: InternVLUPipeline, found: dict[str, Tensor]) -> list[str]:
    """The loss over the last tokens of ``batch``; returns the official names of its gradients."""
    vlm = pipe.parts.vlm
    labels = found["batch.input_ids"].clone()
    labels[:, :-5] = -100
    vlm.requires_grad_(True)
    with torch.enable_grad():
        loss = vlm.next_token_loss(
            found["batch.input_ids"], found["batch.attention_mask"], labels,
            found["batch.pixel_values"],
        )  # fmt: skip
        loss.backward()
    theirs = {part: (name, parts) for name, parts in renames(vlm).items() for part in parts}
    names: dict[str, Sequence[str]] = {}
    own = dict(vlm.named_parameters())
    for key in own:
        name, parts = theirs.get(key, (key, (key,)))
        names[name] = parts
    norms = []
    for parts in names.values():
        gradients = [g.flatten() for p in parts if (g := own[p].grad) is not None]
        norms.append(torch.cat(gradients or [torch.zeros(1)]).norm())
    vlm.zero_grad(set_to_none=True)
    vlm.requires_grad_(False)
    found |= {"ntp.labels": labels, "ntp.loss": loss, "ntp.grad_norms": torch.stack(norms)}
    return list(names)


# --- decoder ------------------------------------------------------------------------------------


def record_decoder(folders: Sequence[Path], out: Path, rows: int) -> None:
    found: dict[str, Tensor] = {}
    for n, folder in enumerate(folders):
        oracle, tag = naive(folder), "ragged" if n == 0 else f"other{n}"
        with torch.no_grad():
            found |= {f"{tag}.{k}": v for k, v in _ragged(oracle, n, rows).items()}
    names = _train(naive(folders[0]), found)
    save(found, out / "decoder.safetensors")
    write_json({"train.grad_names": names, "train.no_grad_names": []}, out / "decoder.json")


def _ragged(oracle: NaiveDecoder, seed: int, rows: int) -> dict[str, Tensor]:
    """Samples of unequal sizes, with none, one and two condition images in turn."""
    batch = random_batch(oracle.config, seed, rows)
    velocity = oracle.velocity(*batch)
    found = {
        "latents": laid(batch.latents), "target_grid": grids(batch.latents),
        "timestep": batch.timestep.long(), "velocity": laid(velocity),
    }  # fmt: skip
    for n, conditions in enumerate(batch.conditions):
        found |= {
            f"enc.{n}": batch.spans[n], f"enc_image_mask.{n}": batch.image_masks[n],
            f"image_fhw.{n}": torch.tensor(batch.image_grids[n]).view(-1, 3),
        }  # fmt: skip
        if conditions:
            found |= {f"cond_latents.{n}": laid(conditions), f"cond_grid.{n}": grids(conditions)}
    found["prepared_embeds"], found["prepared_mask"] = prepared(oracle, batch.spans)
    return found


def _train(oracle: NaiveDecoder, found: dict[str, Tensor]) -> list[str]:
    """Gradients of the mean squared error of velocities; returns the names of the weights."""
    source, width = torch.Generator().manual_seed(5), oracle.config["input_hidden_size"]
    clean, noise = torch.randn(2, 2, 16, 8, 10, generator=source)
    sigma = torch.tensor([0.3, 0.8])
    mix = sigma[:, None, None, None]
    noisy = (1 - mix) * clean + mix * noise
    condition = torch.randn(1, 16, 6, 8, generator=source)
    spans = [torch.randn(n, width, generator=source) for n in (9, 7)]
    masks = [torch.tensor([False] * 2 + [True] * 4 + [False] * 3), torch.zeros(7, dtype=torch.bool)]
    for weight in oracle.tensors.values():
        weight.requires_grad_()
    with torch.enable_grad():
        velocity = torch.stack(oracle.velocity(
            list(noisy), [[condition[0]], []], spans, masks, [[(1, 2, 2)], []], 1000 * sigma
        ))  # fmt: skip
        loss = F.mse_loss(velocity, noise - clean)
        loss.backward()
    names = sorted(oracle.tensors)
    norms = [g.norm() if (g := oracle.tensors[n].grad) is not None else torch.tensor(0.0)
             for n in names]  # fmt: skip
    found |= {f"train.{k}": v for k, v in {
        "clean": clean, "noise": noise, "noisy": noisy, "sigma": sigma, "velocity": velocity,
        "loss": loss, "grad_norms": torch.stack(norms), "cond_latents.0": condition,
        "enc.0": spans[0], "enc.1": spans[1], "enc_image_mask.0": masks[0],
        "enc_image_mask.1": masks[1], "image_fhw.0": torch.tensor([[1, 2, 2]]),
        "image_fhw.1": torch.zeros(0, 3, dtype=torch.long),
    }.items()}  # fmt: skip
    return names
