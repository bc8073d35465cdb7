"""T2I-ReasonBench: from a judge's replies to reasoning accuracy and image quality.

Each image is described by the judge, and then asked about in two or three groups of questions,
each answered with a list of 1, 0.5 or 0. This repeats the scripts of
open-compass/GenEditEvalKit@103b283 (KaiyueSun98/T2I-ReasonBench@efc1d20 differs in one expression);
what the numbers should be is in `strict`, and the difference in docs/errata.md (T2IREASON).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Dimension:
    """One of the four parts of the benchmark.

    Attributes:
        name: as the official files call it.
        short: as the official scripts call it.
        stages: groups of questions in the order they are asked; the last one is about quality.
        weights: of the groups before the last, which make the reasoning accuracy.
        greedy: whether a reply is read from its first to its last brace; else to the first ``}``.
    """

    name: str
    short: str
    stages: tuple[str, ...]
    weights: tuple[float, ...]
    greedy: bool = False


DIMENSIONS: Mapping[str, Dimension] = {
    d.short: d
    for d in (
        Dimension(
            name="idiom_interpretation", short="idiom", stages=("reason", "quality"), weights=(1.0,)
        ),
        Dimension(
            name="textual_image_design", short="textual_image", stages=("reason", "quality"),
            weights=(1.0,), greedy=True,
        ),
        Dimension(
            name="entity_reasoning", short="entity", stages=("entity", "detail", "quality"),
            weights=(0.7, 0.3),
        ),
        Dimension(
            name="scientific_reasoning", short="scientific",
            stages=("scientific", "detail", "quality"), weights=(0.7, 0.3),
        ),
    )
}  # fmt: skip
"""Short name -> dimension, in the order of the paper."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficialReply:
    """A reply as the released scripts read it.

    Attributes:
        value: the JSON object; None when there is none.
        error: type of the exception that ends the whole run there; empty when there is a value.
    """

    value: Mapping[str, Any] | None = None
    error: str = ""


def official_reply(text: str, *, greedy: bool) -> OfficialReply:
    """The first ``{...}`` of a reply as JSON.

    >>> official_reply('{"reason": ["{a}"], "score": [1]}', greedy=True).value["score"]
    [1]
    >>> official_reply('{"reason": ["{a}"], "score": [1]}', greedy=False).error
    'UnboundLocalError'
    """
    start = text.find("{")
    end = text.rfind("}") if greedy else text.find("}", start)
    if not 0 <= start < end:
        return OfficialReply(error="UnboundLocalError")
    try:
        return OfficialReply(value=json.loads(text[start : end + 1]))
    except json.JSONDecodeError:
        return OfficialReply(error="UnboundLocalError")
    except (ValueError, RecursionError) as error:
        return OfficialReply(error=type(error).__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficialSample:
    """What the released script writes about one image.

    Attributes:
        averages: one per stage; empty when the script ends here.
        error: type of the exception that ends it; empty otherwise.
    """

    averages: tuple[float, ...] = ()
    error: str = ""


def official_sample(dimension: Dimension, replies: Sequence[str]) -> OfficialSample:
    """Averages of the scores per stage, of any number and size.

    Args:
        dimension: of the image.
        replies: of the judge, one per stage.
    """
    scores: list[Any] = []
    for reply in replies:
        found = official_reply(reply, greedy=dimension.greedy)
        if found.value is None:
            return OfficialSample(error=found.error)
        if "score" not in found.value:
            return OfficialSample(error="KeyError")
        scores.append(found.value["score"])
    try:
        # Two-stage scripts convert to numbers only what cannot be added up as it is.
        averages = _averages(scores) if len(dimension.stages) == 2 else None
        if averages is None:
            averages = _averages([[float(x) for x in stage] for stage in scores])
            if averages is None:
                return OfficialSample(error="ZeroDivisionError")
    except (TypeError, ValueError, OverflowError) as error:
        return OfficialSample(error=type(error).__name__)
    return OfficialSample(averages=averages)


def _averages(scores: Sequence[Any]) -> tuple[float, ...] | None:
    """One average per stage; None where one cannot be computed."""
    try:
        return tuple(sum(stage) / len(stage) for stage in scores)
    except (TypeError, ZeroDivisionError, OverflowError):
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class DimensionScores:
    """The two numbers of a dimension.

    Attributes:
        reasoning: in percent, rounded to 2 decimals.
        quality: the same.
        images: how many went into them.
    """

    reasoning: float
    quality: float
    images: int


def official_dimension(
    dimension: Dimension, rows: Iterable[Sequence[Any]]
) -> DimensionScores | None:
    """Means over the rows that hold numbers; the others are left out.

    Args:
        dimension: of the images.
        rows: of the written table, which end in the averages of all stages.

    Returns:
        None when no row can be read; the released script ends with a ZeroDivisionError.
    """
    reasoning = quality = 0.0
    images = 0
    for row in rows:
        averages = _numbers(row[-len(dimension.stages) :], len(dimension.stages))
        if averages is None:
            continue
        reasoning += official_reasoning(dimension, averages)
        quality += averages[-1]
        images += 1
    if not images:
        return None
    return DimensionScores(
        reasoning=round(reasoning / images * 100, 2),
        quality=round(quality / images * 100, 2),
        images=images,
    )


def official_reasoning(dimension: Dimension, averages: Sequence[float]) -> float:
    """Reasoning accuracy of one image, from 0 to 1 when the judge keeps to its scale.

    >>> official_reasoning(DIMENSIONS["entity"], (1.0, 0.5, 0.0))
    0.85
    """
    if len(dimension.weights) == 1:
        return averages[0]
    return sum(w * a for w, a in zip(dimension.weights, averages, strict=False))


def _numbers(cells: Sequence[Any], count: int) -> list[float] | None:
    """The numbers in some cells of the table, in which everything is text; None for any other."""
    try:
        found = [float(str(cell)) for cell in cells]
    except ValueError:
        return None
    return found if len(found) == count else None
