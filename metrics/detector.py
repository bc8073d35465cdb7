"""Objects in pictures: what a detector finds, the protocol, and Mask2Former of `transformers`.

Detections that were made elsewhere come in through `metrics.detector_records`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from evals.core.checkpoints import Checkpoint, find_checkpoint
from evals.core.errors import ImageError, MissingExtra, UserError
from evals.core.images import load_rgb
from evals.core.types import JSON, Absence
from metrics.float32 import plain_float32
from metrics.instances import Detections, instances

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

CODE = 1
"""Raised whenever the same weights could find something else."""

DEFAULT_CHECKPOINT = "facebook/mask2former-swin-small-coco-instance"
"""The architecture that GenEval pins, of another training run than GenEval's."""

COCO_CLASSES = 80

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of RGB in [0, 1]; what COCO detectors with a Swin backbone are trained with."""


class Detector(Protocol):
    """What finds objects."""

    def identity(self) -> dict[str, JSON]:
        """Everything that decides what is found, for fingerprints."""
        ...

    def absence(self) -> Absence | None:
        """None when it can be used here; else why not. Looks at files only."""
        ...

    def detect(
        self, paths: Sequence[Path], keys: Sequence[str]
    ) -> list[Detections | ImageError | None]:
        """What is in each picture; the error of one that cannot be decoded.

        Args:
            paths: image files.
            keys: ``sample/trial`` of each, by which records are found. None is the answer where
                there is no record.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Mask2Former:
    """Instance segmentation by `Mask2FormerForUniversalSegmentation`.

    Not the library's post-processing, which draws one map without overlaps: as in detection, the
    likeliest pairs of query and class are taken, an object's score is the probability of its class
    times the mean probability inside its mask, and its box is the mask's.

    Attributes:
        checkpoint: folder or ``ORG/NAME[@COMMIT]`` in the hub's cache.
        device: torch device.
        batch_size: pictures of one padded size per forward.
        shortest: side in px to which the shorter side is brought,
        longest: unless the longer one would pass this.
        stride: sides are padded to a multiple of it.
        top: most pairs of query and class per picture.
        min_score: objects of a lower score are dropped, in [0, 1); far below any threshold used.
        classes: how many the checkpoint must know.
    """

    checkpoint: str = DEFAULT_CHECKPOINT
    device: str = "cpu"
    batch_size: int = 4
    shortest: int = 800
    longest: int = 1333
    stride: int = 32
    top: int = 100
    min_score: float = 0.05
    classes: int = COCO_CLASSES

    @functools.cached_property
    def found(self) -> Checkpoint:
        """Where the checkpoint is, or what it lacks."""
        return find_checkpoint(self.checkpoint)

    def identity(self) -> dict[str, JSON]:
        """See `Detector`."""
        try:
            installed = importlib.metadata.version("transformers")
        except importlib.metadata.PackageNotFoundError:
            installed = ""
        return {
            "detector": "mask2former",
            "code": CODE,
            "checkpoint": self.found.name,
            "commit": self.found.commit,
            "files": self.found.digest,
            "resize": [self.shortest, self.longest, self.stride],
            "top": self.top,
            "min_score": self.min_score,
            "precision": "float32",
            "transformers": installed,
        }

    def absence(self) -> Absence | None:
        """See `Detector`."""
        for package in ("torch", "torchvision", "transformers"):
            if importlib.util.find_spec(package) is None:
                missing = MissingExtra(package, "models", "the detector")
                return Absence(
                    reason=f"the package {package} is not installed", fix=f"run: {missing.fix}"
                )
        return self.found.absence

    def detect(
        self, paths: Sequence[Path], keys: Sequence[str]
    ) -> list[Detections | ImageError | None]:
        """See `Detector`.

        Raises:
            UserError: the checkpoint cannot be loaded.
        """
        model = _load(str(self.found.folder), self.found.digest, self.device, self.classes)
        done: dict[int, Detections | ImageError] = {}
        waiting: dict[tuple[int, int], list[tuple[int, torch.Tensor, tuple[int, int]]]] = {}
        # Pictures of one padded size go together: padding a smaller one further would change it.
        for number, path in enumerate(paths):
            try:
                image = load_rgb(path)
            except ImageError as error:
                done[number] = error
                continue
            pixels = self._prepare(image)
            group = waiting.setdefault(self._padded(pixels), [])
            group.append((number, pixels, image.size))
            if len(group) == self.batch_size:
                done |= self._batch(model, group)
                group.clear()
        for group in waiting.values():
            if group:
                done |= self._batch(model, group)
        return [done[number] for number in range(len(paths))]

    def _prepare(self, image: Image) -> torch.Tensor:
        """(3, height, width) float32: resized without antialiasing, as the detector's tests are."""
        import torch
        from torch.nn.functional import interpolate

        values = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
        height, width = values.shape[-2:]
        scale = min(self.shortest / min(height, width), self.longest / max(height, width))
        size = (max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5)))
        small = interpolate(values, size=size, mode="bilinear", align_corners=False)[0]
        mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
        return (small - mean[:, None, None]) / deviation[:, None, None]

    def _padded(self, pixels: torch.Tensor) -> tuple[int, int]:
        height, width = pixels.shape[-2:]
        return -(-height // self.stride) * self.stride, -(-width // self.stride) * self.stride

    def _batch(
        self, model: Any, group: Sequence[tuple[int, torch.Tensor, tuple[int, int]]]
    ) -> dict[int, Detections]:
        import torch

        height, width = self._padded(group[0][1])
        batch = torch.zeros((len(group), 3, height, width))
        for place, (_, pixels, _) in zip(batch, group, strict=True):
            place[:, : pixels.shape[1], : pixels.shape[2]] = pixels
        with torch.inference_mode(), plain_float32():
            output = model(pixel_values=batch.to(self.device))
            return {
                number: instances(
                    output.class_queries_logits[row],
                    output.masks_queries_logits[row],
                    padded=(height, width),
                    inner=(pixels.shape[1], pixels.shape[2]),
                    size=size,
                    top=self.top,
                    min_score=self.min_score,
                )
                for row, (number, pixels, size) in enumerate(group)
            }


@functools.lru_cache(maxsize=1)
def _load(folder: str, digest: str, device: str, classes: int) -> Any:
    """The model of this process, in evaluation mode.

    Raises:
        UserError: it cannot be loaded, or knows another number of classes.
    """
    del digest  # part of the key: other weights in the same folder are another model
    library: Any = importlib.import_module("transformers")
    library.utils.logging.disable_progress_bar()  # the run draws its own
    try:
        model = library.Mask2FormerForUniversalSegmentation.from_pretrained(
            folder, use_safetensors=True
        )
    except Exception as error:
        raise UserError(
            f"The detector in {folder} cannot be loaded ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}); give a Mask2Former checkpoint."
        ) from error
    if model.config.num_labels != classes:
        raise UserError(
            f"The detector in {folder} knows {model.config.num_labels} classes, not {classes}; "
            f"give one that was trained on COCO's instances, e.g. {DEFAULT_CHECKPOINT}."
        )
    return model.float().to(device).eval()
