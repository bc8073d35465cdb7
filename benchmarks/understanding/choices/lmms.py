"""Reading the option letter out of a reply as lmms-eval does, benchmark by benchmark.

Rules and edge cases: EvolvingLMMs-Lab/lmms-eval@75571cfe. They differ from VLMEvalKit's (see
`vlmevalkit`), so numbers of the two do not compare.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.understanding.choices.vlmevalkit import ROTATION, Inferred, is_missing

DEFAULT_CHOICES = tuple("ABCDEFGH")
FOUR = tuple("ABCD")

_START, _END, _PHRASE, _BRACKETS, _DOT, _COLON, _BRACKET, _SPACE, _ANY = 10, 9, 7, 6, 5, 4, 3, 2, 0
"""Which way of naming a letter goes before which; the letter named latest wins within one."""

_SHAPES = ((_BRACKETS, "({})"), (_DOT, "{}."), (_COLON, "{}:"), (_BRACKET, "{})"), (_SPACE, "{} "))
_NAMES = (
    "answer", "correct answer", "best answer", "correct option", "best option", "choice",
    "correct choice",
)  # fmt: skip
_PHRASES = (
    *(f"{the}{name} is" for name in _NAMES for the in ("", "the ")),
    "my answer is", "my choice is", "i choose", "i select", "i pick",
    "옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは",
)  # fmt: skip
"""Each counts where it occurs for the first time, so those that contain others are not idle."""


def extract_mcq_answer(response: str, choices: Sequence[str] = ()) -> str:
    """The letter that a reply names in the most telling way, the latest of several.

    At the very start goes before at the very end, then after a phrase such as "answer is" (any
    letter that follows, even within a word), ``(A)``, ``A.``, ``A:``, ``A)``, ``A `` and, if there
    is none of these, any occurrence.

    Args:
        response: the reply.
        choices: the letters; A to H when there are none.

    Returns:
        A letter, or nothing.

    >>> extract_mcq_answer("The answer is C. Because the sky is blue")
    'B'
    """
    text = response.strip()
    for sign in ",.!?;:'\"":
        text = text.strip(sign)
    padded = f" {text} " if response.strip() else ""
    letters = tuple(choices) or DEFAULT_CHOICES
    found = list(_named(padded, letters))
    if not found:
        found = [(_ANY, padded.rfind(c), c) for c in letters if c in padded]
    return max(found, key=lambda one: one[:2])[2] if found else ""


def _named(text: str, letters: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Way, position and letter of everything that looks like an answer."""
    for way, shape in _SHAPES:
        for letter in letters:
            if (at := text.rfind(shape.format(letter))) >= 0:
                yield way, at, letter
    lowered = text.lower()
    for phrase in _PHRASES:
        if (at := lowered.find(phrase)) >= 0:
            for letter in letters:
                if (place := text.find(letter, at + len(phrase))) >= 0:
                    yield _PHRASE, place, letter
    inner = text.strip()
    for letter in letters:
        if inner.startswith(letter) and not inner[1:2].isalpha():
            yield _START, 0, letter
        if inner.endswith(letter) and not inner[-2:-1].isalpha():
            yield _END, len(text) - 1, letter


# --- MMBench ----------------------------------------------------------------------------------

_AROUND = (
    ("", "."), ("", ","), ("", ":"), ("", ")"), ("", ")."), ("(", ")"), ("(", ")."),
    (":", ""), (":", ","), (":", "."), (":", ")"), (":", ")."),
)  # fmt: skip


def can_infer_option(answer: str, count: int = 5) -> Inferred:
    """The letter that a reply names; E is one even where there are four options.

    A lone ``A`` in a reply of more than three words is taken for an article.

    Args:
        answer: the reply.
        count: how many letters there are, from A.
    """
    if "Failed to obtain answer via API" in answer:
        return False
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:count]
    words = answer.split()
    alone = [c for c in letters if c in words]
    if len(alone) == 1 and not (alone[0] == "A" and len(words) > 3):
        return alone[0]
    for before, after in _AROUND:
        named = [c for c in letters if before + c + after in words]
        if len(named) == 1:
            return named[0]
    return False


def can_infer(answer: str, choices: Mapping[str, Any]) -> Inferred:
    """The letter in a reply, else the only option whose text occurs in it, else False.

    >>> can_infer("a banana", {"A": "banana", "B": "plum", "C": "nan"})
    False
    """
    if option := can_infer_option(answer):
        return option
    reply = answer.lower()
    found = [letter for letter, text in choices.items() if str(text).lower() in reply]
    return found[0] if len(found) == 1 else False


def static_result(
    rows: Iterable[Mapping[str, Any]],
) -> tuple[float, dict[str, float], dict[str, float]]:
    """MMBench's circular accuracy without a judge.

    A reply that `can_infer` cannot read goes to `extract_mcq_answer`. Options stored as the text
    ``nan`` take part.

    Args:
        rows: with ``index``, ``answer``, ``prediction``, ``category``, ``l2-category`` and the
            columns A to D; see `ROTATION`.

    Returns:
        Accuracy over the questions whose base row is present, per category and per l2-category,
        each from 0 to 1; NaN when there is none.
    """
    every = sorted(rows, key=lambda row: int(row["index"]))
    groups: dict[int, bool] = {}
    for row in every:
        base = row["index"] % ROTATION
        groups[base] = groups.get(base, True) and _read(row) == row["answer"]
    main = [row for row in every if row["index"] < ROTATION]
    values = {"": [groups[row["index"]] for row in main]}
    return (
        _means(values)[""],
        _means(_by(main, groups, "category")),
        _means(_by(main, groups, "l2-category")),
    )


def _read(row: Mapping[str, Any]) -> str:
    choices = {c: row[c] for c in FOUR if not is_missing(row.get(c))}
    reply = str(row["prediction"])
    return can_infer(reply, choices) or extract_mcq_answer(reply, sorted(choices))


def _by(
    rows: Iterable[Mapping[str, Any]], groups: Mapping[int, bool], column: str
) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        name = row.get(column, row.get(column.capitalize()))
        if not is_missing(name):
            found[str(name)].append(groups[row["index"]])
    return found


def _means(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {n: sum(v) / len(v) if v else float("nan") for n, v in values.items()}


# --- MMStar, AI2D, RealWorldQA, SEED-Bench ----------------------------------------------------


def mmstar_score(reply: str, answer: str) -> float:
    """1 when the letter read of a reply (A to D) is the right one, else 0."""
    return float(extract_mcq_answer(reply, FOUR) == answer.strip().upper())


def mmstar_average(scored: Iterable[tuple[str, float]]) -> float:
    """Mean over l2-categories of the means of their samples.

    Args:
        scored: l2-category and score of each sample.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for name, score in scored:
        found[name].append(score)
    means = _means(found)
    return sum(means.values()) / len(means) if means else float("nan")


_LEADING = re.compile(r"\s*([A-Z])\.")


def ai2d_filter(reply: str) -> str:
    """The letter that a reply begins with, if a dot follows it; else the reply as it is.

    >>> ai2d_filter("B. the sun"), ai2d_filter("B")
    ('B', 'B')
    """
    found = _LEADING.match(reply)
    return found[1] if found else reply


def realworldqa_score(reply: str, answer: str) -> float:
    """1 when a reply is right: by its letter (A to D) where the answer is one, else by its text.

    Case, spaces around it and dots at its end do not count in a text.
    """
    right = answer.strip()
    if right.upper() in FOUR:
        return float(extract_mcq_answer(reply, FOUR) == right.upper())
    return float(reply.lower().strip().rstrip(".") == right.lower())


def seed_letter(reply: str) -> str:
    """The first character of a reply, whatever it is; compared without case."""
    return reply.strip()[:1]
