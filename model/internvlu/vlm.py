"""The understanding half: InternViT, a projector and a Qwen3 language model.

Encoder and language model are classes of transformers; here is what joins them. Weights on disk
have the names of the official code, see `renames`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
import transformers
from torch import Tensor, nn

from evals.core.errors import UserError
from model.internvlu.config import LANGUAGE_MODELS, VisionConfig, VlmConfig
from model.internvlu.prompts import CONTEXT, SPECIAL
from model.token_draw import Draw

TIED = ("language_model.lm_head.weight",)
"""May be absent on disk: the output layer is then the embedding."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Ids that the model must know; they differ between checkpoints, so the tokenizer gives them.

    Attributes:
        special: of `prompts.SPECIAL`, in that order.
        start: of ``<img>``, with which an image begins and the text before it ends.
        context: of ``<IMG_CONTEXT>``, the place of one visual token.
        turn: of ``<|im_start|>``.
        stop: of the tokenizer's end of sequence.
        pad: of the tokenizer's padding.
    """

    special: tuple[int, ...]
    start: int
    context: int
    turn: int
    stop: int
    pad: int


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How text is decoded: greedily unless asked otherwise.

    Attributes:
        max_new_tokens: most tokens of an answer; it may end before.
        min_new_tokens: fewest tokens.
        num_beams: beams of beam search; 1 is greedy.
        do_sample: draw tokens instead of taking the likeliest.
        temperature: of drawing.
        top_p: of drawing: least mass of the tokens drawn from.
    """

    max_new_tokens: int = 1024
    min_new_tokens: int = 0
    num_beams: int = 1
    do_sample: bool = False
    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be decoded.

        Raises:
            UserError: a number is outside its range, or beams are to be drawn.
        """
        for name, least in (("max_new_tokens", 1), ("min_new_tokens", 0), ("num_beams", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise UserError(f"{name} is {value!r} and must be a whole number from {least}.")
        if self.min_new_tokens > self.max_new_tokens:
            raise UserError(
                f"min_new_tokens {self.min_new_tokens} is over max_new_tokens "
                f"{self.max_new_tokens}."
            )
        if not 0 < self.temperature < math.inf or not 0 < self.top_p <= 1:
            raise UserError(
                f"temperature is {self.temperature} and top_p {self.top_p}; they must be above 0, "
                "and top_p at most 1."
            )
        if self.do_sample and self.num_beams > 1:
            raise UserError("do_sample draws one text, so num_beams must be 1 with it.")


class VisionLanguageModel(nn.Module):
    """Images and token ids in, hidden states or new token ids out.

    Args:
        config: of the checkpoint.
        tokens: of its tokenizer.
    """

    def __init__(self, config: VlmConfig, tokens: Tokens) -> None:
        super().__init__()
        self.config = config
        self.tokens = tokens
        names = LANGUAGE_MODELS[config.llm["architectures"][0]]
        kind, text = getattr(transformers, names[0]), config.text
        language = kind(**{k: v for k, v in text.items() if k != "model_type"})
        hidden, channels = language.hidden_size, config.vision.hidden_size
        inner = round(channels / config.downsample_ratio**2)
        self.vision_model = transformers.InternVLVisionModel(_vision(config.vision))
        if config.vision.qk_normalization:
            for layer in self.vision_model.encoder.layer:
                for norm in (layer.attention.q_norm, layer.attention.k_norm):
                    # The class gives these two its default, whatever the configuration says.
                    norm.variance_epsilon = config.vision.layer_norm_eps
        self.mlp1 = nn.Sequential(
            nn.LayerNorm(inner), nn.Linear(inner, hidden), nn.GELU(), nn.Linear(hidden, hidden)
        )
        self.special_token_embedding = nn.Embedding(len(SPECIAL), hidden)
        self.language_model = getattr(transformers, names[1])(language)
        self.substitute_generated = True
        """Whether special tokens that the model itself writes are read with their own embeddings,
        as in training; the reference does so for the prompt only."""
        self.language_model.get_input_embeddings().register_forward_hook(self._own_embeddings)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.special_token_embedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.special_token_embedding.weight.dtype

    def _own_embeddings(self, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor
                        ) -> Tensor:  # fmt: skip
        return self._substitute(inputs[0], output) if self.substitute_generated else output

    def _substitute(self, ids: Tensor, embedded: Tensor) -> Tensor:
        special = torch.tensor(self.tokens.special, device=ids.device)
        match = ids[..., None] == special
        # As in training: every special token has a row in a table of its own.
        own = self.special_token_embedding(match.int().argmax(-1))
        return torch.where(match.any(-1, keepdim=True), own.to(embedded.dtype), embedded)

    # --- images and tokens to embeddings --------------------------------------------------------

    def image_features(self, pixels: Tensor) -> Tensor:
        """Visual tokens of images.

        Args:
            pixels: (images, 3, side, side), normalised.

        Returns:
            (images, tokens per image, hidden size of the language model).
        """
        return self.project(self.shuffled(self.vision(pixels)))

    def vision(self, pixels: Tensor) -> Tensor:
        """Last hidden state of the encoder, class token first: (images, 1 + patches, channels)."""
        layer = self.config.select_layer
        output = self.vision_model(
            pixel_values=pixels.to(self.dtype), output_hidden_states=layer != -1
        )
        chosen: Tensor = output.last_hidden_state if layer == -1 else output.hidden_states[layer]
        return chosen

    def shuffled(self, states: Tensor) -> Tensor:
        """Blocks of patches merged into one token each: (images, tokens, channels of a block).

        Whatever ``ps_version`` says, rows come before columns, outside and inside a block, as the
        reference does it.
        """
        patches = states[:, 1:]
        n, count, channels = patches.shape
        side, block = round(count**0.5), round(1 / self.config.downsample_ratio)
        grid = patches.view(n, side // block, block, side // block, block, channels)
        return grid.permute(0, 1, 3, 2, 4, 5).reshape(n, -1, block * block * channels)

    def project(self, states: Tensor) -> Tensor:
        """Merged patches to the width of the language model."""
        projected: Tensor = self.mlp1(states)
        return projected

    def embed(
        self, ids: Tensor, pixels: Tensor | None = None, places: Tensor | None = None
    ) -> Tensor:
        """Embeddings of a batch of prompts: (rows, length, hidden size).

        Args:
            ids: (rows, length).
            pixels: of all images of all rows, in order; None when there are none.
            places: (rows, length) bool, where their visual tokens go; every ``<IMG_CONTEXT>`` when
                None.

        Raises:
            UserError: the prompts do not have as many places as the images have tokens.
        """
        table = self.language_model.get_input_embeddings()
        embedded = self._substitute(ids, table(ids))
        if pixels is None or not len(pixels):
            return embedded
        features = self.image_features(pixels).flatten(0, 1)
        if places is None:
            places = ids == self.tokens.context
        if int(places.sum()) != len(features):
            raise UserError(
                f"The prompts have {int(places.sum())} places for visual tokens, but the images "
                f"have {len(features)}; take {CONTEXT} out of the prompt."
            )
        return embedded.masked_scatter(places[..., None], features.to(embedded.dtype))

    # --- embeddings to what is asked for --------------------------------------------------------

    def hidden_states(
        self, ids: Tensor, mask: Tensor, pixels: Tensor | None = None, places: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """All hidden states: embeddings first, last one behind the final norm.

        Args:
            ids: (rows, length), padded on the left.
            mask: (rows, length), 1 where there is a token.
            pixels: see `embed`.
            places: see `embed`.
        """
        output = self.language_model.model(
            inputs_embeds=self.embed(ids, pixels, places), attention_mask=mask, use_cache=False,
            output_hidden_states=True,
        )  # fmt: skip
        states: tuple[Tensor, ...] = output.hidden_states
        return states

    def write(
        self, ids: Tensor, mask: Tensor, pixels: Tensor | None, sampling: Sampling, *,
        places: Tensor | None = None, seeds: Sequence[int] = (),
    ) -> Tensor:  # fmt: skip
        """New token ids: (rows, new length), padded on the right.

        A row ends with the tokenizer's end of sequence or with ``<img>``, both kept.

        Args:
            ids: (rows, length), padded on the left.
            mask: (rows, length), 1 where there is a token.
            pixels: see `embed`.
            sampling: how.
            places: see `embed`.
            seeds: of each row, to draw from.
        """
        draw = [Draw(seeds, sampling.temperature, sampling.top_p)] if sampling.do_sample else []
        config = transformers.GenerationConfig(
            max_new_tokens=sampling.max_new_tokens,
            min_new_tokens=sampling.min_new_tokens or None,
            num_beams=sampling.num_beams,
            do_sample=False,  # `Draw` draws, from one source per row
            eos_token_id=[self.tokens.stop, self.tokens.start],
            pad_token_id=self.tokens.stop,
            use_cache=True,
        )  # fmt: skip
        written: Tensor = self.language_model.generate(
            inputs_embeds=self.embed(ids, pixels, places), attention_mask=mask,
            generation_config=config, logits_processor=draw,
        )  # fmt: skip
        return written

    def next_token_loss(
        self, ids: Tensor, mask: Tensor, labels: Tensor, pixels: Tensor | None = None
    ) -> Tensor:
        """Mean cross-entropy of the next token over the labels that are not -100.

        Args:
            ids: (rows, length).
            mask: (rows, length).
            labels: (rows, length), token ids where they are to be learnt, not shifted.
            pixels: see `embed`.
        """
        output = self.language_model(
            inputs_embeds=self.embed(ids, pixels), attention_mask=mask, use_cache=False
        )
        logits = output.logits[:, :-1].flatten(0, 1).float()
        return F.cross_entropy(logits, labels[:, 1:].flatten(), ignore_index=-100)


def _vision(config: VisionConfig) -> Any:
    return transformers.InternVLVisionConfig(
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        attention_bias=config.qkv_bias,
        use_qk_norm=config.qk_normalization,
        hidden_act=config.hidden_act,
        norm_type=config.norm_type,
        layer_norm_eps=config.layer_norm_eps,
        image_size=config.image_size,
        patch_size=config.patch_size,
        num_channels=config.num_channels,
        use_mean_pooling=True,  # the class then has no final norm, as the reference has none
    )


_EMBEDDINGS: Mapping[str, str] = {
    "class_embedding": "cls_token",
    "position_embedding": "position_embeddings",
    "patch_embedding.weight": "patch_embeddings.projection.weight",
    "patch_embedding.bias": "patch_embeddings.projection.bias",
}
_LAYER: Mapping[str, tuple[str, ...]] = {
    "attn.qkv": ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    "attn.proj": ("attention.projection_layer",),
    "attn.q_norm": ("attention.q_norm",),
    "attn.k_norm": ("attention.k_norm",),
    "norm1": ("layernorm_before",),
    "norm2": ("layernorm_after",),
}


def renames(model: VisionLanguageModel) -> dict[str, Sequence[str]]:
    """Key on disk -> keys of the module, where the vision encoder's names differ.

    The official code keeps query, key and value in one matrix.
    """
    own = model.state_dict()
    encoder = "vision_model.encoder"
    found: dict[str, Sequence[str]] = {}
    for theirs, ours in _EMBEDDINGS.items():
        found[f"vision_model.embeddings.{theirs}"] = (f"vision_model.embeddings.{ours}",)
    for n in range(model.config.vision.num_hidden_layers):
        layer, place = f"{encoder}.layer.{n}", f"{encoder}.layers.{n}"
        for theirs, parts in _LAYER.items():
            for end in ("weight", "bias"):
                targets = tuple(f"{layer}.{part}.{end}" for part in parts)
                if targets[0] in own:
                    found[f"{place}.{theirs}.{end}"] = targets
        for theirs, ours in (("ls1", "lambda_1"), ("ls2", "lambda_2")):
            found[f"{place}.{theirs}"] = (f"{layer}.{ours}",)
        for end in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"):
            found[f"{place}.mlp.{end}"] = (f"{layer}.mlp.{end}",)
    return found
