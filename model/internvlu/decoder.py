"""The generation decoder: a dual-stream transformer over latents and the language model's states.

Latents (target and condition images) and language tokens have weights of their own and attend to
each other. The reference applies both sets of weights to every token and keeps one result; here
each stream is a matrix of its own and goes through its own weights only.

Samples are lists, not padded batches: targets of different size, any number of condition images and
spans of any length go through together. Weights have the names of the official code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.models.attention import FeedForward
from diffusers.models.transformers.transformer_qwenimage import QwenTimestepProjEmbeddings
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model.internvlu.attention import Packing, attend, interleaved
from model.internvlu.config import DecoderConfig, TransformerConfig
from model.internvlu.rope import Grid, positions, rotate, tables
from model.internvlu.time_waves import time_waves

EPS = 1e-6


@dataclass(frozen=True, kw_only=True)
class Span:
    """What the language model says to the decoder about one sample.

    Attributes:
        states: (tokens, channels of the selected layers).
        is_image: (tokens,) bool, which of them are visual tokens.
        images: grid of the visual tokens of each image.
    """

    states: Tensor
    is_image: Tensor
    images: tuple[Grid, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Condition:
    """All that one sample's velocity depends on, besides its latents and the time.

    Attributes:
        span: of the language model.
        latents: of the condition images, each (channels, rows, columns).
    """

    span: Span
    latents: tuple[Tensor, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What does not change from step to step, computed once.

    Attributes:
        grids: of each sample's target, in latent tokens.
        text: (all language tokens, width).
        conditions: (all condition tokens, width).
        order: rows of ``[all targets, all conditions]`` as image tokens sample by sample.
        back: rows of the image tokens that are targets.
        packing: which tokens belong together in attention.
        image_rope: cosine and sine of the image tokens.
        text_rope: of the language tokens.
        image_sample: sample of each image token.
        text_sample: sample of each language token.
    """

    grids: tuple[Grid, ...]
    text: Tensor
    conditions: Tensor
    order: Tensor
    back: Tensor
    packing: Packing
    image_rope: tuple[Tensor, Tensor]
    text_rope: tuple[Tensor, Tensor]
    image_sample: Tensor
    text_sample: Tensor


class Modulation(nn.Sequential):
    """Shift, scale and gate before attention and before the MLP, from the time embedding."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, embedded: Tensor, sample: Tensor) -> tuple[Tensor, ...]:
        """Six times (tokens or 1, width)."""
        return _spread(super().forward(embedded), sample).chunk(6, dim=-1)


def _spread(per_sample: Tensor, sample: Tensor) -> Tensor:
    """Rows for tokens from rows for samples; one row for all is left as it is."""
    return per_sample if len(per_sample) == 1 else per_sample[sample]


def _modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    # F.layer_norm accumulates in float32 whatever the dtype.
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=EPS), 1 + scale)


class JointAttention(nn.Module):
    """Projections of both streams; ``to_*`` are for latents, ``add_*`` for language tokens.

    Queries come with a gate for each channel of the output.
    """

    def __init__(self, heads: int, head: int) -> None:
        super().__init__()
        width = heads * head
        self.heads, self.head = heads, head
        self.to_q, self.add_q_proj = nn.Linear(width, 2 * width), nn.Linear(width, 2 * width)
        self.to_k, self.add_k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.to_v, self.add_v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.norm_q, self.norm_added_q = nn.RMSNorm(head, eps=EPS), nn.RMSNorm(head, eps=EPS)
        self.norm_k, self.norm_added_k = nn.RMSNorm(head, eps=EPS), nn.RMSNorm(head, eps=EPS)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.to_add_out = nn.Linear(width, width)

    def _stream(self, text: bool) -> tuple[nn.Module, ...]:
        if text:
            return (
                self.add_q_proj, self.add_k_proj, self.add_v_proj, self.norm_added_q,
                self.norm_added_k, self.to_add_out,
            )  # fmt: skip
        return (
            self.to_q, self.to_k, self.to_v, self.norm_q, self.norm_k, self.to_out[0],
        )  # fmt: skip

    def project(
        self, x: Tensor, cos: Tensor, sin: Tensor, *, text: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Query, key and value, each (tokens, heads, head), and gate (tokens, width)."""
        to_q, to_k, to_v, norm_q, norm_k, _ = self._stream(text)
        query, gate = to_q(x).unflatten(-1, (self.heads, 2 * self.head)).chunk(2, dim=-1)
        key, value = (f(x).unflatten(-1, (self.heads, self.head)) for f in (to_k, to_v))
        query, key = rotate(norm_q(query), cos, sin), rotate(norm_k(key), cos, sin)
        return query, key, value, gate.flatten(-2)

    def output(self, attended: Tensor, gate: Tensor, *, text: bool) -> Tensor:
        """What goes back to the tokens: the gate comes after the projection."""
        out: Tensor = self._stream(text)[-1](attended) * torch.sigmoid(gate)
        return out


class Block(nn.Module):
    """One layer, in three parts: per token before attention, attention, per token after it."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.img_mod, self.txt_mod = Modulation(width), Modulation(width)
        self.attn = JointAttention(config.num_attention_heads, config.attention_head_dim)
        self.img_mlp, self.txt_mlp = (
            FeedForward(width, width, activation_fn="gelu-approximate") for _ in range(2)
        )

    def before(
        self, x: Tensor, modulation: Sequence[Tensor], rope: tuple[Tensor, Tensor], *, text: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Query, key, value and gate of one stream."""
        shift, scale = modulation[:2]
        return self.attn.project(_modulated(x, shift, scale), *rope, text=text)

    def after(
        self, x: Tensor, attended: Tensor, gate: Tensor, modulation: Sequence[Tensor], *,
        text: bool,
    ) -> Tensor:  # fmt: skip
        """One stream with the attention's result and then the MLP's added."""
        _, _, gate_attention, shift, scale, gate_mlp = modulation
        x = torch.addcmul(x, gate_attention, self.attn.output(attended, gate, text=text))
        mlp = self.txt_mlp if text else self.img_mlp
        return torch.addcmul(x, gate_mlp, mlp(_modulated(x, shift, scale)))

    def forward(
        self, image: Tensor, text: Tensor, embedded: Tensor, prepared: Prepared, last: bool
    ) -> tuple[Tensor, Tensor]:
        """Both streams after this layer.

        Args:
            image: (image tokens, width).
            text: (language tokens, width).
            embedded: (samples or 1, width), of the time.
            prepared: see there.
            last: whether no layer follows; the language stream is then not needed any more.
        """
        modulation = {
            False: self.img_mod(embedded, prepared.image_sample),
            True: self.txt_mod(embedded, prepared.text_sample),
        }
        *ours, image_gate = self.before(image, modulation[False], prepared.image_rope, text=False)
        *theirs, text_gate = self.before(text, modulation[True], prepared.text_rope, text=True)
        query, key, value = (torch.cat(pair) for pair in zip(ours, theirs, strict=True))
        image_out, text_out = attend(query, key, value, prepared.packing)
        image = self.after(image, image_out, image_gate, modulation[False], text=False)
        if not last:
            text = self.after(text, text_out, text_gate, modulation[True], text=True)
        return image, text


class OutputNorm(nn.Module):
    """The last norm; here the scale comes before the shift."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, embedded: Tensor, sample: Tensor) -> Tensor:
        """(tokens, width), normalised in float32."""
        scale, shift = _spread(self.linear(F.silu(embedded)), sample).float().chunk(2, dim=-1)
        return _modulated(x.float(), shift, scale).to(x.dtype)


class Transformer(nn.Module):
    """The layers and what is before and behind them."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.time_text_embed = QwenTimestepProjEmbeddings(width)
        self.txt_norm = nn.RMSNorm(config.joint_attention_dim, eps=EPS)
        self.img_in = nn.Linear(config.in_channels, width)
        self.txt_in = nn.Linear(config.joint_attention_dim, width)
        self.transformer_blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm_out = OutputNorm(width)
        self.proj_out = nn.Linear(width, config.patch_size**2 * config.out_channels)

    def patches(self, latents: Tensor) -> Tensor:
        """(channels, rows, columns) to (tokens, channels of a patch)."""
        size = self.config.patch_size
        cut = latents.unflatten(2, (-1, size)).unflatten(1, (-1, size))
        return cut.permute(1, 3, 0, 2, 4).flatten(0, 1).flatten(1)

    def latents(self, patches: Tensor, grid: Grid) -> Tensor:
        """The reverse of `patches`."""
        size = self.config.patch_size
        cut = patches.view(*grid, -1, size, size)
        return cut.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)

    def time(self, timestep: Tensor, dtype: torch.dtype) -> Tensor:
        """(samples or 1, width); one row when all samples are at the same time."""
        if len(timestep) > 1 and bool((timestep == timestep[0]).all()):
            timestep = timestep[:1]
        waves = time_waves(timestep.cpu() * self.config.timestep_scale)
        embedded: Tensor = self.time_text_embed.timestep_embedder(
            waves.to(self.proj_out.weight.device, dtype)
        )
        return embedded


class GenerationDecoder(nn.Module):
    """Velocities of latents, given what the language model says and the condition images.

    Args:
        config: of the checkpoint.
    """

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.checkpointing = False
        """Whether training holds the input of each layer alone, and computes its inside twice."""
        wide = 3 * config.output_hidden_size
        if config.padding_encoder_hidden_states:
            # Part of the layout; without padding inside a sample it has no effect.
            self.encoder_padding_token = nn.Parameter(torch.zeros(config.input_hidden_size))
        if config.decoder_projector_type == "mlp2x_gelu":
            self.decoder_projector: nn.Module = nn.Sequential(
                nn.Linear(config.input_hidden_size, wide),
                nn.SiLU(),  # despite the name of the type
                nn.Linear(wide, config.output_hidden_size),
            )
        else:
            self.decoder_projector = nn.Identity()
        self.decoder = Transformer(config.transformer)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.decoder.proj_out.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.decoder.proj_out.weight.device

    def compile_layers(self) -> None:
        """Compile what each layer does per token; attention stays as it is.

        The number of tokens is left open, so that another size does not compile again.
        """
        for block in self.decoder.transformer_blocks:
            block.before = torch.compile(block.before, dynamic=True)
            block.after = torch.compile(block.after, dynamic=True)

    def prepare(self, shapes: Sequence[Grid], conditions: Sequence[Condition]) -> Prepared:
        """Everything of a batch that stays the same from step to step.

        Args:
            shapes: rows and columns of each sample's latents.
            conditions: one per sample.
        """
        net, size = self.decoder, self.config.transformer.patch_size
        grids = [(rows // size, columns // size) for rows, columns in shapes]
        targets = [rows * columns for rows, columns in grids]
        spans = [self._cut(c.span) for c in conditions]
        latents = [[net.patches(x.to(self.device, self.dtype)) for x in c.latents]
                   for c in conditions]  # fmt: skip
        extra = [sum(len(x) for x in parts) for parts in latents]
        lengths = [len(s.states) for s in spans]
        images = [t + e for t, e in zip(targets, extra, strict=True)]
        rope = [
            positions(
                [grid, *((x.shape[1] // size, x.shape[2] // size) for x in c.latents)],
                s.is_image, s.images,
                latent_factor=self.config.video_position_scale_factor,
                image_factor=self.config.vlm_cond_position_scale_factor,
            )
            for grid, c, s in zip(grids, conditions, spans, strict=True)
        ]  # fmt: skip
        axes, device = self.config.transformer.axes_dims_rope, self.device
        states = torch.cat([s.states for s in spans]).to(device, self.dtype)
        flat = [x for parts in latents for x in parts]
        empty = states.new_zeros(0, self.config.transformer.in_channels)
        order = interleaved(targets, extra, range(len(targets))).to(device)
        image_rope, text_rope = (
            tables(torch.cat(part).to(device), axes) for part in zip(*rope, strict=True)
        )
        return Prepared(
            grids=tuple(grids),
            text=net.txt_in(net.txt_norm(self.decoder_projector(states))),
            conditions=net.img_in(torch.cat([empty, *flat])),
            order=order,
            back=torch.argsort(order)[: sum(targets)],
            packing=Packing.of(images, lengths, device),
            image_rope=image_rope,
            text_rope=text_rope,
            image_sample=_owners(images).to(device),
            text_sample=_owners(lengths).to(device),
        )

    def _cut(self, span: Span) -> Span:
        """A span as long as the checkpoint allows; only some have a limit."""
        most = self.config.max_sequence_length
        if not self.config.pad_to_fix_length or len(span.states) <= most:
            return span
        return Span(states=span.states[:most], is_image=span.is_image[:most], images=span.images)

    def forward(
        self, latents: Sequence[Tensor], timestep: Tensor, prepared: Prepared
    ) -> list[Tensor]:
        """Velocity (noise minus data) of each sample.

        Args:
            latents: of each sample, (channels, rows, columns).
            timestep: (samples,), 0 to 1000.
            prepared: from `prepare`, for the same samples.

        Returns:
            One tensor per sample, shaped as its latents.
        """
        return self.velocities(latents, self.embed_time(timestep), prepared)

    def embed_time(self, timestep: Tensor) -> Tensor:
        """The time as the layers want it: (samples, width), or (1, width) when all have one."""
        return self.decoder.time(timestep, self.dtype)

    def velocities(
        self, latents: Sequence[Tensor], embedded: Tensor, prepared: Prepared
    ) -> list[Tensor]:
        """As `forward`, from the embedded time; nothing in here waits for the device."""
        net = self.decoder
        patches = torch.cat([net.patches(x) for x in latents]).to(self.device, self.dtype)
        image = torch.cat([net.img_in(patches), prepared.conditions])[prepared.order]
        text = prepared.text
        for n, block in enumerate(net.transformer_blocks):
            last = n == len(net.transformer_blocks) - 1
            if self.checkpointing and torch.is_grad_enabled():
                image, text = checkpoint(
                    block, image, text, embedded, prepared, last, use_reentrant=False
                )
            else:
                image, text = block(image, text, embedded, prepared, last)
        target = image[prepared.back]
        owners = prepared.image_sample[prepared.back]
        out = net.proj_out(net.norm_out(target, embedded, owners))
        sizes = [rows * columns for rows, columns in prepared.grids]
        return [
            net.latents(part, grid)
            for part, grid in zip(out.split(sizes), prepared.grids, strict=True)
        ]


def _owners(lengths: Sequence[int]) -> Tensor:
    """Which sample each token belongs to."""
    return torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
