"""Metrics of a model that runs here, in whose place values can be imported."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from evals.core.protocols import no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score, fingerprint
from metrics.imported import Imported, Record, image_key


@dataclass(frozen=True, kw_only=True)
class ModelOrValues(ABC):
    """A model, or a file of what it said elsewhere.

    Attributes:
        imported: values that were computed elsewhere, in place of the model; None for none.
        code: raised whenever a value of the kind would change; part of every fingerprint.
    """

    code: ClassVar[int] = 1

    imported: Imported | None = None
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 32

    @property
    @abstractmethod
    def name(self) -> str:
        """See `Metric`."""

    @property
    @abstractmethod
    def quantities(self) -> tuple[Quantity, ...]:
        """See `Metric`."""

    @abstractmethod
    def identity(self) -> Mapping[str, JSON]:
        """Everything of the model that decides a score."""

    @abstractmethod
    def model_absence(self) -> Absence | None:
        """Why the model cannot be had; looks at files only."""

    @abstractmethod
    def ask(self, items: Sequence[Item]) -> list[Score]:
        """One score per item, by the model."""

    @abstractmethod
    def take(self, item: Item, record: Record, key: str) -> Score:
        """The score that an imported record amounts to; `key` names the image in messages."""

    def fingerprint(self) -> str:
        """See `Metric`: model, or imported files."""
        known: Mapping[str, JSON] = (
            self.identity() if self.imported is None else {"imported": self.imported.identity()}
        )
        return fingerprint({"metric": self.name, "code": self.code, **known})

    def absence(self) -> Absence | None:
        """Why there is neither a model nor imported values."""
        return self.model_absence() if self.imported is None else self.imported.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`."""
        if self.imported is None:
            return self.ask(items)
        return [self._imported(item, self.imported) for item in items]

    def _imported(self, item: Item, imported: Imported) -> Score:
        key = image_key(item.sample.id, item.prediction.trial)
        record = imported.by_key.get(key)
        if record is None:
            return no_score(self, item, "unavailable", f"the imported values have none of {key}")
        return self.take(item, record, key)
