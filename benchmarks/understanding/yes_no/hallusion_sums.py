"""HallusionBench's accuracies: over questions, figures, and questions about several figures.

VLMEvalKit is open-compass/VLMEvalKit@e8e78f05. lmms-eval (EvolvingLMMs-Lab/lmms-eval@75571cfe) has
two paths: a rule ("intern"), and a judge model that is asked whether a reply agrees with the
reference answer.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["right", "wrong", "unclear"]
"""What lmms-eval's judge says of a reply."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HallusionAnswer:
    """One question of HallusionBench, answered.

    Attributes:
        figure: what the questions about one picture share.
        question: what the same question about several pictures shares.
        right: whether the answer is right.
        groups: its category and sub-category.
    """

    figure: Hashable
    question: Hashable
    right: bool
    groups: tuple[str, ...] = ()


def all_right(keys: Iterable[Hashable], right: Iterable[bool]) -> float:
    """Share of keys all of whose answers are right, in [0, 1].

    Raises:
        ValueError: lengths differ, or there are no answers.

    >>> all_right(["a", "a", "b"], [True, False, True])
    0.5
    """
    units: dict[Hashable, bool] = {}
    for key, value in zip(keys, right, strict=True):
        units[key] = units.get(key, True) and bool(value)
    if not units:
        raise ValueError("there are no answers")
    return sum(units.values()) / len(units)


def hallusion_accuracies(answers: Sequence[HallusionAnswer]) -> dict[str, float]:
    """``aAcc`` over questions, ``fAcc`` over figures, ``qAcc`` over questions; percent.

    Papers quote the mean of the three, which no toolkit prints.
    """
    right = [a.right for a in answers]
    return {
        "aAcc": 100 * all_right(range(len(right)), right),
        "fAcc": 100 * all_right([a.figure for a in answers], right),
        "qAcc": 100 * all_right([a.question for a in answers], right),
    }


def hallusion_report(answers: Sequence[HallusionAnswer]) -> dict[str, Mapping[str, float]]:
    """``Overall``, then every category and sub-category by name -> `hallusion_accuracies`."""
    names = sorted({name for a in answers for name in a.groups})
    parts = {name: [a for a in answers if name in a.groups] for name in names}
    return {n: hallusion_accuracies(rows) for n, rows in {"Overall": answers, **parts}.items()}


# --- lmms-eval --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a question of HallusionBench stands.

    Attributes:
        category: ``VD`` (visual dependent) or ``VS`` (visual supplement).
        subcategory: ``chart``, ``map``, ...
        set_id: questions and figures are numbered within it.
        figure_id: ``0`` of category VS means that no picture is shown.
        question_id: number of the question.
    """

    category: str
    subcategory: str
    set_id: str
    figure_id: str
    question_id: str

    @property
    def without_picture(self) -> bool:
        """Whether the question is asked without a picture."""
        return self.category == "VS" and self.figure_id == "0"

    def answered(self, right: bool) -> HallusionAnswer:
        """This question with an answer."""
        part = (self.category, self.subcategory, self.set_id)
        return HallusionAnswer(
            figure=(*part, self.figure_id), question=(*part, self.question_id), right=right
        )


def rule_is_right(reply: str, gold: str) -> bool:
    """The rule: "yes" anywhere in the reply is yes, everything else is no.

    Args:
        reply: of the model.
        gold: ``1`` for yes, ``0`` for no.

    >>> rule_is_right("Not in my eyes", "1"), rule_is_right("I cannot tell.", "0")
    (True, True)
    """
    return ("1" if "yes" in reply.lower() else "0") == gold


def read_verdict(reply: str) -> Verdict:
    """The judge's word: ``incorrect`` goes before ``correct``, anything else is unclear.

    >>> read_verdict("Correct."), read_verdict("It is incorrect"), read_verdict("?")
    ('right', 'wrong', 'unclear')
    """
    text = reply.lower()
    return "wrong" if "incorrect" in text else "right" if "correct" in text else "unclear"


def judged_accuracies(rows: Sequence[tuple[Place, Verdict]]) -> dict[str, float]:
    """The three accuracies of the judge's path, percent, rounded to 4 decimals.

    Without a picture an unclear reply is right, and such questions are left out of ``fAcc``.

    Raises:
        ValueError: there are no questions, or none has a picture.
        AssertionError: a question occurs twice.
    """
    if len({place for place, _ in rows}) != len(rows):
        raise AssertionError("a question of HallusionBench occurs once")
    answers = [
        place.answered(v == "right" or (v == "unclear" and place.without_picture))
        for place, v in rows
    ]
    pictured = [a for a, (p, _) in zip(answers, rows, strict=True) if not p.without_picture]
    found = hallusion_accuracies(answers) | {"fAcc": hallusion_accuracies(pictured)["fAcc"]}
    return {name: round(value, 4) for name, value in found.items()}
