"""Rows of text editing from the scenes of `synth.textedit`: edits, pictures, questions, reasons.

Only of the splits ``train`` and ``val``, which share no word, font or layout with the benchmark.
"""

from __future__ import annotations

import functools
import io
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from evals.core.errors import UserError, unknown
from evals.core.types import JSON
from evals.core.writing import write_atomic
from model.data.writing import sweep, write_rows
from model.finetune.config import Task

if TYPE_CHECKING:
    from synth.scene import Picture
    from synth.textedit import Spec

SHARD = 500
"""Rows of a file: some 200 MB at full size."""

MARK = "text_edits.json"
"""Says what a folder holds or shall hold."""

SPLITS = ("train", "val")
_AHEAD = 4
Row: TypeAlias = dict[str, Any]
_TASKS = get_args(Task)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is made of each item.

    Attributes:
        task: what the rows teach.
        seed: of wordings, and of whether a picture is shown before or after its edit.
        size: longest side in pixels; larger pictures are made smaller. None for their own size.
    """

    task: Task
    seed: int = 0
    size: int | None = None


def write_text_edits(
    folder: Path, *, task: Task, split: str = "train", count: int, seed: int = 0,
    size: int | None = None, workers: int = 1,
) -> dict[str, JSON]:  # fmt: skip
    """Write rows as Parquet files of `SHARD` rows; the same call goes on where it was stopped.

    The first rows do not depend on `count`, and the bytes of a file on nothing but the arguments,
    the generator and the version of pyarrow.

    Args:
        folder: must be absent, empty, or hold the same rows.
        task: ``edit``, ``t2i``, ``understand`` or ``cot``.
        split: ``train`` or ``val``.
        count: rows, spread evenly over the 18 sub-classes.
        seed: of wordings; the scenes are the same for every seed.
        size: longest side in pixels, to make larger pictures smaller; None for their own size.
        workers: processes that draw.

    Returns:
        What was written: folder, task, split, rows, files, bytes, the generator, rows of each
        sub-class, how many files were there already, and seconds.

    Raises:
        UserError: an argument makes no sense, the folder holds something else, or cannot be
            written.
    """
    _check(task, split, count, size, workers)
    start, recipe = time.monotonic(), Recipe(task=task, seed=seed, size=size)
    _claim(folder, split, count, recipe)
    items = _items(split, count)
    shards = math.ceil(count / SHARD)
    files = [folder / f"{task}-{split}-{n:05d}-of-{shards:05d}.parquet" for n in range(shards)]
    missing = [n for n, file in enumerate(files) if not file.exists()]
    with _spread(min(workers, count), functools.partial(row_of, recipe=recipe)) as made:
        for n in missing:
            write_rows(files[n], made(items[n * SHARD : (n + 1) * SHARD]))
    classes: dict[str, JSON] = {}
    for item in items:
        classes[item.sub_class] = int(str(classes.get(item.sub_class, 0))) + 1
    return {
        "folder": str(folder), "task": task, "split": split, "rows": count, "files": shards,
        "bytes": sum(f.stat().st_size for f in files), "generator": _generator(),
        "classes": classes, "already_there": shards - len(missing),
        "seconds": round(time.monotonic() - start, 2),
    }  # fmt: skip


def _check(task: str, split: str, count: int, size: int | None, workers: int) -> None:
    if task not in _TASKS:
        raise unknown("task", task, _TASKS)
    if split == "bench":
        raise UserError(
            "The split bench is what models are measured with, and nothing is trained on it; use "
            "train or val."
        )
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if count < 1 or workers < 1:
        name, value = ("count", count) if count < 1 else ("workers", workers)
        raise UserError(f"{name} is {value}; it must be 1 or more.")
    if size is not None and size < 64:
        raise UserError(f"size is {size}; it must be 64 pixels or more for text to be readable.")


def _generator() -> str:
    from synth.textedit import GENERATOR_VERSION

    return GENERATOR_VERSION


def _claim(folder: Path, split: str, count: int, recipe: Recipe) -> None:
    """Take a folder for these rows.

    Raises:
        UserError: it holds something else.
    """
    from synth.textedit import suite_key

    wanted = {
        "generator": _generator(), "key": suite_key(), "task": recipe.task, "split": split,
        "count": count, "seed": recipe.seed, "size": recipe.size,
    }  # fmt: skip
    mark = folder / MARK
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        try:
            there = json.loads(mark.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            there = None
        if there != wanted:
            raise UserError(
                f"{folder} holds something else than these rows; choose another folder or delete "
                "it."
            )
        sweep(folder)
    else:
        write_atomic(mark, (json.dumps(wanted, indent=1) + "\n").encode())


def _items(split: str, count: int) -> list[Spec]:
    """The items in an order that goes through the sub-classes again and again."""
    from synth.textedit import specs
    from synth.textedit.classes import CLASSES

    each = math.ceil(count / len(CLASSES))
    ordered = specs("val" if split == "val" else "train", each)
    return [ordered[n % len(CLASSES) * each + n // len(CLASSES)] for n in range(count)]


@contextmanager
def _spread(
    workers: int, make: Callable[[Spec], Row]
) -> Iterator[Callable[[Iterable[Spec]], Iterator[Row]]]:
    """A `map` over processes that keeps the order and is only a few rows ahead."""
    if workers == 1:
        yield functools.partial(map, make)
        return
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # Not forked: the libraries that draw have threads of their own.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread)

    def made(items: Iterable[Spec]) -> Iterator[Row]:
        waiting: deque[Future[Row]] = deque()
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > workers * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield made
    except BrokenProcessPool as error:
        raise UserError(
            "A process that draws was ended from outside, perhaps for memory; use fewer workers "
            "and run the same command again, finished files are kept."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_thread() -> None:
    """There are as many processes as the user wants cores in use."""
    import cv2

    cv2.setNumThreads(1)


def row_of(spec: Spec, recipe: Recipe) -> Row:
    """One row, by the columns of `model.data.schema`.

    Args:
        spec: the item.
        recipe: what is made of it.
    """
    from model.data import wordings
    from synth.draw import Draw
    from synth.textedit import scene as scene_of

    scene = scene_of(spec)
    draw = Draw("text_edits", recipe.seed, recipe.task, spec.sha256)
    row: Row = {
        "id": f"{spec.split}/{spec.sub_class}/{spec.index}/{recipe.task}",
        "edit_task": f"textedit/{spec.sub_class}", "source_text": spec.source,
        "target_text": spec.target, "split": spec.split, "spec_sha256": spec.sha256,
        "generator": _generator(),
    }  # fmt: skip
    if recipe.task in {"edit", "cot"}:
        row["edit_instruction"] = wordings.instruction(spec, scene, draw.fork("words"))
        if recipe.task == "cot":
            row["reasoning"] = wordings.reasoning(spec, scene, draw.fork("reasoning"))
        row |= _image("source_image", scene.render(), recipe.size)
        row |= _image("edited_image", scene.render(spec.answer), recipe.size)
        row["mask"] = _png(_small_mask(scene.mask(), recipe.size))
        return row
    after = draw.fork("picture").chance(0.5)
    strings = spec.answer if after else None
    if recipe.task == "t2i":
        row["edit_instruction"] = wordings.caption(scene.caption(strings), draw.fork("words"))
        return row | _image("edited_image", scene.render(strings), recipe.size)
    row["edit_instruction"], row["answer"] = wordings.question(
        spec, scene, after, draw.fork("words")
    )
    return row | _image("source_image", scene.render(strings), recipe.size)


def _image(column: str, picture: Picture, size: int | None) -> Row:
    """A picture, lossless, with its sides."""
    from PIL import Image

    image = Image.fromarray(picture)
    if size is not None and max(image.size) > size:
        image = image.resize(_sides(image.size, size), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "WEBP", lossless=True, quality=0, method=0, exact=True)
    return {
        column: stream.getvalue(), f"{column}_width": image.width,
        f"{column}_height": image.height,
    }  # fmt: skip


def _sides(sides: tuple[int, int], size: int) -> tuple[int, int]:
    scale = size / max(sides)
    return max(1, round(sides[0] * scale)), max(1, round(sides[1] * scale))


def _small_mask(mask: Picture, size: int | None) -> Any:
    """255 wherever a pixel of the smaller picture depends on one that the edit may change."""
    from PIL import Image, ImageFilter

    image = Image.fromarray(mask)
    if size is None or max(image.size) <= size:
        return image
    small = image.resize(_sides(image.size, size), Image.Resampling.BOX)
    # Lanczos looks three of the new pixels far.
    return small.point(lambda v: 255 if v else 0).filter(ImageFilter.MaxFilter(7))


def _png(image: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=6)
    return stream.getvalue()


__all__ = ["MARK", "SHARD", "SPLITS", "Recipe", "row_of", "write_text_edits"]
