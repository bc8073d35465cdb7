"""Peak memory of scoring as the number of images grows: it must not."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.performance.folders import Folder, build, invented

SIZES = (100, 2000)


def command(folder: Folder, out: Path) -> list[str]:
    """A run with pixel metrics only."""
    return [
        sys.executable, "-m", "evals.cli", "run", "-m", f"replay:{folder.outputs}",
        "-b", "textedit/full", "--data", f"textedit={folder.root}", "--out", str(out),
        "--no-anchors", "--no-report", "--metric", "fidelity",
        "--ocr", "recorded", "--ocr-option", f"file={folder.readings}",
    ]  # fmt: skip


def peak_megabytes(words: list[str], cache: Path) -> float:
    """Largest resident memory of a command and all its children together, in MB."""
    environment = {**os.environ, "UMM_EVALS_CACHE": str(cache)}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    peak, root = 0, psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        for member in [root, *_children(root)]:
            try:
                total += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        peak = max(peak, total)
        time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return peak / 1e6


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def measure() -> list[dict[str, str]]:
    """Peak over 100 and over 2,000 images."""
    peaks = []
    for n in SIZES:
        with tempfile.TemporaryDirectory() as place:
            folder = build(Path(place), invented(n))
            words = command(folder, Path(place) / "runs")
            peaks.append(peak_megabytes(words, Path(place) / "cache"))
    return [
        {"what": f"peak memory of scoring, {SIZES[0]} to {SIZES[1]:,} images (driver and workers)",
         "naive": "-", "ours": f"{peaks[0]:.0f} to {peaks[1]:.0f} MB",
         "ratio": f"+{peaks[1] - peaks[0]:.0f} MB", "aim": "under +150 MB"}
    ]  # fmt: skip
