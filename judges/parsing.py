"""From a judge's raw reply to scores: strict, and never a number that the judge did not write.

The scores are looked for in every JSON object of the reply, wherever it stands; several objects
must agree. What is not JSON is mended once, and only in its syntax: the mended text must hold
exactly what the reply does. Anything else is `unparsed`, and the raw reply is kept.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

REPAIR_LIMIT = 6_000
"""Longest text in characters that is mended: the repairing parser's time grows with its square."""
TRIES = 200
"""Braces at which an object is tried to be read; a reply of braces alone would take minutes."""

_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_REFUSAL = re.compile(
    r"^\W*(?:i['’]?m sorry|i am sorry|sorry|i (?:can(?:no|['’])t|am (?:not able|unable)|won['’]t)|"
    r"as an ai\b|unable to (?:assist|comply|help))",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """What a reply says.

    Attributes:
        status: ``ok``; ``refused`` for a reply without JSON that declines; else ``unparsed``.
        reason: why there are no scores, one sentence; empty when ``ok``.
        scores: dimension key -> score on the rubric's scale; empty unless ``ok``.
        reasons: dimension key -> what the judge said about it, where it did.
    """

    status: Literal["ok", "unparsed", "refused"]
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def parse_reply(reply: str, keys: Sequence[str], low: int, high: int) -> Parsed:
    """Read one whole number from `low` to `high` for each key.

    Thoughts between ``<think>`` tags are cut off. Keys are found in any case, under ``score`` or at
    the top, as ``{"Q1": 4}`` or ``{"Q1": {"score": 4, "reason": "..."}}``. ``"4"`` and ``4.0`` are
    4; true, 4.5, NaN, null, and numbers out of range are not.

    Args:
        reply: as received.
        keys: of the dimensions, all of which are needed.
        low: lowest score.
        high: highest score.

    >>> parse_reply('{"score": {"A": 5, "B": "3"}}', ("A", "B"), 1, 5).scores
    {'A': 5, 'B': 3}
    >>> parse_reply('{"A": 5, "B": 6}', ("A", "B"), 1, 5).reason
    'the reply has no usable answer to B (6 is not from 1 to 5)'
    """
    text = _spoken(reply)
    found: list[tuple[dict[str, int], dict[str, str]]] = []
    complaint = f"the reply holds no JSON object with answers to {_span(keys)}"
    try:
        for candidate in _objects(text, keys):
            for answers, reasons in _answers(candidate, keys):
                scores, odd = _scores(answers, keys, low, high)
                if odd:
                    complaint = f"the reply has no usable answer to {', '.join(odd)}"
                elif scores not in [s for s, _ in found]:
                    found.append((scores, reasons))
    except _Unusable as error:
        return Parsed(status="unparsed", reason=str(error))
    except RecursionError:
        return Parsed(status="unparsed", reason="the reply is nested too deeply to be read")
    if len(found) > 1:
        return Parsed(status="unparsed", reason="the reply holds several different verdicts")
    if found:
        return Parsed(status="ok", scores=found[0][0], reasons=found[0][1])
    if "{" not in text and _REFUSAL.match(text):
        return Parsed(status="refused", reason="the judge declined to answer")
    return Parsed(status="unparsed", reason=complaint)


def _spoken(reply: str) -> str:
    """The reply without its thoughts; all of it when it is JSON, which may quote such a tag."""
    if "<think>" not in reply:
        return reply
    try:
        json.loads(reply)
    except (ValueError, RecursionError):
        return _THOUGHTS.sub("", reply)
    return reply


class _Unusable(Exception):
    """The reply contradicts itself; the message says how."""


def _span(keys: Sequence[str]) -> str:
    """``Q1 to Q5``."""
    return keys[0] if len(keys) == 1 else f"{keys[0]} to {keys[-1]}"


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different, or equal in what they say."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made and made[key] != value:
            raise _Unusable(f"the reply answers {key[:40]!r} twice and differently")
        made[key] = value
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs)


def _objects(text: str, keys: Sequence[str]) -> Iterator[Any]:
    """JSON objects of a text in order; when none has answers, what a mended syntax gives.

    Raises:
        _Unusable: an object with answers was found, and answers stand outside it as well. It may
            be a quotation in a reply whose own syntax is broken.
    """
    at, whole, failures, rest = 0, False, 0, []
    while failures < TRIES and (start := text.find("{", at)) >= 0:
        rest.append(text[at:start])
        try:
            value, at = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            rest.append("{")
            at, failures = start + 1, failures + 1
            continue
        whole = whole or any(True for _ in _answers(value, keys))
        yield value
    names = "|".join(map(re.escape, keys))
    outside = " ".join([*rest, text[at:]])
    if whole and failures and re.search(rf"[\"'](?:{names})[\"']\s*:\s*[\"']?\d", outside):
        raise _Unusable("the reply is broken JSON around an object that holds answers")
    if whole or not any(k.lower() in text.lower() for k in keys):
        return
    mended = _mended(text)
    if mended is not None:
        yield mended


_CUT = re.compile(r":\s*[\"']?[-\d][^\"',}]*\Z")
"""A text that ends in a number: it may be 1 of 10."""


def _mended(text: str) -> Any:
    """What stands between the first and the last brace, its syntax mended; None when that fails."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or len(text) - start > REPAIR_LIMIT:
        return None
    import json_repair

    for piece in dict.fromkeys((text[start : end + 1] if end > start else "", text[start:])):
        if not piece or _CUT.search(piece):
            continue
        try:
            value = json_repair.loads(piece)
        except (ValueError, RecursionError):
            continue
        if _only_syntax(piece, value) and not _odd_keys(value):
            return value
    return None


def _odd_keys(value: Any) -> bool:
    """Whether a key has swallowed syntax: what stood in a reason could be taken for a score."""
    if isinstance(value, list):
        return any(map(_odd_keys, value))
    if not isinstance(value, dict):
        return False
    return any(set(str(k)) & set('{}[]:"') or _odd_keys(v) for k, v in value.items())


def _only_syntax(text: str, value: Any) -> bool:
    """Whether a mended value holds what its text does, all and in order, but for syntax."""
    try:
        written = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return False
    return _content(text) == _content(written)


def _content(text: str) -> str:
    """A text without JSON's syntax and blanks; signs stay, which make other numbers."""
    plain = re.sub(r"\\(?:u[0-9a-fA-F]{4}|.)", "", text)
    plain = re.sub(r"```(?:json)?", "", plain)
    return "".join(c for c in plain.lower() if c not in "{}[]:,\"'`" and not c.isspace())


def _folded(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Keys without blanks and capitals.

    Raises:
        _Unusable: two keys that become one say different things.
    """
    return _pairs([(str(k).strip().lower(), v) for k, v in value.items()])


def _answers(value: Any, keys: Sequence[str]) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Every object at any depth that has scores under the keys, with the reasons beside it."""
    if isinstance(value, list):
        for part in value:
            yield from _answers(part, keys)
    if not isinstance(value, dict):
        return
    lower = _folded(value)
    named = {k: lower[k.lower()] for k in keys if k.lower() in lower}
    inline = {k: _word(v, "reason", "explanation") for k, v in named.items()}
    said = {k: _field(v, "score", "rating", "value") for k, v in named.items()}
    reasons = lower.get("reason", lower.get("reasons"))
    texts = _texts(reasons, keys) if isinstance(reasons, dict) else {}
    if said and not all(isinstance(v, str) and _number(v) is None for v in said.values()):
        yield said, {k: v for k, v in inline.items() if v} or texts
    for key, part in value.items():
        if part is reasons or str(key).strip().lower() in {k.lower() for k in named}:
            continue
        for answers, inner in _answers(part, keys):
            yield answers, inner or texts


def _texts(reasons: Mapping[str, Any], keys: Sequence[str]) -> dict[str, str]:
    lower = _folded(reasons)
    return {k: str(lower[k.lower()]) for k in keys if k.lower() in lower}


def _field(value: Any, *names: str) -> Any:
    """A part of an answer that is an object; the answer itself when it is none."""
    if not isinstance(value, dict):
        return value
    lower = _folded(value)
    return next((lower[n] for n in names if n in lower), None)


def _word(value: Any, *names: str) -> str:
    found = _field(value, *names) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _scores(
    answers: Mapping[str, Any], keys: Sequence[str], low: int, high: int
) -> tuple[dict[str, int], list[str]]:
    """Scores by key, and what is wrong with the others."""
    scores: dict[str, int] = {}
    odd = []
    for key in keys:
        if key not in answers:
            odd.append(key)
            continue
        number = _number(answers[key])
        if number is None or not number.is_integer() or not low <= number <= high:
            odd.append(f"{key} ({_shown(answers[key])} is not from {low} to {high})")
        else:
            scores[key] = int(number)
    return scores, odd


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 20 else text[:17] + "..."


def _number(value: Any) -> float | None:
    """A finite number, also one written as text; None for all else, true and false included."""
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
