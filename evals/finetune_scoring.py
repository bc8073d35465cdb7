"""Scoring a model while it is trained: each step becomes a run folder like any other.

Below the training's folder lies ``evals/<benchmark>-<suite>/step-000100``, beside the anchors. It
can be scored again, reported and compared; the same step again does what is not stored yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.config import BenchmarkSpec, ModelSpec, RunConfig
from evals.console import LiveProgress, err
from evals.core.errors import UserError
from evals.core.store import RUN, StoredRun, plain, read_manifest
from evals.core.types import JSON, fingerprint

if TYPE_CHECKING:
    from evals.plan import Plan
    from evals.runner import Outcome
    from model.finetune.config import Evaluate, Sampling
    from model.internvlu.pipeline import InternVLUPipeline

NEEDED = ("name", "step")
"""What every description of a training says; the report draws its trend by them."""
COVERAGE, REASON = "coverage/", "reason/"
"""What the keys of the result begin with that are no number of the model."""


class SuiteScorer:
    """Scores by a suite of this package; the entry point ``suite`` of ``umm_evals.scorers``."""

    def check(self, evaluate: Evaluate) -> None:
        """Refuse settings that could not be scored, before anything is trained.

        Raises:
            UserError: no such suite or metric, or a suite that is no validation split.
        """
        from evals.core.protocols import ScoringSettings
        from evals.plan import check_metric_names, find_suite

        benchmark, suite = find_suite(BenchmarkSpec.parse(evaluate.suite))
        if not suite.validation:
            own = [f"{benchmark.name}/{s.name}" for s in benchmark.suites.values() if s.validation]
            raise UserError(
                f"evaluate.suite {benchmark.name}/{suite.name} is no validation split, and to "
                "evaluate on a benchmark's own samples during training is how one overfits to "
                f"them; use {(own or ['textedit/val'])[0]}."
            )
        known = {m.name for m in benchmark.metrics(ScoringSettings())}
        check_metric_names(evaluate.metrics, {benchmark.name: known})

    def __call__(
        self,
        pipe: InternVLUPipeline,
        *,
        training: Mapping[str, JSON],
        evaluate: Evaluate,
        sampling: Sampling,
        out: Path,
    ) -> dict[str, Any]:
        """Score the model as it is now.

        Args:
            pipe: the loaded model, in the state in which it shall be scored; it is not let go of.
            training: what tells this state from others: ``name`` and ``step`` (updates made), and
                whatever else decides the weights; it is the run's identity.
            evaluate: suite, limit and metrics.
            sampling: how images are made; None is the pipeline's default.
            out: folder of the training.

        Returns:
            Column, e.g. ``ocr_strict.OA`` -> its mean. The headline is ``headline/<its name>``,
            with ``, partial`` behind it where one of its tracks is missing or substituted. Then
            ``coverage/<column>`` -> share of planned samples in the mean, 0 to 1; and
            ``reason/<what>`` -> why something has no number, in words. What has none has no key of
            its own.

        Raises:
            UserError: as `check`; or another process writes there, or the disk cannot be written.
        """
        from evals.runner import execute

        self.check(evaluate)
        plan = plan_step(pipe, training=training, evaluate=evaluate, sampling=sampling, out=out)
        with LiveProgress(quiet=not err.is_terminal) as progress:
            outcomes = execute(plan, progress)
        return numbers_of(plan, outcomes)


score = SuiteScorer()


def plan_step(
    pipe: InternVLUPipeline, *, training: Mapping[str, JSON], evaluate: Evaluate,
    sampling: Sampling, out: Path,
) -> Plan:  # fmt: skip
    """The run of one step and those of the anchors; nothing is written.

    Raises:
        UserError: unknown names, or data that cannot be read.
        ValueError: the training has no name or no step.
    """
    from evals.plan import make_plan
    from model.adapters.internvlu import InternVLU, Options
    from model.adapters.options import read_options

    if any(key not in training for key in NEEDED):
        raise ValueError(f"training must say {' and '.join(NEEDED)}: {dict(training)}")
    chosen: dict[str, JSON] = {
        "steps": sampling.steps, "guidance_scale": sampling.guidance_scale,
        "image_guidance_scale": sampling.image_guidance_scale,
    }  # fmt: skip
    options = read_options(Options, InternVLU.name, chosen)
    model = InternVLU.around(pipe, options, {"training": dict(training)})
    step = int(str(training["step"]))
    spec = ModelSpec(
        name=f"{training['name']} @ step {step}", adapter=model.name, options=chosen,
        folder=f"step-{step:06d}",
    )  # fmt: skip
    config = RunConfig(
        models=(spec,), benchmarks=(BenchmarkSpec.parse(evaluate.suite),), out=out / "evals",
        limit=evaluate.limit, metrics=tuple(evaluate.metrics),
    )  # fmt: skip
    return _apart(make_plan(config, live={spec.name: model}))


def _apart(plan: Plan) -> Plan:
    """The plan with a folder of its own for a step that was scored under other settings before.

    Settings of sampling may change when a training goes on, and must not end it.
    """
    run = plan.runs[0]
    identity = plain(run.manifest["identity"])
    taken = (run.folder / RUN).is_file() and read_manifest(run.folder)["identity"] != identity
    if not taken:
        return plan
    folder = run.folder.with_name(f"{run.folder.name}-{fingerprint(identity)[:6]}")
    return replace(plan, runs=(replace(run, folder=folder), *plan.runs[1:]))


def numbers_of(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What a scored plan says of its first run, the most telling numbers first; see `score`.

    Raises:
        UserError: a stored score is not a finite number.
    """
    from evals.core.columns import quantities
    from evals.core.headline import headline
    from evals.core.summary import summarise

    run, *rest = (StoredRun.read(r.folder) for r in plan.runs)
    anchors = {r.model: r for r in rest}
    rule = run.manifest["headline"]
    whole = headline(run, anchors.get(rule.get("floor")), anchors.get(rule.get("ceiling")))
    cells = summarise(run).cells
    found = {
        name: cells[name, ()]
        for name, quantity in quantities(run).items()
        if not quantity.auxiliary and (name, ()) in cells
    }
    measured = {n: c for n, c in found.items() if c.mean is not None}
    key = f"headline/{whole.name}{', partial' if whole.partial else ''}"
    numbers: dict[str, Any] = {} if whole.value is None else {key: whole.value}
    numbers.update({n: measured[n].mean for n in sorted(measured, key=_later(measured))})
    numbers.update({COVERAGE + n: c.coverage for n, c in measured.items()})
    if whys := whole.reason or "; ".join(f"{t}: {w}" for t, w in whole.missing_reasons.items()):
        numbers[REASON + key] = whys
    numbers.update(
        {REASON + m: f"{a['reason']}; {a['fix']}" for m, a in run.manifest["absences"].items()}
    )
    for name, cell in found.items():
        if cell.mean is None and cell.state != "unavailable":
            why = cell.note or "; ".join(cell.reasons) or "nothing to average"
            numbers[REASON + name] = why
    if not outcomes[0].complete:
        numbers[REASON + "run"] = _incomplete(outcomes[0])
    return numbers


def _later(columns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a column is not the first of its metric, which is the most telling one."""
    first: dict[str, str] = {}
    for name in columns:
        first.setdefault(name.rpartition(".")[0], name)
    return lambda name: name not in first.values()


def _incomplete(outcome: Outcome) -> str:
    return (
        f"incomplete: {outcome.infrastructure_faults} predictions failed through no fault of the "
        f"model, {outcome.failed_scores} scores failed, {outcome.open_scores} are still to be made"
    )


__all__ = ["COVERAGE", "REASON", "SuiteScorer", "numbers_of", "plan_step", "score"]
