"""Comparing texts: normal forms, edit distances, the best place of a text inside another.

Pure functions on code points. Every one says its range and which direction is better.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_ALIKE = str.maketrans(
    {"‘": "'", "’": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "‐": "-", "‑": "-",
     "–": "-", "—": "-", "−": "-"}
)  # fmt: skip
_SAME_SHAPE = str.maketrans("COSUVWXZ", "cosuvwxz")


def normalise(text: str) -> str:
    """Fold a text: NFKC, lower case, then letters and digits only.

    >>> normalise("Café  No. 5!")
    'caféno5'
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in folded if c.isalnum())


def squeeze(text: str) -> str:
    """Keep case and punctuation, drop spaces, and make one of the many quotes and dashes.

    >>> squeeze("Spencer’s  3 – 1")
    "Spencer's3-1"
    """
    return "".join(unicodedata.normalize("NFKC", text).translate(_ALIKE).split())


def visible(text: str) -> str:
    """What a careful reader tells apart: letter case, and punctuation that changes a number.

    Letters whose two cases differ in size only (c, o, s, u, v, w, x, z) are folded, because no
    recogniser tells them apart reliably. Punctuation stays when it stands between two letters or
    digits of which one is a digit.

    >>> visible("P-38"), visible("3,250.75!"), visible("Maine (USA)")
    ('P-38', '3,250.75', 'MaineusA')
    """
    flat = squeeze(text)
    kept = []
    for at, char in enumerate(flat):
        around = flat[at - 1 : at] + flat[at + 1 : at + 2]
        inner = len(around) == 2 and around[0].isalnum() and around[1].isalnum()
        if char.isalnum() or (inner and any(c.isdigit() for c in around)):
            kept.append(char)
    return "".join(kept).translate(_SAME_SHAPE)


def distance(a: str, b: str) -> int:
    """Levenshtein distance, in [0, longer length]; lower is better."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(a, b)


def similarity(a: str, b: str) -> float:
    """1 - Levenshtein distance / longer length, in [0, 1]; higher is better, two empty texts are 1.

    >>> similarity("TUESDAY", "THURSDAY")
    0.75
    """
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(a, b)


def exact(reference: str, hypothesis: str) -> bool:
    """Whether two texts are equal with case and punctuation, whatever their spaces.

    >>> exact("3-1", "31"), exact("GOOD DAY", "GOODDAY")
    (False, True)
    """
    return squeeze(reference) == squeeze(hypothesis)


def exact_folded(reference: str, hypothesis: str) -> bool:
    """Whether two texts are equal after `normalise`.

    >>> exact_folded("Maine!", "MAINE")
    True
    """
    return normalise(reference) == normalise(hypothesis)


def cer(reference: str, hypothesis: str) -> float:
    """Character error rate: Levenshtein distance / length of the reference.

    In [0, inf), above 1 when the hypothesis is much longer; lower is better. An empty reference
    counts as one character long.

    >>> cer("2023", "2022")
    0.25
    """
    return distance(reference, hypothesis) / max(len(reference), 1)


def wer(reference: str, hypothesis: str) -> float:
    """Word error rate: edit distance in words / words of the reference.

    In [0, inf); lower is better. Words are what spaces separate.

    >>> wer("happy new year", "happy year")
    0.3333333333333333
    """
    from rapidfuzz.distance import Levenshtein

    words = reference.split()
    return Levenshtein.distance(words, hypothesis.split()) / max(len(words), 1)


@dataclass(frozen=True, slots=True)
class CharCounts:
    """Characters that two texts have in common, in order.

    Attributes:
        hits: length of the longest common subsequence.
        reference: length of the reference.
        hypothesis: length of the hypothesis.
    """

    hits: int
    reference: int
    hypothesis: int

    @property
    def precision(self) -> float:
        """Share of the hypothesis that is right, in [0, 1], higher is better; 1 if empty."""
        return self.hits / self.hypothesis if self.hypothesis else 1.0

    @property
    def recall(self) -> float:
        """Share of the reference that is there, in [0, 1], higher is better; 1 if empty."""
        return self.hits / self.reference if self.reference else 1.0


def char_counts(reference: str, hypothesis: str) -> CharCounts:
    """Characters in common, for precision and recall.

    >>> counts = char_counts("COFFEE", "COFFEF!")
    >>> counts.hits, round(counts.precision, 3), round(counts.recall, 3)
    (5, 0.714, 0.833)
    """
    from rapidfuzz.distance import LCSseq

    return CharCounts(LCSseq.similarity(reference, hypothesis), len(reference), len(hypothesis))


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text, `text[start:end]`, and how well it reads as what was looked for.

    Attributes:
        start: first character.
        end: behind the last character.
        distance: Levenshtein distance to what was looked for.
        similarity: 1 - distance / longer length, in [0, 1]; higher is better.
    """

    start: int
    end: int
    distance: int
    similarity: float


def best_window(needle: str, text: str) -> Window:
    """The part of a text that is nearest to a needle (semi-global alignment after Sellers).

    Of several parts at the same distance the one whose length is nearest to the needle's is taken,
    then the first. An empty needle is found at the start.

    >>> best_window("WEDNESDAY", "HAPPY WEDNESDAI EVERYONE")
    Window(start=6, end=15, distance=1, similarity=0.8888888888888888)
    """
    size = len(needle)
    # costs[i]: distance of needle[:i] to the best part that ends here, which begins at starts[i].
    costs, starts = list(range(size + 1)), [0] * (size + 1)
    best = (costs[size], size, 0, 0)
    for end, char in enumerate(text, 1):
        diagonal, from_diagonal = costs[0], starts[0]
        costs[0], starts[0] = 0, end
        for i in range(1, size + 1):
            options = (
                (diagonal + (needle[i - 1] != char), from_diagonal),
                (costs[i] + 1, starts[i]),
                (costs[i - 1] + 1, starts[i - 1]),
            )
            diagonal, from_diagonal = costs[i], starts[i]
            costs[i], starts[i] = min(options)
        best = min(best, (costs[size], abs(size - end + starts[size]), starts[size], end))
    cost, _, start, end = best
    longer = max(size, end - start)
    return Window(start, end, cost, 1 - cost / longer if longer else 1.0)


def window_similarity(needle: str, text: str) -> float:
    """`best_window` similarity, in [0, 1]; higher is better.

    >>> window_similarity("TEA", "STEAMED RICE")
    1.0
    """
    return best_window(needle, text).similarity
