"""A checkpoint folder to modules, and modules to a checkpoint folder."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKLQwenImage
from torch import nn
from transformers import AutoTokenizer

from evals.core.checkpoints import find_checkpoint
from evals.core.errors import UserError
from model.internvlu import checkpoint
from model.internvlu.conditioning import find_tokens
from model.internvlu.config import FILES, INDEX, ModelConfig
from model.internvlu.decoder import GenerationDecoder
from model.internvlu.latents import for_images
from model.internvlu.sampler import make_scheduler
from model.internvlu.vlm import TIED, VisionLanguageModel, renames

MODULES = ("vlm", "generation_decoder", "vae")
_FETCHED = ("*.json", "*.safetensors", "*.txt", "*.jinja", "*.model")


@dataclass(kw_only=True)
class Parts:
    """Everything a pipeline is made of.

    Attributes:
        tokenizer_files: folder of the processor's files, copied when the parts are saved.
        devices: component -> where it computes.
        offload: keep a component in ordinary memory while it does not compute.
        lock: held while one computes; the VAE and the placing of components know of one user.
    """

    config: ModelConfig
    tokenizer: Any
    tokenizer_files: Path
    vlm: VisionLanguageModel
    decoder: GenerationDecoder
    vae: Any
    devices: Mapping[str, torch.device]
    offload: bool = False
    lock: Any = field(default_factory=threading.RLock, repr=False, compare=False)

    def module(self, name: str) -> nn.Module:
        """A component by its name in the layout."""
        found: nn.Module = {
            "vlm": self.vlm, "generation_decoder": self.decoder, "vae": self.vae,
        }[name]  # fmt: skip
        return found

    @contextmanager
    def on_device(self, name: str) -> Iterator[None]:
        """The component is where it computes, and nobody else computes."""
        with self.lock:
            if not self.offload:
                yield
                return
            module = self.module(name)
            module.to(self.devices[name])
            try:
                yield
            finally:
                module.to("cpu")


def locate(source: str | Path, revision: str | None = None) -> Path:
    """The folder of a checkpoint: a path, or ``ORG/NAME`` of the hub, downloaded when not here.

    Args:
        source: folder or hub id; ``ORG/NAME@COMMIT`` names a revision too.
        revision: commit, tag or branch of the hub.

    Raises:
        UserError: neither is to be had.
    """
    if revision and Path(source).expanduser().is_dir():
        raise UserError(f"{source} is a folder, and a revision is of the hub; leave it out.")
    name, _, commit = str(source).partition("@")
    wanted = revision or commit
    found = find_checkpoint(f"{name}@{wanted}" if wanted else name, INDEX)
    if found.folder is not None:
        return found.folder
    assert found.absence is not None
    if Path(name).expanduser().exists() or name.count("/") != 1 or name.startswith(("/", ".", "~")):
        raise UserError(f"No checkpoint: {found.absence}.")
    try:
        from huggingface_hub import snapshot_download

        return Path(
            str(snapshot_download(name, revision=wanted or None, allow_patterns=list(_FETCHED)))
        )
    except Exception as error:  # the hub's client raises errors of half a dozen libraries
        raise UserError(
            f"{source} is no folder, is not in the hub's cache and cannot be downloaded "
            f"({type(error).__name__}); on a machine with a network run: hf download {name}"
            + (f" --revision {wanted}" if wanted else "")
        ) from error


def build(config: ModelConfig, tokenizer: Any, where: str) -> tuple[Any, Any, Any]:
    """Language model, decoder and VAE without weights, on the meta device.

    Raises:
        UserError: the tokenizer lacks a token, or a configuration describes no network.
    """
    tokens = find_tokens(tokenizer, where)
    makers: Mapping[str, Callable[[], Any]] = {
        "vlm": lambda: VisionLanguageModel(config.vlm, tokens),
        "generation_decoder": lambda: GenerationDecoder(config.decoder),
        "vae": lambda: AutoencoderKLQwenImage.from_config(config.vae),
    }
    found = []
    for name, make in makers.items():
        try:
            with init_empty_weights(include_buffers=False):
                found.append(make())
        except Exception as error:  # each library checks its values in its own way, or not at all
            first = str(error).strip().split("\n")[0][:200]
            raise UserError(
                f"{name}/{FILES[name]} describes no network that can be built "
                f"({type(error).__name__}: {first}); mend the file."
            ) from error
    vlm, decoder, vae = found
    return vlm, decoder, vae


def _check_solver(config: Mapping[str, Any], folder: Path) -> None:
    """Refuse a solver that cannot make two steps.

    Raises:
        UserError: a value of its file is none that the library knows.
    """
    try:
        solver = make_scheduler(config, steps=2)
        for timestep in solver.timesteps:
            solver.step(torch.zeros(1), timestep, torch.zeros(1))
    except Exception as error:  # the library raises whatever it stumbles over
        first = str(error).strip().split("\n")[0][:200]
        raise UserError(
            f"{folder / 'scheduler' / FILES['scheduler']} describes no solver that can be used "
            f"({first}); mend the file."
        ) from error


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a processor's folder.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return AutoTokenizer.from_pretrained(
            folder, padding_side="left", local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # the library's parsers raise whatever they stumble over
        first = str(error).strip().split("\n")[0][:200]
        raise UserError(
            f"The tokenizer in {folder} cannot be read ({first}); download the checkpoint again."
        ) from error


def read_parts(
    folder: Path, devices: Mapping[str, torch.device], dtype: torch.dtype, *, offload: bool = False
) -> Parts:
    """Read a checkpoint.

    Args:
        folder: in the official layout.
        devices: component of `MODULES` -> where it computes.
        dtype: of all weights.
        offload: see `Parts`.

    Raises:
        UserError: a file is missing, broken or of another model; before any weight is read where
            that can be told.
    """
    config = ModelConfig.read(folder)
    for name in MODULES:
        checkpoint.shapes(folder / name)
    _check_solver(config.scheduler, folder)
    tokenizer = load_tokenizer(folder / "processor")
    rows = config.vlm.llm.get("vocab_size")
    if isinstance(rows, int) and len(tokenizer) > rows:
        raise UserError(
            f"The tokenizer in {folder / 'processor'} has {len(tokenizer)} tokens and vlm embeds "
            f"{rows}; they are of different checkpoints."
        )
    vlm, decoder, vae = build(config, tokenizer, str(folder / "processor"))
    for module, name in ((vlm, "vlm"), (decoder, "generation_decoder"), (vae, "vae")):
        checkpoint.load(
            module,
            folder / name,
            device="cpu" if offload else devices[name],
            dtype=dtype,
            rename=renames(vlm) if module is vlm else None,
            optional=TIED if module is vlm else (),
        )
        module.eval().requires_grad_(False)
    for_images(vae)
    head = vlm.language_model.lm_head
    if head.weight.is_meta:
        head.weight = vlm.language_model.get_input_embeddings().weight
    for module, name in ((vlm, "vlm"), (decoder, "generation_decoder"), (vae, "vae")):
        # Weights are there; what is left are tables that are computed, not stored.
        module.to("cpu" if offload else devices[name])
    return Parts(
        config=config, tokenizer=tokenizer, tokenizer_files=folder / "processor", vlm=vlm,
        decoder=decoder, vae=vae, devices=devices, offload=offload,
    )  # fmt: skip


def write_parts(
    parts: Parts, folder: Path, *, shard: int = checkpoint.SHARD,
    more: Callable[[Path], None] | None = None,
) -> None:  # fmt: skip
    """Write a checkpoint that this package and the official code can load.

    It is written beside its place and moved there when whole.

    Args:
        parts: of the checkpoint.
        folder: to be made.
        shard: bytes from which on a component is written as several files.
        more: writes further files into the folder.

    Raises:
        UserError: the folder holds something already, or the disk cannot be written.
    """
    folder = Path(folder)

    def fill(place: Path) -> None:
        for name, value in parts.config.files().items():
            write_json(place / name, value)
        for file in parts.tokenizer_files.iterdir():
            if file.is_file() and not (place / "processor" / file.name).exists():
                shutil.copyfile(file, place / "processor" / file.name)
        for name in MODULES:
            module = parts.module(name)
            rename = renames(parts.vlm) if name == "vlm" else None
            optional = TIED if name == "vlm" else ()
            checkpoint.save(module, place / name, rename=rename, optional=optional, shard=shard)
        if more is not None:
            more(place)

    write_folder(folder, fill)


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a new folder, which appears only when it is whole.

    Raises:
        UserError: the folder holds something already, or the disk cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists already and is not empty; name a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as place:
            inside = Path(place) / "whole"
            inside.mkdir()
            fill(inside)
            if folder.exists():
                folder.rmdir()
            inside.rename(folder)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror or error}); free space or name another "
            "folder."
        ) from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A file as the release writes it; its folder is made when absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
