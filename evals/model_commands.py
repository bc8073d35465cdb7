"""The commands of `umm-evals model` that run one; every function returns the exit code.

torch and everything that needs it are imported inside the functions.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias

from evals.console import LiveProgress, err, out, print_json, say
from evals.core.errors import ImageError, UserError

if TYPE_CHECKING:
    from PIL import Image

    from model.internvlu.limits import Limits
    from model.internvlu.pipeline import InternVLUPipeline, Picture
    from model.internvlu.writing import Answer

MAX_SEED = 2**63 - 1
Size: TypeAlias = "tuple[int, int]"
P = ParamSpec("P")


@dataclass(frozen=True, kw_only=True)
class Running:
    """How a checkpoint is run; see `InternVLUPipeline.from_pretrained`."""

    device: str = "auto"
    dtype: str = "auto"
    offload: bool = False
    compile: bool = False
    compat: bool = False


@dataclass(frozen=True, kw_only=True)
class Making:
    """How an image is made; see `InternVLUPipeline.make`. None is the default of the model."""

    height: int | None = None
    width: int | None = None
    steps: int = 20
    guidance_scale: float | None = None
    image_guidance_scale: float | None = None
    shift: float | None = None
    seed: int = 0
    think: bool = False

    def check(self) -> None:
        """Refuse numbers that make no sense.

        Raises:
            UserError: naming the flag.
        """
        _at_least("--steps", self.steps, 1)
        for flag, side in (("--height", self.height), ("--width", self.width)):
            if side is not None:
                _at_least(flag, side, 1)
        for flag, scale in (
            ("--guidance-scale", self.guidance_scale),
            ("--image-guidance-scale", self.image_guidance_scale),
        ):
            if scale is not None and not math.isfinite(scale):
                raise UserError(f"{flag} is {scale}; it must be a finite number.")
        if self.shift is not None and not 0 < self.shift < math.inf:
            raise UserError(f"--shift is {self.shift:g}; it must be a number over 0.")
        if not 0 <= self.seed <= MAX_SEED:
            raise UserError(f"--seed is {self.seed}; it must be from 0 to {MAX_SEED}.")


def _at_least(flag: str, value: int, least: int) -> None:
    if value < least:
        raise UserError(f"{flag} is {value}; it must be {least} or more.")


# --- what the commands share --------------------------------------------------------------------


def need_torch() -> None:
    """Refuse when the packages that run checkpoints are absent."""
    from model import torch_tools

    torch_tools.need_torch("umm-evals model")


@contextlib.contextmanager
def _fits(what: str, advice: str) -> Iterator[None]:
    """Memory that runs out as an error that says what was too large and what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        from model.torch_tools import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        raise UserError(f"{what} does not fit into memory; {advice}.") from error


def interruptible(command: Callable[P, int]) -> Callable[P, int]:
    """Let Ctrl-C end a command with 130 and a word: typer would answer it with "Aborted"."""

    @functools.wraps(command)
    def wrapped(*words: P.args, **flags: P.kwargs) -> int:
        try:
            return command(*words, **flags)
        except KeyboardInterrupt:
            say("umm-evals: interrupted; no half-written file is left.")
            return 130

    return wrapped


@contextlib.contextmanager
def busy(what: str, *, quiet: bool) -> Iterator[None]:
    """A sign of life on a terminal, and nothing elsewhere."""
    if quiet or not err.is_terminal:
        yield
        return
    from rich.markup import escape

    with err.status(escape(f"{what} ...")):
        yield


def show(line: str) -> None:
    """A line on standard output, never wrapped: it may be searched for or copied."""
    out.print(line, markup=False, soft_wrap=True)


def _printable(text: str) -> str:
    """Text of a model without characters that a terminal would obey."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


# --- images and answers -------------------------------------------------------------------------


@interruptible
def make_images(
    source: str, prompts: Sequence[str], images: Sequence[Path], place: Path, how: Making,
    running: Running, *, force: bool, as_json: bool,
) -> int:  # fmt: skip
    """Make an image of each prompt, from the text alone or from images, and print its path.

    Images are made one after the other, so that the memory of one is enough and what is made stays
    when a later one fails.
    """
    how.check()
    files = _files(place.expanduser(), len(prompts), force=force)
    given = [_load_image(path) for path in images]
    need_torch()
    with busy(f"looking at {source}", quiet=as_json):
        size = _check(source, prompts, given, how, running)
    pipe = _load(source, running, quiet=as_json)
    rows = []
    with LiveProgress(quiet=as_json) as progress:
        progress.stage("steps", how.steps * len(prompts))
        for n, (prompt, file) in enumerate(zip(prompts, files, strict=True)):
            begin = time.monotonic()
            picture = _make(pipe, prompt, given, size, how, how.seed + n, progress)
            _write_png(_finished(picture, given, how, running), file)
            rows.append(_row(file, prompt, picture, time.monotonic() - begin))
    if as_json:
        device = str(pipe.parts.devices["generation_decoder"])
        dtype = str(pipe.parts.decoder.dtype).removeprefix("torch.")
        print_json({"images": rows, "device": device, "dtype": dtype})
        return 0
    for row in rows:
        _show_image(row, named=len(rows) > 1)
    return 0


def _files(place: Path, count: int, *, force: bool) -> list[Path]:
    """Where the images go, one per prompt.

    Raises:
        UserError: no PNG, a place that cannot be written to, or a file that is there already.
    """
    if place.suffix.lower() != ".png":
        raise UserError(f"--out {place} does not end in .png, and images are written as PNG.")
    names = [place.name] if count == 1 else [f"{place.stem}-{n + 1}.png" for n in range(count)]
    files = [place.with_name(name) for name in names]
    for file in files:
        if file.is_dir():
            raise UserError(f"{file} is a folder; name a file.")
        if file.exists() and not force:
            raise UserError(f"{file} exists already; name another file, or add --force.")
    above = next(p for p in place.absolute().parents if p.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise UserError(f"{above} is no folder that can be written to; name another for {place}.")
    return files


def _load_image(path: Path) -> Image.Image:
    from evals.core.images import load_rgb

    try:
        return load_rgb(path.expanduser())
    except ImageError as error:
        raise UserError(str(error)) from error


def _check(
    source: str, prompts: Sequence[str], images: Sequence[Image.Image], how: Making,
    running: Running,
) -> Size:  # fmt: skip
    """Height and width in which to make the images, once all is seen to be possible.

    The pipeline checks the same, but only when gigabytes of weights are loaded.

    Raises:
        UserError: no such checkpoint, or something that it cannot do.
    """
    from model.internvlu.images import smart_resize

    limits, default = _limits(source)
    for prompt in prompts:
        limits.check_prompt(prompt)
    for image in images:
        limits.check_source((image.height, image.width))
    if _like_source(images, how, running):
        size = smart_resize(images[0].height, images[0].width, limits.rule)
    else:
        size = how.height or default[0], how.width or default[1]
    limits.check_target(size, len(images))
    return size


def _limits(source: str) -> tuple[Limits, Size]:
    """What a checkpoint can do, and the size of its images when nobody says otherwise."""
    from model.internvlu.config import ModelConfig
    from model.internvlu.limits import Limits
    from model.internvlu.loading import locate

    config = ModelConfig.read(locate(source))
    return Limits.of(config), (config.decoder.gen_image_height, config.decoder.gen_image_width)


def _like_source(images: Sequence[Image.Image], how: Making, running: Running) -> bool:
    """Whether the result has the size of the first image."""
    return bool(images) and how.height is None and how.width is None and not running.compat


def _load(source: str, running: Running, *, quiet: bool) -> InternVLUPipeline:
    from model.internvlu.pipeline import InternVLUPipeline

    with _fits(
        f"The checkpoint {source}",
        "use --offload, --dtype bfloat16 or a larger device (umm-evals model info says what it "
        "takes)",
    ), busy(f"loading {source}", quiet=quiet):  # fmt: skip
        return InternVLUPipeline.from_pretrained(
            source, device=running.device, dtype=running.dtype, offload=running.offload,
            compile=running.compile, reference_compat=running.compat,
        )  # fmt: skip


def _make(
    pipe: InternVLUPipeline, prompt: str, images: Sequence[Image.Image], size: Size, how: Making,
    seed: int, progress: LiveProgress,
) -> Picture:  # fmt: skip
    from model.internvlu.guidance import choose

    height, width = size
    with _fits(
        f"An image of {width} x {height} pixels",
        "lower --height and --width, or use --offload, --dtype bfloat16 or a larger device",
    ):
        pictures: list[Picture] = pipe.make(
            [prompt],
            [images],
            [size],
            steps=how.steps,
            scales=choose(how.guidance_scale, how.image_guidance_scale, think=how.think),
            shift=how.shift,
            seeds=seed,
            think=how.think,
            on_step=lambda _: progress.advance(1),
        )
    if not pictures[0].finite:
        raise UserError(
            "The image has values that are no numbers, as when float16 overflows; take --dtype "
            "bfloat16 or float32."
        )
    return pictures[0]


def _finished(
    picture: Picture, images: Sequence[Image.Image], how: Making, running: Running
) -> Image.Image:  # fmt: skip
    """The image as it is written: that of an edit in the size of its source."""
    if not _like_source(images, how, running):
        return picture.image
    from PIL import Image

    return picture.image.resize(images[0].size, Image.Resampling.LANCZOS)


def _write_png(image: Image.Image, file: Path) -> None:
    from model.torch_tools import png

    beside = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(png(image))
        beside.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UserError(
            f"{file} cannot be written ({error.strerror or error}); name another place."
        ) from error


def _row(file: Path, prompt: str, picture: Picture, seconds: float) -> dict[str, Any]:
    thought = picture.reasoning
    return {
        "path": file.resolve(),
        "prompt": prompt,
        "seed": picture.seed,
        "generated": list(picture.generated),
        "reasoning": None if thought is None else _answer(thought),
        "seconds": round(seconds, 3),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "text": answer.text, "complete": answer.complete, "prompt_tokens": answer.prompt_tokens,
        "tokens": len(answer.ids),
    }  # fmt: skip


def _show_image(row: dict[str, Any], *, named: bool) -> None:
    thought = row["reasoning"]
    of = f'"{row["prompt"]}", ' if named else ""
    if thought is not None:
        show(f"reasoning: {_printable(thought['text']) or '(nothing)'}")
        if not thought["complete"]:
            say(f"The reasoning was cut after {thought['tokens']} tokens.")
    height, width = row["generated"]
    show(f"image: {row['path']}")
    out.print(
        f"  {of}made in {width} x {height} pixels, seed {row['seed']}, {row['seconds']:.1f} s",
        style="dim", markup=False, soft_wrap=True,
    )  # fmt: skip


@interruptible
def ask(
    source: str, question: str, images: Sequence[Path], running: Running, *, max_new_tokens: int,
    num_beams: int, as_json: bool,
) -> int:  # fmt: skip
    """Print the answer to a question."""
    _at_least("--max-new-tokens", max_new_tokens, 1)
    _at_least("--num-beams", num_beams, 1)
    given = [_load_image(path) for path in images]
    need_torch()
    with busy(f"looking at {source}", quiet=as_json):
        _limits(source)[0].check_prompt(question)
    pipe = _load(source, running, quiet=as_json)
    from model.internvlu.vlm import Sampling

    sampling = Sampling(max_new_tokens=max_new_tokens, num_beams=num_beams)
    begin = time.monotonic()
    with busy("writing", quiet=as_json), _fits(
        f"An answer of {max_new_tokens} tokens in {num_beams} beams about {len(given)} images",
        "lower --max-new-tokens or --num-beams, or use --dtype bfloat16 or a larger device",
    ):  # fmt: skip
        answer = pipe.answer([question], [given], sampling=sampling)[0]
    if as_json:
        print_json({**_answer(answer), "seconds": round(time.monotonic() - begin, 3)})
        return 0
    show(_printable(answer.text))
    if not answer.text:
        say("The answer is empty.")
    if not answer.complete:
        say(f"The answer was cut after {len(answer.ids)} tokens; raise --max-new-tokens.")
    return 0
