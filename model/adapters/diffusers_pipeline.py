"""Runs any diffusers pipeline that makes an image from a prompt, or edits one as a prompt says.

``diffusers:FOLDER`` or ``diffusers:ORG/NAME[@COMMIT]`` from the hub's cache. What the class can do
and which options it takes is read from the signature of its call (`diffusers_signature`), before
any weights are; an option that it does not take is refused. Options that are not given are not
passed, so that a pipeline does what its authors chose.

**One sample a call**, with noise from a CPU generator of its own, which is the same on every device
and in every order of samples. Classes that pad all prompts to one length can make several images a
call (`batch_size`).

**The size of an edit** is that which the pipeline returns; nothing is scaled afterwards, and the
benchmarks compare images of different sizes by their own rules. Given no size, nearly all pipelines
work in the shape of their input, many at about one megapixel; those few that would make a square of
everything are given the size of the input. `edit_size = "input"` asks any pipeline for that, and
`max_pixels` bounds what a pipeline is shown that works at the size of its input.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evals.core.checkpoints import Checkpoint, find_checkpoint
from evals.core.errors import ImageError, UserError
from evals.core.images import load_rgb
from evals.core.provenance import package_versions
from evals.core.types import JSON, Fault, Output, Sample
from model.adapters.base import Adapter, failed
from model.adapters.diffusers_checkpoint import (
    INDEX,
    load_pipeline,
    missing_parts,
    read_class,
    shared_noise,
)
from model.adapters.diffusers_options import NAME, OURS, Options, given_arguments
from model.adapters.diffusers_signature import Signature, read_signature
from model.adapters.options import read_options, stamp
from model.torch_tools import cpu_generator, free_memory, halving, need_torch, png, resolve_device

if TYPE_CHECKING:
    from PIL import Image


PACKAGES = ("diffusers", "transformers", "torch")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A sample that can be run, with its input images decoded."""

    sample: Sample
    seed: int
    images: tuple[Image.Image, ...] = ()


class DiffusersPipeline(Adapter):
    """See the module.

    Args:
        checkpoint: a usable one.
        signature: of its pipeline class.
        options: checked against the signature.
    """

    def __init__(self, checkpoint: Checkpoint, signature: Signature, options: Options) -> None:
        self.name = f"{NAME}:{checkpoint.name}"
        self.tasks = signature.tasks
        self.batch_size = options.batch_size
        self.checkpoint = checkpoint
        self.signature = signature
        self.options = options
        self.given = given_arguments(signature, options)
        self._pipeline: Any = None

    def describe(self) -> Mapping[str, JSON]:
        """What decides the images; `call` holds the arguments, and defaults that are no None."""
        defaults = {
            name: value
            for name, value in self.signature.parameters.items()
            if name not in OURS and isinstance(value, bool | int | float | str)
        }
        return {
            "adapter": NAME,
            "checkpoint": self.checkpoint.name,
            "commit": self.checkpoint.commit,
            "files": self.checkpoint.digest,
            "pipeline": self.signature.name,
            "call": {**defaults, **self.given},
            "size": self._size_rule(),
            "options": stamp(self.options),
            "packages": {n: v for n, v in package_versions().items() if n in PACKAGES},
        }

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """What a user should know before the run: guidance that is off, samples it cannot do."""
        remarks = []
        scale = self.signature.parameters.get("true_cfg_scale")
        if isinstance(scale, int | float) and scale > 1 and "negative_prompt" not in self.given:
            remarks.append(
                f"{self.signature.name} runs without guidance: its true_cfg_scale of {scale:g} "
                'works only with a negative prompt; set the option negative_prompt, to " " if '
                "need be."
            )
        several = sum(len(s.images) > 1 and s.task == "edit" for s in samples)
        if several and not self.signature.quirk.several:
            remarks.append(
                f"{several} of {len(samples)} samples have several input images; "
                f"{self.signature.name} takes one, and they will be unsupported."
            )
        return remarks

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """An image of each prompt, `batch_size` a call."""
        if "generate" not in self.tasks:
            return super().generate(samples, seeds)
        jobs = [Job(sample=s, seed=n) for s, n in zip(samples, seeds, strict=True)]
        self._load()
        found: list[Output] = []
        for start in range(0, len(jobs), self.batch_size):
            found += halving(self._run, jobs[start : start + self.batch_size], self._too_large)
        return found

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Each sample's image as its prompt wants it, one a call."""
        if "edit" not in self.tasks:
            return super().edit(samples, seeds)
        self._load()
        return [self._edit(s, n) for s, n in zip(samples, seeds, strict=True)]

    def _edit(self, sample: Sample, seed: int) -> Output:
        n = len(sample.images)
        if n == 0 or (n > 1 and not self.signature.quirk.several):
            wants = "at least one" if self.signature.quirk.several else "exactly one"
            return failed(
                "missing_input" if n == 0 else "too_many_images",
                f"Sample {sample.id} has {n} input images; {self.signature.name} takes {wants}.",
                status="unsupported",
            )
        try:
            images = tuple(self._shown(load_rgb(path)) for path in sample.images)
        except ImageError as error:
            return failed("unreadable_input", str(error), origin="infrastructure")
        job = Job(sample=sample, seed=seed, images=images)
        return halving(self._run, [job], self._too_large)[0]

    # --- one call ---------------------------------------------------------------------------

    def _shown(self, image: Image.Image) -> Image.Image:
        """An input image with at most `max_pixels` pixels, in its own shape."""
        most, (width, height) = self.options.max_pixels, image.size
        if most is None or width * height <= most:
            return image
        scale = (most / (width * height)) ** 0.5
        return image.resize((max(1, int(width * scale)), max(1, int(height * scale))))

    def _arguments(self, jobs: Sequence[Job]) -> dict[str, Any]:
        """Of the call that runs these jobs: of one, or of several that have no images."""
        signature, images = self.signature, list(jobs[0].images)
        prompts = [signature.prompt(j.sample.prompt, len(images)) for j in jobs]
        generators = [cpu_generator(j.seed) for j in jobs]
        found: dict[str, Any] = {"prompt": prompts, "generator": generators, **self.given}
        if len(jobs) == 1:
            found |= {"prompt": prompts[0], "generator": generators[0]}
        elif "negative_prompt" in found:
            found["negative_prompt"] = [found["negative_prompt"]] * len(jobs)
        if "output_type" in signature.parameters:
            found["output_type"] = "pil"
        return found | self._sizes(images) | self._inputs(images)

    def _inputs(self, images: list[Image.Image]) -> dict[str, Any]:
        if not images:
            return {}
        return {self.signature.image: images if self.signature.quirk.several else images[0]}

    def _sizes(self, images: Sequence[Image.Image]) -> dict[str, Any]:
        """Arguments for the size of the result, where the user has not said it."""
        quirk = self.signature.quirk
        if "height" in self.given or not self.signature.sized:
            return {}
        if not images:
            return {} if quirk.side is None else {"height": quirk.side, "width": quirk.side}
        if quirk.follows_input and self.options.edit_size == "auto":
            return {k: v for k, v in quirk.edit.items() if k not in self.given}
        width, height = (max(1, n // quirk.multiple) * quirk.multiple for n in images[0].size)
        return {"height": height, "width": width}

    def _size_rule(self) -> dict[str, JSON]:
        """Where the size of a result comes from, by task."""
        quirk, own = self.signature.quirk, "chosen by the pipeline"
        if "height" in self.given:
            asked = f"{self.given['width']}x{self.given['height']} is asked for"
            return dict.fromkeys(sorted(self.tasks), asked)
        auto = self.options.edit_size == "auto" and quirk.follows_input
        edit = f"that of the input is asked for, in multiples of {quirk.multiple}"
        rules: dict[str, JSON] = {
            "edit": own if auto or not self.signature.sized else edit,
            "generate": own if quirk.side is None else f"{quirk.side}x{quirk.side} is asked for",
        }
        return {task: rules[task] for task in sorted(self.tasks)}

    def _run(self, jobs: Sequence[Job]) -> list[Output]:
        """One call of the pipeline; the runner records what else it may raise."""
        from PIL import Image

        device = resolve_device(self.options.device)
        with _seeded(jobs[0].seed, device), warnings.catch_warnings():
            # numpy says so when pixels are not numbers; the image would be black without a word.
            warnings.filterwarnings("error", "invalid value encountered in cast", RuntimeWarning)
            try:
                made = self._pipeline(**self._arguments(jobs))
            except RuntimeWarning:
                if len(jobs) > 1:
                    return [output for job in jobs for output in self._run([job])]
                return [self._not_finite(jobs[0])]
        images = _first(made, "images", "image")
        flags = _first(made, "nsfw_content_detected", "nsfw_detected") or [False] * len(jobs)
        flat = isinstance(images, list) and all(isinstance(i, Image.Image) for i in images)
        if not flat or not len(images) == len(flags) == len(jobs):
            raise RuntimeError(f"{self.signature.name} did not return one image per sample")
        return [
            _flagged(job) if flag else Output(images=(png(image),))
            for job, image, flag in zip(jobs, images, flags, strict=True)
        ]

    def _not_finite(self, job: Job) -> Output:
        return failed(
            "not_finite",
            f"The pipeline's numbers overflowed on sample {job.sample.id} and its image would be "
            "black; set the option dtype to bfloat16 or float32.",
            origin="infrastructure",
        )

    def _too_large(self, job: Job) -> Output:
        if job.images:
            sizes = ", ".join(f"{w}x{h}" for w, h in (i.size for i in job.images))
            what, lower = f"editing {sizes} pixels", "max_pixels, or height and width"
        else:
            size = f"{self.given['width']}x{self.given['height']}" if "height" in self.given else ""
            what, lower = f"making {size or 'the own size of the pipeline'}", "height and width"
        return failed(
            "out_of_memory",
            f"Memory ran out on sample {job.sample.id}, {what}; lower {lower}, or set offload to "
            "model.",
            origin="infrastructure",
        )

    def release(self) -> None:
        """Let go of the weights; they are loaded again when the next sample comes."""
        if self._pipeline is not None:
            self._pipeline = None
            free_memory()

    def _load(self) -> None:
        if self._pipeline is None:
            self._pipeline = load_pipeline(self.checkpoint, self.options)


def _first(made: Any, *names: str) -> Any:
    """The first of these attributes that is there and not None."""
    return next((v for v in (getattr(made, n, None) for n in names) if v is not None), None)


def _flagged(job: Job) -> Output:
    fault = Fault(
        kind="safety_checker",
        message=f"The checkpoint's own safety checker blacked out the image of {job.sample.id}.",
        origin="model",
    )
    return Output(status="refused", fault=fault)


@contextmanager
def _seeded(seed: int, device: Any) -> Iterator[None]:
    """Seed what a pipeline may draw past its generator, such as the text of a prompt enhancer."""
    import torch

    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def make(argument: str | None, options: Mapping[str, JSON]) -> DiffusersPipeline:
    """Any diffusers pipeline that makes or edits images: diffusers:FOLDER or diffusers:ORG/NAME.

    Args:
        argument: a folder, or ``ORG/NAME`` or ``ORG/NAME@COMMIT`` of the hub's cache.
        options: see `Options`.

    Raises:
        UserError: no such checkpoint, a class that cannot be used, parts that are missing, or an
            option that its call does not take.
        MissingExtra: torch, transformers or diffusers are not installed.
    """
    chosen = read_options(Options, NAME, options)
    if not argument:
        raise UserError(f"{NAME} needs a checkpoint, e.g. {NAME}:Qwen/Qwen-Image or a folder.")
    need_torch("a diffusers pipeline")
    checkpoint = find_checkpoint(argument, marker=INDEX)
    if checkpoint.folder is None:
        raise UserError(f"The model {NAME}:{argument} cannot be used: {checkpoint.absence}.")
    kind = read_class(checkpoint.folder, trust_remote_code=chosen.trust_remote_code)
    signature = read_signature(kind)
    if missing := missing_parts(checkpoint.folder, chosen.variant):
        raise UserError(
            f"{checkpoint.folder} lacks {', '.join(missing[:5])}, which its {INDEX} names; fetch "
            "the checkpoint again."
        )
    if chosen.batch_size > 1 and (scheduler := shared_noise(checkpoint.folder)):
        raise UserError(
            f"The {scheduler} of {checkpoint.name} draws one noise for a whole batch; leave "
            "batch_size at 1."
        )
    return DiffusersPipeline(checkpoint, signature, chosen)
