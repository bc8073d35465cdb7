"""The checkpoint of something that runs here: where it lies, what it lacks, what identifies it.

Nothing is downloaded and nothing heavy is imported, so that a plan can say in no time whether a
checkpoint is here and which one it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from evals.core.types import Absence

_TEXTS = frozenset({".json", ".jinja", ".txt", ".model", ".py"})
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt"})
_SAMPLES, _SAMPLE = 64, 4096


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where the weights are.

    Attributes:
        name: of the folder, or the hub's id.
        folder: None when it is not here.
        commit: of the hub; empty for a folder.
        absence: why it cannot be used.
    """

    name: str
    folder: Path | None = None
    commit: str = ""
    absence: Absence | None = None

    @cached_property
    def digest(self) -> str:
        """16 hex digits over what it holds; empty when it is not here.

        Texts are hashed whole. Of weights, names, sizes and evenly spaced samples are: reading
        fifty gigabytes to say which model this is would take longer than running it, and a
        fine-tuned checkpoint has the names and sizes of its base.
        """
        if self.folder is None:
            return ""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.suffix == ".safetensors":
                digest.update(f"{name} {path.stat().st_size}\n".encode())
                digest.update(_sampled(path))
            elif path.suffix in _TEXTS and path.is_file():
                digest.update(f"{name}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:16]


def _sampled(path: Path) -> bytes:
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for n in range(_SAMPLES):
            stream.seek(n * max(0, size - _SAMPLE) // (_SAMPLES - 1))
            digest.update(stream.read(_SAMPLE))
    return digest.digest()


def find_checkpoint(argument: str, marker: str = "config.json") -> Checkpoint:
    """A folder, or ``ORG/NAME`` or ``ORG/NAME@COMMIT`` from the hub's cache; nothing is fetched.

    Args:
        argument: as the user wrote it.
        marker: the file that makes a folder this kind of checkpoint (``config.json``,
            ``model_index.json``).
    """
    folder = Path(argument).expanduser()
    if folder.is_dir():
        return _checked(Checkpoint(name=folder.resolve().name, folder=folder), marker)
    name, _, commit = argument.partition("@")
    if name.count("/") != 1 or name.startswith(("/", ".", "~")):
        return Checkpoint(
            name=folder.name,
            absence=Absence(
                reason=f"the folder {argument} does not exist",
                fix="name the folder of a checkpoint, or ORG/NAME of one in the hub's cache",
            ),
        )
    try:
        from huggingface_hub import snapshot_download

        place = Path(str(snapshot_download(name, revision=commit or None, local_files_only=True)))
    except (ImportError, OSError, ValueError):
        wanted = f"{name} --revision {commit}" if commit else name
        return Checkpoint(
            name=name,
            commit=commit,
            absence=Absence(
                reason=f"{argument} is neither a folder nor in the hub's cache",
                fix=f"run: hf download {wanted}",
            ),
        )
    return _checked(Checkpoint(name=name, folder=place, commit=place.name), marker)


def _checked(found: Checkpoint, marker: str) -> Checkpoint:
    """The same, or what its folder lacks."""
    folder = found.folder
    assert folder is not None
    if not (folder / marker).is_file():
        why = Absence(
            reason=f"{folder} holds no {marker}",
            fix="name the folder that save_pretrained has written",
        )
        return replace(found, folder=None, absence=why)
    if any(folder.rglob("*.safetensors")):
        return found
    pickles = sorted(p.name for p in folder.rglob("*") if p.suffix in _PICKLES)
    only = f" but {pickles[0]}, a pickle that can run code and is not loaded" if pickles else ""
    why = Absence(
        reason=f"{folder} holds no *.safetensors{only or ', and no other weights are loaded'}",
        fix="save the checkpoint again with a recent transformers or diffusers",
    )
    return replace(found, folder=None, absence=why)
