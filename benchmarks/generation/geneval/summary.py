"""GenEval's numbers from verdicts: the released arithmetic, and the one that counts every image.

Source: djghosh13/geneval@af4902f, `evaluation/summary_scores.py`, re-told from its behaviour.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.generation.geneval.rules import TAGS


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The verdict on one image.

    Attributes:
        tag: task of the prompt.
        prompt: identity of the prompt; images that share it and the tag belong together.
        correct: the verdict.
    """

    tag: str
    prompt: Hashable
    correct: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How many images of a task are right."""

    correct: int
    images: int

    @property
    def share(self) -> float:
        """In [0, 1]; there is at least one image."""
        return self.correct / self.images


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What the released script prints, as numbers.

    Attributes:
        tasks: task -> tally, in the order of first appearance.
        prompts: how many prompts there are.
        solved: prompts of which at least one image is right.
    """

    tasks: Mapping[str, Tally]
    prompts: int
    solved: int

    @property
    def images(self) -> int:
        """How many images there are."""
        return sum(t.images for t in self.tasks.values())

    @property
    def correct_images(self) -> float:
        """Share of images that are right, whatever their task; in [0, 1]."""
        return sum(t.correct for t in self.tasks.values()) / self.images

    @property
    def correct_prompts(self) -> float:
        """Share of prompts of which an image is right; in [0, 1]."""
        return self.solved / self.prompts

    @property
    def overall(self) -> float:
        """Unweighted mean of the tasks that have images, in [0, 1]: the headline."""
        return float(np.mean([t.share for t in self.tasks.values()]))


def summarise(rows: Iterable[Row]) -> Summary:
    """The released reading: what has no row does not exist, not even a task without any.

    Raises:
        ValueError: there is no row.
    """
    tasks: dict[str, list[bool]] = {}
    prompts: dict[tuple[str, Hashable], bool] = {}
    for row in rows:
        tasks.setdefault(row.tag, []).append(row.correct)
        key = (row.tag, row.prompt)
        prompts[key] = prompts.get(key, False) or row.correct
    if not tasks:
        raise ValueError("there is no verdict to summarise")
    return Summary(
        tasks={tag: Tally(correct=sum(seen), images=len(seen)) for tag, seen in tasks.items()},
        prompts=len(prompts),
        solved=sum(prompts.values()),
    )


def strict_overall(rows: Iterable[Row], planned: Mapping[str, int]) -> float:
    """Mean of the tasks over every planned image; an image without a verdict is wrong.

    Args:
        rows: verdicts; more of a task than planned are an error.
        planned: task -> number of images, each at least 1.

    Returns:
        A share in [0, 1].

    Raises:
        ValueError: a row of a task that is not planned, or more rows than planned.
    """
    right, seen = dict.fromkeys(planned, 0), dict.fromkeys(planned, 0)
    for row in rows:
        if row.tag not in planned or seen[row.tag] == planned[row.tag]:
            raise ValueError(f"a verdict of {row.tag!r} that was not planned")
        seen[row.tag] += 1
        right[row.tag] += row.correct
    return float(np.mean([right[tag] / planned[tag] for tag in planned]))


def printed(summary: Summary) -> list[str]:
    """The lines of the released script."""
    tasks = [
        f"{tag:<16} = {t.share:.2%} ({t.correct} / {t.images})" for tag, t in summary.tasks.items()
    ]
    return [
        *_titled("Summary"),
        f"Total images: {summary.images}",
        f"Total prompts: {summary.prompts}",
        f"% correct images: {summary.correct_images:.2%}",
        f"% correct prompts: {summary.correct_prompts:.2%}",
        "",
        *_titled("Task breakdown"),
        *tasks,
        "",
        f"Overall score (avg. over tasks): {summary.overall:.5f}",
    ]


def _titled(title: str) -> Sequence[str]:
    return (title, "=" * len(title))


def ordered(summary: Summary) -> list[str]:
    """The tasks it has, in the order of published tables; unknown ones last."""
    known = [tag for tag in TAGS if tag in summary.tasks]
    return known + [tag for tag in summary.tasks if tag not in TAGS]
