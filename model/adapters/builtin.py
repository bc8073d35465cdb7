"""Rows without a model: the two anchors of every editing report, and two sanity rows.

No metric starts at 0 or ends at 1 on real data: an untouched original scores about .52 F1 on
TextEdit, and a perfect edit does not reach 1. `copy-source` and `ground-truth` show where the scale
really lies. `blank` and `shuffled-truth` show that a metric can say no: a white picture, and a
well-made picture that answers another sample. A metric that gives either a good score measures
something else than it says.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.core.errors import ImageError, UserError
from evals.core.images import load_rgb, sha256_file
from evals.core.types import JSON, Output, Prediction, Sample, Task
from model.adapters.base import Adapter, check_options, failed, no_argument


class CopySource(Adapter):
    """Returns the input image file unchanged: what doing nothing scores."""

    name = "copy-source"
    tasks: frozenset[Task] = frozenset({"edit"})
    batch_size = 64

    def describe(self) -> Mapping[str, JSON]:
        """The same for every run: there is nothing to choose."""
        return {"adapter": self.name, "anchor": "bottom", "does": "returns the input unchanged"}

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The first input image of each sample, by path."""
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Output:
        if not sample.images or not sample.images[0].is_file():
            where = str(sample.images[0]) if sample.images else f"sample {sample.id}"
            return failed(
                "missing_input",
                f"There is no input image to copy for sample {sample.id} ({where}); verify the "
                "data.",
                origin="infrastructure",
            )
        return Output(images=(sample.images[0],))


class GroundTruth(Adapter):
    """Returns the reference: what a perfect answer scores with these metrics."""

    name = "ground-truth"
    tasks: frozenset[Task] = frozenset({"edit", "generate", "understand"})
    batch_size = 64

    def describe(self) -> Mapping[str, JSON]:
        """The same for every run: there is nothing to choose."""
        return {"adapter": self.name, "anchor": "top", "does": "returns the reference itself"}

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The first reference image of each sample, by path."""
        return [self._image(sample) for sample in samples]

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The first reference image of each sample, by path."""
        return [self._image(sample) for sample in samples]

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The field `answer` of each sample's reference, where it is text."""
        return [self._answer(sample) for sample in samples]

    def _image(self, sample: Sample) -> Output:
        if not sample.reference_images:
            return failed(
                "no_reference",
                f"Sample {sample.id} has no reference image to return.",
                status="unsupported",
            )
        path = sample.reference_images[0]
        if not path.is_file():
            return failed(
                "missing_reference",
                f"There is no reference image {path} for sample {sample.id}; verify the data.",
                origin="infrastructure",
            )
        return Output(images=(path,))

    def _answer(self, sample: Sample) -> Output:
        answer = getattr(sample.reference, "answer", None)
        if not isinstance(answer, str):
            return failed(
                "no_reference",
                f"Sample {sample.id} has no reference answer to return.",
                status="unsupported",
            )
        return Output(text=answer)


class Builtin(Adapter):
    """Does every task without looking: the floor of a sweep over all kinds of benchmarks.

    An edit is the input unchanged, a generated image is a white one, and the answer to any
    question is ``A``, or ``Yes`` where the question asks for yes or no.
    """

    name = "builtin"
    tasks: frozenset[Task] = frozenset({"edit", "generate", "understand"})
    batch_size = 64

    def describe(self) -> Mapping[str, JSON]:
        """The same for every run: there is nothing to choose."""
        return {
            "adapter": self.name,
            "sanity": "low",
            "does": "copies sources, draws white, answers A or Yes",
        }

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The first input image of each sample, by path."""
        return CopySource().edit(samples, seeds)

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """A white PNG of 512 x 512 pixels for each sample."""
        return [Output(images=(_white((512, 512)),)) for _ in samples]

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """``Yes`` where the prompt speaks of yes or no, else ``A``."""
        return [Output(text="Yes" if "yes or no" in s.prompt.lower() else "A") for s in samples]


class Blank(Adapter):
    """A white picture of the input's size: nothing is left, and nothing is written."""

    name = "blank"
    tasks: frozenset[Task] = frozenset({"edit"})
    batch_size = 16

    def describe(self) -> Mapping[str, JSON]:
        """The same for every run: there is nothing to choose."""
        return {"adapter": self.name, "sanity": "low", "does": "returns a white image"}

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """A white PNG of the size that a person sees the first input image in."""
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Output:
        if not sample.images:
            return failed(
                "missing_input",
                f"Sample {sample.id} has no input image to take the size of.",
                status="unsupported",
            )
        try:
            size = load_rgb(sample.images[0]).size
        except ImageError as error:
            return failed("unreadable_input", str(error), origin="infrastructure")
        return Output(images=(_white(size),))


def _white(size: tuple[int, int]) -> bytes:
    """A white PNG of (width, height) pixels."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", size, "white").save(stream, "PNG")
    return stream.getvalue()


class ShuffledTruth(Adapter):
    """The ground truth of another sample: a good picture that answers another question.

    Each sample gets that of the next one of the planned samples, and the last that of the first.
    With another ``--limit`` the neighbours are others; predictions made with those are stale and
    are made again, so that a run's outputs depend on its planned samples alone.
    """

    name = "shuffled-truth"
    tasks: frozenset[Task] = frozenset({"edit", "generate"})
    batch_size = 64

    def __init__(self) -> None:
        self._truths: dict[str, Path] = {}

    def describe(self) -> Mapping[str, JSON]:
        """The same for every run: the order of the suite decides."""
        return {
            "adapter": self.name,
            "sanity": "low",
            "does": "returns the reference of the next sample",
        }

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """Learn which sample follows which.

        Args:
            samples: all planned samples, in order.

        Raises:
            UserError: a sample has no ground truth, or all have the same one.
        """
        files = []
        for sample in samples:
            if not sample.reference_images:
                raise UserError(
                    f"shuffled-truth has nothing to exchange: sample {sample.id} has no ground "
                    "truth image; leave this model out."
                )
            files.append(sample.reference_images[0])
        if len(set(files)) < 2:
            raise UserError(
                f"shuffled-truth needs samples with two different ground truths, and {len(files)} "
                "planned samples have not; raise --limit or leave this model out."
            )
        for at, sample in enumerate(samples):
            # Neighbours may share a file; the sample must not get its own.
            later = (*files[at + 1 :], *files[:at])
            self._truths[sample.id] = next(f for f in later if f != files[at])
        return []

    def is_stale(self, sample: Sample, prediction: Prediction) -> bool:
        """Whether a stored prediction is not that of the sample's neighbour in this plan."""
        truth = self._truths.get(sample.id)
        if truth is None or prediction.status != "ok" or not prediction.images:
            return False
        return prediction.images[0].sha256 != sha256_file(truth)

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The first reference image of each sample's neighbour, by path."""
        return [self._one(sample) for sample in samples]

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """The first reference image of each sample's neighbour, by path."""
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Output:
        truth = self._truths.get(sample.id)
        if truth is None:
            return failed(
                "no_neighbour",
                f"The neighbour of sample {sample.id} is not known; call check() with all samples "
                "first.",
                origin="infrastructure",
            )
        if not truth.is_file():
            return failed(
                "missing_reference",
                f"There is no reference image {truth} to give to sample {sample.id}; verify the "
                "data.",
                origin="infrastructure",
            )
        return Output(images=(truth,))


def make_builtin(argument: str | None, options: Mapping[str, JSON]) -> Builtin:
    """Floor of a whole sweep: copies sources, draws white images, answers A or Yes.

    Raises:
        UserError: it was given an argument or options, and has none.
    """
    no_argument("builtin", argument)
    check_options("builtin", options, ())
    return Builtin()


def make_copy_source(argument: str | None, options: Mapping[str, JSON]) -> CopySource:
    """Floor of the scale: returns the input image untouched, what doing nothing scores.

    Raises:
        UserError: it was given an argument or options, and has none.
    """
    no_argument("copy-source", argument)
    check_options("copy-source", options, ())
    return CopySource()


def make_ground_truth(argument: str | None, options: Mapping[str, JSON]) -> GroundTruth:
    """Ceiling of the scale: returns the ground truth, what a perfect answer scores.

    Raises:
        UserError: it was given an argument or options, and has none.
    """
    no_argument("ground-truth", argument)
    check_options("ground-truth", options, ())
    return GroundTruth()


def make_blank(argument: str | None, options: Mapping[str, JSON]) -> Blank:
    """Sanity row: a white image; a metric that does not score it near its worst is suspect.

    Raises:
        UserError: it was given an argument or options, and has none.
    """
    no_argument("blank", argument)
    check_options("blank", options, ())
    return Blank()


def make_shuffled_truth(argument: str | None, options: Mapping[str, JSON]) -> ShuffledTruth:
    """Sanity row: the ground truth of the next sample, a good image that answers another task.

    Raises:
        UserError: it was given an argument or options, and has none.
    """
    no_argument("shuffled-truth", argument)
    check_options("shuffled-truth", options, ())
    return ShuffledTruth()
