"""MathVista as lmms-eval scores it: the same questions, another rule, other numbers.

EvolvingLMMs-Lab/lmms-eval@75571cfe. A reply that is a choice or a number is taken as it is, else a
judge extracts the answer; then with choices the nearest one is taken, so that every reply answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.understanding.judged.mathvista.scoring import Question

_SAID = re.compile(r'The answer is "(.*)"\.')
_LETTER = re.compile(r"\(([a-zA-Z])\)")


def quick_extraction(question: Question, reply: str, *, quoted: bool = False) -> str | None:
    """The answer that is read without a judge; None when the judge is asked.

    Args:
        question: what was asked.
        reply: of the model; an empty one is its own extraction.
        quoted: the quick variant, which also takes what `The answer is "..."` quotes.
    """
    if not reply or (question.question_type == "multi_choice" and reply in question.choices):
        return reply
    try:
        if question.answer_type == "integer":
            return str(int(reply))
        if question.answer_type == "float":
            return str(float(reply))
    except ValueError:
        pass
    said = _SAID.search(reply) if quoted else None
    return said[1] if said else None


def normalised(question: Question, extraction: str, precision: float | None = None) -> str | None:
    """The extraction in the form of the answer; None when it is no number and has to be one.

    Args:
        question: what was asked.
        extraction: from `quick_extraction` or a judge.
        precision: decimals of a float answer, as the record has them; a record that says 2.0
            instead of 2 has no right answer there. None for those of the question.

    >>> choice = Question(question_type="multi_choice", answer_type="text", answer="12 cm",
    ...                   choices=("10 cm", "12 cm"), answer_option="B")
    >>> normalised(choice, "(B) it is"), normalised(choice, "no idea")
    ('12 cm', '10 cm')
    """
    if question.question_type == "multi_choice":
        return _nearest(extraction.strip(), question.choices)
    try:
        if question.answer_type == "integer":
            return str(int(float(extraction)))
        if question.answer_type == "float":
            decimals = question.precision if precision is None else precision
            return str(round(float(extraction), decimals)) if isinstance(decimals, int) else None
    except (ValueError, OverflowError):
        return None
    return extraction


def _nearest(extraction: str, choices: Sequence[str]) -> str | None:
    """The choice of a letter, in parentheses or alone, or of the smallest edit distance."""
    from rapidfuzz.distance import Levenshtein

    letters = _LETTER.findall(extraction)
    letter = letters[0].upper() if letters else extraction
    options = [chr(ord("A") + at) for at in range(len(choices))]
    if letter in options:
        return choices[options.index(letter)]
    # As released: of "(X) text" with an unknown X only the X is compared.
    return min(choices, key=lambda choice: Levenshtein.distance(letter, choice), default=None)


def equal(found: str | None, right: str) -> bool:
    """Whether both are the same text but for blanks around it."""
    return str(found).strip() == right.strip()
