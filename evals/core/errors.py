"""The errors a user can cause, and the one an image can cause.

Everything else keeps its traceback: it is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend: one sentence that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with 2.
    """


class MissingExtra(UserError):
    """An optional package is needed and absent.

    Args:
        package: the import name that failed, e.g. ``"lpips"``.
        extra: the extra of this distribution that brings it, e.g. ``"metrics"``.
        purpose: what it is needed for, e.g. ``"LPIPS"``.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package = package
        self.fix = f"pip install 'umm-evals[{extra}]'"
        super().__init__(f"{purpose} needs the package {package!r}; install it with: {self.fix}")


class Interrupted(Exception):
    """Ctrl-C, once what was finished is stored; the command line says how to go on."""


class Halt(Exception):
    """Scoring that cannot go on for now: a budget is reached, an endpoint refuses the key.

    What is stored is kept, what was not scored stays open, and the same command goes on from there.
    The message is one sentence for people.
    """


class Deviation(Exception):
    """Where the official code raises or draws at random, and ours answers with a status instead.

    Raised only on the way to a recorded vector, see `evals.conformance`, which counts it apart:
    each kind is listed in docs/errata.md with its reason.

    Args:
        status: what ours answers, e.g. ``unparsed``.
        erratum: its id in docs/errata.md, e.g. ``TIIF-2``.
    """

    def __init__(self, status: str, erratum: str) -> None:
        self.status = status
        self.erratum = erratum
        super().__init__(f"{status} ({erratum})")


class ImageError(Exception):
    """An image file that cannot be used; `kind` is a stable word for statuses and counts.

    Args:
        kind: ``empty_file``, ``not_an_image``, ``truncated``, ``too_large`` or ``not_found``.
        message: one sentence naming the file and what to do.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def nearest(word: str, known: Iterable[str], n: int = 3) -> list[str]:
    """The `n` known words nearest to `word`, best first; empty when none is near.

    >>> nearest("textedti", ["textedit", "geneval", "mme"])
    ['textedit']
    """
    words = sorted(known)
    lower = {w.lower(): w for w in words}
    hits = difflib.get_close_matches(word.lower(), list(lower), n=n, cutoff=0.5)
    return [lower[h] for h in hits]


def unknown(kind: str, word: str, known: Iterable[str], hint: str = "") -> UserError:
    """The error for a name that is not known, with the nearest ones and what there is.

    Args:
        kind: what the name stands for, e.g. ``"benchmark"``.
        word: the name given.
        known: all names there are.
        hint: a closing sentence; by default the known names are listed.
    """
    words = sorted(known)
    near = nearest(word, words)
    guess = f" Did you mean {' or '.join(repr(w) for w in near)}?" if near else ""
    tail = f" {hint}" if hint else f" Known: {', '.join(words) or 'none'}."
    return UserError(f"There is no {kind} {word!r}.{guess}{tail}")
