"""Janus and Janus-Pro: one checkpoint of `transformers` that answers and makes images.

An image is 24x24 tokens (384x384 pixels in the released models), drawn one after the other from a
distribution that the prompt guides: ``unconditional + guidance_scale * (conditional -
unconditional)`` with a scale of 5, as in arXiv:2410.13848. Tokens are drawn from all of it, where
the library by itself would keep the 50 likeliest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from evals.core.types import Output, Sample, Task
from model.adapters.base import failed
from model.adapters.transformers_options import JanusOptions
from model.adapters.transformers_vlm import Job, TransformersVlm, Unaskable
from model.token_draw import Draw
from model.torch_tools import png


class Guide:
    """A logits processor: scores of a batch and of the same without prompts, as guided scores."""

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def __call__(self, ids: Any, scores: Any) -> Any:
        """Of shape (rows, vocabulary), float32, from (2 * rows, vocabulary)."""
        prompted, blank = scores.float().chunk(2)
        return blank + self._scale * (prompted - blank)


class Janus(TransformersVlm):
    """See the module."""

    tasks: frozenset[Task] = frozenset({"understand", "generate"})
    options_class = JanusOptions

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """One PNG each, with ``input_tokens`` and ``output_tokens`` in the usage.

        Raises:
            UserError: the checkpoint cannot be loaded.
        """
        return self._each(samples, seeds, self._draw)

    def _job(self, sample: Sample, seed: int) -> Job | Output:
        if sample.task == "generate" and sample.images:
            return failed(
                "unsupported_input",
                f"{self.checkpoint.name} makes images from text alone, and sample {sample.id} has "
                f"{len(sample.images)} input images.",
                status="unsupported",
            )
        return super()._job(sample, seed)

    def _draw(self, jobs: Sequence[Job]) -> list[Output]:
        import torch
        from PIL import Image

        length = self.model.config.vision_config.num_image_tokens
        try:
            inputs = self._inputs(jobs, length, fixed=True, generation_mode="image")
        except Unaskable as why:
            return self._singly(jobs, why, self._draw)
        rules: list[Any] = [Guide(self.options.guidance_scale)]
        if self.options.image_temperature > 0:
            rules.append(Draw([j.seed for j in jobs], self.options.image_temperature))
        # The library would put its own guidance behind our draw; 1 leaves it out.
        tokens = self._generate(inputs, rules, generation_mode="image", guidance_scale=1.0)
        with torch.inference_mode():
            decoded = self.model.decode_image_tokens(tokens).float()
            pixels = self.processor.postprocess(list(decoded), return_tensors="pt")
        images = pixels["pixel_values"].permute(0, 2, 3, 1).cpu().numpy()
        return [
            Output(
                images=(png(Image.fromarray(image)),),
                usage={"input_tokens": float(job.tokens), "output_tokens": float(length)},
            )
            for job, image in zip(jobs, images, strict=True)
        ]

    def _generate(
        self,
        inputs: Any,
        rules: list[Any],
        *,
        by: Callable[..., Any] | None = None,
        **settings: Any,
    ) -> Any:
        if "generation_mode" not in settings:
            from transformers import GenerationMixin

            # For text the model's own function drops the rules, and then calls this one.
            by, settings["guidance_scale"] = partial(GenerationMixin.generate, self.model), 1.0
        return super()._generate(inputs, rules, by=by, **settings)
