"""The recorded files of a fixture folder, and the models that they are replayed through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import init_empty_weights
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from evals.core.errors import UserError
from model.internvlu import checkpoint
from model.internvlu.config import FILES, DecoderConfig, read_json
from model.internvlu.decoder import GenerationDecoder
from model.internvlu.pipeline import InternVLUPipeline

CHECKPOINT, EXPECTED = "tiny-checkpoint", "expected"
DECODER = "generation_decoder"


class Tensors(Mapping[str, Tensor]):
    """A recorded safetensors file; remembers what was looked at.

    Args:
        name: of the file, for messages.
        tensors: what it holds.
    """

    def __init__(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        self.name, self._all = name, dict(tensors)
        self._seen: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> Tensors:
        """A file.

        Raises:
            UserError: it cannot be read.
        """
        try:
            return cls(path.name, load_file(path))
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            raise UserError(
                f"{path} is no whole safetensors file ({error}); get it again."
            ) from error

    def __getitem__(self, key: str) -> Tensor:
        if key not in self._all:
            raise UserError(f"{EXPECTED}/{self.name} lacks {key}; record it again.")
        self._seen.add(key)
        return self._all[key]

    def __contains__(self, key: object) -> bool:
        return key in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def optional(self, key: str) -> Tensor | None:
        """A tensor, or None where there is none."""
        return self[key] if key in self._all else None

    def matching(self, pattern: str) -> dict[str, re.Match[str]]:
        """Key -> match of the keys that fit a pattern as a whole, in order."""
        return {k: m for k in self._all if (m := re.fullmatch(pattern, k))}

    def prefixes(self, *ends: str) -> list[str]:
        """What stands before any of these ends (regular expressions) of keys, each once."""
        found = self.matching(rf"(.+)\.(?:{'|'.join(ends)})").values()
        return list(dict.fromkeys(match[1] for match in found))

    def unseen(self) -> list[str]:
        """Keys that nothing has looked at."""
        return sorted(set(self._all) - self._seen)


class Fixture:
    """A folder with ``tiny-checkpoint/`` and ``expected/``.

    Args:
        folder: of both.

    Raises:
        UserError: one is absent, or the checkpoint cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.expected = folder, folder / EXPECTED
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder; name one that holds {CHECKPOINT}/ and "
                            f"{EXPECTED}/.")  # fmt: skip
        for name in (CHECKPOINT, EXPECTED):
            if not (folder / name).is_dir():
                raise UserError(
                    f"{folder} holds no folder {name}/; name a folder with the recordings of a "
                    f"checkpoint ({CHECKPOINT}/ and {EXPECTED}/)."
                )
        self.pipe = InternVLUPipeline.from_pretrained(
            folder / CHECKPOINT, device="cpu", dtype="float32", reference_compat=True
        )
        self._opened: dict[str, Tensors] = {}

    def has(self, name: str) -> bool:
        """Whether a file is among the recorded ones."""
        return (self.expected / name).is_file()

    def tensors(self, name: str) -> Tensors:
        """A recorded safetensors file.

        Raises:
            UserError: it cannot be read.
        """
        if name not in self._opened:
            self._opened[name] = Tensors.read(self.expected / name)
        return self._opened[name]

    def json(self, name: str) -> dict[str, Any]:
        """A recorded JSON object.

        Raises:
            UserError: it cannot be read.
        """
        return read_json(self.expected / name)

    def png(self, name: str) -> Tensor:
        """Pixels of a recorded image: (height, width, 3) uint8.

        Raises:
            UserError: it cannot be read.
        """
        try:
            with Image.open(self.expected / name) as image:
                return torch.from_numpy(np.array(image.convert("RGB")))
        except OSError as error:
            path = self.expected / name
            raise UserError(f"{path} is no image ({error}); get it again.") from error

    def opened(self) -> list[Tensors]:
        """The safetensors files that were read."""
        return list(self._opened.values())

    @cached_property
    def inputs(self) -> dict[str, Image.Image]:
        """Input images by their short name: the recorded pixels, else ``input_*.png``."""
        found = {
            path.stem.removeprefix("input_"): Image.fromarray(self.png(path.name).numpy())
            for path in sorted(self.expected.glob("input_*.png"))
        }
        name = "processor.safetensors"
        if self.has(name):
            tensors = self.tensors(name)
            for key, match in tensors.matching(r"(.+)\.uint8_hwc").items():
                found[match[1]] = Image.fromarray(tensors[key].numpy())
        return found

    @cached_property
    def decoders(self) -> dict[str, GenerationDecoder]:
        """Folder -> decoder: that of the checkpoint, then those of folders beside it.

        Raises:
            UserError: one cannot be loaded.
        """
        found = {CHECKPOINT: self.pipe.parts.decoder}
        for path in sorted(self.folder.glob(f"*/{DECODER}/{FILES[DECODER]}")):
            name = path.parent.parent.name
            if name not in found:
                found[name] = _read_decoder(path.parent)
        return found


def _read_decoder(folder: Path) -> GenerationDecoder:
    path = folder / FILES[DECODER]
    config = DecoderConfig.read(read_json(path), str(path))
    with init_empty_weights(include_buffers=False):
        decoder = GenerationDecoder(config)
    checkpoint.load(decoder, folder, dtype=torch.float32)
    decoder.eval().requires_grad_(False)
    return decoder
