"""A run's images in the folder layout of an official script or of GenEditEvalKit.

So that what was made here can be scored there: every image under the name that the other side looks
for, several per prompt, or cut together to the grid that it expects.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from evals.config import slug
from evals.core.errors import UserError
from evals.core.images import load_rgb
from evals.core.store import StoredRun
from evals.core.types import Place, Prediction
from evals.core.writing import write_atomic
from model.adapters.existing import MODEL, path_in

OFFICIAL = "official"


@dataclass(kw_only=True)
class Written:
    """What was written.

    Attributes:
        files: how many.
        left: sample (with its trial) -> why there is no file of it.
        model: name of the model within paths, where the layout repeats it there.
    """

    files: int = 0
    left: dict[str, str] = field(default_factory=dict)
    model: str = ""


def write_outputs(run: StoredRun, layout: str, folder: Path) -> Written:
    """Write all images of a run.

    Args:
        run: as stored; neither the model nor the benchmark's data is needed.
        layout: ``official`` or ``kit``.
        folder: the model's folder; made when absent.

    Raises:
        UserError: the run holds no images, its benchmark has no such layout, a path leaves the
            folder, or a file of that name is there already and differs.
    """
    if run.manifest["benchmark"]["task"] == "understand":
        raise UserError(f"{run.folder} holds answers and no images; there is nothing to lay out.")
    known = {p["layout"] for s in run.samples for p in s.get("places", ())}
    known |= {OFFICIAL} if any(s.get("output_path") for s in run.samples) else set()
    if layout not in known:
        told = ", ".join(sorted(known)) or "none"
        raise UserError(f"{run.benchmark} has no layout {layout!r}; it has: {told}.")
    written, owners = Written(), dict[str, str]()
    model = slug(str(run.manifest["model"]["name"]))
    for sample in run.samples:
        place = _place(sample, layout)
        if place is not None and MODEL in place.path:
            written.model = model
        for path, label, images in _files(run, sample, place, model, written):
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise UserError(f"{run.folder} wants {label} at {path}, outside of the folder.")
            if owners.setdefault(path, label) != label:
                written.left[label] = f"{path} is that of {owners[path]} in this layout"
            elif place is not None and place.grid:
                _put_bytes(folder / path, grid(images, place.grid[1], path))
            else:
                _put(folder / path, images[0])
            written.files += owners[path] == label
    return written


def _place(sample: Mapping[str, Any], layout: str) -> Place | None:
    """The first place of a layout; for the official one, else the sample's one path."""
    for place in sample.get("places", ()):
        if place["layout"] == layout:
            return Place(**{**place, "grid": tuple(place["grid"]) if place.get("grid") else None})
    path = sample.get("output_path")
    return Place(layout=layout, path=path) if path and layout == OFFICIAL else None


def _files(
    run: StoredRun, sample: Mapping[str, Any], place: Place | None, model: str, written: Written
) -> Iterator[tuple[str, str, list[Path]]]:
    """Path below the folder, what it is of, and its images, for every file of a sample."""
    name = str(sample["id"])
    made: dict[int, Path] = {}
    for trial in range(run.trials):
        prediction = run.predictions.get((name, trial))
        if prediction is None or prediction.status != "ok" or not prediction.images:
            written.left[_label(run, name, trial)] = _why(prediction)
        else:
            made[trial] = run.folder / prediction.images[0].relative_path
    if place is not None and place.grid:
        rows, columns = place.grid
        cells = [made[t] for t in range(rows * columns) if t in made]
        if len(cells) == rows * columns:
            yield str(path_in(place, 0, model)), name, cells
        elif made:
            written.left[name] = f"{len(cells)} of the {rows * columns} images of its grid exist"
        made = {t: p for t, p in made.items() if t >= rows * columns}
        place = None
    for trial, source in made.items():
        path = path_in(place, trial, model) if place is not None else None
        if path is None:
            written.left[_label(run, name, trial)] = "the layout has no place for it"
        else:
            yield path, _label(run, name, trial), [source]


def _label(run: StoredRun, name: str, trial: int) -> str:
    return name if run.trials == 1 else f"{name}#{trial}"


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
