"""MMMU's answers by the rules of its authors, as BAGEL and lmms-eval carry them.

Rules and edge cases: ByteDance-Seed/Bagel@056b5fd and EvolvingLMMs-Lab/lmms-eval@75571cfe. Where
these draw a letter at random, here there is no answer, which is wrong and counted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

Candidate: TypeAlias = "str | float"

DOMAINS: dict[str, tuple[str, ...]] = {
    "Art and Design": ("Art", "Art_Theory", "Design", "Music"),
    "Business": ("Accounting", "Economics", "Finance", "Manage", "Marketing"),
    "Science": ("Biology", "Chemistry", "Geography", "Math", "Physics"),
    "Health and Medicine": (
        "Basic_Medical_Science", "Clinical_Medicine", "Diagnostics_and_Laboratory_Medicine",
        "Pharmacy", "Public_Health",
    ),
    "Humanities and Social Science": ("History", "Literature", "Sociology", "Psychology"),
    "Tech and Engineering": (
        "Agriculture", "Architecture_and_Engineering", "Computer_Science", "Electronics",
        "Energy_and_Power", "Materials", "Mechanical_Engineering",
    ),
}  # fmt: skip
"""Domain -> its subjects, as they are called in the ids of the questions."""


# --- multiple choice --------------------------------------------------------------------------


Shapes: TypeAlias = "tuple[tuple[str, str], ...]"
"""Ways of naming a letter, first come first served, and how the latest of several is found."""

AUTHORS: Shapes = (("({})", "({})"), (" {} ", " {} "))
"""As the authors first released it, and BAGEL carries it: ``B. dog`` names no letter."""

LMMS: Shapes = (("({})", "({})"), ("{} ", " {} "), ("{}.", " {} "))
"""As lmms-eval carries it: ``AB `` names B, and so does ``B.dog``."""


def read_choice(response: str, options: Sequence[str], shapes: Shapes = AUTHORS) -> str:
    """The letter of the option that a reply names, or nothing.

    ``(B)`` goes before `` B `` and, in lmms-eval, ``B.``. In a reply of more than five words the
    text of an option counts when there is none of these. Of several the one that comes latest wins.

    >>> read_choice("Both (A) and (B), so (A)", ["cat", "dog"]), read_choice("B)", ["cat", "dog"])
    ('A', '')
    """
    text = response
    for sign in ",.!?;:'":
        text = text.strip(sign)
    text = f" {text} "
    letters = {chr(ord("A") + at): str(option).lower() for at, option in enumerate(options)}
    for shape, place in shapes:
        found = [c for c in letters if shape.format(c) in text]
        if found:
            return max(found, key=lambda c: text.rfind(place.format(c)))
    lowered = text.lower()
    found = [c for c, option in letters.items() if option in lowered]
    if found and len(text.split()) > 5:
        return max(found, key=lambda c: lowered.rfind(letters[c]))
    return ""


def is_choice_right(gold: str | Sequence[str], letter: str) -> bool:
    """Whether a letter is the right one, or one of several right ones."""
    return letter == gold if isinstance(gold, str) else letter in gold


# --- open questions ---------------------------------------------------------------------------

_INDICATORS = (
    "could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ",
)  # fmt: skip
_TRIVIAL = (":", ",", ".", "!", "?", ";", "'")
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),  # 1,234,567
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),  # 1.5e3
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),  # 12.5
)


def read_open(response: str) -> list[Candidate]:
    """What a reply to an open question may mean, each once, in the order in which it is found.

    First the shortest end of each line behind a word such as "is" or "therefore" (on the last line
    also behind ``=``), or the whole reply where there is none; then the numbers in these.
    """
    texts = _key_parts(response.strip().strip(".").lower())
    numbers = [number for text in texts for number in extract_numbers(text)]
    return list(dict.fromkeys(c for text in (*texts, *numbers) for c in normalize_str(text)))


def _key_parts(text: str) -> list[str]:
    # The released code would also split at the ends of sentences, but looks for a capital letter
    # there when all is in lower case already.
    lines = text.split("\n")
    parts = []
    for number, line in enumerate(lines, start=1):
        shortest = ""
        for mark in (*_INDICATORS, "=") if number == len(lines) else _INDICATORS:
            if mark in line:
                end = line.rpartition(mark)[2].strip()
                # An empty end counts as the shortest, and gives way to any that comes after it.
                shortest = end if not shortest or len(end) < len(shortest) else shortest
        if shortest and shortest not in _TRIVIAL:
            parts.append(shortest)
    return parts or [text]


def extract_numbers(text: str) -> list[str]:
    """All numbers as written: with thousands commas, then in scientific notation, then plain."""
    return [number for shape in _NUMBERS for number in shape.findall(text)]


def normalize_str(text: str) -> list[Candidate]:
    """A number, rounded to two decimals, or the text in lower case.

    A single character becomes two texts, with a space on either side, so that it is not found
    within words.

    >>> normalize_str(" 1,234.567 "), normalize_str("B")
    ([1234.57], [' b', 'b '])
    """
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        lowered = text.lower()
        return [f" {lowered}", f"{lowered} "] if len(lowered) == 1 else [lowered]


def is_open_right(gold: Any, candidates: Iterable[Candidate]) -> bool:
    """Whether a text among the candidates contains a right text, or a number equals a right one.

    Args:
        gold: one right answer or several.
        candidates: of `read_open`. A text in their place is walked character by character, as
            lmms-eval does by mistake.
    """
    golds = gold if isinstance(gold, list | tuple) else [gold]
    wanted = [c for one in golds for c in normalize_str(str(one))]
    texts = [w for w in wanted if isinstance(w, str)]
    return any(
        any(w in c for w in texts) if isinstance(c, str) else c in wanted for c in candidates
    )


# --- scores -----------------------------------------------------------------------------------


def judge(samples: Iterable[Mapping[str, Any]], shapes: Shapes = AUTHORS) -> dict[str, bool]:
    """Whether each question is answered right, read from the reply by the kind of the question.

    Args:
        samples: with ``id``, ``question_type``, ``answer``, ``response`` and, unless the type is
            ``open``, ``options``.
        shapes: how letters are named.
    """
    right = {}
    for one in samples:
        if one["question_type"] == "multiple-choice":
            letter = read_choice(one["response"], one["options"], shapes)
            right[one["id"]] = is_choice_right(one["answer"], letter)
        else:
            right[one["id"]] = is_open_right(one["answer"], read_open(one["response"]))
    return right


def accuracies(scored: Iterable[tuple[str, bool]]) -> dict[str, dict[str, float]]:
    """Number of questions and accuracy per subject, per domain and overall, as lmms-eval prints.

    A subject of no domain counts in ``Overall`` only. Overall and domains weigh every question the
    same. Accuracies are rounded to five decimals; that of no questions is 0.

    Args:
        scored: subject of each question (``Art_Theory``), and whether it is answered right.
    """
    subjects: dict[str, list[bool]] = defaultdict(list)
    for subject, right in scored:
        subjects[subject].append(right)
    found = {}
    for domain, names in DOMAINS.items():
        own = [name for name in names if name in subjects]
        found[f"Overall-{domain}"] = _over([subjects[name] for name in own])
        found.update({name: _over([subjects[name]]) for name in own})
    return {**found, "Overall": _over(list(subjects.values()))}


def _over(groups: Sequence[Sequence[bool]]) -> dict[str, float]:
    number = sum(len(g) for g in groups)
    # Means first and weights after them, as released: the last bit decides some roundings.
    total = sum(sum(g) / len(g) * len(g) for g in groups)
    return {"num": number, "acc": round(total / number, 5) if number else 0}


def subject_of(id: str) -> str:
    """The subject in a question's id: ``validation_Art_Theory_12`` -> ``Art_Theory``.

    Ids of another form have none.
    """
    parts = id.split("_")
    return "_".join(parts[1:-1]) if len(parts) > 2 and parts[-1].isdigit() else ""
