"""Language model and decoder as one module, whose forward is one micro-batch of training.

What is computed is what sampling computes, by the same functions; here with gradients, and with the
next-token errors taken from the hidden states that also condition the decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.finetune.loss import TIMESTEPS, Noised, flow_error, next_token_error
from model.internvlu.conditioning import Row, batches, padded, span_of
from model.internvlu.decoder import Condition, GenerationDecoder, Span
from model.internvlu.vlm import VisionLanguageModel

NOTHING = "nothing"
"""Kind of error of a micro-batch from which no gradient would come: always 0."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """One sample of a micro-batch, as the networks take it.

    Attributes:
        tokens: the whole sequence.
        learnt: so many of its last tokens are to be predicted.
        image: noisy latents and their velocity; None where an answer is all.
        conditions: latents of the condition images.
    """

    tokens: Row
    learnt: int
    image: Noised | None = None
    conditions: tuple[Tensor, ...] = ()


class Joint(nn.Module):
    """Both networks; the names of its parameters begin as the folders of a checkpoint.

    Args:
        vlm: the language model with its vision encoder.
        decoder: of velocities.
        layers: hidden states that condition the decoder.
    """

    def __init__(
        self, vlm: VisionLanguageModel, decoder: GenerationDecoder, layers: Sequence[int]
    ) -> None:
        super().__init__()
        self.vlm = vlm
        self.generation_decoder = decoder
        self.layers = tuple(layers)
        self.learns_tokens = True
        """Whether next-token errors are computed; without, the output layer gets no gradient."""
        self.even = False
        """Whether each call uses every layer once, whatever its samples are. Where weights are in
        pieces, the devices put a layer together when all of them come to it."""

    def forward(self, samples: Sequence[Inputs]) -> dict[str, Tensor]:
        """Errors of each sample.

        Returns:
            ``next_token`` (samples,), sum of the cross-entropies of its learnt tokens, and ``flow``
            (samples,), weighted sum of the squared errors of its velocity; 0 where there is none.
            A kind that no sample has is left out. `NOTHING` (1,) is there where no other kind
            depends on what is trained: other devices wait for a gradient.
        """
        if not self.even or not self._lacks(samples):
            return self._errors(samples)
        found = self._errors([*samples, self._blank()])
        nothing = torch.stack([0 * values[-1] for k, values in found.items() if k != NOTHING])
        return {k: v[: len(samples)] for k, v in found.items()} | {NOTHING: nothing.sum()[None]}

    def _lacks(self, samples: Sequence[Inputs]) -> bool:
        """Whether a part has nothing to do with these samples."""
        return not (
            any(s.tokens.pixels for s in samples)
            and any(s.image is not None for s in samples)
            and (not self.learns_tokens or any(s.learnt for s in samples))
        )

    def _blank(self) -> Inputs:
        """A sample that goes through every part."""
        vlm, config = self.vlm, self.generation_decoder.config.transformer
        side, ids = vlm.config.image_size, vlm.tokens
        words = (ids.turn, ids.turn, *(ids.context,) * vlm.config.tokens_per_image, ids.start)
        latents = torch.zeros(
            config.out_channels, 2 * config.patch_size, 2 * config.patch_size, device=vlm.device
        )
        return Inputs(
            tokens=Row(ids=words, pixels=(torch.zeros(3, side, side),)), learnt=1,
            image=Noised(level=1.0, noisy=latents, velocity=latents, weight=1.0),
        )  # fmt: skip

    def _errors(self, samples: Sequence[Inputs]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        spans, tokens = self._read(samples)
        if tokens:
            zero = next(iter(tokens.values())) * 0
            found["next_token"] = torch.stack([tokens.get(n, zero) for n in range(len(samples))])
        errors = self._velocities(samples, spans)
        if errors:
            zero = next(iter(errors.values())) * 0
            found["flow"] = torch.stack([errors.get(n, zero) for n in range(len(samples))])
        if torch.is_grad_enabled() and not any(v.requires_grad for v in found.values()):
            for some in (p for p in self.parameters() if p.requires_grad):
                whole = some.to_local() if hasattr(some, "to_local") else some
                found[NOTHING] = 0 * whole.flatten()[:1]
                break
        return found

    def _read(self, samples: Sequence[Inputs]) -> tuple[dict[int, Span], dict[int, Tensor]]:
        """What the language model says of each sample, and how well it foresees its last tokens."""
        spans: dict[int, Span] = {}
        errors: dict[int, Tensor] = {}
        rows = [s.tokens for s in samples]
        frozen = not any(p.requires_grad for p in self.vlm.parameters())
        for group in [[*range(len(rows))]] if self.even else batches(rows):
            filled = padded([rows[n] for n in group], self.vlm)
            with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
                states = self.vlm.hidden_states(
                    filled.ids, filled.mask, filled.pixels, filled.places
                )
            joined = torch.cat([states[layer] for layer in self.layers], dim=-1)
            for place, n in enumerate(group):
                if samples[n].image is not None:
                    spans[n] = span_of(self.vlm, rows[n], joined[place], filled.places[place])
                if samples[n].learnt and self.learns_tokens:
                    errors[n] = self._foreseen(states[-1][place], samples[n])
        return spans, errors

    def _foreseen(self, states: Tensor, sample: Inputs) -> Tensor:
        wanted = torch.tensor(sample.tokens.ids[-sample.learnt :], device=states.device)
        # Rows are padded on the left, so that the last state is that of the last token.
        logits = self.vlm.language_model.lm_head(states[-sample.learnt - 1 : -1])
        return next_token_error(logits, wanted)

    def _velocities(
        self, samples: Sequence[Inputs], spans: dict[int, Span]
    ) -> dict[int, Tensor]:  # fmt: skip
        chosen = [(n, s, s.image) for n, s in enumerate(samples) if s.image is not None]
        if not chosen:
            return {}
        prepared = self.generation_decoder.prepare(
            [image.noisy.shape[1:] for _, _, image in chosen],
            [Condition(span=spans[n], latents=s.conditions) for n, s, _ in chosen],
        )
        predicted = self.generation_decoder(
            [image.noisy for _, _, image in chosen],
            torch.tensor([TIMESTEPS * image.level for _, _, image in chosen]),
            prepared,
        )
        return {
            n: flow_error(velocity, image.velocity, image.weight)
            for (n, _, image), velocity in zip(chosen, predicted, strict=True)
        }


def checkpoint_activations(joint: Joint) -> None:
    """Hold each layer's input alone, and compute what is inside again for the gradient."""
    for module in (joint.vlm.language_model, joint.vlm.vision_model):
        # The method has a new name from transformers 5.2x on.
        new = hasattr(module, "activation_checkpointing_enable")
        name = f"{'activation' if new else 'gradient'}_checkpointing_enable"
        getattr(module, name)({"use_reentrant": False})
    joint.generation_decoder.checkpointing = True
