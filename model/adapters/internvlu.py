"""InternVL-U from a checkpoint in the official layout: understanding, images and edits.

A sample that cannot be done (an empty prompt, an image of 10 pixels, an edit without an image) gets
a status of its own and the others go on. A batch that does not fit into memory is halved until it
does.
"""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from evals.core.checkpoints import Checkpoint, find_checkpoint
from evals.core.errors import ImageError, UserError
from evals.core.images import load_rgb
from evals.core.types import JSON, Output, Sample, Task
from model.adapters.base import Adapter, failed
from model.adapters.options import option, read_options, stamp
from model.torch_tools import DTYPES, free_memory, halving, need_torch, png

if TYPE_CHECKING:
    from PIL import Image

    from model.internvlu.pipeline import InternVLUPipeline, Picture
    from model.internvlu.vlm import Sampling

CODE = 1
"""Raised whenever the same checkpoint, options and seed could give something else."""

LARGE = 1_000_000_000
"""Bytes of weights from which on a CPU is worth a remark."""

_PACKAGES = ("torch", "transformers", "diffusers")
Job: TypeAlias = "tuple[Sample, int, list[Image.Image]]"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose; the released pipeline's values where nothing is said."""

    steps: int = option(20, "steps of the solver", least=1)
    guidance_scale: float | None = option(
        None, "weight of the text; 4.5, with think 3.5 (official: all_cfg_scale)"
    )
    image_guidance_scale: float | None = option(
        None, "weight of the condition images; 2.0, with think 1.5 (official: part_cfg_scale)"
    )
    shift: float | None = option(
        None, "of the noise levels; that of the checkpoint's scheduler, 3.0", least=0.01
    )
    height: int | None = option(None, "of results in pixels", least=16)
    width: int | None = option(None, "of results in pixels", least=16)
    output: str = option(
        "source", "size of an edit when no height and width are given: that of the first source "
        "image, or that in which the model made it", choices=("source", "model"),
    )  # fmt: skip
    think: bool = option(False, "reason in words before an image is made")
    reasoning_tokens: int = option(200, "most tokens of the reasoning", least=1)
    max_new_tokens: int = option(1024, "most tokens of an answer", least=1)
    num_beams: int = option(1, "beams of the search for text; 1 is greedy", least=1)
    do_sample: bool = option(False, "draw text instead of taking the likeliest")
    temperature: float = option(1.0, "of drawing text", least=0.01)
    top_p: float = option(1.0, "mass of the tokens drawn from", least=0.01, most=1)
    system: str | None = option(None, "in place of the official system text")
    adapter: str | None = option(None, "folder of LoRA adapters, CHECKPOINT/adapter of a training")
    reference_compat: bool = option(False, "repeat the released code's defects, docs/model.md")
    batch_size: int = option(1, "samples at once; does not change them", least=1)
    device: str = option("auto", "cpu, cuda, cuda:N or auto")
    device_map: dict[str, str] = option({}, "component (vlm, generation_decoder, vae) -> device")
    dtype: str = option("auto", "of the weights", choices=DTYPES)
    offload: bool = option(False, "hold one component at a time on the device")
    compile: bool = option(False, "compile the decoder's layers")


class InternVLU(Adapter):
    """A checkpoint, loaded when the first sample comes; or a pipeline that is there already.

    Args:
        checkpoint: found and checked; None around a pipeline.
        options: see there.
    """

    name = "internvlu"
    tasks: frozenset[Task] = frozenset({"understand", "generate", "edit"})

    def __init__(self, checkpoint: Checkpoint | None, options: Options) -> None:
        self.checkpoint = checkpoint
        self.options = options
        self.batch_size = options.batch_size
        self._pipe: InternVLUPipeline | None = None
        self._weights: Mapping[str, JSON] = {}
        self._lock = threading.Lock()

    @classmethod
    def around(
        cls, pipe: InternVLUPipeline, options: Options, weights: Mapping[str, JSON]
    ) -> InternVLU:
        """An adapter over a pipeline that somebody else loaded and keeps, as a trainer does.

        Args:
            pipe: stays its owner's: it is never let go of here.
            options: those about loading (device, dtype, offload, compile) say nothing of it.
            weights: what tells these weights from others, part of the run's identity.

        Raises:
            UserError: the options do not fit the model.
        """
        pipe.limits.check_system(options.system)
        made = cls(None, replace(options, reference_compat=pipe.compat))
        made._pipe, made._weights = pipe, dict(weights)
        return made

    def describe(self) -> Mapping[str, JSON]:
        """The weights, the code and every option."""
        return {
            "adapter": self.name,
            "code": CODE,
            **self._which(),
            "options": self._stamp(),
            "packages": {p: importlib.metadata.version(p) for p in _PACKAGES},
        }

    def _which(self) -> Mapping[str, JSON]:
        """What tells the weights from others."""
        found = self.checkpoint
        if found is None:
            return self._weights
        which = {"checkpoint": found.name, "commit": found.commit, "files": found.digest}
        beside = self.options.adapter
        if beside is not None:
            which["adapter_files"] = Checkpoint(name=beside, folder=Path(beside)).digest
        return which

    def _stamp(self) -> dict[str, JSON]:
        """All options; a run from before there were adapters is still the same run."""
        return {k: v for k, v in stamp(self.options).items() if k != "adapter" or v is not None}

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """A remark when billions of weights are about to run on a CPU."""
        from model.torch_tools import resolve_device

        if self.checkpoint is None:
            return []
        folder = self.checkpoint.folder
        assert folder is not None
        size = sum(p.stat().st_size for p in folder.rglob("*.safetensors"))
        if size < LARGE or resolve_device(self.options.device).type != "cpu":
            return []
        return [
            f"{len(samples)} samples will run on the CPU, with {size / 1e9:.1f} GB of weights: "
            "minutes each; on a machine with a GPU set device to 'cuda'."
        ]

    def release(self) -> None:
        """Let go of the weights; they are loaded again when the next sample comes."""
        with self._lock:
            if self._pipe is not None and self.checkpoint is not None:
                self._pipe = None
                free_memory()

    # --- tasks ----------------------------------------------------------------------------------

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Text for each sample's prompt and images."""
        return self._run(samples, seeds, self._answers)

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """An image for each sample's prompt; input images are not looked at."""
        return self._run(samples, seeds, self._images, editing=False)

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Each sample's images edited as its prompt says; several are combined."""
        return self._run(samples, seeds, self._images, editing=True)

    def _run(
        self, samples: Sequence[Sample], seeds: Sequence[int],
        work: Callable[[Sequence[Job]], list[Output]], *, editing: bool | None = None,
    ) -> list[Output]:  # fmt: skip
        """The samples that can be done as one batch, and a status for the others."""
        with self._lock:
            pipe = self._loaded()
            found: dict[int, Output] = {}
            jobs: list[tuple[int, Job]] = []
            for n, (sample, seed) in enumerate(zip(samples, seeds, strict=True)):
                try:
                    paths = () if editing is False else sample.images
                    job = sample, seed, [load_rgb(p) for p in paths]
                    self._check(pipe, job, editing)
                    jobs.append((n, job))
                except ImageError as error:
                    found[n] = failed("unreadable_input", str(error), origin="infrastructure")
                except UserError as error:
                    found[n] = failed("unusable_input", str(error), status="unsupported")
            if jobs:
                outputs = halving(
                    lambda some: _each_alone(work, some), [job for _, job in jobs], self._too_large
                )
                found.update(zip((n for n, _ in jobs), outputs, strict=True))
            return [found[n] for n in range(len(samples))]

    def _loaded(self) -> InternVLUPipeline:
        if self._pipe is None:
            from model.internvlu.pipeline import InternVLUPipeline

            assert self.checkpoint is not None
            assert self.checkpoint.folder is not None
            chosen = self.options
            self._pipe = InternVLUPipeline.from_pretrained(
                self.checkpoint.folder, device=chosen.device, dtype=chosen.dtype,
                device_map=chosen.device_map, offload=chosen.offload, compile=chosen.compile,
                adapter=chosen.adapter, reference_compat=chosen.reference_compat,
            )  # fmt: skip
            self._pipe.limits.check_system(chosen.system)
        return self._pipe

    def _check(self, pipe: InternVLUPipeline, job: Job, editing: bool | None) -> None:
        """Refuse a sample that the pipeline would refuse, before it takes others with it.

        Raises:
            UserError: it cannot be done.
        """
        sample, _, images = job
        pipe.limits.check_prompt(sample.prompt)
        if editing is None:
            return
        if editing and not images:
            raise UserError(f"Sample {sample.id} has no image to edit.")
        for image in images:
            pipe.limits.check_source((image.height, image.width))
        pipe.limits.check_target(self._size(pipe, images), len(images))

    def _size(self, pipe: InternVLUPipeline, images: Sequence[Image.Image]) -> tuple[int, int]:
        """Height and width in which a result is made."""
        chosen = self.options
        given = chosen.height is not None or chosen.width is not None
        if images and not given and not chosen.reference_compat:
            return pipe.source_size(images[0])
        default = pipe.default_size
        return chosen.height or default[0], chosen.width or default[1]

    # --- work -----------------------------------------------------------------------------------

    def _sampling(self, tokens: int) -> Sampling:
        from model.internvlu.vlm import Sampling

        chosen = self.options
        return Sampling(
            max_new_tokens=tokens, num_beams=chosen.num_beams, do_sample=chosen.do_sample,
            temperature=chosen.temperature, top_p=chosen.top_p,
        )  # fmt: skip

    def _answers(self, jobs: Sequence[Job]) -> list[Output]:
        answers = self._loaded().answer(
            [sample.prompt for sample, _, _ in jobs],
            [images for _, _, images in jobs],
            sampling=self._sampling(self.options.max_new_tokens),
            seeds=[seed for _, seed, _ in jobs],
            system=self.options.system,
        )
        return [
            Output(
                text=a.text,
                usage={
                    "prompt_tokens": a.prompt_tokens, "completion_tokens": len(a.ids),
                    "stopped_by_length": float(not a.complete),
                },
            )
            for a in answers
        ]  # fmt: skip

    def _images(self, jobs: Sequence[Job]) -> list[Output]:
        from model.internvlu.guidance import choose

        pipe, chosen = self._loaded(), self.options
        pictures = pipe.make(
            [sample.prompt for sample, _, _ in jobs],
            [images for _, _, images in jobs],
            [self._size(pipe, images) for _, _, images in jobs],
            steps=chosen.steps,
            scales=choose(chosen.guidance_scale, chosen.image_guidance_scale, think=chosen.think),
            shift=chosen.shift,
            seeds=[seed for _, seed, _ in jobs],
            think=chosen.think,
            sampling=self._sampling(chosen.reasoning_tokens),
            system=chosen.system,
        )
        return [self._output(p, job) for p, job in zip(pictures, jobs, strict=True)]

    def _output(self, picture: Picture, job: Job) -> Output:
        image, (sample, _, sources) = picture.image, job
        chosen = self.options
        if not picture.finite:
            return failed(
                "not_finite",
                f"The image of sample {sample.id} has values that are no numbers; set dtype to "
                "bfloat16 or float32.",
                origin="infrastructure",
            )
        given = chosen.height is not None or chosen.width is not None
        if sources and chosen.output == "source" and not given and not chosen.reference_compat:
            from PIL import Image

            image = image.resize(sources[0].size, Image.Resampling.LANCZOS)
        usage: dict[str, float] = {"steps": chosen.steps}
        thought = picture.reasoning
        if thought is not None:
            usage["reasoning_tokens"] = len(thought.ids)
            usage["stopped_by_length"] = float(not thought.complete)
        text = None if thought is None else thought.text
        return Output(text=text, images=(png(image),), usage=usage)

    def _too_large(self, job: Job) -> Output:
        sample, _, images = job
        height, width = self._size(self._loaded(), images)
        return failed(
            "out_of_memory",
            f"Sample {sample.id} ({width} x {height} pixels, {len(images)} input images) does not "
            "fit into memory; lower height and width, set offload = true or use a device with "
            "more memory.",
            origin="infrastructure",
        )


def _each_alone(work: Callable[[Sequence[Job]], list[Output]], jobs: Sequence[Job]) -> list[Output]:
    """Results of a batch; where the pipeline refuses it, of its samples one by one.

    A prompt longer than the context is found out when it is tokenised, and is one sample's matter.
    """
    try:
        return work(jobs)
    except UserError as error:
        if len(jobs) == 1:
            return [failed("unusable_input", str(error), status="unsupported")]
        return [_each_alone(work, [job])[0] for job in jobs]


def make(argument: str | None, options: Mapping[str, JSON]) -> InternVLU:
    """InternVL-U checkpoint: a folder in the official layout, or ORG/NAME[@COMMIT] of the hub.

    Raises:
        UserError: no argument, an option that makes no sense, packages that are absent, or a
            checkpoint that is not here or not whole.
    """
    if not argument:
        raise UserError(
            "The model 'internvlu' needs a checkpoint; write internvlu:FOLDER, or try it with a "
            "tiny one: umm-evals model tiny DIR"
        )
    chosen = read_options(Options, "internvlu", options)
    if chosen.do_sample and chosen.num_beams > 1:
        raise UserError(
            "The model 'internvlu' cannot both draw text and search it with beams; leave out "
            "do_sample or num_beams."
        )
    need_torch("The model 'internvlu'")
    from model.internvlu import checkpoint as files
    from model.internvlu.config import INDEX, ModelConfig

    found = find_checkpoint(argument, INDEX)
    if found.absence is not None:
        raise UserError(f"The model internvlu:{argument} cannot be used: {found.absence}.")
    assert found.folder is not None
    ModelConfig.read(found.folder)
    if chosen.adapter is not None:
        from model.internvlu.lora import check_folder

        folder = Path(chosen.adapter).expanduser().resolve()
        check_folder(folder)
        chosen = replace(chosen, adapter=str(folder))
    for component in files.WEIGHTS:
        files.shapes(found.folder / component)
    return InternVLU(found, chosen)


__all__ = ["InternVLU", "Options", "make"]
