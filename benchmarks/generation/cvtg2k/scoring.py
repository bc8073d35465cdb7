"""CVTG-2K in pure functions: the words of one image, and the numbers of a set of images.

A prompt asks for two to five texts in one image; OCR reads them back. Word accuracy is the share
of the asked words that were read, NED how near the nearest read word is to each asked one; both
pool words, not images. CLIPScore, VQAScore and the aesthetic score are means over images.

`official_*` is the released arithmetic (TextCrafter's unified scorer as carried by
CIawevy/TextPecker@e9cc98b), `strict_*` what it means to compute; docs/errata.md, CVTG2K-*, lists
where they part.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metrics.text import distance, similarity

SUBSETS = ("CVTG", "CVTG-Style")
REGIONS = (2, 3, 4, 5)
"""How many texts a prompt asks for."""
CLIP_PREFIX = "A photo depicts "
"""What CLIPScore puts before the prompt."""

_QUOTED = re.compile(r"'(.*?)'")
_QUOTED_STRICT = re.compile(r"(?<!\w)'(.+?)'(?!\w)")


@dataclass(frozen=True, kw_only=True, slots=True)
class WordScores:
    """The words of one image.

    Attributes:
        asked: how many words were asked for.
        correct: how many of them were read.
        similarities: for each asked word how near the nearest read one is, in [0, 1]; higher is
            better.
    """

    asked: int
    correct: int
    similarities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WordTotals:
    """The words of a set of images.

    Attributes:
        asked: how many words were asked for.
        correct: how many of them were read.
        accuracy: correct / asked, in [0, 1], higher is better; 0 when nothing was asked for.
        ned: mean similarity over all asked words, in [0, 1], higher is better; 0 likewise.
    """

    asked: int
    correct: int
    accuracy: float
    ned: float


# --- words ------------------------------------------------------------------------------------


def official_asked(prompt: str) -> list[str]:
    """The words between single quotes of a prompt, lower case.

    An apostrophe in the prompt counts as a quote (CVTG2K-1).

    >>> official_asked("A sign says 'Night Sale', a car says 'Go'.")
    ['night', 'sale', 'go']
    """
    return [word for part in _QUOTED.findall(prompt) for word in part.lower().split()]


def quoted(prompt: str) -> list[str]:
    """The texts between single quotes of a prompt; an apostrophe within a word is no quote.

    >>> quoted("A baker's sign reads 'Joe's Bread', a cup says 'Hot!'.")
    ["Joe's Bread", 'Hot!']
    """
    return _QUOTED_STRICT.findall(prompt)


def strict_asked(prompt: str) -> list[str]:
    """The words of `quoted`, lower case."""
    return [word for part in quoted(prompt) for word in part.lower().split()]


def read_words(lines: Iterable[str] | None) -> list[str]:
    """The words of the lines that OCR read, lower case; one empty word when there are none."""
    return [word for line in lines or () for word in line.lower().split()] or [""]


# --- one image --------------------------------------------------------------------------------


def official_similarity(a: str, b: str) -> float:
    """1 - Levenshtein distance / (longer length + 1e-5), in (0, 1]; higher is better.

    >>> official_similarity("", "")
    1.0
    """
    return 1 - distance(a, b) / (max(len(a), len(b)) + 1e-5)


def official_words(asked: Sequence[str], lines: Iterable[str] | None) -> WordScores:
    """One image, as released.

    One read word may serve any number of asked ones (CVTG2K-2), and the nearest word is the one
    whose sequence-matcher ratio is best, not the one at the least edit distance (CVTG2K-3).

    Args:
        asked: the words asked for.
        lines: the lines that OCR read; None when it found nothing.
    """
    read = read_words(lines)
    nearest = [difflib.get_close_matches(word, read, n=1, cutoff=0)[0] for word in asked]
    return WordScores(
        asked=len(asked),
        correct=sum(word in read for word in asked),
        similarities=tuple(map(official_similarity, asked, nearest)),
    )


def official_failed(asked: Sequence[str]) -> WordScores:
    """One image on which OCR failed, as released: every word counts as wrong (CVTG2K-4)."""
    return WordScores(asked=len(asked), correct=0, similarities=(0.0,) * len(asked))


def strict_words(asked: Sequence[str], lines: Iterable[str] | None) -> WordScores:
    """One image: each read word serves once, and the nearest is nearest by edit distance.

    Args:
        asked: the words asked for.
        lines: the lines that OCR read; None when it found nothing.
    """
    read = read_words(lines)
    return WordScores(
        asked=len(asked),
        correct=sum((Counter(asked) & Counter(read)).values()),
        similarities=tuple(max(similarity(word, other) for other in read) for word in asked),
    )


# --- a set of images --------------------------------------------------------------------------


def totals(images: Iterable[WordScores]) -> WordTotals:
    """Words pooled over images: a number of regions, or all of them."""
    found = list(images)
    similarities = [s for image in found for s in image.similarities]
    asked, correct = sum(i.asked for i in found), sum(i.correct for i in found)
    return WordTotals(
        asked=asked, correct=correct, accuracy=correct / max(asked, 1),
        ned=sum(similarities) / len(similarities) if similarities else 0.0,
    )  # fmt: skip


def mean(values: Sequence[float]) -> float:
    """Mean over images; 0 when there are none, as released."""
    return sum(values) / len(values) if values else 0.0
