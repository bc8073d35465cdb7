"""Steps without the cost of launching them: a step recorded once as a CUDA graph and played back.

A step launches some two thousand kernels. For one image of 512 pixels the GPU is done with each
long before the next one comes, and what is measured is how fast Python is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model.internvlu.decoder import GenerationDecoder, Prepared

MOST_TOKENS = 24_000
"""With more, the kernels are longer than their launches, and a graph would only hold memory."""


class Replayed:
    """The decoder for one generation, whose steps differ in nothing but their numbers.

    The first step runs as it is, and shows that the second can be recorded; all but the first are
    played back. Elsewhere than on CUDA every step runs as it is.

    Args:
        decoder: the network.
        prepared: of this generation.
    """

    def __init__(self, decoder: GenerationDecoder, prepared: Prepared) -> None:
        self.decoder = decoder
        self.prepared = prepared
        tokens = sum(prepared.packing.lengths)
        self.records = decoder.device.type == "cuda" and tokens <= MOST_TOKENS
        self._warm = False
        self._graph: torch.cuda.CUDAGraph | None = None
        self._latents: list[Tensor] = []
        self._embedded = torch.empty(0)
        self._velocities: list[Tensor] = []

    def __call__(self, latents: Sequence[Tensor], embedded: Tensor) -> list[Tensor]:
        """See `GenerationDecoder.velocities`."""
        if not self.records or not self._warm:
            self._warm = True
            return self.decoder.velocities(latents, embedded, self.prepared)
        with torch.cuda.device(self.decoder.device):
            if self._graph is None:
                self._record(latents, embedded)
            assert self._graph is not None
            for place, values in zip(self._latents, latents, strict=True):
                place.copy_(values)
            self._embedded.copy_(embedded)
            self._graph.replay()
        # The next step writes into the same places.
        return [v.clone() for v in self._velocities]

    def _record(self, latents: Sequence[Tensor], embedded: Tensor) -> None:
        self._latents = [x.clone() for x in latents]
        self._embedded = embedded.clone()
        graph = torch.cuda.CUDAGraph()
        # Other threads may go on with the device meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._velocities = self.decoder.velocities(self._latents, self._embedded, self.prepared)
        self._graph = graph
