"""A TextEdit folder in the official layout, of any size, with drawn images and known readings.

Used by the measurements and by the test over the official prompts: the images are drawn here,
small, at the paths that the records name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.textedit.taxonomy import SUB_CLASSES
from evals.core.images import load_rgb
from metrics.ocr_engines import pixel_sha256

SIZE = (160, 96)
SLOT = (12, 8, 148, 32)
LINE = (12, 60, 120, 80)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Where everything lies: data root, a model's outputs, and the readings of all images."""

    root: Path
    outputs: Path
    readings: Path
    records: int


def invented(n: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """`n` records of our own, spread over the 18 sub-classes in the official order."""
    share, rest = divmod(n, len(SUB_CLASSES))
    number = 0
    for index, sub in enumerate(SUB_CLASSES):
        for _ in range(share + (index < rest)):
            number += 1
            source, target = f"OLD{number}", f"NEW{number}"
            name = f"{10_000 + number}.0.png"
            yield (
                sub.id,
                {
                    "id": number,
                    "prompt": f"Replace the text '{source}' with '{target}'.",
                    "original_image": f"{sub.id}/image/original/{name}",
                    "gt_image": f"{sub.id}/image/gt/{name}",
                    "source_text": source,
                    "target_text": target,
                    "gt_caption": f"A plain card that says {target} above a line of small print.",
                },
            )


def official(prompts: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records of an official prompt folder, in class order."""
    for sub in SUB_CLASSES:
        for line in (prompts / f"{sub.id}.jsonl").read_text(encoding="utf-8").splitlines():
            yield sub.id, json.loads(line)


def draw(word: str, tint: int) -> Image.Image:
    """A card with the word in its slot and a second line below."""
    image = Image.new("RGB", SIZE, (235, 235 - tint % 40, 215 + tint % 40))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default()
    pen.text(SLOT[:2], word, fill="black", font=font)
    pen.text(LINE[:2], f"line {tint}", fill="black", font=font)
    return image


def _items(word: str, tint: int) -> list[list[Any]]:
    def polygon(box: Sequence[int]) -> list[list[int]]:
        x0, y0, x1, y1 = box
        return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]

    return [[polygon(SLOT), word, 0.99], [polygon(LINE), f"line {tint}", 0.99]]


def build(
    place: Path,
    records: Iterator[tuple[str, dict[str, Any]]],
    *,
    prompts: str = "fullset",
    model: str = "bagel",
) -> Folder:
    """Write records, originals, ground truths, a model's outputs, and the readings of them all.

    The model writes the target with its last letter missing, so its scores are neither 0 nor 1.
    """
    root, outputs = place / "TextEdit", place / "output" / model
    readings: dict[str, Any] = {}
    lines: dict[str, list[str]] = {}
    count = 0
    for sub, record in records:
        lines.setdefault(sub, []).append(json.dumps(record, ensure_ascii=False))
        name = Path(record["original_image"]).name
        target = record["target_text"]
        count += 1
        for path, word in (
            (root / record["original_image"], record["source_text"]),
            (root / record["gt_image"], target),
            (outputs / sub / name, target[:-1] or "?"),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(word, record["id"]).save(path)
            # The file as it decodes: most of the recorded names are lossy formats.
            pixels = np.asarray(load_rgb(path))
            readings[pixel_sha256(pixels)] = _items(word, record["id"])
    folder = root / "eval_prompts" / prompts
    folder.mkdir(parents=True, exist_ok=True)
    for sub, rows in lines.items():
        (folder / f"{sub}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    file = place / "readings.json"
    file.write_text(json.dumps(readings, ensure_ascii=False), encoding="utf-8")
    return Folder(root=root, outputs=outputs, readings=file, records=count)
