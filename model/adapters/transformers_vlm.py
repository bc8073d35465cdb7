"""Runs any image-text-to-text model of `transformers` from a folder or the hub's cache.

A sample is one user turn, its images first and in order, then its prompt word for word. The answer
is what the model says, without its control tokens and the blanks around it; whatever a model thinks
aloud (``<think>...</think>``) stays in, because only the benchmark knows how its answers are read.

Answers are greedy unless asked otherwise. What a checkpoint's own ``generation_config.json`` says
beyond `Options`, such as a repetition penalty, stays as it is.

Janus models also make images; see `model.adapters.transformers_janus`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from evals.core.checkpoints import Checkpoint
from evals.core.errors import ImageError, UserError
from evals.core.images import load_rgb
from evals.core.types import JSON, Output, Sample, Task
from model.adapters.base import Adapter, failed
from model.adapters.options import stamp
from model.adapters.transformers_checkpoint import (
    check_kind,
    load_model,
    load_processor,
    need_packages,
    read_config,
    said,
    usable,
)
from model.adapters.transformers_options import NAME, Options, read
from model.token_draw import Draw
from model.torch_tools import free_memory, halving, is_out_of_memory

if TYPE_CHECKING:
    from PIL import Image


@dataclass(kw_only=True)
class Job:
    """A sample that can be asked.

    Attributes:
        sample: as planned.
        seed: of its draws.
        images: its input images, RGB.
        tokens: of its input, images included; 0 until that is known.
    """

    sample: Sample
    seed: int
    images: tuple[Image.Image, ...]
    tokens: int = 0

    @property
    def size(self) -> str:
        """What of it takes memory, in words."""
        sizes = ", ".join(f"{i.width}x{i.height}" for i in self.images)
        images = f" and images of {sizes} pixels" if self.images else ""
        return f"{self.tokens or 'an unknown number of'} input tokens{images}"


class Unaskable(Exception):
    """A sample, or a batch of them, that the model cannot be asked."""

    def __init__(
        self, kind: str, message: str, *, status: Literal["error", "unsupported"] = "unsupported",
        origin: Literal["model", "infrastructure"] = "model",
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.output = failed(kind, message, status=status, origin=origin)


class TransformersVlm(Adapter):
    """A model that answers questions about images; see the module.

    Args:
        checkpoint: a usable one.
        model_type: as its ``config.json`` has it.
        options: checked.
    """

    name = NAME
    tasks: frozenset[Task] = frozenset({"understand"})
    options_class: ClassVar[type[Options]] = Options

    def __init__(self, checkpoint: Checkpoint, model_type: str, options: Any) -> None:
        self.checkpoint = checkpoint
        self.model_type = model_type
        self.options = options
        self.batch_size = options.batch_size

    def describe(self) -> Mapping[str, JSON]:
        """Weights, library versions and options; no weights are read in full."""
        packages = ("transformers", "tokenizers", "torch", "torchvision")
        return {
            "adapter": self.name,
            "checkpoint": self.checkpoint.name,
            "commit": self.checkpoint.commit,
            "digest": self.checkpoint.digest,
            "model_type": self.model_type,
            "versions": {package: version(package) for package in packages},
            "options": stamp(self.options),
        }

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """Nothing to remark; loads the processor, so that a wrong option shows before the run.

        Raises:
            UserError: no question can be asked with this processor and these options.
        """
        assert self.processor is not None
        return []

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Text, with ``input_tokens``, ``output_tokens`` and ``stopped_by_length`` in the usage.

        Raises:
            UserError: the checkpoint cannot be loaded.
        """
        return self._each(samples, seeds, self._answer)

    # --- one sample after the other, or a batch -------------------------------------------------

    def _each(
        self, samples: Sequence[Sample], seeds: Sequence[int],
        run: Callable[[Sequence[Job]], list[Output]],
    ) -> list[Output]:  # fmt: skip
        """Outputs in order: of what can be asked by `run`, else why not."""
        asked = [self._job(s, n) for s, n in zip(samples, seeds, strict=True)]
        jobs = [a for a in asked if isinstance(a, Job)]
        made = iter(halving(run, jobs, self._no_memory) if jobs else ())
        return [next(made) if isinstance(a, Job) else a for a in asked]

    def _job(self, sample: Sample, seed: int) -> Job | Output:
        if not sample.prompt.strip():
            return failed(
                "empty_prompt",
                f"Sample {sample.id} has an empty prompt; verify the data.",
                origin="infrastructure",
            )
        try:
            images = tuple(load_rgb(path) for path in sample.images)
        except ImageError as error:
            return failed("unreadable_input", str(error), origin="infrastructure")
        return Job(sample=sample, seed=seed, images=images)

    def _no_memory(self, job: Job) -> Output:
        lower = ["its images with the option image_kwargs"] if job.images else []
        lower += ["max_new_tokens", "num_beams"] if job.sample.task == "understand" else []
        advice = f"lower {', or '.join(lower)}, or " if lower else ""
        return failed(
            "out_of_memory",
            f"Sample {job.sample.id} with {job.size} does not fit into memory; {advice}set dtype = "
            "'bfloat16' or device_map = 'auto'.",
            origin="infrastructure",
        )

    def _answer(self, jobs: Sequence[Job]) -> list[Output]:
        try:
            inputs = self._inputs(jobs, self.options.max_new_tokens, system=self.options.system)
        except Unaskable as why:
            return self._singly(jobs, why, self._answer)
        chosen, model = self.options, self.model
        rules = []
        if chosen.do_sample:
            rules = [Draw([j.seed for j in jobs], chosen.temperature, chosen.top_p)]
        made = self._generate(
            inputs, rules, max_new_tokens=chosen.max_new_tokens, num_beams=chosen.num_beams
        )
        if rules and not rules[0].used:
            raise UserError(
                f"{self.checkpoint.name} does not draw with the seed of a sample; leave out the "
                "option do_sample."
            )
        ends = model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [] if ends is None else [ends])
        rows = made[:, inputs["input_ids"].shape[1] :].tolist()
        return [self._reply(job, row, ends) for job, row in zip(jobs, rows, strict=True)]

    def _reply(self, job: Job, row: list[int], ends: set[int]) -> Output:
        """The answer of one sample; behind its end token a row of a batch holds padding."""
        end = next((n for n, token in enumerate(row, 1) if token in ends), None)
        row = row[:end]
        return Output(
            text=self.processor.decode(row, skip_special_tokens=True).strip(),
            usage={
                "input_tokens": float(job.tokens),
                "output_tokens": float(len(row)),
                "stopped_by_length": float(end is None),
            },
        )

    def _singly(
        self, jobs: Sequence[Job], why: Unaskable, run: Callable[[Sequence[Job]], list[Output]]
    ) -> list[Output]:
        """What cannot be asked together is asked one by one; what cannot alone says why."""
        if len(jobs) == 1:
            return [why.output]
        return [run([job])[0] for job in jobs]

    # --- the library ----------------------------------------------------------------------------

    @cached_property
    def processor(self) -> Any:
        """The checkpoint's processor, after one question was put into tokens for a trial."""
        from PIL import Image

        processor = load_processor(self.checkpoint, self.options.trust_remote_code)
        name, system = self.checkpoint.name, self.options.system
        template = processor.chat_template
        template = template.get("default", "") if isinstance(template, dict) else template
        for variable in self.options.chat_template_kwargs:
            if not re.search(rf"\b{re.escape(variable)}\b", template):
                raise UserError(
                    f"The chat template of {name} has no variable {variable!r}; leave it out of "
                    "the option chat_template_kwargs."
                )
        trial = conversation("What is this?", [Image.new("RGB", (224, 224))], system)
        try:
            self._tokens(processor, [trial])
            words = processor.apply_chat_template(trial, **self.options.chat_template_kwargs)
        except Exception as error:
            raise UserError(
                f"{name} cannot be asked about an image with these options ({said(error)}); mend "
                "image_kwargs, chat_template_kwargs or system."
            ) from error
        if system.strip() not in words:
            raise UserError(f"The chat template of {name} drops the option system; leave it out.")
        return processor

    def release(self) -> None:
        """Let go of the weights; they are loaded again when the next sample comes."""
        if self.__dict__.pop("model", None) is not None:
            free_memory()

    @cached_property
    def model(self) -> Any:
        """The checkpoint's model, read when first needed."""
        return load_model(
            self.checkpoint,
            device=self.options.device,
            device_map=self.options.device_map,
            dtype=self.options.dtype,
            attention=self.options.attn_implementation,
            trust=self.options.trust_remote_code,
        )

    def _tokens(
        self, processor: Any, conversations: Sequence[list[dict[str, Any]]], **settings: Any
    ) -> Any:
        """Conversations as the model takes them: token ids, their mask and pixels."""
        return processor.apply_chat_template(
            list(conversations), add_generation_prompt=True, tokenize=True, return_dict=True,
            return_tensors="pt",
            processor_kwargs={"images_kwargs": self.options.image_kwargs, **settings},
            **self.options.chat_template_kwargs,
        )  # fmt: skip

    def _inputs(
        self, jobs: Sequence[Job], room: int, *, system: str = "", fixed: bool = False,
        **settings: Any,
    ) -> Any:  # fmt: skip
        """The inputs of a batch, padded on the left, on the CPU.

        Args:
            jobs: the batch; how many tokens each has is noted in it.
            room: tokens that are to be made after each.
            system: system prompt.
            fixed: whether the model, and not the user, has chosen the room.
            settings: further settings of the processor.

        Raises:
            Unaskable: the batch cannot be asked like this.
        """
        name, processor = self.checkpoint.name, self.processor
        if len(jobs) > 1:
            settings |= {"padding": True, "padding_side": "left"}
        asked = [conversation(j.sample.prompt, j.images, system) for j in jobs]
        try:
            inputs = self._tokens(processor, asked, **settings)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise Unaskable(
                "input_refused",
                f"{name} does not take sample {jobs[0].sample.id} with {len(jobs[0].images)} "
                f"images ({said(error)}).",
            ) from error
        lengths = _lengths(inputs)
        if lengths is None:
            raise Unaskable("padding", f"{name} does not pad on the left.")
        for job, length in zip(jobs, lengths, strict=True):
            job.tokens = length
            self._check_room(job, room, fixed)
        return inputs

    def _check_room(self, job: Job, room: int, fixed: bool) -> None:
        """Refuse what the model was not made for: some go on beyond it and talk nonsense."""
        most = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if not isinstance(most, int) or job.tokens + room <= most:
            return
        sentence = (
            f"Sample {job.sample.id} with {job.size} and room for {room} new tokens is longer than "
            f"the {most} positions of {self.checkpoint.name}"
        )
        images = "lower its images with the option image_kwargs" if job.images else ""
        if fixed or job.tokens >= most:
            raise Unaskable("context_exceeded", f"{sentence}{images and '; '}{images}.")
        raise Unaskable(
            "context_exceeded",
            f"{sentence}; set max_new_tokens to {most - job.tokens}{images and ' or '}{images}.",
            status="error",
            origin="infrastructure",
        )

    def _generate(
        self,
        inputs: Any,
        rules: list[Any],
        *,
        by: Callable[..., Any] | None = None,
        **settings: Any,
    ) -> Any:
        """Token ids: the highest scores after the `rules`, whatever the checkpoint prefers.

        Args:
            inputs: of a batch.
            rules: logits processors, the last ones to see the scores.
            by: the library's function; that of the model when not given.
            settings: further settings of the generation.
        """
        import torch

        with torch.inference_mode():
            return (by or self.model.generate)(
                **inputs.to(self.model.device, dtype=self.model.dtype),
                **settings,
                logits_processor=rules,
                do_sample=False,
                num_return_sequences=1,
                return_dict_in_generate=False,
                temperature=None,
                top_p=None,
                top_k=None,
            )


def _lengths(inputs: Any) -> list[int] | None:
    """Tokens of each row without its padding; None where that may be on the right."""
    rows, length = inputs["input_ids"].shape
    if "attention_mask" not in inputs:
        return [length] if rows == 1 else None
    mask = inputs["attention_mask"]
    if bool((mask[:, 1:] < mask[:, :-1]).any()):
        return None
    lengths: list[int] = mask.sum(1).tolist()
    return lengths


def conversation(
    prompt: str, images: Sequence[Image.Image], system: str = ""
) -> list[dict[str, Any]]:
    """One user turn, images first, after the system prompt where there is one."""
    content: list[dict[str, Any]] = [{"type": "image", "image": image} for image in images]
    user = {"role": "user", "content": [*content, {"type": "text", "text": prompt}]}
    if not system:
        return [user]
    return [{"role": "system", "content": [{"type": "text", "text": system}]}, user]


def make(argument: str | None, options: Mapping[str, JSON]) -> TransformersVlm:
    """Any image-text-to-text checkpoint of transformers; Janus also makes images.

    Raises:
        UserError: the checkpoint is not here or of another kind, or an option makes no sense.
    """
    need_packages("running a vision-language checkpoint")
    if not argument:
        raise UserError(
            "The model 'transformers' names no checkpoint; write transformers:FOLDER or "
            "transformers:ORG/NAME."
        )
    found = usable(argument)
    config = read_config(found)
    kind: type[TransformersVlm] = TransformersVlm
    if config["model_type"] == "janus":
        from model.adapters.transformers_janus import Janus

        kind = Janus
    chosen = read(kind.options_class, options)
    check_kind(found.name, config, chosen.trust_remote_code)
    return kind(found, config["model_type"], chosen)
