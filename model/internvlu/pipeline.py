"""InternVL-U: answers, images and edits from one checkpoint.

```python
pipe = InternVLUPipeline.from_pretrained("InternVL-U/InternVL-U", revision="<commit>")
pipe.answer(["What is this?"], [[image]])[0].text
pipe.generate(["a red panda"], height=1024, width=1024, seeds=[7])[0].image
pipe.edit(["make it blue"], [[image]], think=True)[0]
```

By default it does what the model was trained for. With ``reference_compat=True`` it repeats what
the released code does, its defects included (docs/model.md lists them), so that numbers made with
that code can be reproduced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import torch
from PIL import Image
from torch import Tensor

from evals.core.errors import UserError
from model.internvlu import images as im
from model.internvlu import loading
from model.internvlu.conditioning import Row, close, spans, tokenize
from model.internvlu.decoder import Condition
from model.internvlu.guidance import PLAIN, REASONING, Scales
from model.internvlu.latents import decode, encode
from model.internvlu.limits import Limits, check_solver, each_images, each_seed
from model.internvlu.prompts import BRANCHES, picture, question
from model.internvlu.sampler import COMPAT_SHIFT, Branches, Step, draw_noise, make_scheduler, sample
from model.internvlu.vlm import Sampling
from model.internvlu.writing import Answer, read, write
from model.torch_tools import resolve_device, resolve_dtype

Images: TypeAlias = "Sequence[Image.Image]"
Size: TypeAlias = "tuple[int, int]"

REASONING_TOKENS = 200
STEPS = 20


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image of the model.

    Attributes:
        image: of the size asked for.
        seed: of its noise.
        generated: height and width in pixels in which it was made.
        finite: whether all its values were numbers; where float16 overflows it is black.
        reasoning: what was written before, with ``think``.
    """

    image: Image.Image
    seed: int
    generated: Size
    finite: bool = True
    reasoning: Answer | None = None


class InternVLUPipeline:
    """A loaded checkpoint.

    Args:
        parts: of the checkpoint.
        reference_compat: repeat what the released code does, defects included.
    """

    def __init__(self, parts: loading.Parts, *, reference_compat: bool = False) -> None:
        self.parts = parts
        self.compat = reference_compat
        parts.vlm.substitute_generated = not reference_compat
        self.limits = Limits.of(parts.config)
        if reference_compat:
            # The reference does not look at the context: positions just go on.
            self.limits = dataclasses.replace(self.limits, context=None)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        device_map: Mapping[str, str] | None = None,
        offload: bool = False,
        compile: bool = False,
        adapter: str | Path | None = None,
        reference_compat: bool = False,
    ) -> InternVLUPipeline:
        """Load a checkpoint in the official layout.

        Args:
            source: folder, or ``ORG/NAME`` of the hub.
            revision: commit of the hub; pin it.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``.
            dtype: ``auto`` (bfloat16 on an accelerator, float32 on the CPU), ``float32``,
                ``bfloat16`` or ``float16``.
            device_map: component (``vlm``, ``generation_decoder``, ``vae``) -> device, where not
                all are to be on `device`.
            offload: keep in ordinary memory what does not compute: the accelerator then holds one
                component at a time.
            compile: compile the decoder's layers; the first image of a kind takes long.
            adapter: folder of LoRA adapters, see `lora`.
            reference_compat: see the class.

        Raises:
            UserError: the checkpoint is not here, not whole, or of another model.
        """
        main = resolve_device(device)
        odd = sorted(set(device_map or ()) - set(loading.MODULES))
        if odd:
            raise UserError(
                f"device_map names {odd[0]!r}; its keys are {', '.join(loading.MODULES)}."
            )
        devices = {n: resolve_device((device_map or {}).get(n, str(main))) for n in loading.MODULES}
        folder = loading.locate(source, revision)
        weights = resolve_dtype(dtype, devices["generation_decoder"])
        parts = loading.read_parts(folder, devices, weights, offload=offload)
        if adapter is not None:
            from model.internvlu.lora import load_adapters

            load_adapters(
                {"vlm": parts.vlm, "generation_decoder": parts.decoder}, Path(adapter).expanduser()
            )
        pipe = cls(parts, reference_compat=reference_compat)
        if compile:
            parts.decoder.compile_layers()
        return pipe

    @property
    def default_size(self) -> Size:
        """Height and width in pixels of an image when nobody says otherwise."""
        config = self.parts.config.decoder
        return config.gen_image_height, config.gen_image_width

    def source_size(self, image: Image.Image) -> Size:
        """Height and width in which an image is edited: its own, within the range trained for."""
        return im.smart_resize(image.height, image.width, self.limits.rule)

    def save_pretrained(self, folder: Path) -> None:
        """Write the checkpoint; see `loading.write_parts`."""
        loading.write_parts(self.parts, folder)

    # --- text -----------------------------------------------------------------------------------

    def answer(
        self,
        prompts: Sequence[str],
        images: Sequence[Images] | None = None,
        *,
        sampling: Sampling | None = None,
        seeds: Sequence[int] | int = 0,
        system: str | None = None,
    ) -> list[Answer]:
        """Answer questions about any number of images each.

        Args:
            prompts: questions; ``<image>`` marks the place of an image, images without one stand
                in front.
            images: of each prompt; None for none.
            sampling: how text is decoded; greedily by default.
            seeds: of each prompt, for `Sampling.do_sample`; a number counts up from there.
            system: in place of the official system text.

        Raises:
            UserError: an empty prompt, an unequal number of prompts and images, or a prompt that is
                too long.
        """
        given = each_images(prompts, images)
        chosen = each_seed(seeds, len(prompts))
        how = sampling or Sampling()
        self.limits.check_system(system)
        for prompt in prompts:
            self.limits.check_prompt(prompt)
        rows = [
            self._row(question(p, len(i), system), self._pixels(i))
            for p, i in zip(prompts, given, strict=True)
        ]
        for row in rows:
            self.limits.check_length(row.ids, how.max_new_tokens)
        return [
            read(self.parts, row, new)
            for row, new in zip(rows, self._write(rows, how, chosen), strict=True)
        ]

    def _write(self, rows: Sequence[Row], how: Sampling, seeds: Sequence[int]) -> list[list[int]]:
        with self.parts.lock:
            # Two pipelines may share the parts.
            self.parts.vlm.substitute_generated = not self.compat
            return write(self.parts, rows, how, seeds)

    def _pixels(self, images: Images) -> tuple[Tensor, ...]:
        config = self.parts.config
        found = [im.understanding_pixels(i, config.processor, config.vlm) for i in images]
        return tuple(self._rounded(x) for x in found)

    def _rounded(self, pixels: Tensor) -> Tensor:
        """As the reference's processor returns them: bfloat16, whatever the weights are."""
        return pixels.to(torch.bfloat16).float() if self.compat else pixels

    def _row(self, turn: Any, pixels: tuple[Tensor, ...]) -> Row:
        parts = self.parts
        ids = tokenize(parts.tokenizer, turn, parts.config.vlm.tokens_per_image, compat=self.compat)
        return Row(ids=ids, pixels=pixels)

    # --- images ---------------------------------------------------------------------------------

    def generate(
        self,
        prompts: Sequence[str],
        *,
        height: int | None = None,
        width: int | None = None,
        **options: Any,
    ) -> list[Picture]:
        """Make an image of each prompt.

        Args:
            prompts: what to make.
            height: in pixels, of all; that of the checkpoint's configuration when None.
            width: likewise.
            options: see `make`.

        Raises:
            UserError: an empty prompt, or a size that cannot be made.
        """
        return self.make(prompts, None, [self._size(height, width)] * len(prompts), **options)

    def _size(self, height: int | None, width: int | None) -> Size:
        default = self.default_size
        return default[0] if height is None else height, default[1] if width is None else width

    def edit(
        self,
        prompts: Sequence[str],
        images: Sequence[Images],
        *,
        height: int | None = None,
        width: int | None = None,
        sizes: Sequence[Size] | None = None,
        **options: Any,
    ) -> list[Picture]:
        """Edit images as the prompts say; several images of a prompt are combined.

        Args:
            prompts: what to change.
            images: of each prompt, at least one.
            height: in pixels, of all results; that of the first image of each prompt, within the
                range the model was trained for, when neither this nor `sizes` is given.
            width: likewise.
            sizes: height and width of each result.
            options: see `make`.

        Raises:
            UserError: an empty prompt, a prompt without images, or a size that cannot be made.
        """
        given = each_images(prompts, images)
        bare = [n for n, i in enumerate(given) if not i]
        if bare:
            raise UserError(
                f"Prompt {bare[0] + 1} of {len(prompts)} has no image to edit; use generate for it."
            )
        fixed = height is not None or width is not None
        if fixed and sizes is not None:
            raise UserError("sizes and height or width are given; give one of them.")
        for image in (i for some in given for i in some):
            self.limits.check_source((image.height, image.width))
        if sizes is None:
            size, own = self._size(height, width), not fixed and not self.compat
            sizes = [self.source_size(some[0]) if own else size for some in given]
        return self.make(prompts, given, sizes, **options)

    @torch.no_grad()
    def make(
        self,
        prompts: Sequence[str],
        images: Sequence[Images] | None,
        sizes: Sequence[Size],
        *,
        steps: int = STEPS,
        scales: Scales | None = None,
        shift: float | None = None,
        seeds: Sequence[int] | int = 0,
        think: bool = False,
        sampling: Sampling | None = None,
        system: str | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> list[Picture]:
        """Make images of prompts with any number of condition images each, of any sizes.

        `generate` and `edit` are this with fewer words. Here both may stand in one call.

        Args:
            prompts: what to make.
            images: condition images of each; none for an image from the text alone, None for none
                at all.
            sizes: height and width in pixels of each result. It is made with both rounded down to
                multiples of 16 and resized to the exact size.
            steps: of the solver.
            scales: of guidance; see `guidance`.
            shift: of the noise levels; that of the scheduler's file when None.
            seeds: of each result; a number counts up from there. A result does not depend on what
                else is in the call.
            think: let the model reason in words first, and condition on that.
            sampling: how the reasoning is decoded.
            system: in place of the official system text.
            on_step: told after each step of the solver.

        Raises:
            UserError: a prompt, image, size or number that cannot be, before any work.
        """
        check_solver(steps, shift, scales)
        given = each_images(prompts, images)
        chosen = each_seed(seeds, len(prompts))
        self.limits.check_system(system)
        self.limits.check_samples(prompts, given, sizes)
        if self.compat and len({tuple(size) for size in sizes}) > 1:
            raise UserError("With reference_compat all images of a call have one size.")
        if not prompts:
            return []
        rows = self.requests(prompts, given, system)
        thoughts: Sequence[Answer | None] = [None] * len(prompts)
        if think:
            how = sampling or Sampling(max_new_tokens=REASONING_TOKENS)
            thoughts = self._think([r[0] for r in rows], how, chosen)
        branches = self._branches(rows, thoughts, given)
        factor = self.limits.rule.factor
        made = [(h // factor * factor, w // factor * factor) for h, w in sizes]
        # In the reference one stream is for all.
        stream = int(seeds) if self.compat and isinstance(seeds, Integral) else chosen
        latents = self._sample(
            branches, scales or (REASONING if think else PLAIN), steps, shift,
            draw_noise(self._shapes(made), stream), on_step,
        )  # fmt: skip
        with self.parts.on_device("vae"):
            decoded = decode(self.parts.vae, latents)
        return [
            Picture(
                image=im.to_image(x, size), seed=seed, generated=real,
                finite=bool(x.isfinite().all()), reasoning=thought,
            )
            for x, size, seed, real, thought in zip(
                decoded, sizes, chosen, made, thoughts, strict=True
            )
        ]  # fmt: skip

    def requests(
        self, prompts: Sequence[str], images: Sequence[Images], system: str | None = None
    ) -> list[list[Row]]:
        """What the language model is asked for each prompt, in the order of `prompts.BRANCHES`.

        The reasoning and the closing ``<img>`` are still to come, see `conditioning.close`.
        """
        pixels = [self._pixels(some) for some in images]
        return [
            [
                self._row(picture(p, len(i), branch, editing=self._edits(i, images), system=system),
                          x if branch == "full" or (branch == "partial" and i) else ())
                for branch in BRANCHES
            ]
            for p, i, x in zip(prompts, images, pixels, strict=True)
        ]  # fmt: skip

    def _edits(self, some: Images, images: Sequence[Images]) -> bool:
        """Whether a prompt gets the system text of editing.

        One edit in a batch of the reference makes all of them edits.
        """
        return any(images) if self.compat else bool(some)

    def _think(
        self, rows: Sequence[Row], how: Sampling, seeds: Sequence[int]
    ) -> list[Answer | None]:
        for row in rows:
            # An ``<img>`` comes behind it.
            self.limits.check_length(row.ids, how.max_new_tokens + 1)
        written = self._write(rows, how, seeds)
        return [
            read(self.parts, row, new, cut=self.compat)
            for row, new in zip(rows, written, strict=True)
        ]

    def _branches(
        self, rows: Sequence[Sequence[Row]], thoughts: Sequence[Answer | None],
        images: Sequence[Images],
    ) -> list[Branches]:  # fmt: skip
        """Conditions of guidance of each sample."""
        said = [None if thought is None else thought.ids for thought in thoughts]
        flat = close(rows, said, self.parts.vlm.tokens, compat=self.compat)
        for row in flat:
            self.limits.check_length(row.ids)
        layers = self.parts.config.decoder.vlm_select_layer
        with self.parts.on_device("vlm"):
            found = spans(self.parts.vlm, flat, layers)
        latents = self._condition_latents(images)
        return [
            Branches(
                full=Condition(span=found[3 * n], latents=some),
                partial=Condition(span=found[3 * n + 1], latents=some) if some else None,
                blank=Condition(span=found[3 * n + 2]),
            )
            for n, some in enumerate(latents)
        ]

    def _condition_latents(self, images: Sequence[Images]) -> list[tuple[Tensor, ...]]:
        processor = self.parts.config.processor
        flat = [self._rounded(im.condition_pixels(i, processor)) for some in images for i in some]
        if not flat:
            return [()] * len(images)
        with self.parts.on_device("vae"):
            found = iter(encode(self.parts.vae, flat, together=self.compat))
        return [tuple(next(found) for _ in some) for some in images]

    def _shapes(self, sizes: Sequence[Size]) -> list[tuple[int, int, int]]:
        """Channels, rows and columns of the latents of images of so many pixels."""
        channels = self.parts.config.decoder.transformer.out_channels
        factor = self.parts.config.decoder.vae_downsample_factor
        return [(channels, h // factor, w // factor) for h, w in sizes]

    def _sample(
        self, branches: Sequence[Branches], scales: Scales, steps: int,
        shift: float | None, noise: Sequence[Tensor], on_step: Callable[[Step], None] | None,
    ) -> list[Tensor]:  # fmt: skip
        if shift is None and self.compat:
            shift = COMPAT_SHIFT
        scheduler = make_scheduler(self.parts.config.scheduler, steps, shift)
        decoder = self.parts.decoder
        with self.parts.on_device("generation_decoder"):
            return sample(
                decoder, scheduler, noise, branches, scales, on_step=on_step,
                time_dtype=decoder.dtype if self.compat else torch.float32,
            )  # fmt: skip
