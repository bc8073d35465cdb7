"""Golden recordings to change, and what is asked of the rows of a verification."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from model.internvlu.verify import Check
from tests.model.internvlu.record_golden import GOLDEN

CHECKPOINT, EXPECTED = "tiny-checkpoint", "expected"
Change = Callable[[Any], Any]


def failed(rows: list[Check]) -> list[Check]:
    return [r for r in rows if not r.passed]


def left_out(rows: list[Check]) -> list[tuple[str, str, str]]:
    return [(r.stage, r.run, r.note) for r in rows if r.note.startswith("not covered: ")]


def compared(rows: list[Check]) -> set[str]:
    return {r.stage for r in rows if r.cases}


def runs_end_to_end(rows: list[Check]) -> set[str]:
    return {r.run for r in rows if r.what == "image from prompt and images" and r.cases}


def text(folder: Path, name: str) -> str:
    return (folder / EXPECTED / name).read_text("utf-8")


def golden(to: Path, *files: str) -> Path:
    """The golden checkpoint with some of its recordings."""
    to.mkdir(parents=True, exist_ok=True)
    (to / CHECKPOINT).symlink_to(GOLDEN / CHECKPOINT)
    (to / EXPECTED).mkdir()
    for pattern in files:
        for path in (GOLDEN / EXPECTED).glob(pattern):
            shutil.copy(path, to / EXPECTED)
    return to


def alter(path: Path, **changes: Change) -> None:
    """Change keys of a file; ``__`` stands for a dot, and a key whose change is None is dropped."""
    whole = (
        load_file(path) if path.suffix == ".safetensors" else json.loads(path.read_text("utf-8"))
    )
    for name, change in changes.items():
        key = name.replace("__", ".")
        value = change(whole.pop(key))
        if value is not None:
            whole[key] = value
    if path.suffix == ".safetensors":
        save_file({k: v.contiguous() for k, v in whole.items()}, path)
    else:
        path.write_text(json.dumps(whole), "utf-8")


def plus(amount: float, *place: int) -> Change:
    """Add to one element: of all values the reference may not be off by so much in a single one."""

    def change(tensor: Any) -> Any:
        tensor[place or (0,) * tensor.ndim] += amount
        return tensor

    return change


def cut(tensor: Any) -> Any:
    return tensor[..., :-1]


def gone(_value: Any) -> None:
    return None


def swapped(word: str, other: str) -> Change:
    return lambda value: json.loads(json.dumps(value).replace(word, other))
