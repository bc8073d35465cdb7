"""How a question about a picture is put: our words, or those of a file of the user's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from evals.core.errors import UserError
from evals.core.types import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """How a question is put: our words, or those of a file of the user's.

    Attributes:
        text: with one hole.
        hole: the mark that stands for the sample's own text, e.g. ``{question}``.
        own: whether the words are ours.
    """

    text: str
    hole: str
    own: bool = True

    def put(self, words: str) -> str:
        """The question with the sample's text in its hole."""
        return self.text.replace(self.hole, words)

    def identity(self) -> dict[str, JSON]:
        """Whose words, and their hash."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:16]
        return {"words": "ours" if self.own else "a file", "sha256": digest}


def wording(own: str, hole: str, given: str | None, setting: str) -> Wording:
    """Our words, unless the user gives a file with others.

    Args:
        own: our words, with the hole.
        hole: see `Wording`.
        given: path of the file; None for none.
        setting: name of the setting that gives it, for messages.

    Raises:
        UserError: the file cannot be read, or has no such hole.
    """
    if given is None:
        return Wording(text=own, hole=hole)
    try:
        text = Path(given).expanduser().read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read {given}, given as weights.{setting} ({error}).") from error
    if hole not in text:
        raise UserError(
            f"{given}, given as weights.{setting}, does not hold {hole}; write it where the "
            "sample's own text belongs."
        )
    return Wording(text=text, hole=hole, own=False)
