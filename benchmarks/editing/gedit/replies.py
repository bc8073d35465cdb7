"""Reading the judge's replies of GEdit-Bench: the released VIEScore parser, and a strict one.

Official is what stepfun-ai/Step1X-Edit@570eba6 ``GEdit-Bench/viescore`` reads, defects included
(GEDIT-1 to GEDIT-5 in docs/errata.md); strict is what this project scores with.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from benchmarks.common.judged import json_objects, spoken
from benchmarks.editing.common import OfficialReading, crash
from judges.parsing import Parsed

LOW, HIGH = 0, 10
SEMANTICS = ("success", "overediting")
"""What the two numbers of the first question stand for."""
QUALITY = ("naturalness", "artifacts")
"""What the two numbers of the second question stand for."""


# --- the released parser ----------------------------------------------------------------------

_FENCE = "||V^=^V||"
_PAIR = re.compile(r"\[\d+, ?\d+\]")
_BARE_KEY = re.compile(r"(\w+):")
_ENTRY = re.compile(r'(".*?"):(.*?)([,}])')
LIMITED = "rate_limit_exceeded"
"""What the released API client answers in place of a reply; it is passed on as it is."""


def official_reading(reply: str) -> OfficialReading:
    """What VIEScore's parser reads on a first try: usually ``{"score": [...], "reasoning": ...}``.

    Nothing is checked: three numbers, one, none, text and 11 all pass (GEDIT-3, GEDIT-4). A second
    try of a reply without braces is a random guess (GEDIT-1), which ours never makes.

    >>> official_reading("[11, 3]").value["score"]
    [11, 3]
    """
    if reply == LIMITED:
        return OfficialReading(outcome="ok", value=LIMITED)
    try:
        text = _released_json(reply)
    except (ValueError, RecursionError) as error:
        return crash(error)
    if not text:
        return OfficialReading(outcome="unparsed")
    text = text.strip().replace("\n", "")
    try:
        return OfficialReading(outcome="ok", value=_with_list(json.loads(text)))
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    try:
        # What is mended here is taken as it is, with or without a score.
        return OfficialReading(outcome="ok", value=json.loads(_mended(text)))
    except (ValueError, RecursionError):
        return OfficialReading(outcome="unparsed")


def _released_json(reply: str) -> str:
    """The part of a reply that is taken for JSON; empty when there is none.

    Raises:
        ValueError: a list that looks like two numbers is not JSON, e.g. ``[07, 3]``.
    """
    if reply.count(_FENCE) == 2:
        return reply[reply.find(_FENCE) + len(_FENCE) : reply.rfind(_FENCE)]
    first, last = reply.find("{"), reply.rfind("}")
    if first >= 0 and last >= 0:
        return reply[first : last + 1]
    pair = reply[reply.find("[") : reply.rfind("]") + 1] if "[" in reply else ""
    if _PAIR.fullmatch(pair):
        said = "System: output is simply a list of scores"
        return json.dumps({"score": json.loads(pair), "reasoning": said})
    try:
        number = int(reply)
    except ValueError:
        return ""
    said = "System: output is simply a number"
    inside = LOW <= number <= HIGH
    return json.dumps({"score": [number], "reasoning": said}) if inside else ""


def _with_list(data: Any) -> Any:
    """The data with its score as a list.

    Raises:
        TypeError, KeyError: it is no object, or has no score.
    """
    if not isinstance(data["score"], list):
        data["score"] = [data["score"]]
    return data


def _mended(text: str) -> str:
    """Bare keys and values in quotes, numbers in lists; a list of numbers breaks (GEDIT-5)."""

    def entry(match: re.Match[str]) -> str:
        value = match[2].strip()
        if re.fullmatch(r"-?\d+(\.\d+)?", value):
            value = f"[{value}]"
        elif value.lower() not in {"true", "false", "null"}:
            value = f'"{value}"'
        return f"{match[1]}: {value}{match[3]}"

    return _ENTRY.sub(entry, _BARE_KEY.sub(_quoted, text))


def _quoted(match: re.Match[str]) -> str:
    """A bare key in quotes; the released script's ``regex`` takes no "½" and "²" for a letter."""
    word = match[1]
    start = max((n for n, c in enumerate(word, 1) if unicodedata.category(c) == "No"), default=0)
    return f'{word[:start]}"{word[start:]}":' if start < len(word) else match[0]


# --- strict -----------------------------------------------------------------------------------


def strict_reading(reply: str, keys: tuple[str, str]) -> Parsed:
    """Exactly two finite numbers from 0 to 10, as ``{"score": [a, b]}`` or bare ``[a, b]``.

    Args:
        reply: as received.
        keys: names for the two, `SEMANTICS` or `QUALITY`.

    >>> strict_reading('{"score": [8, 7.5], "reasoning": ""}', QUALITY).scores
    {'naturalness': 8.0, 'artifacts': 7.5}
    >>> strict_reading("7", QUALITY).reason
    'the reply holds no list of two scores'
    """
    text = spoken(reply)
    found: list[tuple[float, float]] = []
    complaint = "the reply holds no list of two scores"
    for value in _score_lists(text):
        pair = _two_numbers(value)
        if pair is None:
            complaint = f"the reply's score is not two numbers from {LOW} to {HIGH}"
        elif pair not in found:
            found.append(pair)
    if len(found) > 1:
        return Parsed(status="unparsed", reason="the reply holds several different verdicts")
    if not found:
        return Parsed(status="unparsed", reason=complaint)
    return Parsed(status="ok", scores=dict(zip(keys, found[0], strict=True)))


def _score_lists(text: str) -> Iterable[Any]:
    for data in json_objects(text):
        lower = {str(k).strip().lower(): v for k, v in data.items()}
        if "score" in lower:
            yield lower["score"]
    bare = text.replace(_FENCE, "").strip().removeprefix("```json").strip("`").strip()
    if bare.startswith("[") and bare.endswith("]"):
        try:
            yield json.loads(bare)
        except (ValueError, RecursionError):
            return


def _two_numbers(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        return None
    if not all(LOW <= v <= HIGH for v in value):  # false for NaN
        return None
    return float(value[0]), float(value[1])
