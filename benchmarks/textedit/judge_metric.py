"""The judge track of TextEdit: what judges are asked, and what a verdict amounts to.

Original, ground truth and result are shown, five questions are answered with 1 to 5. One verdict
gives the strict numbers, the released script's for comparison with published rows, and the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from typing import Any

from benchmarks.textedit import judging
from benchmarks.textedit.errata import ErrataPolicy, apply_errata
from benchmarks.textedit.pictures import NotApplicable, output_path, reference
from evals.core.protocols import JudgeSpec, Metric, ScoringSettings
from evals.core.types import Item, Profile, Quantity
from evals.core.verdicts import Verdict
from judges.catalog import MEASURED, Context
from judges.metric import Marks, Question, RubricMetric
from judges.prompt_file import with_official_prompt
from judges.request import Unjudgeable
from judges.rubric import Rubric, load_rubric
from metrics.ocr import OcrReader

_DOC = {
    "TA": "The new text stands there, letter for letter, and the old one is gone.",
    "TP": "Every other text is as it was.",
    "SI": "Everything else outside the edit is as it was.",
    "LR": "The place of the edit is clean.",
    "VC": "The new text looks as if it belonged.",
    "Avg": "Weighted sum of the five, .4 TA .3 TP .1 each; with the cut-off.",
}


def _share(name: str, doc: str, profile: Profile, label: str = "") -> Quantity:
    return Quantity(
        name=name, range=(0.0, 1.0), direction="higher", doc=doc, profile=profile, worst=0.0,
        label=label or name,
    )  # fmt: skip


_CUT = " 0 where TA is below 4."
STRICT = (
    *(
        _share(n, _DOC[n] + (_CUT if n not in {"TA", "Avg"} else ""), "strict")
        for n in ("Avg", *judging.COLUMNS)
    ),
    _share("Avg_soft", "As Avg, but TA scales the others in place of the cut-off.", "strict"),
    _share("Avg_uncut", "As Avg, without any cut-off.", "strict"),
)
OFFICIAL = tuple(
    _share(f"{n}_official", f"{_DOC[n]} As released, which drops odd replies.", "official", n)
    for n in ("Avg", *judging.COLUMNS)
)
PAPER = (
    _share(
        "Avg_paper", "As Avg, with the even scale (score - 1) / 4 of the paper.", "paper", "Avg"
    ),
)


@cache
def rubric() -> Rubric:
    """Our own rubric, from rubric.toml."""
    text = files("benchmarks.textedit").joinpath("rubric.toml").read_text(encoding="utf-8")
    return load_rubric(text)


def question(item: Item, errata: ErrataPolicy = "off") -> Question:
    """What is asked about an item.

    Raises:
        Unjudgeable: the sample has no original or no ground truth, or errata exclude it.
        ImageError: the prediction holds no image.
    """
    try:
        known = reference(item)
    except NotApplicable as reason:
        raise Unjudgeable(str(reason)) from None
    mended = apply_errata(known, errata)
    if mended is None:
        raise Unjudgeable(f"excluded by errata: {', '.join(known.errata)}")
    if not item.sample.images or not item.sample.reference_images:
        raise Unjudgeable("the sample has no original image or no ground truth")
    return Question(
        fields={"source_text": mended.source_text, "target_text": mended.target_text},
        images={
            "original": item.sample.images[0],
            "truth": item.sample.reference_images[0],
            "edited": output_path(item),
        },
    )


# --- from a verdict to numbers ----------------------------------------------------------------


def strict_parts(rubric: Rubric, scores: Mapping[str, float]) -> dict[str, float | None]:
    """The strict quantities of a verdict, a panel's included.

    Args:
        rubric: its normalisation, weights and cut-off.
        scores: dimension name -> score; between whole scores for a panel.
    """
    value = {n: rubric.value(scores[n]) for n in judging.COLUMNS}
    cut = rubric.cutoff is not None and scores["TA"] < rubric.cutoff

    def weighted(factor: float) -> float:
        others = sum(rubric.weights[n] * value[n] * factor for n in judging.COLUMNS if n != "TA")
        return min(1.0, rubric.weights["TA"] * value["TA"] + others)

    after = {n: 0.0 if cut and n != "TA" else v for n, v in value.items()}
    return {
        "Avg": weighted(0.0 if cut else 1.0),
        **after,
        "Avg_soft": weighted(value["TA"]),
        "Avg_uncut": weighted(1.0),
    }


def mark_strict(rubric: Rubric, verdict: Verdict) -> Marks:
    """For judges that measure: nothing was released or printed that they could be compared with."""
    return Marks(parts=strict_parts(rubric, verdict.scores))


def mark(rubric: Rubric, verdict: Verdict) -> Marks:
    """All profiles."""
    parts = strict_parts(rubric, verdict.scores)
    even = {n: judging.paper_value(verdict.scores[n]) for n in judging.COLUMNS}
    cut = rubric.cutoff is not None and verdict.scores["TA"] < rubric.cutoff
    parts["Avg_paper"] = sum(
        rubric.weights[n] * (0.0 if cut and n != "TA" else v) for n, v in even.items()
    )
    official, why = _official(rubric, verdict, parts)
    notes = dict.fromkeys(official, why) if why else {}
    return Marks(parts={**parts, **official}, notes=notes)


def _official(
    rubric: Rubric, verdict: Verdict, strict: Mapping[str, float | None]
) -> tuple[dict[str, float | None], str]:
    """The released numbers, or why the released script would have dropped the sample.

    They are made from what the released parser reads in the reply, which need not be what the
    strict one does. The released script knows no panels: of several verdicts the strict numbers are
    taken, when it could have read all of them.
    """
    names = {n: f"{n}_official" for n in ("Avg", *judging.COLUMNS)}
    nothing: dict[str, float | None] = dict.fromkeys(names.values())
    numbers: Mapping[str, float | None] = strict
    for single in verdict.singles:
        reply = judging.official_reply(single.last.raw if single.last else "")
        if reply.outcome != "ok":
            return nothing, f"the released script cannot use this reply ({reply.outcome}, J4)"
        answers = reply.score if isinstance(reply.score, Mapping) else {}
        first: Any = answers.get("Q1")
        cut = _whole(first) and rubric.cutoff is not None and first < rubric.cutoff
        # Behind the cut-off it does not look at the other answers (J11).
        odd = [q for q in judging.QUESTIONS[: 1 if cut else 5] if not _whole(answers.get(q))]
        if odd:
            return nothing, f"the released script drops this reply for its {', '.join(odd)} (J11)"
        if len(verdict.singles) == 1:
            read = {
                n: float(answers[q]) if _whole(answers.get(q)) else float(rubric.low)
                for n, q in zip(judging.COLUMNS, judging.QUESTIONS, strict=True)
            }
            numbers = strict_parts(rubric, read)
    return {ours: numbers[name] for name, ours in names.items()}, ""


def _whole(answer: Any) -> bool:
    """Whether the released script takes an answer: a number that its table has."""
    return isinstance(answer, int | float) and answer in judging.NORMALISATION


# --- the metrics ------------------------------------------------------------------------------


def metrics(settings: ScoringSettings, reader: OcrReader) -> tuple[Metric, ...]:
    """`judge` for language models, and `judge_heuristic` where measuring was asked for.

    They are two metrics because their numbers are never mixed.

    Raises:
        UserError: a judge or the prompt file makes no sense.
    """
    judging_by = settings.judging
    asked = rubric()
    if judging_by.prompt is not None:
        asked = with_official_prompt(asked, judging_by.prompt, {"edited": "original"})
    measuring = tuple(s for s in judging_by.judges if s.backend in MEASURED)
    models = tuple(s for s in judging_by.judges if s.backend not in MEASURED)
    made = [_metric("judge", (*STRICT, *OFFICIAL, *PAPER), mark, asked, models, settings, reader)]
    if measuring:
        own = rubric()
        made.append(
            _metric("judge_heuristic", STRICT, mark_strict, own, measuring, settings, reader)
        )
    return tuple(made)


def _metric(
    name: str, quantities: tuple[Quantity, ...], marking: object, asked: Rubric,
    specs: tuple[JudgeSpec, ...], settings: ScoringSettings, reader: OcrReader,
) -> RubricMetric:  # fmt: skip
    context = Context(prices=settings.judging.prices, device=settings.device, cache=settings.cache)
    if specs and marking is mark_strict:
        from benchmarks.textedit.measured import grader, measures

        context = replace(
            context,
            grade=grader(reader, settings.errata),
            measures=measures(reader, settings.errata),
        )
    return RubricMetric(
        name=name, quantities=quantities, rubric=asked, specs=specs, settings=settings.judging,
        context=context, ask=partial(question, errata=settings.errata), mark=marking,  # type: ignore[arg-type]
        also={"errata": settings.errata},
    )  # fmt: skip
