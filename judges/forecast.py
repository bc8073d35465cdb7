"""What judging will take, before the first call: calls, tokens, dollars, minutes.

What is on the tape is not counted again. Where the tape already holds replies of the judge, they
say what a call takes; else a rule of thumb does, and the forecast says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import ImageError
from evals.core.types import Item, Sample
from judges.images import sent_sizes
from judges.metric import judge_key
from judges.prices import expected_tokens
from judges.request import HERE, Request, Unjudgeable
from judges.tape import Tape, decided, tape_file

if TYPE_CHECKING:
    from judges.catalog import Backend
    from judges.metric import JudgedMetric

OUTPUT_TOKENS = 400
"""Of a reply with five short reasons; judges that think aloud take many more."""
SECONDS = 8.0
"""Of a call."""
LOOKED_AT = 40
"""Samples whose image sizes are looked at; the others are taken to be like them."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What one judge will be asked for one run.

    Attributes:
        judge: its name.
        calls: that have to be made, if nothing goes wrong.
        recorded: questions that the tape answers already.
        input_tokens: of the calls.
        output_tokens: of the calls.
        dollars: of the calls; None when the model has no price.
        minutes: at the concurrency asked for.
        basis: what tokens and seconds are taken from.
    """

    judge: str
    calls: int
    recorded: int
    input_tokens: int
    output_tokens: int
    dollars: float | None
    minutes: float
    basis: str


def forecast(
    metric: JudgedMetric, items: Sequence[Item], unmade: Sequence[Sample]
) -> list[Forecast]:
    """One forecast per judge.

    Args:
        metric: that will ask.
        items: predictions that are there and not scored yet.
        unmade: samples whose predictions are still to be made.
    """
    requests: list[Request] = []
    for item in items:
        try:
            for repeat in range(metric.settings.repeats):
                requests += metric.requests(item, repeat)
        except (Unjudgeable, ImageError):
            continue  # nobody is asked about these
    tokens = _tokens(metric, requests, unmade)
    later = sum(metric.calls(i.sample) for i in items) * metric.settings.repeats - len(requests)
    more = sum(map(metric.calls, unmade)) * metric.settings.repeats + max(0, later)
    return [_of(metric, b, requests, more, tokens) for b in metric.backends]


def _of(
    metric: JudgedMetric, backend: Backend, requests: Sequence[Request], more: int, tokens: int
) -> Forecast:
    settings, key = metric.settings, judge_key(backend)
    free = backend.endpoint in {"tape", HERE}
    tape = Tape(settings.tape or tape_file(metric.context.cache, backend.name, key))
    recorded = sum(decided(r, tape.find(key, r.hash)) is not None for r in requests)
    different = len({r.hash for r in requests})
    calls = 0 if free else max(0, different - recorded) + more
    known = [a for a in tape.attempts() if a.judge == key and a.status == "answered"]
    used = [a for a in known if "input_tokens" in a.usage and "output_tokens" in a.usage]
    out, seconds, basis = OUTPUT_TOKENS, SECONDS, "a rule of thumb"
    if used:
        tokens = round(statistics.fmean(a.usage["input_tokens"] for a in used))
        out = round(statistics.fmean(a.usage["output_tokens"] for a in used))
    if known:
        seconds = statistics.fmean(a.seconds for a in known)
        basis = f"{len(known)} replies on the tape"
    options: Any = getattr(backend, "options", {})
    price = backend.price
    usage = {"input_tokens": float(calls * tokens), "output_tokens": float(calls * out)}
    return Forecast(
        judge=backend.name, calls=calls, recorded=recorded, input_tokens=calls * tokens,
        output_tokens=calls * out, basis=basis,
        dollars=0.0 if free else price.cost(usage) if price else None,
        minutes=calls * seconds / int(options.get("concurrency", 1)) / 60,
    )  # fmt: skip


def _tokens(metric: JudgedMetric, requests: Sequence[Request], unmade: Sequence[Sample]) -> int:
    """Input tokens of a call by rule of thumb, from a few samples."""
    text, policy, shown = metric.words()
    shapes: list[tuple[Path, ...]] = [tuple(s.path for s in r.shown) for r in requests]
    # An output that is still to be made is taken to be as large as its original.
    shapes += [(*s.images, *s.reference_images, *s.images) for s in unmade]
    step = max(1, len(shapes) // LOOKED_AT)
    counts = []
    for paths in shapes[::step][:LOOKED_AT]:
        counts.append(expected_tokens(text, sent_sizes(paths[:shown], policy)))
    return round(statistics.fmean(counts)) if counts else 0
