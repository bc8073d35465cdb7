"""The HPSv2 reward as a metric, one per release of its weights."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings, make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score
from metrics.imported import Record, imported, number_of
from metrics.model_or_values import ModelOrValues
from metrics.preference import SETTINGS, Reward, Version

CODE = 1
"""Raised whenever a value of this metric would change; part of every fingerprint."""

NAMES: dict[Version, str] = {"v2.1": "hps_v2_1", "v2.0": "hps_v2"}


@functools.cache
def _quantities(version: Version) -> tuple[Quantity, ...]:
    quantity = Quantity(
        name="reward", range=(-100, 100), direction="higher", label=f"HPS{version}",
        doc=f"100 times the cosine of picture and prompt in the HPS{version} reward model; there "
        "is no worst value that a missing image could count.",
        no_zero="a reward of 0 is far outside of what pictures get",
    )  # fmt: skip
    return (quantity,)


@dataclass(frozen=True, kw_only=True)
class Preference(ModelOrValues):
    """How much people would like a picture for its prompt.

    Attributes:
        reward: the model.
    """

    code = CODE

    reward: Reward

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The reward."""
        return _quantities(self.reward.version)

    @property
    def name(self) -> str:
        """One metric per release: their rewards are not comparable."""
        return NAMES[self.reward.version]

    def identity(self) -> Mapping[str, JSON]:
        """Weights and preparation."""
        return {"reward": self.reward.identity()}

    def model_absence(self) -> Absence | None:
        """See `ModelOrValues`."""
        return self.reward.absence()

    def ask(self, items: Sequence[Item]) -> list[Score]:
        """One reward per item."""
        found = self.reward.score([(i.images[0], i.sample.prompt) for i in items])
        return [
            no_score(self, item, "failed", f"{value.kind}: {value}")
            if isinstance(value, ImageError)
            else make_score(self, item, {"reward": value})
            for item, value in zip(items, found, strict=True)
        ]

    def take(self, item: Item, record: Record, key: str) -> Score:
        """Its field ``reward``."""
        value = number_of(record, "reward", *self.quantities[0].range)
        if isinstance(value, str):
            return no_score(self, item, "failed", f"{key}: {value}")
        return make_score(self, item, {"reward": value})


def metrics(settings: ScoringSettings) -> tuple[Preference, ...]:
    """Both releases for the user's settings; loads nothing.

    `settings.weights` may give ``hpsv2_1`` and ``hpsv2`` (the released files), or
    ``hps_v2_1_values`` and ``hps_v2_values`` (JSON records with a ``reward``).
    """
    return tuple(_preference(settings, version) for version in NAMES)


def _preference(settings: ScoringSettings, version: Version) -> Preference:
    file = settings.weights.get(SETTINGS[version])
    reward = Reward(
        version=version, weights=Path(file).expanduser() if file else None, cache=settings.cache,
        device=settings.device,
    )  # fmt: skip
    return Preference(reward=reward, imported=imported(settings, f"{NAMES[version]}_values"))
