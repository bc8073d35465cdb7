"""Soft-TIFA as a metric: every atom of a prompt is asked of a vision-language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.common.quantities import count, share
from benchmarks.generation.geneval2.data import Atom, GenEval2Reference
from benchmarks.generation.geneval2.rules import (
    SKILLS,
    arithmetic_mean,
    geometric_mean,
    hard,
    rivals,
    soft,
    spellings,
    strict_soft,
)
from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings, make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score
from metrics.imported import Record, imported, shares_of
from metrics.model_or_values import ModelOrValues
from metrics.vqa_probability import (
    AnswerProbability,
    FirstToken,
    LocalProbability,
    Question,
)
from metrics.wording import Wording, wording

CODE = 1
"""Raised whenever a value of this metric would change; part of every fingerprint."""

OFFICIAL_MODEL = "Qwen/Qwen3-VL-8B-Instruct"

ASK = "{question} Give your answer as one single word."
"""Our wording of the request; the protocol's own is of the same length and content."""


_NO_ZERO = "it is a sum over the atoms of a picture"
QUANTITIES = (
    share("gm_strict", "Geometric mean over the atoms; each token counts once, and one that begins "
          "other answers too does not count.", label="GM strict"),
    share("am_strict", "Arithmetic mean over the atoms, read as for GM strict.", label="AM strict"),
    share("gm", "Geometric mean over the atoms, as released.", "official", "Soft-TIFA GM"),
    share("am", "Arithmetic mean over the atoms, as released.", "official", "Soft-TIFA AM"),
    share("tifa", "Share of the atoms whose likeliest first token is the answer.", "official",
          "TIFA"),
    *(count(f"{s}_sum", f"Summed scores of the atoms of the skill {s}, as released.",
            no_zero=_NO_ZERO) for s in SKILLS),
    *(count(f"{s}_atoms", f"How many atoms of the skill {s} the prompt has.", no_zero=_NO_ZERO)
      for s in SKILLS),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SoftTifa(ModelOrValues):
    """How surely a model finds each atom of a prompt in the picture.

    Samples must have a `GenEval2Reference`.

    Attributes:
        model: what is asked.
        words: how a question is put.
    """

    code = CODE

    model: AnswerProbability
    words: Wording
    name: str = "soft_tifa"
    quantities: tuple[Quantity, ...] = field(default=QUANTITIES, repr=False)
    batch_size: int = 8

    def identity(self) -> Mapping[str, JSON]:
        """Model and wording."""
        return {"model": self.model.identity(), "words": self.words.identity()}

    def model_absence(self) -> Absence | None:
        """See `ModelOrValues`."""
        return self.model.absence()

    def ask(self, items: Sequence[Item]) -> list[Score]:
        """One question per atom."""
        replies = iter(self.model.ask([q for item in items for q in self._questions(item)]))
        return [self._asked(item, [next(replies) for _ in _atoms(item)]) for item in items]

    def _questions(self, item: Item) -> Iterator[Question]:
        for atom in _atoms(item):
            wanted = spellings(atom.question, atom.answer)
            yield Question(
                image=item.images[0],
                text=self.words.put(atom.question),
                spellings=(*wanted, *sorted(rivals(wanted))),
            )

    def _asked(self, item: Item, replies: Sequence[FirstToken | ImageError]) -> Score:
        good = []
        for reply in replies:
            if isinstance(reply, ImageError):
                return no_score(self, item, "failed", f"{reply.kind}: {reply}")
            good.append(reply)
        wanted = [spellings(a.question, a.answer) for a in _atoms(item)]
        pairs = list(zip(good, wanted, strict=True))
        softs, hards = [soft(*p) for p in pairs], [hard(*p) for p in pairs]
        return self._made(item, softs, [strict_soft(*p) for p in pairs], hards)

    def take(self, item: Item, record: Record, key: str) -> Score:
        """Its list ``scores``, and ``greedy`` where it has one."""
        count = len(_atoms(item))
        softs = shares_of(record, "scores", count)
        hards = shares_of(record, "greedy", count) if "greedy" in record else None
        for problem in (softs, hards):
            if isinstance(problem, str):
                return no_score(self, item, "failed", f"{key}: {problem}")
        assert isinstance(softs, list)
        assert not isinstance(hards, str)
        return self._made(item, softs, softs, hards)

    def _made(
        self,
        item: Item,
        softs: Sequence[float],
        stricts: Sequence[float],
        hards: Sequence[float] | None,
    ) -> Score:
        atoms, notes = _atoms(item), {}
        parts: dict[str, float | None] = {
            "gm_strict": geometric_mean(stricts),
            "am_strict": arithmetic_mean(stricts),
            "gm": geometric_mean(softs),
            "am": arithmetic_mean(softs),
            "tifa": None if hards is None else arithmetic_mean(hards),
        }
        for name in ("gm", "am"):
            value = parts[name]
            if value is not None and value > 1:
                parts[name], notes[name] = 1.0, f"{value:.4f}, counted as 1 (GENEVAL2-2)"
        if hards is None:
            notes["tifa"] = "the imported values have no greedy answers"
        for skill in SKILLS:
            own = [s for a, s in zip(atoms, softs, strict=True) if a.skill == skill]
            parts |= {f"{skill}_sum": sum(own), f"{skill}_atoms": float(len(own))}
        evidence: dict[str, Any] = {"atoms": [round(float(s), 6) for s in softs]}
        if list(stricts) != list(softs):
            evidence["atoms_strict"] = [round(float(s), 6) for s in stricts]
        return make_score(self, item, parts, notes=notes, evidence=evidence)


def _atoms(item: Item) -> tuple[Atom, ...]:
    reference: GenEval2Reference = item.sample.reference
    return reference.atoms


def metrics(settings: ScoringSettings) -> tuple[SoftTifa]:
    """The metric for the user's settings; loads nothing.

    `settings.weights` may give ``vqa`` (a vision-language checkpoint), ``soft_tifa_prompt`` (a text
    file with ``{question}`` in place of our request) or ``soft_tifa_values`` (JSON records with
    ``scores``, one per atom, and optionally ``greedy``).

    Raises:
        UserError: the prompt file cannot be used.
    """
    given = settings.weights
    model = LocalProbability(
        checkpoint=given.get("vqa", ""), suggestion=OFFICIAL_MODEL, device=settings.device
    )
    words = wording(ASK, "{question}", given.get("soft_tifa_prompt"), "soft_tifa_prompt")
    return (SoftTifa(model=model, words=words, imported=imported(settings, "soft_tifa_values")),)
