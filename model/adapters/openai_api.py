"""A model behind an OpenAI-compatible endpoint: hosted, or served by vLLM-Omni, vLLM or SGLang.

Questions go to Chat Completions; images come from the Images API or from Chat Completions
(`image_route`), whichever the server has. What a server sends is read in `openai_images`, tries and
waits are in `openai_calls`. An endpoint that cannot do what is asked says so itself, and the run
stops with its words instead of failing sample after sample.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.core.errors import ImageError, MissingExtra, UserError
from evals.core.types import JSON, TASKS, Fault, Output, Sample, Task
from judges.images import Encoded
from judges.openai_options import HOSTED, check_address
from model.adapters.base import Adapter, failed
from model.adapters.openai_calls import Called, Endpoint, Limits, Unusable
from model.adapters.openai_images import (
    Made,
    as_files,
    as_messages,
    completion,
    encoded,
    read_chat_images,
    read_images,
    size_of,
)
from model.adapters.options import option, read_options, stamp

CHAT, GENERATIONS, EDITS = "/chat/completions", "/images/generations", "/images/edits"
OWN = ("model", "messages", "prompt", "image", "image[]", "n", "seed", "stream")
"""Fields that are no business of `extra`: a run would not be what its options say."""
TRANSPORT = ("base_url", "api_key_env", "tasks", "timeout", "concurrency", "attempts", "minutes")
"""Options that change no output: a run may go on with others."""
OF_MODEL = frozenset({"refused", "blocked", "text_only", "empty_answer"})
"""Ends that are the model's own; all others are faults of the infrastructure."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be chosen; see docs/models.md."""

    base_url: str = option(HOSTED, "address of the endpoint, ending in /v1")
    api_key_env: str = option("OPENAI_API_KEY", "environment variable that holds the key")
    tasks: list[str] | None = option(None, "of understand, generate, edit; all when not given")
    image_route: str = option("images", "API that makes images", choices=("images", "chat"))
    size: str = option("auto", "of images: auto (the endpoint's), input (the input's) or WxH")
    quality: str = option("", "of images, in the endpoint's words")
    steps: int | None = option(None, "denoising steps, as num_inference_steps", least=1)
    guidance_scale: float | None = option(None, "of classifier-free guidance", least=0)
    send_seed: bool | None = option(
        None, "send each sample's seed; not to api.openai.com when not given"
    )
    response_format: str = option(
        "auto", "of the Images API; auto omits it at api.openai.com",
        choices=("auto", "b64_json", "omit"),
    )  # fmt: skip
    prompt_template: str = option("{prompt}", "around each prompt")
    system: str = option("", "system message of chat requests")
    ask_for_text: bool = option(False, "ask questions with modalities = [text]")
    temperature: float = option(0.0, "of answers; -1 leaves it out", least=-1)
    max_tokens: int = option(4096, "of an answer", least=1)
    detail: str = option("high", "of input images in chat", choices=("high", "low", "auto"))
    extra: dict[str, Any] | None = option(None, "more fields of every request")
    timeout: float = option(600.0, "seconds for a call", least=0.01)
    concurrency: int = option(4, "requests at a time", least=1, most=256)
    attempts: int = option(6, "calls for a request", least=1)
    minutes: float = option(30.0, "for a request, waits included", least=0)


class OpenAIModel(Adapter):
    """See the module.

    Args:
        model: name that the endpoint knows.
        options: checked.
    """

    def __init__(self, model: str, options: Options) -> None:
        self.model, self.options = model, options
        self.name = f"openai:{model}"
        self.tasks: frozenset[Task] = frozenset(t for t in TASKS if t in (options.tasks or TASKS))
        self.concurrency = options.concurrency
        self.endpoint = Endpoint(
            model=model,
            base_url=options.base_url,
            key_env=options.api_key_env,
            limits=Limits(
                timeout=options.timeout, attempts=options.attempts, minutes=options.minutes
            ),
        )

    @property
    def sends_seed(self) -> bool:
        """Whether requests carry the seed: OpenAI's image models refuse it as unknown."""
        given = self.options.send_seed
        return given if given is not None else not self.endpoint.hosted

    def describe(self) -> Mapping[str, JSON]:
        """Who is asked and how. The port of a server on this machine is not part of it."""
        chosen = {k: v for k, v in stamp(self.options).items() if k not in TRANSPORT}
        return {
            "adapter": "openai",
            "model": self.model,
            "endpoint": self.endpoint.name,
            **chosen,
            "send_seed": self.sends_seed,
            "response_format": self._response_format or "omit",
        }

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """What a reader of the outputs should know.

        Raises:
            UserError: the size is to be that of an input image, and there is none.
        """
        made = [s for s in samples if s.task != "understand"]
        self._refuse_sizeless(made)
        if made and not self.sends_seed:
            return [f"{self.name} is asked without a seed: its images differ from run to run."]
        return []

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Answers by Chat Completions: input images, then the prompt."""
        return self._each("understand", samples, seeds, self._answer)

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """An image from each prompt."""
        return self._each("generate", samples, seeds, self._generate)

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """An image from each prompt and its input images."""
        return self._each("edit", samples, seeds, self._edit)

    def _each(
        self, task: Task, samples: Sequence[Sample], seeds: Sequence[int],
        one: Callable[[Sample, int], Output],
    ) -> list[Output]:  # fmt: skip
        if task not in self.tasks:
            return [self._unsupported(task) for _ in samples]
        return [self._guarded(one, s, n) for s, n in zip(samples, seeds, strict=True)]

    @staticmethod
    def _guarded(one: Callable[[Sample, int], Output], sample: Sample, seed: int) -> Output:
        try:
            return one(sample, seed)
        except ImageError as error:
            return failed("unreadable_input", str(error), origin="infrastructure")

    # --- one sample -------------------------------------------------------------------------

    def _answer(self, sample: Sample, seed: int) -> Output:
        o = self.options
        limit = "max_completion_tokens" if self.endpoint.hosted else "max_tokens"
        body = {
            "model": self.model,
            "messages": self._messages(sample, encoded(sample)),
            limit: o.max_tokens,
            **({"temperature": o.temperature} if o.temperature >= 0 else {}),
            **({"modalities": ["text"]} if o.ask_for_text else {}),
            **self._seed(seed),
            **(o.extra or {}),
        }
        called = self.endpoint.post(CHAT, body, _read_answer)
        if called.value is None:
            return _without(called)
        text, usage = called.value
        return Output(text=text, usage={**usage, **_tries(called)})

    def _generate(self, sample: Sample, seed: int) -> Output:
        self._refuse_sizeless([sample])
        return self._image(sample, [], seed)

    def _edit(self, sample: Sample, seed: int) -> Output:
        if not sample.images:
            return failed(
                "missing_input",
                f"Sample {sample.id} has no input image to edit.",
                status="unsupported",
            )
        return self._image(sample, encoded(sample), seed)

    def _image(self, sample: Sample, inputs: list[Encoded], seed: int) -> Output:
        size = size_of(sample, self.options.size)
        if self.options.image_route == "chat":
            called = self._by_chat(sample, inputs, size, seed)
        else:
            called = self._by_images(sample, inputs, size, seed)
        if called.value is None:
            return _without(called)
        return Output(images=called.value.images, usage={**called.value.usage, **_tries(called)})

    def _by_images(
        self, sample: Sample, inputs: list[Encoded], size: tuple[int, int] | None, seed: int
    ) -> Called[Made]:
        body = {
            "model": self.model,
            "prompt": self._prompt(sample),
            "n": 1,
            **({"size": f"{size[0]}x{size[1]}"} if size else {}),
            **({"response_format": self._response_format} if self._response_format else {}),
            **self._drawing(seed),
        }
        path = EDITS if inputs else GENERATIONS
        return self.endpoint.post(
            path, body, lambda text: read_images(text, self.endpoint.fetch), as_files(inputs)
        )

    def _by_chat(
        self, sample: Sample, inputs: list[Encoded], size: tuple[int, int] | None, seed: int
    ) -> Called[Made]:
        body = {
            "model": self.model,
            "messages": self._messages(sample, inputs),
            "modalities": ["image"],
            **({"width": size[0], "height": size[1]} if size else {}),
            **self._drawing(seed),
        }
        return self.endpoint.post(
            CHAT, body, lambda text: read_chat_images(text, self.endpoint.fetch)
        )

    # --- fields of a request ----------------------------------------------------------------

    @property
    def _response_format(self) -> str:
        """Empty where it is not sent: OpenAI's image models answer in base64 and refuse it."""
        chosen = self.options.response_format
        omit = chosen == "omit" or (chosen == "auto" and self.endpoint.hosted)
        return "" if omit else "b64_json"

    def _drawing(self, seed: int) -> dict[str, Any]:
        o = self.options
        given = {
            "quality": o.quality or None,
            "num_inference_steps": o.steps,
            "guidance_scale": o.guidance_scale,
        }
        chosen = {k: v for k, v in given.items() if v is not None}
        return {**chosen, **self._seed(seed), **(o.extra or {})}

    def _seed(self, seed: int) -> dict[str, Any]:
        return {"seed": seed} if self.sends_seed else {}

    def _prompt(self, sample: Sample) -> str:
        return self.options.prompt_template.replace("{prompt}", sample.prompt)

    def _messages(self, sample: Sample, inputs: list[Encoded]) -> list[dict[str, Any]]:
        o = self.options
        return as_messages(self._prompt(sample), inputs, system=o.system, detail=o.detail)

    def _refuse_sizeless(self, samples: Sequence[Sample]) -> None:
        if self.options.size == "input" and any(not s.images for s in samples):
            raise UserError(
                f'The option size of the model {self.name!r} is "input", and there are samples '
                'without an input image; write size = "WIDTHxHEIGHT" or "auto".'
            )


def _read_answer(text: str) -> tuple[str, dict[str, float]]:
    reply = completion(text)
    cut = reply.finish == "length"
    if not reply.text.strip():
        why = "; it hit the limit of tokens, raise max_tokens" if cut else ""
        raise Unusable("empty_answer", f"the reply holds no text{why}")
    return reply.text, {**reply.usage, **({"truncated": 1.0} if cut else {})}


def _tries(called: Called[Any]) -> dict[str, float]:
    return {"attempts": float(called.tries)} if called.tries > 1 else {}


def _without(called: Called[Any]) -> Output:
    """The output of a request that brought nothing."""
    tried = f" (tried {called.tries} times)" if called.tries > 1 else ""
    fault = Fault(
        kind=called.status,
        message=f"{called.reason}{tried}",
        origin="model" if called.status in OF_MODEL else "infrastructure",
    )
    if called.status in {"refused", "blocked"}:
        return Output(status="refused", fault=fault)
    return Output(status="timeout" if called.status == "timeout" else "error", fault=fault)


# --- the factory ----------------------------------------------------------------------------


def make(argument: str | None, options: Mapping[str, JSON]) -> OpenAIModel:
    """A model behind an OpenAI-compatible endpoint, openai:MODEL; base_url names your own server.

    Args:
        argument: name of the model at the endpoint.
        options: see `Options`.

    Raises:
        UserError: no model, no client, no key for api.openai.com, or an option that makes no sense.
    """
    if not argument:
        raise UserError("openai needs the name of a model, e.g. openai:gpt-image-1.")
    chosen = read_options(Options, "openai", options)
    _check(chosen)
    if importlib.util.find_spec("openai") is None:
        raise MissingExtra("openai", "judges", "a model behind an endpoint")
    model = OpenAIModel(argument, chosen)
    if model.endpoint.hosted and not model.endpoint.key:
        raise UserError(
            f"{chosen.api_key_env} is not set, and {HOSTED} needs a key; set it, or name a server "
            "of your own with the option base_url."
        )
    if not re.fullmatch("[!-~]*", model.endpoint.key):
        raise UserError(
            f"{chosen.api_key_env} holds a space or another character that no key has; set it anew."
        )
    return model


def _check(chosen: Options) -> None:
    where = "of the model 'openai'"
    check_address(chosen.base_url, f"The option base_url {where}")
    if not re.fullmatch(r"[A-Za-z_]\w*", chosen.api_key_env):  # not shown: it may be a key
        raise UserError(f"The option api_key_env {where} is no name of a variable; write one.")
    if chosen.tasks is not None and (not chosen.tasks or not set(chosen.tasks) <= set(TASKS)):
        raise UserError(
            f"The option tasks {where} is {chosen.tasks!r}; list some of {', '.join(TASKS)}."
        )
    if chosen.size not in {"auto", "input"} and not re.fullmatch(
        "[1-9]\\d*x[1-9]\\d*", chosen.size
    ):
        raise UserError(
            f"The option size {where} is {chosen.size!r}; write auto, input or WIDTHxHEIGHT."
        )
    if "{prompt}" not in chosen.prompt_template:
        raise UserError(f"The option prompt_template {where} holds no {{prompt}}; put it in.")
    for name in chosen.extra or {}:
        if name in OWN:
            raise UserError(
                f"The option extra {where} holds {name!r}, which is set for each request; leave it "
                "out."
            )
