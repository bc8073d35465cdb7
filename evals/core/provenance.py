"""Where a run came from: command, code, packages and machine, with secrets left out."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.core.types import JSON

PACKAGES = (
    "umm-evals", "numpy", "scipy", "pandas", "pillow", "opencv-python-headless",
    "opencv-contrib-python", "scikit-image", "rapidfuzz", "rapidocr", "onnxruntime", "paddleocr",
    "paddlepaddle", "torch", "torchvision", "open_clip_torch", "lpips", "transformers",
    "diffusers", "openai",
)  # fmt: skip

_SECRET = re.compile(r"(?i)(key|token|secret|password|authorization)")
_VALUE = re.compile(r"\b(sk-|hf_|ghp_|AIza)[\w-]{8,}")


def redact(words: Sequence[str]) -> list[str]:
    """A command line without what looks like a secret.

    >>> redact(["run", "--api-key", "abc", "token=xyz", "--seed", "1"])
    ['run', '--api-key', '***', 'token=***', '--seed', '1']
    """
    clean: list[str] = []
    hide = False
    for word in words:
        name, equals, _ = word.partition("=")
        if hide:
            clean.append("***")
        elif equals and _SECRET.search(name):
            clean.append(f"{name}=***")
        else:
            clean.append(_VALUE.sub("***", word))
        hide = not hide and not equals and word.startswith("-") and bool(_SECRET.search(word))
    return clean


def package_versions() -> dict[str, JSON]:
    """Installed versions of the packages that can change a number."""
    found: dict[str, JSON] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> dict[str, JSON]:
    """Commit of the checkout that `folder` lies in, and whether it was changed; {} if none."""
    try:
        commit = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True, text=True, timeout=5, check=True,
        ).stdout.strip()  # fmt: skip
        status = subprocess.run(
            ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"],
            capture_output=True, text=True, timeout=5, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit, "dirty": bool(status.strip())}


def provenance() -> dict[str, JSON]:
    """Everything about this process that a reader of its numbers may ask for."""
    memory: JSON = None
    if hasattr(os, "sysconf"):
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return {
        "command": list(redact([Path(sys.argv[0]).name, *sys.argv[1:]])),
        "git": git_state(Path(__file__).parent),
        "packages": package_versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": {
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "memory_gib": memory,
        },
    }
