"""What kind of edit a record asks for, as labels to break results down by."""

from __future__ import annotations

import unicodedata

from benchmarks.textedit.official import norm

SHORT = 2
"""Sources of at most this many letters or digits are hard to find by their text alone."""


def strata(source_text: str, target_text: str) -> dict[str, str]:
    """Labels of an edit, from its two texts alone.

    Lengths are counted in letters and digits after the official normalisation.

    Args:
        source_text: the text to be replaced.
        target_text: the text to be written.

    Returns:
        Always the same eight labels:

        * ``edit``: ``case`` (they differ in letter case only), ``punctuation`` (in anything else
          that is not a letter or digit), ``digits`` (both are digits only), ``to_digits`` or
          ``from_digits`` (one of them is), else ``text``.
        * ``length``: of the target: ``longer``, ``same`` or ``shorter``.
        * ``ratio``: ``over_2x`` when the target is more than twice as long, ``under_half`` when it
          is less than half, else ``near``.
        * ``contains``: ``source_in_target``, ``target_in_source`` or ``no``.
        * ``words``: ``multi`` when either text has a space inside, else ``single``.
        * ``source``: ``short`` (at most two characters) or ``long``.
        * ``accent``: ``yes`` when either text has a letter with a diacritic.
        * ``punctuation``: ``yes`` when either text has a character that the official metrics drop,
          other than a space.

    >>> labels = strata("2022", "2023")
    >>> labels["edit"], labels["length"], labels["source"]
    ('digits', 'same', 'long')
    >>> strata("MAINE", "Maine")["edit"]
    'case'
    """
    source, target = norm(source_text), norm(target_text)
    return {
        "edit": _kind(source_text, target_text, source, target),
        "length": _length(source, target),
        "ratio": _ratio(len(source), len(target)),
        "contains": _contains(source, target),
        "words": "multi" if any(" " in t.strip() for t in (source_text, target_text)) else "single",
        "source": "short" if len(source) <= SHORT else "long",
        "accent": _yes(_has_accent(source_text) or _has_accent(target_text)),
        "punctuation": _yes(_has_punctuation(source_text) or _has_punctuation(target_text)),
    }


def _kind(source_text: str, target_text: str, source: str, target: str) -> str:
    if source == target:
        folded = [" ".join(t.casefold().split()) for t in (source_text, target_text)]
        return "case" if folded[0] == folded[1] else "punctuation"
    digits = source.isdigit(), target.isdigit()
    return {
        (True, True): "digits", (False, True): "to_digits", (True, False): "from_digits",
    }.get(digits, "text")  # fmt: skip


def _length(source: str, target: str) -> str:
    if len(source) == len(target):
        return "same"
    return "longer" if len(target) > len(source) else "shorter"


def _ratio(source: int, target: int) -> str:
    if target > 2 * source:
        return "over_2x"
    return "under_half" if 2 * target < source else "near"


def _contains(source: str, target: str) -> str:
    if source == target:
        return "no"
    if source in target:
        return "source_in_target"
    return "target_in_source" if target in source else "no"


def _has_accent(text: str) -> bool:
    return any(
        c.isalpha() and len(parts := unicodedata.normalize("NFD", c)) > 1
        and any(unicodedata.combining(p) for p in parts[1:])
        for c in unicodedata.normalize("NFC", text)
    )  # fmt: skip


def _has_punctuation(text: str) -> bool:
    return any(not c.isalnum() and not c.isspace() and not unicodedata.combining(c) for c in text)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
