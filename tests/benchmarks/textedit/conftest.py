"""A tiny TextEdit root in the official layout, with real images at the recorded paths."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Row = dict[str, Any]
MakeRoot = Callable[..., Path]


def row(record: int, sub_class: str = "1.1.1", **changes: Any) -> Row:
    name = changes.pop("name", f"{1000 + record}.0.jpg")
    return {
        "id": record,
        "prompt": "Replace the text 'SALE' with 'OPEN'.",
        "original_image": f"{sub_class}/image/original/{name}",
        "gt_image": f"{sub_class}/image/gt/{name}",
        "source_text": "SALE",
        "target_text": "OPEN",
        "gt_caption": "A poster that says OPEN.",
        **changes,
    }


def write_rows(root: Path, folder: str, rows: dict[str, list[Any]]) -> None:
    for sub_class, lines in rows.items():
        path = root / "eval_prompts" / folder / f"{sub_class}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(
            (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n"
            for line in lines
        )
        path.write_text(text, encoding="utf-8", newline="")


def write_image(path: Path, colour: tuple[int, int, int] = (200, 30, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[path.suffix]
    Image.new("RGB", (24, 16), colour).save(path, kind)


@pytest.fixture
def make_root(tmp_path: Path) -> MakeRoot:
    """``make_root({class: rows}, images="data", folder="fullset")`` -> root."""

    def build(rows: dict[str, list[Any]], images: str = "data", folder: str = "fullset") -> Path:
        root = tmp_path / "root"
        write_rows(root, folder, rows)
        for lines in rows.values():
            for line in lines:
                for key in ("original_image", "gt_image", "mask"):
                    if isinstance(line, dict) and isinstance(line.get(key), str):
                        write_image(root / images / line[key])
        return root

    return build
