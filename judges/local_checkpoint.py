"""The checkpoint of a judge that runs here: where it lies, what it lacks, what identifies it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from evals.core.types import Absence

_TEXTS = frozenset({".json", ".jinja", ".txt", ".model", ".py"})
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
        fifty gigabytes to say who judges would take longer than judging, and a fine-tuned
        checkpoint has the names and sizes of its base.
        """
        if self.folder is None:
            return ""
        digest = hashlib.sha256()
        for path in sorted(self.folder.iterdir()):
            if path.suffix == ".safetensors":
                digest.update(f"{path.name} {path.stat().st_size}\n".encode())
                digest.update(_sampled(path))
            elif path.suffix in _TEXTS and path.is_file():
                digest.update(f"{path.name}\n".encode())
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


def find_checkpoint(argument: str) -> Checkpoint:
    """A folder, or ``ORG/NAME`` or ``ORG/NAME@COMMIT`` from the hub's cache; nothing is fetched."""
    folder = Path(argument).expanduser()
    if folder.is_dir():
        return _checked(Checkpoint(name=folder.resolve().name, folder=folder))
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
    return _checked(Checkpoint(name=name, folder=place, commit=place.name))


def _checked(found: Checkpoint) -> Checkpoint:
    """The same, or what its folder lacks."""
    assert found.folder is not None
    why = None
    if not (found.folder / "config.json").is_file():
        why = Absence(
            reason=f"{found.folder} holds no config.json",
            fix="name the folder that save_pretrained has written",
        )
    elif not any(found.folder.glob("*.safetensors")):
        why = Absence(
            reason=f"{found.folder} holds no *.safetensors, and no other weights are loaded",
            fix="save the checkpoint again with a recent transformers",
        )
    return Checkpoint(name=found.name, commit=found.commit, absence=why) if why else found
