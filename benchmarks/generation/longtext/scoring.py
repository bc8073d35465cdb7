"""LongText-Bench in pure functions: one image, and the Text Score.

A model reads the image; the score is the share of the asked words (English) or characters
(Chinese) that it read, pooled over images. It is recall only: words too many cost nothing and
order is ignored.

`official_*` is the released arithmetic (X-Omni-Team/X-Omni@2b8237b, the same in
open-compass/GenEditEvalKit@103b283), `strict_*` what it means to compute; docs/errata.md,
LONGTEXT-*, lists where they part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.generation.longtext import words

Language = Literal["en", "zh"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TextMatch:
    """What of the asked text was read in one image.

    Attributes:
        asked: the asked text, as compared.
        read: the text read, as compared.
        matched: units of both, as a multiset.
        asked_units: words (English) or characters (Chinese) asked for.
        read_units: the same of the text read.
    """

    asked: str
    read: str
    matched: int
    asked_units: int
    read_units: int

    @property
    def recall(self) -> float | None:
        """Share of the asked units that were read, in [0, 1], higher is better.

        None when nothing is left to ask for, where the released script ends (LONGTEXT-3).
        """
        return self.matched / self.asked_units if self.asked_units else None

    @property
    def precision(self) -> float:
        """Share of the read units that were asked for, in [0, 1], higher is better.

        0 when nothing was read: that has no wrong words, but it is no good answer either.
        """
        return self.matched / self.read_units if self.read_units else 0.0


def official_cleaned(reply: str) -> str:
    """An OCR reply as the released script passes it on.

    Its loop starts from the whole reply for every phrase, so that only the last one, with its full
    stop, is removed (LONGTEXT-1).

    >>> official_cleaned("addCriterion No text recognized.")
    'addCriterion '
    """
    return words.without(reply, [f"{words.NO_TEXT}."])


def official_match(segments: Sequence[str], text: str, language: Language) -> TextMatch:
    """One image, as released.

    Args:
        segments: the texts asked for.
        text: the reply, after `official_cleaned`.
        language: English compares lower-case words, Chinese characters in their case.
    """
    return _match(words.released(" ".join(segments)), words.released(text), language)


def strict_match(segments: Sequence[str], reply: str | None, language: Language) -> TextMatch:
    """One image: the reply that says there is no text is no text, and no letter is dropped.

    Args:
        segments: the texts asked for.
        reply: of the OCR model, as it came.
        language: as in `official_match`.
    """
    return _match(
        words.whole(" ".join(segments)), words.whole(words.read_text(reply)), language
    )  # fmt: skip


def _match(asked: str, read: str, language: Language) -> TextMatch:
    asked, read = _compared(asked, language), _compared(read, language)
    wanted, found = _units(asked, language), _units(read, language)
    return TextMatch(
        asked=asked, read=read, matched=words.in_common(wanted, found),
        asked_units=len(wanted), read_units=len(found),
    )  # fmt: skip


def _compared(text: str, language: Language) -> str:
    return words.one_spaced(text).lower() if language == "en" else words.unspaced(text)


def _units(text: str, language: Language) -> Sequence[str]:
    return text.split() if language == "en" else text


def text_score(matches: Iterable[TextMatch]) -> float | None:
    """Text Score: units matched / units asked for, over all images, in [0, 1].

    None when nothing was asked for.
    """
    pairs = [(m.matched, m.asked_units) for m in matches]
    asked = sum(units for _, units in pairs)
    return sum(matched for matched, _ in pairs) / asked if asked else None
