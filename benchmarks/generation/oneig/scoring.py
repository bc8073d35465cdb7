"""OneIG-Bench in pure functions: alignment, reasoning, style, diversity, and the mean of the five.

`benchmarks.generation.oneig.text` holds the fifth, text. `official_*` is the released arithmetic
(OneIG-Bench/OneIG-Benchmark@41b4983, the same in open-compass/GenEditEvalKit@103b283), `strict_*`
what it means to compute; docs/errata.md, ONEIG-*, lists where they part. Images of one prompt that
are wholly black are dropped by the released scripts before anything is scored (ONEIG-4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.common.means import mean_of_known
from metrics.answers import read_answer

DIMENSIONS = ("alignment", "text", "reasoning", "style", "diversity")
"""What the overall score is the mean of."""

Dependencies: TypeAlias = "Mapping[int, Sequence[int]]"
"""Question id -> ids of its parents; 0 is no parent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """The questions of one image.

    Attributes:
        score: share of the questions that count, in [0, 1], higher is better; None with a reason.
        counted: question id -> whether it counts.
        reason: why there is no score; empty when there is one.
    """

    score: float | None = None
    counted: Mapping[int, bool] | None = None
    reason: str = ""


def official_yes(reply: str) -> bool:
    """Whether the released script takes a reply for yes: only the bare capitalised word is."""
    return reply == "Yes"


def official_alignment(replies: Mapping[int, str], dependencies: Dependencies) -> Alignment:
    """One image, as released.

    A question counts when it was answered yes and so was each of its parents; theirs do not
    matter. Parents that are no questions are ignored.

    Args:
        replies: question id -> reply.
        dependencies: of the questions.
    """
    if not replies:
        return Alignment(reason="no questions")
    return _gated({id_: official_yes(reply) for id_, reply in replies.items()}, dependencies)


def strict_alignment(replies: Mapping[int, str | None], dependencies: Dependencies) -> Alignment:
    """One image: as `official_alignment`, but yes may be written in any way.

    A reply that is neither yes nor no makes the image unscored instead of wrong (ONEIG-5).
    """
    if not replies:
        return Alignment(reason="no questions")
    said: dict[int, bool] = {}
    for id_, reply in replies.items():
        found = read_answer(reply, "yes_no")
        if found.reason:
            return Alignment(reason=f"the reply to question {id_}: {found.reason}")
        said[id_] = found.value == "yes"
    return _gated(said, dependencies)


def _gated(said: Mapping[int, bool], dependencies: Dependencies) -> Alignment:
    counted = {
        id_: yes and all(said.get(parent, True) for parent in dependencies.get(id_, ()))
        for id_, yes in said.items()
    }
    return Alignment(score=sum(counted.values()) / len(counted), counted=counted)


def style_of_image(csd: Sequence[float], second: Sequence[float]) -> float:
    """One image: how near it is to the references of its style, in [0, 1]; higher is better.

    Args:
        csd: cosines to the references in the CSD encoder; not empty.
        second: cosines in the style encoder of the benchmark's authors; not empty.
    """
    return (max(*csd, 0.0) + max(*second, 0.0)) / 2


def diversity_of_prompt(distances: Mapping[tuple[int, int], float]) -> float | None:
    """Mean DreamSim distance over the pairs of a prompt's images; higher is more diverse.

    Args:
        distances: pair of image numbers -> distance, every pair once.

    Returns:
        None with fewer than two images.
    """
    return mean_of_known(distances.values())


def pairs_among(kept: Iterable[int]) -> list[tuple[int, int]]:
    """All pairs of images, smaller number first.

    >>> pairs_among([0, 2, 3])
    [(0, 2), (0, 3), (2, 3)]
    """
    numbers = sorted(kept)
    return [(a, b) for at, a in enumerate(numbers) for b in numbers[at + 1 :]]


def style_key(name: str) -> str:
    """A style of the prompt file under the name its references have.

    >>> style_key("Chinese ink painting")
    'chinese_ink_painting'
    """
    return name.lower().replace(" ", "_")


def overall(dimensions: Mapping[str, float | None]) -> float | None:
    """Plain mean of the five, in [0, 1]; None unless there are all five.

    The released code does not compute it; every published table does.
    """
    found = [v for d in DIMENSIONS if (v := dimensions.get(d)) is not None]
    return sum(found) / len(found) if len(found) == len(DIMENSIONS) else None
