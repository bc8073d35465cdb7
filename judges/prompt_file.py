"""Official prompt files in place of our own wording: read, checked, never executed."""

from __future__ import annotations

import ast
import string
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from evals.core.errors import UserError
from judges.rubric import ImagePolicy, Rubric, spellings


def with_official_prompt(rubric: Rubric, path: Path, fit: Mapping[str, str]) -> Rubric:
    """The rubric with the wording of an official prompt file, as the released script sends it.

    A ``.py`` file is read, never run: the longest text constant in it is the prompt. Placeholders
    are those of `str.format`: ``{raw_text}`` or ``{source_text}``, ``{target_text}``.

    Args:
        rubric: our own; scale, keys and arithmetic stay.
        path: of the file.
        fit: role -> role whose size it is brought to, as the released script does.

    Raises:
        UserError: the file cannot be read, holds no prompt, or does not name every field.
    """
    try:
        text = path.expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The prompt file {path} cannot be read ({error}).") from error
    if path.suffix == ".py":
        text = _longest_constant(text, path)
    _check_placeholders(text, rubric, path)
    images = tuple(replace(i, fit=fit.get(i.role, "")) for i in rubric.images)
    unscaled = ImagePolicy(max_side=1_000_000)
    return replace(rubric, official=text, source=path.name, images=images, policy=unscaled)


def _longest_constant(code: str, path: Path) -> str:
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise UserError(f"The prompt file {path} is not valid Python ({error}).") from error
    found = [
        n.value.value
        for n in tree.body
        if isinstance(n, ast.Assign)
        and isinstance(n.value, ast.Constant)
        and isinstance(n.value.value, str)
    ]
    if not found:
        raise UserError(f"The prompt file {path} holds no text constant at its top level.")
    return max(found, key=len)


def _check_placeholders(text: str, rubric: Rubric, path: Path) -> None:
    known = spellings({f.name: f.name for f in rubric.fields})
    try:
        parsed = [p for p in string.Formatter().parse(text) if p[1] is not None]
    except ValueError as error:
        raise UserError(
            f"The prompt file {path} has an unbalanced brace ({error}); double the braces that are "
            "meant as such, as str.format wants it."
        ) from error
    names = [name for _, name, _, _ in parsed if name is not None]
    dressed = [n for _, n, form, turn in parsed if form or turn not in {None, "s"}]
    if dressed:
        raise UserError(
            f"The prompt file {path} formats the placeholder {{{dressed[0]}}}; write it bare."
        )
    odd = [n for n in names if n not in known]
    if odd:
        raise UserError(
            f"The prompt file {path} has the placeholder {{{odd[0]}}}; known are "
            f"{', '.join('{' + n + '}' for n in known)}, and braces that are meant as such are "
            "doubled."
        )
    missing = [f.name for f in rubric.fields if f.name not in {known[n] for n in names}]
    if missing:
        raise UserError(
            f"The prompt file {path} has no placeholder for {missing[0]}; write one of "
            f"{', '.join('{' + s + '}' for s, n in known.items() if n == missing[0])}."
        )
