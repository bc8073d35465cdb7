"""How much of the text that should have stayed did stay, in characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FLOOR = 0.5
"""Two texts less similar than this are not the same text."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of background text.

    Attributes:
        text: its folded characters.
        words: the same, cut at word bounds.
    """

    text: str
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Characters of the background, counted once each.

    Attributes:
        kept: characters that were found again.
        expected: characters that should be there.
        found: characters that are there.
        lost: expected texts without a counterpart.
        invented: found texts without a counterpart.
    """

    kept: int
    expected: int
    found: int
    lost: tuple[str, ...]
    invented: tuple[str, ...]

    @property
    def recall(self) -> float:
        """Share of the expected characters that was found again, in [0, 1]; 1 if none expected."""
        return self.kept / self.expected if self.expected else 1.0

    def precision(self, least: int) -> float:
        """Share of the found characters that belongs there, in [0, 1]; 1 if nothing is found.

        Args:
            least: a background shorter than this many characters counts as if it were that long
                and the rest were right, so that one stray sign does not outweigh everything.
        """
        spare = max(least - self.expected, 0)
        return (self.kept + spare) / (self.found + spare) if self.found + spare else 1.0


def match_background(expected: Sequence[Line], found: Sequence[Line]) -> Match:
    """Pair texts one to one so that most characters agree.

    Pairs are chosen by an optimal assignment; a pair below `FLOOR` is none. It is done with lines
    and with words, and the better result counts: lines forgive lost spaces, words forgive lines
    that were cut or joined differently.
    """
    lines = _assign([e.text for e in expected], [f.text for f in found])
    if not lines.lost and not lines.invented and lines.kept == lines.expected == lines.found:
        return lines
    words = _assign([w for e in expected for w in e.words], [w for f in found for w in f.words])
    return words if words.kept > lines.kept else lines


def _assign(expected: Sequence[str], found: Sequence[str]) -> Match:
    expected = sorted(t for t in expected if t)
    found = sorted(t for t in found if t)
    pairs = _pairs(expected, found)
    used = [{e for e, _, _ in pairs}, {f for _, f, _ in pairs}]
    return Match(
        kept=sum(kept for _, _, kept in pairs),
        expected=sum(map(len, expected)),
        found=sum(map(len, found)),
        lost=tuple(t for n, t in enumerate(expected) if n not in used[0]),
        invented=tuple(t for n, t in enumerate(found) if n not in used[1]),
    )


def _pairs(expected: Sequence[str], found: Sequence[str]) -> list[tuple[int, int, int]]:
    """(index, index, characters in common) of the best assignment."""
    if not expected or not found:
        return []
    import numpy as np
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist
    from scipy.optimize import linear_sum_assignment

    longer = np.maximum.outer([len(t) for t in expected], [len(t) for t in found])
    common = longer - cdist(expected, found, scorer=Levenshtein.distance, dtype=np.int32)
    common[common < FLOOR * longer] = 0
    rows, columns = linear_sum_assignment(common, maximize=True)
    return [
        (int(r), int(c), int(common[r, c]))
        for r, c in zip(rows, columns, strict=True)
        if common[r, c] > 0
    ]
