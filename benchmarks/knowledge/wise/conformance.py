"""WISE's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.knowledge.wise import replies, tables
from benchmarks.knowledge.wise.editions import LEGACY, VERIFIED, Edition

Input = Mapping[str, Any]


def _two_decimals(value: float) -> float:
    return float(f"{value:.2f}")


def _aggregate(given: Input, edition: Edition) -> dict[str, Any]:
    """What the released script prints, two decimals, and what it reads of each file."""
    files, kind = given["files"], given["category"]
    alone = kind if len(files) == 1 else ""
    segments = [tables.official_segment(lines, edition, alone) for lines in files]
    table = tables.official_table(segments, edition, kind)
    printed = None
    if table.means is not None:
        printed = {c: [_two_decimals(mean), n] for c, (mean, n) in table.means.items()}
    row = None
    if table.overall is not None and table.means is not None:
        columns = [*(mean for mean, _ in table.means.values()), table.overall]
        row = [_two_decimals(v) for v in columns]
    return {
        "error": None,
        "overall_printed": None if row is None else row[-1],
        "table_printed": row,
        "aggregated_printed": printed,
        "aborted_incomplete": table.aborted,
        "segments": [
            None if s is None else {"scores": s.scores, "present_prompt_ids": sorted(s.ids)}
            for s in segments
        ],
    }


def _bagel_variant(given: Input) -> dict[str, Any]:
    culture = tables.bagel_means(given["culture"], 400, lambda record: "Cultural")
    space_time = tables.bagel_means(given["space_time"], 300, tables.bagel_time_or_space)
    science = tables.bagel_means(given["science"], 300, tables.bagel_science)
    return {
        "cal_culture": None if culture is None else culture["Cultural"],
        "cal_space_time": space_time,
        "cal_science": science,
        "overall_unweighted_mean": tables.bagel_overall([culture, space_time, science]),
    }


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "extract_scores": lambda given: replies.official_scores(given["reply"]),
    "extract_scores:upstream_legacy": lambda given: replies.official_scores(given["reply"]),
    "aggregate": lambda given: _aggregate(given, LEGACY),
    "bagel_variant": _bagel_variant,
}
"""Name of a recorded function -> callable from its input to what it returned."""

CONFORMANCE_VERIFIED: dict[str, Callable[[Any], Any]] = {
    "extract_scores": lambda given: replies.official_verified(given["reply"]),
    "aggregate": lambda given: _aggregate(given, VERIFIED),
}
"""The same for the vectors of WISE Verified."""
