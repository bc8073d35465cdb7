"""What a WISE judge's reply says: three scores from 0 to 2, or in Verified one of 0 and 1.

The `official_` readers repeat ``extract_scores`` of PKU-YuanGroup/WISE@eb51174 and
open-compass/GenEditEvalKit@103b283, the `strict_` ones read what a person would and refuse the
rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.knowledge.wise.editions import DIMENSIONS

_OFFICIAL = re.compile(
    r"\*{0,2}(consistency|realism|aesthetic quality)\*{0,2}\s*:?\s*(\d)", re.IGNORECASE
)
_OFFICIAL_VERIFIED = re.compile(r"\*{0,2}score\*{0,2}\s*:?\s*([01])\b", re.IGNORECASE)

_DRESS = r"[\"'*_`|\s]*"
_NUMBER = (
    rf"{_DRESS}(?:\([^()]{{0,12}}\){_DRESS})?(?:[:：=]{_DRESS})?"
    r"(?P<score>[-+]?\d+(?:\.\d+)?)(?![\d.]*\d)(?:\s*/\s*(?P<of>\d+))?"
)
"""A number behind quotes, stars or bars, a range in brackets, and a colon or an equals sign."""
_STRICT = re.compile(rf"(consistency|realism|aesthetic[\s_]+quality){_NUMBER}", re.IGNORECASE)
_STRICT_VERIFIED = re.compile(rf"\bscore{_NUMBER}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says.

    Attributes:
        scores: name -> score; empty when the reply cannot be read.
        reason: why not, one sentence; empty when it can.
    """

    scores: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


def official_scores(reply: str) -> dict[str, float]:
    """The named digits as released: the last one of each name, whatever its size.

    "10" gives 1 and "7" gives 7 (WISE-1). A full-width colon, stars behind the colon or two blanks
    in a name are not read (WISE-2). A name that is absent counts 0 in GenEditEvalKit (WISE-3).
    """
    return {m[1].lower().replace(" ", "_"): float(m[2]) for m in _OFFICIAL.finditer(reply)}


def official_verified(reply: str) -> dict[str, float]:
    """The first named 0 or 1, else that of the only line that is nothing but one.

    "Score: 0.5" gives 0 (WISE-6).
    """
    named = _OFFICIAL_VERIFIED.search(reply)
    if named:
        return {"score": float(named[1])}
    bare = _bare(reply.split("\n"))
    return {"score": float(bare[0])} if len(bare) == 1 else {}


def _bare(lines: Iterable[str]) -> list[str]:
    return [line.strip() for line in lines if line.strip() in ("0", "1")]


def strict_scores(reply: str) -> Reading:
    """All three scores as whole numbers from 0 to 2; the last one of each name.

    >>> dict(strict_scores("**Consistency:** 2, Realism = 1/2, | Aesthetic  Quality | 0 |").scores)
    {'consistency': 2, 'realism': 1, 'aesthetic_quality': 0}
    >>> strict_scores("Consistency: 10, Realism: 1, Aesthetic Quality: 1").reason
    'consistency is not 0, 1 or 2'
    """
    last = {"_".join(m[1].lower().replace("_", " ").split()): m for m in _STRICT.finditer(reply)}
    scores = {}
    for name in DIMENSIONS:
        if name not in last:
            return Reading(reason=f"the reply has no score for {name}")
        value = _whole(last[name], 2)
        if value is None:
            return Reading(reason=f"{name} is not 0, 1 or 2")
        scores[name] = value
    return Reading(scores)


def strict_verified(reply: str) -> Reading:
    """One score of 0 or 1; several must agree.

    >>> strict_verified("Score: 0, Score: 1").reason
    'the reply holds several different scores'
    """
    named = {_whole(m, 1) for m in _STRICT_VERIFIED.finditer(reply)}
    values = named or {int(b) for b in _bare(reply.splitlines())}
    if len(values) > 1:
        return Reading(reason="the reply holds several different scores")
    value = next(iter(values), None)
    if value is None:
        return Reading(reason="the score is not 0 or 1" if named else "the reply has no score")
    return Reading({"score": value})


def _whole(found: re.Match[str], highest: int) -> int | None:
    """A whole number from 0 to `highest`, out of `highest` where the reply says out of what."""
    if found["of"] not in (None, str(highest)):
        return None
    allowed = {float(n): n for n in range(highest + 1)}
    return allowed.get(float(found["score"]))
