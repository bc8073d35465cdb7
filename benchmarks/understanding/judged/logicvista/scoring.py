"""LogicVista: a judge names the letters that a reply chose; all of them, and no other, are right.

`official_*` repeat open-compass/VLMEvalKit@e8e78f05; `strict_*` read the judge's reply with care
and are listed in docs/errata.md (LOGICVISTA).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

TRIES = 5
"""How often the judge is asked before a sample counts as wrong."""

SKILLS = ("inductive", "deductive", "numerical", "spatial", "mechanical")

NO_ANSWER = "Z"
"""What the judge says of a reply that chose none of the options."""


def official_letters(reply: str) -> str | None:
    """The letters in a judge's reply; None for anything but capitals without a blank.

    >>> official_letters("BD"), official_letters("B, D"), official_letters("b")
    ('BD', None, None)
    """
    return reply if reply.isupper() and reply.isalpha() else None


def official_hit(letters: str, answer: str) -> bool:
    """Whether the letters are those of the answer, in any order, repetitions counted.

    Args:
        letters: from `official_letters`.
        answer: as recorded: letters with a comma and a blank between them.

    >>> official_hit("DB", "B, D"), official_hit("AA", "A")
    (True, False)
    """
    right = sorted(part.lower() for part in answer.split(", "))
    return "".join(sorted(letter.lower() for letter in letters)) == "".join(right)


def official_table(rows: Iterable[tuple[str, bool]]) -> list[dict[str, Any]]:
    """Accuracy in percent over all samples and per skill, NaN for a skill without samples.

    Args:
        rows: (skills as recorded, hit); a sample has every skill whose name occurs in the text.
    """
    found = list(rows)
    groups = {"Overall": [hit for _, hit in found]}
    groups |= {skill: [hit for text, hit in found if skill in text] for skill in SKILLS}
    return [
        {
            "Task&Skill": name, "tot": len(hits), "hit": sum(hits),
            "acc": sum(hits) / len(hits) * 100 if hits else math.nan,
        }
        for name, hits in groups.items()
    ]  # fmt: skip


# --- strict -----------------------------------------------------------------------------------

_SAID = re.compile(
    r"(?:(?:the )?answers? (?:is|are)|answers?|output|option)\s*:?\s*", re.IGNORECASE
)
_BETWEEN = re.compile(r"[\s,;&/+()\[\].*`\"']+|\band\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What a judge says was chosen.

    Attributes:
        labels: capital letters or digits, each once, in order; empty for none of the options.
        reason: why the reply cannot be read; empty when it can.
    """

    labels: tuple[str, ...] = ()
    reason: str = ""


def strict_choice(reply: str) -> Chosen:
    """The labels in a reply that names labels only; a failure is one of the judge.

    ``BD``, ``b, d``, ``(B) and (D)`` and ``Answer: D, B`` say the same.

    >>> strict_choice("Answer: D, B").labels, strict_choice("Z").labels
    (('B', 'D'), ())
    >>> strict_choice("Bad").reason
    'the reply is more than labels of options'
    """
    text = reply.strip().strip("*`\"' ")
    said = _SAID.match(text)
    parts = [p for p in _BETWEEN.split(text[said.end() :] if said else text) if p]
    if len(parts) == 1 and parts[0].isascii() and (parts[0].isupper() or parts[0].isdigit()):
        parts = list(parts[0])
    if not parts or not all(len(p) == 1 and p.isascii() and p.isalnum() for p in parts):
        return Chosen(reason="the reply is more than labels of options")
    labels = sorted({p.upper() for p in parts})
    if labels == [NO_ANSWER]:
        return Chosen()
    if NO_ANSWER in labels:
        return Chosen(reason="the reply names options and says that there are none")
    return Chosen(labels=tuple(labels))


def strict_hit(chosen: Chosen, answer: str) -> bool:
    """Whether all labels of the answer were chosen, and no other.

    >>> strict_hit(strict_choice("AA"), "A"), strict_hit(strict_choice("3"), "3")
    (True, True)
    """
    right = {p.upper() for p in _BETWEEN.split(answer) if p}
    return not chosen.reason and set(chosen.labels) == right


def skills_of(written: str) -> Sequence[str]:
    """The skills of a record, by whose names occur in its field."""
    return [skill for skill in SKILLS if skill in written]
