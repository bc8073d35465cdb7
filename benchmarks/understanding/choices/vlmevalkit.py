"""Reading the option letter out of a reply as VLMEvalKit does, and its accuracy tables.

Rules and edge cases: open-compass/VLMEvalKit@e8e78f05, without a judge (``exact_matching``). A
reply that these rules cannot read is wrong there; where a judge model is set, it is asked instead.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

Inferred: TypeAlias = "str | Literal[False]"
"""An option letter, `NO_ANSWER`, or False when nothing can be read."""

NO_ANSWER = "Z"
"""What stands for "none of the options": a refusal, or a reply that could not be read."""

OTHER_ANSWERS = "Other Answers"
"""Option B of an open question of MMMU, beside its right answer as option A."""

ROTATION = 1_000_000
"""Rotation ``r`` of MMBench's question ``i`` has the index ``r * ROTATION + i``."""

_API_FAILED = "Failed to obtain answer via API"
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_SEPARATORS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_TAIL = 4
"""A letter must stand among so many last words of the reply."""
_SAID = re.compile(r"answer\s+is\s+\**([A-D])", re.IGNORECASE)


def can_infer_option(answer: str, choices: Mapping[str, Any]) -> Inferred:
    """The option letter that a reply names.

    1. A failed API call is no answer; one of four refusals is `NO_ANSWER`.
    2. When exactly one letter stands alone in the reply, and for the first time among its last
       four words, it is the answer; when none does, a lone ``Z`` is `NO_ANSWER`.
    3. Else what follows the first "answer is", in either case and without regard to what the
       letter is part of: "the answer is decrease" reads as D.

    Args:
        answer: the reply.
        choices: option letter -> its text; only the letters count here.

    >>> can_infer_option("The correct answer is **B**.", {"A": "cat", "B": "dog"})
    'B'
    >>> can_infer_option("A or B", {"A": "cat", "B": "dog"})
    False
    """
    if _API_FAILED in answer:
        return False
    if any(refusal in answer for refusal in _REFUSALS):
        return NO_ANSWER
    words = answer.translate(_SEPARATORS).split()
    named = [letter for letter in choices if letter in words]
    if len(named) == 1 and words.index(named[0]) >= len(words) - _TAIL:
        return named[0]
    if not named and NO_ANSWER in words:
        return NO_ANSWER
    said = _SAID.search(answer)
    if said is not None and said[1].upper() in choices:
        return said[1].upper()
    return False


def can_infer_text(answer: str, choices: Mapping[str, Any]) -> Inferred:
    """The only option whose text occurs in a reply, which is not much longer than all options.

    Case does not count. Replies of more than twice the length of all option texts are not read:
    they are likely to discuss several options.

    >>> can_infer_text("It is a dog!", {"A": "cat", "B": "dog"})
    'B'
    """
    reply = answer.lower()
    if len(reply) > 2 * sum(len(str(text)) for text in choices.values()):
        return False
    found = [letter for letter, text in choices.items() if str(text).lower() in reply]
    return found[0] if len(found) == 1 else False


def can_infer(answer: object, choices: Mapping[str, Any]) -> Inferred:
    """The answer in a reply: its letter, else its text, else False.

    Args:
        answer: the reply; anything else than a text is written out first.
        choices: option letter -> its text.

    >>> can_infer("dog", {"A": "cat", "B": "dog"}), can_infer("neither", {"A": "cat", "B": "dog"})
    ('B', False)
    """
    reply = str(answer)
    return can_infer_option(reply, choices) or can_infer_text(reply, choices)


# --- hits and tables --------------------------------------------------------------------------


def options_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Option letter -> text, of the letters that a row of a prediction table has a text for."""
    return {c: row[c] for c in string.ascii_uppercase if c in row and not is_missing(row[c])}


def is_missing(value: object) -> bool:
    """Whether a cell of a table is empty: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def vanilla_hits(rows: Iterable[Mapping[str, Any]], dataset: str = "") -> dict[int, int]:
    """Whether each question is answered right, every row being a question of its own.

    Args:
        rows: with ``index``, ``answer`` (a letter), ``prediction`` and one column per option.
        dataset: name of the data set; when it contains ``MMMU``, open questions are rewritten,
            see `as_choice`.

    Returns:
        Index -> 1 or 0.
    """
    seen = (as_choice(row) if "MMMU" in dataset else row for row in rows)
    return {row["index"]: int(_is_right(row)) for row in seen}


def as_choice(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of MMMU as a multiple-choice question.

    An open question (no option A) gets its answer as option A and `OTHER_ANSWERS` as option B. An
    answer that is no letter becomes A. So the reply ``A`` to an open question is right.
    """
    answer = row["answer"]
    letter = answer if answer in tuple(string.ascii_uppercase) else "A"
    opened = {"A": answer, "B": OTHER_ANSWERS} if is_missing(row.get("A")) else {}
    return {**row, **opened, "answer": letter}


def circular_hits(rows: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    """Whether each question of MMBench is answered right in every rotation of its options.

    Args:
        rows: as for `vanilla_hits`; see `ROTATION` for their index.

    Returns:
        Index of the base row -> 1 or 0. A question whose base row is absent is left out; other
        rotations that are absent do not count.
    """
    groups: dict[int, bool] = {}
    every = list(rows)
    for row in every:
        base = row["index"] % ROTATION
        groups[base] = groups.get(base, True) and _is_right(row)
    return {row["index"]: int(groups[row["index"]]) for row in every if row["index"] < ROTATION}


def _is_right(row: Mapping[str, Any]) -> bool:
    return bool((can_infer(row["prediction"], options_of(row)) or NO_ANSWER) == row["answer"])


ABBREVIATIONS = {
    "coarse_perception": "CP",
    "finegrained_perception (instance-level)": "FP-S",
    "finegrained_perception (cross-instance)": "FP-C",
    "logic_reasoning": "LR",
    "relation_reasoning": "RR",
    "attribute_reasoning": "AR",
}
"""How VLMEvalKit's tables call the six groups of MMBench."""


def accuracy_table(
    rows: Iterable[Mapping[str, Any]], hits: Mapping[int, int]
) -> list[dict[str, Any]]:
    """Accuracy per split: overall, per ``l2-category`` and per ``category``, each from 0 to 1.

    Args:
        rows: the questions; those without an entry in `hits` are left out.
        hits: index -> 1 or 0.

    Returns:
        One record per split, sorted; ``none`` where there are no splits. The mean of no questions
        is NaN. A category named as an l2-category takes its place in the record.
    """
    scored = [row for row in rows if row["index"] in hits]
    records = []
    for split in sorted({_split(row) for row in scored}):
        record: dict[str, Any] = {"split": split, "Overall": _mean(scored, hits, split)}
        for column in ("l2-category", "category"):
            for name in sorted({str(row[column]) for row in scored if column in row}):
                own = [row for row in scored if str(row.get(column)) == name]
                record[ABBREVIATIONS.get(name, name)] = _mean(own, hits, split)
        records.append(record)
    return records


def _split(row: Mapping[str, Any]) -> str:
    return str(row.get("split", "none"))


def _mean(rows: Sequence[Mapping[str, Any]], hits: Mapping[int, int], split: str) -> float:
    values = [hits[row["index"]] for row in rows if _split(row) == split]
    return sum(values) / len(values) if values else math.nan
