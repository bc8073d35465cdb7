"""Official prompts that are put together from several constants, or are Python format strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evals.core.errors import UserError
from judges.rubric import ImagePolicy
from judges.script import Script, hole, with_official


def with_parts(
    script: Script,
    path: Path,
    keys: Sequence[str],
    holes: Mapping[str, str],
    *,
    template: bool = False,
    policy: ImagePolicy | None = None,
) -> Script:
    """The script with the words of an official prompt file, as `with_official`.

    Args:
        script: our own; reader, images and fields stay.
        path: of the file.
        keys: constants of the file, joined by line breaks.
        holes: field -> the text that stands for it.
        template: it is meant for ``str.format``: doubled braces stand for single ones.
        policy: how the official script sends images; as they are by default.

    Raises:
        UserError: the file cannot be read, lacks a constant, or a text that stands for a field.
    """
    parts = [with_official(script, path, key, {}) for key in keys]
    text = "\n".join(part.official for part in parts)
    for name, mark in holes.items():
        if mark not in text:
            raise UserError(
                f"The prompt {' + '.join(keys)} of {path} does not hold {mark!r}, which stands for "
                f"the {name}; pass the official file of {script.name}."
            )
        text = text.replace(mark, hole(name))
    if template:
        text = text.replace("{{", "{").replace("}}", "}")
    return replace(
        parts[0],
        official=text,
        source=f"{path.name} {' + '.join(keys)}",
        policy=policy or parts[0].policy,
    )
