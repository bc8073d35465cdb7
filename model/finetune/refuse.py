"""Rows that must not be learnt, because a benchmark asks for them.

Three kinds of evidence, of which one is enough: what the table says of its split, the hash of the
item that a row was drawn from, and the two texts of an edit.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from evals.core.errors import UserError

BENCH_PER_CLASS = 200
"""Items of each sub-class of our own benchmark that are known by hash: 50 times its default size.
Rows of a larger one are still known by their split."""


class Refusal(NamedTuple):
    """Why a row must not be learnt: a word of `sources.REASONS`, and what was found."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Guard:
    """Looks at what a row says of itself.

    Attributes:
        pairs: texts of the official records, each pair with the first in order first.
    """

    pairs: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, refuse: Sequence[str]) -> Guard:
        """A guard that knows the official records.

        Args:
            refuse: jsonl files with the fields source_text and target_text, or folders that are
                searched for them.

        Raises:
            UserError: a path does not exist, holds no records, or a line is not one.
        """
        return cls(frozenset(pair for path in refuse for pair in _records(Path(path).expanduser())))

    def why(
        self, *, instruction: str, split: str | None = None, splits: Sequence[str] = ("train",),
        spec_sha256: str = "", source_text: str = "", target_text: str = "",
    ) -> Refusal | None:  # fmt: skip
        """Why a row must not be learnt; None where it may.

        Args:
            instruction: what the user says in it.
            split: its split; None where its table does not say.
            splits: those that may be learnt.
            spec_sha256: hash of the item it was drawn from; empty where unknown.
            source_text: text that the edit replaces; empty where unknown.
            target_text: text that it writes.
        """
        if split is not None and split not in splits:
            return Refusal("split", f"its split is {split!r}")
        # Whatever is written around it: sha256:..., spaces.
        if spec_sha256 and spec_sha256.strip().lower()[-64:] in bench_specs():
            return Refusal("bench_spec", f"its spec_sha256 is {spec_sha256}")
        if not self.pairs:
            return None
        if source_text and target_text and _pair(source_text, target_text) in self.pairs:
            return Refusal("official_pair", f"it turns {source_text!r} into {target_text!r}")
        texts = quoted(instruction)
        for n, first in enumerate(texts):
            for second in texts[:n]:
                if (min(first, second), max(first, second)) in self.pairs:
                    return Refusal("official_pair", f"it quotes {second!r} and {first!r}")
        return None


@functools.cache
def bench_specs() -> frozenset[str]:
    """Hashes of the items of our own benchmark."""
    from synth.textedit import specs

    return frozenset(spec.sha256 for spec in specs("bench", BENCH_PER_CLASS))


def normal(text: str) -> str:
    """A text as it is compared: compatibility characters, case and white space made alike.

    >>> normal("  Straße    １ ")
    'strasse 1'
    """
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split())


def _pair(first: str, second: str) -> tuple[str, str]:
    """Two texts in a fixed order: the edit back would teach the same picture."""
    one, other = normal(first), normal(second)
    return min(one, other), max(one, other)


_QUOTES = {
    "'": "'", '"': '"', "`": "`", "“": "”", "”": "”", "„": "“”", "‘": "’", "’": "’", "‚": "‘’",
    "«": "»", "»": "«", "‹": "›", "›": "‹", "「": "」", "『": "』", "《": "》", "〈": "〉",
}  # fmt: skip
"""Opening mark -> marks that close it. Full-width ones are these after `normal`."""

_OPENERS = re.compile("[" + "".join(_QUOTES) + "]")
_CLOSERS = {opening: re.compile(f"[{closing}]") for opening, closing in _QUOTES.items()}
_APOSTROPHES = "'’`"
"""Between two letters these belong to a word, and neither open nor close."""
_TRIES = 6
_MOST = 40


def quoted(instruction: str) -> tuple[str, ...]:
    """Texts that stand in quotes, normalised, in order.

    An apostrophe looks like a closing quote, so every mark that may close is tried: a text too many
    does no harm, as only two that belong to one official record are refused.

    >>> quoted("Change 'Tom's Bar' to “Ann’s”.")
    ("tom's bar", 'ann’s')
    """
    text = normal(instruction)
    found: list[str] = []
    for opening in _OPENERS.finditer(text):
        mark, start = opening.group(), opening.end()
        if mark in _APOSTROPHES and text[start - 2 : start - 1].isalnum():
            continue
        for closing in itertools.islice(_CLOSERS[mark].finditer(text, start), _TRIES):
            end = closing.start()
            if text[end] in _APOSTROPHES and text[end + 1 : end + 2].isalnum():
                continue
            if inside := text[start:end].strip():
                found.append(inside)
        if len(found) >= _MOST:
            break
    return tuple(found)


def _records(path: Path) -> Iterator[tuple[str, str]]:
    """The pairs of a file, or of all files below a folder."""
    if not path.exists():
        raise UserError(f"data.refuse names {path}, which does not exist; mend or remove it.")
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    empty = True
    for file in files:
        for number, line in enumerate(_lines(file), 1):
            if line.strip():
                for pair in _record(line, f"Line {number} of {file}"):
                    empty = False
                    yield pair
    if empty:
        raise UserError(
            f"data.refuse names {path}, which holds no record with source_text and target_text; "
            "name the folder eval_prompts of TextEdit."
        )


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} of data.refuse cannot be read ({error}).") from error


_PROMPT = re.compile(r"replace the text '(.+)' with '(.+)'\.?")
"""The prompt of a record, normalised."""


def _record(line: str, where: str) -> list[tuple[str, str]]:
    """The texts of one record, as its fields say them and as its prompt does.

    The two differ where a text has an apostrophe: the fields end at it ("O" for "O'RE").
    """
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where} is not JSON ({error}); fetch the file again.") from error
    if not isinstance(record, dict):
        return []
    one, other, prompt = (
        value if isinstance(value, str) else ""
        for value in map(record.get, ("source_text", "target_text", "prompt"))
    )
    pairs = [_pair(one, other)]
    if match := _PROMPT.fullmatch(normal(prompt)):
        pairs.append(_pair(match[1], match[2]))
    return [pair for pair in dict.fromkeys(pairs) if all(pair)]


__all__ = ["BENCH_PER_CLASS", "Guard", "Refusal", "bench_specs", "normal", "quoted"]
