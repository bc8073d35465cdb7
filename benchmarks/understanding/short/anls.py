"""DocVQA: similarity of answers by edit distance (ANLS), in [0, 1]; higher is better.

Each rule stands as released (VLMEvalKit: open-compass/VLMEvalKit@e8e78f05, lmms-eval:
EvolvingLMMs-Lab/lmms-eval@75571cfe) and as it should be (``strict_``).
"""

from __future__ import annotations

from collections.abc import Sequence

from metrics.text import distance

ANLS_THRESHOLD = 0.5
"""A similarity below it is none."""


def anls_distance(expected: str, said: str) -> float:
    """Edit distance of the normal forms over the longer length of the *raw* texts, from 0 on.

    The normal form is lower case with single spaces; the length is that of the upper-case text with
    all its spaces, so that spaces around a wrong answer, or an ß, make it less wrong.

    >>> anls_distance("new york", "new  yorkx"), anls_distance("", "")
    (0.1, 0.0)
    """
    length = max(len(expected.upper()), len(said.upper()))
    return distance(_spaced(expected), _spaced(said)) / length if length else 0.0


def _spaced(text: str) -> str:
    return " ".join(text.lower().split())


def anls(answers: Sequence[str], said: str) -> float:
    """1 - least `anls_distance`, or 0 when that is below 0.5 (both toolkits).

    Raises:
        ValueError: there are no answers.

    >>> anls(["10,000", "ten"], "the 10,000."), anls(["5"], "YES")
    (0.5454545454545454, 0.0)
    """
    similarity = 1 - min(anls_distance(answer, said) for answer in answers)
    return similarity if similarity >= ANLS_THRESHOLD else 0.0


def stvqa_anls(answers: Sequence[str], said: str) -> float:
    """ANLS of the ST-VQA evaluator in ByteDance-Seed/Bagel@056b5fd: lower case, outer spaces off.

    Raises:
        ZeroDivisionError: the reply and one of the answers are both empty.
        ValueError: there are no answers.

    >>> stvqa_anls(["Yes", "N/A"], "Yess")
    0.75
    """
    given = said.lower().strip()
    return max(_stvqa_similarity(answer.lower().strip(), given) for answer in answers)


def _stvqa_similarity(expected: str, said: str) -> float:
    similarity = 1 - distance(expected, said) / max(len(expected), len(said))
    return similarity if similarity >= ANLS_THRESHOLD else 0.0


def strict_anls(answers: Sequence[str], reply: str) -> float | None:
    """Ours: distance and length of the same normal form; None when there are no answers.

    >>> strict_anls(["new york"], "  new   yorkx "), strict_anls([], "x")
    (0.8888888888888888, None)
    """
    said = _spaced(reply)
    found = []
    for answer in map(_spaced, answers):
        length = max(len(answer), len(said))
        found.append(1 - distance(answer, said) / length if length else 1.0)
    if not found:
        return None
    return max(found) if max(found) >= ANLS_THRESHOLD else 0.0
