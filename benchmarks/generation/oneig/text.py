"""OneIG-Bench text rendering in pure functions: one image, and the text score.

A model reads the image. Three corpus numbers come of it: ED, the mean edit distance in characters;
CR, the share of images read without any error; WAC, the pooled share of the asked words (or
characters, where the text is Chinese) that were read. They are folded into one score, which is no
mean over images.

`official_*` is the released arithmetic (OneIG-Bench/OneIG-Benchmark@41b4983, the same in
open-compass/GenEditEvalKit@103b283), `strict_*` what it means to compute; docs/errata.md, ONEIG-*,
lists where they part.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.generation.longtext import words
from metrics.text import distance

Language = Literal["EN", "ZH"]

MAX_DISTANCE: dict[Language, int] = {"EN": 100, "ZH": 50}
"""Mean edit distance from which it no longer matters."""
LONG_TEXT_WORDS = 60
"""A ground truth of more words than this gets twice the tokens to be read in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPieces:
    """What was read in one image, beside what was asked for.

    Attributes:
        asked: the asked text, as compared.
        read: the text read, as compared.
        distance: Levenshtein distance of the two in characters, from 0; lower is better.
        matched: units of both, as a multiset.
        asked_units: words asked for, or characters where the asked text is Chinese.
    """

    asked: str
    read: str
    distance: int
    matched: int
    asked_units: int

    @property
    def complete(self) -> bool:
        """Whether the text was read without any error."""
        return self.distance == 0

    @property
    def recall(self) -> float:
        """Share of the asked units that were read, in [0, 1], higher is better; 0 if none."""
        return self.matched / self.asked_units if self.asked_units else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TextScore:
    """The text numbers of a set of images.

    Attributes:
        distance: ED, mean edit distance, from 0; lower is better.
        complete: CR, share of images without any error, in [0, 1]; higher is better.
        recall: WAC, units matched / units asked for, in [0, 1]; higher is better.
        score: 1 - min(M, ED) * (1 - CR) * (1 - WAC) / M, in [0, 1]; higher is better.
    """

    distance: float
    complete: float
    recall: float
    score: float


def answer_tokens(text_content: str) -> int:
    """How many tokens the OCR model may answer with.

    >>> answer_tokens("['OPEN DAILY']")
    128
    """
    return 256 if len(text_content.split()) > LONG_TEXT_WORDS else 128


def official_cleaned(reply: str) -> str:
    """An OCR reply as the released script compares it.

    It looks for the phrase for "no text" with a full stop, and asks for it without (ONEIG-2).

    >>> official_cleaned("addCriterion No text recognized.")
    ' '
    """
    return words.without(reply, [words.HALLUCINATION, f"{words.NO_TEXT}."])


def official_pieces(text_content: str, text: str) -> TextPieces:
    """One image, as released.

    Args:
        text_content: a Python list of texts, written out; its quotes, commas and brackets go the
            way of all punctuation (ONEIG-3).
        text: the reply, after `official_cleaned`.
    """
    return _pieces(words.released(text_content), words.released(text))


def strict_pieces(text_content: str, reply: str | None) -> TextPieces:
    """One image: the texts themselves are compared, no letter of them is dropped.

    Args:
        text_content: as in `official_pieces`.
        reply: of the OCR model, as it came.
    """
    asked = " ".join(segments(text_content))
    return _pieces(words.whole(asked), words.whole(words.read_text(reply)))


def segments(text_content: str) -> list[str]:
    """The texts in a written-out list; the whole as one text where it is none.

    >>> segments("['OPEN', 'DAILY']"), segments("OPEN [daily")
    (['OPEN', 'DAILY'], ['OPEN [daily'])
    """
    try:
        found = ast.literal_eval(text_content)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return [text_content]
    return [str(part) for part in found] if isinstance(found, list | tuple) else [text_content]


def _pieces(asked: str, read: str) -> TextPieces:
    asked, read = _compared(asked), _compared(read)
    wanted, found = (asked, read) if words.has_cjk(asked) else (asked.split(), read.split())
    return TextPieces(
        asked=asked, read=read, distance=distance(read, asked),
        matched=words.in_common(wanted, found), asked_units=len(wanted),
    )  # fmt: skip


def _compared(text: str) -> str:
    """White space goes when there is a Chinese character; case stays."""
    return words.unspaced(text) if words.has_cjk(text) else words.one_spaced(text)


def text_score(pieces: Iterable[TextPieces], language: Language) -> TextScore | None:
    """The text numbers of a set of images; None where nothing was asked for."""
    found = list(pieces)
    asked = sum(p.asked_units for p in found)
    if not asked:
        return None
    mean_distance = sum(p.distance for p in found) / len(found)
    complete = sum(p.complete for p in found) / len(found)
    recall = sum(p.matched for p in found) / asked
    return TextScore(
        distance=mean_distance, complete=complete, recall=recall,
        score=folded(mean_distance, complete, recall, language),
    )  # fmt: skip


def folded(mean_distance: float, complete: float, recall: float, language: Language) -> float:
    """The text score of three corpus numbers, in [0, 1]; higher is better.

    >>> folded(20.0, 0.0, 0.5, "EN")
    0.9
    """
    most = MAX_DISTANCE[language]
    return 1 - min(most, mean_distance) * (1 - complete) * (1 - recall) / most


def official_corpus(prompts: Sequence[tuple[str, Sequence[str] | None]]) -> list[TextPieces] | None:
    """All images of a run in the order of the released script.

    It compares a prompt whose images are all black with what was read in the prompt before it, and
    ends when there is none (ONEIG-1).

    Args:
        prompts: ``text_content`` and the replies to its images that are not black, cleaned or
            not; None where there is no picture file.

    Returns:
        None where the released script ends.
    """
    found: list[TextPieces] = []
    read: Sequence[str] | None = None
    for text_content, replies in prompts:
        if replies is None:
            continue
        read = replies or read
        if read is None:
            return None
        found += [official_pieces(text_content, official_cleaned(reply)) for reply in read]
    return found
