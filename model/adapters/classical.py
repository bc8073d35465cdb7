"""The baseline without a neural network: it edits, draws and answers by rules.

- Edit: OCR finds the text of the instruction (`classical_find`), ordinary image processing removes
  it, and a font sets the new text in its place (`classical_edit`).
- Generate: the words of a prompt that name flat shapes, colours, numbers and sides decide what is
  drawn (`classical_scene`, `classical_drawing`); all other words are skipped.
- Understand: a question of a known form says what to measure in the picture (`classical_reading`).

It needs no GPU, gives the same result every time, and is what a neural model has to beat. It sees
what a model sees, never the reference, and knows nothing of the world. Where it cannot do a thing
it returns the image as it is, draws a plain ground, or says that it is unable to tell: these are
its answers, and ``usage`` says so.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.core.errors import ImageError, UserError
from evals.core.images import load_rgb
from evals.core.types import JSON, Output, Sample, Task
from metrics.ocr import OcrReader, TextItem
from model.adapters.base import Adapter, check_options, failed, no_argument
from model.adapters.classical_drawing import draw
from model.adapters.classical_edit import edit_image
from model.adapters.classical_find import find_source, parse_prompt
from model.adapters.classical_reading import UNABLE, Picture, parse_question
from model.adapters.classical_scene import parse_scene

if TYPE_CHECKING:
    from model.adapters.classical_look import Pixels

VERSION = 2
OPTIONS = ("ocr",)
_OCR_LOCK = threading.Lock()
"""Readers share one engine per process, and that engine is not made for threads."""


class Classical(Adapter):
    """See the module. Reads with an `OcrReader`, whose cache scoring can share.

    Args:
        reader: finds the texts.
    """

    name = "classical"
    tasks: frozenset[Task] = frozenset({"edit", "generate", "understand"})
    batch_size = 1
    concurrency = 2  # the reader has a lock, and OpenCV works outside the interpreter's

    def __init__(self, reader: OcrReader) -> None:
        self.reader = reader

    def describe(self) -> Mapping[str, JSON]:
        """Version of the method, the reader, and the fonts it sets text with."""
        from synth import typeface

        return {
            "adapter": self.name,
            "version": VERSION,
            "ocr": self.reader.engine_name,
            "fonts_sha256": typeface.digest(),
        }

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """How many prompts of each task it does not understand, before the run starts."""
        return [
            f"{len(strange)} of {len(asked)} {what} (first: sample {strange[0].id}); classical "
            f"{instead}."
            for task, (what, instead, understood) in _UNDERSTOOD.items()
            if (asked := [s for s in samples if s.task == task])
            and (strange := [s for s in asked if not understood(s.prompt)])
        ]

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Draw the shapes that each prompt names; seeds have no meaning here."""
        return [self._drawn(sample) for sample in samples]

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Measure what each question asks for; seeds have no meaning here."""
        return [self._answered(sample) for sample in samples]

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Replace the text that each instruction names; seeds have no meaning here."""
        return [self._edited(sample) for sample in samples]

    def _drawn(self, sample: Sample) -> Output:
        scene = parse_scene(sample.prompt)
        number = sum(g.count for g in scene.groups)
        return Output(images=(_png(draw(scene)),), usage={"shapes": float(number)})

    def _answered(self, sample: Sample) -> Output:
        import numpy as np

        question = parse_question(sample.prompt)
        if question is None:
            return Output(text=UNABLE, usage={"answered": 0.0, "not_understood": 1.0})
        if len(sample.images) != 1:
            return Output(text=UNABLE, usage={"answered": 0.0, "not_one_picture": 1.0})
        path = sample.images[0]
        try:
            pixels = np.asarray(load_rgb(path), dtype=np.uint8)
            said = question.answer(Picture(pixels, lambda: self._read(path)))
        except ImageError as error:
            return failed("unreadable_input", str(error), origin="infrastructure")
        if said is None:
            return Output(text=UNABLE, usage={"answered": 0.0, "not_measurable": 1.0})
        return Output(text=said, usage={"answered": 1.0})

    def _read(self, path: Path) -> list[TextItem]:
        with _OCR_LOCK:
            return self.reader.read(path)

    def _edited(self, sample: Sample) -> Output:
        if not sample.images:
            return failed("missing_input", f"Sample {sample.id} has no image to edit.")
        path = sample.images[0]
        texts = parse_prompt(sample.prompt)
        if texts is None:
            return Output(images=(path,), usage={"edited": 0.0, "not_understood": 1.0})
        try:
            items = self._read(path)
            image = load_rgb(path)
        except ImageError as error:
            return failed("unreadable_input", str(error), origin="infrastructure")
        places = find_source(items, texts[0])
        if not places:
            return Output(images=(path,), usage={"edited": 0.0, "source_not_found": 1.0})
        import numpy as np

        canvas, edited = np.asarray(image, dtype=np.uint8), 0
        for place in places:
            result = edit_image(canvas, place, texts, items)
            if result is not None:
                canvas, edited = result, edited + 1
        if not edited:
            return Output(images=(path,), usage={"edited": 0.0, "not_separable": 1.0})
        return Output(images=(_png(canvas),), usage={"edited": float(edited)})


_UNDERSTOOD: Mapping[Task, tuple[str, str, Callable[[str], bool]]] = {
    "edit": (
        "instructions do not ask to replace a text", "returns those images unchanged",
        lambda prompt: parse_prompt(prompt) is not None,
    ),
    "generate": (
        "prompts name no flat shape", "draws a plain ground for those",
        lambda prompt: bool(parse_scene(prompt).groups),
    ),
    "understand": (
        "questions are of no form that can be measured", f"answers {UNABLE!r} to those",
        lambda prompt: parse_question(prompt) is not None,
    ),
}  # fmt: skip
"""Task -> what is wrong with a prompt, what becomes of it, and whether one is understood."""


def _png(image: Pixels) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def make(argument: str | None, options: Mapping[str, JSON]) -> Classical:
    """Baseline without a network: edits, draws and answers by rules; a neural model should beat it.

    Edit: reads the text that an instruction names, inpaints it, and sets the new one in its place.
    Generate: draws flat shapes by the words for numbers, colours, shapes and sides; skips others.
    Understand: counts and places flat shapes, reads texts, bars and written calculations; where
    the question or the picture is another it says "Unable to tell.", and never guesses.

    Args:
        argument: none.
        options: ``ocr``: name of the OCR engine (default ``rapidocr``).

    Raises:
        UserError: an argument, an unknown option, or an engine that is unknown or absent.
    """
    no_argument("classical", argument)
    check_options("classical", options, OPTIONS)
    engine = options.get("ocr", "rapidocr")
    if not isinstance(engine, str):
        raise UserError(f"The option 'ocr' of 'classical' is {engine!r}; give an engine's name.")
    reader = OcrReader(engine)
    absence = reader.absence()
    if absence is not None:
        raise UserError(f"classical cannot read texts: {absence}.")
    return Classical(reader)
