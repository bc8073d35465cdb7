"""What is refused before any work, each in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals.core.errors import UserError
from model.internvlu.config import ModelConfig
from model.internvlu.images import MAX_ASPECT, ResizeRule, check_source


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
        """Refuse an empty prompt.

        Raises:
            UserError: there is nothing in it but space.
        """
        if not prompt.strip():
            raise UserError("The prompt is empty; write what to make or to ask.")

    def check_source(self, size: tuple[int, int]) -> None:
        """Refuse a condition image that cannot be resized.

        Args:
            size: height and width in pixels.

        Raises:
            UserError: under 16 pixels, or an aspect ratio over 200.
        """
        check_source(*size, self.rule)

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
        most = int(min(size) // factor // 2 / self.stretch) - 1
        if conditions and most < 1:
            raise UserError(
                f"A target of {width} x {height} pixels is too small for an edit; both sides must "
                f"have {int(4 * factor * self.stretch)} or more."
            )
        if conditions > most:
            raise UserError(
                f"{conditions} condition images are too many for a target of {width} x {height} "
                f"pixels, which allows {most}; give fewer or ask for a larger one."
            )

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
