"""The TextEdit leaderboards that were printed, as rows that a run can be set beside.

The numbers are in published.toml, one block per model and suite. Each gives two rows, both with
the classic and the judge columns: as printed, and with the permuted judge columns put right.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from evals.core.types import PublishedRow

COLUMNS: Mapping[str, str] = {
    "OA": "ocr_official.OA",
    "OP": "ocr_official.OP",
    "OR": "ocr_official.OR",
    "F1": "ocr_official.F1",
    "NED": "ocr_official.NED",
    "CLIP": "clip.CLIP",
    "AES": "aes_official.AES",
    "TA": "judge.TA_official",
    "TP": "judge.TP_official",
    "SI": "judge.SI_official",
    "LR": "judge.LR_official",
    "VC": "judge.VC_official",
    "Avg": "judge.Avg_official",
}
"""Printed heading -> column of a run; the only place that knows both."""


@cache
def published() -> tuple[PublishedRow, ...]:
    """28 rows: 7 models, 2 suites, each as printed and as corrected.

    Raises:
        ValueError: a block of published.toml does not have one number per column.
    """
    text = files("benchmarks.textedit").joinpath("published.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return tuple(
        _row(table, block, corrected) for block in table["row"] for corrected in (False, True)
    )


def _row(table: Mapping[str, Any], block: Mapping[str, Any], corrected: bool) -> PublishedRow:
    judged = block["judge_corrected" if corrected else "judge_printed"]
    values = {
        group: {
            **_named(table["classic_columns"], block["classic"][group]),
            **_named(table["judge_columns"], judged[group]),
        }
        for group in ("Real", "Virtual")
    }
    badges = table["differences"] if corrected else [table["errata"], *table["differences"]]
    return PublishedRow(
        model=block["model"],
        suite=block["suite"],
        values=values,
        source=table["source"],
        params=block["params"],
        corrected=corrected,
        judge=table["judge"],
        differences=tuple(badges),
        note=table["note_corrected" if corrected else "note_printed"],
    )


def _named(headings: Sequence[str], numbers: Sequence[float]) -> dict[str, float]:
    return {COLUMNS[h]: float(v) for h, v in zip(headings, numbers, strict=True)}
