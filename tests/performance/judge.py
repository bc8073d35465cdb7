"""The judge client against a real local HTTP server: throughput, cost per verdict, memory, cache.

Client and server share the machine's cores. The ideal is calls x latency / places: what a client
that costs nothing would need.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evals.core.protocols import JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.types import Item
from judges.metric import RubricMetric
from tests.performance.folders import Folder, build, invented
from tests.performance.memory import peak_megabytes

CALLS = 1000
PLACES = 64
LATENCY = 1.0
SAMPLES = 2148
SIDE = 1414  # 2 megapixels
SILENT: Mapping[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@contextmanager
def serving(log: Path, *flags: str) -> Iterator[str]:
    """The server in a process of its own; yields its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.judge_server", "--log", str(log), *flags],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def command(folder: Folder, out: Path, url: str, *more: str) -> list[str]:
    """A run that does nothing but judge."""
    return [
        sys.executable, "-m", "evals.cli", "run", "-m", f"replay:{folder.outputs}",
        "-b", "textedit/full", "--data", f"textedit={folder.root}", "--out", str(out),
        "--no-anchors", "--no-report", "--metric", "judge", "--judge", "openai:bench",
        "--judge-option", f"base_url={url}", "--judge-option", f"concurrency={PLACES}",
        "--ocr", "recorded", "--ocr-option", f"file={folder.readings}", *more,
    ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a stream of verdicts took.

    Attributes:
        seconds: wall time.
        cpu: seconds of the client's processor time, user and system.
        images: of these, seconds for reading, hashing and encoding the images; measured apart.
        scored: verdicts with scores.
        failed: verdicts without.
    """

    seconds: float
    cpu: float
    images: float
    scored: int
    failed: int


def judge_all(folder: Folder, out: Path, cache: Path, url: str) -> Judged:
    """Judge every sample through the metric itself, in this process."""
    from benchmarks.textedit import BENCHMARK
    from evals.core.protocols import DataSource
    from evals.core.types import ImageRef, Prediction

    options = {"base_url": url, "concurrency": PLACES}
    spec = JudgeSpec(name="bench", backend="openai", argument="bench", options=options)
    settings = ScoringSettings(cache=cache, judging=JudgeSettings(judges=(spec,)))
    metric = next(m for m in BENCHMARK.metrics(settings) if isinstance(m, RubricMetric))
    samples = BENCHMARK.suites["full"].load(DataSource(root=folder.root))
    items = []
    for sample in samples:
        path = folder.outputs / str(sample.output_path)
        ref = ImageRef(sha256=f"{sample.id:0>64}", suffix=path.suffix, width=1, height=1)
        prediction = Prediction(sample=sample.id, trial=0, seed=0, status="ok", images=(ref,))
        items.append(Item(sample=sample, prediction=prediction, images=(path,)))
    import openai  # noqa: F401  its import is start-up, not a verdict

    before, start = _cpu(), time.perf_counter()
    scores = [s for part in metric.stream(items) for s in part]
    seconds, cpu = time.perf_counter() - start, _cpu() - before
    assert len({s.sample for s in scores}) == len(items) == len(scores)
    good = sum(s.status == "ok" for s in scores)
    return Judged(
        seconds=seconds, cpu=cpu, images=_images(metric, items, cache), scored=good,
        failed=len(scores) - good,
    )  # fmt: skip


def _images(metric: RubricMetric, items: Sequence[Item], cache: Path) -> float:
    """Processor time of what every client of any make has to do with the images."""
    from dataclasses import replace

    from judges.images import encode_all

    # A cache of its own: the files' hashes are remembered in the other.
    fresh = replace(metric, context=replace(metric.context, cache=cache / "again"))
    before = _cpu()
    for item in items:
        for image in encode_all(fresh.request(item)):
            base64.b64encode(image.data).decode("ascii")
    return _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def throughput(place: Path, *flags: str) -> tuple[Judged, Counter[str]]:
    """CALLS verdicts at LATENCY with PLACES in flight; how often each request was answered."""
    folder = build(place, invented(CALLS))
    log = place / "server.jsonl"
    with serving(log, "--latency", str(LATENCY), *flags) as url:
        judged = judge_all(folder, place / "runs", place / "cache", url)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return judged, Counter(r["sha"] for r in rows if r["answered"] == "verdict")


def _row(what: str, ours: str, ratio: str, aim: str) -> dict[str, str]:
    return {"what": what, "naive": "-", "ours": ours, "ratio": ratio, "aim": aim}


def _speed() -> list[dict[str, str]]:
    ideal = CALLS * LATENCY / PLACES
    rows = []
    for what, flags, aim in (
        ("", (), "1.15"),
        (", 5 % 429 and 2 % resets", ("--rate-429", "0.05", "--reset", "0.02"), "1.4"),
    ):
        with tempfile.TemporaryDirectory() as place:
            judged, answered = throughput(Path(place), *flags)
        once = len(answered) == CALLS and set(answered.values()) == {1}
        told = f"{judged.seconds:.1f} s, {judged.scored:,} verdicts, {judged.failed} failed"
        rows.append(
            _row(
                f"{CALLS:,} verdicts at {PLACES} in flight and {LATENCY:g} s{what}",
                f"{told}, each answered once: {'yes' if once else 'NO'}",
                f"{judged.seconds / ideal:.2f} of ideal",
                aim,
            )
        )
        each, images = 1000 * judged.cpu / CALLS, 1000 * judged.images / CALLS
        rows.append(
            _row(f"client CPU a verdict, without its images{what}",
                 f"{each - images:.1f} ms ({each:.1f} with)", f"{(each - images) / 6:.2f} of 6 ms",
                 "6 ms")
        )  # fmt: skip
    return rows


def big_pictures(folder: Folder) -> None:
    """Put 2-megapixel pictures behind every path: photographs for data, PNG for outputs.

    Hard links to a few files: what is measured is the client's memory, not the disk's size.
    """
    stream = np.random.RandomState(0)
    ramp = np.linspace(0, 200, SIDE)[:, None, None] + np.zeros((1, SIDE, 3))
    pixels = np.clip(ramp + stream.normal(0, 3, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    photo, output = folder.root / "big.jpg", folder.root / "big.png"
    image.save(photo, quality=90)
    image.save(output)
    for path in [*folder.root.rglob("*.0.png"), *folder.outputs.rglob("*.0.png")]:
        path.unlink()
        os.link(output if path.is_relative_to(folder.outputs) else photo, path)


def _memory() -> list[dict[str, str]]:
    """Peak of a process that judges nothing but large pictures."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = build(place, invented(SAMPLES))
        big_pictures(folder)
        sizes = [(folder.root / f).stat().st_size for f in ("big.jpg", "big.png")]
        log = place / "server.jsonl"
        with serving(log, "--latency", "0.2") as url:
            words = [sys.executable, "-m", "tests.performance.judge", str(place), url]
            peak = peak_megabytes(words, place / "cache")
        asked = len(log.read_text().splitlines())
    shapes = f"{2 * sizes[0] / 1e6:.1f} + {sizes[1] / 1e6:.1f} MB"
    what = f"peak memory, {SAMPLES:,} samples of three 2-megapixel images ({shapes})"
    return [_row(what, f"{peak:.0f} MB, {asked:,} calls", f"{peak / 600:.2f} of 600 MB", "600 MB")]


def _cached() -> list[dict[str, str]]:
    """`umm-evals score` over a run whose scores were taken away, its replies on the tape."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = build(place, invented(SAMPLES))
        log, out = place / "server.jsonl", place / "runs"
        here = {**os.environ, "UMM_EVALS_CACHE": str(place / "cache")}
        # Compiling scipy anew at every start takes longer than all of this; nobody's machine does.
        here.pop("PYTHONDONTWRITEBYTECODE", None)
        with serving(log, "--latency", "0.02") as url:
            subprocess.run(command(folder, out, url), env=here, check=True, **SILENT)
            asked = len(log.read_text().splitlines())
            scores = next(out.rglob("scores.jsonl"))
            scores.unlink()
            words = [sys.executable, "-m", "evals.cli", "score", str(out), "--metric", "judge"]
            start = time.perf_counter()
            subprocess.run(words, env=here, check=True, **SILENT)
            seconds = time.perf_counter() - start
            again = len(log.read_text().splitlines()) - asked
        assert len(scores.read_text().splitlines()) == SAMPLES
    return [
        _row(f"cached re-judge of {SAMPLES:,} samples, the whole command",
             f"{seconds:.1f} s, {again} calls", f"{seconds / 5:.2f} of 5 s", "5 s, 0 calls")
    ]  # fmt: skip


def measure() -> list[dict[str, str]]:
    """Throughput with and without faults, CPU, memory, and what a cached re-judge takes."""
    return [*_speed(), *_memory(), *_cached()]


if __name__ == "__main__":
    where = Path(sys.argv[1])
    data, made = where / "TextEdit", where / "output" / "bagel"
    drawn = Folder(root=data, outputs=made, readings=where / "readings.json", records=SAMPLES)
    judge_all(drawn, where / "runs", where / "cache", sys.argv[2])
