"""GenEval as a metric: detections of each picture, colours where they are asked for, the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.generation.geneval import colours
from benchmarks.generation.geneval.classes import NAMES
from benchmarks.generation.geneval.colours import ColourNamer, Object
from benchmarks.generation.geneval.data import GenEvalReference
from benchmarks.generation.geneval.recorded import OfficialResults
from benchmarks.generation.geneval.rules import Found, Options, Spec, judge, kept_of
from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings, make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score, fingerprint
from metrics.clip import TowerSpec
from metrics.detector import DEFAULT_CHECKPOINT, Detector, Mask2Former
from metrics.detector_records import RecordedDetections
from metrics.imported import image_key, imported
from metrics.instances import Detections

CODE = 1
"""Raised whenever a value of this metric would change; part of every fingerprint."""

QUANTITIES = (
    Quantity(
        name="correct", range=(0, 1), direction="higher", worst=0.0,
        doc="Everything that the prompt asks for is in the picture, and nothing that it excludes.",
    ),
    Quantity(
        name="present", range=(0, 1), direction="higher", worst=0.0,
        doc="Share of the prompt's objects that are there in the number asked for, whatever their "
        "colour and place.",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Whether a picture shows the objects of its prompt, by detection.

    Attributes:
        detector: what finds objects.
        namer: what names their colours, where the detector does not bring them.
        options: of the protocol.
    """

    detector: Detector
    namer: ColourNamer
    options: Options = field(default_factory=Options)
    name: str = "objects"
    quantities: tuple[Quantity, ...] = field(default=QUANTITIES, repr=False)
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 16

    def fingerprint(self) -> str:
        """Identity of the scorer: rules, detector, colour classifier."""
        return fingerprint(
            {
                "metric": self.name,
                "code": CODE,
                "options": asdict(self.options),
                "detector": self.detector.identity(),
                "colours": {"code": colours.CODE, "clip": self.namer.tower.identity()},
            }
        )

    def absence(self) -> Absence | None:
        """Why there is no detector; without CLIP only the prompts about colours have no score."""
        return self.detector.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score per item; samples must have a `GenEvalReference`."""
        paths = [item.images[0] if item.images else Path() for item in items]
        keys = [image_key(i.sample.id, i.prediction.trial) for i in items]
        found = self.detector.detect(paths, keys)
        return [
            self._one(item, key, answer)
            for item, key, answer in zip(items, keys, found, strict=True)
        ]

    def _one(self, item: Item, key: str, answer: Detections | ImageError | None) -> Score:
        if answer is None:
            return no_score(
                self, item, "unavailable", f"the imported detections have no record of {key}"
            )
        if isinstance(answer, ImageError):
            return no_score(self, item, "failed", f"{answer.kind}: {answer}")
        reference: GenEvalReference = item.sample.reference
        seen = _see(reference.spec, answer, self.options)
        wanted = seen.coloured()
        absence = self.namer.tower.absence() if wanted and not answer.attributes else None
        if absence is not None:
            return no_score(self, item, "unavailable", f"colours: {absence}")
        try:
            words = self._words(item.images[0], seen, wanted) if wanted else {}
        except ImageError as error:
            return no_score(self, item, "failed", f"{error.kind}: {error}")
        except ValueError as error:
            return no_score(self, item, "failed", f"the mask of {key}: {error}")
        return self._judged(item, key, seen, words)

    def _words(
        self, path: Path, seen: _Seen, wanted: Sequence[tuple[str, Found]]
    ) -> dict[tuple[str, int], str]:
        """(class, number within it) -> colour of each object that is asked about."""
        known = seen.detections
        places = [seen.places[name][found.index] for name, found in wanted]
        if known.attributes:
            words = [known.attributes[place] for place in places]
        else:
            words = self.namer.name(
                [
                    Object(path, name, found.row[:4], known.masks[place])
                    for (name, found), place in zip(wanted, places, strict=True)
                ]
            )
        pairs = zip(wanted, words, strict=True)
        return {(name, found.index): word for (name, found), word in pairs}

    def _judged(
        self, item: Item, key: str, seen: _Seen, words: Mapping[tuple[str, int], str]
    ) -> Score:
        def colour_of(name: str, objects: Sequence[Found]) -> list[str]:
            return [words[name, found.index] for found in objects]

        verdict = judge(seen.spec, seen.kept, colour_of, self.options)
        evidence = seen.evidence(words) | {"reasons": list(verdict.reasons)}
        if isinstance(self.detector, OfficialResults):
            theirs = self.detector.verdict(key)
            if theirs is not None and theirs != verdict.correct:
                why = f"its row says correct = {theirs}, but its boxes give {verdict.correct}"
                return no_score(self, item, "failed", why, evidence)
        notes = {}
        if words and not seen.detections.attributes and None in seen.detections.masks:
            notes["correct"] = "colours with their background: an object has no mask"
        parts = {"correct": float(verdict.correct), "present": seen.present()}
        return make_score(self, item, parts, notes=notes, evidence=evidence)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Seen:
    """A picture's detections by class, as the rules want them.

    Attributes:
        kept: class -> detections that count, best first.
        places: class -> where its detections lie in `detections`.
    """

    spec: Spec
    detections: Detections
    kept: Mapping[str, Sequence[Found]]
    places: Mapping[str, Sequence[int]]

    def coloured(self) -> list[tuple[str, Found]]:
        """The objects whose colour the rules will ask for."""
        groups = [
            (c.name, self.kept.get(c.name, [])[: c.count], c.count)
            for c in self.spec.include
            if c.colour
        ]
        return [(name, f) for name, found, count in groups if len(found) == count for f in found]

    def present(self) -> float:
        """Share of the clauses whose objects are there."""
        clauses = self.spec.include
        there = sum(len(self.kept.get(c.name, [])) >= c.count for c in clauses)
        return there / len(clauses) if clauses else 1.0

    def evidence(self, words: Mapping[tuple[str, int], str]) -> dict[str, Any]:
        """What the verdict rests on: kept boxes and scores, and colours where they were asked."""
        boxes = {
            name: [[round(float(v), 4) for v in f.row] for f in found]
            for name, found in self.kept.items()
        }
        seen: dict[str, JSON] = {}
        for (name, _), word in words.items():
            told = seen.setdefault(name, [])
            assert isinstance(told, list)
            told.append(word)
        return {"kept": boxes} | ({"colours": seen} if seen else {})


def _see(spec: Spec, detections: Detections, options: Options) -> _Seen:
    rows = {name: detections.rows(label) for label, name in enumerate(NAMES)}
    boxes = {name: found for name, (found, _) in rows.items() if len(found)}
    return _Seen(
        spec=spec,
        detections=detections,
        kept=kept_of(boxes, spec.tag, options),
        places={name: at for name, (_, at) in rows.items()},
    )


def metrics(settings: ScoringSettings) -> tuple[Objects]:
    """The metric for the user's settings; loads nothing.

    `settings.weights` may give ``detector`` (a Mask2Former), ``clip``, ``geneval_results`` (the
    released script's results.jsonl) or ``geneval_detections`` (see `metrics.detector_records`).
    """
    given, cache = settings.weights, settings.cache
    clip = Path(given["clip"]).expanduser() if "clip" in given else None
    namer = ColourNamer(tower=TowerSpec(weights=clip, cache=cache), device=settings.device)
    return (Objects(detector=_detector(settings), namer=namer),)


def _detector(settings: ScoringSettings) -> Detector:
    if results := imported(settings, "geneval_results"):
        return OfficialResults(records=results)
    if detections := imported(settings, "geneval_detections"):
        return RecordedDetections(records=detections, names=NAMES)
    checkpoint = settings.weights.get("detector", DEFAULT_CHECKPOINT)
    return Mask2Former(checkpoint=checkpoint, device=settings.device)
