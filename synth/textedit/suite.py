"""A rendered suite on disk, in the layout of the official data set.

``eval_prompts/synth/<class>.jsonl`` with the official fields first and ours behind them,
``<class>/image/original/<digits>.0.<ext>``, ``<class>/image/gt/<same name>`` and
``<class>/image/mask/<stem>.png``. All images are lossless, or the ground truth would not be exact.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from pathlib import Path

import PIL
from PIL import Image

from evals.core.errors import UserError
from evals.core.types import JSON, fingerprint
from evals.core.writing import disk_error, write_atomic
from synth import typeface
from synth.scene import Picture
from synth.textedit.build import build
from synth.textedit.classes import CLASSES
from synth.textedit.spec import GENERATOR_VERSION, PER_CLASS, Spec, specs
from synth.words import Split

MARK = "suite.json"
"""The file that only a finished suite has."""

_STALE_SECONDS = 3600.0


def suite_key() -> str:
    """Names a rendering; another key means that pictures may differ.

    It covers `GENERATOR_VERSION`, the sources of the generator, the fonts, and the major version
    of Pillow, whose FreeType draws letters a little differently from one to the next.
    """
    sources = hashlib.sha256()
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        sources.update(path.read_bytes())
    pillow = PIL.__version__.split(".", maxsplit=1)[0]
    return fingerprint([GENERATOR_VERSION, sources.hexdigest(), typeface.digest(), pillow])


def file_name(spec: Spec) -> str:
    """Name of an item's images, as the official ones are: digits, ``.0.`` and the format."""
    digits = int(spec.sha256[:12], 16) % 10**13
    return f"{digits:013d}.0.{'webp' if spec.index % 5 in {1, 3} else 'png'}"


def record(spec: Spec, number: int, folder: Path) -> dict[str, JSON]:
    """Render one item into the folder and return its line.

    Args:
        spec: the item.
        number: its ``id``, unique within the suite.
        folder: root of the suite.
    """
    scene = build(spec)
    name, images = file_name(spec), f"{spec.sub_class}/image"
    mask = f"{images}/mask/{Path(name).stem}.png"
    _save(scene.render(), folder / images / "original" / name)
    _save(scene.render(spec.answer), folder / images / "gt" / name)
    _save(scene.mask(), folder / mask)
    return {
        "id": number,
        "prompt": spec.prompt,
        "original_image": f"{images}/original/{name}",
        "gt_image": f"{images}/gt/{name}",
        "source_text": spec.source,
        "target_text": spec.target,
        "gt_caption": scene.caption(spec.answer),
        "mask": mask,
        "slots": [_corners(slot) for slot in scene.slots],
        "texts": [{"text": b.string, "polygon": _corners(b.polygon)} for b in scene.boxes()],
        "generator": GENERATOR_VERSION,
        "split": spec.split,
        "spec_sha256": spec.sha256,
        "synthetic": True,
        "trap": spec.trap,
    }


def _corners(polygon: tuple[tuple[float, float], ...]) -> JSON:
    return [[float(x), float(y)] for x, y in polygon]


def _save(picture: Picture, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(picture)
    if path.suffix == ".webp":
        image.save(path, lossless=True, quality=0, method=0, exact=True)
    else:
        image.save(path, compress_level=1)


def write_suite(folder: Path, *, split: Split = "bench", per_class: int = PER_CLASS) -> Path:
    """Render a suite; the folder appears whole or not at all, also when the process is killed.

    Two processes may render the same folder at once: the first to finish wins, the other finds
    equal work done.

    Args:
        folder: where the suite shall lie; it must not exist, be empty, or hold this very suite.
        split: ``bench``, ``val`` or ``train``.
        per_class: items of each sub-class.

    Returns:
        The folder.

    Raises:
        UserError: the folder holds something else, or it cannot be written.
    """
    wanted = _identity(split, per_class)
    if _is_there(folder, wanted):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
        try:
            _render(part, split, per_class)
            write_atomic(part / MARK, (json.dumps(wanted, indent=1) + "\n").encode())
            part.chmod(0o755)
            _publish(part, folder, wanted)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise disk_error(error, folder) from error
    return folder


def _render(folder: Path, split: Split, per_class: int) -> None:
    items = specs(split, per_class)
    prompts = folder / "eval_prompts" / "synth"
    prompts.mkdir(parents=True)
    numbered = list(enumerate(items, 1))
    for group in CLASSES:
        rows = [record(s, n, folder) for n, s in numbered if s.sub_class == group.id]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (prompts / f"{group.id}.jsonl").write_text(text, encoding="utf-8")


def _publish(part: Path, folder: Path, wanted: dict[str, JSON]) -> None:
    """Give a finished rendering its name, unless an equal one has it already."""
    try:
        part.rename(folder)
    except OSError:
        if not _is_there(folder, wanted):
            raise


def _identity(split: Split, per_class: int) -> dict[str, JSON]:
    return {
        "name": "textedit-synth", "synthetic": True, "generator": GENERATOR_VERSION,
        "key": suite_key(), "split": split, "per_class": per_class,
        "size": per_class * len(CLASSES),
    }  # fmt: skip


def _is_there(folder: Path, wanted: dict[str, JSON]) -> bool:
    """Whether the folder already holds this suite.

    Raises:
        UserError: it holds something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    mark = folder / MARK
    if mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) == wanted:
        return True
    raise UserError(
        f"{folder} holds something else than this suite; choose another folder or delete it."
    )


def _sweep(folder: Path) -> None:
    """Remove what killed renderings of this folder left behind more than an hour ago."""
    for part in folder.parent.glob(f".{folder.name}.*.part"):
        if time.time() - part.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(part, ignore_errors=True)


def ensure_suite(cache: Path, *, split: Split = "bench", per_class: int = PER_CLASS) -> Path:
    """The suite's folder in a cache, rendered on first use.

    Args:
        cache: folder of the cache; made when absent.
        split: as in `write_suite`.
        per_class: as in `write_suite`.

    Raises:
        UserError: the cache cannot be written.
    """
    name = f"textedit-synth-{split}-{per_class}-{suite_key()}"
    return write_suite(cache / name, split=split, per_class=per_class)


__all__ = ["MARK", "ensure_suite", "file_name", "record", "suite_key", "write_suite"]
