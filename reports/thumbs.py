"""Pictures of the page: small WebP copies, inside the page up to a limit and beside it beyond.

Images are decoded a few at a time and only their small copies are kept, so that a report over
thousands of samples needs little memory.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from evals.core.errors import ImageError
from evals.core.images import load_rgb
from evals.core.writing import disk_error

Embed = Literal["thumbs", "link", "none"]

THUMB_SIZE = 320
"""Longest side of a small copy, in pixels."""
INLINE_LIMIT = 15_000_000
"""Bytes of base64 text that a page may hold; what comes after lies in a folder beside it."""
_QUALITY = 78
_CHUNK = 64


def thumbnail(path: Path, size: int = THUMB_SIZE) -> bytes | None:
    """A small WebP copy of an image, no side longer than `size`; None if it cannot be read."""
    from PIL import Image

    try:
        image = load_rgb(path)
    except ImageError:
        return None
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=_QUALITY, method=2)
    return stream.getvalue()


def _thumbnails(paths: Sequence[Path]) -> Iterator[bytes | None]:
    """Small copies in order, a chunk of images in flight at a time."""
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(paths), _CHUNK):
            yield from pool.map(thumbnail, paths[start : start + _CHUNK])


class PageImages:
    """The page's table of images: each distinct picture once, referred to by its number.

    Args:
        embed: ``thumbs`` makes small copies, ``link`` refers to the files where they lie,
            ``none`` shows no picture at all.
        page: where the page will be written; None when it is only a string, and pictures beyond
            the limit are then left out.
        limit: bytes of base64 text allowed inside the page.

    Attributes:
        sources: what goes into ``src``, by number.
        absent: files that are not on this machine or cannot be read.
        left_out: readable pictures that found no place (only without a page path).
    """

    def __init__(self, embed: Embed, page: Path | None, limit: int = INLINE_LIMIT) -> None:
        self.sources: list[str] = []
        self.absent = 0
        self.left_out = 0
        self._embed = embed
        self._page = page
        self._room = limit
        self._numbers: dict[Path, int] = {}
        self._by_digest: dict[str, int] = {}
        self._written: set[str] = set()

    @property
    def folder(self) -> Path | None:
        """Where pictures beyond the limit lie; None when there is no page path."""
        return self._page.with_name(f"{self._page.stem}_files") if self._page else None

    def add(self, paths: Iterable[Path]) -> None:
        """Take files into the table; a file already there is not read again."""
        fresh = [p for p in dict.fromkeys(paths) if p not in self._numbers]
        if self._embed == "none":
            return
        if self._embed == "link":
            for path in fresh:
                self._numbers[path] = self._link(path)
            return
        for path, data in zip(fresh, _thumbnails(fresh), strict=True):
            self._numbers[path] = self._place(data)

    def number(self, path: Path) -> int:
        """Number of a file's picture, or -1 where there is none to show."""
        return self._numbers.get(path, -1)

    def finish(self) -> None:
        """Remove small copies of an earlier build that this one does not use."""
        folder = self.folder
        if folder is None or not folder.is_dir():
            return
        for old in folder.glob("*.webp"):
            if old.name not in self._written and _is_ours(old):
                old.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()

    def _link(self, path: Path) -> int:
        if not path.is_file():
            self.absent += 1
            return -1
        if self._page is None:
            source = path.resolve().as_uri()
        else:
            here = os.path.relpath(path.resolve(), self._page.resolve().parent)
            source = quote(Path(here).as_posix())
        self.sources.append(source)
        return len(self.sources) - 1

    def _place(self, data: bytes | None) -> int:
        if data is None:
            self.absent += 1
            return -1
        digest = hashlib.sha256(data).hexdigest()[:24]
        if digest in self._by_digest:
            return self._by_digest[digest]
        text = base64.b64encode(data).decode()
        if len(text) <= self._room:
            self._room -= len(text)
            source = f"data:image/webp;base64,{text}"
        elif self.folder is not None:
            # The page stays in order of samples: once one picture is outside, all later ones are.
            self._room = 0
            source = self._write(self.folder, digest, data)
        else:
            self.left_out += 1
            return -1
        self.sources.append(source)
        self._by_digest[digest] = len(self.sources) - 1
        return self._by_digest[digest]

    def _write(self, folder: Path, digest: str, data: bytes) -> str:
        name = f"{digest}.webp"
        self._written.add(name)
        target = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.stat().st_size != len(data):
                target.write_bytes(data)
        except OSError as error:
            raise disk_error(error, target) from error
        return quote(f"{folder.name}/{name}")


def _is_ours(path: Path) -> bool:
    return len(path.stem) == 24 and all(c in "0123456789abcdef" for c in path.stem)
