"""VQAScore as a metric: the probability that a model says yes, the picture shows its prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.common.quantities import share
from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings, make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score
from metrics.imported import Record, imported, number_of
from metrics.model_or_values import ModelOrValues
from metrics.vqa_probability import (
    NO,
    YES,
    AnswerProbability,
    FirstToken,
    LocalProbability,
    Question,
)
from metrics.wording import Wording, wording

CODE = 1
"""Raised whenever a value of this metric would change; part of every fingerprint."""

SUGGESTION = "Qwen/Qwen2.5-VL-7B-Instruct"

ASK = 'Is everything in this text visible in the image: "{prompt}"? Say only Yes or No.'
"""Our wording; the protocol asks whether the figure shows the prompt, and wants yes or no."""

QUANTITIES = (
    share("score", "Probability that the reply begins with Yes.", label="VQAScore"),
    share(
        "yes_share", "Probability of yes in any spelling over that of yes or no: what the model "
        "prefers, however sure it is to answer in one word.", label="Yes share",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VqaScore(ModelOrValues):
    """How surely a model finds a prompt in its picture.

    Attributes:
        model: what is asked.
        words: how it is asked.
    """

    code = CODE

    model: AnswerProbability
    words: Wording
    name: str = "vqascore"
    quantities: tuple[Quantity, ...] = field(default=QUANTITIES, repr=False)

    def identity(self) -> Mapping[str, JSON]:
        """Model and wording."""
        return {"model": self.model.identity(), "words": self.words.identity()}

    def model_absence(self) -> Absence | None:
        """See `ModelOrValues`."""
        return self.model.absence()

    def ask(self, items: Sequence[Item]) -> list[Score]:
        """One question per item."""
        asked = [
            Question(
                image=item.images[0],
                text=self.words.put(item.sample.prompt),
                spellings=(*YES, *NO),
            )
            for item in items
        ]
        pairs = zip(items, self.model.ask(asked), strict=True)
        return [self._one(item, reply) for item, reply in pairs]

    def _one(self, item: Item, reply: FirstToken | ImageError) -> Score:
        if isinstance(reply, ImageError):
            return no_score(self, item, "failed", f"{reply.kind}: {reply}")
        # A token that begins both yes and no (a bare space) says neither.
        shared = {reply.tokens[s] for s in YES} & {reply.tokens[s] for s in NO}
        yes, no = (
            reply.any_of([s for s in words if reply.tokens[s] not in shared]) for words in (YES, NO)
        )
        parts = {
            "score": reply.probabilities[reply.tokens["Yes"]],
            "yes_share": yes / (yes + no) if yes + no > 0 else None,
        }
        notes = {} if parts["yes_share"] is not None else {"yes_share": "neither is possible"}
        evidence = {"yes": round(yes, 6), "no": round(no, 6), "greedy": reply.greedy}
        return make_score(self, item, parts, notes=notes, evidence=evidence)

    def take(self, item: Item, record: Record, key: str) -> Score:
        """Its field ``score``."""
        value = number_of(record, "score", 0, 1)
        if isinstance(value, str):
            return no_score(self, item, "failed", f"{key}: {value}")
        notes = {"yes_share": "the value was imported"}
        return make_score(self, item, {"score": value, "yes_share": None}, notes=notes)


def metrics(settings: ScoringSettings) -> tuple[VqaScore]:
    """The metric for the user's settings; loads nothing.

    `settings.weights` may give ``vqa`` (a vision-language checkpoint), ``vqascore_prompt`` (a text
    file with ``{prompt}`` in place of our question) or ``vqascore_values`` (JSON records with a
    ``score``, e.g. of CLIP-FlanT5-XXL).

    Raises:
        UserError: the prompt file cannot be used.
    """
    return (replace(asking(settings), imported=imported(settings, "vqascore_values")),)


def asking(settings: ScoringSettings) -> VqaScore:
    """A vision-language checkpoint (``weights.vqa``) asked in the user's words or ours.

    Raises:
        UserError: the prompt file cannot be used.
    """
    given = settings.weights
    model = LocalProbability(
        checkpoint=given.get("vqa", ""), suggestion=SUGGESTION, device=settings.device
    )
    words = wording(ASK, "{prompt}", given.get("vqascore_prompt"), "vqascore_prompt")
    return VqaScore(model=model, words=words)
