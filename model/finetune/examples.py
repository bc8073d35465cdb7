"""A row as the model sees it: token ids with what is to be learnt of them, and pixels.

The words around a prompt, the places of images and the sizes of condition images are those of
inference, from the same functions. A condition that is dropped is replaced by what guidance puts in
its place there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from evals.core.errors import UserError
from model.finetune.config import Dropout, Task
from model.finetune.rows import Row
from model.finetune.seeds import draws
from model.internvlu import images as im
from model.internvlu.conditioning import Row as TokenRow
from model.internvlu.conditioning import tokenize
from model.internvlu.config import ModelConfig
from model.internvlu.limits import Limits
from model.internvlu.prompts import START, STOP, Branch, picture, question

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from model.finetune.buckets import Size

Dropped: TypeAlias = Literal["nothing", "text", "all"]
_BRANCH: dict[Dropped, Branch] = {"nothing": "full", "text": "partial", "all": "blank"}


@dataclass(frozen=True, kw_only=True)
class Example:
    """One sample of a micro-batch.

    Attributes:
        number: of the sample, counted from the first of the run; its noise depends on it.
        source: part of the mixture.
        row: id in that part.
        task: what it teaches.
        dropped: which condition was left out.
        tokens: the whole sequence with its images for the vision encoder.
        learnt: so many of the last tokens are predicted from those before them.
        target: (3, height, width) in [-1, 1] of the image to be learnt; None for an answer.
        conditions: likewise of the condition images, each of its own size.
    """

    number: int
    source: str
    row: str
    task: Task
    dropped: Dropped
    tokens: TokenRow
    learnt: int
    target: Tensor | None = field(default=None, compare=False)
    conditions: tuple[Tensor, ...] = field(default=(), compare=False)


def choose(task: Task, editing: bool, rates: Dropout, seed: int, number: int) -> Dropped:
    """Which condition of a sample is left out; a function of seed and number.

    Args:
        task: an answer keeps everything.
        editing: whether there is a condition image.
        rates: how often.
        seed: of the run.
        number: of the sample.
    """
    if task == "understand":
        return "nothing"
    drawn = float(draws(seed, "dropout", number).random())
    if not editing:
        return "all" if drawn < rates.t2i else "nothing"
    if drawn < rates.edit_all:
        return "all"
    return "text" if drawn < rates.edit_all + rates.edit_text else "nothing"


class Reader:
    """Rows to examples of one checkpoint.

    Args:
        config: of the checkpoint.
        tokenizer: of the checkpoint.
        rates: of dropping conditions.
        seed: of the run.
    """

    def __init__(self, config: ModelConfig, tokenizer: Any, rates: Dropout, seed: int) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.rates = rates
        self.seed = seed
        self.limits = Limits.of(config)

    def example(self, row: Row, *, source: str, number: int, bucket: Size | None) -> Example:
        """A row as one sample.

        Args:
            row: read from its file.
            source: part of the mixture.
            number: of the sample.
            bucket: height and width of the target.

        Raises:
            UserError: the row's prompt or images are none that the model takes.
        """
        self.limits.check_prompt(row.prompt)
        self.limits.check_learnt("answer", row.answer)
        self.limits.check_learnt("reasoning", row.reasoning)
        if row.task == "understand":
            return self._answer(row, source, number)
        if row.target is None or bucket is None:
            raise UserError(f"Row {row.id} of {source} has no image to learn; give it one.")
        target, given = cut(row, bucket)
        self.limits.check_target(bucket, len(given))
        dropped = choose(row.task, bool(given), self.rates, self.seed, number)
        kept = given if dropped != "all" else []
        turn = picture(row.prompt, len(given), _BRANCH[dropped], editing=bool(given))
        ids, learnt = self._ids(turn), 0
        if row.reasoning and dropped == "nothing":
            words = tuple(self.tokenizer(row.reasoning)["input_ids"])
            # What ends the reasoning is learnt with it: the model must know when to begin to paint.
            ids, learnt = (*ids, *words), len(words) + 1
        ids = (*ids, self.tokenizer.convert_tokens_to_ids(START))
        self.limits.check_length(ids)
        return Example(
            number=number, source=source, row=row.id, task=row.task, dropped=dropped,
            tokens=TokenRow(ids=ids, pixels=self._pixels(kept)), learnt=learnt,
            target=im.latent_pixels(target, self.config.processor),
            conditions=tuple(self._condition(i, bucket) for i in kept),
        )  # fmt: skip

    def _condition(self, image: Image.Image, bucket: Size) -> Tensor:
        """A condition image for the VAE; one that lies on the target keeps to its pixels.

        Inference makes a target of the size that its condition is resized to.
        """
        if (image.height, image.width) == tuple(bucket):
            return im.latent_pixels(image, self.config.processor)
        return im.condition_pixels(image, self.config.processor)

    def _answer(self, row: Row, source: str, number: int) -> Example:
        given = [] if row.source is None else [row.source]
        for image in given:
            self.limits.check_source((image.height, image.width))
        ids = self._ids(question(row.prompt, len(given)))
        answer = tuple(self.tokenizer(row.answer)["input_ids"])
        ids = (*ids, *answer, self.tokenizer.convert_tokens_to_ids(STOP))
        self.limits.check_length(ids)
        return Example(
            number=number, source=source, row=row.id, task=row.task, dropped="nothing",
            tokens=TokenRow(ids=ids, pixels=self._pixels(given)), learnt=len(answer) + 1,
        )  # fmt: skip

    def _ids(self, turn: Any) -> tuple[int, ...]:
        return tokenize(self.tokenizer, turn, self.config.vlm.tokens_per_image)

    def _pixels(self, images: Sequence[Image.Image]) -> tuple[Tensor, ...]:
        config = self.config
        return tuple(im.understanding_pixels(i, config.processor, config.vlm) for i in images)


def cut(row: Row, bucket: Size) -> tuple[Image.Image, list[Image.Image]]:
    """The target in its bucket's size, and the condition images.

    A source of the target's shape is cut as the target is, so that what was not edited stays where
    it was. Another one keeps its own size.
    """
    from model.finetune.buckets import fit

    assert row.target is not None
    target = fit(row.target, bucket)
    if row.source is None:
        return target, []
    ours, theirs = (i.width / i.height for i in (row.source, row.target))
    alike = abs(ours / theirs - 1) < _ALIKE
    return target, [fit(row.source, bucket) if alike else row.source]


_ALIKE = 0.02
"""Aspect ratios that differ by less belong to pictures that lie on each other."""

__all__ = ["Dropped", "Example", "Reader", "choose", "cut"]
