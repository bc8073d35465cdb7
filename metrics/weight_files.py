"""Finding weight files on this machine and saying which ones they are; nothing is downloaded.

A metric whose weights are absent must be able to say so in no time, before any model is built, so
everything here looks at files. The SHA-256 of a file is its identity; it is remembered on disk
while the file's size and time stay the same, because CLIP's file has 1.7 GB.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import zipfile
from pathlib import Path

from evals.core.images import sha256_file
from evals.core.writing import write_atomic


def torch_checkpoint(name: str) -> Path:
    """Where torch.hub keeps a downloaded checkpoint; the file need not exist.

    Honours `TORCH_HOME` and `XDG_CACHE_HOME` as torch does, without importing it.
    """
    home = os.environ.get("TORCH_HOME")
    base = Path(home) if home else _user_cache() / "torch"
    return base.expanduser() / "hub" / "checkpoints" / name


def hub_file(repo: str, name: str) -> Path | None:
    """A file of a model repository in the local Hugging Face cache, or None.

    The revision that ``main`` points to is preferred, then any other that holds the file.
    Honours `HF_HUB_CACHE` and `HF_HOME`.

    Args:
        repo: ``"owner/name"``.
        name: of the file inside the repository.
    """
    given = os.environ.get("HF_HUB_CACHE")
    home = os.environ.get("HF_HOME")
    root = (
        Path(given) if given else (Path(home) if home else _user_cache() / "huggingface") / "hub"
    ).expanduser()
    folder = root / ("models--" + repo.replace("/", "--"))
    main = folder / "refs" / "main"
    revisions = [main.read_text().strip()] if main.is_file() else []
    if (folder / "snapshots").is_dir():
        revisions += sorted(p.name for p in (folder / "snapshots").iterdir())
    for revision in revisions:
        candidate = folder / "snapshots" / revision / name
        if candidate.is_file():
            return candidate
    return None


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def file_sha256(path: Path, cache: Path) -> str:
    """SHA-256 of a file, remembered while its size and time of change stay the same.

    Args:
        path: an existing file.
        cache: folder of the memory; entries lie in ``sha256/`` below it.

    Raises:
        OSError: the file cannot be read.
        UserError: the memory cannot be written.
    """
    real = path.resolve()
    stat = real.stat()
    return _remembered(str(real), stat.st_size, stat.st_mtime_ns, str(cache))


@functools.lru_cache(maxsize=256)
def _remembered(path: str, size: int, mtime_ns: int, cache: str) -> str:
    key = hashlib.sha256(path.encode()).hexdigest()[:32]
    entry = Path(cache) / "sha256" / f"{key}.json"
    asked = {"path": path, "size": size, "mtime_ns": mtime_ns}
    try:
        known = json.loads(entry.read_text(encoding="utf-8"))
        if {k: known[k] for k in asked} == asked:
            return str(known["sha256"])
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError):
        pass  # a damaged entry is written anew
    digest = sha256_file(Path(path))
    write_atomic(entry, json.dumps({**asked, "sha256": digest}).encode("utf-8"))
    return digest


def is_torchscript(path: Path) -> bool:
    """Whether a checkpoint is a TorchScript archive, which holds code and not only tensors."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(n.endswith("/constants.pkl") or "/code/" in n for n in archive.namelist())
