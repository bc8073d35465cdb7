"""Soft-TIFA as a metric: every atom of a prompt is asked of a vision-language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
from evals.core.types import Absence, Item, Profile, Quantity, Score, fingerprint
from metrics.imported import Imported, image_key, shares_of
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


def _share(name: str, label: str, doc: str, profile: Profile = "strict") -> Quantity:
    worst = 0.0 if profile == "strict" else None
    return Quantity(
        name=name, range=(0, 1), direction="higher", worst=worst, profile=profile, label=label,
        doc=doc,
    )  # fmt: skip


def _sum(name: str, doc: str) -> Quantity:
    return Quantity(
        name=name, range=(0, float("inf")), direction="higher", profile="official", doc=doc,
        no_zero="it is a sum over the atoms of a picture", auxiliary=True,
    )  # fmt: skip


QUANTITIES = (
    _share("gm_strict", "GM strict", "Geometric mean over the atoms; each token counts once, and "
           "one that begins other answers too does not count."),
    _share("am_strict", "AM strict", "Arithmetic mean over the atoms, read as for GM strict."),
    _share("gm", "Soft-TIFA GM", "Geometric mean over the atoms, as released.", "official"),
    _share("am", "Soft-TIFA AM", "Arithmetic mean over the atoms, as released.", "official"),
    _share("tifa", "TIFA", "Share of the atoms whose likeliest first token is the answer.",
           "official"),
    *(_sum(f"{s}_sum", f"Summed scores of the atoms of the skill {s}, as released.")
      for s in SKILLS),
    *(_sum(f"{s}_atoms", f"How many atoms of the skill {s} the prompt has.") for s in SKILLS),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SoftTifa:
    """How surely a model finds each atom of a prompt in the picture.

    Attributes:
        model: what is asked.
        words: how a question is put.
        imported: values that were computed elsewhere, in place of the model; None for none.
    """

    model: AnswerProbability
    words: Wording
    imported: Imported | None = None
    name: str = "soft_tifa"
    quantities: tuple[Quantity, ...] = field(default=QUANTITIES, repr=False)
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 8

    def fingerprint(self) -> str:
        """Identity of the scorer: rules, wording, model or imported files."""
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
        """One score per item; samples must have a `GenEval2Reference`."""
        if self.imported is not None:
            return [self._read(item, self.imported) for item in items]
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

    def _read(self, item: Item, imported: Imported) -> Score:
        key = image_key(item.sample.id, item.prediction.trial)
        record = imported.by_key.get(key)
        if record is None:
            return no_score(self, item, "unavailable", f"the imported values have none of {key}")
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
    given, values = settings.weights, "soft_tifa_values"
    model = LocalProbability(
        checkpoint=given.get("vqa", ""), suggestion=OFFICIAL_MODEL, device=settings.device
    )
    words = wording(ASK, "{question}", given.get("soft_tifa_prompt"), "soft_tifa_prompt")
    imported = None
    if values in given:
        path = Path(given[values]).expanduser()
        imported = Imported(path=path, setting=values, cache=settings.cache)
    return (SoftTifa(model=model, words=words, imported=imported),)
