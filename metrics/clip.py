"""CLIP through open_clip: which one, how it is loaded, and the scores made from its features.

The features themselves are asked for through `metrics.clip_features`, which keeps them.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.core.errors import MissingExtra, UserError
from evals.core.images import sha256_file
from evals.core.types import JSON, Absence, fingerprint
from metrics.float32 import plain_float32
from metrics.weight_files import file_sha256, hub_file, is_torchscript

if TYPE_CHECKING:
    from PIL.Image import Image

Vector = NDArray[np.float32]

HUB_REPO = "timm/vit_large_patch14_clip_224.openai"
"""Where open_clip takes OpenAI's ViT-L/14 from."""

WEIGHT_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""File names of weights in a hub repository or in an open_clip folder, best first."""

DEFAULT_MODELS = ("ViT-L-14-quickgelu", "ViT-L-14")

NO_OP = 0.01
"""Two unit vectors nearer than this are the same picture, re-encoded at most."""


@dataclass(frozen=True, kw_only=True)
class TowerSpec:
    """Which CLIP: architecture, activation and weights.

    Attributes:
        model: a name that open_clip knows. Ignored when `weights` is an open_clip folder, which
            carries its own architecture.
        quick_gelu: the activation. OpenAI's weights were trained with QuickGELU; GELU is what the
            released TextEdit script runs them with.
        weights: a checkpoint file or a folder with ``open_clip_config.json``; None looks for
            OpenAI's ViT-L/14 in the local Hugging Face cache.
        cache: folder for features and file hashes.
    """

    model: str = "ViT-L-14-quickgelu"
    quick_gelu: bool = True
    weights: Path | None = None
    cache: Path

    @property
    def folder(self) -> Path | None:
        """The open_clip folder, when `weights` is one."""
        return self.weights if self.weights is not None and self.weights.is_dir() else None

    @property
    def file(self) -> Path | None:
        """The file with the weights, or None where there is none."""
        if self.folder is not None:
            found = (self.folder / name for name in WEIGHT_NAMES)
            return next((f for f in found if f.is_file()), None)
        if self.weights is not None:
            return self.weights if self.weights.is_file() else None
        if self.model not in DEFAULT_MODELS:
            return None
        hits = (hub_file(HUB_REPO, name) for name in WEIGHT_NAMES)
        return next((f for f in hits if f is not None), None)

    @property
    def name(self) -> str:
        """What open_clip is asked for."""
        return f"local-dir:{self.folder}" if self.folder else self.model

    def identity(self) -> dict[str, JSON]:
        """What decides the features: architecture, activation, weights, precision."""
        file, config = self.file, None
        if self.folder is not None and (self.folder / "open_clip_config.json").is_file():
            config = sha256_file(self.folder / "open_clip_config.json")
        return {
            "model": "local-dir" if self.folder else self.model,
            "config": config,
            "activation": "quickgelu" if self.quick_gelu else "gelu",
            "weights": file_sha256(file, self.cache) if file else None,
            "precision": "float32",
        }

    def absence(self) -> Absence | None:
        """Why this CLIP cannot be run here; looks at files only."""
        for package in ("torch", "torchvision", "open_clip"):
            if importlib.util.find_spec(package) is None:
                missing = MissingExtra(package, "metrics", "CLIP")
                return Absence(reason=str(missing).split(";")[0], fix=f"run: {missing.fix}")
        get = (
            "run: python -c \"import open_clip; open_clip.create_model('ViT-L-14-quickgelu', "
            "pretrained='openai')\" on a machine with network, or give the path of a checkpoint "
            "or of an open_clip folder as weights.clip"
        )
        if self.folder is not None and not (self.folder / "open_clip_config.json").is_file():
            return Absence(reason=f"{self.folder} holds no open_clip_config.json", fix=get)
        file = self.file
        if file is None:
            where = self.weights or "the local Hugging Face cache"
            return Absence(
                reason=f"weights missing: CLIP ({self.model}) finds none in {where}", fix=get
            )
        if is_torchscript(file):
            return Absence(
                reason=f"{file} is a TorchScript archive, which is code; only tensors are loaded",
                fix=get,
            )
        return None


class Tower:
    """A CLIP model in evaluation mode; get it with `load_tower`.

    Attributes:
        images_encoded: how many pictures went through the image tower so far.
        texts_encoded: how many texts went through the text tower so far.

    Raises:
        UserError: the weights are absent or do not fit the architecture.
    """

    def __init__(self, spec: TowerSpec, device: str = "cpu") -> None:
        import open_clip

        if absence := spec.absence():
            raise UserError(f"CLIP is not available: {absence}.")
        self.device = device
        self.images_encoded = 0
        self.texts_encoded = 0
        pretrained = None if spec.folder else str(spec.file)
        try:
            self._model, _, self._prepare = open_clip.create_model_and_transforms(
                spec.name,
                pretrained=pretrained,
                precision="fp32",
                device=device,
                quick_gelu=spec.quick_gelu,
                weights_only=True,
            )
        except (RuntimeError, AssertionError) as error:  # open_clip asserts shapes
            raise UserError(
                f"CLIP: {spec.file} does not fit {spec.name}: {str(error)[:300]}; give weights "
                "and model that belong together."
            ) from error
        self._model.eval()
        self._tokenize = open_clip.get_tokenizer(spec.name)

    def prepare(self, image: Image) -> Any:
        """A picture as the tower wants it: shorter side 224 bicubic, centre crop, normalised."""
        return self._prepare(image)

    def encode_images(self, prepared: Sequence[Any]) -> Vector:
        """(n, d) image features, not normalised, of n prepared pictures in one forward."""
        import torch

        with torch.inference_mode(), plain_float32():
            features = self._model.encode_image(torch.stack(list(prepared)).to(self.device))
        self.images_encoded += len(prepared)
        return _to_numpy(features)

    def encode_texts(self, texts: Sequence[str]) -> Vector:
        """(n, d) text features, not normalised; texts are cut at the context length."""
        import torch

        with torch.inference_mode(), plain_float32():
            features = self._model.encode_text(self._tokenize(list(texts)).to(self.device))
        self.texts_encoded += len(texts)
        return _to_numpy(features)


def _to_numpy(features: Any) -> Vector:
    values: Vector = features.float().cpu().numpy()
    return values


@functools.lru_cache(maxsize=4)
def _loaded_tower(spec: TowerSpec, device: str, identity: str) -> Tower:
    del identity  # part of the key: another file under the same path is another model
    return Tower(spec, device)


def load_tower(spec: TowerSpec, device: str = "cpu") -> Tower:
    """The tower of this process for a specification, loaded once.

    Raises:
        UserError: as `Tower`.
    """
    return _loaded_tower(spec, device, fingerprint(spec.identity()))


# --- scores from features ---------------------------------------------------------------------


def unit(vectors: ArrayLike) -> NDArray[np.float64]:
    """Vectors divided by their L2 norm along the last axis; a zero vector stays zero."""
    values = np.asarray(vectors, np.float64)
    norms = np.linalg.norm(values, axis=-1, keepdims=True)
    scaled: NDArray[np.float64] = np.divide(
        values, norms, out=np.zeros_like(values), where=norms > 0
    )
    return scaled


def cosine(one: ArrayLike, other: ArrayLike) -> float:
    """Cosine of two vectors in [-1, 1]; 0 when one of them is zero.

    >>> cosine([1, 0], [3, 3]).__round__(4), cosine([1, 0], [0, 0])
    (0.7071, 0.0)
    """
    return float(np.clip(unit(one) @ unit(other), -1.0, 1.0))


def directional(edit: ArrayLike, original: ArrayLike, truth: ArrayLike) -> float | None:
    """Does the edit move the picture where the ground truth moves it: a cosine of differences.

    ``cos(E(edit) - E(original), E(truth) - E(original))`` of unit features.

    Returns:
        A value in [-1, 1], higher is better. 0 when the edit did nothing (its feature is within
        .01 of the original's): the direction of a difference that small is noise. None when the
        ground truth itself is that near to the original.

    Source: after StyleGAN-NADA (Gal et al. 2021), with images for both directions.

    >>> round(directional([0, 1], [1, 0], [0, 1]), 6), directional([1, 0], [1, 0], [0, 1])
    (1.0, 0.0)
    """
    start = unit(original)
    moved, wanted = unit(edit) - start, unit(truth) - start
    if np.linalg.norm(wanted) < NO_OP:
        return None
    return 0.0 if np.linalg.norm(moved) < NO_OP else cosine(moved, wanted)
