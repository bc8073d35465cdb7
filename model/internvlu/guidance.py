"""Classifier-free guidance with two conditions: the text and the condition images.

Names are those of InstructPix2Pix, as in diffusers. The released code calls `guidance_scale`
``all_cfg_scale``, although it weighs the text alone, and `image_guidance_scale` ``part_cfg_scale``.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

NORMALISED_ABOVE = 930
"""Timesteps at which a difference of velocities longer than 1 is shortened."""

SHORTENING = 0.4


@dataclass(frozen=True, kw_only=True)
class Scales:
    """How much each condition weighs.

    Attributes:
        guidance_scale: of the text: velocity with everything minus velocity without the text.
        image_guidance_scale: of the condition images: velocity with images minus velocity with
            nothing. Without condition images it has no effect.
    """

    guidance_scale: float = 4.5
    image_guidance_scale: float = 2.0


PLAIN = Scales()
REASONING = Scales(guidance_scale=3.5, image_guidance_scale=1.5)
"""Defaults of the released pipeline without and with reasoning; the paper quotes the latter."""


def choose(
    guidance_scale: float | None, image_guidance_scale: float | None, *, think: bool
) -> Scales:
    """The scales given, and the released defaults for those that are not."""
    default = REASONING if think else PLAIN
    return Scales(
        guidance_scale=default.guidance_scale if guidance_scale is None else guidance_scale,
        image_guidance_scale=default.image_guidance_scale
        if image_guidance_scale is None
        else image_guidance_scale,
    )


def guide(full: Tensor, partial: Tensor | None, blank: Tensor, timestep: int, scales: Scales
          ) -> Tensor:  # fmt: skip
    """The velocity to follow, in float32.

    Args:
        full: velocity with everything, (channels, rows, columns).
        partial: velocity with the condition images alone; None where that is `blank`.
        blank: velocity with no condition.
        timestep: 0 to 1000.
        scales: see there.
    """
    full, blank = full.float(), blank.float()
    base = blank if partial is None else partial.float()
    guided = blank + scales.guidance_scale * _shortened(full - base, timestep)
    if partial is not None:
        guided = guided + scales.image_guidance_scale * _shortened(base - blank, timestep)
    return guided


def _shortened(difference: Tensor, timestep: int) -> Tensor:
    if timestep <= NORMALISED_ABOVE:
        return difference
    length = difference.norm(dim=0, keepdim=True)
    return difference / length.clamp(min=1) ** SHORTENING
