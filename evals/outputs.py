"""A run's images in the folder layout of an official script or of GenEditEvalKit.

So that what was made here can be scored there: every image under the name that the other side looks
for, several per prompt, or cut together to the grid that it expects.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from evals.core.errors import UserError
from evals.core.images import load_rgb
from evals.core.store import StoredRun
from evals.core.types import Prediction
from evals.core.writing import write_atomic

OFFICIAL = "official"


@dataclass(kw_only=True)
class Written:
    """What was written.

    Attributes:
        files: how many.
        left: sample (with its trial) -> why there is no file of it.
    """

    files: int = 0
    left: dict[str, str] = field(default_factory=dict)


def write_outputs(run: StoredRun, layout: str, folder: Path) -> Written:
    """Write all images of a run.

    Args:
        run: as stored; neither the model nor the benchmark's data is needed.
        layout: ``official`` or ``kit``.
        folder: the model's folder; made when absent.

    Raises:
        UserError: the run holds no images, its benchmark has no such layout, or a file of that name
            is there already and differs.
    """
    if run.manifest["benchmark"]["task"] == "understand":
        raise UserError(f"{run.folder} holds answers and no images; there is nothing to lay out.")
    known = {p["layout"] for s in run.samples for p in s.get("places", ())}
    known |= {OFFICIAL} if any(s.get("output_path") for s in run.samples) else set()
    if layout not in known:
        told = ", ".join(sorted(known)) or "none"
        raise UserError(f"{run.benchmark} has no layout {layout!r}; it has: {told}.")
    written = Written()
    for sample in run.samples:
        _write_sample(run, sample, layout, folder, written)
    return written


def _write_sample(
    run: StoredRun, sample: Mapping[str, Any], layout: str, folder: Path, written: Written
) -> None:
    name = str(sample["id"])
    made: list[tuple[int, Path]] = []
    for trial in range(run.trials):
        prediction = run.predictions.get((name, trial))
        label = name if run.trials == 1 else f"{name}#{trial}"
        if prediction is None or prediction.status != "ok" or not prediction.images:
            written.left[label] = _why(prediction)
        else:
            made.append((trial, run.folder / prediction.images[0].relative_path))
    place = next((p for p in sample.get("places", ()) if p["layout"] == layout), None)
    if place is None:
        path = sample.get("output_path")
        if path and layout == OFFICIAL and made and made[0][0] == 0:
            _put(folder / path, made[0][1])
            written.files += 1
            made = made[1:]
        for trial, _ in made:
            written.left[f"{name}#{trial}"] = f"the layout {layout} has no place for it"
        return
    if place.get("grid"):
        rows, columns = place["grid"]
        if len(made) == rows * columns:
            _put_bytes(folder / place["path"], grid([p for _, p in made], columns, place["path"]))
            written.files += 1
        elif made:
            written.left[name] = f"{len(made)} of the {rows * columns} images of its grid exist"
        return
    for trial, source in made:
        _put(folder / place["path"].format(trial=place["first"] + trial), source)
        written.files += 1


def _why(prediction: Prediction | None) -> str:
    if prediction is None:
        return "not predicted yet"
    return prediction.fault.message if prediction.fault else prediction.status


def _put(target: Path, source: Path) -> None:
    """The file itself where the format is the one that is looked for, else converted to it."""
    if source.suffix == target.suffix.lower().replace(".jpeg", ".jpg"):
        try:
            _put_bytes(target, source.read_bytes())
        except FileNotFoundError as error:
            raise UserError(f"{source} is gone; the run folder is damaged.") from error
        return
    stream = io.BytesIO()
    load_rgb(source).save(stream, _format(target))
    _put_bytes(target, stream.getvalue())


def _format(target: Path) -> str:
    names = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
    return names[PurePosixPath(target).suffix.lower()]


def _put_bytes(target: Path, data: bytes) -> None:
    if target.exists():
        if target.read_bytes() != data:
            raise UserError(
                f"{target} exists already and is another image; choose an empty folder."
            )
        return
    if shutil.disk_usage(_existing(target)).free < len(data):
        raise UserError(f"There is no room for {target}; free some, or choose another folder.")
    write_atomic(target, data)


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())


def grid(paths: Sequence[Path], columns: int, name: str = "grid.png") -> bytes:
    """Images of one prompt side by side, row by row; others are scaled to the size of the first.

    Args:
        paths: of the images.
        columns: of the grid.
        name: file name whose suffix says the format; WebP is written without loss.

    Raises:
        ImageError: one of them cannot be decoded.
    """
    from PIL import Image

    images = [load_rgb(p) for p in paths]
    width, height = images[0].size
    rows = -(-len(images) // columns)
    whole = Image.new("RGB", (width * columns, height * rows))
    for at, image in enumerate(images):
        cell = image if image.size == (width, height) else image.resize((width, height))
        whole.paste(cell, ((at % columns) * width, (at // columns) * height))
    stream = io.BytesIO()
    kind = _format(Path(name))
    whole.save(stream, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return stream.getvalue()
