"""From rows as the model sees them to what its networks take: latents, and noise over them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from model.finetune.config import Config
from model.finetune.examples import Example
from model.finetune.joint import Inputs
from model.finetune.loss import noised
from model.finetune.prepare import Networks
from model.internvlu.config import DecoderConfig


def inputs_of(examples: Sequence[Example], networks: Networks, config: Config) -> list[Inputs]:
    """What the networks take, on their device.

    Args:
        examples: of a micro-batch.
        networks: of the run, for their VAE and the shift of the noise levels.
        config: of the run; with the number of an example its seed tells the noise.
    """
    latents, found = networks.latents, []
    for example in examples:
        image = None
        if example.target is not None:
            target = latents.of([example.target])[0]
            image = noised(target, config.loss, networks.shift, config.seed, example.number)
        found.append(
            Inputs(
                tokens=example.tokens, learnt=example.learnt, image=image,
                conditions=tuple(latents.of(example.conditions)),
            )
        )  # fmt: skip
    return found


def latent_values(target: Tensor | None, decoder: DecoderConfig) -> int:
    """Numbers of an image's latents; 0 where there is none.

    Args:
        target: (3, height, width).
        decoder: configuration of the generation decoder.
    """
    if target is None:
        return 0
    factor = decoder.vae_downsample_factor
    rows, columns = target.shape[1] // factor, target.shape[2] // factor
    return int(decoder.transformer.out_channels * rows * columns)


def latent_tokens(inputs: Inputs, decoder: DecoderConfig) -> int:
    """Patches that the decoder reads of a sample, conditions included.

    Args:
        inputs: the sample.
        decoder: configuration of the generation decoder.
    """
    size = decoder.transformer.patch_size
    images = [*inputs.conditions, *([inputs.image.noisy] if inputs.image else [])]
    return sum(x.shape[1] * x.shape[2] // size**2 for x in images)
