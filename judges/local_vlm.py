"""A judge that runs here: a vision-language checkpoint of `transformers`, asked one at a time.

It decodes greedily, so that one question has one answer and repeats say nothing new. Weights are
read when the first question comes, from a folder or from what the hub's cache holds: judging
downloads nothing.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import logging
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from evals.core.checkpoints import Checkpoint, find_checkpoint
from evals.core.errors import Halt, ImageError, MissingExtra, UserError, unknown
from evals.core.types import JSON, Absence, fingerprint
from evals.core.verdicts import Verdict
from judges.images import fits, shown
from judges.prices import Price
from judges.request import Request
from judges.verdict import attempt_at, judged

if TYPE_CHECKING:
    from judges.catalog import Context

CODE = 1
"""Raised whenever the same checkpoint could say something else."""

DEFAULTS: Mapping[str, JSON] = {
    "max_new_tokens": 1024,
    "dtype": "auto",
    "device": "",
    "trust_remote_code": False,
}
"""Options and what they are when not given. An empty `device` is the run's; ``auto`` spreads a
large checkpoint over all that there is."""

_DTYPES = ("auto", "float32", "bfloat16", "float16")
_PACKAGES = ("torch", "torchvision", "transformers", "accelerate")
_log = logging.getLogger(__name__)


def read_options(given: Mapping[str, JSON]) -> dict[str, Any]:
    """Options with their types, from text where they came from the command line.

    Raises:
        UserError: an unknown option, or a value that makes no sense.
    """
    found: dict[str, Any] = dict(DEFAULTS)
    for name, value in given.items():
        if name not in DEFAULTS:
            raise unknown("option of the judge backend 'local'", name, DEFAULTS)
        found[name] = value
    tokens, dtype, trust = (found[n] for n in ("max_new_tokens", "dtype", "trust_remote_code"))
    if isinstance(tokens, bool) or not str(tokens).isdecimal() or int(tokens) < 1:
        raise UserError(f"The judge option max_new_tokens = {tokens!r} is no number from 1 on.")
    if dtype not in _DTYPES:
        raise unknown("dtype for the judge backend 'local'", str(dtype), _DTYPES)
    if str(trust).lower() not in {"true", "false"}:
        raise UserError(f"The judge option trust_remote_code = {trust!r} is not true or false.")
    found["max_new_tokens"] = int(tokens)
    found["trust_remote_code"] = str(trust).lower() == "true"
    found["device"] = str(found["device"] or "")
    return found


# --- the judge ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    model: Any
    processor: Any
    controls: frozenset[str]
    ends: frozenset[int]


@dataclass(kw_only=True)
class LocalVlm:
    """See the module.

    Attributes:
        name: under which it stands in tables.
        checkpoint: whose weights answer.
        options: checked, see `DEFAULTS`.
        device: of the run, where the options name none.
    """

    name: str
    checkpoint: Checkpoint
    options: Mapping[str, Any]
    device: str = "cpu"
    _loaded: _Loaded | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    endpoint = "local"
    price = Price(input=0.0, output=0.0)

    @property
    def model(self) -> str:
        """Name of the checkpoint, with the hub's commit where it has one."""
        commit = self.checkpoint.commit
        return f"{self.checkpoint.name}@{commit[:12]}" if commit else self.checkpoint.name

    def identity(self) -> dict[str, JSON]:
        """Everything that decides what is answered, which is neither place nor device."""
        try:
            installed = version("transformers")
        except PackageNotFoundError:
            installed = ""
        return {
            "backend": "local",
            "code": CODE,
            "model": self.checkpoint.name,
            "commit": self.checkpoint.commit,
            "files": self.checkpoint.digest,
            "decoding": "greedy",
            "max_new_tokens": self.options["max_new_tokens"],
            "dtype": self.options["dtype"],
            "transformers": installed,
        }

    def absence(self) -> Absence | None:
        """None when it can be asked; else what is missing."""
        for package in _PACKAGES:
            if importlib.util.find_spec(package) is None:
                missing = MissingExtra(package, "models", "a judge that runs here")
                return Absence(
                    reason=f"the package {package} is not installed", fix=f"run: {missing.fix}"
                )
        return self.checkpoint.absence

    async def ask(self, request: Request) -> Verdict:
        """One reply, one attempt; see `judges.request.Judge`.

        Raises:
            Halt: the checkpoint cannot be loaded.
        """
        start = time.perf_counter()
        stop = threading.Event()
        try:
            found = await asyncio.to_thread(self._answer, request, stop)
        except asyncio.CancelledError:
            stop.set()  # or the thread would go on to the last token, and the command wait for it
            raise
        except (ImageError, Unaskable) as error:
            # Nobody was asked: there is no attempt to record.
            kind = f"{error.kind}: " if isinstance(error, ImageError) else ""
            return Verdict(judge=self.name, status="rejected", reason=f"{kind}{error}")
        attempt = attempt_at(
            request,
            key=fingerprint(self.identity()),
            seconds=time.perf_counter() - start,
            name=self.name,
            asked=self.model,
            served=self.model,
            endpoint=self.endpoint,
            cost=0.0,
            **found,
        )
        return judged(request, attempt)

    async def close(self) -> None:
        """Let go of the weights."""
        with self._lock:
            self._loaded = None
        _free()

    # --- in a thread ------------------------------------------------------------------------

    def _answer(self, request: Request, stop: threading.Event) -> dict[str, Any]:
        """Status, text and usage of one reply."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            loaded = self._loaded
            messages = conversation(request, loaded.controls)
            try:
                return self._generate(loaded, messages, stop)
            except Exception as error:  # out of memory, a picture that the processor does not take
                _log.debug("the checkpoint failed", exc_info=True)
                reason = f"{type(error).__name__}: {error}"[:500]
            _free()
            return {"status": "server_error", "reason": reason}

    def _load(self) -> _Loaded:
        """Read the weights.

        Raises:
            Halt: they cannot be loaded, or no conversation can be had with them.
        """
        # Not an import statement: type checkers would read all of transformers for two classes.
        library: Any = importlib.import_module("transformers")
        library.utils.logging.disable_progress_bar()  # the run draws its own
        folder, trust = self.checkpoint.folder, self.options["trust_remote_code"]
        try:
            processor = library.AutoProcessor.from_pretrained(folder, trust_remote_code=trust)
            if not getattr(processor, "chat_template", None):
                raise ValueError("it has no chat template")
            model = library.AutoModelForImageTextToText.from_pretrained(
                folder,
                dtype=self.options["dtype"],
                device_map=self.options["device"] or self.device,
                use_safetensors=True,
                trust_remote_code=trust,
            )
        except Exception as error:
            raise Halt(
                f"{self.name}: the checkpoint cannot be loaded ({type(error).__name__}: "
                f"{' '.join(str(error).split())[:300]})"
            ) from error
        ends = model.generation_config.eos_token_id
        return _Loaded(
            model=model.eval(),
            processor=processor,
            controls=_controls(processor),
            ends=frozenset(ends if isinstance(ends, list) else () if ends is None else (ends,)),
        )

    def _generate(
        self, loaded: _Loaded, messages: list[dict[str, Any]], stop: threading.Event
    ) -> dict[str, Any]:
        import torch

        def stopped(ids: Any, scores: Any, **_: Any) -> Any:
            return torch.full((len(ids),), stop.is_set(), dtype=torch.bool, device=ids.device)

        model, most = loaded.model, self.options["max_new_tokens"]
        inputs = loaded.processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True,
            return_tensors="pt",
        ).to(model.device, dtype=model.dtype)  # fmt: skip
        with torch.inference_mode():
            # The checkpoint's own settings may sample; None switches those off.
            made = model.generate(
                **inputs, max_new_tokens=most, do_sample=False, num_beams=1, temperature=None,
                top_p=None, top_k=None, stopping_criteria=[stopped],
            )  # fmt: skip
        given = inputs["input_ids"].shape[1]
        tokens = made[0, given:].tolist()
        raw = loaded.processor.decode(tokens, skip_special_tokens=True)
        found: dict[str, Any] = {
            "raw": raw,
            "finish": "stop" if tokens and tokens[-1] in loaded.ends else "length",
            "usage": {"input_tokens": float(given), "output_tokens": float(len(tokens))},
        }
        if found["finish"] == "length":
            reason = (
                f"the reply hit the limit of {most} tokens; raise --judge-option max_new_tokens=N"
            )
            return {**found, "status": "truncated", "reason": reason}
        if not raw.strip():
            return {**found, "status": "empty", "reason": "the reply holds no text"}
        return {**found, "status": "answered"}


class Unaskable(Exception):
    """A question that this checkpoint would not read as it is written."""


def conversation(request: Request, controls: frozenset[str]) -> list[dict[str, Any]]:
    """The conversation, images as pixels.

    Raises:
        ImageError: an image cannot be decoded.
        Unaskable: a text of the sample holds a control token, which would end its fence.
    """
    for slot in request.rubric.fields:
        held = next((c for c in controls if c in request.fields.get(slot.name, "")), None)
        if held is not None:
            raise Unaskable(f"the field {slot.name} holds {held!r}, a control token of this judge")
    system, text, labels = request.rubric.text(request.fields)
    content: list[dict[str, Any]] = []
    for label, image, size in zip(labels, request.shown, fits(request), strict=True):
        content += [{"type": "text", "text": label}] if label else []
        pixels = shown(image.path, request.rubric.policy, size)
        content.append({"type": "image", "image": pixels})
    words = {"type": "text", "text": text}
    # The released script puts its text before the images; ours speaks of what was just shown.
    content = [words, *content] if request.rubric.official else [*content, words]
    messages = [{"role": "system", "content": [{"type": "text", "text": system}]}] if system else []
    return [*messages, {"role": "user", "content": content}]


def _controls(processor: Any) -> frozenset[str]:
    """Texts that the tokenizer takes for more than text."""
    tokenizer = processor.tokenizer
    special = (t.content for t in tokenizer.added_tokens_decoder.values() if t.special)
    return frozenset(
        t for t in (*special, getattr(processor, "image_token", None)) if isinstance(t, str) and t
    )


def _free() -> None:
    """Give back the memory that nobody holds any more."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def make(
    name: str, argument: str | None, options: Mapping[str, JSON], context: Context
) -> LocalVlm:
    """The judge ``local:FOLDER`` or ``local:ORG/NAME``.

    Raises:
        UserError: no checkpoint, or an option that makes no sense.
    """
    if not argument:
        raise UserError("The judge 'local' names no checkpoint; write --judge local:FOLDER.")
    checked = read_options(options)
    return LocalVlm(
        name=name, checkpoint=find_checkpoint(argument), options=checked, device=context.device
    )
