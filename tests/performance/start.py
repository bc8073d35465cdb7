"""Start-up, and a resume with nothing left to do."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.performance.folders import build, invented

RECORDS = 2148
TRIES = 5


def _cpu_and_wall(words: list[str], cache: Path) -> tuple[float, float]:
    """CPU and wall seconds of a command and its children."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "UMM_EVALS_CACHE": str(cache)}
    subprocess.run(words, env=environment, capture_output=True, check=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - begin
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall


def measure() -> list[dict[str, str]]:
    """Medians of several tries."""
    command = str(Path(sys.executable).with_name("umm-evals"))
    with tempfile.TemporaryDirectory() as place:
        cache = Path(place) / "cache"
        helps = sorted(_cpu_and_wall([command, "--help"], cache)[0] for _ in range(TRIES))
        folder = build(Path(place), invented(RECORDS))
        words = [
            command, "run", "-m", f"replay:{folder.outputs}", "-b", "textedit/full",
            "--data", f"textedit={folder.root}", "--out", f"{place}/runs", "--no-anchors",
            "--ocr", "recorded", "--ocr-option", f"file={folder.readings}",
        ]  # fmt: skip
        _, first = _cpu_and_wall(words, cache)
        resumes = sorted(_cpu_and_wall(words, cache)[1] for _ in range(TRIES))
    return [
        {"what": "CPU of `umm-evals --help`, median of 5", "naive": "-",
         "ours": f"{helps[TRIES // 2]:.2f} s", "ratio": "-", "aim": "0.3 s"},
        {"what": f"resume of a finished run over {RECORDS:,} samples, median of 5",
         "naive": f"{first:.1f} s (the run)", "ours": f"{resumes[TRIES // 2]:.2f} s",
         "ratio": f"{first / resumes[TRIES // 2]:.0f}", "aim": "2 s"},
    ]  # fmt: skip
