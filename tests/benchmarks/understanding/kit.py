"""What these tests share: tables in VLMEvalKit's layout, replies written down, and runs."""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import importlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from evals.cli import main
from evals.core.protocols import Benchmark, DataSource, JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.store import StoredRun
from evals.core.summary import summarise
from evals.core.types import Fault, Item, Output, Prediction, Sample
from model.adapters.base import Adapter
from tests.judge_replies import Asked, Reply, completion

CHOICES = {
    "seed": "SEEDBench_IMG",
    "mmmu": "MMMU_DEV_VAL",
    "mmstar": "MMStar",
    "ai2d": "AI2D_TEST",
    "realworldqa": "RealWorldQA",
    "mmbench": "MMBench_DEV_EN",
}
YES_NO = {"mme": "MME", "hallusionbench": "HallusionBench", "pope": "POPE"}
SHORT = {
    "chartqa": "ChartQA_TEST",
    "ocrbench": "OCRBench",
    "textvqa": "TextVQA_VAL",
    "docvqa": "DocVQA_VAL",
}
JUDGED = {
    "mathvista": "MathVista_MINI",
    "mathverse": "MathVerse_MINIVOnly",
    "logicvista": "LogicVista",
    "mmvet": "MMVet",
}
KEYS = {**CHOICES, **YES_NO, **SHORT, **JUDGED}
"""Benchmark -> VLMEvalKit's name of the table of its default suite."""


def benchmark(name: str) -> Benchmark:
    made: Benchmark = importlib.import_module(f"benchmarks.understanding.{name}").BENCHMARK
    return made


# --- tables -----------------------------------------------------------------------------------


def png(number: int = 0) -> bytes:
    """A small picture, another one for every number."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 251, number // 251, 7)).save(out, "PNG")
    return out.getvalue()


def write(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """The table of a benchmark.

    ``image`` is bytes, a list of bytes, or the index of a row whose picture is meant; without it a
    row has a picture of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{KEYS[name]}.tsv"
    cells = [
        {"index": n, **row, "image": _cell(row.get("image", png(n)))} for n, row in enumerate(rows)
    ]
    columns = list(dict.fromkeys(c for row in cells for c in row))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, delimiter="\t")
        writer.writeheader()
        writer.writerows(cells)
    return path


def _cell(image: Any) -> str:
    if isinstance(image, list):
        return json.dumps([_cell(i) for i in image])
    return base64.b64encode(image).decode() if isinstance(image, bytes) else str(image)


def revision_of(path: Path) -> str:
    """The revision that takes this table."""
    return f"md5:{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()[:12]}"


def load(
    name: str, rows: Sequence[Mapping[str, Any]], folder: Path, suite: str = ""
) -> list[Sample]:
    """Samples of the rows as a table."""
    path, made = write(folder, name, rows), benchmark(name)
    source = DataSource(root=folder, revision=revision_of(path), cache=folder / "cache")
    return made.suites[suite or made.default_suite].load(source)


def item(sample: Sample, text: str | None) -> Item:
    prediction = Prediction(sample=sample.id, trial=0, seed=0, status="ok", text=text)
    return Item(sample=sample, prediction=prediction)


# --- runs -------------------------------------------------------------------------------------


class Quiz(Adapter):
    """Says what a JSON file tells it, by sample; null is a refusal, an object another fault."""

    tasks = frozenset({"understand"})
    batch_size = 64

    def __init__(self, path: Path) -> None:
        self.name = "quiz"
        self.path = path
        self.replies = json.loads(path.read_text())

    def describe(self) -> Mapping[str, Any]:
        return {"adapter": "quiz", "replies": str(self.path)}

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        return [self._one(self.replies[s.id]) for s in samples]

    def _one(self, reply: str | dict[str, Any] | None) -> Output:
        if reply is None:
            reply = {"status": "refused", "kind": "refused", "origin": "model"}
        if isinstance(reply, str):
            return Output(text=reply)
        fault = Fault(kind=reply["kind"], message="It did not work.", origin=reply["origin"])
        return Output(status=reply["status"], fault=fault)


def make(argument: str, options: Mapping[str, Any]) -> Quiz:
    return Quiz(Path(argument))


def run(
    name: str, rows: Sequence[Mapping[str, Any]], replies: Sequence[Any], folder: Path,
    *more: str | Path, model: str = "quiz", suite: str = "",
) -> StoredRun:  # fmt: skip
    """The rows as a table, answered in order, through the command line."""
    samples = load(name, rows, folder, suite)
    spec = model
    if model == "quiz":
        told = folder / "replies.json"
        told.write_text(json.dumps({s.id: r for s, r in zip(samples, replies, strict=True)}))
        spec = f"quiz:{told}"
    revision = revision_of(folder / f"{KEYS[name]}.tsv")
    suite = suite or benchmark(name).default_suite
    words = ["run", "-m", spec, "-b", f"{name}/{suite}@{revision}", "--data", f"{name}={folder}",
             "-o", folder / "out", "--no-report", "--no-anchors", *more]  # fmt: skip
    with contextlib.suppress(SystemExit):  # 1 tells of a run that is not complete
        main([str(w) for w in words])
    places = (folder / "out" / f"{name}-{suite}").iterdir()
    return StoredRun.read(next(p for p in places if p.name.startswith(model)))


def numbers(stored: StoredRun, group: tuple[str, ...] = ()) -> dict[str, float | None]:
    """Variant -> value."""
    cells = summarise(stored, resamples=100).cells
    return {c[1:]: x.mean for (c, g), x in cells.items() if g == group and c[0] == "="}


# --- judges -----------------------------------------------------------------------------------


def asking(
    url: str, cache: Path, *, prompt: Path | None = None, judges: int = 1
) -> ScoringSettings:
    options: dict[str, Any] = {"base_url": url, "concurrency": 4, "timeout": 20}
    specs = tuple(
        JudgeSpec(name=f"j{n}", backend="openai", argument=f"judge-{n}", options=options)
        for n in range(judges)
    )
    return ScoringSettings(cache=cache, judging=JudgeSettings(judges=specs, prompt=prompt))


def answering(decide: Callable[[str], str]) -> Callable[[Asked], Reply]:
    """A judge that says what a function makes of the words it was asked with."""
    return lambda asked: completion(
        decide(json.dumps(asked.payload["messages"], ensure_ascii=False))
    )
