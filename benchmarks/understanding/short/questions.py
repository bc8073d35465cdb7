"""Questions with short answers: what is right, and a sample of every record."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from benchmarks.common.records import Record
from benchmarks.understanding.table import KitTable
from evals.core.errors import UserError
from evals.core.types import Sample


@dataclass(frozen=True, kw_only=True, slots=True)
class ShortReference:
    """The accepted answers of a question.

    Attributes:
        answer: what a perfect model says.
        answers: all that are accepted, or what each of several people said; as in the data.
        category: where the rules depend on it.
    """

    answer: str
    answers: tuple[str, ...]
    category: str = ""


def accepted(record: Record) -> tuple[str, ...]:
    """The accepted answers of a record: a list, or text that may be a written list.

    Raises:
        UserError: there is none.
    """
    value = record.values.get("answer")
    found = [str(v) for v in value] if isinstance(value, list) else answer_list(str(value or ""))
    if not any(found):
        raise UserError(f"{record.where} has no answer in 'answer'; get the file again.")
    return tuple(found)


def short_sample(
    record: Record,
    table: KitTable,
    *,
    answer: str = "",
    category: str = "",
    group: tuple[str, ...] = (),
) -> Sample:
    """The sample of a record.

    Args:
        record: with ``question``, ``answer`` and a picture.
        table: that it is from.
        answer: what a perfect model says; the first accepted answer that is not empty, unless told.
        category: see `ShortReference`.
        group: its path in the taxonomy.

    Raises:
        UserError: one of these is missing.
    """
    answers = accepted(record)
    first = answer or next(a for a in answers if a)
    reference = ShortReference(answer=first, answers=answers, category=category)
    prompt, shown = table.ask(record.need("question")), record.picture
    return table.build(record, prompt, reference, group=group, cluster=shown.stem)


# --- answers as texts -------------------------------------------------------------------------


def answer_list(field: str) -> list[str]:
    """The accepted answers of a table cell: a written list, or else the cell itself.

    The released code evaluates the cell as Python; only literals are read here.

    >>> answer_list("['5 apples', 'five']"), answer_list("5, 6"), answer_list("[unclear]")
    (['5 apples', 'five'], ['5, 6'], ['[unclear]'])
    """
    if not field.lstrip(" \t").startswith(("[", "(")):
        return [field]
    try:
        value = ast.literal_eval(field)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return [field]
    return [str(item) for item in value] if isinstance(value, list) else [field]


_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def half_width(text: str) -> str:
    """Full-width ASCII and the ideographic space as ASCII, everything else as it is.

    >>> half_width("２０ ％ 東京"), half_width("10²")
    ('20 % 東京', '10²')
    """
    return text.translate(_HALF_WIDTH)
