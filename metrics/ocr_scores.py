"""Metrics over the lines that an OCR engine reads in an image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from evals.core.errors import ImageError
from evals.core.protocols import no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score, fingerprint
from metrics.ocr import OcrReader


@dataclass(frozen=True, kw_only=True)
class OcrMetric(ABC):
    """Reads the first image of a prediction; what the lines are worth, its kinds say.

    Attributes:
        reader: reads images through its cache.
        code: raised whenever a value of the kind would change; part of every fingerprint.
    """

    code: ClassVar[int] = 1

    reader: OcrReader
    quantities: tuple[Quantity, ...] = field(repr=False)
    name: str = "ocr"
    parallel: Literal["process", "driver"] = "process"
    batch_size: int = 8

    @abstractmethod
    def of_lines(self, item: Item, lines: Sequence[str]) -> Score:
        """The score of an image in which these lines were read."""

    def inapplicable(self, item: Item) -> str:
        """Why a sample has no score, whatever its image holds; empty when it has one."""
        return ""

    def fingerprint(self) -> str:
        """See `Metric`."""
        engine: JSON = self.reader.identity() if self.absence() is None else "absent"
        return fingerprint({"metric": self.name, "code": self.code, "ocr": engine})

    def absence(self) -> Absence | None:
        """See `Metric`: that of the OCR engine, so that none is never a score of 0."""
        return self.reader.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`; one image is in memory at a time."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Score:
        if reason := self.inapplicable(item):
            return no_score(self, item, "not_applicable", reason)
        if not item.images:
            return no_score(self, item, "failed", "not_found: the prediction holds no image")
        try:
            lines = [found.text for found in self.reader.read(item.images[0])]
        except ImageError as error:
            return no_score(self, item, "failed", f"{error.kind}: {error}")
        return self.of_lines(item, lines)
