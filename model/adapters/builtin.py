"""The two anchors of every editing report: the untouched original and the ground truth itself.

No metric starts at 0 or ends at 1 on real data: an untouched original scores about .52 F1 on
TextEdit, and a perfect edit does not reach 1. These two rows show where the scale really lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.core.types import JSON, Output, Sample, Task
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


def make_copy_source(argument: str | None, options: Mapping[str, JSON]) -> CopySource:
    """The bottom anchor.

    Raises:
        UserError: it was given an argument or options, and has none.
    """
    no_argument("copy-source", argument)
    check_options("copy-source", options, ())
    return CopySource()


def make_ground_truth(argument: str | None, options: Mapping[str, JSON]) -> GroundTruth:
    """The top anchor.

    Raises:
        UserError: it was given an argument or options, and has none.
    """
    no_argument("ground-truth", argument)
    check_options("ground-truth", options, ())
    return GroundTruth()
