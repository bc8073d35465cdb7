"""Latents of images, kept on disk between epochs and runs where a folder is given.

A picture's latents are the mode of the VAE's posterior, as at inference, and therefore always the
same; encoding it once is enough.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evals.core.writing import disk_error
from model.internvlu.latents import encode


class Latents:
    """Encodes images, or finds what was encoded before.

    Args:
        vae: of the checkpoint.
        folder: to keep latents in; None to keep none.
        identity: of the weights and their type; others have latents of their own.
    """

    def __init__(self, vae: Any, folder: Path | None, identity: str) -> None:
        self.vae = vae
        self.folder = folder / identity if folder is not None else None

    def of(self, pixels: Sequence[Tensor]) -> list[Tensor]:
        """Latents of images.

        Args:
            pixels: each (3, height, width) in [-1, 1].

        Returns:
            Each (channels, height / 8, width / 8), float32, on the VAE's device.

        Raises:
            UserError: the folder cannot be written.
        """
        if self.folder is None:
            return encode(self.vae, pixels)
        found = []
        for image in pixels:
            place = self._place(image)
            kept = _read(place)
            if kept is None:
                kept = encode(self.vae, [image])[0]
                _write(place, kept)
            found.append(kept.to(self.vae.device))
        return found

    def _place(self, image: Tensor) -> Path:
        assert self.folder is not None
        content = hashlib.blake2b(image.contiguous().numpy().tobytes(), digest_size=16)
        content.update(str(tuple(image.shape)).encode())
        name = content.hexdigest()
        return self.folder / name[:2] / f"{name}.npy"


def _read(place: Path) -> Tensor | None:
    try:
        return torch.from_numpy(np.load(place, allow_pickle=False))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError):
        # Half a file, of a machine that lost power; it is written again.
        return None


def _write(place: Path, latents: Tensor) -> None:
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as stream:
            np.save(stream, latents.float().cpu().numpy(), allow_pickle=False)
        os.replace(part, place)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise disk_error(error, place) from error
