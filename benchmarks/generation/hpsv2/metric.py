"""The HPSv2 reward as a metric, one per release of its weights."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings, make_score, no_score
from evals.core.types import Absence, Item, Quantity, Score, fingerprint
from metrics.imported import Imported, image_key
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
class Preference:
    """How much people would like a picture for its prompt.

    Attributes:
        reward: the model.
        imported: values that were computed elsewhere, in place of the model; None for none.
    """

    reward: Reward
    imported: Imported | None = None
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 32

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The reward."""
        return _quantities(self.reward.version)

    @property
    def name(self) -> str:
        """One metric per release: their rewards are not comparable."""
        return NAMES[self.reward.version]

    def fingerprint(self) -> str:
        """Identity of the scorer: weights and preparation, or imported files."""
        if self.imported is not None:
            known = {"imported": self.imported.identity()}
            return fingerprint({"metric": self.name, "code": CODE} | known)
        known = {"reward": self.reward.identity()}
        return fingerprint({"metric": self.name, "code": CODE} | known)

    def absence(self) -> Absence | None:
        """Why there are neither weights nor imported values."""
        return self.reward.absence() if self.imported is None else self.imported.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score per item."""
        if self.imported is not None:
            return [self._read(item, self.imported) for item in items]
        found = self.reward.score([(i.images[0], i.sample.prompt) for i in items])
        return [
            no_score(self, item, "failed", f"{value.kind}: {value}")
            if isinstance(value, ImageError)
            else make_score(self, item, {"reward": value})
            for item, value in zip(items, found, strict=True)
        ]

    def _read(self, item: Item, imported: Imported) -> Score:
        key = image_key(item.sample.id, item.prediction.trial)
        record = imported.by_key.get(key)
        if record is None:
            return no_score(self, item, "unavailable", f"the imported values have none of {key}")
        value = record.get("reward")
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        number = float(value) if plain and value is not None else None
        if number is None or not -100 <= number <= 100:
            why = f"{key}: its record has {value!r} in 'reward', no number from -100 to 100"
            return no_score(self, item, "failed", why)
        return make_score(self, item, {"reward": number})


def metrics(settings: ScoringSettings) -> tuple[Preference, ...]:
    """Both releases for the user's settings; loads nothing.

    `settings.weights` may give ``hpsv2_1`` and ``hpsv2`` (the released files), or
    ``hps_v2_1_values`` and ``hps_v2_values`` (JSON records with a ``reward``).
    """
    return tuple(_preference(settings, version) for version in NAMES)


def _preference(settings: ScoringSettings, version: Version) -> Preference:
    given, values = settings.weights, f"{NAMES[version]}_values"
    file = given.get(SETTINGS[version])
    reward = Reward(
        version=version, weights=Path(file).expanduser() if file else None, cache=settings.cache,
        device=settings.device,
    )  # fmt: skip
    if values not in given:
        return Preference(reward=reward)
    path = Path(given[values]).expanduser()
    imported = Imported(path=path, setting=values, cache=settings.cache)
    return Preference(reward=reward, imported=imported)
