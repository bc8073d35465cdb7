"""The generation decoder: velocities of recorded inputs, what lies between, and gradients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from evals.core.errors import UserError
from model.internvlu.decoder import Condition, GenerationDecoder, Prepared, Span
from model.internvlu.rope import positions
from model.internvlu.verify.checks import PIXELS, ROTATION, STATES, VELOCITY, Checks, Row
from model.internvlu.verify.gradients import compare_gradients
from model.internvlu.verify.recorded import CHECKPOINT, DECODER, EXPECTED, Fixture, Tensors

Pair: TypeAlias = "tuple[Tensor, Tensor]"
Widths: TypeAlias = "tuple[int, int | None]"
"""Channels of a span's vectors before and behind the projector."""

FILE, NAMES, WEIGHTS = "decoder.safetensors", "decoder.json", "state_dict_keys.json"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One recorded call of the decoder.

    Attributes:
        latents: of each sample, (channels, rows, columns), cut to its own grid.
        conditions: of each sample.
        timestep: (samples,).
        training: whether a loss was made of it; there is no padding then.
    """

    latents: list[Tensor]
    conditions: list[Condition]
    timestep: Tensor
    training: bool

    @classmethod
    def read(cls, data: Tensors, tag: str) -> Call:
        """The call of a tag."""
        training = any(f"{tag}.{name}" in data for name in ("noisy", "sigma", "loss"))
        if training:
            latents, timestep = list(data[f"{tag}.noisy"]), 1000 * data[f"{tag}.sigma"]
        else:
            latents = cropped(data[f"{tag}.latents"], data[f"{tag}.target_grid"])
            timestep = data[f"{tag}.timestep"].float()
        rows = range(len(latents))
        conditions = [_condition(data, tag, n, padded=not training) for n in rows]
        return cls(latents=latents, conditions=conditions, timestep=timestep, training=training)

    def prepare(self, decoder: GenerationDecoder) -> Prepared:
        """See `GenerationDecoder.prepare`."""
        return decoder.prepare([(x.shape[1], x.shape[2]) for x in self.latents], self.conditions)

    def velocity(self, decoder: GenerationDecoder) -> list[Tensor]:
        """Of each sample."""
        return decoder(self.latents, self.timestep, self.prepare(decoder))

    def positions(self, decoder: GenerationDecoder) -> Tensor:
        """(tokens, 3) of all samples, each with its latents first."""
        config, size = decoder.config, decoder.config.transformer.patch_size
        parts: list[Tensor] = []
        for latents, condition in zip(self.latents, self.conditions, strict=True):
            parts += positions(
                [(x.shape[1] // size, x.shape[2] // size) for x in (latents, *condition.latents)],
                condition.span.is_image, condition.span.images,
                latent_factor=config.video_position_scale_factor,
                image_factor=config.vlm_cond_position_scale_factor,
            )  # fmt: skip
        return torch.cat(parts)


class Trace:
    """What passes through a decoder's modules while it is open.

    Attributes:
        out: what comes out of the last norm.
        blocks: of each block, what went in and what came out, latents and language tokens each.
    """

    def __init__(self, decoder: GenerationDecoder) -> None:
        self._net = decoder.decoder
        self.out = torch.empty(0)
        self.blocks: list[tuple[Pair, Pair]] = []

    def __enter__(self) -> Trace:
        self._hooks = [self._net.norm_out.register_forward_hook(self._normed)] + [
            block.register_forward_hook(lambda _m, x, y: self.blocks.append((x[:2], y)))
            for block in self._net.transformer_blocks
        ]
        return self

    def _normed(self, _module: object, _given: object, out: Tensor) -> None:
        self.out = out

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()


def _condition(data: Tensors, tag: str, n: int, *, padded: bool) -> Condition:
    images = data[f"{tag}.image_fhw.{n}"].tolist()
    latents: list[Tensor] = []
    if f"{tag}.cond_latents.{n}" in data or f"{tag}.cond_grid.{n}" in data:
        whole = data[f"{tag}.cond_latents.{n}"]
        latents = cropped(whole, data[f"{tag}.cond_grid.{n}"]) if padded else list(whole)
    span = Span(
        states=data[f"{tag}.enc.{n}"], is_image=data[f"{tag}.enc_image_mask.{n}"],
        images=tuple((rows, columns) for _, rows, columns in images),
    )  # fmt: skip
    return Condition(span=span, latents=tuple(latents))


def cropped(latents: Tensor, grids: Tensor) -> list[Tensor]:
    """Latents without their padding, (channels, rows, columns) each.

    Args:
        latents: (images, channels, rows, columns).
        grids: (images, 3), one frame, rows and columns.

    Raises:
        UserError: a grid is larger than the latents.
    """
    sizes = [(rows, columns) for _, rows, columns in grids.tolist()]
    if any(rows > latents.shape[2] or columns > latents.shape[3] for rows, columns in sizes):
        raise UserError(f"A grid of {sizes} is larger than latents of {list(latents.shape[2:])}.")
    return [x[:, :rows, :columns] for x, (rows, columns) in zip(latents, sizes, strict=True)]


def velocity(fixture: Fixture, checks: Checks) -> None:
    """All recorded calls, each through the decoder whose spans it has."""
    data = fixture.tensors(FILE)
    for tag in data.prefixes(r"enc\.\d+", "velocity"):
        with checks.guard("decoder", tag, "inputs"):
            widths = data[f"{tag}.enc.0"].shape[1], _inside(data, tag)
            fitting = [k for k, d in fixture.decoders.items() if _fits(_widths(d), widths)]
            if fitting:
                _best(fixture, checks, data, tag, fitting)
            elif any(_fits(w, widths) for w in _recorded_widths(fixture)):
                checks.leave_out("decoder", tag, "velocity", "its decoder is not in the folder")
            else:
                raise UserError(
                    f"No decoder in {fixture.folder} takes vectors of {widths[0]} channels"
                    + (f" and makes {widths[1]} of them." if widths[1] else ".")
                )


def _inside(data: Tensors, tag: str) -> int | None:
    key = f"{tag}.prepared_embeds"
    return data[key].shape[-1] if key in data else None


def _fits(has: Widths, asked: Widths) -> bool:
    return has[0] == asked[0] and asked[1] in (None, has[1])


def _widths(decoder: GenerationDecoder) -> Widths:
    return decoder.config.input_hidden_size, decoder.config.transformer.joint_attention_dim


def _recorded_widths(fixture: Fixture) -> Iterator[Widths]:
    """Of all decoders whose weights were listed when the recordings were made."""
    if not fixture.has(WEIGHTS):
        return
    for name, entry in fixture.json(WEIGHTS).items():
        if name.startswith(DECODER):
            shapes = entry["tensors"]
            inside = shapes["decoder.txt_norm.weight"][0]
            yield shapes.get("decoder_projector.0.weight", [0, inside])[1], inside


def _best(
    fixture: Fixture, checks: Checks, data: Tensors, tag: str, folders: Sequence[str]
) -> None:
    """Rows of the decoder that agrees best; of two random ones only the right one can agree."""
    trials = []
    for folder in folders:
        trial = Checks()
        _replay(fixture, trial, folder, data, tag)
        trials.append(trial)
    checks.rows += min(trials, key=lambda t: len(t.failed)).rows


def _replay(fixture: Fixture, checks: Checks, folder: str, data: Tensors, tag: str) -> None:
    decoder, call = fixture.decoders[folder], Call.read(data, tag)
    trace = Trace(decoder)
    with checks.row("decoder", tag, "velocity", VELOCITY) as row:
        row.remark = "" if folder == CHECKPOINT else f"through {folder}"
        recorded = data[f"{tag}.velocity"]
        row.same(len(call.latents), len(recorded), "samples")
        with trace:
            for n, ours in enumerate(call.velocity(decoder)):
                row.near(ours, recorded[n, :, : ours.shape[1], : ours.shape[2]], f"sample {n}")
    if call.training:
        _gradients(fixture, checks, decoder, data, tag, call)
        return
    with checks.row("decoder", tag, "spans behind the projector", STATES) as row:
        spans = [c.span.states for c in call.conditions]
        padded = data[f"{tag}.prepared_embeds"], data[f"{tag}.prepared_mask"]
        compare_padded(row, decoder, spans, *padded)
    if f"{tag}.position_ids" in data:
        _between(checks, decoder, data, tag, call, trace)


def _gradients(
    fixture: Fixture, checks: Checks, decoder: GenerationDecoder, data: Tensors, tag: str,
    call: Call,
) -> None:  # fmt: skip
    noise, clean, sigma = (data[f"{tag}.{name}"] for name in ("noise", "clean", "sigma"))
    with checks.row("decoder", tag, "mixture", PIXELS) as row:
        mix = sigma[:, None, None, None]
        row.near((1 - mix) * clean + mix * noise, data[f"{tag}.noisy"], f"{tag}.noisy")
    if not fixture.has(NAMES):
        checks.leave_out("decoder", tag, "gradients", f"{EXPECTED}/{NAMES} is absent")
        return
    names = fixture.json(NAMES)
    compare_gradients(
        checks, "decoder", tag, decoder,
        lambda: F.mse_loss(torch.stack(call.velocity(decoder)), noise - clean),
        (data[f"{tag}.loss"], data[f"{tag}.grad_norms"]), names[f"{tag}.grad_names"],
        without=names.get(f"{tag}.no_grad_names", ()),
    )  # fmt: skip


def compare_padded(
    row: Row, decoder: GenerationDecoder, spans: Sequence[Tensor], embeds: Tensor, mask: Tensor,
    *, projected: bool = True,
) -> None:  # fmt: skip
    """Compare spans that were padded to one length; ours have no padding.

    Args:
        row: gets the result.
        decoder: whose limit, padding and projector they went through.
        spans: as they were before.
        embeds: (spans, length, channels).
        mask: (spans, length), which of them are no padding.
        projected: whether `embeds` are behind the projector.
    """
    config = decoder.config
    project = decoder.decoder_projector if projected else torch.nn.Identity()
    most = config.max_sequence_length if config.pad_to_fix_length else None
    for n, (span, vectors, kept) in enumerate(zip(spans, embeds, mask.bool(), strict=True)):
        row.near(project(span[:most]), vectors[kept], f"row {n}")
        if config.padding_encoder_hidden_states:
            padding = vectors[~kept]
            ours = project(decoder.encoder_padding_token)
            row.near(ours.expand(len(padding), -1), padding, f"padding of row {n}")


def _between(
    checks: Checks, decoder: GenerationDecoder, data: Tensors, tag: str, call: Call, trace: Trace
) -> None:
    """Positions, tables and activations, in the reference's order: sample by sample."""
    prepared = call.prepare(decoder)
    gather = prepared.packing.gather
    with checks.row("decoder", tag, "positions") as row:
        row.equal(call.positions(decoder), data[f"{tag}.position_ids"], "position_ids")
    with checks.row("decoder", tag, "tables", ROTATION) as row:
        for n, name in enumerate(("rope_cos", "rope_sin")):
            ours = torch.cat([prepared.image_rope[n], prepared.text_rope[n]])[gather]
            row.near(ours, data[f"{tag}.{name}"], name)
    with checks.row("decoder", tag, "activations", VELOCITY) as row:
        lengths = [len(c.span.states) for c in call.conditions]
        embedded = data[f"{tag}.txt_in"]
        for n, part in enumerate(prepared.text.split(lengths)):
            row.near(part, embedded[n, : len(part)], f"txt_in of sample {n}")
        recorded = data[f"{tag}.temb"]
        # One row stands for all samples where all have the same time.
        row.near(decoder.embed_time(call.timestep).expand_as(recorded), recorded, "temb")
        row.near(trace.out, data[f"{tag}.norm_out"], "norm_out")
        for key, match in data.matching(rf"{re.escape(tag)}\.block(\d+)\.(in|out)").items():
            block, side = int(match[1]), match[2]
            image, text = trace.blocks[block][side == "out"]
            packed = data[key][0][prepared.packing.scatter]
            row.near(image, packed[: len(image)], f"{key} of latents")
            if not (side == "out" and block == len(trace.blocks) - 1):
                # Nothing follows the last block, so ours leaves its language tokens as they are.
                row.near(text, packed[len(image) :], f"{key} of language tokens")
