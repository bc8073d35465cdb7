"""The two protocols that are called WISE: other prompts, other id ranges, another score.

Source: PKU-YuanGroup/WISE@eb51174 and open-compass/GenEditEvalKit@103b283 (legacy). Their numbers
are not comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

FILES: Mapping[str, tuple[str, ...]] = {
    "culture": ("CULTURE",),
    "space-time": ("TIME", "SPACE"),
    "science": ("BIOLOGY", "PHYSICS", "CHEMISTRY"),
}
"""Kind of a score file -> the categories it holds."""

CATEGORIES: tuple[str, ...] = tuple(c for group in FILES.values() for c in group)

TITLES: Mapping[str, str] = {
    "CULTURE": "Cultural",
    "TIME": "Time",
    "SPACE": "Space",
    "BIOLOGY": "Biology",
    "PHYSICS": "Physics",
    "CHEMISTRY": "Chemistry",
}
"""Category -> how tables call it."""


@dataclass(frozen=True, kw_only=True)
class Edition:
    """One protocol.

    Attributes:
        name: ``legacy`` or ``verified``.
        ranges: category -> its prompt ids; the records' own category field is not used.
        weights: category -> its weight in the overall score; they sum to 1.
        score: a score record -> the sample's score, None when the record has no usable one.
    """

    name: str
    ranges: Mapping[str, range]
    weights: Mapping[str, float]
    score: Callable[[Mapping[str, Any]], float | None]

    def category(self, prompt_id: int) -> str | None:
        """Category of a prompt; None for an id outside all ranges."""
        return next((c for c, ids in self.ranges.items() if prompt_id in ids), None)


DIMENSIONS = ("consistency", "realism", "aesthetic_quality")
"""The three scores of the legacy protocol, each 0, 1 or 2."""


def wiscore(consistency: float, realism: float, aesthetic: float) -> float:
    """WiScore in [0, 1] of three scores from 0 to 2; higher is better.

    >>> wiscore(2, 1, 0)
    0.7999999999999999
    """
    return (0.7 * consistency + 0.2 * realism + 0.1 * aesthetic) / 2


def _legacy_score(record: Mapping[str, Any]) -> float | None:
    """True counts as 1 here, and a score above 2 is taken as it is (WISE-4)."""
    values = [record.get(name) for name in DIMENSIONS]
    numbers = [v for v in values if isinstance(v, int | float)]
    return wiscore(*numbers) if len(numbers) == len(values) else None


def _verified_score(record: Mapping[str, Any]) -> float | None:
    score = record.get("score")
    return float(score) if isinstance(score, int | float) and score in (0, 1) else None


LEGACY = Edition(
    name="legacy",
    ranges={
        "CULTURE": range(1, 401),
        "TIME": range(401, 568),
        "SPACE": range(568, 701),
        "BIOLOGY": range(701, 801),
        "PHYSICS": range(801, 901),
        "CHEMISTRY": range(901, 1001),
    },
    weights={"CULTURE": 0.4, "TIME": 0.167, "SPACE": 0.133, "BIOLOGY": 0.1, "PHYSICS": 0.1,
             "CHEMISTRY": 0.1},
    score=_legacy_score,
)  # fmt: skip

VERIFIED = Edition(
    name="verified",
    ranges={
        "CULTURE": range(1, 401),
        "TIME": range(401, 521),
        "SPACE": range(521, 641),
        "BIOLOGY": range(641, 761),
        "PHYSICS": range(761, 881),
        "CHEMISTRY": range(881, 1001),
    },
    weights={"CULTURE": 0.4, **dict.fromkeys(CATEGORIES[1:], 0.12)},
    score=_verified_score,
)
