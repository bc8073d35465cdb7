"""Detections that were made elsewhere, e.g. with the detector stack that a benchmark pins.

A record of one image (see `metrics.imported` for the files)::

    {"sample": "00012", "trial": 0,
     "detections": {"<class>": [[x0, y0, x1, y1, score], ...]},
     "attributes": {"<class>": ["<word>", ...]},
     "masks": {"<class>": [{"size": [height, width], "counts": ...}, ...]}}

`attributes` (what a classifier said of each detection, e.g. its colour) and `masks` (COCO's
run-length code, plain or compressed) may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.core.errors import ImageError, UserError
from evals.core.types import JSON, Absence
from metrics.imported import Imported
from metrics.instances import Detections, Mask

CODE = 1

_MOST_PIXELS = 64_000_000


@dataclass(frozen=True, kw_only=True)
class RecordedDetections:
    """A `metrics.detector.Detector` that looks its findings up.

    Attributes:
        records: the files.
        names: names of the classes, in the order of their indices.
    """

    records: Imported
    names: tuple[str, ...]

    def identity(self) -> dict[str, JSON]:
        """See `metrics.detector.Detector`."""
        return {"detector": "recorded", "code": CODE, "files": self.records.identity()}

    def absence(self) -> Absence | None:
        """See `metrics.detector.Detector`."""
        return self.records.absence()

    def detect(
        self, paths: Sequence[Path], keys: Sequence[str]
    ) -> list[Detections | ImageError | None]:
        """See `metrics.detector.Detector`.

        Raises:
            UserError: a record is malformed; the message says which and how.
        """
        found: list[Detections | ImageError | None] = []
        for key in keys:
            record = self.records.by_key.get(key)
            found.append(None if record is None else read_detections(record, self.names, key))
        return found


def read_detections(record: Mapping[str, Any], names: Sequence[str], key: str) -> Detections:
    """The detections of a record.

    Args:
        record: see the module.
        names: names of the classes, in the order of their indices.
        key: of the image, for messages.

    Raises:
        UserError: it is malformed.
    """
    given = record.get("detections")
    if not isinstance(given, dict):
        raise _wrong(key, "has no object 'detections' of lists by class")
    rows: list[Sequence[float]] = []
    labels: list[int] = []
    words: list[str] = []
    masks: list[Mask | None] = []
    for name, boxes in given.items():
        if name not in names:
            raise _wrong(key, f"has the class {name!r}, which is none of the {len(names)} known")
        rows += _rows(boxes, name, key)
        labels += [list(names).index(name)] * len(boxes)
        words += _parallel(record, "attributes", name, len(boxes), key) or []
        codes = _parallel(record, "masks", name, len(boxes), key)
        masks += [None] * len(boxes) if codes is None else [_mask(code, key) for code in codes]
    if any(not isinstance(word, str) for word in words):
        raise _wrong(key, "has something else than words in 'attributes'")
    if words and len(words) != len(rows):
        raise _wrong(key, "has 'attributes' for some classes only")
    values = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(
        boxes=values[:, :4],
        scores=values[:, 4],
        labels=np.array(labels, np.int64),
        masks=tuple(masks),
        attributes=tuple(words),
    )


def _wrong(key: str, what: str) -> UserError:
    return UserError(f"The recorded detections of the image {key}: the record {what}.")


def _rows(boxes: Any, name: str, key: str) -> list[Sequence[float]]:
    if not isinstance(boxes, list):
        raise _wrong(key, f"has no list for the class {name!r}")
    for row in boxes:
        whole = isinstance(row, list) and len(row) == 5
        if not whole or not all(
            isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in row
        ):
            raise _wrong(key, f"has {row!r} for {name!r}, not five numbers x0, y0, x1, y1, score")
    return boxes


def _parallel(
    record: Mapping[str, Any], field: str, name: str, count: int, key: str
) -> list[Any] | None:
    """The list of a field for a class; None when the record does not have that field."""
    values = record.get(field)
    if values is None:
        return None
    found = values.get(name, []) if isinstance(values, dict) else None
    if not isinstance(found, list) or len(found) != count:
        raise _wrong(key, f"does not have {count} entries in {field!r} for {name!r}")
    return found


# --- COCO's run-length code -------------------------------------------------------------------


def _mask(code: Any, key: str) -> Mask | None:
    """A mask from COCO's run-length code, cut to its pixels; None when it has none.

    Source: cocodataset/cocoapi, `maskApi`, re-told from its format.
    """
    try:
        height, width = (int(n) for n in code["size"])
        if not 0 < height * width <= _MOST_PIXELS or min(height, width) < 1:
            raise ValueError(f"a mask of {width}x{height} px")
        counts = code["counts"]
        runs = _runs(counts) if isinstance(counts, str) else [int(n) for n in counts]
        bits = decode(runs, height, width)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _wrong(key, f"has a mask that is no run-length code ({error})") from error
    if not bits.any():
        return None
    rows, columns = np.flatnonzero(bits.any(1)), np.flatnonzero(bits.any(0))
    top, left = int(rows[0]), int(columns[0])
    return Mask(left, top, bits[top : rows[-1] + 1, left : columns[-1] + 1].copy())


def decode(runs: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """(height, width) bool of run lengths down the columns, the first run being outside.

    Raises:
        ValueError: the runs are negative or do not fill the picture.

    >>> decode([1, 2, 1], 2, 2).tolist()
    [[False, True], [True, False]]
    """
    if sum(runs) != height * width or min(runs, default=0) < 0:
        raise ValueError(f"its runs fill {sum(runs)} of {height * width} px")
    inside = np.arange(len(runs)) % 2 == 1
    bits: NDArray[np.bool_] = np.repeat(inside, runs).reshape(width, height).T
    return bits


def _runs(text: str) -> list[int]:
    """Run lengths of the compressed form: five bits per character, lowest first.

    From the fourth run on, each is kept as its difference to the one before the last.

    Raises:
        ValueError: the text ends in the middle of a run, or holds a foreign character.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        piece = ord(character) - 48
        if not 0 <= piece < 64:
            raise ValueError(f"the character {character!r}")
        value |= (piece & 0x1F) << shift
        shift += 5
        if piece & 0x20:
            continue
        if piece & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("the text ends within a run")
    return runs
