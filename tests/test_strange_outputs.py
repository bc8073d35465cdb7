"""Every strange image file a model has been seen to write, through the whole command.

Real OCR over drawn cards: no file may crash a metric, and a file that cannot be read must cost the
model what each profile says, and nothing else.
"""

from __future__ import annotations

import io
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evals.cli import main
from evals.core.images import load_rgb
from evals.core.store import StoredRun
from evals.core.summary import Cell, summarise
from tests.performance.folders import SIZE, build, draw, invented

METRICS = ("ocr_official", "ocr_strict", "text_exact", "fidelity", "style")
SOURCE, TARGET = "OLD1", "NEW1"


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def card() -> Image.Image:
    """What a perfect model would write."""
    return draw(TARGET, 1)


def truncated() -> bytes:
    whole = encoded(card(), "JPEG", quality=95)
    return whole[: len(whole) // 2]


def grey16() -> bytes:
    values = np.asarray(card().convert("L"), np.uint16) * 257
    return encoded(Image.fromarray(values), "PNG")


def transparent() -> Image.Image:
    """The card's ink on nothing: dropping the alpha channel leaves a black picture."""
    ink = 255 - np.asarray(card().convert("L"))
    layers = np.dstack([np.zeros((*ink.shape, 3), np.uint8), ink])
    return Image.fromarray(layers, "RGBA")


def palette() -> bytes:
    return encoded(transparent().quantize(colors=16), "PNG")


def rotated() -> bytes:
    """Stored on its side, with the note that turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(card().transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)


def damaged_exif() -> bytes:
    return encoded(card(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xffnonsense")


def animated(kind: str) -> bytes:
    later = Image.new("RGB", SIZE, "white")
    return encoded(card(), kind, save_all=True, append_images=[later], duration=100)


@dataclass(frozen=True)
class Strange:
    """A file, and what must become of it.

    Attributes:
        suffix: of the file that the data asks for, so that the name is always exactly right.
        fault: how the message of the refusal begins to explain it; empty when it is accepted.
        note: that the stored image must carry.
        legible: a person reads the target in it, and so must the strict metrics.
    """

    data: Callable[[], bytes]
    suffix: str = ".png"
    fault: str = ""
    note: str = ""
    legible: bool = True


CASES = {
    "truncated jpg": Strange(truncated, ".jpg", fault="damaged or cut short", legible=False),
    "text": Strange(lambda: b"Traceback (most recent call)\n", fault="not an image", legible=False),
    "empty": Strange(lambda: b"", fault="0 bytes", legible=False),
    "webp in png": Strange(lambda: encoded(card(), "WEBP", lossless=True), note="named_png"),
    "cmyk": Strange(
        lambda: encoded(card().convert("CMYK"), "JPEG", quality=95), ".jpg", note="cmyk"
    ),
    "16 bit": Strange(grey16, note="high_bit_depth"),
    "rgba": Strange(lambda: encoded(transparent(), "PNG"), note="alpha"),
    "palette": Strange(palette, note="alpha"),
    "exif": Strange(rotated, ".jpg", note="exif_rotated"),
    "damaged exif": Strange(damaged_exif, ".jpg"),
    "gif": Strange(lambda: animated("GIF"), note="animated"),
    "webp": Strange(lambda: animated("WEBP"), ".webp", note="animated"),
    "1x1": Strange(lambda: encoded(Image.new("RGB", (1, 1), "red"), "PNG"), legible=False),
    "100 megapixels": Strange(
        lambda: encoded(Image.new("1", (10_000, 10_000), 1), "PNG"),
        fault="10000x10000 pixels", legible=False,
    ),
}  # fmt: skip
REFUSED = {name for name, case in CASES.items() if case.fault}


def records() -> Iterator[tuple[str, dict[str, Any]]]:
    """One record per case, all about the same card, named with the case's suffix."""
    for (sub, record), case in zip(invented(len(CASES)), CASES.values(), strict=True):
        for key in ("original_image", "gt_image"):
            record[key] = str(Path(record[key]).with_suffix(case.suffix))
        yield sub, record | {"source_text": SOURCE, "target_text": TARGET}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    place = tmp_path_factory.mktemp("strange")
    folder = build(place, records(), model="odd")
    # The same bytes everywhere: the engine reads each of the two cards once.
    for kind, word in (("original", SOURCE), ("gt", TARGET)):
        drawn = encoded(draw(word, 1), "PNG")
        for path in folder.root.rglob(f"image/{kind}/*"):
            path.write_bytes(drawn)
    outputs = sorted(p for p in folder.outputs.rglob("*") if p.is_file())
    for path, case in zip(sorted(outputs, key=lambda p: p.stem), CASES.values(), strict=True):
        path.write_bytes(case.data())
    words = [
        "run", "-m", f"replay:{folder.outputs}", "-b", "textedit/full", "--no-anchors",
        "--data", f"textedit={folder.root}", "--out", str(place / "runs"), "--workers", "1",
        *(word for name in METRICS for word in ("--metric", name)),
    ]  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code in (0, None)
    assert (place / "runs" / "report.html").is_file()
    shutil.rmtree(folder.outputs)
    return StoredRun.read(place / "runs" / "textedit-full" / "odd")


def ids(run: StoredRun) -> dict[str, str]:
    """Case -> sample."""
    return dict(zip(CASES, (str(s["id"]) for s in run.samples), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_each_file_is_taken_or_refused_with_its_reason(run: StoredRun, name: str) -> None:
    case = CASES[name]
    prediction = run.predictions[ids(run)[name], 0]
    assert not prediction.usage, "found under its own name"
    if case.fault:
        assert (prediction.status, prediction.images) == ("error", ())
        assert prediction.fault is not None
        assert (prediction.fault.kind, prediction.fault.origin) == ("unreadable_output", "model")
        assert case.fault in prediction.fault.message
        return
    assert (prediction.status, prediction.fault) == ("ok", None)
    (image,) = prediction.images
    assert case.note in (*image.notes, "")
    assert (run.folder / image.relative_path).is_file()


@pytest.mark.parametrize("metric", METRICS)
def test_every_accepted_file_has_a_score_or_a_reason(run: StoredRun, metric: str) -> None:
    for name, sample in ids(run).items():
        score = run.scores.get((sample, 0, metric))
        if name in REFUSED:
            assert score is None
            continue
        assert score is not None, name
        assert score.status in {"ok", "not_applicable"}, (name, score.reason)
        assert (score.status == "ok") == (score.value is not None), name
        assert bool(score.reason) == (score.status == "not_applicable"), name


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if not case.fault])
def test_what_a_person_can_read_is_read(run: StoredRun, name: str) -> None:
    sample = ids(run)[name]
    exact = run.scores[sample, 0, "text_exact"]
    assert exact.parts["exact_match"] == float(CASES[name].legible), exact.evidence
    strict = run.scores[sample, 0, "ocr_strict"]
    # The drawn card has no other text than its second line.
    assert (strict.parts["F1"] or 0.0) == pytest.approx(float(CASES[name].legible), abs=0.05)


def test_the_released_script_drops_alpha_and_ignores_rotation(run: StoredRun) -> None:
    """Where it sees other pixels than a person, so does the official column."""
    where = ids(run)
    for name in ("rgba", "palette", "16 bit", "exif"):
        assert run.scores[where[name], 0, "ocr_official"].parts["OA"] == 0.0, name
    for name in ("webp in png", "cmyk", "gif", "webp", "damaged exif"):
        assert run.scores[where[name], 0, "ocr_official"].parts["OA"] == 1.0, name


def test_odd_files_of_a_perfect_picture_lose_no_pixels(run: StoredRun) -> None:
    where = ids(run)
    psnr = {n: run.scores[where[n], 0, "fidelity"].parts["psnr_background"] or 0 for n in where
            if n not in REFUSED}  # fmt: skip
    assert psnr["webp in png"] == psnr["gif"] == 100.0
    assert min(psnr[n] for n in ("cmyk", "exif", "damaged exif", "webp")) > 45, "lossy formats"
    # These three have lost the card's tint, and nothing else.
    assert min(psnr[n] for n in ("16 bit", "rgba", "palette")) > 28
    assert psnr["1x1"] < 5


@pytest.mark.parametrize("as_official", [False, True])
@pytest.mark.parametrize("name", [n for n, case in CASES.items() if not case.fault])
def test_accepted_files_are_decoded_without_a_word(name: str, as_official: bool) -> None:
    """A warning of Pillow's would tear the progress of every run that holds such a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_rgb(CASES[name].data(), as_official=as_official).mode == "RGB"


def test_coverage_and_what_each_profile_does_with_the_unreadable(run: StoredRun) -> None:
    summary = summarise(run, resamples=100)
    assert summary.statuses == {"ok": len(CASES) - len(REFUSED), "error": len(REFUSED)}
    assert summary.complete
    whole = {column: c for (column, group), c in summary.cells.items() if group == ()}
    for column, cell in whole.items():
        taken = _values(run, column)
        assert (cell.planned, cell.scored) == (len(CASES), len(taken)), column
        refused = [n for why, n in cell.reasons.items() if why.startswith("error: unreadable_out")]
        assert refused == [len(REFUSED)], column
        assert sum(cell.reasons.values()) == len(CASES) - len(taken), column
    for column, worst in (
        ("ocr_official.F1", 0.0), ("ocr_official.NED", 0.0), ("ocr_strict.OA", 0.0),
        ("ocr_strict.residual_source", 1.0), ("text_exact.CER", 1.0),
        ("fidelity.psnr_background", 0.0),
    ):  # fmt: skip
        _imputed(whole[column], _values(run, column), worst)


def _values(run: StoredRun, column: str) -> list[float]:
    metric, _, quantity = column.rpartition(".")
    parts = [s.parts[quantity] for (_, _, name), s in run.scores.items() if name == metric]
    return [v for v in parts if v is not None]


def _imputed(cell: Cell, measured: list[float], worst: float) -> None:
    assert (cell.imputed, cell.n) == (len(REFUSED), len(measured) + len(REFUSED)), cell.column
    total = sum(measured) + worst * len(REFUSED)
    assert cell.mean == pytest.approx(total / cell.n), cell.column
