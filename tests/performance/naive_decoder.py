"""The generation decoder of InternVL-U written the long way: an oracle, and what to be faster than.

Everything the network defines is spelled out once with `torch.nn.functional`, and nothing is
saved: both weight sets (`img_*`/`to_*` for latent tokens, `txt_*`/`add_*` for tokens of the
vision-language model) are applied to all tokens and blended with 0/1 masks, attention loops over
the samples, and guidance runs three full branches. It shares no code with the package.

Shapes: B samples, N tokens of all samples packed along one axis, W width, h head size, E size of
a span's vectors, p patch size. Latents are (channels, height, width) in latent pixels; grids of
`positions` are (1, rows, columns) in tokens. One limit of the reference is left out on purpose:
it refuses condition images when the target is small, here any sizes go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pytest

# Collecting doctests imports this file, also where torch is not installed.
torch = pytest.importorskip("torch")

F = torch.nn.functional
Tensor = torch.Tensor
Grid = tuple[int, int, int]

EPS = 1e-6
SINUSOIDS = 256
TAMED_ABOVE = 930  # timestep
TAMING = 0.4

# What the official classes take for keys that a file leaves out; only keys that are read here.
OUTER_DEFAULTS = {
    "decoder_projector_type": "mlp2x_gelu", "input_hidden_size": 1536, "output_hidden_size": 2304,
    "padding_encoder_hidden_states": True, "pad_to_fix_length": True, "max_sequence_length": 512,
    "video_position_scale_factor": 1, "vlm_cond_position_scale_factor": 1,
}  # fmt: skip
INNER_DEFAULTS = {
    "patch_size": 2, "in_channels": 64, "out_channels": 16, "num_layers": 60,
    "attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 3584,
    "axes_dims_rope": (16, 56, 56), "timestep_scale": 1,
}  # fmt: skip


def axis(size: int, scale: float) -> Tensor:
    """Centred coordinates of n rows: -(n - n//2) ... n//2 - 1, stretched onto the scaled range.

    The product comes before the quotient, which decides the last bit. A single row has no range
    to stretch and stays where it is.
    """
    below, above = size - size // 2, size // 2
    plain = torch.arange(-below, above, dtype=torch.float32)
    if scale == 1 or size == 1:
        return plain
    low, high = -int(below / scale), int(above / scale) - 1
    return low + (plain + below) * (high - low) / (size - 1)


def grid_positions(grid: Grid, frame: int, scale: float) -> Tensor:
    """(rows * columns, 3) of frame, height, width, row-major; the frame is not scaled."""
    _, rows, columns = grid
    height, width = torch.meshgrid(axis(rows, scale), axis(columns, scale), indexing="ij")
    return torch.stack([torch.full_like(height, frame), height, width], dim=-1).reshape(-1, 3)


def positions(
    latent_grids: Sequence[Grid],
    image_mask: Sequence[bool] | Tensor,
    image_grids: Sequence[Grid],
    video_scale: float,
    vlm_scale: float,
) -> Tensor:
    """Positions of one sample: (tokens, 3) float32, target, conditions, then the span.

    Args:
        latent_grids: the target first, then each condition image; their index is their frame.
        image_mask: which tokens of the span are image tokens.
        image_grids: of the image runs inside the span, in order; a run of another length than
            its grid, or without one, counts on like text.
        video_scale: `video_position_scale_factor`.
        vlm_scale: `vlm_cond_position_scale_factor`.
    """
    parts = [grid_positions(grid, n, video_scale) for n, grid in enumerate(latent_grids)]
    current = int(torch.cat(parts).max()) + 1
    waiting = list(image_grids)
    for is_image, run in groupby(torch.as_tensor(image_mask).tolist()):
        length = len(list(run))
        grid = waiting.pop(0) if is_image and waiting else None
        if grid is not None and math.prod(grid) == length:
            parts.append(grid_positions(grid, current, vlm_scale))
        else:
            parts.append(torch.arange(current, current + length).float()[:, None].expand(-1, 3))
        current = int(parts[-1].max()) + 1
    return torch.cat(parts)


def rotations(places: Tensor, axes: Sequence[int]) -> Tensor:
    """Unit complex numbers (tokens, h / 2): the axes' angles one after the other."""
    angles = []
    for n, size in enumerate(axes):
        frequencies = 1 / 10000 ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
        angles.append(torch.outer(places[:, n], frequencies.to(places.device)))
    angle = torch.cat(angles, dim=-1)
    return torch.polar(torch.ones_like(angle), angle)


def rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Turn adjacent pairs of (N, heads, h) in float32."""
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns[:, None]).flatten(-2).to(x.dtype)


def rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    """Root mean square norm over the last axis, its statistics in float32."""
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPS)).to(x.dtype) * weight


def blend(image: Tensor, words: Tensor, text: Tensor) -> Tensor:
    """Rows of `words` where the mask `text` is 1, rows of `image` where it is 0."""
    return image * (1 - text) + words * text


def spread(values: Tensor, lengths: Sequence[int]) -> Tensor:
    """(B, n) -> (N, n): every token gets the row of its sample."""
    return torch.cat([row.expand(n, -1) for row, n in zip(values, lengths, strict=True)])


def layer_norm(x: Tensor) -> Tensor:
    """Layer norm without weights, in float32."""
    return F.layer_norm(x.float(), x.shape[-1:], eps=EPS).to(x.dtype)


def sinusoids(timestep: Tensor) -> Tensor:
    """(B, 256) float32, cosines first; the argument reaches 1e6, so the order matters."""
    half = SINUSOIDS // 2
    powers = (-math.log(10000) * torch.arange(half, dtype=torch.float32) / half).tolist()
    exact = np.array([math.exp(power) for power in powers]).astype(np.float32)
    for n in (12, 106):  # as the processor had it that the recordings were made with
        exact[n] = np.nextafter(exact[n], np.float32(1))
    frequencies = torch.from_numpy(exact).to(timestep.device)
    angle = 1000 * (timestep[:, None].float() * frequencies)
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def patchify(latent: Tensor, p: int) -> Tensor:
    """(c, h p, w p) -> (h w, c p p)."""
    c, high, wide = latent.shape
    cut = latent.reshape(c, high // p, p, wide // p, p)
    return cut.permute(1, 3, 0, 2, 4).reshape(-1, c * p * p)


def unpatchify(tokens: Tensor, grid: Grid, p: int) -> Tensor:
    """(h w, c p p) -> (c, h p, w p)."""
    _, rows, columns = grid
    cut = tokens.reshape(rows, columns, -1, p, p).permute(2, 0, 3, 1, 4)
    return cut.reshape(-1, rows * p, columns * p)


def guide(
    full: Tensor,
    partial: Tensor,
    blank: Tensor,
    timestep: float,
    *,
    all_scale: float,
    part_scale: float,
) -> Tensor:
    """One guided velocity (c, h, w) in float32 from the three branches of a sample.

    `all_scale` multiplies full minus partial, `part_scale` partial minus blank.
    """
    last = blank.float()
    part_delta, full_delta = partial.float() - last, full.float() - partial.float()
    if timestep > TAMED_ABOVE:
        part_delta, full_delta = (
            delta / delta.norm(dim=0, keepdim=True).clamp(min=1) ** TAMING
            for delta in (part_delta, full_delta)
        )
    return last + part_scale * part_delta + all_scale * full_delta


def complete(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The wrapper's and the decoder's configuration with the defaults filled in."""
    return OUTER_DEFAULTS | config, INNER_DEFAULTS | config["decoder_config"]


def tensor_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Every tensor of `generation_decoder/model.safetensors` under its official name."""
    config, inner = complete(config)
    size, layers, p = inner["attention_head_dim"], inner["num_layers"], inner["patch_size"]
    width, joint = size * inner["num_attention_heads"], inner["joint_attention_dim"]
    taken, given = config["input_hidden_size"], config["output_hidden_size"]
    linears: dict[str, tuple[int, int]] = {}
    plain: dict[str, tuple[int, ...]] = {"decoder.txt_norm.weight": (joint,)}
    if config["padding_encoder_hidden_states"]:
        plain["encoder_padding_token"] = (taken,)
    if config["decoder_projector_type"] == "mlp2x_gelu":
        linears["decoder_projector.0"] = (3 * given, taken)
        linears["decoder_projector.2"] = (given, 3 * given)
    linears |= {
        "decoder.img_in": (width, inner["in_channels"]),
        "decoder.txt_in": (width, joint),
        "decoder.time_text_embed.timestep_embedder.linear_1": (width, SINUSOIDS),
        "decoder.time_text_embed.timestep_embedder.linear_2": (width, width),
        "decoder.norm_out.linear": (2 * width, width),
        "decoder.proj_out": (p * p * inner["out_channels"], width),
    }
    for n in range(layers):
        block = f"decoder.transformer_blocks.{n}"
        for kind in ("img", "txt"):
            linears[f"{block}.{kind}_mod.1"] = (6 * width, width)
            linears[f"{block}.{kind}_mlp.net.0.proj"] = (4 * width, width)
            linears[f"{block}.{kind}_mlp.net.2"] = (width, 4 * width)
        for name in ("to_k", "to_v", "add_k_proj", "add_v_proj", "to_out.0", "to_add_out"):
            linears[f"{block}.attn.{name}"] = (width, width)
        for name in ("to_q", "add_q_proj"):
            linears[f"{block}.attn.{name}"] = (2 * width, width)
        for name in ("norm_q", "norm_k", "norm_added_q", "norm_added_k"):
            plain[f"{block}.attn.{name}.weight"] = (size,)
    for name, shape in linears.items():
        plain |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return plain


class NaiveDecoder:
    """The decoder with the wrapper around it (padding, projector), as plain functions of tensors.

    Args:
        config: the content of the official `generation_decoder/config.json`.
        tensors: the content of its `model.safetensors`, all of one type and on one device.

    Raises:
        ValueError: a tensor is missing, unknown or of another shape than the configuration says.
    """

    def __init__(self, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        expected, got = tensor_shapes(config), {k: tuple(v.shape) for k, v in tensors.items()}
        if expected != got:
            wrong = sorted(dict(expected.items() ^ got.items()))
            raise ValueError(f"tensors do not fit the configuration: {', '.join(wrong)}")
        self.config, self.inner = complete(config)
        self.tensors = tensors
        self.heads = self.inner["num_attention_heads"]
        self.patch = self.inner["patch_size"]
        weight = tensors["decoder.img_in.weight"]
        self.device, self.dtype = weight.device, weight.dtype

    def velocity(
        self,
        latents: Sequence[Tensor],
        conditions: Sequence[Sequence[Tensor]],
        spans: Sequence[Tensor],
        image_masks: Sequence[Tensor],
        image_grids: Sequence[Sequence[Grid]],
        timestep: Tensor,
    ) -> list[Tensor]:
        """The velocity of every sample's target.

        Args:
            latents: the noisy targets, (16, h, w) each.
            conditions: latents of each sample's condition images, of any size.
            spans: (n, E) hidden states of the vision-language model.
            image_masks: (n,) bool, which of them are image tokens.
            image_grids: grid of each image inside a span.
            timestep: (B,) in 0..1000.

        Returns:
            (16, h, w) for each sample.
        """
        samples = [[one, *more] for one, more in zip(latents, conditions, strict=True)]
        grids = [[self.grid(part) for part in parts] for parts in samples]
        texts, masks = self.prepare(spans, image_masks)
        rows, places, is_text = [], [], []
        for n, parts in enumerate(samples):
            pieces = [patchify(part.to(self.dtype), self.patch) for part in parts]
            image = self.linear("decoder.img_in", torch.cat(pieces))
            rows.append(torch.cat([image, texts[n]]))
            places.append(self.positions(grids[n], masks[n], image_grids[n]))
            is_text.append(torch.arange(len(rows[-1]), device=self.device) >= len(image))
        lengths = [len(part) for part in rows]
        text = torch.cat(is_text)[:, None].to(self.dtype)
        turns = rotations(torch.cat(places).to(self.device), self.inner["axes_dims_rope"])
        times = F.silu(self.embed_time(timestep))
        x = torch.cat(rows)
        for n in range(self.inner["num_layers"]):
            x = self.block(f"decoder.transformer_blocks.{n}", x, times, lengths, text, turns)
        targets = [part[: math.prod(g[0])] for part, g in zip(x.split(lengths), grids, strict=True)]
        lengths = [len(part) for part in targets]
        modulation = self.linear("decoder.norm_out.linear", times).float()
        scale, shift = spread(modulation, lengths).chunk(2, dim=-1)
        y = layer_norm(torch.cat(targets).float()) * (1 + scale) + shift
        out = self.linear("decoder.proj_out", y.to(self.dtype)).split(lengths)
        return [unpatchify(part, g[0], self.patch) for part, g in zip(out, grids, strict=True)]

    def guided(
        self,
        latents: Sequence[Tensor],
        conditions: Sequence[Sequence[Tensor]],
        spans: Sequence[Tensor],
        image_masks: Sequence[Tensor],
        image_grids: Sequence[Sequence[Grid]],
        timestep: float,
        *,
        all_scale: float,
        part_scale: float,
    ) -> list[Tensor]:
        """Guided velocities in float32 of B targets.

        All but `latents` have 3 B rows: the full ones, then the partial, then the blank.
        """
        count = len(latents)
        times = torch.full((3 * count,), float(timestep), device=self.device)
        rows = self.velocity([*latents] * 3, conditions, spans, image_masks, image_grids, times)
        return [
            guide(*rows[n::count], timestep, all_scale=all_scale, part_scale=part_scale)
            for n in range(count)
        ]

    def positions(
        self, latent_grids: Sequence[Grid], image_mask: Tensor, image_grids: Sequence[Grid]
    ) -> Tensor:
        """`positions` with the outer configuration's factors: they win over the inner ones."""
        video = self.config["video_position_scale_factor"]
        vlm = self.config["vlm_cond_position_scale_factor"]
        return positions(latent_grids, image_mask, image_grids, video, vlm)

    def prepare(
        self, spans: Sequence[Tensor], image_masks: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Pad, project, norm and embed the spans, then drop the padding: (n, W) and masks."""
        length = max(map(len, spans))
        filler = torch.zeros(spans[0].shape[1], dtype=self.dtype, device=self.device)
        if self.config["padding_encoder_hidden_states"]:
            fixed = self.config["max_sequence_length"]
            length = fixed if self.config["pad_to_fix_length"] else max(fixed, length)
            filler = self.tensors["encoder_padding_token"]
        rows = []
        for span in spans:
            padding = filler.expand(max(0, length - len(span)), -1)
            rows.append(torch.cat([span.to(self.dtype), padding])[:length])
        x = torch.stack(rows)
        if self.config["decoder_projector_type"] == "mlp2x_gelu":
            x = self.linear("decoder_projector.2", F.silu(self.linear("decoder_projector.0", x)))
        x = self.linear("decoder.txt_in", rms_norm(x, self.tensors["decoder.txt_norm.weight"]))
        kept = [row[: len(span)] for row, span in zip(x, spans, strict=True)]
        return kept, [mask[:length] for mask in image_masks]

    def embed_time(self, timestep: Tensor) -> Tensor:
        """(B, W). The timestep is rounded to the weights' type first."""
        name = "decoder.time_text_embed.timestep_embedder.linear_"
        scaled = timestep.to(self.device, self.dtype) * self.inner["timestep_scale"]
        hidden = self.linear(f"{name}1", sinusoids(scaled).to(self.dtype))
        return self.linear(f"{name}2", F.silu(hidden))

    def block(
        self,
        name: str,
        x: Tensor,
        times: Tensor,
        lengths: Sequence[int],
        text: Tensor,
        turns: Tensor,
    ) -> Tensor:
        """One block.

        Args:
            name: of the block.
            x: (N, W).
            times: (B, W) time embedding after its SiLU.
            lengths: tokens of each sample.
            text: (N, 1), 1 for tokens of a span, 0 for latent tokens.
            turns: (N, h / 2) rotations.
        """
        image_mod = spread(self.linear(f"{name}.img_mod.1", times), lengths)
        text_mod = spread(self.linear(f"{name}.txt_mod.1", times), lengths)
        mod = blend(image_mod, text_mod, text)
        shift1, scale1, gate1, shift2, scale2, gate2 = mod.chunk(6, dim=-1)
        y = layer_norm(x) * (1 + scale1) + shift1
        x = x + gate1 * self.attention(f"{name}.attn", y, lengths, text, turns)
        y = layer_norm(x) * (1 + scale2) + shift2
        image, words = (self.mlp(f"{name}.{kind}_mlp.net", y) for kind in ("img", "txt"))
        return x + gate2 * blend(image, words, text)

    def mlp(self, name: str, x: Tensor) -> Tensor:
        """Two linear layers with the tanh form of GELU between them."""
        hidden = F.gelu(self.linear(f"{name}.0.proj", x), approximate="tanh")
        return self.linear(f"{name}.2", hidden)

    def attention(
        self, name: str, y: Tensor, lengths: Sequence[int], text: Tensor, turns: Tensor
    ) -> Tensor:
        """Full attention inside each sample; the gate acts after the output projection."""

        def both(image: str, words: str, x: Tensor) -> Tensor:
            return blend(self.linear(f"{name}.{image}", x), self.linear(f"{name}.{words}", x), text)

        def normed(image: str, words: str, x: Tensor) -> Tensor:
            image_rows = rms_norm(x, self.tensors[f"{name}.{image}.weight"])
            word_rows = rms_norm(x, self.tensors[f"{name}.{words}.weight"])
            return blend(image_rows, word_rows, text[..., None])

        by_head = (len(y), self.heads, -1)
        query, gate = both("to_q", "add_q_proj", y).view(by_head).chunk(2, dim=-1)
        key = both("to_k", "add_k_proj", y).view(by_head)
        value = both("to_v", "add_v_proj", y).view(by_head)
        query = rotate(normed("norm_q", "norm_added_q", query), turns)
        key = rotate(normed("norm_k", "norm_added_k", key), turns)
        mixed = []
        for one in zip(*(part.split(lengths) for part in (query, key, value)), strict=True):
            q, k, v = (part.transpose(0, 1)[None] for part in one)
            mixed.append(F.scaled_dot_product_attention(q, k, v)[0].transpose(0, 1).flatten(1))
        return both("to_out.0", "to_add_out", torch.cat(mixed)) * torch.sigmoid(gate.flatten(1))

    def linear(self, name: str, x: Tensor) -> Tensor:
        """The linear layer of that official name."""
        return F.linear(x, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def grid(self, latent: Tensor) -> Grid:
        """Rows and columns of tokens of a latent."""
        return 1, latent.shape[1] // self.patch, latent.shape[2] // self.patch
