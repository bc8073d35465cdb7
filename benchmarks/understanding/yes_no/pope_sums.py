"""POPE's numbers: how well "yes" is found, by VLMEvalKit, by lmms-eval, and strictly.

VLMEvalKit is open-compass/VLMEvalKit@e8e78f05, lmms-eval EvolvingLMMs-Lab/lmms-eval@75571cfe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.understanding.yes_no.reading import Said


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """How well "yes" was found.

    Attributes:
        precision: share of the "yes" that were right, in [0, 1]; 0 without any.
        recall: share of the questions with the answer "yes" that got it, in [0, 1].
        f1: harmonic mean of both, in [0, 1]; 0 when both are.
        accuracy: share of right answers, in [0, 1].
        yes_ratio: share of "yes" among the answers, in [0, 1].
    """

    precision: float
    recall: float
    f1: float
    accuracy: float
    yes_ratio: float


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def detection(gold: Sequence[bool], found: Sequence[bool], right: Sequence[float]) -> Detection:
    """Precision, recall and F1 of "yes".

    Args:
        gold: per question, whether the answer is "yes".
        found: whether "yes" was said.
        right: whether the question counts as answered right, 0 or 1.

    Raises:
        ValueError: lengths differ, or there are no questions.

    >>> detection([True, True, False], [True, False, False], [1, 0, 1]).recall
    0.5
    """
    if not gold:
        raise ValueError("there are no questions")
    hits = sum(g and f for g, f in zip(gold, found, strict=True))
    precision, recall = _ratio(hits, sum(found)), _ratio(hits, sum(gold))
    return Detection(
        precision=precision, recall=recall,
        f1=_ratio(2 * (precision * recall), precision + recall),
        accuracy=sum(right) / len(right), yes_ratio=sum(found) / len(found),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class PopeAnswer:
    """One question of POPE, answered.

    Attributes:
        gold: whether the right answer is "yes".
        said: what was said.
        right: whether it counts as right.
        categories: of the question: ``random``, ``popular``, ``adversarial``.
    """

    gold: bool
    said: Said
    right: float
    categories: tuple[str, ...]


def vlmeval_pope(answers: Sequence[PopeAnswer]) -> dict[str, Detection]:
    """VLMEvalKit: ``Overall`` (its headline is the F1) and one row per category.

    A question of several categories counts once for each of them in ``Overall`` too. What cannot be
    read counts as "no", so that it costs nothing in F1 where "no" is right.
    """
    rows = [(a, c) for a in answers for c in (a.categories or (None,))]
    groups: dict[str, list[PopeAnswer]] = {"Overall": [a for a, _ in rows]}
    for name in sorted({c for _, c in rows if c is not None}):
        groups[name] = [a for a, c in rows if c == name]
    return {name: _vlmeval_detection(group) for name, group in groups.items()}


def _vlmeval_detection(group: Sequence[PopeAnswer]) -> Detection:
    said_yes = [a.said == "yes" for a in group]
    return detection([a.gold for a in group], said_yes, [a.right for a in group])


def strict_pope(answers: Iterable[PopeAnswer]) -> Detection:
    """Ours: every question once, and what cannot be read counts as the wrong answer.

    >>> unread = PopeAnswer(gold=False, said="", right=0, categories=())
    >>> strict_pope([unread, PopeAnswer(gold=True, said="yes", right=1, categories=())]).precision
    0.5
    """
    rows = list(answers)
    gold = [a.gold for a in rows]
    found = [a.said == "yes" if a.said else not a.gold for a in rows]
    return detection(gold, found, [g == f for g, f in zip(gold, found, strict=True)])


def lmms_pope(rows: Sequence[tuple[str, str]]) -> Detection:
    """lmms-eval's POPE, fractions of 1.

    A reply is what it is but for case and outer spaces: ``yes.`` is neither. Only a plain ``no``
    counts against the recall. ``yes_ratio`` is that of the right answers, whatever was said.

    Args:
        rows: right answer and reply.

    Raises:
        ZeroDivisionError: there are no rows.
    """
    pairs = [(gold.lower().strip(), reply.lower().strip()) for gold, reply in rows]
    hits = pairs.count(("yes", "yes"))
    precision = _ratio(hits, hits + pairs.count(("no", "yes")))
    recall = _ratio(hits, hits + pairs.count(("yes", "no")))
    gold_yes = sum(gold == "yes" for gold, _ in pairs)
    return Detection(
        precision=precision,
        recall=recall,
        f1=_ratio(2 * (precision * recall), precision + recall),
        accuracy=sum(gold == said for gold, said in pairs) / len(pairs),
        yes_ratio=_ratio(gold_yes, gold_yes + sum(gold == "no" for gold, _ in pairs)),
    )
