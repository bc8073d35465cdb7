"""LPIPS: a distance between pictures that follows what people notice, by the `lpips` package.

Only the linear heads are in that package. The backbone's weights are torchvision's; they are
found on disk and checked against the hash in their official name, because a backbone with random
weights gives plausible, well-ordered numbers, too.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evals.core.errors import MissingExtra, UserError
from evals.core.types import JSON, Absence
from metrics.fidelity import Pixels, Region, check_pair
from metrics.weight_files import file_sha256, torch_checkpoint

if TYPE_CHECKING:
    import torch

BACKBONES = {
    "alex": "alexnet-owt-7be5be79.pth",
    "vgg": "vgg16-397923af.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
}
"""Backbone -> torchvision's file, whose name ends in the first digits of its SHA-256."""

BUILDERS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}

MIN_SIDE = 32
"""Smaller pictures vanish in the backbone's strides, px."""

LpipsMap = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """Which weights LPIPS runs on.

    Attributes:
        net: ``alex`` (the paper's recommendation for a metric), ``vgg`` or ``squeeze``.
        path: weight file; torch.hub's checkpoint folder by default.
        unverified: for tests only: accept a file whose hash is not torchvision's. Scores made
            with it are marked and comparable with nothing.
        cache: folder where the file's hash is remembered.
    """

    net: str = "alex"
    path: Path | None = None
    unverified: bool = False
    cache: Path

    def __post_init__(self) -> None:
        if self.net not in BACKBONES:
            raise UserError(f"LPIPS has no backbone {self.net!r}; use {', '.join(BACKBONES)}.")

    @property
    def file(self) -> Path:
        """Where the weights are, or would be."""
        return self.path or torch_checkpoint(BACKBONES[self.net])

    def sha256(self) -> str | None:
        """Hash of the weight file; None when there is none."""
        return file_sha256(self.file, self.cache) if self.file.is_file() else None

    def identity(self) -> dict[str, JSON]:
        """What decides the numbers: network, weights, version of the heads."""
        return {
            "lpips": "0.1",
            "net": self.net,
            "backbone": self.sha256(),
            "unverified": self.unverified,
        }

    def absence(self) -> Absence | None:
        """Why LPIPS cannot be computed here; looks at files only."""
        for package in ("torch", "torchvision", "lpips"):
            if importlib.util.find_spec(package) is None:
                missing = MissingExtra(package, "metrics", "LPIPS")
                return Absence(reason=str(missing).split(";")[0], fix=f"run: {missing.fix}")
        name = BACKBONES[self.net]
        get = (
            f'run: python -c "import torchvision; torchvision.models.{BUILDERS[self.net]}'
            "(weights='DEFAULT')\" on a machine with network, and copy the file here"
        )
        found = self.sha256()
        if found is None:
            return Absence(
                reason=f"weights missing: LPIPS needs torchvision's {name}, not at {self.file}",
                fix=f"{get}, or give its path as weights.lpips_{self.net}",
            )
        official = name.rsplit("-", 1)[1].split(".")[0]
        if not found.startswith(official) and not self.unverified:
            return Absence(
                reason=f"{self.file} is not torchvision's {name}: its SHA-256 starts with "
                f"{found[:8]}, not {official}",
                fix=get,
            )
        return None


class Lpips:
    """LPIPS over batches of pictures of one size; build it with `load`.

    Args:
        backbone: which weights.
        device: torch device.

    Raises:
        UserError: weights or packages are absent, or the file does not fit the network.
    """

    def __init__(self, backbone: Backbone, device: str = "cpu") -> None:
        if absence := backbone.absence():
            raise UserError(f"LPIPS is not available: {absence}.")
        self.backbone = backbone
        self.device = device
        self._model = _build(backbone, device)

    def features(self, pictures: Sequence[Pixels]) -> list[torch.Tensor]:
        """Normalised activations of a batch, one tensor (n, channels, h, w) per layer.

        Args:
            pictures: (height, width, 3) uint8, all of one size, sides of at least 32 px.

        Raises:
            ValueError: another size or type.
        """
        import lpips
        import torch

        for picture in pictures:
            check_pair(pictures[0], picture)
        if min(pictures[0].shape[:2]) < MIN_SIDE:
            raise ValueError(f"LPIPS needs sides of at least {MIN_SIDE} px")
        with torch.inference_mode():
            batch = torch.from_numpy(np.stack(pictures)).to(self.device)
            scaled = batch.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
            layers = self._model.net.forward(self._model.scaling_layer(scaled))
            return [lpips.normalize_tensor(layer) for layer in layers]

    def compare(
        self, one: list[torch.Tensor], other: list[torch.Tensor], size: tuple[int, int]
    ) -> tuple[NDArray[np.float64], LpipsMap]:
        """Distances and distance maps of two batches of `features`.

        Args:
            one: features of n pictures.
            other: features of n pictures.
            size: (height, width) of the pictures.

        Returns:
            (n,) distances, the package's own scalar; and (n, height, width) maps, each layer
            brought to full size bilinearly as the package does with `spatial=True`. 0 is equal.
        """
        import torch
        from torch.nn.functional import interpolate

        with torch.inference_mode():
            count = one[0].shape[0]
            total = torch.zeros(count, device=self.device)
            spatial = torch.zeros((count, 1, *size), device=self.device)
            for a, b, head in zip(one, other, self._model.lins, strict=True):
                layer = head((a - b) ** 2)
                total += layer.mean(dim=(1, 2, 3))
                spatial += interpolate(layer, size=size, mode="bilinear", align_corners=False)
            maps: LpipsMap = spatial[:, 0].cpu().numpy()
            return total.double().cpu().numpy(), maps


def region_mean(distances: LpipsMap, region: Region) -> float | None:
    """Mean of one distance map over a region; None for an empty region.

    >>> region_mean(np.eye(2, dtype=np.float32), np.array([[True, True], [False, False]]))
    0.5
    """
    count = int(np.count_nonzero(region))
    return float(distances.sum(where=region, dtype=np.float64)) / count if count else None


def _build(backbone: Backbone, device: str) -> Any:
    """The package's network and heads, with the backbone's weights from our file.

    The package itself would take the weights from torch.hub's folder only, and download them.
    """
    import warnings

    import lpips
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torchvision's renamed arguments
        model = lpips.LPIPS(net=backbone.net, pnet_rand=True, verbose=False)
    state = torch.load(backbone.file, map_location="cpu", weights_only=True)
    wanted = model.net.state_dict()
    # "slice2.3.weight" of the package is "features.3.weight" of torchvision.
    names = {key: "features." + key.split(".", 1)[1] for key in wanted}
    for key, name in names.items():
        if name not in state or state[name].shape != wanted[key].shape:
            raise UserError(
                f"{backbone.file} does not fit LPIPS-{backbone.net}: {name} is missing or has "
                f"another shape; use torchvision's {BACKBONES[backbone.net]}."
            )
    model.net.load_state_dict({key: state[name] for key, name in names.items()}, strict=True)
    return model.to(device).eval()


@functools.lru_cache(maxsize=2)
def _loaded(backbone: Backbone, device: str, sha256: str | None) -> Lpips:
    del sha256  # part of the key: another file under the same path is another model
    return Lpips(backbone, device)


def load(backbone: Backbone, device: str = "cpu") -> Lpips:
    """The model of this process for a backbone, loaded once.

    Raises:
        UserError: as `Lpips`.
    """
    return _loaded(backbone, device, backbone.sha256())
