"""How likely a vision-language model begins its answer with given words: protocol and one model.

The probability that the first token of a reply begins ``Yes``, ``five`` or another spelling is a
softer score than the reply itself. It needs the model's probabilities, so a checkpoint that runs
here, or values that were computed elsewhere (`metrics.imported`).
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from evals.core.checkpoints import Checkpoint, find_checkpoint
from evals.core.errors import ImageError, MissingExtra, UserError
from evals.core.images import load_rgb
from evals.core.types import JSON, Absence
from metrics.float32 import plain_float32

if TYPE_CHECKING:
    import torch

CODE = 1
"""Raised whenever the same weights could give another probability."""

YES = ("Yes", "yes", " Yes", " yes")
NO = ("No", "no", " No", " no")

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question about a picture, and the spellings whose probability is wanted.

    Attributes:
        image: file.
        text: exactly as the model reads it.
        spellings: of answers, e.g. ``("five", " five", "5")``.
    """

    image: Path
    text: str
    spellings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstToken:
    """What a model would begin its reply with.

    Attributes:
        tokens: spelling -> its first token.
        probabilities: token of a spelling -> probability in [0, 1] that it comes first.
        greedy: text of the likeliest token.
    """

    tokens: Mapping[str, int]
    probabilities: Mapping[int, float]
    greedy: str

    def any_of(self, spellings: Sequence[str]) -> float:
        """Probability that the reply begins one of the spellings, each token counted once.

        >>> reply = FirstToken(tokens={"a": 1, "b": 1}, probabilities={1: 0.5}, greedy="a")
        >>> reply.any_of(["a", "b"])
        0.5
        """
        distinct = {self.tokens[s] for s in spellings}
        return min(1.0, sum(self.probabilities[token] for token in distinct))


class AnswerProbability(Protocol):
    """What knows how likely an answer is."""

    def identity(self) -> dict[str, JSON]:
        """Everything that decides the probabilities, for fingerprints."""
        ...

    def absence(self) -> Absence | None:
        """None when it can be asked here; else why not. Looks at files only."""
        ...

    def ask(self, questions: Sequence[Question]) -> list[FirstToken | ImageError]:
        """The first token of each reply; the error of a picture that cannot be decoded."""
        ...


@dataclass(frozen=True, kw_only=True)
class LocalProbability:
    """A checkpoint of `AutoModelForImageTextToText`, asked in batches: one forward, no decoding.

    Probabilities are a softmax over the whole vocabulary in float32, at temperature 1.

    Attributes:
        checkpoint: folder or ``ORG/NAME[@COMMIT]`` in the hub's cache; empty for none.
        setting: name of the setting that gives it, for messages.
        suggestion: a checkpoint to name where none is given.
        device: torch device, or ``auto`` to spread a large checkpoint over all there are.
        dtype: of the weights.
        batch_size: questions per forward.
    """

    checkpoint: str
    setting: str = "vqa"
    suggestion: str = ""
    device: str = "cpu"
    dtype: Dtype = "auto"
    batch_size: int = 8

    @functools.cached_property
    def found(self) -> Checkpoint:
        """Where the checkpoint is, or what it lacks."""
        if self.checkpoint:
            return find_checkpoint(self.checkpoint)
        name = self.suggestion or "ORG/NAME"
        return Checkpoint(
            name="",
            absence=Absence(
                reason="no vision-language checkpoint is given",
                fix=f"run: hf download {name}, and pass --weights {self.setting}={name} (or the "
                "folder of one)",
            ),
        )

    def identity(self) -> dict[str, JSON]:
        """See `AnswerProbability`."""
        try:
            installed = importlib.metadata.version("transformers")
        except importlib.metadata.PackageNotFoundError:
            installed = ""
        return {
            "backend": "first token of a local checkpoint",
            "code": CODE,
            "checkpoint": self.found.name,
            "commit": self.found.commit,
            "files": self.found.digest,
            "dtype": self.dtype,
            "softmax": "float32",
            "transformers": installed,
        }

    def absence(self) -> Absence | None:
        """See `AnswerProbability`."""
        for package in ("torch", "torchvision", "transformers", "accelerate"):
            if importlib.util.find_spec(package) is None:
                missing = MissingExtra(package, "models", "a vision-language model")
                return Absence(
                    reason=f"the package {package} is not installed", fix=f"run: {missing.fix}"
                )
        return self.found.absence

    def ask(self, questions: Sequence[Question]) -> list[FirstToken | ImageError]:
        """See `AnswerProbability`.

        Raises:
            UserError: the checkpoint cannot be loaded.
        """
        loaded = _load(str(self.found.folder), self.found.digest, self.device, self.dtype)
        done: dict[int, FirstToken | ImageError] = {}
        # Consecutive questions are mostly about one picture, which is decoded once per batch.
        for start in range(0, len(questions), self.batch_size):
            batch = list(enumerate(questions))[start : start + self.batch_size]
            images: dict[Path, Any] = {}
            for number, question in batch:
                try:
                    if question.image not in images:
                        images[question.image] = load_rgb(question.image)
                except ImageError as error:
                    done[number] = error
            good = [(n, q) for n, q in batch if n not in done]
            if good:
                replies = loaded.first([(images[q.image], q) for _, q in good])
                done |= {n: reply for (n, _), reply in zip(good, replies, strict=True)}
        return [done[number] for number in range(len(questions))]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loaded:
    model: Any
    processor: Any

    def first(self, batch: Sequence[tuple[Any, Question]]) -> list[FirstToken]:
        """The first token of each reply, in one forward."""
        import torch

        conversations = [
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "image": image},
                        {"type": "text", "text": question.text},
                    ],
                }
            ]
            for image, question in batch
        ]
        # Padded on the left, so that the last position is the reply's first in every row.
        inputs = self.processor.apply_chat_template(
            conversations, add_generation_prompt=True, tokenize=True, return_dict=True,
            return_tensors="pt", processor_kwargs={"padding": True, "padding_side": "left"},
        ).to(self.model.device, dtype=self.model.dtype)  # fmt: skip
        accepted = inspect.signature(self.model.forward).parameters
        last = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        with torch.inference_mode(), plain_float32():
            logits = self.model(**inputs, **last).logits[:, -1]
            chances = logits.float().softmax(-1).cpu()
        return [self._reply(row, q) for row, (_, q) in zip(chances, batch, strict=True)]

    def _reply(self, chances: torch.Tensor, question: Question) -> FirstToken:
        tokenizer = self.processor.tokenizer
        tokens = {
            s: int(tokenizer.encode(s, add_special_tokens=False)[0]) for s in question.spellings
        }
        return FirstToken(
            tokens=tokens,
            probabilities={token: float(chances[token]) for token in tokens.values()},
            greedy=tokenizer.decode([int(chances.argmax())]),
        )


@functools.lru_cache(maxsize=1)
def _load(folder: str, digest: str, device: str, dtype: str) -> _Loaded:
    """The model of this process, in evaluation mode.

    Raises:
        UserError: it cannot be loaded, or no conversation can be had with it.
    """
    del digest  # part of the key: other weights in the same folder are another model
    # Not an import statement: type checkers would read all of transformers for two classes.
    library: Any = importlib.import_module("transformers")
    library.utils.logging.disable_progress_bar()  # the run draws its own
    try:
        processor = library.AutoProcessor.from_pretrained(folder)
        if not getattr(processor, "chat_template", None):
            raise ValueError("it has no chat template")
        model = library.AutoModelForImageTextToText.from_pretrained(
            folder, dtype=dtype, device_map=device, use_safetensors=True
        )
    except Exception as error:
        raise UserError(
            f"The vision-language model in {folder} cannot be loaded ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}); give another checkpoint."
        ) from error
    return _Loaded(model=model.eval(), processor=processor)
