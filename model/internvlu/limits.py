"""What is refused before any work, each in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from operator import index
from typing import Any

from PIL import Image

from evals.core.errors import UserError
from model.internvlu.config import ModelConfig
from model.internvlu.guidance import Scales
from model.internvlu.images import MAX_ASPECT, ResizeRule, check_source, smart_resize
from model.internvlu.prompts import CONTEXT, IMAGE, TURN


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a checkpoint can do.

    Attributes:
        rule: sizes of condition images; its factor is also the step of target sizes.
        stretch: ``video_position_scale_factor``, by which grids of latents are spread.
        context: most tokens of a sequence; None where the configuration names none.
    """

    rule: ResizeRule
    stretch: float
    context: int | None

    @classmethod
    def of(cls, config: ModelConfig) -> Limits:
        """The limits of a checkpoint."""
        return cls(
            rule=ResizeRule.of(config.processor),
            stretch=config.decoder.video_position_scale_factor,
            context=config.vlm.llm.get("max_position_embeddings"),
        )

    def check_prompt(self, prompt: str) -> None:
        """Refuse an empty prompt, and one that cannot be tokenised.

        Raises:
            UserError: there is nothing in it but space, or something that is no text.
        """
        if not isinstance(prompt, str):
            raise UserError(f"The prompt is {prompt!r} and must be a text.")
        if not prompt.strip():
            raise UserError("The prompt is empty; write what to make or to ask.")
        _check_text("prompt", prompt, (CONTEXT,))

    def check_system(self, system: str | None) -> None:
        """Refuse a system text that would be taken for something else.

        Raises:
            UserError: it holds a place of an image or begins a turn.
        """
        if system is not None:
            _check_text("system text", system, (CONTEXT, IMAGE, TURN))

    def check_learnt(self, what: str, text: str) -> None:
        """Refuse a text to be learnt that cannot be tokenised.

        Args:
            what: it is.
            text: may be empty.

        Raises:
            UserError: there is half a character in it.
        """
        _check_text(what, text, ())

    def check_source(self, size: tuple[int, int]) -> None:
        """Refuse a condition image that cannot be resized.

        Args:
            size: height and width in pixels.

        Raises:
            UserError: under 16 pixels, an aspect ratio over 200, or one over that of the longest
                side allowed and a patch.
        """
        check_source(*size, self.rule)
        side = self.rule.side / max(size)
        # A side that becomes 0 is divided by further on.
        if int(min(size) * min(1, side)) < 1 or min(smart_resize(*size, self.rule)) < 1:
            raise UserError(
                f"The input image has {size[1]} x {size[0]} pixels, and with its longer side at "
                f"{self.rule.side} the other would be under {self.rule.factor}; crop it."
            )

    def check_target(self, size: tuple[int, int], conditions: int = 0) -> None:
        """Refuse a target that cannot be made.

        Args:
            size: height and width in pixels.
            conditions: how many condition images there are.

        Raises:
            UserError: too small, too long, or too small for so many condition images.
        """
        height, width = size
        factor = self.rule.factor
        if not all(isinstance(side, int) for side in size):
            raise UserError(f"A target of {width!r} x {height!r} pixels is not of whole numbers.")
        if min(size) < factor:
            raise UserError(
                f"A target of {width} x {height} pixels is too small; both sides must have "
                f"{factor} or more."
            )
        if max(size) > MAX_ASPECT * min(size):
            raise UserError(
                f"A target of {width} x {height} pixels has an aspect ratio over {MAX_ASPECT}; ask "
                "for another."
            )
        if not conditions:
            return
        most = int(min(size) // factor // 2 / self.stretch) - 1
        if most < 1:
            raise UserError(
                f"A target of {width} x {height} pixels is too small for an edit; both sides must "
                f"have {2 * factor * math.ceil(2 * self.stretch)} or more."
            )
        if conditions > most:
            raise UserError(
                f"{conditions} condition images are too many for a target of {width} x {height} "
                f"pixels, which allows {most}; give fewer or ask for a larger one."
            )

    def check_samples(
        self, prompts: Sequence[str], images: Sequence[Sequence[Image.Image]],
        sizes: Sequence[tuple[int, int]],
    ) -> None:  # fmt: skip
        """Refuse images that cannot be made.

        Args:
            prompts: of each.
            images: condition images of each.
            sizes: height and width in pixels of each.

        Raises:
            UserError: with the first one.
        """
        if len(sizes) != len(prompts):
            raise UserError(f"{len(sizes)} sizes are given for {len(prompts)} prompts.")
        for prompt, some, size in zip(prompts, images, sizes, strict=True):
            self.check_prompt(prompt)
            self.check_target(size, len(some))
            for image in some:
                self.check_source((image.height, image.width))

    def check_length(self, ids: Sequence[int], new: int = 0) -> None:
        """Refuse a prompt that leaves no room.

        Args:
            ids: of the prompt.
            new: tokens that are to be written.

        Raises:
            UserError: together they are longer than the model's context.
        """
        if self.context is not None and len(ids) + new > self.context:
            raise UserError(
                f"The prompt has {len(ids)} tokens, which with {new} new ones is over the model's "
                f"{self.context}; shorten the prompt, give fewer images or ask for fewer tokens."
            )


def _check_text(what: str, text: str, forbidden: Sequence[str]) -> None:
    odd = [word for word in forbidden if word in text]
    if odd:
        raise UserError(
            f"The {what} holds {odd[0]}, which the model takes for a part of an image or a turn; "
            "take it out."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"The {what} holds half a character ({text[error.start]!r} at {error.start}), which "
            "no encoding has; take it out."
        ) from None


def check_solver(steps: int, shift: float | None, scales: Scales | None) -> None:
    """Refuse numbers with which nothing can be sampled.

    Raises:
        UserError: no steps, a shift that is not above 0, or a scale that is no number.
    """
    if not isinstance(steps, int) or steps < 1:
        raise UserError(f"{steps} steps make no image; ask for 1 or more.")
    if shift is not None and not 0 < shift < math.inf:
        raise UserError(f"shift is {shift} and must be a number above 0.")
    chosen = scales or Scales()
    for value in (chosen.guidance_scale, chosen.image_guidance_scale):
        if not math.isfinite(value):
            raise UserError(f"A scale of guidance is {value} and must be a number.")


def each_seed(seeds: Sequence[int] | int, count: int) -> list[int]:
    """One seed per sample; one number counts up.

    Raises:
        UserError: there are not as many seeds as samples, or one is outside 64 bits.
    """
    try:
        chosen = (
            [int(seeds) + n for n in range(count)]
            if isinstance(seeds, int | Integral)
            else [index(seed) for seed in seeds]
        )
    except TypeError:
        raise UserError(f"The seeds are {seeds!r} and must be whole numbers.") from None
    if len(chosen) != count:
        raise UserError(f"{len(chosen)} seeds are given for {count} prompts; give one for each.")
    odd = [seed for seed in chosen if not -(2**63) <= seed < 2**64]
    if odd:
        raise UserError(f"The seed {odd[0]} has more than 64 bits; take a smaller one.")
    return chosen


def each_images(prompts: Sequence[str], images: Sequence[Any] | None) -> list[tuple[Any, ...]]:
    """Images of each prompt.

    Raises:
        UserError: there are not as many lists of images as prompts, or something in them is no
            image of 8 bits.
    """
    if isinstance(prompts, str):
        raise UserError("prompts is one string; pass a list of prompts.")
    if images is None:
        return [()] * len(prompts)
    lists = isinstance(images, list | tuple)
    if not lists or any(not isinstance(some, list | tuple | None) for some in images):
        raise UserError("images must be a list of images for each prompt, like [[image]].")
    if len(images) != len(prompts):
        raise UserError(
            f"{len(prompts)} prompts and {len(images)} lists of images are given; pass one list of "
            "images for each prompt."
        )
    given = [tuple(some or ()) for some in images]
    for image in (i for some in given for i in some):
        _check_image(image)
    return given


def _check_image(image: Any) -> None:
    if not isinstance(image, Image.Image):
        raise UserError(
            f"An image is of type {type(image).__name__} and must be a PIL image; convert it with "
            "PIL.Image.open or PIL.Image.fromarray."
        )
    if min(image.size) < 1:
        raise UserError("An image has no pixels; give another.")
    if image.mode[0] in "IF":
        # Pillow would clip the values, mostly to white.
        raise UserError(f"An image has the mode {image.mode}; scale its values to 8 bits first.")
