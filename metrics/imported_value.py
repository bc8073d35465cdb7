"""A metric whose values were computed elsewhere, by models that do not run in this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evals.core.protocols import ScoringSettings, make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Sample, Score, fingerprint
from metrics.imported import Imported, image_key, imported, number_of

CODE = 1
"""Raised whenever a value can change; part of every fingerprint."""


def always(sample: Sample) -> str:
    """Every sample is concerned."""
    return ""


@dataclass(frozen=True, kw_only=True)
class ImportedValue:
    """One number per image, or per prompt, from a file that the user brings.

    Attributes:
        name: of the metric; its file is the setting ``weights.<benchmark>_<name>_values``.
        quantities: the one that it reports.
        setting: name of that setting.
        imported: the file; None when none is given.
        model: what computes the values, for people.
        concerns: sample -> why it is not scored for any model; empty when it is.
        per_prompt: one record, without a trial, stands for all images of a prompt.
    """

    name: str
    quantities: tuple[Quantity, ...] = field(repr=False)
    setting: str
    imported: Imported | None
    model: str
    concerns: Callable[[Sample], str] = field(default=always, repr=False)
    per_prompt: bool = False
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 256

    def fingerprint(self) -> str:
        """See `Metric`: the hash of the file."""
        file: JSON = "absent" if self.absence() is not None else dict(self._file.identity())
        return fingerprint({"metric": self.name, "code": CODE, "values": file})

    def absence(self) -> Absence | None:
        """See `Metric`."""
        if self.imported is None:
            return Absence(
                reason=f"{self.name} is computed by {self.model}, which this package does not run",
                fix='compute it elsewhere and give a file of lines {"sample": ..., "trial": ..., '
                f'"value": ...}} as weights.{self.setting}',
            )
        return self.imported.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`.

        Raises:
            UserError: the file is malformed.
        """
        return [self._one(item) for item in items]

    @property
    def _file(self) -> Imported:
        assert self.imported is not None, "asked although it is absent"
        return self.imported

    def _one(self, item: Item) -> Score:
        why = self.concerns(item.sample)
        if why:
            return no_score(self, item, "not_applicable", why)
        trial = 0 if self.per_prompt else item.prediction.trial
        key = image_key(item.sample.id, trial)
        record = self._file.by_key.get(key)
        if record is None:
            return no_score(self, item, "failed", f"the file holds no record of {key}")
        value = number_of(record, "value", *self.quantities[0].range)
        if isinstance(value, str):
            return no_score(self, item, "failed", value)
        return make_score(self, item, {self.quantities[0].name: value})


def imported_value(
    settings: ScoringSettings, setting: str, quantity: Quantity, *, model: str,
    concerns: Callable[[Sample], str] = always, per_prompt: bool = False,
) -> ImportedValue:  # fmt: skip
    """The metric called like its quantity, over the file that the settings name."""
    return ImportedValue(
        name=quantity.name, quantities=(quantity,), setting=setting, model=model,
        imported=imported(settings, setting), concerns=concerns, per_prompt=per_prompt,
    )  # fmt: skip
