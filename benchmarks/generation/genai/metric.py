"""VQAScore as a metric: the probability that a model says yes, the picture shows its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings, make_score, no_score
from evals.core.types import Absence, Item, Quantity, Score, fingerprint
from metrics.imported import Imported, image_key, shares_of
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
    Quantity(
        name="score", range=(0, 1), direction="higher", worst=0.0, label="VQAScore",
        doc="Probability that the reply begins with Yes.",
    ),
    Quantity(
        name="yes_share", range=(0, 1), direction="higher", worst=0.0, label="Yes share",
        doc="Probability of yes in any spelling over that of yes or no: what the model prefers, "
        "however sure it is to answer in one word.",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VqaScore:
    """How surely a model finds a prompt in its picture.

    Attributes:
        model: what is asked.
        words: how it is asked.
        imported: values that were computed elsewhere, in place of the model; None for none.
    """

    model: AnswerProbability
    words: Wording
    imported: Imported | None = None
    name: str = "vqascore"
    quantities: tuple[Quantity, ...] = field(default=QUANTITIES, repr=False)
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 32

    def fingerprint(self) -> str:
        """Identity of the scorer: wording and model, or imported files."""
        if self.imported is not None:
            known = {"imported": self.imported.identity()}
            return fingerprint({"metric": self.name, "code": CODE} | known)
        return fingerprint(
            {
                "metric": self.name,
                "code": CODE,
                "model": self.model.identity(),
                "words": self.words.identity(),
            }
        )

    def absence(self) -> Absence | None:
        """Why there is neither a model nor imported values."""
        return self.model.absence() if self.imported is None else self.imported.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score per item."""
        if self.imported is not None:
            return [self._read(item, self.imported) for item in items]
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

    def _read(self, item: Item, imported: Imported) -> Score:
        key = image_key(item.sample.id, item.prediction.trial)
        record = imported.by_key.get(key)
        if record is None:
            return no_score(self, item, "unavailable", f"the imported values have none of {key}")
        value = shares_of({"score": [record.get("score")]}, "score", 1)
        if isinstance(value, str):
            return no_score(self, item, "failed", f"{key}: {value}")
        notes = {"yes_share": "the value was imported"}
        return make_score(self, item, {"score": value[0], "yes_share": None}, notes=notes)


def metrics(settings: ScoringSettings) -> tuple[VqaScore]:
    """The metric for the user's settings; loads nothing.

    `settings.weights` may give ``vqa`` (a vision-language checkpoint), ``vqascore_prompt`` (a text
    file with ``{prompt}`` in place of our question) or ``vqascore_values`` (JSON records with a
    ``score``, e.g. of CLIP-FlanT5-XXL).

    Raises:
        UserError: the prompt file cannot be used.
    """
    given, values = settings.weights, "vqascore_values"
    imported = None
    if values in given:
        path = Path(given[values]).expanduser()
        imported = Imported(path=path, setting=values, cache=settings.cache)
    return (replace(asking(settings), imported=imported),)


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
