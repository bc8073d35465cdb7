"""What tests of the editing benchmarks share: made-up data in official layouts, and replies."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.editing.kris.scoring import TYPE_OF
from benchmarks.editing.wiseedit.data import SUBSETS
from evals.core.images import sha256_file
from evals.core.protocols import Benchmark, DataSource, JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.types import Item, Sample
from judges.interview import InterviewMetric, Said
from judges.metric import Marks
from judges.verdict import attempt_at, judged
from tests.benchmarks.kit import draw, item, write_json

# --- official layouts -------------------------------------------------------------------------


def imgedit(root: Path, rows: Mapping[str, Any] | None = None) -> Path:
    """Two edits of each type in GenEditEvalKit's layout."""
    from benchmarks.editing.imgedit.scoring import DIMENSIONS

    made: dict[str, Any] = {}
    for number, kind in enumerate([*DIMENSIONS, *DIMENSIONS]):
        picture = f"animal/{number % 5:03d}.png"
        draw(root / "singleturn" / picture)
        made[str(number)] = {"id": picture, "prompt": f"do {number}", "edit_type": kind}
    write_json(root / "eval_prompts" / "basic_edit.json", made if rows is None else rows)
    return root


def gedit(root: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """One edit of each group and language, as Parquet."""
    import pyarrow as pa
    from pyarrow import parquet

    from benchmarks.editing.gedit.scoring import GROUPS

    rows = []
    for number, group in enumerate(GROUPS):
        data = draw(root / "tmp" / f"{number}.png", "blue").read_bytes()
        rows += [
            {
                "task_type": group, "key": f"k{number}", "instruction": f"do {number}",
                "instruction_language": language, "Intersection_exist": bool(number % 2),
                "input_image": {"bytes": data, "path": None},
                "input_image_raw": {"bytes": data, "path": None},
            }
            for language in ("en", "cn")
        ]  # fmt: skip
    rows[0] |= changes or {}
    (root / "data").mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist(rows), root / "data" / "train-00000-of-00001.parquet")
    return root


def rise_rows() -> list[dict[str, Any]]:
    """One record for every way in which something is asked."""
    plain = {"instruction": "what then?", "image": "p/0.png"}
    return [
        {**plain, "index": "temporal_1", "category": "temporal_reasoning",
         "subtask": "Life Progression", "reference": "an old dog"},
        {**plain, "index": "causal_2", "category": "causal_reasoning",
         "subtask": "State Transition", "reference": "water", "reasoning_img": 1,
         "consistency_free": True},
        {**plain, "index": "spatial_3", "category": "spatial_reasoning",
         "subtask": "Layout Reasoning", "reference": "to the left", "reasoning_img": 1},
        {**plain, "index": "spatial_4", "category": "spatial_reasoning",
         "subtask": "Object Arrangement", "reference_img": "p/ref.png"},
        {**plain, "index": "logical_5", "category": "logical_reasoning",
         "subtask": "Puzzle Solving", "reference_txt": "a square"},
        {**plain, "index": "logical_6", "category": "logical_reasoning",
         "subtask": "Puzzle Solving", "reference_img": "p/ref.png", "reasoning_wo_ins": None},
    ]  # fmt: skip


def rise(root: Path, rows: Sequence[Any] | None = None) -> Path:
    draw(root / "p" / "0.png")
    draw(root / "p" / "ref.png", "green")
    write_json(root / "datav2_total_w_subtask.json", rise_rows() if rows is None else rows)
    return root


def kris(root: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """One edit of each category."""
    for category in TYPE_OF:
        names: list[str] = ["1.png"]
        if category == "temporal_prediction":
            names = ["1-1.png", "1-2.png", "1-4.png"]
        if category == "multi-element_composition":
            names = ["a.png", "b.png"]
        for name in [*names, "gt.png"]:
            draw(root / category / name)
        row: dict[str, Any] = {"ori_img": names if len(names) > 1 else names[0]}
        row |= {"ins_en": f"do {category}", "explain_en": "because"}
        if category == "viewpoint_change":
            row["gt_img"] = "gt.png"
        write_json(
            root / category / "annotation.json", {"1": row | (changes or {}).get(category, {})}
        )
    return root


def wiseedit(root: Path, changes: Mapping[str, str] | None = None) -> Path:
    """One case of each subset, in two languages."""
    for subset in SUBSETS:
        number = int(subset.rpartition("_")[2])
        kind = subset.rpartition("_")[0]
        home = "WiseEdit-Complex" if "Complex" in kind else f"WiseEdit/{kind}"
        row = {"idx": "7", "prompt": "do it", "promptcn": "做", "ref": "", "hint": ""}
        row |= {f"input_{n}": f"p/{n}.png" for n in range(1, number + 1)}
        if subset == "Awareness_2":
            row |= {"ref": '["p/ref.png"]', "hint": "a mooncake"}
        if subset == "Imagination_1":
            row |= changes or {}
        for n in range(1, number + 1):
            draw(root / "p" / f"{n}.png")
        path = root / home / subset / f"{subset}.csv"
        path.parent.mkdir(parents=True)
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(row))
            writer.writeheader()
            writer.writerow(row)
    draw(root / "p" / "ref.png", "green")
    return root


LAYOUTS: Mapping[str, Callable[[Path], Path]] = {
    "imgedit": imgedit, "gedit": gedit, "rise": rise, "kris": kris, "wiseedit": wiseedit,
}  # fmt: skip


def benchmark(name: str) -> Benchmark:
    from importlib import import_module

    made: Benchmark = import_module(f"benchmarks.editing.{name}").BENCHMARK
    return made


# --- asking -----------------------------------------------------------------------------------


def revision(name: str, root: Path) -> str | None:
    """What accepts made-up data where the official file is known by its hash."""
    path = root / "eval_prompts" / "basic_edit.json"
    return f"sha256:{sha256_file(path)}" if name == "imgedit" and path.exists() else None


def load(name: str, root: Path, cache: Path) -> dict[str, Sample]:
    chosen = benchmark(name)
    suite = chosen.suites[chosen.default_suite]
    samples = suite.load(DataSource(root=root, cache=cache, revision=revision(name, root)))
    return {s.id: s for s in samples}


def answered(sample: Sample, folder: Path) -> Item:
    """A sample with a plain picture as its answer."""
    return item(sample, draw(folder / f"{sample.id}.png", "yellow"))


def metric(name: str, cache: Path, prompt: Path | None = None) -> InterviewMetric:
    nobody = {"base_url": "http://localhost:9/v1"}
    spec = JudgeSpec(name="j", backend="openai", argument="test-model", options=nobody)
    judging = JudgeSettings(judges=(spec,), prompt=prompt)
    made = benchmark(name).metrics(ScoringSettings(cache=cache, judging=judging))[0]
    assert isinstance(made, InterviewMetric)
    return made


def said(asker: InterviewMetric, given: Item, replies: Mapping[str, str]) -> Said:
    """What a judge said: question -> raw reply; ``*`` for all others."""
    found = {}
    for turn in asker.ask(given, {}):
        raw = replies.get(turn.name, replies.get("*", ""))
        request = asker.fill(given, turn.script, turn.question)
        attempt = attempt_at(
            request, key="k", name="j", asked="m", served="m", status="answered", raw=raw
        )
        found[turn.name] = judged(request, attempt)
    return found


def marks(asker: InterviewMetric, given: Item, replies: Mapping[str, str]) -> Marks:
    return asker.mark(given, said(asker, given, replies))
