"""Which items exist: a pure function of split, sub-class and index, with no picture in sight."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

from evals.core.errors import unknown
from evals.core.types import canonical_json
from synth.draw import Draw
from synth.textedit.classes import CLASSES, SubClass
from synth.textedit.edits import KINDS, edit, filled
from synth.words import SPLITS, Split

GENERATOR_VERSION = "textedit-synth/1"
"""Changes whenever a spec or the look of a scene changes."""

PER_CLASS = 4
"""Items of each sub-class in a suite: enough for an interval, few enough to be read in minutes."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything that decides one item.

    Attributes:
        split: ``bench``, ``val`` or ``train``.
        sub_class: one of the 18 ids of the taxonomy.
        index: number of the item within its split and sub-class, from 0.
        layout: arrangement of the scene; the layouts of ``bench`` occur in no other split.
        kind: kind of edit, see `synth.textedit.edits.KINDS`.
        source: the string that is replaced.
        target: the string that is written.
        edited: roles of the texts that say `source` and shall say `target`.
        strings: (role, string) of every text in the source picture.
        trap: what the item tests, in a few words.
    """

    split: Split
    sub_class: str
    index: int
    layout: str
    kind: str
    source: str
    target: str
    edited: tuple[str, ...]
    strings: tuple[tuple[str, str], ...]
    trap: str

    @cached_property
    def sha256(self) -> str:
        """Identity of the item: of the generator's version and all fields, never of pixels."""
        value = {"generator": GENERATOR_VERSION, **asdict(self)}
        return hashlib.sha256(canonical_json(value).encode()).hexdigest()

    @property
    def prompt(self) -> str:
        """The official instruction template."""
        return f"Replace the text '{self.source}' with '{self.target}'."

    @cached_property
    def said(self) -> Mapping[str, str]:
        """Role -> string in the source picture."""
        return dict(self.strings)

    @property
    def answer(self) -> dict[str, str]:
        """Role -> string for the edited texts in the ground truth."""
        return dict.fromkeys(self.edited, self.target)

    def draw(self) -> Draw:
        """The stream of choices of the scene."""
        return Draw(GENERATOR_VERSION, self.split, self.sub_class, self.index, "look")


def normal(text: str) -> str:
    """Letters and digits only, compatibility-folded and lower-cased, as the official scorer has it.

    >>> normal("No. 5!")
    'no5'
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in folded if c.isalnum())


def _clashes(source: str, target: str, others: Mapping[str, str]) -> bool:
    """Whether the instruction would be ambiguous: source or target also stand elsewhere.

    A source of one or two characters may occur inside a longer number or word, which is a trap on
    purpose, but not as a word of its own.
    """
    for string in others.values():
        words = {normal(w) for w in string.split()}
        for wanted in (normal(source), normal(target)):
            if wanted in words or (len(wanted) > 2 and wanted in normal(string)):
                return True
    texts = [normal(s) for s in others.values()]
    return len(set(texts)) < len(texts)


def _make(group: SubClass, split: Split, index: int) -> Spec:
    """The item, redrawn until its instruction is unambiguous."""
    layouts = group.bench_layouts if split == "bench" else group.train_layouts
    kind, edited = group.edits[index % len(group.edits)]
    layout = layouts[index % len(layouts)]
    for attempt in range(200):
        draw = Draw(GENERATOR_VERSION, split, group.id, index, "words", attempt)
        source, target = edit(kind, draw.fork("edit"), split)
        others = {
            role: filled(template, draw.fork(role), split)
            for role, template in group.strings.items()
            if role not in edited
        }
        if _clashes(source, target, others):
            continue
        said = {r: source if r in edited else others[r] for r in group.strings}
        note = KINDS[kind][1]
        return Spec(
            split=split, sub_class=group.id, index=index, layout=layout, kind=kind, source=source,
            target=target, edited=edited, strings=tuple(said.items()),
            trap=f"{group.trap}; {note}" if note else group.trap,
        )  # fmt: skip
    raise RuntimeError(f"{group.id} {split} {index}: no unambiguous strings in 200 attempts")


def specs(split: Split = "bench", per_class: int = PER_CLASS) -> list[Spec]:
    """All items of a split, in class order.

    Args:
        split: ``bench``, ``val`` or ``train``; they share no word, no font family, and ``bench``
            shares no layout with the other two.
        per_class: items of each of the 18 sub-classes; the first ones do not depend on it.

    Raises:
        UserError: the split does not exist.
        ValueError: `per_class` is below 1.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if per_class < 1:
        raise ValueError(f"per_class is {per_class}; it must be at least 1")
    return [_make(group, split, i) for group in CLASSES for i in range(per_class)]
