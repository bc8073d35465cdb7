"""Drawing tokens with one source of noise per sample.

`transformers` draws from the global generator of the device, so that an answer would depend on the
device, on the batch and on whatever drew before. Adding Gumbel noise to the logits and taking the
highest is a draw from the same distribution, and the noise can come from anywhere: here from one
CPU generator per row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model.torch_tools import cpu_generator


class Draw:
    """A logits processor after which the highest score is a draw from the softmax.

    To be the last one, in a generation that takes the highest score (``do_sample=False``).

    Args:
        seeds: one per row.
        temperature: the logits are divided by it; above 0.
        top_p: only the most probable tokens that together reach this share can be drawn.

    Attributes:
        used: whether anything was drawn.
    """

    def __init__(self, seeds: Sequence[int], temperature: float, top_p: float = 1.0) -> None:
        self.used = False
        self._generators = [cpu_generator(seed) for seed in seeds]
        self._temperature = temperature
        self._top_p = top_p

    def __call__(self, ids: Any, scores: Any) -> Any:
        """Noisy scores, float32 of shape (rows, vocabulary), from logits of that shape."""
        import torch
        from transformers import TopPLogitsWarper

        self.used = True
        scores = scores.float() / self._temperature
        if self._top_p < 1:
            scores = TopPLogitsWarper(self._top_p)(ids, scores)
        noise = torch.empty(scores.shape, dtype=torch.float32)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        # The logarithm of 0 would be infinite, and with a forbidden token's -inf not a number.
        noise = noise.clamp_min_(torch.finfo(torch.float32).tiny).log_()
        return scores - noise.to(scores.device)
