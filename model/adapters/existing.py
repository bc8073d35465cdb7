"""Images that exist already: which files there are, and which of them is a sample's output."""

from __future__ import annotations

import io
import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from evals.core.errors import UserError
from evals.core.images import load_rgb
from evals.core.types import Place, Sample

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
MAX_DEPTH = 5
"""Folders below the model's: ``gedit/images/fullset/<group>/<language>`` is the deepest layout."""
MAX_GLIMPSE = 5000

MODEL = "{model}"
"""Stands in a path for a folder that is called as the model is."""
_HOLES = re.compile(r"\{(trial|model)(?::([^{}]+))?\}")

Rule = Literal["exact", "suffix", "case", "without .0", "flat folder"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Which file was found for a sample.

    Attributes:
        sample: id of the sample; with its trial where it has several (``0012#3``).
        wanted: path below the folder that the official layout expects.
        found: path below the folder; None when there is none or more than one.
        rule: why `found` was taken.
        candidates: the files between which the choice is not clear.
        grid: (rows, columns) when `found` holds all trials of the sample.
        cell: which of the cells is this trial's, row by row.
    """

    sample: str
    wanted: str
    found: str | None
    rule: Rule
    candidates: tuple[str, ...] = ()
    grid: tuple[int, int] | None = None
    cell: int = 0


def scan(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Image files at or below a folder, and links among them that lead out of it.

    Linked folders are not entered, and hidden files are left out.

    Returns:
        (paths below the folder with forward slashes, the same for links that leave it), sorted.

    Raises:
        UserError: a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise UserError(f"Cannot list {error.filename} ({error.strerror}); mend its permissions.")

    home = folder.resolve()
    inside: list[str] = []
    outside: list[str] = []
    for path in _image_files(folder, refuse):
        leaves = path.is_symlink() and not path.resolve().is_relative_to(home)
        (outside if leaves else inside).append(path.relative_to(folder).as_posix())
    return tuple(sorted(inside)), tuple(sorted(outside))


def _image_files(folder: Path, on_error: Callable[[OSError], None] | None) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=on_error):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = [] if depth >= MAX_DEPTH else [f for f in folders if f[0] != "."]
        for name in files:
            if name[0] != "." and PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(place, name)


def glimpse(folder: Path) -> list[str]:
    """Image files of a folder that the user did not name: a few thousand at most, no errors."""
    files = itertools.islice(_image_files(folder, None), MAX_GLIMPSE)
    return [f.relative_to(folder).as_posix() for f in files]


def _stem(file: str) -> str:
    """Path without its suffix: ``1.1.1/1007.0.jpg`` -> ``1.1.1/1007.0``."""
    return str(PurePosixPath(file).with_suffix(""))


class Index:
    """Files of an outputs folder by every name under which a sample may look for its own."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = frozenset(files)
        self._stems: dict[str, list[str]] = {}
        self._folded: dict[str, list[str]] = {}
        self._folded_stems: dict[str, list[str]] = {}
        self._models: dict[int, dict[str, set[str]]] = {}
        for file in sorted(self.files):
            stem = _stem(file)
            self._stems.setdefault(stem, []).append(file)
            self._folded.setdefault(file.casefold(), []).append(file)
            self._folded_stems.setdefault(stem.casefold(), []).append(file)

    def find(self, sample: str, wanted: str, *, exact_only: bool) -> Match:
        """The file for a sample: by the first rule under which there is any."""
        if wanted in self.files:
            return Match(sample=sample, wanted=wanted, found=wanted, rule="exact")
        for rule, hits in [] if exact_only else self._steps(wanted):
            if len(hits) == 1:
                return Match(sample=sample, wanted=wanted, found=hits[0], rule=rule)
            if hits:
                return Match(
                    sample=sample, wanted=wanted, found=None, rule=rule, candidates=tuple(hits)
                )
        return Match(sample=sample, wanted=wanted, found=None, rule="exact")

    def models(self, wanted: str) -> frozenset[str]:
        """Names that may stand for `MODEL` in a path: below them there is such a file."""
        depth = wanted.partition(MODEL)[0].count("/")
        if depth not in self._models:
            found = self._models.setdefault(depth, {})
            for file in self.files:
                parts = file.split("/")
                if len(parts) > depth + 1:
                    name, parts[depth] = parts[depth], MODEL
                    found.setdefault(_stem("/".join(parts)).casefold(), set()).add(name)
        return frozenset(self._models[depth].get(_stem(wanted).casefold(), ()))

    def _steps(self, wanted: str) -> Iterator[tuple[Rule, list[str]]]:
        stem = _stem(wanted)
        folded_stems = self._folded_stems
        yield "suffix", self._stems.get(stem, [])
        yield "case", self._folded.get(wanted.casefold(), [])
        yield "case", folded_stems.get(stem.casefold(), [])
        yield "without .0", folded_stems.get(stem.casefold().removesuffix(".0"), [])
        name = PurePosixPath(wanted).name
        if name != wanted:
            yield "flat folder", [name] if name in self.files else []
            yield "flat folder", folded_stems.get(_stem(name).casefold(), [])
            yield "flat folder", folded_stems.get(_stem(name).casefold().removesuffix(".0"), [])

    def near(self, wanted: str, n: int = 3) -> list[str]:
        """Existing names most like a wanted one, for a message: never taken by themselves."""
        from rapidfuzz import fuzz, process

        stem = PurePosixPath(wanted).stem.removesuffix(".0").casefold()
        holding = sorted(f for f in self.files if stem in PurePosixPath(f).stem.casefold())
        if holding:
            return holding[:n]
        hits = process.extract(
            PurePosixPath(wanted).name, sorted(self.files), scorer=fuzz.ratio, limit=n,
            processor=lambda f: PurePosixPath(f).name, score_cutoff=70,
        )  # fmt: skip
        return [hit[0] for hit in hits]


def path_in(place: Place, trial: int, model: str = MODEL) -> str | None:
    """Where a layout keeps an image, below a model's folder.

    Args:
        place: of the sample.
        trial: which of the sample's images, from 0.
        model: name to stand where the path has the model's.

    Returns:
        None where the layout keeps one image, the first, and another is asked for.

    >>> path_in(Place(layout="kit", path="x/{model}/{trial:03d}.png", first=1), 0, "bagel")
    'x/bagel/001.png'
    """
    holes = {match[1] for match in _HOLES.finditer(place.path)}
    if trial and place.grid is None and "trial" not in holes:
        return None
    values = {"trial": place.first + trial, "model": model}
    return _HOLES.sub(lambda m: format(values[m[1]], m[2] or ""), place.path)


def places_of(sample: Sample) -> list[tuple[str, tuple[int, int] | None]]:
    """Where this trial's output may lie, and in which grid; the official place first.

    Paths may hold `MODEL`. There is none when every layout keeps one image, and this is another.
    """
    tried = [(path_in(p, sample.trial), p.grid) for p in sample.places]
    found = [(path, grid) for path, grid in tried if path is not None]
    if sample.trial == 0:
        if sample.output_path:
            found.insert(0, (sample.output_path, None))
        elif not found:
            found.append((f"{sample.id}.png", None))
    return list(dict.fromkeys(found))


def cut(path: Path, grid: tuple[int, int], cell: int) -> bytes:
    """One cell of a grid of equal images, as PNG; odd pixels at the right and below are left out.

    Args:
        path: of the whole image.
        grid: (rows, columns).
        cell: counted row by row, from 0.

    Raises:
        ValueError: the image has no such cell.
        ImageError: it cannot be decoded.
    """
    rows, columns = grid
    image = load_rgb(path)
    if cell >= rows * columns:
        raise ValueError(f"a grid of {rows} x {columns} has no cell {cell + 1}")
    width, height = image.width // columns, image.height // rows
    if not width or not height:
        raise ValueError(f"{image.width} x {image.height} pixels hold no {rows} x {columns} cells")
    left, top = (cell % columns) * width, (cell // columns) * height
    stream = io.BytesIO()
    image.crop((left, top, left + width, top + height)).save(stream, "PNG")
    return stream.getvalue()
