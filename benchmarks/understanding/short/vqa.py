"""Free short answers as VQA has compared them since 2015: a normal form, then a vote of ten people.

Three normal forms are in use, all from the VQA authors' script, and they differ: the one of
open-compass/VLMEvalKit@e8e78f05, the one of EvalAI (as EvolvingLMMs-Lab/lmms-eval@75571cfe and the
TextVQA evaluator in ByteDance-Seed/Bagel@056b5fd have it), and ours, `strict_form`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.understanding.short.vqa_words import CONTRACTIONS, NUMBERS

ARTICLES = frozenset({"a", "an", "the"})
_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_COMMAS_IN_NUMBER = re.compile(r"\d,+\d")
_PERIOD_OFF_DIGITS = re.compile(r"(?<!\d)\.(?!\d)")
_PERIOD_BEFORE_NO_DIGIT = re.compile(r"\.(?!\d)")
_PERIODS_REMOVED = 32
"""Both scripts hand a flag of value 32 to a parameter that limits the number of replacements."""
VOTES_FOR_FULL = 3
"""So many people who gave an answer make it fully right."""


# --- normal forms -----------------------------------------------------------------------------


def vlmeval_punctuation(text: str) -> str:
    """Marks become nothing or a space, and periods that touch no digit are removed.

    A mark is removed where the text has it beside a space *anywhere*; one comma between two digits
    anywhere makes all marks removed. Else it becomes a space. Only the first 32 periods go.

    >>> vlmeval_punctuation("on/off, 1,234 U.S.A."), vlmeval_punctuation("on/off 12.")
    ('onoff 1234 USA', 'on off 12.')
    """
    return _punctuation(text, _COMMA_IN_NUMBER, _PERIOD_OFF_DIGITS)


def _punctuation(text: str, comma: re.Pattern[str], period: re.Pattern[str]) -> str:
    in_number = comma.search(text) is not None
    table = {
        ord(mark): "" if in_number or f"{mark} " in text or f" {mark}" in text else " "
        for mark in _MARKS
    }
    return period.sub("", text.translate(table), count=_PERIODS_REMOVED)


def vqa_words(text: str) -> str:
    """Lower case, one space between words, numbers up to ten in digits, no articles, apostrophes.

    >>> vqa_words("The  two dogs dont bark")
    "2 dogs don't bark"
    """
    words = (NUMBERS.get(word, word) for word in text.lower().split())
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


def vlmeval_form(text: str) -> str:
    """The normal form of VLMEvalKit.

    >>> vlmeval_form("St. Louis, MO"), vlmeval_form("N/A")
    ('st louis mo', 'n')
    """
    flat = text.replace("\n", " ").replace("\t", " ").strip()
    return vqa_words(vlmeval_punctuation(flat))


def evalai_form(text: str) -> str:
    """The normal form of EvalAI: commas and question marks go first, "'s" becomes a word.

    Every period that no digit follows is removed, so that ``12.`` is ``12``.

    >>> evalai_form("It's 1,234."), evalai_form("Mr. Smith?")
    ("it 's 1234", 'mr smith')
    """
    flat = text.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    flat = flat.replace("\n", " ").replace("\t", " ").strip()
    return vqa_words(evalai_punctuation(flat))


def evalai_punctuation(text: str) -> str:
    """As `vlmeval_punctuation`, but a period goes whenever no digit follows it."""
    return _punctuation(text, _COMMAS_IN_NUMBER, _PERIOD_BEFORE_NO_DIGIT)


_ALIKE = str.maketrans({"’": "'", "‘": "'", "´": "'"})
_COMMA_OF_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_PERIOD_OFF_NUMBER = re.compile(r"\.(?!\d)|(?<=[^\W\d])\.")
_DASH_OFF_NUMBER = re.compile(r"(?<=\S)-|-(?!\.?\d)")
_OTHER_MARKS = str.maketrans(dict.fromkeys(_MARKS.replace("-", ""), " "))


def strict_form(text: str) -> str:
    """Ours: what the rules mean. A mark is a space wherever it stands, and numbers stay whole.

    Commas between thousands go; a period stays inside a number only, and a dash only as its sign.
    An answer of nothing but articles stays what it is.

    >>> strict_form("12."), strict_form("1,234 on/off"), strict_form("-3"), strict_form("U.S.A.")
    ('12', '1234 on off', '-3', 'usa')
    >>> strict_form("A"), strict_form("A cat")
    ('a', 'cat')
    """
    flat = _COMMA_OF_THOUSANDS.sub("", text.translate(_ALIKE))
    flat = _DASH_OFF_NUMBER.sub(" ", _PERIOD_OFF_NUMBER.sub("", flat)).translate(_OTHER_MARKS)
    return vqa_words(flat) or " ".join(flat.lower().split())


# --- votes ------------------------------------------------------------------------------------


def vote_shares(forms: Sequence[str], said: str) -> list[float]:
    """For each person: how right the answer is by the others' votes.

    Args:
        forms: the people's answers in their normal form, usually ten.
        said: the model's answer in the same form.

    Returns:
        ``min(1, votes / 3)`` over the others, one value in [0, 1] per person.

    >>> vote_shares(["a cat"] * 2 + ["dog"], "a cat")
    [0.3333333333333333, 0.3333333333333333, 0.6666666666666666]
    """
    votes = sum(form == said for form in forms)
    return [min(1.0, (votes - (form == said)) / VOTES_FOR_FULL) for form in forms]


def soft_accuracy(forms: Sequence[str], said: str) -> float:
    """Mean of `vote_shares`, in [0, 1]; higher is better.

    Raises:
        ValueError: there are no answers to compare with.
    """
    if not forms:
        raise ValueError("there are no answers to compare with")
    shares = vote_shares(forms, said)
    return sum(shares) / len(shares)


def strict_soft_accuracy(answers: Sequence[str], reply: str) -> float | None:
    """Soft accuracy in `strict_form`, in [0, 1]; None when there are no answers.

    >>> strict_soft_accuracy(["12"] * 10, "12."), strict_soft_accuracy([], "x")
    (1.0, None)
    """
    forms = [strict_form(answer) for answer in answers]
    return soft_accuracy(forms, strict_form(reply)) if forms else None


def vqav2_accuracy(answers: Sequence[Mapping[str, Any]], reply: str) -> float:
    """Soft accuracy as lmms-eval's VQAv2 task computes it, in [0, 1].

    Both sides lose their marks and articles, but not by the whole of `evalai_form`: "'s" stays. A
    person has the votes of all whose row differs from their own, so that people without an id who
    say the same do not vote for each other.

    Args:
        answers: the row of each person, with ``answer`` and usually ``answer_id``.
        reply: of the model.

    Raises:
        ValueError: there are no answers.

    >>> vqav2_accuracy([{"answer": "Yes", "answer_id": n} for n in range(4)], "the yes")
    1.0
    >>> vqav2_accuracy([{"answer": "yes"}] * 10, "yes")
    0.0
    """
    if not answers:
        raise ValueError("there are no answers to compare with")
    rows = [{**row, "answer": _vqav2_form(row["answer"])} for row in answers]
    said = _vqav2_form(reply)
    votes = [row for row in rows if row["answer"] == said]
    shares = [min(1.0, sum(vote != row for vote in votes) / VOTES_FOR_FULL) for row in rows]
    return sum(shares) / len(shares)


def _vqav2_form(text: str) -> str:
    return vqa_words(evalai_punctuation(text.replace("\n", " ").replace("\t", " ").strip()))


def exact_shares(answers: Sequence[str], reply: str) -> list[float]:
    """Per accepted answer: 1 when it is the reply but for case and outer spaces (VLMEvalKit)."""
    said = reply.strip().lower()
    return [float(answer.strip().lower() == said) for answer in answers]
