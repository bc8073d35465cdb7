"""The samples of a suite as variants see them: groups, labels, units and shared resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evals.core.anchored import Layout
from evals.core.resample import Resamples
from evals.core.stats import Ints, codes

GroupPath = tuple[str, ...]
Bools = npt.NDArray[np.bool_]
Labels = tuple[tuple[str, str], ...]
"""Strata as pairs of name and value, sorted."""


class Frame:
    """The samples that formulas are about, with their groups, labels and shared resamples.

    Args:
        layout: of the samples.
        samples: as stored.
    """

    def __init__(self, layout: Layout, samples: Sequence[Mapping[str, Any]]) -> None:
        self.layout = layout
        self.resamples = Resamples(layout.bootstrap)
        self._samples = samples
        self._labelled: dict[Labels, Bools] = {}
        self._units: dict[str, Ints] = {}

    def labelled(self, where: Labels) -> Bools:
        """Which samples have all of these strata."""
        if where not in self._labelled:
            wanted = dict(where).items()
            self._labelled[where] = np.array(
                [wanted <= (s.get("strata") or {}).items() for s in self._samples], dtype=np.bool_
            )
        return self._labelled[where]

    def units(self, key: str) -> Ints:
        """Number of the unit that each sample is part of; one without the key is its own."""
        if key not in self._units:
            labels = [
                ("", str(s["id"])) if (own := (s.get("keys") or {}).get(key)) is None else (own,)
                for s in self._samples
            ]
            self._units[key] = codes(labels)[0]
        return self._units[key]

    def inside(self, group: GroupPath) -> Bools:
        """Which leaf groups lie below a group."""
        leaves = self.layout.leaves
        return np.array([leaf[: len(group)] == group for leaf in leaves], dtype=np.bool_)
