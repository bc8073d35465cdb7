"""How much people would like a picture for its prompt: the HPSv2 reward through stock open_clip.

The reward is a fine-tuned CLIP ViT-H/14: 100 times the cosine of picture and prompt. The released
code carries a fork of open_clip; the stock one has the same parameters and gives the same features.
Only the preparation of pictures is the fork's own and is done here as it does it: to a tensor
first, the longer side to 224 px by bicubic interpolation, black bars around it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from evals.core.errors import ImageError
from evals.core.images import load_rgb
from evals.core.types import JSON, Absence
from metrics.clip import TowerSpec, Vector, load_tower, unit
from metrics.weight_files import hub_file

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

CODE = 1
"""Raised whenever the same weights could give another reward."""

HUB_REPO = "xswu/HPSv2"

Version = Literal["v2.0", "v2.1"]

FILES: dict[Version, str] = {"v2.0": "HPS_v2_compressed.pt", "v2.1": "HPS_v2.1_compressed.pt"}
"""Released weights; rewards of the two are not comparable."""

SETTINGS: dict[Version, str] = {"v2.0": "hpsv2", "v2.1": "hpsv2_1"}
"""Name under ``weights`` that gives the file."""

MODEL = "ViT-H-14"
SIDE = 224
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""OpenAI's, which open_clip takes for weights from a file."""


@dataclass(frozen=True, kw_only=True)
class Reward:
    """The reward of one release of the weights.

    Attributes:
        version: which release.
        weights: its file, or an open_clip folder; None looks into the local Hugging Face cache.
        cache: folder where the file's hash is remembered.
        device: torch device.
        batch_size: pictures per forward.
    """

    version: Version
    weights: Path | None = None
    cache: Path
    device: str = "cpu"
    batch_size: int = 16

    @property
    def tower(self) -> TowerSpec:
        """The CLIP with these weights."""
        weights = self.weights or hub_file(HUB_REPO, FILES[self.version])
        return TowerSpec(model=MODEL, quick_gelu=False, weights=weights, cache=self.cache)

    def identity(self) -> dict[str, JSON]:
        """Everything that decides the reward, for fingerprints."""
        try:
            # Resizing of tensors changed its default in torchvision 0.17.
            installed = importlib.metadata.version("torchvision")
        except importlib.metadata.PackageNotFoundError:
            installed = ""
        return {
            "reward": f"HPS{self.version}",
            "code": CODE,
            "tower": self.tower.identity(),
            "preparation": "tensor, longest side 224, bicubic, antialias, black bars",
            "torchvision": installed,
        }

    def absence(self) -> Absence | None:
        """Why it cannot be computed here; looks at files only."""
        if self.tower.file is not None:
            return self.tower.absence()
        name = FILES[self.version]
        where = self.weights or "the local Hugging Face cache"
        return Absence(
            reason=f"weights missing: the HPS{self.version} reward finds no {name} in {where}",
            fix=f"run: hf download {HUB_REPO} {name}, or give its path as "
            f"weights.{SETTINGS[self.version]}",
        )

    def score(self, pairs: Sequence[tuple[Path, str]]) -> list[float | ImageError]:
        """100 times the cosine of each picture and its prompt, in [-100, 100].

        Args:
            pairs: image file and prompt; a prompt is cut at CLIP's 77 tokens.

        Raises:
            UserError: the weights are absent or do not fit ViT-H/14.
        """
        done: list[float | ImageError] = []
        for start in range(0, len(pairs), self.batch_size):
            done += self._batch(pairs[start : start + self.batch_size])
        return done

    def _batch(self, pairs: Sequence[tuple[Path, str]]) -> list[float | ImageError]:
        prepared: list[torch.Tensor | ImageError] = []
        for path, _ in pairs:
            try:
                prepared.append(prepare(load_rgb(path)))
            except ImageError as error:
                prepared.append(error)
        tensors = [p for p in prepared if not isinstance(p, ImageError)]
        if not tensors:
            return [p for p in prepared if isinstance(p, ImageError)]
        tower = load_tower(self.tower, self.device)
        texts = [
            t for (_, t), p in zip(pairs, prepared, strict=True) if not isinstance(p, ImageError)
        ]
        rewards = iter(_cosines(tower.encode_images(tensors), tower.encode_texts(texts)))
        return [p if isinstance(p, ImageError) else next(rewards) for p in prepared]


def _cosines(images: Vector, texts: Vector) -> list[float]:
    values: list[float] = (100 * (unit(images) * unit(texts)).sum(axis=1)).tolist()
    return values


def prepare(image: Image) -> torch.Tensor:
    """(3, 224, 224) float32 as the reward model was trained on: the whole picture, black bars.

    Source: tgxs002/HPSv2, the validation transform with light augmentation, re-told.
    """
    import torch
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.functional import normalize, pad, resize

    values = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    height, width = values.shape[1:]
    scale = SIDE / max(height, width)
    if scale != 1:
        # A strip thinner than half a pixel would vanish.
        height, width = max(1, round(height * scale)), max(1, round(width * scale))
        values = resize(values, [height, width], InterpolationMode.BICUBIC, antialias=True)
    down, across = SIDE - height, SIDE - width
    values = pad(values, [across // 2, down // 2, across - across // 2, down - down // 2])
    prepared: torch.Tensor = normalize(values, MEAN, DEVIATION)
    return prepared
