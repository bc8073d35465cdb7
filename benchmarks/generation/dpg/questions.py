"""The questions of DPG-Bench: a row of its CSV file, and the questions of a prompt.

Both loaders, the released one with its slips and ours, read TencentQQGYLab/ELLA@3c228f1's file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["L1", "L2"]
"""Of the categories: 5 broad ones, e.g. ``entity``, and 13 fine ones, e.g. ``entity - whole``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One yes/no question of a prompt.

    Attributes:
        id: its number within the prompt, from 1.
        category: L2 name, e.g. ``attribute - color`` or ``global -``.
        parents: ids of the questions it depends on; empty when it stands alone.
        text: the question.
    """

    id: int
    category: str
    parents: tuple[int, ...] = ()
    text: str = ""

    def category_at(self, level: Level) -> str:
        """Name of its category: L1 is what stands before the first hyphen."""
        return self.category if level == "L2" else self.category.split("-")[0].strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the released CSV file, as text.

    Attributes:
        item: the prompt's id, e.g. ``partiprompts97``.
        id: the question's number.
        dependency: ids of its parents, comma separated; ``0`` for none.
        tuple_text: starts with the L2 name before the first bracket.
        text: the question.
    """

    item: str
    id: int
    dependency: str
    tuple_text: str
    text: str = ""


def read_question(row: Row) -> Question:
    """One question.

    Raises:
        ValueError: the dependency is not a comma separated list of numbers.
    """
    parents = tuple(int(part) for part in row.dependency.split(","))
    return Question(
        id=row.id,
        category=row.tuple_text.split("(")[0].strip(),
        parents=tuple(p for p in parents if p != 0),
        text=row.text,
    )


def strict_questions(rows: Iterable[Row]) -> dict[str, tuple[Question, ...]]:
    """Item id -> its questions in file order; every row counts.

    Of two rows with one number the later one is kept, at the place of the first.
    """
    items: dict[str, dict[int, Question]] = defaultdict(dict)
    for row in rows:
        items[row.item][row.id] = read_question(row)
    return {item: tuple(questions.values()) for item, questions in items.items()}


def official_questions(rows: Iterable[Row]) -> dict[str, tuple[Question, ...]]:
    """Item id -> its questions as the released loader finds them.

    It skips the first row (DPG-1), and rows of an item that come after another item's replace
    those before (DPG-4).
    """
    items: dict[str, dict[int, Question]] = {}
    previous = ""
    for row in list(rows)[1:]:
        if row.item != previous:
            items[row.item] = {}
        items[row.item][row.id] = read_question(row)
        previous = row.item
    return {item: tuple(questions.values()) for item, questions in items.items()}


def dangling_parents(questions: Sequence[Question]) -> list[str]:
    """One sentence per parent that is no question of the prompt, for the check of a data file."""
    known = {q.id for q in questions}
    return [dangling(q, p) for q in questions for p in q.parents if p not in known]


def dangling(question: Question, parent: int) -> str:
    """What is wrong with a parent that is no question of the prompt."""
    return f"question {question.id} depends on {parent}, which is no question of the prompt"
